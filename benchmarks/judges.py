"""Judges of sound that others made, beside our own figures: ViSQOL, and a Fréchet distance over musicnn's embedding.

    python -m benchmarks.judges --data MANIFEST [--codec NAME ...] [--judge NAME ...] [--clips N] [--out FILE.md]

Held-out recordings (half a second or more long, their first six seconds) through every codec, a row each. One more row
is what listening tests put in to be heard as bad: all above 3.5 kHz taken away (the low anchor of ITU-R BS.1534).

*ViSQOL* 3 (Chinen et al. 2020), which foretells listeners' marks, in its audio mode, at 48 kHz, as the package
`visqol-python` has it (`lgr.judges.visqol`): 1 is bad, 4.73 is what a sound scores against itself. Means by
category, of ``--clips`` recordings each.

*Fréchet* is the distance between the embeddings of recordings and of their round trips, patches of 3 s, one a second
(`lgr.judges.musicnn` says what the embedding is): 0 is no change. It has no unit, falls with
the number of recordings (SoundStream's: 3.5 from half of them, 2.7 from all), and so is of up to ``--frechet-clips``
of each category and compared within one table only. `lgr.measures.frechet.frechet_extrapolated` does not fit: it takes
sets that are drawn apart, where these come in pairs, whose bias is far smaller (of two equal sets it says -1.0 in their
first 50 principal components, the plain distance 0); and of 200 numbers it wants 800 patches.
"""

import argparse
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks.codec import CLIPS_A_CATEGORY, SECONDS, held_out_clips, round_trip
from lgr.codecs import load_codec
from lgr.judges import judge, load_judge, musicnn
from lgr.measures.frechet import frechet_distance
from lgr.sound.audio import load_audio
from lgr.train.data import Clip

REFERENCE_RATE = 24000  # what all recordings of the corpus have; a codec of a lower rate loses what is above its own
LEAST_SECONDS = 1.0  # ViSQOL's patches need 0.9
ANCHOR_HZ, ANCHOR_RATE, ANCHOR_ORDER = 3500, 24000, 8
Through = Callable[[Tensor], Tensor]  # what is judged, ``(samples,)`` to as many


def heard(path: str, sample_rate: int, least_seconds: float = 0.0) -> Tensor:
    """The beginning of a recording, ``(samples,)``, completed with silence to ``least_seconds``."""
    audio = load_audio(path, sample_rate=sample_rate, channels=1)[0][0, : int(SECONDS * sample_rate)]
    return torch.nn.functional.pad(audio, (0, max(0, int(least_seconds * sample_rate) - audio.shape[0])))


def anchor(audio: Tensor) -> Tensor:
    """``(samples,)`` at ``ANCHOR_RATE`` behind a low-pass of no phase."""
    from scipy.signal import butter, sosfiltfilt

    sections = butter(ANCHOR_ORDER, ANCHOR_HZ, fs=ANCHOR_RATE, output="sos")
    return torch.from_numpy(sosfiltfilt(sections, audio.double().numpy()).copy()).float()


def mark(clips: list[Clip], through: Through, sample_rate: int) -> float:
    """ViSQOL's mean mark of some recordings, against them at ``REFERENCE_RATE`` whatever the codec's own rate is."""
    marks = []
    for clip in clips:
        reference = heard(clip.path, REFERENCE_RATE, LEAST_SECONDS)
        estimate = through(heard(clip.path, sample_rate, LEAST_SECONDS))
        marks.append(judge("visqol-audio", estimate, sample_rate, reference, REFERENCE_RATE)["visqol_audio"])
    return float(np.mean(marks))


def embedded(
    network: musicnn.Musicnn, clips: list[Clip], sample_rate: int, through: Through = lambda audio: audio
) -> Tensor:
    """The embedding of recordings, or of what has become of them: ``(patches of all, 200)``."""
    return torch.cat([network.embed(through(heard(clip.path, sample_rate)), sample_rate) for clip in clips])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--codec", nargs="+", default=["spectral", "bundled", "soundstream"])
    parser.add_argument("--judge", nargs="+", choices=["visqol", "frechet"], default=["visqol", "frechet"])
    parser.add_argument("--credits", type=Path, default=Path("assets/audio/credits.csv"))
    parser.add_argument("--clips", type=int, default=6, help="of each category, for ViSQOL")
    parser.add_argument("--frechet-clips", type=int, default=CLIPS_A_CATEGORY, help="of each category, for Fréchet")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    visqol = "visqol" in options.judge
    if visqol:
        load_judge("visqol-audio")  # that it is missing is told before the recordings are read
    network = musicnn.load_musicnn() if "frechet" in options.judge else None
    by_category = defaultdict(list)
    for clip in held_out_clips(options.data, options.credits, every_licence=True):
        if load_audio(clip.path)[0].shape[1] > 12000:
            by_category[clip.category].append(clip)
    many = [clip for clips in by_category.values() for clip in clips[: options.frechet_clips]]
    columns = list(by_category) if visqol else []
    if network:
        reference = embedded(network, many, musicnn.SAMPLE_RATE)
        columns.append(f"Fréchet ({len(many)} recordings, {len(reference)} patches)")
    lines = ["| codec | " + " | ".join(columns) + " |", "|---" + "|---:" * len(columns) + "|"]
    for name in [*options.codec, None]:
        if name:
            codec = load_codec(name)
            title, rate, through = codec.info.name, codec.info.sample_rate, partial(round_trip, codec)
        else:
            title, rate, through = f"(low-passed at {ANCHOR_HZ} Hz)", ANCHOR_RATE, anchor
        figures = [mark(clips[: options.clips], through, rate) for clips in by_category.values() if visqol]
        if network:
            figures.append(frechet_distance(reference, embedded(network, many, rate, through)))
        lines.append(f"| {title} | " + " | ".join(f"{figure:.2f}" for figure in figures) + " |")
        print(lines[-1], flush=True)
    text = "\n".join(lines)
    print(text)
    if options.out:
        options.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
