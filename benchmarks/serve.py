"""Many visitors at once: does each get his own sound, how long does he wait, does the server's memory stay flat?

    python -m benchmarks.serve [--visitors 20] [--seconds 120] [--port N] [--out docs/results/serve.md]

The app runs in a process of its own. Each visitor has one seed and asks, again and again, for the same bundled target
played with the same bundled source under his seed; what he gets must be what the app's callbacks give here for that
seed. Nobody begins a request after ``--seconds``; those begun are waited for. The visitors share the machine with the
server, as they would not on a real network. Exits with 1 if anything went wrong. Linux only: memory is read from /proc.

To hold it to two cores: ``taskset -c 0,1 python -m benchmarks.serve``.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from lgr_app.jobs.results import play, write_result
from lgr_app.jobs.resynthesise import settings
from lgr_app.page.limits import Limits
from lgr_app.page.sounds import clip
from torch import Tensor

from benchmarks.served import DIALS, Answer, Caller, ServedApp, served_app
from lgr.codecs import load_codec
from lgr.files import atomic_path
from lgr.sound.audio import audio_info, load_audio

TARGET, SOURCE = "violin", "steel_pan"
SAME = 1e-4  # largest difference of two renderings of one seed; full scale is 1
SAMPLE_SECONDS = 1.0
LEAVING_SECONDS = 20.0  # within which the server must have seen that a visitor left
FLAT = 0.05  # growth of memory over the last half that still counts as flat, as a part of the peak


@dataclass
class Load:
    """What was measured. Seconds and MiB."""

    visitors: int
    seconds: float  # in which requests were begun
    cores: int
    jobs_at_once: int
    target_seconds: float
    busy_before: float  # the machine's load average before: 0 where nobody else works on it
    served: int = 0
    identical: int = 0  # bit for bit what this process makes of the seed
    wrong: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    sound_median: float = 0.0  # until the sound was there
    sound_p95: float = 0.0
    whole_median: float = 0.0  # until numbers and picture were there too
    whole_p95: float = 0.0
    until_last: float = 0.0  # from the first request until the last answer
    memory: list[float] = field(default_factory=list)  # one a second
    memory_peak: float = 0.0
    memory_growth: float = 0.0  # over the last half, by a fitted line
    results_left_mib: float = 0.0  # of visitors' results, after all have left

    @property
    def faults(self) -> list[str]:
        """One sentence for everything that should not be."""
        found = [*self.errors, *self.wrong]
        if not self.served:
            found.append("nobody was served")
        if self.memory_growth > FLAT * self.memory_peak:
            found.append(f"memory grew by {self.memory_growth:.0f} MiB over the last half")
        if self.results_left_mib:
            found.append(f"{self.results_left_mib:.1f} MiB of results lie there though all have left")
        return found


def expected_sounds(seeds: range, folder: Path) -> dict[int, Tensor]:
    """What each seed's visitor must get, made by the app's own callbacks; no two of them alike."""
    codec, config = load_codec("bundled"), settings(*DIALS)
    sounds = {}
    for seed in seeds:
        result = play(clip(TARGET), [clip(SOURCE)], codec=codec, config=config, seed=seed)
        sounds[seed] = load_audio(write_result(result, folder, name=str(seed)).audio)[0]
    together = torch.stack([*sounds.values()]).flatten(1)
    apart = torch.cdist(together, together, p=float("inf")).fill_diagonal_(1.0).min()
    if apart < 100 * SAME:
        raise RuntimeError("two seeds give the same sound: nobody could tell whether visitors are mixed up")
    return sounds


def judge(load: Load, seed: int, answer: Answer, expected: dict[int, Tensor]) -> None:
    """Note whether an answer is the sound of its own seed, and if not, whose it is."""
    got = load_audio(answer.audio)[0]
    load.identical += bool(got.shape == expected[seed].shape and torch.equal(got, expected[seed]))
    like = [other for other, sound in expected.items() if got.shape == sound.shape and (got - sound).abs().max() < SAME]
    if like != [seed]:
        load.wrong.append(f"the visitor of seed {seed} got the sound of {like or 'nobody'}")


def measure(visitors: int, seconds: float, port: int | None) -> Load:
    """Serve so many visitors for so long."""
    load = Load(
        visitors=visitors,
        seconds=seconds,
        cores=len(os.sched_getaffinity(0)),
        jobs_at_once=Limits.from_environment().concurrency,
        target_seconds=audio_info(clip(TARGET)).duration_seconds,
        busy_before=os.getloadavg()[0],
    )
    seeds = range(1, visitors + 1)
    with tempfile.TemporaryDirectory() as name, served_app(port=port) as app:
        folder = Path(name)
        expected = expected_sounds(seeds, folder)
        callers = {seed: Caller(app.url, folder / f"visitor-{seed}") for seed in seeds}
        callers[1].resynthesise(clip(TARGET), [clip(SOURCE)], 1)  # the codec is loaded by the first who asks
        over = threading.Event()
        watcher = threading.Thread(target=_watch_memory, args=(app, load.memory, over))
        watcher.start()
        began = time.monotonic()
        answers: list[tuple[int, Answer]] = []

        def visit(seed: int) -> None:
            while time.monotonic() - began < seconds:
                try:
                    answers.append((seed, callers[seed].resynthesise(clip(TARGET), [clip(SOURCE)], seed)))
                except Exception as error:  # whatever the visitor would have been told
                    load.errors.append(f"seed {seed}: {type(error).__name__}: {error}")

        with ThreadPoolExecutor(visitors) as pool:
            list(pool.map(visit, seeds))
        load.until_last = time.monotonic() - began
        over.set()
        watcher.join()
        for seed, answer in answers:
            judge(load, seed, answer, expected)
        for caller in callers.values():
            caller.leave()
        load.results_left_mib = _left_when_gone(app)
    load.served = len(answers)
    if answers:
        load.sound_median, load.sound_p95 = _middle_and_late([answer.sound_seconds for _, answer in answers])
        load.whole_median, load.whole_p95 = _middle_and_late([answer.seconds for _, answer in answers])
    load.memory_peak = max(load.memory)
    load.memory_growth = _growth(load.memory[len(load.memory) // 2 :])
    return load


def _watch_memory(app: ServedApp, samples: list[float], over: threading.Event) -> None:
    while True:
        samples.append(app.memory_mib())
        if over.wait(SAMPLE_SECONDS):
            return


def _left_when_gone(app: ServedApp) -> float:
    """MiB of visitors' results that remain, once the server has had the time to see that they left."""
    deadline = time.monotonic() + LEAVING_SECONDS
    while True:
        left = sum(path.stat().st_size for path in app.temporary.glob("lgr-*/**/*") if path.is_file()) / 2**20
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.5)


