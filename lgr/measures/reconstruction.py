"""Reconstruction: how near a sound is to another, sample for sample or in its spectra.

All take ``reference`` and ``estimate`` ``(samples,)`` of one rate, and after ``align`` of one length. Of sounds at
24 kHz so aligned, ``mstft``, ``lsd``, ``mel_distance`` and ``si_sdr`` are what the project's scorer prints.
"""

import torch
from torch import Tensor

from lgr.errors import MissingPackageError, check_shape
from lgr.losses import relative_mstft
from lgr.sound.mel import MEL_AMPLITUDE_FLOOR, mel_edges_hz, mel_filters

WINDOW, HOP = 2048, 512  # samples, of ``lsd`` and ``mel_distance``
MEL_BANDS = 80
DEPTH_DB = 80.0  # ``lsd`` looks no further down than this under the reference's peak
MAX_LAG = 64  # samples
MSTFT_WINDOWS = (2048, 1024, 512, 256, 128)  # samples; the hop is a quarter


def align(reference: Tensor, estimate: Tensor, max_lag: int = MAX_LAG) -> tuple[Tensor, Tensor, int]:
    """Both sounds cut to where they overlap once ``estimate`` is shifted to its best lag.

    Returns
    -------
    reference, estimate : (samples - |lag|,)
    lag : int, samples by which the estimate is late: that of the greatest inner product, at most ``max_lag`` either
        way; 0 where the sounds are not longer than four times ``max_lag``

    Examples
    --------
    >>> import torch
    >>> from lgr.measures.reconstruction import align
    >>> noise = torch.randn(1000, generator=torch.Generator().manual_seed(0))
    >>> reference, estimate, lag = align(noise, noise.roll(3))
    >>> lag, bool((reference == estimate).all())
    (3, True)
    """
    n = min(reference.shape[-1], estimate.shape[-1])
    check_shape("reference", reference.shape, "(samples >= 1,)", reference.ndim == 1 and n > 0)
    check_shape("estimate", estimate.shape, "(samples >= 1,)", estimate.ndim == 1)
    a, b = reference[:n], estimate[:n]
    if max_lag == 0 or n <= 4 * max_lag:
        return a, b, 0
    middle, wide = a[max_lag : n - max_lag].double(), b.double()
    products = [float(middle @ wide[i : i + len(middle)]) for i in range(2 * max_lag + 1)]
    lag = products.index(max(products)) - max_lag
    return a[max(0, -lag) : n - max(0, lag)], b[max(0, lag) : n - max(0, -lag)], lag


def mstft(reference: Tensor, estimate: Tensor) -> float:
    """Mean over STFT windows of ``mean |A - B| / mean A``, linear magnitudes (``lgr.losses.relative_mstft``).

    0 is perfect, 1 is what silence scores.

    Examples
    --------
    >>> import torch
    >>> from lgr.measures.reconstruction import mstft
    >>> noise = torch.randn(24000, generator=torch.Generator().manual_seed(0))
    >>> mstft(noise, noise), round(mstft(noise, torch.zeros(24000)), 3)
    (0.0, 1.0)
    """
    _check(reference, estimate)
    return float(relative_mstft(estimate[None], reference[None], MSTFT_WINDOWS))


