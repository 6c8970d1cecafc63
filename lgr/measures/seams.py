"""Seams: whether one hears where grains are joined. Spectral flux at the joins over the flux inside grains.

1 is what untouched noise has at any places; above 1 the sound changes more where grains meet than elsewhere. A target
whose onsets fall on the joins has more than 1 by itself, so its own ratio at the same places belongs beside the
result's.
"""

import torch
from torch import Tensor

from lgr.errors import ArgumentError, check_shape
from lgr.score import Score

WINDOW_SECONDS = 0.01
MAGNITUDE_FLOOR = 1e-3  # magnitude of a 10 ms spectrum, below which changes do not count
BLOCK = 16384  # spectra at a time


def spectral_flux(audio: Tensor, sample_rate: int, hop_length: int) -> Tensor:
    """Log-spectral flux at every quarter hop: how far a 10 ms spectrum is from the one a hop before.

    Parameters
    ----------
    audio : (samples,)
    hop_length : of the codec, samples, at least 4

    Returns
    -------
    (positions,), mean absolute change of log10 magnitude
    """
    check_shape("audio", audio.shape, "(samples >= 1,)", audio.ndim == 1 and audio.shape[0] >= 1)
    if hop_length < 4:
        raise ArgumentError(f"hop_length must be at least 4, got {hop_length}")
    window = round(sample_rate * WINDOW_SECONDS)
    step = hop_length // 4
    padded = torch.nn.functional.pad(audio, (window, window))
    shape = torch.hann_window(window).to(audio)
    spectra = (torch.fft.rfft(some * shape).abs() for some in torch.split(padded.unfold(0, window, step), BLOCK))
    log = torch.cat([torch.log10(magnitude + MAGNITUDE_FLOOR) for magnitude in spectra])
    return (log[4:] - log[:-4]).abs().mean(1)  # over one hop: across the seam


def seam_ratio(audio: Tensor, seams: Tensor, sample_rate: int, hop_length: int) -> float:
    """Flux at grain joins over the flux elsewhere, means.

    Parameters
    ----------
    audio : (samples,)
    seams : (joins,), sample positions
    hop_length : of the codec, samples: flux within a quarter hop of a join is at it, more than three quarters of one
        away is elsewhere

    Returns
    -------
    float >= 0; NaN without joins, in silence, and where nothing is elsewhere (all grains of one frame, all jumping)

    Examples
    --------
    >>> import torch
    >>> from lgr.measures.seams import seam_ratio
    >>> noise = torch.randn(48000, generator=torch.Generator().manual_seed(0))
    >>> seams = torch.arange(4800, 48000, 4800)
    >>> 0.9 < seam_ratio(noise, seams, 24000, 320) < 1.1
    True
    >>> noise[4800:9600] *= 0.01  # now something changes at two of them
    >>> seam_ratio(noise, seams, 24000, 320) > 1.1
    True
    """
    if not seams.numel():
        return float("nan")
    flux = spectral_flux(audio, sample_rate, hop_length)
    step, window = hop_length // 4, round(sample_rate * WINDOW_SECONDS)
    # flux[i] compares windows centred at i * step - window / 2 and four steps later: centre of the change
    centre = torch.arange(flux.shape[0], dtype=torch.float64) * step - window / 2 + 2 * step
    ordered = seams.double().sort().values
    after = torch.searchsorted(ordered, centre).clamp(max=len(ordered) - 1)
    distance = torch.minimum((ordered[after] - centre).abs(), (ordered[(after - 1).clamp(min=0)] - centre).abs())
    at = distance <= step
    away = distance > hop_length * 0.75
    whole = (centre > window) & (centre < audio.shape[0] - window)  # clear of the padding
    if not bool((away & whole).any()):
        return float("nan")
    return float(flux[at].mean() / flux[away].mean())


def seam_samples(score: Score) -> Tensor:
    """Where a grain begins that is not what the one before goes on to, ``(joins,)``: samples at the score's rate."""
    starts = torch.from_numpy(score.target_frame[1:][~score.plays_on])
    return starts * score.hop_length
