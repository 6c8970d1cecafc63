"""What a grain latent sounds like, read from what its decoder makes of it: the features that matching compares.

Grain latents hold the waveform, and a waveform half a frame later is another one: cosine on latents finds the same
moment, not the same timbre. Here a latent becomes the expected power spectrum of its grain, in mel bands, under the
floor and with the small share of the level that the bundled codec's features have (``lgr.models.timbre``). The
waveform's part is the pseudo-spectrum of its coefficients, which hardly depends on their phase (Daudet and Sandler
2004, "MDCT analysis of sinusoids": ``C_k^2 + (C_{k+1} - C_{k-1})^2``).
"""

import torch
from torch import Tensor, nn

from lgr.mel import bands_to_bins, mel_filters
from lgr.models.lapped_grain import NOISE_POWER
from lgr.models.timbre import FLOOR, raise_floor, timbre_map

BANDS = 40
SILENCE = 1e-6  # amplitude: -120 dBFS, from which levels are counted in decades
LOUD, FALL = 4.0, 2.0  # decades of an average sound's lowest band, and by how many its highest is below


class GrainTimbre(nn.Module):
    """Fixed. Filters on noise and coefficients of a waveform to features, ``(..., BANDS)``."""

    bins: Tensor
    coefficients: Tensor
    matrix: Tensor
    bias: Tensor

    def __init__(self, hop: int, sample_rate: int) -> None:
        super().__init__()
        self.register_buffer("bins", mel_filters(4 * hop, BANDS, sample_rate).T.contiguous(), persistent=False)
        # Coefficients lie between the bins of a transform as long as theirs.
        to_bands = bands_to_bins(BANDS, hop, sample_rate)  # (hop, BANDS)
        to_bands = to_bands / to_bands.sum(0).clamp(min=1e-6)
        self.register_buffer("coefficients", to_bands, persistent=False)
        matrix, bias = timbre_map(LOUD - FALL * torch.linspace(0, 1, BANDS))
        self.register_buffer("matrix", matrix, persistent=False)
        self.register_buffer("bias", bias, persistent=False)

    def forward(self, filters: Tensor, coefficients: Tensor | None, level: Tensor) -> Tensor:
        """Filters ``(..., 2 * hop + 1)`` on uniform noise, coefficients ``(..., hop)`` or None, level ``(..., 1)``."""
        power = filters.square() @ self.bins * NOISE_POWER
        if coefficients is not None:
            padded = nn.functional.pad(coefficients, (1, 1))
            pseudo = coefficients.square() + (padded[..., 2:] - padded[..., :-2]).square()
            power = power + pseudo @ self.coefficients / 2
        decades = torch.log10(power.sqrt() * level / SILENCE + 1e-3)
        return raise_floor(decades, FLOOR) @ self.matrix.T + self.bias
