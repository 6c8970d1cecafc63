"""Decoders of one grain: filtered noise (paper 001, section 3.3) and the paper's baselines.

Each maps ``(batch, frames, latent_dim + n_labels)`` and noise ``(batch, frames, grain_length)`` to grains
``(batch, frames, grain_length)`` of about unit level, every grain by itself; the model multiplies by the level.
"""

import math
from typing import cast

import torch
from torch import Tensor, nn

from lgr.models.granular.encoder import ResidualDense


def filter_noise(filters: Tensor, noise: Tensor) -> Tensor:
    """``iDFT(H * DFT(n))``, paper 001's equations 7 and 8.

    Parameters
    ----------
    filters : (..., grain_length / 2 + 1), real: the positive frequencies of H (the others are their mirror)
    noise : (..., grain_length)
    """
    grains: Tensor = torch.fft.irfft(filters * torch.fft.rfft(noise, norm="ortho"), noise.shape[-1], norm="ortho")
    return grains


class FilterDecoder(nn.Module):
    """Residual dense layers to a filter on uniform noise ("fi").

    Filters are exponentials: positive, and quiet bins are as easy to reach as loud ones.
    """

    def __init__(self, in_dim: int, grain_length: int, *, width: int, n_blocks: int) -> None:
        super().__init__()
        bins = grain_length // 2 + 1
        self.trunk = nn.Sequential(nn.Linear(in_dim, width), *(ResidualDense(width) for _ in range(n_blocks)))
        self.filters = nn.Linear(width, bins)
        nn.init.normal_(self.filters.weight, std=0.1 / math.sqrt(width))
        with torch.no_grad():  # unit white noise, falling by 6 dB an octave from bin 8 on: sounds do
            self.filters.bias.copy_(2.2 - torch.log(1 + torch.arange(bins) / 8.0))

    def forward(self, inputs: Tensor, noise: Tensor) -> Tensor:
        return filter_noise(self.spectra(inputs).to(noise), noise)

    def spectra(self, inputs: Tensor) -> Tensor:
        """Filters ``(batch, frames, bins)``."""
        return torch.exp(self.filters(self.trunk(inputs)).clamp(-12.0, 6.0).to(inputs))  # under autocast too


class ConvDecoder(nn.Module):
    """The paper's baselines: strided convolutions turned round, by transposition ("tr") or by upsampling ("up").

    From 2 steps of many channels, by fours, to the samples of a grain. No noise goes in.
    """

    def __init__(self, in_dim: int, grain_length: int, *, channels: int, transposed: bool) -> None:
        super().__init__()
        doublings = (grain_length // 2).bit_length() - 1
        factors = (4,) * (doublings // 2) + (2,) * (doublings % 2)
        self.channels = channels
        self.inlet = nn.Linear(in_dim, 2 * channels)
        layers: list[nn.Module] = []
        width = channels
        for factor in factors:
            narrower = max(8, width // 2)
            layers.append(nn.LeakyReLU(0.2))
            if transposed:
                layers.append(nn.ConvTranspose1d(width, narrower, 2 * factor, stride=factor, padding=factor // 2))
            else:
                layers += [nn.Upsample(scale_factor=factor), nn.Conv1d(width, narrower, 5, padding=2)]
            width = narrower
        layers += [nn.LeakyReLU(0.2), nn.Conv1d(width, 1, 9, padding=4)]
        self.layers = nn.Sequential(*layers)
        for layer in self.layers:
            if isinstance(layer, nn.Conv1d | nn.ConvTranspose1d):
                # Keep the variance from layer to layer; a transposed tap meets one input in ``stride``.
                fan_in = layer.in_channels * layer.kernel_size[0] / (layer.stride[0] if transposed else 1)
                nn.init.normal_(layer.weight, std=math.sqrt(2 / 1.04 / fan_in))

    def forward(self, inputs: Tensor, noise: Tensor) -> Tensor:
        batch, frames, length = noise.shape
        steps = self.inlet(inputs).view(batch * frames, self.channels, 2)
        return cast(Tensor, self.layers(steps)).view(batch, frames, length).to(noise)
