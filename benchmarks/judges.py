"""Judges of sound that others made, beside our own figures: ViSQOL (Chinen et al. 2020), which foretells listeners' marks.

    python -m benchmarks.judges --data MANIFEST [--codec NAME ...] [--clips N] [--out FILE.md]

ViSQOL 3 in its audio mode, at 48 kHz, as the package `visqol-python` has it (pip install visqol-python): 1 is bad, 4.73
is what a sound scores against itself. Of every category as many held-out recordings as ``--clips`` (half a second or
more long, their first six seconds), through every codec; means by category.
"""

import argparse
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.codec import SECONDS, held_out_clips, round_trip
from lgr.codecs import load_codec
from lgr.errors import MissingPackageError
from lgr.sound.audio import load_audio

JUDGE_RATE = 48000
LEAST_SECONDS = 1.2  # ViSQOL's patches need as much


def visqol() -> Any:
    """The judge: ``judge(reference, estimate, sample_rate)`` of two ``(samples,)``, a mark from 1 to 5."""
    try:
        from visqol import VisqolApi
    except ImportError as error:
        raise MissingPackageError("benchmarks.judges needs ViSQOL: pip install visqol-python") from error
    import soxr

    api = VisqolApi()
    api.create(mode="audio")

    def judge(reference: NDArray[np.float32], estimate: NDArray[np.float32], sample_rate: int) -> float:
        n = min(len(reference), len(estimate))
        pair = [soxr.resample(x[:n].astype(np.float64), sample_rate, JUDGE_RATE) for x in (reference, estimate)]
        return float(api.measure_from_arrays(*pair, JUDGE_RATE).moslqo)

    return judge


def heard(path: str, sample_rate: int) -> Tensor:
    """The beginning of a recording, ``(samples,)``, completed with silence to what the judge needs."""
    audio = load_audio(path, sample_rate=sample_rate, channels=1)[0][0, : int(SECONDS * sample_rate)]
    return torch.nn.functional.pad(audio, (0, max(0, int(LEAST_SECONDS * sample_rate) - audio.shape[0])))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--codec", nargs="+", default=["spectral", "bundled", "soundstream"])
    parser.add_argument("--credits", type=Path, default=Path("assets/audio/credits.csv"))
    parser.add_argument("--clips", type=int, default=6)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    judge = visqol()
    by_category = defaultdict(list)
    for clip in held_out_clips(options.data, options.credits, every_licence=True):
        if len(by_category[clip.category]) < options.clips and load_audio(clip.path)[0].shape[1] > 12000:
            by_category[clip.category].append(clip)
    lines = ["| codec | " + " | ".join(by_category) + " |", "|---" + "|---:" * len(by_category) + "|"]
    for name in options.codec:
        codec = load_codec(name)
        marks = []
        for clips in by_category.values():
            found = []
            for clip in clips:
                audio = heard(clip.path, codec.info.sample_rate)
                found.append(judge(audio.numpy(), round_trip(codec, audio).numpy(), codec.info.sample_rate))
            marks.append(float(np.mean(found)))
        lines.append(f"| {codec.info.name} | " + " | ".join(f"{mark:.2f}" for mark in marks) + " |")
        print(lines[-1], flush=True)
    text = "\n".join(lines)
    print(text)
    if options.out:
        options.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
