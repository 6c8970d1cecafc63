"""Sounds whose numbers are known, for the tests of metrics: noise, tones and clicks at 24 kHz, ``(samples,)``."""

import math

import torch
from torch import Tensor

RATE = 24000


def noise(seconds: float, seed: int = 0, *, level: float = 0.1, top_hz: float = RATE / 2) -> Tensor:
    """Gaussian noise of standard deviation ``level``, even up to ``top_hz``."""
    n = round(seconds * RATE)
    spectrum = torch.fft.rfft(torch.randn(n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64))
    spectrum[round(top_hz * n / RATE) + 1 :] = 0
    return (level * torch.fft.irfft(spectrum, n)).float()


def sine(hz: float, seconds: float, *, level: float = 0.5) -> Tensor:
    time = torch.arange(round(seconds * RATE), dtype=torch.float64) / RATE
    return (level * torch.sin(2 * math.pi * hz * time)).float()


def voice(hz: float, seconds: float) -> Tensor:
    """Ten partials falling off by their number: a pitch that no detector misses."""
    return torch.stack([sine(hz * k, seconds, level=0.3 / k) for k in range(1, 11)]).sum(0)


def clicks(seconds: float, at_seconds: list[float], *, seed: int = 0) -> Tensor:
    """Bursts of noise of 20 ms, falling by 60 dB, at the times given."""
    audio = torch.zeros(round(seconds * RATE))
    burst = noise(0.02, seed, level=0.3) * 10 ** (-3 * torch.linspace(0, 1, round(0.02 * RATE)))
    for at in at_seconds:
        i = round(at * RATE)
        audio[i : i + len(burst)] += burst[: len(audio) - i]
    return audio
