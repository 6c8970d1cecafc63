"""SEANet, the convolutional encoder and decoder of EnCodec (Tagliasacchi et al. 2020; Défossez et al. 2022), causal.

Tensors are ``(batch, channels, time)``. Every layer takes its state (None begins a stream) and gives the next one, so a
stream in any pieces is the whole file. Differences from EnCodec: the past before a file is silence where EnCodec
reflects what is to come, the residual units' skip is the identity, there is no weight normalisation (weights start with
the scale that keeps the variance from layer to layer), and the decoder's last layer may start at zero, as a correction
of nothing.
"""

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

States = tuple[Any, ...]  # one entry a layer: a tensor, the LSTM's pair, None for a layer without


class CausalConv(nn.Module):
    """Convolution padded on the left only. ``time`` must be a multiple of ``stride``; it is divided by it."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1) -> None:
        super().__init__()
        self.stride, self.history = stride, kernel_size - stride
        scale = (in_channels * kernel_size) ** -0.5
        self.weight = nn.Parameter(scale * torch.randn(out_channels, in_channels, kernel_size))
        self.bias = nn.Parameter(torch.zeros(out_channels))

    def forward(self, state: Tensor | None, x: Tensor) -> tuple[Tensor, Tensor]:
        if state is None:
            state = x.new_zeros(x.shape[0], x.shape[1], self.history)
        padded = torch.cat([state.to(x), x], 2)
        y = functional.conv1d(padded, self.weight, self.bias, stride=self.stride)
        # A copy: a view would keep the whole chunk alive.
        return padded[:, :, padded.shape[2] - self.history :].clone(), y


class CausalUpsample(nn.Module):
    """Transposed convolution of kernel ``2 * stride``: an input reaches its own ``stride`` outputs and the next."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        scale = (2 * in_channels) ** -0.5  # two inputs meet in every output
        self.weight = nn.Parameter(scale * torch.randn(in_channels, out_channels, 2 * stride))
        self.bias = nn.Parameter(torch.zeros(out_channels))

    def forward(self, state: Tensor | None, x: Tensor) -> tuple[Tensor, Tensor]:
        """``(batch, in_channels, time)`` to what reaches beyond it, and ``(batch, out_channels, time * stride)``."""
        y = functional.conv_transpose1d(x, self.weight, stride=self.stride)
        if state is not None:
            y = torch.cat([y[:, :, : self.stride] + state.to(y), y[:, :, self.stride :]], 2)
        done = y.shape[2] - self.stride
        return y[:, :, done:].clone(), y[:, :, :done] + self.bias[:, None].to(y)


class ResidualUnit(nn.Module):
    """ELU, convolution of 3 to half the channels, ELU, convolution of 1 back, and a skip."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = max(1, channels // 2)
        self.squeeze = CausalConv(channels, hidden, 3)
        self.expand = CausalConv(hidden, channels, 1)
        with torch.no_grad():
            self.expand.weight.mul_(0.5)  # the sum keeps about the variance of the skip

    def forward(self, state: Tensor | None, x: Tensor) -> tuple[Tensor, Tensor]:
        state, y = self.squeeze(state, functional.elu(x))
        _, y = self.expand(None, functional.elu(y))
        return state, x + y


class SkipLSTM(nn.Module):
    """LSTM layers whose output is added to their input."""

    def __init__(self, channels: int, n_layers: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(channels, channels, n_layers, batch_first=True)

    def forward(self, state: tuple[Tensor, Tensor] | None, x: Tensor) -> tuple[tuple[Tensor, Tensor], Tensor]:
        # In float32 under autocast too: 75 steps a second cost little, and a memory should not be rounded.
        with torch.autocast(x.device.type, enabled=False):
            sequence = x.transpose(1, 2).to(next(self.lstm.parameters()))
            y, state = self.lstm(sequence, state)
        return cast(tuple[Tensor, Tensor], state), x + y.transpose(1, 2).to(x)


class Activation(nn.Module):
    """ELU, in the place of a layer that has no state."""

    def forward(self, state: None, x: Tensor) -> tuple[None, Tensor]:
        return None, functional.elu(x)


class Chain(nn.Module):
    """Layers one after the other, each with its own state."""

    def __init__(self, layers: Sequence[nn.Module]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, state: States | None, x: Tensor) -> tuple[States, Tensor]:
        states = []
        for i, layer in enumerate(self.layers):
            after, x = layer(None if state is None else state[i], x)
            states.append(after)
        return tuple(states), x


def seanet_encoder(n_filters: int, strides: Sequence[int], lstm_layers: int, out_channels: int) -> Chain:
    """``(batch, 1, frames * hop)`` to ``(batch, out_channels, frames)``, hop the product of ``strides``.

    A convolution of 7, for each stride a residual unit and a convolution that divides the rate by it and doubles the
    channels, an LSTM, a convolution of 7. Frame ``t`` sees samples before ``(t + 1) * hop`` only.
    """
    channels = n_filters
    layers: list[nn.Module] = [CausalConv(1, channels, 7)]
    for stride in strides:
        down = CausalConv(channels, 2 * channels, 2 * stride, stride)
        layers += [ResidualUnit(channels), Activation(), down]
        channels *= 2
    if lstm_layers:
        layers.append(SkipLSTM(channels, lstm_layers))
    return Chain([*layers, Activation(), CausalConv(channels, out_channels, 7)])


def seanet_decoder(
    in_channels: int, n_filters: int, strides: Sequence[int], lstm_layers: int, *, zero: bool = False
) -> Chain:
    """The encoder's mirror: ``(batch, in_channels, frames)`` to ``(batch, 1, frames * hop)``.

    ``strides`` are the encoder's, taken in reverse. Hop ``t`` of the output needs frames up to ``t`` only. ``zero``
    starts the last layer at zero.
    """
    channels = n_filters * 2 ** len(strides)
    layers: list[nn.Module] = [CausalConv(in_channels, channels, 7)]
    if lstm_layers:
        layers.append(SkipLSTM(channels, lstm_layers))
    for stride in reversed(strides):
        up = CausalUpsample(channels, channels // 2, stride)
        layers += [Activation(), up, ResidualUnit(channels // 2)]
        channels //= 2
    outlet = CausalConv(channels, 1, 7)
    if zero:
        nn.init.zeros_(outlet.weight)
    return Chain([*layers, Activation(), outlet])
