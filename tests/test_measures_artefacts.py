"""Artefacts: each is 0 for the target itself, and is what was done to it otherwise."""

import math

import pytest
import torch
from torch import Tensor

from lgr.measures.artefacts import ARTEFACTS, attack_db, buzz_db, dropouts, loudness_lu, rises
from lgr.measures.retention import Timeline

RATE = 24000
STARTS = [0.31, 0.8025, 1.2, 1.75]


def noise(seconds: float = 2.2, seed: int = 0) -> Tensor:
    return 0.1 * torch.randn(round(seconds * RATE), generator=torch.Generator().manual_seed(seed))


def hits() -> Tensor:
    """Decaying bursts out of faint noise."""
    audio = 1e-2 * noise()
    for i, start in enumerate(STARTS):
        k = round(start * RATE)
        audio[k : k + 4800] += 4 * noise(0.2, 5 + i) * torch.exp(-torch.arange(4800) / 1200)
    return audio


def line(audio: Tensor) -> Timeline:
    return Timeline(audio, RATE)


@pytest.mark.parametrize("name", ARTEFACTS)
def test_the_target_has_none(name: str) -> None:
    assert ARTEFACTS[name].measure(line(hits()), line(hits()), 18.75) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("name", ARTEFACTS)
def test_silence_has_no_number(name: str) -> None:
    assert ARTEFACTS[name].measure(line(torch.zeros(RATE * 2)), line(noise(2.0)), 18.75) is None


def test_rises_are_where_the_sound_begins() -> None:
    found = rises(line(hits())).double() / 1000
    torch.testing.assert_close(found, torch.tensor(STARTS).double(), rtol=0, atol=0.002)


@pytest.mark.parametrize("lift_db", [6.0, 20.0])
def test_what_is_before_an_attack_is_counted(lift_db: float) -> None:
    smeared = hits()
    for start in STARTS:
        k = round(start * RATE)
        smeared[k - 240 : k] *= 10 ** (lift_db / 20)
    assert attack_db(line(hits()), line(smeared)) == pytest.approx(lift_db, abs=1.5)
    assert attack_db(line(noise(0.3)), line(noise(0.3))) in (None, 0.0)  # without an onset after its beginning


@pytest.mark.parametrize("depth", [0.1, 0.3])
@pytest.mark.parametrize("hz", [9.4, 18.75, 37.5])
def test_a_swing_at_the_grain_rate_is_heard_there_and_nowhere_else(depth: float, hz: float) -> None:
    time = torch.arange(round(2.2 * RATE)) / RATE
    shaken = noise() * (1 + depth * torch.sin(2 * math.pi * hz * time))
    there, elsewhere = buzz_db(line(noise()), line(shaken), hz), buzz_db(line(noise()), line(shaken), 2.9 * hz)
    assert there is not None
    assert elsewhere is not None
    assert there > (5 if depth == 0.1 else 14)
    assert abs(elsewhere) < 2
    assert buzz_db(line(noise()), line(shaken)) is None
    assert buzz_db(line(noise(0.9)), line(noise(0.9)), hz) is None


def test_holes_are_counted_where_the_target_is_loud() -> None:
    holed = noise(2.0)
    holed[: RATE // 2] *= 0.2  # -14 dB for a quarter of the time
    assert dropouts(line(noise(2.0)), line(holed)) == pytest.approx(0.25, abs=0.01)
    holed[: RATE // 2] *= 2  # -8 dB
    assert dropouts(line(noise(2.0)), line(holed)) == 0
    quiet = noise(2.0)
    quiet[RATE:] *= 0.01  # half of the target is not loud
    assert dropouts(line(quiet), line(torch.cat([noise(1.0), torch.zeros(RATE)]))) == pytest.approx(0, abs=0.03)


@pytest.mark.parametrize("gain_db", [-7.0, 3.0])
def test_loudness_is_a_gain(gain_db: float) -> None:
    found = loudness_lu(line(noise()), line(noise() * 10 ** (gain_db / 20)))
    assert found == pytest.approx(gain_db, abs=0.05)
    assert loudness_lu(line(noise(0.3)), line(noise(0.3))) is None
