"""Envelopes: numbers and envelopes over seconds."""

import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lgr.errors import ArgumentError
from lgr.sound.envelope import Envelope

values = st.floats(-1e6, 1e6)
seconds = st.floats(0, 1e5)
envelopes = st.lists(st.tuples(seconds, values), min_size=1, max_size=8).map(
    lambda points: Envelope(tuple(sorted(points, key=lambda point: point[0])))
)


@given(envelopes)
def test_text_and_json_round_trip(curve: Envelope) -> None:
    assert Envelope.parse(str(curve)) == curve
    assert Envelope.from_json(json.loads(json.dumps(curve.to_json()))) == curve
    assert Envelope.of(curve) is curve
    assert Envelope.of([list(point) for point in curve.points]) == curve


@given(envelopes, st.lists(st.floats(-1e5, 2e5), min_size=1, max_size=20))
def test_between_its_extremes_everywhere(curve: Envelope, times: list[float]) -> None:
    out = curve.at(torch.tensor(times, dtype=torch.float64))
    low, high = np.float32(curve.minimum), np.float32(curve.maximum)
    assert bool(((out >= low) & (out <= high)).all())


@given(st.lists(st.tuples(seconds, values), min_size=1, max_size=8, unique_by=lambda point: round(point[0], 3)))
def test_equals_numpys_interpolation(points: list[tuple[float, float]]) -> None:
    points.sort()
    curve, at = Envelope(tuple(points)), np.linspace(-1, points[-1][0] + 1, 50)
    expected = np.interp(at, *np.array(points).T)
    scale = max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(curve.at(torch.from_numpy(at)).numpy() / scale, expected / scale, atol=1e-6)


@given(envelopes)
def test_goes_through_its_points_and_holds_its_ends(curve: Envelope) -> None:
    last = {at: value for at, value in curve.points}  # the later of two at one second holds
    out = curve.at(torch.tensor(list(last), dtype=torch.float64))
    torch.testing.assert_close(out, torch.tensor(list(last.values())), rtol=1e-6, atol=1e-6)
    first, *_, end = curve.points * 2
    out = curve.at(torch.tensor([-5.0, end[0] + 5.0], dtype=torch.float64))
    assert out.tolist() == pytest.approx([first[1], end[1]], rel=1e-6)


def test_a_curve_by_hand() -> None:
    curve = Envelope.parse("0:0.1, 5:1.0")
    torch.testing.assert_close(curve.at(torch.tensor([0.0, 2.5, 5.0, 9.0])), torch.tensor([0.1, 0.55, 1.0, 1.0]))
    assert str(curve) == "0:0.1,5:1"
    assert curve.constant is None
    assert (curve.minimum, curve.maximum) == (0.1, 1.0)


def test_a_step() -> None:
    curve = Envelope.parse("0:1,2:1,2:0")
    assert curve.at(torch.tensor([1.0, 1.999, 2.0, 3.0])).tolist() == [1.0, 1.0, 0.0, 0.0]


@pytest.mark.parametrize("number", ["0.3", 0.3, " 0.3 ", [(0, 0.3)], ((7.0, 0.3),), "3:0.3,4:0.3"])
def test_constants(number: object) -> None:
    curve = Envelope.of(number)  # type: ignore[arg-type]
    assert curve.constant == 0.3
    out = curve.at(torch.tensor([[0.0, 1.0], [2.0, 1e9]]))
    assert out.dtype == torch.float32
    assert out.tolist() == torch.full((2, 2), 0.3).tolist()


def test_constant_forms() -> None:
    assert str(Envelope.of(0)) == "0"
    assert Envelope.of(0).constant == 0.0
    assert Envelope.of(2).to_json() == 2.0
    assert Envelope.of("0:1,2:3").to_json() == [[0.0, 1.0], [2.0, 3.0]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int64])
def test_times_of_any_type(dtype: torch.dtype) -> None:
    assert Envelope.of("0:0,4:2").at(torch.tensor([0, 1, 4], dtype=dtype)).tolist() == [0.0, 0.5, 2.0]
    assert Envelope.of(1).at(torch.zeros(0)).shape == (0,)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (math.nan, "finite"),
        (math.inf, "finite"),
        ("nan", "finite"),
        ("0:1,1:inf", "finite"),
        ("-1:0.5", ">= 0 seconds"),
        ("5:1,2:0", "in order, got 2.0 seconds after 5.0"),
        ("", "got ''"),
        ("a", "seconds:value pairs"),
        ("0:1,2", "seconds:value pairs"),
        ("0:1,,2:1", "seconds:value pairs"),
        ("0:1:2", "seconds:value pairs"),
        ([], "at least one"),
        ([(0.0,)], r"\(seconds, value\) pairs"),
        ([1.0, 2.0], r"\(seconds, value\) pairs"),
        (True, "must be a number"),
        (None, "must be a number"),
    ],
)
def test_refusals(bad: object, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        Envelope.of(bad)  # type: ignore[arg-type]


def test_nan_times_are_refused() -> None:
    with pytest.raises(ArgumentError, match="NaN"):
        Envelope.of(1).at(torch.tensor([0.0, math.nan]))
