"""Training losses on audio ``(batch, samples)``: multi-scale spectra, linear and mel, and the waveform."""

from functools import lru_cache

import torch
from torch import Tensor

from lgr.errors import ArgumentError, check_shape
from lgr.mel import mel_filters

WINDOWS = (2048, 1024, 512, 256, 128, 64)  # samples; hop is a quarter
MEL_BANDS = {2048: 80, 1024: 80, 512: 64, 256: 40, 128: 20, 64: 10}


@lru_cache(maxsize=32)
def _filters(window_length: int, n_bands: int, sample_rate: int, device: torch.device) -> Tensor:
    return mel_filters(window_length, n_bands, sample_rate).to(device)


@lru_cache(maxsize=32)
def _hann(window_length: int, device: torch.device) -> Tensor:
    return torch.hann_window(window_length, device=device)


def magnitudes(audio: Tensor, window_length: int) -> Tensor:
    """STFT magnitudes ``(batch, frames, bins)``, Hann, hop a quarter; a full-scale sine has magnitude about 1."""
    spectrum = torch.stft(
        audio,
        window_length,
        window_length // 4,
        window=_hann(window_length, audio.device),
        pad_mode="constant",
        return_complex=True,
    )
    # The square root's slope is infinite at zero: keep clear of it.
    power = spectrum.real.square() + spectrum.imag.square()
    return (power + 1e-10).sqrt().transpose(1, 2) * (4 / window_length)


def spectral_losses(
    estimate: Tensor, reference: Tensor, sample_rate: int, windows: tuple[int, ...] = WINDOWS, floor: float = 2e-6
) -> dict[str, Tensor]:
    """Three views of how far two spectra are apart, each a mean over ``windows``.

    Parameters
    ----------
    estimate, reference : Tensor, (batch, samples)
    windows : STFT windows in samples, keys of ``MEL_BANDS``
    floor : float, amplitude added before the logarithm

    Returns
    -------
    dict of scalars: ``log_mel`` (L1 of log10 mel spectra), ``convergence`` (Frobenius norm of the difference over the
    reference's, Arik et al. 2019), ``linear`` (mean absolute difference over the reference's mean)
    """
    _check_alike(estimate, reference)
    if not windows or not set(windows) <= set(MEL_BANDS):
        raise ArgumentError(f"windows must be some of {tuple(MEL_BANDS)}, got {windows}")
    total = {"log_mel": estimate.new_zeros(()), "convergence": estimate.new_zeros(()), "linear": estimate.new_zeros(())}
    for window_length in windows:
        est, ref = magnitudes(estimate, window_length), magnitudes(reference, window_length)
        difference = est - ref
        quiet = 1e-4  # a silent example would otherwise weigh without bound
        total["linear"] += (difference.abs().mean((1, 2)) / (ref.mean((1, 2)) + quiet)).mean()
        norm = ref.square().mean((1, 2)).sqrt() + quiet
        total["convergence"] += ((difference.square().mean((1, 2)) + 1e-12).sqrt() / norm).mean()
        mel = _filters(window_length, MEL_BANDS[window_length], sample_rate, estimate.device).T
        total["log_mel"] += (torch.log10(est @ mel + floor) - torch.log10(ref @ mel + floor)).abs().mean()
    return {name: value / len(windows) for name, value in total.items()}


def relative_l1(estimate: Tensor, reference: Tensor) -> Tensor:
    """Mean absolute error of the waveform over the reference's mean absolute value, averaged over the batch."""
    _check_alike(estimate, reference)
    error = (estimate - reference).abs().mean(1)
    return (error / (reference.abs().mean(1) + 1e-3)).mean()


def _check_alike(estimate: Tensor, reference: Tensor) -> None:
    """Raise ``ShapeError`` unless both are audio of one shape: a batch of one would be broadcast in silence."""
    check_shape("reference", reference.shape, "(batch, samples)", reference.ndim == 2)
    expected = f"(batch, samples) {tuple(reference.shape)}"
    check_shape("estimate", estimate.shape, expected, estimate.shape == reference.shape)
