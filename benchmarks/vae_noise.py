"""Noise that knows a recording's spectrum and nothing else of it, and how much of a recording the scorer hears."""

import math

import torch
from torch import Tensor

WINDOW = 2048  # samples, the scorer's; hop a quarter
FRAMES, BINS = 5, 9  # of the neighbourhood whose mean power is taken for the expected one
FLOOR_DB = -80.0  # of the scorer, under the loudest bin
APART_DB = 10 / math.log(10) * math.pi / math.sqrt(3)  # two independent exponential powers, in decibels


def expected_power(audio: Tensor) -> Tensor:
    """Mean power around every bin, ``(bins, frames)``, of audio ``(samples,)``; edges count what is inside."""
    power = _stft(audio).abs().square()[None, None]
    padding = (BINS // 2, FRAMES // 2)
    mean = torch.nn.functional.avg_pool2d(power, (BINS, FRAMES), 1, padding, count_include_pad=False)
    return mean[0, 0]


def independent_noise(audio: Tensor, generator: torch.Generator) -> Tensor:
    """Gaussian noise ``(samples,)`` with the expected power of ``audio`` and nothing else of it."""
    white = torch.randn(audio.shape, generator=generator)
    # The window's energy: white noise of RMS 1 has that power in every bin.
    scale = (expected_power(audio) / torch.hann_window(WINDOW).square().sum()).sqrt()
    shaped: Tensor = torch.istft(
        _stft(white) * scale, WINDOW, WINDOW // 4, window=torch.hann_window(WINDOW), length=audio.shape[0]
    )
    return shaped


def audible_share(audio: Tensor) -> float:
    """The share of the bins that lie above the scorer's floor."""
    magnitudes = _stft(audio).abs()
    return float((magnitudes > magnitudes.max() * 10 ** (FLOOR_DB / 20)).float().mean())


def _stft(audio: Tensor) -> Tensor:
    """Continued backwards beyond its ends: silence there would make a click of each, and hiss of the click."""
    window = torch.hann_window(WINDOW)
    return torch.stft(audio, WINDOW, WINDOW // 4, window=window, pad_mode="reflect", return_complex=True)