def mel_mstft(reference: Tensor, estimate: Tensor, sample_rate: int) -> float:
    """``mstft`` of magnitudes averaged in 80 mel bands (40 below a window of 512, 20 below 256)."""
    _check(reference, estimate)
    total = 0.0
    for window in MSTFT_WINDOWS:
        filters = mel_filters(window, min(MEL_BANDS, window // 6), sample_rate).to(reference)
        a, b = (_magnitudes(x, window, window // 4) @ filters.T for x in (reference, estimate))
        total += float((a - b).abs().mean() / (a.mean() + 1e-9))
    return total / len(MSTFT_WINDOWS)


def lsd(reference: Tensor, estimate: Tensor) -> float:
    """Log-spectral distance in dB: RMS over bins, mean over frames; floor ``DEPTH_DB`` under the reference's peak.

    Examples
    --------
    >>> import torch
    >>> from lgr.measures.reconstruction import lsd
    >>> noise = torch.randn(24000, generator=torch.Generator().manual_seed(0))
    >>> round(lsd(noise, noise / 10), 1)  # dB
    20.0
    """
    _check(reference, estimate)
    a, b = (_magnitudes(x, WINDOW, HOP) for x in (reference, estimate))
    floor = (a.max() * 10 ** (-DEPTH_DB / 20)).clamp(min=1e-12)
    difference = 20 * (torch.log10(a + floor) - torch.log10(b + floor))
    return float(difference.square().mean(1).sqrt().mean())


def mel_distance(reference: Tensor, estimate: Tensor, sample_rate: int) -> float:
    """Mean absolute difference of log10 mel spectra of 80 bands, whose triangles have height one.

    Examples
    --------
    >>> import torch
    >>> from lgr.measures.reconstruction import mel_distance
    >>> noise = torch.randn(24000, generator=torch.Generator().manual_seed(0))
    >>> round(mel_distance(noise, noise / 10, 24000), 2)
    1.0
    """
    _check(reference, estimate)
    edges = mel_edges_hz(MEL_BANDS, sample_rate)[:, None]
    hz = torch.linspace(0, sample_rate / 2, WINDOW // 2 + 1, dtype=torch.float64)[None]
    rise = (hz - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - hz) / (edges[2:] - edges[1:-1])
    triangles = torch.minimum(rise, fall).clamp(min=0).to(reference)
    a, b = (torch.log10(_magnitudes(x, WINDOW, HOP) @ triangles.T + MEL_AMPLITUDE_FLOOR) for x in (reference, estimate))
    return float((a - b).abs().mean())


def rmse(reference: Tensor, estimate: Tensor) -> float:
    """Root of the mean squared difference of samples."""
    _check(reference, estimate)
    return float((reference.double() - estimate.double()).square().mean().sqrt())


def si_sdr(reference: Tensor, estimate: Tensor, *, max_lag: int = 0) -> float:
    """Scale-invariant signal-to-distortion ratio in dB (Le Roux et al. 2019), at the best lag within ``max_lag``.

    Examples
    --------
    >>> import torch
    >>> from lgr.measures.reconstruction import si_sdr
    >>> generator = torch.Generator().manual_seed(0)
    >>> wanted, hiss = torch.randn(2, 24000, generator=generator)
    >>> round(si_sdr(wanted, 3 * (wanted + 0.1 * hiss)))
    20
    """
    if max_lag:
        reference, estimate, _ = align(reference, estimate, max_lag)
    _check(reference, estimate)
    a, b = reference.double(), estimate.double()
    wanted = (a @ b) / (a @ a + 1e-12) * a
    return float(10 * torch.log10((wanted @ wanted) / ((b - wanted).square().sum() + 1e-12) + 1e-20))


def si_snr(reference: Tensor, estimate: Tensor, *, max_lag: int = 0) -> float:
    """Scale-invariant signal-to-noise ratio in dB (Luo and Mesgarani 2018): ``si_sdr`` of sounds without their means.

    Examples
    --------
    >>> import torch
    >>> from lgr.measures.reconstruction import si_snr
    >>> generator = torch.Generator().manual_seed(0)
    >>> wanted, hiss = torch.randn(2, 24000, generator=generator)
    >>> round(si_snr(wanted, wanted + 0.1 * hiss + 0.5))
    20
    """
    if max_lag:
        reference, estimate, _ = align(reference, estimate, max_lag)
    _check(reference, estimate)
    return si_sdr(*(audio.double() - audio.double().mean() for audio in (reference, estimate)))


def estoi(reference: Tensor, estimate: Tensor, sample_rate: int) -> float | None:
    """Extended short-time objective intelligibility (Jensen and Taal 2016), about 0 to 1, of speech, by ``pystoi``.

    None where less than 30 frames of 12.8 ms hop (0.4 s) of the reference are within 40 dB of its loudest.
    """
    import warnings

    try:
        from pystoi import stoi
    except ImportError as error:
        raise MissingPackageError("ESTOI needs pystoi: pip install 'lgr[measures]'") from error
    _check(reference, estimate)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        value = float(stoi(reference.double().numpy(), estimate.double().numpy(), sample_rate, extended=True))
    return None if any("Not enough STFT frames" in str(each.message) for each in said) else value


def _magnitudes(audio: Tensor, window: int, hop: int) -> Tensor:
    """STFT magnitudes ``(frames, bins)``, Hann, over the window's sum; silence completes the last frame."""
    beyond = max(window - audio.shape[0], -(audio.shape[0] - window) % hop)
    shape = torch.hann_window(window).to(audio)
    frames = torch.nn.functional.pad(audio, (0, beyond)).unfold(0, window, hop)
    spectrum: Tensor = torch.fft.rfft(frames * (shape / shape.sum()))
    return spectrum.abs()


def _check(reference: Tensor, estimate: Tensor) -> None:
    check_shape("reference", reference.shape, "(samples >= 1,)", reference.ndim == 1 and reference.shape[0] >= 1)
    check_shape("estimate", estimate.shape, f"{tuple(reference.shape)}", estimate.shape == reference.shape)
