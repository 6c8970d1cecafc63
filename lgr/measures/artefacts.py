"""Artefacts: what a resynthesis adds or loses that a listener notices at once, whatever the sounds are.

Each compares a result with its target: 0 is no different from it. ``ARTEFACTS`` lists them.

- ``attack_db``: energy just before the target's onsets. Above 0, attacks are smeared.
- ``buzz_db``: how much the level swings at the rate at which grains follow each other. Above 0, it hums there.
- ``dropouts``: share of the target's loud moments at which the result is far quieter.
- ``loudness_lu``: how much louder the whole is.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from lgr.measures.retention import Timeline
from lgr.sound.level import STEP_SECONDS, block_powers
from lgr.sound.loudness import BLOCK_SECONDS, integrated_loudness

BEFORE_SECONDS = 0.01  # before an onset
NEAR_SECONDS = 0.02  # how far from where the detector sees an onset its rise is sought
FLOOR_DB = -80.0  # under full scale
DROP_DB, LOUD_DB, DROP_SECONDS = 12.0, 20.0, 0.05  # quieter by this; within this of the loudest; in frames so long
SWING_SECONDS = 0.5  # of level, whose spectrum tells the swing


def rises(target: Timeline) -> Tensor:
    """The blocks of ``STEP_SECONDS`` at which the target's onsets rise, ``(onsets,)`` int64, increasing.

    The onset detector is right to half its window; an attack is where the sound rises most, near there.
    """
    power = block_powers(target.audio[None], target.sample_rate)[0].double()
    side, near = round(0.005 / STEP_SECONDS), round(NEAR_SECONDS / STEP_SECONDS)
    total = torch.cat([power.new_zeros(side + 1), power.cumsum(0), power.sum().expand(side)])
    floor = 10 ** (FLOOR_DB / 10) * side
    n = power.shape[0]
    after = total[2 * side : 2 * side + n] - total[side : side + n]
    before = total[side : side + n] - total[:n]
    rise = (after + floor).log() - (before + floor).log()
    found = []
    for seconds in target.onset_seconds:
        at = round(float(seconds) / STEP_SECONDS)
        low, high = max(0, at - near), min(n, at + near + 1)
        if low < high:
            found.append(low + int(rise[low:high].argmax()))
    return torch.tensor(sorted(set(found)), dtype=torch.int64)


def attack_db(target: Timeline, result: Timeline, grain_hz: float | None = None) -> float | None:
    """Level of the ``BEFORE_SECONDS`` before the target's onsets, the result's over the target's: the median onset, dB.

    None where the target has no onset that comes later than that.
    """
    length = round(BEFORE_SECONDS / STEP_SECONDS)
    at = rises(target)
    at = at[at >= length]
    if not len(at):
        return None
    levels = []
    for sound in (target, result):
        power = block_powers(sound.audio[None], sound.sample_rate)[0].double().unfold(0, length, 1).mean(1)
        levels.append(10 * torch.log10(power[at - length] + 10 ** (FLOOR_DB / 10)))
    return float((levels[1] - levels[0]).median())


def buzz_db(target: Timeline, result: Timeline, grain_hz: float | None = None) -> float | None:
    """Swing of the level at ``grain_hz``, grains a second, and its double: the result's over the target's, dB.

    A swing is what the spectrum of the level (amplitude, every 2 ms) has there, relative to the mean level, over half
    seconds. None without a rate (a sound without a score), and in under a second.
    """
    if grain_hz is None or target.audio.shape[0] < 2 * SWING_SECONDS * target.sample_rate:
        return None
    swings = [_swing(sound, grain_hz) for sound in (target, result)]
    return 10 * math.log10(swings[1] / swings[0]) if min(swings) > 0 else None


def _swing(sound: Timeline, grain_hz: float) -> float:
    """Mean power of the level's spectrum at a rate and its double, over the mean square of the level."""
    step = 2 * STEP_SECONDS
    level = block_powers(sound.audio[None], sound.sample_rate, step_seconds=step)[0].double().sqrt()
    n = round(SWING_SECONDS / step)
    windows = level.unfold(0, n, n // 2)
    mean = windows.square().mean(1)
    windows = windows[mean > 1e-4 * mean.max()]
    if not len(windows):  # silence
        return 0.0
    shape = torch.hann_window(n, dtype=torch.float64)
    time = torch.arange(n, dtype=torch.float64) * step
    waves = torch.stack([torch.exp(2j * math.pi * k * grain_hz * time) for k in (1, 2)])
    centred = (windows - windows.mean(1, keepdim=True)) * shape
    return float((centred.to(waves.dtype) @ waves.T).abs().square().sum() / windows.square().sum())


def dropouts(target: Timeline, result: Timeline, grain_hz: float | None = None) -> float | None:
    """Share of the target's loud frames at which the result is more than ``DROP_DB`` quieter, in [0, 1].

    Loud: within ``LOUD_DB`` of the loudest of its frames of ``DROP_SECONDS``. None in silence.
    """
    levels = []
    for sound in (target, result):
        power = block_powers(sound.audio[None], sound.sample_rate, step_seconds=DROP_SECONDS)[0].double()
        levels.append(10 * torch.log10(power + 1e-12))
    top = float(levels[0].max())
    if top < FLOOR_DB:
        return None
    loud = levels[0] > top - LOUD_DB
    return float((levels[1][loud] < levels[0][loud] - DROP_DB).double().mean())


def loudness_lu(target: Timeline, result: Timeline, grain_hz: float | None = None) -> float | None:
    """Integrated loudness (BS.1770) of the result over the target's, LU; None in under 0.4 s or silence."""
    if target.audio.shape[0] < BLOCK_SECONDS * target.sample_rate + 1:
        return None
    found = [integrated_loudness(sound.audio[None], sound.sample_rate) for sound in (target, result)]
    return found[1] - found[0] if all(map(math.isfinite, found)) else None


@dataclass(frozen=True)
class Artefact:
    """``measure`` of target, result and grains a second, and what it means where there is no number."""

    measure: Callable[[Timeline, Timeline, float | None], float | None]
    otherwise: str


ARTEFACTS = {
    "attack_db": Artefact(attack_db, "the target has no onset"),
    "buzz_db": Artefact(buzz_db, "no score"),
    "dropouts": Artefact(dropouts, "silence"),
    "loudness_lu": Artefact(loudness_lu, "silence, or too short"),
}
