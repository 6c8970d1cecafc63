"""What a grain latent sounds like, read from what its decoder makes of it: the features that matching compares.

Latents that hold the waveform say another thing half a frame later: cosine on them finds the same moment, not the same
timbre. Here a latent becomes the expected power spectrum of its grain, in mel bands, under the floor and with the small
share of the level that the bundled codec's features have (``lgr.models.timbre``). The waveform's part is the
pseudo-spectrum of its MDCT coefficients, which hardly depends on their phase (Daudet and Sandler 2004, "MDCT analysis
of sinusoids": ``C_k^2 + (C_{k+1} - C_{k-1})^2``).
"""

import torch
from torch import Tensor, nn

from lgr.models.timbre import FLOOR_DECADES, raise_floor, timbre_map
from lgr.sound.level import AMPLITUDE_FLOOR
from lgr.sound.mel import mel_filters

BANDS = 40
LOUD, FALL = 4.0, 2.0  # decades of an average sound's lowest band, and by how many its highest is below


class GrainTimbre(nn.Module):
    """Fixed. Noise and coefficients of a frame of ``hop`` samples to features, ``(..., BANDS)``."""

    bands: Tensor
    matrix: Tensor
    bias: Tensor

    def __init__(self, hop: int, sample_rate: int) -> None:
        super().__init__()
        # Coefficient k lies where a transform four hops long has its bin 2 k + 1.
        bands = mel_filters(4 * hop, BANDS, sample_rate)[:, 1::2]
        nearest = nn.functional.one_hot((bands + 1e-9 * torch.eye(BANDS, hop)).argmax(1), hop).to(bands)
        total = bands.sum(1, keepdim=True)
        bands = torch.where(total > 1e-3, bands / total.clamp(min=1e-3), nearest)
        self.register_buffer("bands", bands.T.contiguous(), persistent=False)
        matrix, bias = timbre_map(LOUD - FALL * torch.linspace(0, 1, BANDS))
        self.register_buffer("matrix", matrix, persistent=False)
        self.register_buffer("bias", bias, persistent=False)

    def forward(self, noise: Tensor, waveform: Tensor | None = None) -> Tensor:
        """Noise's power and MDCT coefficients of a waveform, both ``(..., hop)``: white noise of RMS 1 has power 1."""
        power = noise
        if waveform is not None:
            padded = nn.functional.pad(waveform, (1, 1))
            power = power + 0.5 * (waveform.square() + (padded[..., 2:] - padded[..., :-2]).square())
        decades = torch.log10((power @ self.bands).sqrt() / AMPLITUDE_FLOOR + 1e-3)
        return raise_floor(decades, FLOOR_DECADES) @ self.matrix.T + self.bias
