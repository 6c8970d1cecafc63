"""Slow levels, and sounds brought to them."""

import pytest
import torch

from lgr.errors import ShapeError
from lgr.sound.level_line import LOWEST_DB, MOST_BOOST_DB, POINT_SECONDS, slow_levels_db, to_levels

RATE = 16000


def noise(seconds: float = 2.0, seed: int = 0, channels: int = 1) -> torch.Tensor:
    return 0.1 * torch.randn(channels, round(seconds * RATE), generator=torch.Generator().manual_seed(seed))


def test_a_level_is_that_of_the_sound() -> None:
    levels = slow_levels_db(noise(), RATE)
    assert levels.shape == (200,)
    assert float((levels + 20).abs().max()) < 0.5
    assert float(slow_levels_db(torch.zeros(1, RATE), RATE).max()) == pytest.approx(LOWEST_DB)
    tenth = torch.cat([noise(), 0.1 * noise()], 1)
    assert float((slow_levels_db(tenth, RATE)[[0, -1]] - torch.tensor([-20.0, -40.0])).abs().max()) < 0.6


@pytest.mark.parametrize("seconds", [0.3, 2.0, 5.01])
def test_a_sound_goes_where_it_is_told(seconds: float) -> None:
    sound = noise(seconds, channels=2) * torch.linspace(0.2, 2, round(seconds * RATE)).square()
    points = -(-sound.shape[1] // round(RATE * POINT_SECONDS))
    wanted = torch.linspace(-10 - min(40, 20 * seconds), -10, points)
    window = min(0.5, seconds / 2)
    moved = to_levels(sound, wanted, RATE, window_seconds=window)
    assert float((slow_levels_db(moved, RATE, window_seconds=window) - wanted).abs().max()) < 1.5
    ratio = moved / sound
    assert torch.allclose(ratio[0], ratio[1])  # the stereo image stays


def test_what_happens_within_a_moment_stays() -> None:
    on = (torch.arange(2 * RATE) // (RATE // 50)) % 2  # on and off 25 times a second
    moved = to_levels(noise() * on, torch.full((200,), -20.0), RATE)
    gaps = moved[:, on == 0]
    assert bool((gaps == 0).all())
    gain = (moved / noise())[0, on == 1]
    assert float(20 * (gain.max() / gain.min()).log10()) < 2


def test_silence_is_not_raised_and_nothing_by_more_than_the_most() -> None:
    assert bool((to_levels(torch.zeros(1, RATE), torch.zeros(100), RATE) == 0).all())
    faint = 1e-4 * noise(1.0)
    raised = to_levels(faint, torch.zeros(100), RATE)
    assert float(20 * (raised / faint).max().log10()) == pytest.approx(MOST_BOOST_DB, abs=1e-3)
    with pytest.raises(ShapeError, match=r"wanted_db must be \(100,\), got \(99,\)"):
        to_levels(noise(1.0), torch.zeros(99), RATE)
