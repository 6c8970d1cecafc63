"""A grain as coefficients of a lapped transform and levels of noise: what grain latents start as.

A grain of four hops overlaps three others, so a Fourier transform of it says everything four times. The MDCT
(``lgr.models.mdct``) of its two middle hops says it once: with as many numbers as a grain has hop samples the sound is
whole again, and with the lowest ``n_waveform`` of them it is whole up to ``n_waveform / hop`` of the bandwidth. Above
that edge noise of the right spectrum stands in: the mean log powers of mel bands, as their cosine transform, a cepstrum
of ``n_levels`` numbers.

The transform belongs to a grain at unit level. Windows of a file's first and last half hop have no partner: there a
sample is divided by the squared window that it does have, which is exact where silence lies beyond the file.
"""

import math

import torch
from torch import Tensor, nn

from lgr.models.mdct import mdct_basis
from lgr.sound.mel import bands_to_bins, mel_filters

BANDS = 48  # from 0 to Nyquist; those above the edge are used
BIN_POWER_FLOOR = 1e-9  # of a bin's power in a grain of unit power, added before the logarithm
CENTRE, SPREAD = -10.0, 2.0  # nepers of power: levels are about N(0, a few) over recordings
EULER = 0.5772  # by which the mean logarithm of noise's power is below the logarithm of its mean
# What is left of the power of uniform noise, 1/3 itself, under four Hann windows that are divided by their sum.
NOISE_POWER = 0.375 / 3


class LappedGrain(nn.Module):
    """Fixed, without weights of its own.

    Parameters
    ----------
    window : (grain_length,), of the grain's spectrum
    n_waveform : lowest coefficients, < grain_length / 4
    n_levels : numbers that say the spectrum of the noise
    """

    basis: Tensor
    window: Tensor
    bands: Tensor
    cepstrum: Tensor

    def __init__(self, window: Tensor, n_waveform: int, n_levels: int, sample_rate: int) -> None:
        super().__init__()
        length = window.shape[0]
        self.hop, self.n_waveform, self.n_levels = length // 4, n_waveform, n_levels
        bins = length // 2 + 1
        edge = n_waveform / self.hop  # of the bandwidth
        filters = mel_filters(length, BANDS, sample_rate)
        centres = filters @ torch.linspace(0, 1, bins)
        above = centres > edge
        n_bands = int(above.sum())
        order, band = torch.arange(n_levels)[:, None], torch.arange(n_bands)[None]
        cosines = torch.cos(math.pi * order * (band + 0.5) / n_bands)  # (n_levels, n_bands)
        forward = cosines * torch.where(order == 0, 1.0, 2.0) / n_bands
        self.register_buffer("basis", mdct_basis(self.hop), persistent=False)
        self.register_buffer("window", window / window.square().sum().sqrt() * math.sqrt(length), persistent=False)
        self.register_buffer("bands", filters[above].T.contiguous(), persistent=False)  # (bins, n_bands)
        self.register_buffer("cepstrum", forward.T.contiguous(), persistent=False)  # (n_bands, n_levels)
        to_bins = bands_to_bins(BANDS, bins, sample_rate)[:, above]
        self.level_filters = (to_bins @ cosines.T) * SPREAD / 2  # (bins, n_levels): log amplitude of a level of 1
        quiet = torch.linspace(0, 1, bins) < edge  # the waveform is there
        self.base_filter = CENTRE / 2 - math.log(NOISE_POWER) / 2 + torch.where(quiet, -6.0, 0.0)

    @classmethod
    def for_latents(
        cls, window: Tensor, n: int, n_levels: int, sample_rate: int, *, waveform: bool = True
    ) -> "LappedGrain":
        """Share ``n`` latents out: a third at most to levels of noise, the waveform's up to three quarters of its band.

        Latents that are left are the network's own: all others without ``waveform``, for decoders that make none.
        """
        levels = min(n_levels, n // 3)
        return cls(window, min(n - levels, 3 * window.shape[0] // 16) if waveform else 0, levels, sample_rate)

    def coefficients(self, unit: Tensor) -> Tensor:
        """``(n, grain_length)`` of unit level to MDCT coefficients ``(n, hop)``."""
        return unit[:, self.hop : 3 * self.hop] @ self.basis

    def levels(self, unit: Tensor) -> Tensor:
        """``(n, grain_length)`` of unit level to the cepstrum of its bands above the edge, ``(n, n_levels)``."""
        spectrum = torch.fft.rfft(unit * self.window, norm="ortho")
        power = spectrum.real.square() + spectrum.imag.square()
        return (((torch.log(power + BIN_POWER_FLOOR) + EULER) @ self.bands - CENTRE) / SPREAD) @ self.cepstrum

    def frames(self, coefficients: Tensor) -> Tensor:
        """Coefficients ``(..., hop)`` to windowed waveforms in their grains, ``(..., grain_length)``."""
        return nn.functional.pad(coefficients @ self.basis.T, (self.hop, self.hop))

    def weights(self) -> Tensor:
        """What overlapping ``frames`` are divided by, ``(grain_length,)``: the squared window of the transform."""
        squared = self.basis.square().sum(1)  # over all coefficients cosines sum to one
        return nn.functional.pad(squared, (self.hop, self.hop))
