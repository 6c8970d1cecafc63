"""Walks over a map of grains: where a line leads, and that what is heard is the grains it leads to."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import made

from lgr.codebook import CodebookConfig
from lgr.codecs.toy import ToyCodec
from lgr.errors import ArgumentError, CodebookError, ShapeError
from lgr.grain_map.walks import as_recorded, at_most, evenly, grains_in, near_line, play_grain, play_walk, walk_score
from lgr.rendering import render
from lgr.score import Score
from lgr.sources import build_codebook

TOY = ToyCodec(sample_rate=8000, hop_length=80)
HOP = TOY.info.hop_length


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def noise(frames, seed=0):
    return 0.1 * torch.randn(1, frames * HOP, generator=seeded(seed))


@pytest.fixture(scope="module")
def two_sounds():
    """Two recordings through a codec that is exact, and their grains of 4 frames, one at every frame."""
    sounds = [noise(40), noise(30, seed=1)]
    pairs = [(sound, TOY.info.sample_rate) for sound in sounds]
    return sounds, build_codebook(pairs, TOY, CodebookConfig(grain_frames=4))


# Along a line

coordinates = st.floats(-5, 5, width=32)
lines = st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=8)


@settings(max_examples=50, deadline=None)
@given(lines, st.integers(2, 40))
def test_points_along_a_line_are_on_it_in_equal_steps(line, n):
    path = torch.tensor(line, dtype=torch.float64)
    found = evenly(path, n).double()
    assert found.shape == (n, 2)
    torch.testing.assert_close(found[[0, -1]], path[[0, -1]], atol=1e-5, rtol=0)
    along = np.concatenate([[0], np.hypot(*np.diff(path.numpy(), axis=0).T).cumsum()])
    at = np.linspace(0, along[-1], n)
    oracle = np.stack([np.interp(at, along, path[:, axis].numpy()) for axis in (0, 1)], 1)
    torch.testing.assert_close(found, torch.from_numpy(oracle), atol=1e-5, rtol=0)


def test_a_pen_that_rests_changes_nothing():
    line = torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 2.0]])
    rested = line.repeat_interleave(5, 0)
    torch.testing.assert_close(evenly(rested, 9), evenly(line, 9))


def test_a_dot_is_a_line_too():
    assert torch.equal(evenly(torch.tensor([[2.0, 3.0]]), 3), torch.tensor([[2.0, 3.0]] * 3))


# Near a line


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 60), st.integers(1, 70), st.integers(0, 1000))
def test_what_is_passed_is_among_the_nearest(n_points, neighbours, seed):
    points = torch.randn(n_points, 2, generator=seeded(seed))
    path = torch.randn(5, 2, generator=seeded(seed + 1))
    found = near_line(points, path, 90, neighbours=neighbours, generator=seeded(seed))
    distance = (points[None] - evenly(path, 90)[:, None]).norm(dim=2)  # (90, n_points)
    nearer = (distance < distance.gather(1, found[:, None]) - 1e-5).sum(1)
    assert int(nearer.max()) < neighbours


def test_each_neighbour_is_as_likely():
    points = torch.tensor([[0.0, 0.0], [0.0, 0.1], [0.1, 0.0], [9.0, 9.0]])
    found = near_line(points, torch.zeros(1, 2), 6000, neighbours=3, generator=seeded())
    counts = torch.bincount(found, minlength=4)
    assert counts[3] == 0
    assert float(((counts[:3] - 2000) ** 2 / 2000).sum()) < 13.8  # the .999 quantile with 2 degrees of freedom


def test_a_line_through_grains_plays_these_and_a_seed_replays():
    points = torch.stack([torch.arange(12.0), torch.zeros(12)], 1)
    assert torch.equal(near_line(points, points[[3, 8]], 6, generator=seeded()), torch.arange(3, 9))
    once, again = (near_line(points, points, 50, neighbours=4, generator=seeded(5)) for _ in range(2))
    assert torch.equal(once, again)
    assert not torch.equal(once, near_line(points, points, 50, neighbours=4, generator=seeded(6)))


# Which grains


@settings(max_examples=40, deadline=None)
@given(st.sets(st.integers(0, 63), min_size=1), st.integers(1, 4))
def test_no_sound_is_played_twice_and_none_is_left_out(chosen, hop):
    codebook, _, _ = made(frames=(30, 20, 23), grain_frames=4)
    index = torch.tensor(sorted(chosen))
    kept = as_recorded(codebook, index, hop)
    starts, owner = codebook.starts_, codebook.recording_
    for a, b in pairwise(kept):
        assert owner[a] != owner[b] or starts[b] - starts[a] >= hop
    for i in index:  # what is left out starts within a hop after one that is kept
        near = (owner[kept] == owner[i]) & (starts[kept] <= starts[i]) & (starts[i] - starts[kept] < hop)
        assert bool(near.any())


@settings(deadline=None)
@given(st.integers(1, 300), st.integers(1, 300))
def test_thinning_keeps_the_ends_and_the_order(k, n):
    index = torch.arange(k) * 3
    kept = at_most(index, n)
    assert len(kept) == min(k, n)
    assert bool((kept.diff() > 0).all())
    assert kept[0] == 0
    assert n == 1 or kept[-1] == index[-1]


@pytest.mark.parametrize("seconds", [0.01, 0.5, 3.0, 20.0])
def test_as_many_grains_as_last_so_long(two_sounds, seconds):
    _, codebook = two_sounds
    n = grains_in(seconds, codebook, 2)
    lasts = ((n - 1) * 2 + 4) * HOP / TOY.info.sample_rate
    assert n == 1 or abs(lasts - seconds) <= HOP / TOY.info.sample_rate


# As sound


def test_grains_in_their_own_order_play_the_recording(two_sounds):
    """A lasso around everything: both recordings, one after the other, sample by sample."""
    sounds, codebook = two_sounds
    for hop in (1, 2, 4):
        index = as_recorded(codebook, torch.arange(len(codebook)), hop)
        own = index[codebook.recording_[index] == 0]
        score = walk_score(codebook, own, hop_frames=hop)
        assert score.mean_run_length == len(own)
        heard = play_walk(score, codebook, TOY)
        torch.testing.assert_close(heard, sounds[0][:, : heard.shape[1]], atol=1e-5, rtol=0)
        assert heard.shape[1] >= sounds[0].shape[1] - 3 * HOP


def test_a_saved_walk_is_played_again_bit_for_bit(tmp_path):
    from lgr.sound.audio import save_audio

    files = [save_audio(tmp_path / f"{i}.wav", noise(30, seed=i), TOY.info.sample_rate) for i in range(2)]
    codebook = build_codebook(files, TOY, CodebookConfig(grain_frames=4))
    index = torch.tensor([3, 40, 41, 5, 5])
    score = walk_score(codebook, index, hop_frames=2, seed=9, among=3)
    heard = play_walk(score, codebook, TOY)
    assert heard.shape == (1, (4 * 2 + 4) * HOP)
    again = Score.load(score.save(tmp_path / "walk.json"))
    assert again == score
    replayed, rate = render(again, codec=TOY)
    assert rate == TOY.info.sample_rate
    assert torch.equal(replayed, heard)
    assert again.probability.tolist() == pytest.approx([1 / 3] * 5)
    assert again.entropy.tolist() == pytest.approx([math.log(3)] * 5)
    assert (again.recording.tolist(), again.source_frame.tolist()) == ([0, 1, 1, 0, 0], [3, 13, 14, 5, 5])


@pytest.mark.parametrize(
    ("index", "context", "first", "last"), [(7, 0, 7, 11), (7, 3, 4, 14), (1, 3, 0, 8), (36, 9, 27, 40)]
)
def test_a_grain_is_heard_alone_or_with_what_is_around_it(two_sounds, index, context, first, last):
    sounds, codebook = two_sounds
    heard = play_grain(codebook, index, TOY, seconds=0.4, context_frames=context)
    own = sounds[0][:, first * HOP : last * HOP]
    lead, after = 4 * HOP, 4 * HOP + own.shape[1]
    torch.testing.assert_close(heard[:, lead:after], own, atol=1e-5, rtol=0)
    assert float(heard[:, :lead].abs().max()) < 1e-5
    assert float(heard[:, after:].abs().max()) < 1e-5
    assert heard.shape[1] / TOY.info.sample_rate == pytest.approx(0.4, abs=HOP / TOY.info.sample_rate)


def test_stereo_sounds_are_heard_in_stereo():
    sound = torch.cat([noise(20), 0.5 * noise(20, seed=1)])
    codebook = build_codebook([(sound, TOY.info.sample_rate)], TOY, CodebookConfig(grain_frames=4))
    assert play_grain(codebook, 3, TOY).shape[0] == 2
    heard = play_walk(walk_score(codebook, torch.arange(17), hop_frames=1), codebook, TOY)
    torch.testing.assert_close(heard, sound, atol=1e-5, rtol=0)


# What is refused


def test_what_does_not_fit_is_refused(two_sounds):
    _, codebook = two_sounds
    points = torch.zeros(3, 2)
    with pytest.raises(ShapeError, match=r"line must be \(k, 2\)"):
        evenly(torch.zeros(0, 2), 4)
    with pytest.raises(ArgumentError, match="line must be finite"):
        evenly(torch.tensor([[0.0, math.nan]]), 4)
    with pytest.raises(ArgumentError, match="n must be >= 1, got 0"):
        evenly(torch.zeros(1, 2), 0)
    with pytest.raises(ArgumentError, match="n must be >= 1, got 0"):
        at_most(torch.arange(3), 0)
    with pytest.raises(ArgumentError, match="neighbours must be >= 1, got 0"):
        near_line(points, points, 3, neighbours=0, generator=seeded())
    with pytest.raises(ShapeError, match="points must be"):
        near_line(torch.zeros(0, 2), points, 3, generator=seeded())
    with pytest.raises(ArgumentError, match=r"index must be in \[0, 64\), got -1"):
        walk_score(codebook, torch.tensor([-1]), hop_frames=2)
    with pytest.raises(ShapeError, match="index must be"):
        walk_score(codebook, torch.zeros(0, dtype=torch.int64), hop_frames=2)
    with pytest.raises(ArgumentError, match="hop_frames must be in"):
        walk_score(codebook, torch.tensor([0]), hop_frames=5)
    with pytest.raises(ArgumentError, match=r"index must be in \[0, 64\), got 64"):
        play_grain(codebook, 64, TOY)
    with pytest.raises(ArgumentError, match="context_frames must be >= 0"):
        play_grain(codebook, 0, TOY, context_frames=-1)
    other, _, _ = made()
    with pytest.raises(CodebookError, match="made with codec 'made-up'"):
        play_grain(other, 0, TOY)
