"""A sound that goes on playing: what a walk over its frames may do and may not."""

import pytest
import torch
from torch.testing import assert_close

from lgr.errors import ArgumentError, ShapeError
from lgr.interpolation.walk import FADE_SECONDS, LEVEL_SPAN_DB, walk, walk_latents

RATE, FRAMES = 75.0, 300


def features(seed: int = 0, frames: int = FRAMES) -> torch.Tensor:
    return torch.randn(12, frames, generator=torch.Generator().manual_seed(seed))


def walked(n: int, place: int, side: str, seed: int = 0, frames: int = FRAMES, levels=None, rows=None) -> torch.Tensor:
    rows = features(frames=frames) if rows is None else rows
    levels = torch.zeros(frames) if levels is None else levels
    generator = torch.Generator().manual_seed(seed)
    return walk(rows, levels, n, place, side=side, frame_rate=RATE, generator=generator)


@pytest.mark.parametrize("side", ["leave", "arrive", "pass"])
@pytest.mark.parametrize("frames", [4, 5, 12, FRAMES])
def test_no_frame_follows_itself_and_all_are_the_sounds(side: str, frames: int) -> None:
    for seed in range(20):
        steps = walked(200, frames // 2, side, seed, frames)
        assert steps.shape == (200,)
        assert bool((steps.diff() != 0).all())
        assert 0 <= int(steps.min()) <= int(steps.max()) < frames


def test_a_walk_begins_where_it_leaves_and_ends_where_it_arrives() -> None:
    for seed in range(20):
        assert int(walked(50, 120, "leave", seed)[0]) == 120
        assert int(walked(50, 120, "arrive", seed)[-1]) == 120
        assert int(walked(50, FRAMES - 1, "leave", seed)[0]) == FRAMES - 1  # nothing is left to be played on
        assert int(walked(50, 0, "arrive", seed)[-1]) == 0


def test_a_walk_mostly_plays_on_and_still_jumps() -> None:
    steps = torch.stack([walked(400, 150, "pass", seed) for seed in range(10)])
    playing_on = float((steps.diff(dim=1) == 1).double().mean())
    assert 0.93 < playing_on < 0.995  # runs of 0.4 s on the average are 29 of 30 steps


def test_the_seed_decides() -> None:
    assert torch.equal(walked(300, 10, "leave", 5), walked(300, 10, "leave", 5))
    assert not torch.equal(walked(300, 10, "leave", 5), walked(300, 10, "leave", 6))


def test_a_walk_keeps_to_the_level_and_the_sound_of_its_place() -> None:
    levels = torch.cat([torch.zeros(150), torch.full((150,), -4 * LEVEL_SPAN_DB)])
    jumps = torch.cat([walked(300, 100, "leave", seed, levels=levels) for seed in range(10)])
    assert float((jumps >= 165).double().mean()) < 0.02
    rows = torch.zeros(2, FRAMES)
    rows[0, :150], rows[1, 150:] = 1, 1  # two sounds, one after the other
    jumps = torch.cat([walked(300, 220, "arrive", seed, rows=rows) for seed in range(10)])
    assert float((jumps < 135).double().mean()) < 0.05


def test_what_is_played_is_the_sounds_own_but_for_the_jumps() -> None:
    latents = torch.arange(FRAMES, dtype=torch.float32).expand(2, 3, -1)
    index = torch.cat([torch.arange(10, 40), torch.arange(200, 230)])
    played = walk_latents(latents, index, frame_rate=RATE)
    half = max(1, round(FADE_SECONDS * RATE / 2))
    assert torch.equal(played[1, 2, : 30 - half], index[: 30 - half].float())
    assert torch.equal(played[0, 0, 30 + half :], index[30 + half :].float())
    middle = played[0, 0, 30 - half : 30 + half]
    # the run that ends plays on (39, 40), the one that begins comes from before (199, 200), in weights of one sum
    weight = (torch.arange(2 * half) + 0.5) / (2 * half)
    ending, beginning = torch.arange(40 - half, 40 + half), torch.arange(200 - half, 200 + half)
    assert_close(middle, torch.lerp(ending.float(), beginning.float(), weight))
    edge = walk_latents(latents, torch.tensor([5, 90, 7]), frame_rate=RATE)
    assert torch.equal(edge[:, :, [0, -1]], latents[:, :, [5, 7]])


def test_what_cannot_be_walked_is_refused() -> None:
    with pytest.raises(ArgumentError, match="at least 4 frames to go on playing, got 3"):
        walked(10, 0, "leave", frames=3)
    with pytest.raises(ArgumentError, match=r"place must be in \[0, 300\), got 300"):
        walked(10, 300, "leave")
    with pytest.raises(ShapeError, match="levels_db"):
        walked(10, 0, "leave", levels=torch.zeros(4))
