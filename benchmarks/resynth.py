"""How long a whole resynthesis takes and where the time goes, what an hour costs, and how fast every codec is.

    python -m benchmarks.resynth [--threads 2] [--repeats 3] [--hour] [--out docs/results/resynth.md]

Everything is played with sounds made of the clips in ``assets/audio``, at varied speeds, so no other data is needed:
mono FLAC files at 44.1 kHz. Each turn is a process of its own, whose clock starts when everything is imported; the best
turn by its total counts. Takes about two minutes; ``--hour`` adds some more, and takes
4 GiB of memory and 2 GiB of disk.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lgr.codebook import GrainCodebook
from lgr.codecs import load_codec
from lgr.codecs.base import Codec
from lgr.codecs.registry import DOWNLOADED, codec_card
from lgr.files import assets_dir, atomic_path
from lgr.resynth import resynthesise
from lgr.sound.audio import load_audio, resample, save_audio
from lgr.sources import build_codebook

ROOT = Path(__file__).resolve().parents[1]
RATE = 44_100
FILE_SECONDS = 60.0
CODEC_SECONDS = 5.0
SLOW_SECONDS = 3.0
STAGES = (
    "load codec",
    "encode sources",
    "open codebook",
    "build vectors",
    "encode target",
    "match",
    "decode",
    "write",
)


# Material


def collage(seconds: float, seed: int) -> Tensor:
    """(1, samples): the bundled clips in random order, each at a random speed, until the time is up."""
    generator = torch.Generator().manual_seed(seed)
    clips = sorted((assets_dir() / "audio").glob("*.flac"))
    pieces: list[Tensor] = []
    missing = round(seconds * RATE)
    while missing > 0:
        for i in torch.randperm(len(clips), generator=generator).tolist():
            audio, rate = load_audio(clips[i], channels=1)
            speed = 2 ** float(torch.rand(1, generator=generator) - 0.5)
            pieces.append(resample(audio, round(rate * speed), RATE)[:, : max(missing, 0)])
            missing -= pieces[-1].shape[1]
    return torch.cat(pieces, 1).clamp(-0.999, 0.999)  # resampling overshoots a little


def make_files(folder: Path, seconds: float, first_seed: int) -> list[Path]:
    """Files of a minute each that last ``seconds`` together."""
    folder.mkdir()
    return [
        save_audio(folder / f"{i:03}.flac", collage(FILE_SECONDS, first_seed + i), RATE)
        for i in range(round(seconds / FILE_SECONDS))
    ]


# One run, in a process of its own


def run_once(target: str, sources: list[str], codebook: str, out: str, threads: int) -> dict[str, float]:
    """Seconds of each stage of what ``lgr resynth`` does, and the peak memory of this process in MiB."""
    torch.set_num_threads(threads)
    # what is imported when it is first used
    for name in ("lgr.codecs.bundled", "lgr.codebook.files"):
        import_module(name)
    spent = dict.fromkeys(STAGES, 0.0)
    mark = time.perf_counter()

    def done(stage: str) -> None:
        nonlocal mark
        now = time.perf_counter()
        spent[stage] += now - mark
        mark = now

    at_work = "encode target"  # read, too

    def progress(what: str, _done: int, _of: int) -> None:
        nonlocal at_work
        stage = {"matching": "match", "decoding": "decode"}.get(what, at_work)
        if stage != at_work:
            done(at_work)
            at_work = stage

    codec = load_codec("bundled")
    done("load codec")
    if codebook and not sources:
        book = GrainCodebook.load(codebook, codec.info)
        done("open codebook")
    else:
        book = build_codebook(sources, codec)
        done("encode sources")
    book.vectors_  # noqa: B018  (made when first read)
    done("build vectors")
    result = resynthesise(target, book, codec=codec, progress=progress)
    done("decode")
    result.save(out, force=True)
    done("write")
    total = sum(spent.values())
    if codebook and sources:
        book.save(codebook)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {**spent, "total": total, "peak_mib": peak, "grains": len(book)}


def in_a_process(repeats: int, **arguments: Any) -> dict[str, float]:
    """The best of ``repeats`` runs by total time."""
    command = [sys.executable, "-m", "benchmarks.resynth", "--once", json.dumps(arguments)]
    runs = []
    for _ in range(repeats):
        said = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
        runs.append(json.loads(said))
    return min(runs, key=lambda run: run["total"])


def best_wall(command: list[str], repeats: int) -> float:
    """Wall seconds of the fastest of some runs of a command."""
    best = float("inf")
    for _ in range(repeats):
        began = time.perf_counter()
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        best = min(best, time.perf_counter() - began)
    return best


# The tables, line by line


def whole_jobs(folder: Path, threads: int, repeats: int) -> Iterator[str]:
    target = save_audio(folder / "target.flac", collage(60, 1), RATE)
    sources = make_files(folder / "sources", 600, 100)
    out, book = folder / "out.wav", folder / "sources.codebook"
    files = {"target": str(target), "out": str(out), "threads": threads}
    # the first run also saves the codebook, after its clock has stopped
    names = [str(each) for each in sources]
    in_a_process(1, **files, sources=names, codebook=str(book))
    fresh = in_a_process(repeats, **files, sources=names, codebook="")
    saved = in_a_process(repeats, **files, sources=[], codebook=str(book))
    yield f"A target of 60 s, sources of 10 minutes ({fresh['grains']:,} grains), codec bundled, seconds after imports:"
    yield ""
    yield "| stage | from recordings | from a saved codebook |"
    yield "|---|---:|---:|"
    for stage in STAGES:
        yield f"| {stage} | {fresh[stage]:.2f} | {saved[stage]:.2f} |"
    yield f"| **total** | **{fresh['total']:.2f}** | **{saved['total']:.2f}** |"
    yield f"| peak memory, MiB | {fresh['peak_mib']:.0f} | {saved['peak_mib']:.0f} |"
    lgr = [sys.executable, "-m", "lgr"]
    command = [*lgr, "resynth", "-t", str(target), "-o", str(out), "--force"]
    walls = [best_wall([*command, str(what)], repeats) for what in (folder / "sources", book)]
    yield f"| the command `lgr resynth`, imports included | {walls[0]:.2f} | {walls[1]:.2f} |"
    yield ""
    yield f"`lgr --help`: {best_wall([*lgr, '--help'], max(5, repeats)):.2f} s."


def an_hour(folder: Path, threads: int) -> Iterator[str]:
    target = save_audio(folder / "hour.flac", collage(3600, 5000), RATE)
    sources = make_files(folder / "hour", 3600, 6000)
    names = [str(each) for each in sources]
    found = in_a_process(
        1, target=str(target), sources=names, codebook="", out=str(folder / "hour.wav"), threads=threads
    )
    stages = ", ".join(f"{stage} {found[stage]:.1f}" for stage in STAGES if found[stage] >= 0.05)
    yield (
        f"An hour of target with an hour of sources ({found['grains']:,.0f} grains): {found['total']:.0f} s, "
        f"peak memory {found['peak_mib'] / 1024:.2f} GiB ({stages} s)."
    )


def codecs(threads: int, repeats: int) -> Iterator[str]:
    torch.set_num_threads(threads)
    yield f"Codecs: how many times faster than real time, on {CODEC_SECONDS:g} s of mono (48 kHz EnCodec: stereo):"
    yield ""
    yield "| codec | encode | decode | weights |"
    yield "|---|---:|---:|---|"
    yield codec_line("bundled", load_codec("bundled"), "in the repository", repeats)
    for name, row in DOWNLOADED.items():
        factory: Any = row.open_factory()
        if hasattr(factory, "random"):
            yield codec_line(name, factory.random(**row.fixed), "random (seeded), which cost the same", repeats)
        elif codec_card(name).present:
            yield codec_line(name, load_codec(name), "published", repeats)
        else:
            yield f"| {name} | | | not found on this machine (set LGR_WEIGHTS) |"


def codec_line(name: str, codec: Codec, weights: str, repeats: int) -> str:
    info = codec.info
    audio = resample(collage(CODEC_SECONDS, 7), RATE, info.sample_rate).expand(info.channels, -1)[None]
    codec.decode(codec.encode(audio[..., : info.sample_rate]))  # warm
    latents = codec.encode(audio)
    encode, decode = (best_call(call, repeats) for call in (lambda: codec.encode(audio), lambda: codec.decode(latents)))
    return f"| {name} | {CODEC_SECONDS / encode:.1f} | {CODEC_SECONDS / decode:.1f} | {weights} |"


def best_call(call: Callable[[], object], repeats: int) -> float:
    """Wall seconds of the fastest of some calls; a slow one, of which noise is a small part, is not repeated."""
    best = float("inf")
    for _ in range(repeats):
        began = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - began)
        if best > SLOW_SECONDS:
            break
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--hour", action="store_true", help="also an hour of target with an hour of sources")
    parser.add_argument("--out", type=Path, help="also write the tables to this .md file")
    parser.add_argument("--once", help=argparse.SUPPRESS)  # what a turn's process is started with
    arguments = parser.parse_args()
    if arguments.once is not None:
        print(json.dumps(run_once(**json.loads(arguments.once))))
        return
    lines = []

    def tell(line: str) -> None:
        lines.append(line)
        print(line, flush=True)

    tell(f"{arguments.threads} threads, best of {arguments.repeats} turns, torch {torch.__version__}.")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        parts = [whole_jobs(folder, arguments.threads, arguments.repeats)]
        if arguments.hour:
            parts.append(an_hour(folder, arguments.threads))
        for part in (*parts, codecs(arguments.threads, arguments.repeats)):
            tell("")
            for line in part:
                tell(line)
    if arguments.out is not None:
        with atomic_path(arguments.out, force=True, make_parents=True) as path:
            path.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
