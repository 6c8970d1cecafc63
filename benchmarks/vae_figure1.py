"""Paper 003's figure 1: from one real texture to another through a second of interpolation, two models side by side.

The paper chose its pairs by ear. Here a rule chooses them among one-second windows of recordings that no model heard:

- the sea and rain: from the loudest second (crashing, heavy) to the quietest (calm, light)
- thunder: from the second with the lowest spectral centroid of those within 12 dB of the loudest (deep) to the quietest

The quietest is the quietest above -60 dB under full scale, and of another source group than the first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.vae_held_out import HeldOutClip
from benchmarks.vae_runs import SAMPLE_RATE, Setup, check_never_heard, shipped, trained
from benchmarks.vae_scores import markdown, number
from benchmarks.vae_textures import CLASSES, run_of, texture_clips
from lgr.cli.support.interpolation_results import numbers_lines
from lgr.codecs.trained import TrainedCodec
from lgr.errors import ArgumentError
from lgr.interpolation.report import InterpolationReport, interpolation_report
from lgr.train.material import short_name

MODELS = {"NoiseBand": ("textures-noiseband", "noiseband"), "EncodecVAE-16": ("textures-encodec16", "encodec-vae 16")}
NAMES = {"sea_waves": ("crashing", "calm"), "rain": ("heavy", "light"), "thunderstorm": ("deep", "quiet")}
QUIETEST_DB = -60.0  # RMS under full scale
NEAR_DB = 12.0  # how far under the loudest second deep thunder is looked for


@dataclass(frozen=True, kw_only=True)
class Second:
    """A second-long window of a held-out clip."""

    clip: HeldOutClip
    start: int  # samples
    level_db: float  # RMS under full scale
    centroid_hz: float

    def told(self) -> str:
        name, at = short_name(self.clip.path), self.start / SAMPLE_RATE
        return f"{name} from {at:g} s ({self.level_db:.0f} dB, centroid {self.centroid_hz:.0f} Hz)"


def seconds_of(clips: Sequence[HeldOutClip]) -> list[Second]:
    """All windows of a second, half a second apart."""
    found = []
    for clip in clips:
        for start in range(0, clip.audio.shape[0] - SAMPLE_RATE + 1, SAMPLE_RATE // 2):
            piece = clip.audio[start : start + SAMPLE_RATE]
            level = 10 * float(torch.log10(piece.square().mean() + 1e-12))
            found.append(Second(clip=clip, start=start, level_db=level, centroid_hz=centroid_hz(piece)))
    return found


def centroid_hz(piece: Tensor) -> float:
    """Centre of the magnitude spectrum of ``(samples,)``."""
    magnitude = torch.fft.rfft(piece * torch.hann_window(piece.shape[0])).abs()
    hz = torch.linspace(0, SAMPLE_RATE / 2, magnitude.shape[0])
    return float((hz * magnitude).sum() / magnitude.sum().clamp(min=1e-12))


def choose_pair(name: str, clips: Sequence[HeldOutClip]) -> tuple[Second, Second]:
    """The two ends for a class (see the module); ``ArgumentError`` where there are not two sources to choose from."""
    heard = [second for second in seconds_of(clips) if second.level_db > QUIETEST_DB]
    if len({second.clip.group for second in heard}) < 2:
        raise ArgumentError(f"clips must hold audible seconds of two sources of {name}, got {len(heard)} seconds")
    first = max(heard, key=lambda second: second.level_db)
    if name == "thunderstorm":
        loud = [second for second in heard if second.level_db >= first.level_db - NEAR_DB]
        first = min(loud, key=lambda second: second.centroid_hz)
    others = [second for second in heard if second.clip.group != first.clip.group]
    return first, min(others, key=lambda second: second.level_db)


def between(codec: TrainedCodec, pair: tuple[Second, Second], names: tuple[str, str]) -> InterpolationReport:
    """A real second, a second of straight path, a real second: the paper's, whose ends are held."""
    first, second = pair
    leave, arrive = (first.start + SAMPLE_RATE) / SAMPLE_RATE, second.start / SAMPLE_RATE
    sounds = [(each.clip.audio[None], SAMPLE_RATE) for each in pair]
    return interpolation_report(
        codec, *sounds, from_seconds=leave, to_seconds=arrive, names=names, ends="held", level_line=False
    )


