"""The spectrum of a grain in a few numbers: what its first latents start as.

The mean log powers of mel bands, as their cosine transform: a cepstrum. Decoders that filter noise need to know little
more. The levels are those of a grain at unit level.
"""

import math

import torch
from torch import Tensor, nn

from lgr.sound.mel import mel_filters

BANDS = 48  # from 0 to Nyquist
BIN_POWER_FLOOR = 1e-9  # of a bin's power in a grain of unit power, added before the logarithm
CENTRE, SPREAD = -10.0, 2.0  # nepers of power: levels are about N(0, a few) over recordings
EULER = 0.5772  # by which the mean logarithm of noise's power is below the logarithm of its mean


class GrainLevels(nn.Module):
    """Fixed, without weights of its own.

    Parameters
    ----------
    window : (grain_length,), of the grain's spectrum
    n_levels : numbers that say the spectrum
    """

    window: Tensor
    bands: Tensor
    cepstrum: Tensor

    def __init__(self, window: Tensor, n_levels: int, sample_rate: int) -> None:
        super().__init__()
        length = window.shape[0]
        order, band = torch.arange(n_levels)[:, None], torch.arange(BANDS)[None]
        cosines = torch.cos(math.pi * order * (band + 0.5) / BANDS)  # (n_levels, BANDS)
        forward = cosines * torch.where(order == 0, 1.0, 2.0) / BANDS
        self.register_buffer("window", window / window.square().sum().sqrt() * math.sqrt(length), persistent=False)
        bands = mel_filters(length, BANDS, sample_rate)
        self.register_buffer("bands", bands.T.contiguous(), persistent=False)  # (bins, BANDS)
        self.register_buffer("cepstrum", forward.T.contiguous(), persistent=False)  # (BANDS, n_levels)

    def forward(self, unit: Tensor) -> Tensor:
        """``(n, grain_length)`` of unit level to its levels ``(n, n_levels)``."""
        spectrum = torch.fft.rfft(unit * self.window, norm="ortho")
        power = spectrum.real.square() + spectrum.imag.square()
        return (((torch.log(power + BIN_POWER_FLOOR) + EULER) @ self.bands - CENTRE) / SPREAD) @ self.cepstrum
