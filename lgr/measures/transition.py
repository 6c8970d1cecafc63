"""How good a transition between two sounds is, in numbers: what paper 003 (6.2) leaves to the eye.

The paper looks at "smooth transition in both the STFT and spectral centroid", at "relatively large jumps in Spectral
Centroid as the interpolation segment begins", and whether the middle "reflects the fluctuations" of the real segments.
Each becomes a number here, and each is told beside what the same measure gives where nothing was put together.

Windows are Hann, ``WINDOW_SECONDS`` long and a quarter apart. A frame belongs to a segment if its window lies wholly in
it. In textures the centroid flickers from frame to frame, so a jump is taken between means over ``SEAM_SECONDS``.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lgr.errors import ArgumentError, check_shape

WINDOW_SECONDS = 0.04
SEAM_SECONDS = 0.1
CENTROID_FLOOR_DB = -100.0  # frames below this level (dB under full scale) have no centroid
RANGE_DB = 80.0  # flux looks no further down than this under the loudest point
STILL_HZ = 1.0  # a typical change below this counts as this: a steady tone's is only rounding

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Spectrum:
    """Magnitudes of a mono signal's frames, full-scale sine = 1."""

    magnitude: Array  # (bins, frames)
    frequency_hz: Array  # (bins,)
    seconds: Array  # (frames,), middle of each window
    window_seconds: float

    @property
    def centroid_hz(self) -> Array:
        """Spectral centroid ``sum(f m) / sum(m)`` of each frame, NaN in silence, ``(frames,)``."""
        total = self.magnitude.sum(0)
        audible = np.sqrt(np.square(self.magnitude).sum(0)) > 10 ** (CENTROID_FLOOR_DB / 20)
        weighted = self.frequency_hz @ self.magnitude
        return np.where(audible, weighted / np.where(total > 0, total, 1.0), np.nan)

    @property
    def flux_db(self) -> Array:
        """RMS change of the log spectrum from each frame to the next, dB, ``(frames - 1,)``."""
        floor = max(float(self.magnitude.max()) * 10 ** (-RANGE_DB / 20), 1e-12)
        level = 20 * np.log10(np.maximum(self.magnitude, floor))
        return np.asarray(np.sqrt(np.square(np.diff(level, axis=1)).mean(0)))


def spectrum(audio: Tensor, sample_rate: int) -> Spectrum:
    """Frames of ``audio`` (samples,) or (channels, samples), channels mixed; windows lie wholly in the signal."""
    mono = audio.detach().double().cpu()
    mono = mono.mean(0) if mono.ndim == 2 else mono
    window = 2 * max(8, round(sample_rate * WINDOW_SECONDS / 2))
    hop = window // 4
    ok = mono.ndim == 1 and len(mono) >= window
    check_shape("audio", audio.shape, f"(samples,) or (channels, samples) of at least {window} samples", ok)
    shape = torch.hann_window(window, periodic=True, dtype=torch.float64)
    frames = torch.fft.rfft(mono.unfold(0, window, hop) * shape).abs() / (shape.sum() / 2)
    n = frames.shape[0]
    return Spectrum(
        magnitude=frames.T.numpy(),
        frequency_hz=np.fft.rfftfreq(window, 1 / sample_rate).astype(np.float64),
        seconds=(np.arange(n) * hop + window / 2) / sample_rate,
        window_seconds=window / sample_rate,
    )


@dataclass(frozen=True, kw_only=True)
class TransitionNumbers:
    """The numbers of one transition. NaN (JSON null) where there was nothing to measure, as in silence.

    Attributes
    ----------
    jump_hz : change of the centroid over the first and the second seam, signed: mean of ``SEAM_SECONDS`` after less
        mean of ``SEAM_SECONDS`` before
    relative_jump : its size over the median size of the same measure where there is no seam: all along the two real
        segments, or all along the path where that is larger (a path must move to arrive); 1 is no seam
    variation_hz_per_second : total variation of the centroid along the path, over its time
    real_variation_hz_per_second : the mean of the same for the two real segments
    relative_variation : the one over the other; below 1 the path is smoother than sound, above 1 rougher
    trend : Spearman's correlation of the centroid with time along the path, positive where it goes from A's mean to B's
    steps_forward : share of the steps in that direction, of the centroid smoothed over ``SEAM_SECONDS``
    seam_flux_db : mean change of the log spectrum from frame to frame where a window touches the first, second seam
    inside_flux_db, real_flux_db : the same inside the path, and in the two real segments
    relative_flux : seam over inside; 1 is no seam
    """

    jump_hz: tuple[float, float]
    relative_jump: tuple[float, float]
    variation_hz_per_second: float
    real_variation_hz_per_second: float
    relative_variation: float
    trend: float
    steps_forward: float
    seam_flux_db: tuple[float, float]
    inside_flux_db: float
    real_flux_db: float
    relative_flux: tuple[float, float]

    def to_json(self) -> dict[str, Any]:
        """A JSON object: NaN, which JSON does not have, is null."""
        return {name: json_numbers(value) for name, value in asdict(self).items()}