def figure1(setup: Setup, pictures: Path) -> tuple[dict[str, Any], str]:
    """Pictures ``vae_figure1_CLASS.png`` in a folder, and the numbers of every path."""
    clips = texture_clips(setup)
    codecs = _codecs(setup, [clip.path for found in clips.values() for clip in found])
    if not codecs:
        raise ArgumentError(f"there must be a model to interpolate with, got none in {setup.models} and {setup.work}")
    result: dict[str, Any] = {"models": {called: codec.info.name for called, codec in codecs.items()}}
    told = [HEAD]
    for name in CLASSES:
        pair = choose_pair(name, clips[name])
        reports = {called: between(codec, pair, NAMES[name]) for called, codec in codecs.items()}
        picture = pictures / f"vae_figure1_{name}.png"
        _draw(picture, name, reports)
        result[name] = {
            "from": pair[0].told(),
            "to": pair[1].told(),
            "picture": picture.name,
            **{called: report.numbers.to_json() for called, report in reports.items()},
        }
        told.append(_text(name, pair, reports, picture.name))
        print(name, {called: numbers_lines(report) for called, report in reports.items()}, flush=True)
    return result, "".join(told)


def _codecs(setup: Setup, paths: Sequence[str]) -> dict[str, TrainedCodec]:
    """The shipped models, or in their place those of the combined table."""
    found: dict[str, TrainedCodec] = {}
    for called, (name, model) in MODELS.items():
        codec, folder = shipped(name, setup), setup.models / name
        if codec is None:
            run = run_of(model, CLASSES)
            fresh = trained(run, setup)
            codec, folder = (None if fresh is None else fresh.codec), setup.work / run.name
        if codec is not None:
            check_never_heard(folder, paths)
            found[called] = codec
    return found


def _draw(path: Path, name: str, reports: dict[str, InterpolationReport]) -> None:
    from lgr.plots import PathPanel, plot_paths, save_figure

    panels = [
        PathPanel(
            title=called,
            audio=report.interpolation.audio.mean(0).numpy(),
            sample_rate=report.interpolation.sample_rate,
            seams_seconds=report.seams_seconds,
            centroid_seconds=report.spectrum.seconds,
            centroid_hz=report.spectrum.centroid_hz,
            names=report.names,
        )
        for called, report in reports.items()
    ]
    save_figure(plot_paths(panels, title=name.replace("_", " ")), path, force=True)


HEAD = """# Between two textures: paper 003's figure 1

A real second, a second of straight path between its last atom and the first of the other, a real second; none of the
recordings trained a model. Which seconds is a rule's choice (`benchmarks/vae_figure1.py`). 1 is no seam for `jump` (of
the centroid, over the usual one) and for `flux` (at the seam over inside the path); `variation` is the path's centroid
over the real segments'; `trend` is the correlation of the centroid with time, positive towards the second sound.
"""


def _text(name: str, pair: tuple[Second, Second], reports: dict[str, InterpolationReport], picture: str) -> str:
    header = ("", "jump, Hz", "jump", "variation", "trend", "steps forward", "flux")
    rows = []
    for called, report in reports.items():
        n = report.numbers
        rows.append(
            (
                called,
                " / ".join(f"{hz:+.0f}" for hz in n.jump_hz),
                " / ".join(number(x, 1) for x in n.relative_jump),
                number(n.relative_variation),
                number(n.trend),
                number(n.steps_forward),
                " / ".join(number(x, 1) for x in n.relative_flux),
            )
        )
    ends = f"From {pair[0].told()} to {pair[1].told()}."
    return f"\n## {name.replace('_', ' ')}\n\n{ends}\n\n![{name}]({picture})\n\n{markdown(header, rows)}"
