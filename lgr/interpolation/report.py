"""A path between two sounds with the real sounds around it, measured: paper 003's figure 1 and its numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from torch import Tensor

from lgr.codecs.base import Codec
from lgr.interpolation.interpolate import Interpolation, InterpolationConfig, interpolate
from lgr.latents.controls import Controls
from lgr.latents.path import PathConfig
from lgr.measures.transition import Spectrum, TransitionNumbers, json_numbers, measure_transition, spectrum
from lgr.progress import Progress
from lgr.sounds import Sound


@dataclass(frozen=True, kw_only=True)
class InterpolationReport:
    """What a path between two sounds is like, and what figure 1 shows of it."""

    interpolation: Interpolation
    spectrum: Spectrum
    numbers: TransitionNumbers
    names: tuple[str, str]

    @property
    def seams_seconds(self) -> tuple[float, float]:
        first, second = (seam / self.interpolation.sample_rate for seam in self.interpolation.seams)
        return first, second

    def to_json(self) -> dict[str, Any]:
        """A JSON object: what was done, the numbers, and the centroid over time."""
        return {
            "codec": self.interpolation.codec.name,
            "codec_version": self.interpolation.codec.version,
            "sample_rate": self.interpolation.sample_rate,
            "sounds": list(self.names),
            "interpolation": self.interpolation.config.to_json(),
            "ends": self.interpolation.ends,
            "walks": [runs(walk) for walk in self.interpolation.walks],
            "seams_seconds": list(self.seams_seconds),
            "numbers": self.numbers.to_json(),
            "centroid": {
                "seconds": np.round(self.spectrum.seconds, 6).tolist(),
                "hz": json_numbers(np.round(self.spectrum.centroid_hz, 3).tolist()),
            },
        }


def runs(walk: Tensor) -> list[list[int]]:
    """What a walk plays, as ``[frame of the path, frame of the sound, frames]`` of each run that it plays on for.

    Examples
    --------
    >>> import torch
    >>> from lgr.interpolation.report import runs
    >>> runs(torch.tensor([7, 8, 9, 3, 4]))
    [[0, 7, 3], [3, 3, 2]]
    """
    begins = [0, *((walk.diff() != 1).nonzero()[:, 0] + 1).tolist(), len(walk)]
    return [[at, int(walk[at]), after - at] for at, after in pairwise(begins)]


def report_of(interpolation: Interpolation, names: tuple[str, str] = ("A", "B")) -> InterpolationReport:
    """The report of an interpolation that has the real sounds around its path.

    ``ArgumentError`` where it has too little of them (``context_seconds``), or the path is too short.
    """
    first, second = (seam / interpolation.sample_rate for seam in interpolation.seams)
    return InterpolationReport(
        interpolation=interpolation,
        spectrum=spectrum(interpolation.audio, interpolation.sample_rate),
        numbers=measure_transition(interpolation.audio, interpolation.sample_rate, (first, second)),
        names=names,
    )


def interpolation_report(
    codec: Codec,
    a: Sound,
    b: Sound,
    *,
    path: PathConfig | None = None,
    seconds: float = 1.0,
    context_seconds: float = 1.0,
    endpoints: str = "edge",
    ends: str | None = None,
    level_line: bool = True,
    controls: Controls | None = None,
    seed: int = 0,
    from_seconds: float | None = None,
    to_seconds: float | None = None,
    labels: Sequence[str | None] = (),
    names: tuple[str, str] = ("A", "B"),
    progress: Progress | None = None,
) -> InterpolationReport:
    """Interpolate from ``a`` to ``b`` with the real sounds around the path, and measure it (paper 003, figure 1).

    Parameters
    ----------
    a, b : a file or (audio, sample_rate)
    path, seconds, endpoints, ends, level_line, controls, seed, from_seconds, to_seconds, labels : see
        ``lgr.interpolation.interpolate``
    context_seconds : of the real sounds, before and after
    names : of the sounds, for the report

    Raises
    ------
    ArgumentError : the sounds or the path are shorter than the numbers need

    Examples
    --------
    >>> from lgr import load_codec
    >>> from lgr.files import assets_dir
    >>> from lgr.interpolation.report import interpolation_report
    >>> clips = assets_dir() / "audio"
    >>> report = interpolation_report(load_codec("toy"), clips / "violin.flac", clips / "flute.flac")
    >>> -1 <= report.numbers.trend <= 1
    True
    """
    config = InterpolationConfig(
        path=path or PathConfig(),
        seconds=seconds,
        context_seconds=context_seconds,
        endpoints=endpoints,
        ends=ends,
        level_line=level_line,
        controls=controls or {},
    )
    interpolation = interpolate(
        [a, b],
        codec,
        config,
        seed=seed,
        from_seconds=from_seconds,
        to_seconds=to_seconds,
        labels=labels,
        progress=progress,
    )
    return report_of(interpolation, names)