def _middle_and_late(values: list[float]) -> tuple[float, float]:
    """Median and 95th percentile."""
    return statistics.median(values), sorted(values)[min(len(values) - 1, int(0.95 * len(values)))]


def _growth(samples: list[float]) -> float:
    """How much a line through equally spaced samples rises from the first to the last."""
    if len(samples) < 2:
        return 0.0
    return statistics.linear_regression(range(len(samples)), samples).slope * (len(samples) - 1)


def table(load: Load) -> list[str]:
    """Lines of Markdown."""
    rows = [
        ("visitors at once", f"{load.visitors}"),
        ("requests served", f"{load.served} ({60 * load.served / load.until_last:.1f} a minute)"),
        ("errors", f"{len(load.errors)}"),
        ("sounds of another seed", f"{len(load.wrong)}"),
        ("sounds equal bit for bit to this process's own", f"{load.identical}"),
        ("wait for the sound, median", f"{load.sound_median:.1f} s"),
        ("wait for the sound, 95th percentile", f"{load.sound_p95:.1f} s"),
        ("wait for numbers and picture too, median", f"{load.whole_median:.1f} s"),
        ("wait for numbers and picture too, 95th percentile", f"{load.whole_p95:.1f} s"),
        ("server's memory at the beginning, peak, end", " / ".join(f"{mib:.0f}" for mib in _three(load)) + " MiB"),
        ("its growth over the last half", f"{load.memory_growth:+.0f} MiB"),
        ("results left on the disk when all have left", f"{load.results_left_mib:.1f} MiB"),
    ]
    return [
        f"{load.visitors} visitors for {load.seconds:.0f} s on {load.cores} core{'s' if load.cores > 1 else ''}, which "
        f"they share with the server; {load.jobs_at_once} jobs run at once, the others wait in line. Each asks for "
        f"`{TARGET}` ({load.target_seconds:.1f} s) played with `{SOURCE}` by the bundled codec, under his own seed. "
        f"The last answer came after {load.until_last:.0f} s. Load average before the test, of others' work: "
        f"{load.busy_before:.1f}.",
        "",
        "| | |",
        "|---|---:|",
        *(f"| {what} | {value} |" for what, value in rows),
    ]


def _three(load: Load) -> tuple[float, float, float]:
    return load.memory[0], load.memory_peak, load.memory[-1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visitors", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--port", type=int, help="of the app; a free one by default")
    parser.add_argument("--out", type=Path, help="write the table to this .md file, and all numbers beside it as .json")
    arguments = parser.parse_args()
    load = measure(arguments.visitors, arguments.seconds, arguments.port)
    lines = table(load)
    print("\n".join(lines))
    for fault in load.faults:
        print(f"FAULT: {fault}", file=sys.stderr)
    if arguments.out is not None:
        command = f"python -m benchmarks.serve --visitors {load.visitors} --seconds {load.seconds:g}"
        text = "\n".join(["# Many visitors at once", "", f"`{command}`", "", *lines, *_said(load.faults)]) + "\n"
        _write(arguments.out, text)
        _write(arguments.out.with_suffix(".json"), json.dumps(_rounded(asdict(load)), indent=1) + "\n")
    return 1 if load.faults else 0


def _said(faults: list[str]) -> list[str]:
    return ["", "Faults:", *(f"- {fault}" for fault in faults)] if faults else []


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, list):
        return [_rounded(each) for each in value]
    return {key: _rounded(each) for key, each in value.items()} if isinstance(value, dict) else value


def _write(path: Path, text: str) -> None:
    with atomic_path(path, force=True, make_parents=True) as temporary:
        temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
