"""Live resynthesis on one core: delay, time a step, and what the search for grains misses.

    python -m benchmarks.live --data MANIFEST [--codec NAME ...] [--minutes 60] [--seconds 60]
        [--hop-frames 2] [--out FILE.md]

Recordings of the manifest, in an order that is drawn, until so many minutes are together; what comes in is the bundled
drum loop and the bundled reader. *Delay* is by construction: a sound card adds its own. A step takes as many latent
frames as there are from one choice to the next; *load* is its time over theirs.

*Recall* is of the nearest grain, *mass* the share of all probability that lies on the grains that the search looked
through (temperature .05, pitch .7, continuity left out), over all frames of what comes in; *search* and *exact* are the
times of one look through the inverted file and through every grain, in this run.
"""

import argparse
import time
from pathlib import Path

import torch

from lgr.codecs import load_codec
from lgr.files import assets_dir
from lgr.live import LiveConfig, LiveLoop, Material, live_loop
from lgr.live.latency import Latency, measure
from lgr.sound.audio import audio_info, load_audio
from lgr.train.data import read_manifest

CLIPS = ("drum_loop", "speech_reader")
TEMPERATURE = 0.05


def some_sounds(manifest: Path, minutes: float) -> list[Path]:
    """Recordings of so many minutes together, in a drawn order; all there are where these are fewer."""
    clips = read_manifest(manifest)
    order = torch.randperm(len(clips), generator=torch.Generator().manual_seed(0)).tolist()
    found, left = [], 60 * minutes
    for i in order:
        if left <= 0:
            break
        seconds = audio_info(clips[i].path).duration_seconds
        if seconds > 0.2:
            found.append(Path(clips[i].path))
            left -= seconds
    return found


def searched(loop: LiveLoop, material: Material, audio: torch.Tensor) -> tuple[float, float, float, float]:
    """Recall, mass, and milliseconds of a search and of an exact one."""
    queries: list[torch.Tensor] = []
    asked = loop._asked

    def kept(*arguments: object) -> tuple[torch.Tensor, torch.Tensor]:
        found = asked(*arguments)  # type: ignore[arg-type]
        queries.append(found[0])
        return found

    loop._asked = kept  # type: ignore[method-assign, assignment]
    loop.step(None, audio, material, LiveConfig(), flush=True)
    loop._asked = asked  # type: ignore[method-assign]
    file = material.file
    right, mass = 0, 0.0
    times = {"search": 0.0, "exact": 0.0}
    for query in queries:
        begun = time.perf_counter()
        place, product, _ = file.nearest(query, material.cells)
        middle = time.perf_counter()
        every = file.rows @ query
        times["exact"] += time.perf_counter() - middle
        times["search"] += middle - begun
        right += float(every[place[product.argmax()]]) >= float(every.max()) - 1e-6
        log_p = torch.log_softmax(every.double() / TEMPERATURE, 0)
        mass += float(log_p[place].exp().sum())
    n = len(queries)
    return right / n, mass / n, 1000 * times["search"] / n, 1000 * times["exact"] / n


def row(found: Latency, recall: float, mass: float, search: float, exact: float) -> str:
    cells = (
        found.codec,
        f"{found.grains:,}",
        f"{found.delay_ms:.1f}",
        f"{found.median_ms:.2f} / {found.p99_ms:.2f} / {found.worst_ms:.1f}",
        f"{found.real_time:.0%}",
        f"{found.late} of {found.steps}",
        f"{found.memory_mib:.0f} ({found.growth_mib:+.1f})",
        f"{recall:.3f}",
        f"{mass:.3f}",
        f"{search:.2f} / {exact:.2f}",
    )
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--codec", nargs="+", default=["bundled", "spectral"])
    parser.add_argument("--hop-frames", type=int, default=2, help="frames between choices")
    parser.add_argument("--minutes", type=float, default=60.0, help="of recordings to play with")
    parser.add_argument("--seconds", type=float, default=60.0, help="to play")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    header = (
        "codec", "grains", "delay, ms", "a step, ms: median / 99 % / worst", "load", "late", "memory, MiB (growth)",
        "recall", "mass", "search / exact, ms",
    )  # fmt: skip
    lines = ["| " + " | ".join(header) + " |", "|---" + "|---:" * (len(header) - 1) + "|"]
    for name in options.codec:
        codec = load_codec(name)
        sounds = some_sounds(options.data, options.minutes)
        loop, material = live_loop(sounds, codec, hop_frames=options.hop_frames)
        rate = codec.info.sample_rate
        files = [assets_dir() / "audio" / f"{clip}.flac" for clip in CLIPS]
        audio = torch.cat([load_audio(file, sample_rate=rate, channels=1)[0][0] for file in files])
        found = measure(loop, material, audio, seconds=options.seconds)
        lines.append(row(found, *searched(loop, material, audio)))
        print(lines[-1], flush=True)
    text = "\n".join(lines) + f"\n\nA choice every {options.hop_frames} frames; one core, torch {torch.__version__}.\n"
    print(text)
    if options.out:
        options.out.write_text(text)


if __name__ == "__main__":
    main()
