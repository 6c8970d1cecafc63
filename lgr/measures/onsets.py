"""Onsets and beats of a sound: where something begins, and how regularly. Of one detector, so its habits cancel."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lgr.measures.timbre import mel_frames

WINDOW_SECONDS, HOP_SECONDS = 0.02, 0.005  # of the onset curve
BANDS = 40
KNEE = 100.0  # magnitudes are compressed as log10(1 + KNEE * m), m = 1 the loudest: 40 dB count
LAG = 2  # frames over which a rise is looked for
NEIGHBOURS_SECONDS, AROUND_SECONDS = 0.03, 0.1  # either way: an onset is the largest in the first, and stands above
RISE = 0.07  # the mean in the second by this share of the sound's largest flux
SLOWEST_BPM, FASTEST_BPM, USUAL_BPM = 40.0, 240.0, 120.0
PULSE = 0.25  # least autocorrelation, and least prominence of its peak, at the beat of what has one
SMOOTH_SECONDS = 0.05  # of the onset curve, before beats are sought: players are not exact


def onset_curve(audio: Tensor, sample_rate: int) -> Tensor:
    """Spectral flux ``(frames,)`` in [0, 1]: rises of compressed mel magnitudes, relative to the largest; 0 in silence.

    Frame ``i`` is the rise that ends at ``i * HOP_SECONDS``, to within half a window.
    """
    window, hop = round(sample_rate * WINDOW_SECONDS), round(sample_rate * HOP_SECONDS)
    # Silence before the sound, so that one that begins at once has an onset there.
    padded = torch.nn.functional.pad(audio, (window + LAG * hop, window))
    magnitude = mel_frames(padded, window, hop, sample_rate, BANDS)[0].sqrt()
    top = magnitude.max()
    if not float(top) > 0:
        return magnitude.new_zeros(magnitude.shape[0] - LAG)
    loud = torch.log10(1 + KNEE * magnitude / top)
    flux = (loud[LAG:] - loud[:-LAG]).clamp(min=0).mean(1)
    return flux / flux.max().clamp(min=1e-12)


def onset_seconds(audio: Tensor, sample_rate: int) -> Tensor:
    """Where something begins, ``(onsets,)`` float64, increasing: local maxima of ``onset_curve`` that stand out.

    Examples
    --------
    >>> import torch
    >>> from lgr.measures.onsets import onset_seconds
    >>> clicks = torch.zeros(24000)
    >>> clicks[[4800, 14400]] = 1.0
    >>> onset_seconds(clicks, 24000).round(decimals=1)
    tensor([0.2000, 0.6000], dtype=torch.float64)
    """
    from scipy.ndimage import maximum_filter1d, uniform_filter1d

    curve = onset_curve(audio, sample_rate).double().numpy()
    neighbours = 2 * round(NEIGHBOURS_SECONDS / HOP_SECONDS) + 1
    around = 2 * round(AROUND_SECONDS / HOP_SECONDS) + 1
    is_top = curve == maximum_filter1d(curve, neighbours, mode="constant")
    stands_out = curve >= uniform_filter1d(curve, around, mode="nearest") + RISE
    at = torch.from_numpy(is_top & stands_out).nonzero()[:, 0]
    return at.double() * round(sample_rate * HOP_SECONDS) / sample_rate


@dataclass(frozen=True, kw_only=True)
class Beat:
    """``bpm``, and the autocorrelation of the onset curve at the beat's period, ``pulse`` in (0, 1]."""

    bpm: float
    pulse: float


def beat(audio: Tensor, sample_rate: int) -> Beat | None:
    """The beat of ``audio`` (samples,) by autocorrelation, near ``USUAL_BPM`` rather than far (Ellis 2007).

    None in less than two of the slowest beats (3 s), and where no peak and its prominence reach ``PULSE``: a single
    swell has a high autocorrelation everywhere, and a peak nowhere.

    Examples
    --------
    >>> import torch
    >>> from lgr.measures.onsets import beat
    >>> clicks = torch.zeros(8 * 24000)
    >>> clicks[::12000] = 1.0  # two a second
    >>> round(beat(clicks, 24000).bpm)
    120
    >>> beat(torch.zeros(8 * 24000), 24000) is None
    True
    """
    from scipy.signal import find_peaks

    pulses = autocorrelation(onset_curve(audio, sample_rate))
    rate = sample_rate / round(sample_rate * HOP_SECONDS)
    first, last = round(60 * rate / FASTEST_BPM), round(60 * rate / SLOWEST_BPM)
    if len(pulses) < 2 * last:
        return None
    peaks, _ = find_peaks(pulses[: last + 1], height=PULSE, prominence=PULSE)
    lags = peaks[peaks >= first]
    if not len(lags):
        return None
    octaves = np.log2(60 * rate / lags / USUAL_BPM)
    best = int(lags[(pulses[lags] * np.exp(-0.5 * octaves**2)).argmax()])
    before, at, after = pulses[best - 1 : best + 2]
    bend = before - 2 * at + after
    period = best + float(0.5 * (before - after) / bend if bend < 0 else 0.0)  # the top of a parabola through three
    return Beat(bpm=60 * rate / period, pulse=float(at))


def autocorrelation(onsets: Tensor) -> NDArray[np.float64]:
    """Autocorrelation of an ``onset_curve``, smoothed, at every lag in frames, 1 at lag 0; 0 throughout in silence."""
    curve = onsets.double().numpy()
    n = len(curve)
    smooth = np.convolve(curve, np.hanning(round(SMOOTH_SECONDS / HOP_SECONDS) + 2), mode="same")
    smooth = smooth - smooth.mean()
    power = np.abs(np.fft.rfft(smooth, 2 * n)) ** 2
    found = np.fft.irfft(power)[:n]
    return found / found[0] if found[0] > 1e-12 else np.zeros(n)
