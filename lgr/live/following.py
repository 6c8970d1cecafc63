"""How loud to play what goes out: at every moment as loud, as it is heard, as what came in.

Blocks of what was made and of what came in are compared through the filters of BS.1770 (``lgr.sound.loudness``): hiss
in the place of a bass drum is not too loud, and a fire's rumble below 38 Hz, unheard, does not count. More than the
past of both is known: what came in is known ``ahead`` of what goes out, since the codec looks ahead; what was made is
known to the end of its hop.

- Means of power are taken over the last ``MEMORY_SECONDS``, or since an attack: an attack is not smeared.
- A mean of the past is too loud where a sound dies away, one of the future too quiet. Their geometric mean, over
  equally many blocks, is right for every exponential, and does not sound before an attack. What was made is taken in
  the same way as what came in, as far as it is known: so a copy comes out as it went in.
- What went out too loud or too quiet in the last ``BALANCE_SECONDS`` is made up for.
- A gain glides over ``GLIDE_SECONDS``, but at edges: one that jumps about from block to block colours what is played
  (it doubled the distance from the source: ``benchmarks/live_quality.py``).
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from lgr.live.level import TINY, ramped
from lgr.sound.level import MAX_BOOST_DB
from lgr.sound.loudness import heard_by_block, heard_powers

MEMORY_SECONDS = 0.015  # shorter, and bass is made rough; longer, and what dies away is not followed
BALANCE_SECONDS = 0.06
GLIDE_SECONDS = 0.005
EDGE = 4.0  # times as much power, or as little, in one block
JUMP = 4.0  # times as much power as before: an attack, from which on both levels are measured anew
STRENGTH = 2.0  # exponent of that: 1 leaves half a bias, in dB
MOST_BALANCE = 4.0  # times as much power, or as little, for what went out before
CEILING, KNEE = 0.999, 0.8  # what goes beyond the knee is bent, so that nothing passes the ceiling


class OutputLevel(NamedTuple):
    """What a stream has come to. Means and sums are of power, as heard."""

    wanted: float = 0.0  # mean of what came in, over the last blocks
    present: float = 0.0  # mean of what was made
    blocks: int = 0  # that these means are of
    owed: float = 0.0  # sum of what came in, slowly forgotten
    paid: float = 0.0  # sum of what went out, slowly forgotten
    gain: float = 0.0
    volume: float | None = None
    came: Tensor | None = None  # (1, 4): the filters' state after what came in
    made: Tensor | None = None  # (channels, 4)


def followed(
    state: OutputLevel,
    made: Tensor,
    target: Tensor,
    sample_rate: int,
    *,
    volume: float,
    hop_blocks: int = 1,
    held: bool = False,
) -> tuple[OutputLevel, Tensor]:
    """What was made, as loud as the target, attacks and all.

    Parameters
    ----------
    made : (channels, n, samples), blocks of audio, whole hops of them
    target : (n + ahead, samples), what came in, at the same places and so many blocks further
    volume : factor on the result, approached over ``MEMORY_SECONDS``
    hop_blocks : blocks that are made at a time
    held : whether the target's level stays what it was

    Returns
    -------
    state, audio (channels, n, samples) within full scale, never lifted by more than ``MAX_BOOST_DB``
    """
    count, size = made.shape[1], made.shape[2]
    if count == 0:
        return state, made.flatten(1)[:, None]
    ahead = target.shape[0] - count
    memory = max(1, round(MEMORY_SECONDS * sample_rate / size))
    glide = min(1.0, size / (GLIDE_SECONDS * sample_rate))
    keep = 1 - 1 / max(1, round(BALANCE_SECONDS * sample_rate / size))
    by_block = heard_by_block(size, sample_rate)
    came_state, asked = heard_powers(by_block, state.came, target[None], count)
    made_state, given = heard_powers(by_block, state.made, made, count)
    wanted, present, blocks, owed, paid, gain = state[:6]
    now = volume if state.volume is None else state.volume
    gains = [gain * now]
    for i in range(count):
        comes = wanted if held else asked[i]
        if comes > JUMP * wanted + TINY:  # an attack: what was before says nothing about it
            blocks = 0
        blocks = min(memory, blocks + 1)
        wanted += (comes - wanted) / blocks
        present += (given[i] - present) / blocks
        aim = wanted
        if not held:
            span = min(blocks, ahead + hop_blocks - i % hop_blocks)
            later = sum(asked[i : i + span]) / span
            if later < wanted:
                aim = math.sqrt(wanted * later)
        rest = given[i + 1 : i + min(blocks, hop_blocks - i % hop_blocks)]
        around = (present * blocks + sum(rest)) / (blocks + len(rest))
        falling = (given[i] + sum(rest)) / (1 + len(rest))
        if falling < around:
            around = math.sqrt(around * falling)
        power = aim / max(around, TINY)
        owed = keep * owed + comes
        balance = (owed + TINY) / (keep * paid + power * given[i] + TINY)
        power *= min(MOST_BALANCE, max(1 / MOST_BALANCE, balance**STRENGTH))
        power = min(10 ** (MAX_BOOST_DB / 10), power)
        before = gain * gain
        if blocks > 1 and EDGE * before > power > before / EDGE:
            power = before ** (1 - glide) * power**glide
        paid = keep * paid + power * given[i]
        gain = math.sqrt(power)
        now += (volume - now) / memory
        gains.append(gain * now)
    after = OutputLevel(wanted, present, blocks, owed, paid, gain, now, came_state, made_state)
    return after, bent(ramped(made, gains))


def bent(audio: Tensor) -> Tensor:
    """Within ``CEILING``: unchanged up to ``KNEE``, bent smoothly beyond it."""
    over = (audio.abs() - KNEE).clamp(min=0)
    room = CEILING - KNEE
    return audio.sign() * (audio.abs().clamp(max=KNEE) + room * torch.tanh(over / room))
