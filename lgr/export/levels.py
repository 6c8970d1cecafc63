"""Levels of a stream, scriptable: the mathematics of ``lgr.live.level``, which a test holds these equal to."""

import math

import torch
from torch import Tensor, nn

from lgr.live import level as live
from lgr.sound.level import COMMON_DB, MAX_BOOST_DB


def ramped(blocks: Tensor, gains: list[float]) -> Tensor:
    """Blocks (n, samples) times gains that have arrived at each block's by its middle; ``gains[0]`` is before."""
    points = torch.tensor(gains, dtype=blocks.dtype)
    size = blocks.shape[1]
    moved = ((torch.arange(size, dtype=blocks.dtype) + 1) / (0.5 * size)).clamp(max=1.0)
    return blocks * torch.lerp(points[:-1, None], points[1:, None], moved)


def block_powers(blocks: Tensor) -> list[float]:
    """Mean square of each of ``blocks`` (n, samples)."""
    powers: list[float] = blocks.double().square().mean(1).tolist()
    return powers


class InputLevel(nn.Module):
    """``lgr.live.level.levelled``: what comes in, at about the level at which recordings are compared."""

    def __init__(self, block: int, sample_rate: int) -> None:
        super().__init__()
        self.keep = math.exp(-block / (live.HEARD_SECONDS * sample_rate))
        self.fall = live.FORGET_DB * block / sample_rate
        self.silent, self.tiny = live.SILENT_DB, live.TINY
        self.most, self.common = live.MOST_LIFT_DB, COMMON_DB
        self.heard, self.loudest, self.gain = 0.0, -math.inf, 1.0

    @torch.jit.export
    def reset(self) -> None:
        self.heard, self.loudest, self.gain = 0.0, -math.inf, 1.0

    def forward(self, blocks: Tensor) -> Tensor:
        """Blocks (n, samples) times their gains."""
        gains = [self.gain]
        for power in block_powers(blocks):
            self.heard = self.keep * self.heard + (1 - self.keep) * power
            now = 10 * math.log10(max(self.heard, power * (1 - self.keep)) + self.tiny)
            if now > self.silent:
                self.loudest = max(now, self.loudest - self.fall)
                self.gain = math.pow(10.0, min(self.most, self.common - self.loudest) / 20)
            gains.append(self.gain)
        return ramped(blocks, gains)
