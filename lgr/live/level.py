"""How loud to encode what comes in, from its past alone. (How loud to play what goes out: ``lgr.live.following``.)

Time goes in blocks, some 1.5 ms long, an eighth or so of a codec's hop.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from lgr.sound.level import COMMON_DB

BLOCK_SECONDS = 0.002  # at most
HEARD_SECONDS = 0.05  # over which the input's level is taken
FORGET_DB = 1.5  # a second: by how much the loudest moment of the input counts less
MOST_LIFT_DB = 40.0  # of a quiet input
SILENT_DB = -80.0  # below, the input says nothing about its level
TINY = 1e-12


def block_length(hop: int, sample_rate: int) -> int:
    """The longest part of a hop, in whole samples, of at most ``BLOCK_SECONDS``."""
    most = max(1, int(BLOCK_SECONDS * sample_rate))
    return next(n for n in range(min(most, hop), 0, -1) if hop % n == 0)


class InputLevel(NamedTuple):
    """``heard``: power of the last 50 ms; ``loudest_db``: of the loudest of them, slowly forgotten."""

    heard: float = 0.0
    loudest_db: float = -math.inf
    gain: float = 1.0


def levelled(state: InputLevel, blocks: Tensor, sample_rate: int) -> tuple[InputLevel, Tensor]:
    """``blocks`` (n, samples) at about the level at which recordings are compared (lgr.sound.level), and their gains.

    The gain follows the loudest moment of late: at once when it gets louder, slowly when quieter.
    """
    keep = math.exp(-blocks.shape[1] / (HEARD_SECONDS * sample_rate))
    fall = FORGET_DB * blocks.shape[1] / sample_rate
    heard, loudest, gain, gains = state.heard, state.loudest_db, state.gain, [state.gain]
    for power in blocks.double().square().mean(1).tolist():
        heard = keep * heard + (1 - keep) * power
        now = 10 * math.log10(max(heard, power * (1 - keep)) + TINY)
        if now > SILENT_DB:
            loudest = max(now, loudest - fall)
            gain = 10 ** (min(MOST_LIFT_DB, COMMON_DB - loudest) / 20)
        gains.append(gain)
    return InputLevel(heard, loudest, gain), ramped(blocks, gains)


def ramped(blocks: Tensor, gains: list[float]) -> Tensor:
    """Blocks (..., n, samples) times gains that each have arrived by the end of their block; ``gains[0]`` is before.

    One that doubles or halves has arrived in a quarter of its block: an attack is loud from its beginning.
    """
    points = torch.tensor(gains, dtype=blocks.dtype)
    before, after = points[:-1, None], points[1:, None]
    moved = (torch.arange(blocks.shape[-1], dtype=blocks.dtype) + 1) / blocks.shape[-1]
    moved = torch.where((2 * after < before) | (after > 2 * before), (4 * moved).clamp(max=1), moved)
    return blocks * torch.lerp(before, after, moved)
