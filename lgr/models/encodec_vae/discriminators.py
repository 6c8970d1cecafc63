"""EnCodec's multi-scale discriminators on complex spectra (Défossez et al. 2022, section 3.4; paper 003, 4.4.3).

One network a window length, all alike: the STFT's real and imaginary parts are two channels of an image over time and
frequency; 2-D convolutions, dilated in time, halve the frequencies; each place that is left has one logit. They serve
training alone and are never saved with a model.
"""

from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import weight_norm

from lgr.errors import ArgumentError, check_shape

SCALES = (2048, 1024, 512, 256, 128)  # paper 003: windows in samples; the hop is a quarter
DILATIONS = (1, 2, 4)


class Judgement(NamedTuple):
    """One entry a window length: logits ``(batch, 1, time, bins)``, and the features of each inner layer."""

    logits: list[Tensor]
    features: list[list[Tensor]]


def _conv(
    in_channels: int, out_channels: int, kernel: tuple[int, int], stride: int = 1, dilation: int = 1
) -> nn.Module:
    padding = (dilation * (kernel[0] - 1) // 2, (kernel[1] - 1) // 2)
    made = nn.Conv2d(in_channels, out_channels, kernel, (1, stride), padding, (dilation, 1))
    return cast(nn.Module, weight_norm(made))


class SpectrumDiscriminator(nn.Module):
    """The discriminator of one window length."""

    window: Tensor

    def __init__(self, window_length: int, channels: int) -> None:
        super().__init__()
        self.window_length = window_length
        window = torch.hann_window(window_length)
        # White noise of RMS 1 has bins of RMS 1.
        self.register_buffer("window", window / window.square().sum().sqrt(), persistent=False)
        self.layers = nn.ModuleList(
            [
                _conv(2, channels, (3, 9)),
                *(_conv(channels, channels, (3, 9), 2, dilation) for dilation in DILATIONS),
                _conv(channels, channels, (3, 3)),
            ]
        )
        self.outlet = _conv(channels, 1, (3, 3))

    def forward(self, audio: Tensor) -> tuple[Tensor, list[Tensor]]:
        spectrum = torch.stft(
            audio.float(),
            self.window_length,
            self.window_length // 4,
            window=self.window,
            pad_mode="constant",
            return_complex=True,
        )
        x = torch.stack([spectrum.real, spectrum.imag], 1).transpose(2, 3)  # (batch, 2, time, bins)
        features = []
        for layer in self.layers:
            x = functional.leaky_relu(layer(x), 0.2)
            features.append(x)
        return self.outlet(x), features


class MultiScaleDiscriminator(nn.Module):
    """Discriminators of several window lengths over audio ``(batch, samples)``.

    Parameters
    ----------
    window_lengths : samples, each a multiple of 4
    channels : width of the convolutions; EnCodec has 32, a CPU has time for 8
    """

    def __init__(self, window_lengths: tuple[int, ...] = SCALES, channels: int = 8) -> None:
        super().__init__()
        if not window_lengths or any(w < 16 or w % 4 for w in window_lengths):
            raise ArgumentError(f"window_lengths must be multiples of 4 from 16 on, got {window_lengths}")
        if channels < 1:
            raise ArgumentError(f"channels must be at least 1, got {channels}")
        self.scales = nn.ModuleList(SpectrumDiscriminator(w, channels) for w in window_lengths)

    def forward(self, audio: Tensor) -> Judgement:
        """``ShapeError`` unless audio is ``(batch, samples >= 1)``."""
        check_shape("audio", audio.shape, "(batch, samples >= 1)", audio.ndim == 2 and audio.shape[1] > 0)
        judged = [scale(audio) for scale in self.scales]
        return Judgement([logits for logits, _ in judged], [features for _, features in judged])
