"""Segments of a timeline cover it once, and cross-fade along lines."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lgr.codecs.segments import Segments


@pytest.mark.parametrize("frames", [1, 149, 150, 151, 200, 298, 299, 300, 1000])
@pytest.mark.parametrize("per_frame", [1, 3])
def test_segment_weights_sum_to_one(frames: int, per_frame: int) -> None:
    segments = Segments(frames, 150, 148)
    total = torch.zeros(frames * per_frame)
    for index, start in enumerate(segments.starts):
        weight = segments.weight(index, per_frame)
        assert len(weight) == min(150, frames) * per_frame
        assert weight.min() >= 0
        total[start * per_frame : start * per_frame + len(weight)] += weight
    torch.testing.assert_close(total, torch.ones(frames * per_frame), rtol=0, atol=1e-6)


@given(frames=st.integers(1, 400), length=st.integers(2, 40), data=st.data())
@settings(max_examples=40, deadline=None)
def test_segments_of_any_length_cover_a_file_once(frames: int, length: int, data: st.DataObject) -> None:
    stride = length - data.draw(st.integers(1, length // 2))
    segments = Segments(frames, length, stride)
    total = torch.zeros(frames * 2)
    for index, start in enumerate(segments.starts):
        weight = segments.weight(index, 2)
        total[start * 2 : start * 2 + len(weight)] += weight
    torch.testing.assert_close(total, torch.ones(frames * 2), rtol=0, atol=1e-6)
    assert segments.starts[-1] + length == max(frames, length)  # the last one is as long as the others


def test_a_segment_fades_in_along_a_line() -> None:
    segments = Segments(35, 20, 15)
    assert segments.starts == [0, 15]
    rise = (torch.arange(400) + 0.5) / 400
    torch.testing.assert_close(segments.weight(1, 80), torch.cat([rise, torch.ones(1200)]), rtol=0, atol=1e-6)
    torch.testing.assert_close(segments.weight(0, 80), torch.cat([torch.ones(1200), 1 - rise]), rtol=0, atol=1e-6)
