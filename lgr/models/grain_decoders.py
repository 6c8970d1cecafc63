"""Decoders of one grain: filtered noise (paper 001, section 3.3), ours with a waveform beside it, and the baselines.

Each maps ``(batch, frames, latent_dim + n_labels)`` and noise ``(batch, frames, grain_length)`` to grains
``(batch, frames, grain_length)`` of about unit level, every grain by itself; the model multiplies by the level.
"""

import math
from typing import cast

import torch
from torch import Tensor, nn

from lgr.models.grain_encoder import ResidualDense, expand, low_parts


def filter_noise(filters: Tensor, noise: Tensor, waveform: Tensor | None = None) -> Tensor:
    """``iDFT(H * DFT(n))``, paper 001's equations 7 and 8; ``+ C`` inside the iDFT where a waveform is given.

    Parameters
    ----------
    filters : (..., grain_length / 2 + 1), real: the positive frequencies of H (the others are their mirror)
    noise : (..., grain_length)
    waveform : (..., grain_length / 2 + 1), complex, the orthonormal spectrum C of the waveform part
    """
    spectrum = filters * torch.fft.rfft(noise, norm="ortho")
    if waveform is not None:
        spectrum = spectrum + waveform
    grains: Tensor = torch.fft.irfft(spectrum, noise.shape[-1], norm="ortho")
    return grains


class FilterDecoder(nn.Module):
    """Residual dense layers to a filter on uniform noise ("fi"), and to a waveform's spectrum ("hybrid").

    Filters are exponentials: positive, and quiet bins are as easy to reach as loud ones. Noise has no phase to give a
    kick its push or a string its pitch; the hybrid adds a second spectrum C, companded, of the waveform itself, and how
    much of a grain is which is the network's to say.
    """

    def __init__(
        self, latent_dim: int, n_labels: int, grain_length: int, *, width: int, n_blocks: int, hybrid: bool
    ) -> None:
        super().__init__()
        bins = grain_length // 2 + 1
        self.trunk = nn.Sequential(
            nn.Linear(latent_dim + n_labels, width), *(ResidualDense(width) for _ in range(n_blocks))
        )
        self.filters = nn.Linear(width, bins)
        nn.init.normal_(self.filters.weight, std=0.1 / math.sqrt(width))
        # Unit white noise, or -10 dB of it beside a waveform, falling by 6 dB an octave from bin 8 on: sounds do.
        tilt = -torch.log(1 + torch.arange(bins) / 8.0)
        with torch.no_grad():
            self.filters.bias.copy_(tilt + (1.0 if hybrid else 2.2))
        self.waveform = nn.Linear(width, 2 * bins) if hybrid else None
        if self.waveform is not None:
            self._invert_transform(latent_dim, bins)

    def _invert_transform(self, latent_dim: int, bins: int) -> None:
        """Start as the inverse of the encoder's linear path: low notes and kicks have their phase from step 0 on."""
        assert self.waveform is not None
        inlet = cast(nn.Linear, self.trunk[0])
        parts, rows = low_parts(min(latent_dim, inlet.out_features) - 1, bins)
        with torch.no_grad():
            self.waveform.weight.mul_(0.1)
            self.waveform.bias.zero_()
            inlet.weight[rows + 1] = 0.0
            inlet.weight[rows + 1, rows + 1] = 1.0  # latent 0 is the level
            self.waveform.weight[parts, rows + 1] = 1.0

    def forward(self, inputs: Tensor, noise: Tensor) -> Tensor:
        hidden = self.trunk(inputs)
        filters = torch.exp(self.filters(hidden).clamp(-12.0, 6.0).to(noise))  # under autocast too
        if self.waveform is None:
            return filter_noise(filters, noise)
        parts = torch.unflatten(expand(self.waveform(hidden).to(noise)), -1, (-1, 2))
        return filter_noise(filters, noise, torch.view_as_complex(parts.contiguous()))


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
