"""Cutting and joining: against loops that do the same by hand, and cut-then-join as the identity."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from lgr.errors import ArgumentError, ShapeError
from lgr.latents.grains import cross_fade, cut, grain_starts, join

sizes = st.tuples(st.integers(1, 40), st.integers(1, 9), st.integers(1, 12))  # frames, grain_frames, stride


def latents(frames: int, *, lanes: int | None = None, seed: int = 0) -> torch.Tensor:
    shape = (3, frames) if lanes is None else (lanes, 3, frames)
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@given(sizes)
def test_padded_starts_are_the_grid_up_to_the_end(size):
    frames, grain_frames, stride = size
    expected, start = [], 0
    while start < frames and (not expected or expected[-1] + grain_frames < frames):
        expected.append(start)
        start += stride
    assert grain_starts(frames, grain_frames, stride, "pad").tolist() == expected


@given(sizes)
def test_shifted_starts_are_whole_grains_and_the_last_ends_at_the_end(size):
    frames, grain_frames, stride = size
    if frames < grain_frames:
        with pytest.raises(ArgumentError, match=f"frames must be >= grain_frames \\({grain_frames}\\).*got {frames}"):
            grain_starts(frames, grain_frames, stride, "shift")
        return
    expected = list(range(0, frames - grain_frames + 1, stride))
    if expected[-1] + grain_frames != frames:
        expected.append(frames - grain_frames)
    assert grain_starts(frames, grain_frames, stride, "shift").tolist() == expected


@given(sizes, st.sampled_from(["shift", "pad"]), st.sampled_from([None, 1, 2]))
def test_cut_equals_slicing_by_hand(size, tail, lanes):
    frames, grain_frames, stride = size
    if tail == "shift" and frames < grain_frames:
        return
    x = latents(frames, lanes=lanes)
    grains = cut(x, grain_frames, stride, tail)
    starts = grain_starts(frames, grain_frames, stride, tail).tolist()
    assert grains.shape == (*x.shape[:-2], len(starts), 3, grain_frames)
    for i, start in enumerate(starts):
        for k in range(grain_frames):
            assert torch.equal(grains[..., i, :, k], x[..., min(start + k, frames - 1)])


def test_cut_is_a_view_where_no_grain_is_moved():
    x = latents(12)
    for grain_frames, stride in ((4, None), (4, 2), (5, 1)):
        assert cut(x, grain_frames, stride).data_ptr() == x.data_ptr()
    assert cut(x, 4, 4, "pad").data_ptr() == x.data_ptr()


@given(st.integers(1, 40), st.integers(1, 9), st.data())
@settings(deadline=None)
def test_join_of_cut_is_the_identity_for_any_hop(frames, grain_frames, data):
    hop = data.draw(st.integers(1, grain_frames))
    x = latents(frames, lanes=data.draw(st.sampled_from([None, 2])))
    assert_close(join(cut(x, grain_frames, hop, "pad"), hop, frames), x, rtol=0, atol=2e-6)
    if frames >= grain_frames:
        starts = grain_starts(frames, grain_frames, hop)
        assert_close(join(cut(x, grain_frames, hop), starts, frames), x, rtol=0, atol=2e-6)


@given(st.integers(1, 40), st.integers(1, 9))
def test_grains_end_to_end_are_copied_exactly(frames, grain_frames):
    x = latents(frames)
    assert torch.equal(join(cut(x, grain_frames, None, "pad"), grain_frames, frames), x)


@given(st.integers(1, 12), st.integers(1, 9), st.data())
def test_join_equals_adding_up_by_hand(n_grains, grain_frames, data):
    hop = data.draw(st.integers(1, grain_frames))
    frames = data.draw(st.integers((n_grains - 1) * hop + 1, (n_grains - 1) * hop + grain_frames))
    grains = torch.randn(n_grains, 3, grain_frames, generator=torch.Generator().manual_seed(1)).double()
    expected = torch.zeros(3, frames, dtype=torch.float64)
    for t in range(frames):
        over = [(i, t - i * hop) for i in range(n_grains) if 0 <= t - i * hop < grain_frames]
        weights = [min(k + 0.5, grain_frames - k - 0.5) for _, k in over]
        for (i, k), weight in zip(over, weights, strict=True):
            expected[:, t] += grains[i, :, k] * weight / sum(weights)
    assert_close(join(grains, hop, frames), expected, rtol=0, atol=1e-12)


@given(st.integers(1, 12), st.integers(1, 9), st.data())
def test_cross_fade_sums_to_one_everywhere(n_grains, grain_frames, data):
    steps = data.draw(st.lists(st.integers(1, grain_frames), min_size=n_grains - 1, max_size=n_grains - 1))
    starts = torch.tensor([0, *steps]).cumsum(0)
    frames = int(starts[-1]) + grain_frames
    total = torch.zeros(frames, dtype=torch.float64)
    for start, weights in zip(starts.tolist(), cross_fade(starts, grain_frames, frames), strict=True):
        assert (weights > 0).all()
        total[start : start + grain_frames] += weights
    assert_close(total, torch.ones(frames, dtype=torch.float64), rtol=0, atol=1e-12)


def test_cross_fade_over_less_than_half_a_grain_is_a_straight_line():
    weights = cross_fade(torch.tensor([0, 6]), 8, 14)  # two frames in common
    assert_close(weights[0, 6:], torch.tensor([0.75, 0.25], dtype=torch.float64))
    assert (weights[0, :6] == 1).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: join(torch.zeros(2, 3, 4), 5, 8), r"hop_frames must be in \[1, grain_frames=4\], got 5"),
        (lambda: join(torch.zeros(2, 3, 4), 0, 8), r"hop_frames must be in \[1, grain_frames=4\], got 0"),
        (lambda: join(torch.zeros(2, 3, 4), 4, 9), r"starts must leave no frame of \[0, 9\) without a grain"),
        (lambda: join(torch.zeros(2, 3, 4), 4, 0), "frames must be >= 1, got 0"),
        (lambda: join(torch.zeros(2, 3, 4), torch.tensor([0, 5]), 9), "starts must leave no frame"),
        (lambda: join(torch.zeros(2, 3, 4), torch.tensor([-1, 2]), 6), "starts must be >= 0, got -1"),
        (lambda: join(torch.zeros(2, 3, 4), torch.tensor([0]), 4), r"starts must be \(2,\), got \(1,\)"),
        (lambda: join(torch.zeros(3, 4), 4, 4), r"grains must be .*, got \(3, 4\)"),
        (lambda: cut(torch.zeros(9), 4), r"latents must be .*, got \(9,\)"),
        (lambda: cut(torch.zeros(3, 9), 4, 0), "stride must be >= 1, got 0"),
        (lambda: grain_starts(9, 4, 2, "drop"), "tail must be 'shift' or 'pad', got 'drop'"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises((ArgumentError, ShapeError), match=message):
        call()
