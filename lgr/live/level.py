"""Levels of a stream, from its past alone: how loud to encode what comes in, how loud to play what goes out.

Time goes in blocks, some 1.5 ms long, an eighth or so of a codec's hop.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from lgr.sound.level import COMMON_DB, MAX_BOOST_DB

BLOCK_SECONDS = 0.002  # at most
MEMORY_SECONDS = 0.02  # over which the two levels are compared
JUMP = 4.0  # times as much power as before: an attack, from which on both levels are measured anew
HEARD_SECONDS = 0.05  # over which the input's level is taken
FORGET_DB = 1.5  # a second: by how much the loudest moment of the input counts less
MOST_LIFT_DB = 40.0  # of a quiet input
SILENT_DB = -80.0  # below, the input says nothing about its level
CEILING, KNEE = 0.999, 0.8  # what goes beyond the knee is bent, so that nothing passes the ceiling
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
    return InputLevel(heard, loudest, gain), _ramped(blocks, gains)


class OutputLevel(NamedTuple):
    """Means of power of what came in and of what goes out, over ``blocks`` blocks at most, and the last gains."""

    wanted: float = 0.0
    present: float = 0.0
    blocks: int = 0
    gain: float = 0.0
    volume: float | None = None


def followed(
    state: OutputLevel, made: Tensor, target: Tensor, sample_rate: int, *, volume: float, held: bool = False
) -> tuple[OutputLevel, Tensor]:
    """What was made, as loud as the target, attacks and all.

    Parameters
    ----------
    made : (channels, n, samples), blocks of audio
    target : (n, samples), what came in, at the same places
    volume : factor on the result, approached over ``MEMORY_SECONDS``
    held : whether the target's level stays what it was

    Returns
    -------
    state, audio (channels, n, samples) within full scale, never lifted by more than ``MAX_BOOST_DB``
    """
    memory = max(1, round(MEMORY_SECONDS * sample_rate / made.shape[2]))
    wanted, present, count, gain, now = state
    now = volume if now is None else now
    gains = [gain * now]
    powers = zip(target.double().square().mean(1).tolist(), made.double().square().mean((0, 2)).tolist(), strict=True)
    for asked, given in powers:
        if held:
            asked = wanted
        if asked > JUMP * wanted + TINY:  # an attack: what was before says nothing about it
            count = 0
        count = min(memory, count + 1)
        wanted += (asked - wanted) / count
        present += (given - present) / count
        gain = min(10 ** (MAX_BOOST_DB / 20), math.sqrt(wanted / max(present, TINY)))
        now += (volume - now) / memory
        gains.append(gain * now)
    return OutputLevel(wanted, present, count, gain, now), bent(_ramped(made, gains))


def bent(audio: Tensor) -> Tensor:
    """Within ``CEILING``: unchanged up to ``KNEE``, bent smoothly beyond it."""
    over = (audio.abs() - KNEE).clamp(min=0)
    room = CEILING - KNEE
    return audio.sign() * (audio.abs().clamp(max=KNEE) + room * torch.tanh(over / room))


def _ramped(blocks: Tensor, gains: list[float]) -> Tensor:
    """Blocks (..., n, samples) times gains that have arrived at each block's by its middle; ``gains[0]`` is before."""
    points = torch.tensor(gains, dtype=blocks.dtype)
    size = blocks.shape[-1]
    moved = ((torch.arange(size, dtype=blocks.dtype) + 1) / (0.5 * size)).clamp(max=1.0)
    return blocks * torch.lerp(points[:-1, None], points[1:, None], moved)