def measure_transition(audio: Tensor, sample_rate: int, seams_seconds: Sequence[float]) -> TransitionNumbers:
    """Measure a sound in which a path goes from ``seams_seconds[0]`` to ``seams_seconds[1]`` between two others.

    ``ArgumentError`` unless all three parts are long enough for their numbers, three times ``SEAM_SECONDS``.

    Examples
    --------
    >>> import torch
    >>> from lgr.measures.transition import measure_transition
    >>> seconds = torch.arange(3 * 24000) / 24000
    >>> hz = 400 + 400 * (seconds - 1).clamp(0, 1)  # rises in the second second
    >>> numbers = measure_transition(torch.sin(2 * torch.pi * torch.cumsum(hz, 0) / 24000), 24000, (1.0, 2.0))
    >>> round(numbers.trend, 2)
    1.0
    """
    first, second = seams_seconds
    end = audio.shape[-1] / sample_rate
    # A third of a window of grace: context is rounded to whole latent frames.
    least = 3 * SEAM_SECONDS - WINDOW_SECONDS / 3
    if not min(first, second - first, end - second) >= least:
        raise ArgumentError(
            f"seams_seconds must leave {3 * SEAM_SECONDS:g} s before, between and after them, got {first:.3g} and "
            f"{second:.3g} in {end:.3g} s"
        )
    seen = spectrum(audio, sample_rate)
    centroid, flux = seen.centroid_hz, seen.flux_db
    hop = float(seen.seconds[1] - seen.seconds[0])
    half = seen.window_seconds / 2 - 1e-9  # seams on a window's very edge do not touch it
    begins, ends = seen.seconds - half, seen.seconds + half
    inside = (begins >= first) & (ends <= second)
    real = (ends <= first, begins >= second)
    frames = max(1, round(SEAM_SECONDS / hop))
    a, path, b = centroid[real[0]], centroid[inside], centroid[real[1]]
    jumps = (_mean(path[:frames]) - _mean(a[-frames:]), _mean(b[:frames]) - _mean(path[-frames:]))
    # The frames between two means of a seam are as many as lie across it: those that touch it.
    apart = int(np.sum((begins < first) & (ends > first)))
    usual = np.concatenate([_changes(part, frames, apart) for part in (a, b)])
    typical = max(_median(np.abs(usual)), _median(np.abs(_changes(path, frames, apart))), STILL_HZ)
    variation = _variation(path) / hop
    real_variation = _mean(np.array([_variation(a), _variation(b)])) / hop
    sign = float(np.sign(_mean(b) - _mean(a)))
    pairs = [(begins[:-1] < seam) & (ends[1:] > seam) for seam in (first, second)]
    seam_flux = (_mean(flux[pairs[0]]), _mean(flux[pairs[1]]))
    inside_flux = _mean(flux[inside[:-1] & inside[1:]])
    real_flux = _mean(flux[(real[0][:-1] & real[0][1:]) | (real[1][:-1] & real[1][1:])])
    return TransitionNumbers(
        jump_hz=jumps,
        relative_jump=(abs(jumps[0]) / typical, abs(jumps[1]) / typical),
        variation_hz_per_second=variation,
        real_variation_hz_per_second=real_variation,
        relative_variation=variation / max(real_variation, STILL_HZ),
        trend=sign * _spearman(path),
        steps_forward=_share_forward(path, sign, frames),
        seam_flux_db=seam_flux,
        inside_flux_db=inside_flux,
        real_flux_db=real_flux,
        relative_flux=(seam_flux[0] / max(inside_flux, 1e-3), seam_flux[1] / max(inside_flux, 1e-3)),
    )


def _mean(values: Array) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")


def _median(values: Array) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else 0.0


def _variation(values: Array) -> float:
    """Mean absolute change from frame to frame."""
    return _mean(np.abs(np.diff(values)))


def _changes(values: Array, frames: int, apart: int) -> Array:
    """Mean of ``frames`` values less the mean of as many, ``apart`` values before them, at every place."""
    starts = range(len(values) - 2 * frames - apart + 1)
    second = frames + apart
    return np.array(
        [_mean(values[i + second : i + second + frames]) - _mean(values[i : i + frames]) for i in starts], dtype=float
    )


def _spearman(values: Array) -> float:
    """Rank correlation with time; 0 for values that do not change, NaN for fewer than three."""
    from scipy.stats import spearmanr

    known = np.flatnonzero(np.isfinite(values))
    if len(known) < 3:
        return float("nan")
    if np.ptp(values[known]) < STILL_HZ:
        return 0.0
    return float(spearmanr(known, values[known]).statistic)


def _share_forward(values: Array, sign: float, frames: int) -> float:
    """Share of the steps of the smoothed values that have the sign; NaN where there are none."""
    known = values[np.isfinite(values)]
    if len(known) <= frames:
        return float("nan")
    smooth = np.convolve(known, np.full(frames, 1 / frames), mode="valid")
    return float((np.sign(np.diff(smooth)) == sign).mean())


def json_numbers(value: Any) -> Any:
    """Numbers in lists, with None for NaN and infinity, which JSON does not have."""
    if isinstance(value, list | tuple):
        return [json_numbers(each) for each in value]
    return value if np.isfinite(value) else None
