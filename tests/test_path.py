"""Paths: exact at their ends whatever the kind, and the shapes that they are named after."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from lgr.codecs.base import CodecInfo
from lgr.errors import ArgumentError, CodebookError, ShapeError
from lgr.latents.pace import PACES, positions
from lgr.latents.path import KINDS, LOOPS, PathConfig, morph, path, stretch
from lgr.latents.shapes import circle, forward_backward, linear, orbit, random_steps, slerp, spiral, spline, wander

ALL = (*PACES, "power:0.3", "power:4", "random", "random:0.5")
INFO = CodecInfo(name="one", sample_rate=8000, hop_length=80, channels=1, latent_dim=5)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def two_points(size: int = 6, seed: int = 0, dtype: torch.dtype = torch.float32) -> tuple[torch.Tensor, torch.Tensor]:
    a, b = torch.randn(2, size, generator=seeded(seed)) * torch.tensor([[3.0], [0.2]]) + 0.7
    return a.to(dtype), b.to(dtype)


@settings(max_examples=150, deadline=None)
@given(
    kind=st.sampled_from(list(KINDS)),
    pace=st.sampled_from(ALL),
    n=st.integers(2, 60),
    size=st.integers(2, 9),
    halves=st.integers(1, 6),
    seed=st.integers(0, 99),
    dtype=st.sampled_from([torch.float32, torch.float64, torch.bfloat16]),
)
def test_every_kind_of_path_is_exact_at_its_ends(kind, pace, n, size, halves, seed, dtype) -> None:
    a, b = two_points(size, seed, dtype)
    config = PathConfig(kind=kind, pace=pace, loops=halves / 2 if kind in LOOPS else None)
    points = path([a, b], n, config, generator=seeded(seed))
    assert points.shape == (size, n)
    assert points.dtype == dtype
    assert torch.equal(points[:, 0], a)
    assert torch.equal(points[:, -1], a if config.returns else b)
    assert bool(points.isfinite().all())


@pytest.mark.parametrize("kind", KINDS)
def test_the_default_path_of_every_kind_ends_at_the_second_point(kind: str) -> None:
    assert not PathConfig(kind=kind).returns


@pytest.mark.parametrize("kind", KINDS)
def test_the_ends_are_exact_where_they_are_equal_opposite_or_the_origin(kind: str) -> None:
    a, zero = two_points()[0], torch.zeros(6)
    for first, last in ((a, a), (a, -a), (a, zero), (zero, a), (zero, zero)):
        points = path([first, last], 9, PathConfig(kind=kind), generator=seeded())
        assert torch.equal(points[:, 0], first)
        assert torch.equal(points[:, -1], last)
        assert bool(points.isfinite().all())


def test_a_line_is_equation_5() -> None:
    a, b = two_points()
    u = positions(11)
    for i, t in enumerate(u.tolist()):
        assert_close(linear(a, b, u)[:, i], (1 - t) * a + t * b)


def test_slerp_takes_equal_angles_and_norms() -> None:
    a, b = two_points(dtype=torch.float64)
    points = slerp(a, b, positions(9))
    direction = points / points.norm(dim=0)
    angles = (direction[:, 1:] * direction[:, :-1]).sum(0).acos()
    whole = math.acos(float(a @ b / a.norm() / b.norm()))
    assert_close(angles, torch.full_like(angles, whole / 8))
    assert_close(points.norm(dim=0), torch.lerp(a.norm(), b.norm(), positions(9)))


def test_slerp_of_unit_vectors_is_the_closed_form() -> None:
    a, b = torch.tensor([1.0, 0, 0]), torch.tensor([0, 1.0, 0])
    u = positions(7)
    quarter = u * math.pi / 2
    assert_close(slerp(a, b, u), torch.stack([quarter.cos(), quarter.sin(), 0 * u]).float())


def test_slerp_between_parallel_or_opposite_points_is_the_line() -> None:
    a, u = two_points()[0], positions(5)
    for b in (2 * a, -a, torch.zeros(6)):
        assert torch.equal(slerp(a, b, u), linear(a, b, u))


@pytest.mark.parametrize("towards", [None, torch.tensor([0.0, 0, 1, 0, 0, 0], dtype=torch.float64)])
def test_a_circle_has_the_points_for_a_diameter(towards: torch.Tensor | None) -> None:
    a, b = two_points(dtype=torch.float64)
    points = circle(a, b, positions(17), towards=towards)
    from_centre = points - ((a + b) / 2)[:, None]
    assert_close(from_centre.norm(dim=0), torch.full((17,), float((a - b).norm()) / 2, dtype=torch.float64))
    assert torch.equal(points[:, 8], b)
    assert torch.equal(points[:, 16], a)
    assert torch.linalg.matrix_rank(from_centre, rtol=1e-9) == 2
    outer = (a + b) / 2 if towards is None else towards
    assert points[:, 4] @ outer > points[:, 12] @ outer


def test_an_orbit_keeps_to_its_centre_radius_and_plane() -> None:
    centre = torch.tensor([1.0, 2.0, 3.0])
    plane = torch.tensor([[0.0, 5.0, 0.0], [0.0, 1.0, 2.0]])
    turned = positions(9) * 2 * math.pi
    expected = torch.stack([0 * turned + 1, 2 + 4 * turned.cos(), 3 + 4 * turned.sin()])
    assert_close(orbit(centre, 4.0, plane, positions(9)), expected.float())
    with pytest.raises(ArgumentError, match="towards must not lie on the line"):
        orbit(centre, 4.0, plane[[0, 0]], positions(9))
    with pytest.raises(ArgumentError, match="radius must be >= 0, got -1"):
        orbit(centre, -1.0, plane, positions(9))


def test_a_spiral_closes_in_evenly() -> None:
    a, b = two_points(dtype=torch.float64)
    u = positions(21)
    points = spiral(a, b, u, turns=3)
    assert_close((points - b[:, None]).norm(dim=0), (1 - u) * (a - b).norm())
    turned = ((points - b[:, None])[:, :-1] * (a - b)[:, None]).sum(0) / ((1 - u[:-1]) * (a - b).norm() ** 2)
    assert_close(turned, (6 * math.pi * u[:-1]).cos())


def test_a_loop_goes_forward_and_backward_over_the_same_points() -> None:
    a, b = two_points()
    points = forward_backward(a, b, positions(13), traversals=3)
    there = linear(a, b, positions(5))
    assert_close(points, torch.cat([there, there.flip(1)[:, 1:], there[:, 1:]], dim=1))
    assert torch.equal(points[:, 4], b)
    assert torch.equal(points[:, 8], a)


def test_a_walk_takes_steps_of_its_size_and_begins_the_same_when_longer() -> None:
    start = two_points(dtype=torch.float64)[0]
    points = random_steps(start, 40, 0.25, generator=seeded(3))
    assert_close(points.diff(dim=1).norm(dim=0), torch.full((39,), 0.25, dtype=torch.float64))
    assert torch.equal(points[:, :20], random_steps(start, 20, 0.25, generator=seeded(3)))
    assert not torch.equal(points, random_steps(start, 40, 0.25, generator=seeded(4)))


def test_a_walk_between_points_strays_as_a_brownian_bridge() -> None:
    a, b = two_points(dtype=torch.float64)
    generator, n = seeded(), 101
    middle = linear(a, b, positions(n))[:, 50]
    strayed = [
        (wander(a, b, positions(n), 0.3, generator=generator)[:, 50] - middle).square().sum() for _ in range(200)
    ]
    assert math.sqrt(sum(strayed) / 200) == pytest.approx(0.3 * math.sqrt(100) / 2, rel=0.1)
    assert_close(wander(a, b, positions(n), 0.0, generator=generator), linear(a, b, positions(n)))


def test_a_spline_goes_through_every_point_without_corners() -> None:
    points = list(torch.randn(5, 6, generator=seeded(1)))
    smooth = spline(points, positions(401))
    for i, point in enumerate(points):
        assert torch.equal(smooth[:, 100 * i], point)
    bends = smooth.double().diff(n=2, dim=1).norm(dim=0)  # a corner would stand out a hundredfold
    assert bends.max() < 10 * bends.median()
    assert bends[0] < bends.median()  # "natural": no curvature at the ends
    assert_close(spline(points[:2], positions(7)), linear(points[0], points[1], positions(7)))


@pytest.mark.parametrize("kind", KINDS)
def test_labels_go_in_straight_lines_whatever_the_kind(kind: str) -> None:
    a, b = two_points()
    x, y = torch.cat([a, torch.tensor([1.0, 0.0])]), torch.cat([b, torch.tensor([0.0, 1.0])])
    config = PathConfig(kind=kind, pace="ease")
    points = path([x, y], 31, config, n_labels=2, generator=seeded())
    assert_close(points[-2:].sum(0), torch.ones(31))
    assert torch.equal(points[:-2], path([a, b], 31, config, generator=seeded()))
    if kind == "loop":  # there and back: at the second label exactly when at the second point
        assert_close(points[-1], (points[0] - a[0]) / (b[0] - a[0]), rtol=1e-4, atol=1e-5)
    elif kind != "circle":
        assert_close(points[-1], positions(31, "ease").float())


def test_labels_along_a_spline_stay_weights() -> None:
    weights = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [0.5, 0.0]])
    points = list(torch.cat([torch.randn(4, 3, generator=seeded()), weights], dim=1))
    points = path(points, 61, PathConfig(kind="spline"), n_labels=2)
    assert points[-2:].min() >= 0
    assert points[-2:].max() <= 1
    assert_close(points[-2:, 20:41], torch.tensor([[0.0], [1.0]]).expand(2, 21))  # a cubic would overshoot
    assert_close(points[-2:, [0, 20, 40, 60]], weights.T)


@pytest.mark.parametrize("pace", ALL)
def test_a_pace_keeps_its_ends_and_never_turns_back(pace: str) -> None:
    u = positions(50, pace, generator=seeded(7))
    assert (float(u[0]), float(u[-1])) == (0.0, 1.0)
    assert bool((u.diff() >= 0).all())


def test_paces_are_what_they_are_called() -> None:
    u = positions(9)
    assert_close(positions(9, "ease-out"), 1 - positions(9, "ease-in").flip(0))
    assert_close(positions(9, "power:2"), positions(9, "ease-in"))
    assert_close(positions(9, "ease"), 1 - positions(9, "ease").flip(0))
    assert_close(positions(9, "random:0", generator=seeded()), u)
    assert torch.equal(positions(9, "random", generator=seeded(1)), positions(9, "random", generator=seeded(1)))
    steps = positions(5000, "random:0.5", generator=seeded()).diff()
    assert float(steps.max() / steps.min()) == pytest.approx(3, rel=0.02)  # 1.5 to 0.5


def test_the_same_path_at_another_pace_is_as_long() -> None:
    a, b = two_points(dtype=torch.float64)
    for pace in ALL:
        line = linear(a, b, positions(40, pace, generator=seeded()))
        assert_close(line.diff(dim=1).norm(dim=0).sum(), (b - a).norm())
        arc = circle(a, b, positions(4000, pace, generator=seeded()), turns=0.5)
        assert_close(arc.diff(dim=1).norm(dim=0).sum(), (b - a).norm() * math.pi / 2, rtol=1e-3, atol=0)


def test_a_morph_ends_with_the_sequences_own_frames() -> None:
    a, b = torch.randn(4, 9, generator=seeded()), torch.randn(4, 5, generator=seeded(1))
    morphed = morph(a, b, positions(12))
    assert morphed.shape == (4, 12)
    assert torch.equal(morphed[:, 0], a[:, 0])
    assert torch.equal(morphed[:, -1], b[:, -1])
    assert torch.equal(morph(a, b, torch.zeros(9)), a)
    assert torch.equal(morph(a, b, torch.ones(5)), b)
    assert_close(morph(a, a + 2, torch.full((9,), 0.5)), a + 1)


def test_stretching_keeps_straight_lines_straight() -> None:
    ramp = torch.linspace(0, 1, 5).expand(2, 5)
    assert_close(stretch(ramp, 9), torch.linspace(0, 1, 9).expand(2, 9))
    assert_close(stretch(ramp, 3), torch.linspace(0, 1, 3).expand(2, 3))
    assert torch.equal(stretch(ramp[:, :1], 4), ramp[:, :1].expand(2, 4))


A, B = two_points()


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: path([A, B[:5]], 4), ShapeError, r"point 2 must be \(6,\) as the first is, got \(5,\)"),
        (lambda: path([A, B / 0], 4), ArgumentError, "point 2 must hold finite"),
        (lambda: path([A], 4), ArgumentError, "a linear path needs two points .* got 1"),
        (lambda: path([A, B, A], 4, PathConfig(kind="circle")), ArgumentError, "a spline takes more.*got 3"),
        (lambda: path([], 4, PathConfig(kind="spline")), ArgumentError, "two points or more, got 0"),
        (lambda: path([A, B], 1), ArgumentError, "n must be at least 2 points, the two ends, got 1"),
        (lambda: path([A, B], 4, n_labels=6), ArgumentError, r"n_labels must be in \[0, 5\], got 6"),
        (lambda: path([A, B], 4, PathConfig(kind="wander")), ArgumentError, "a path that wanders needs a generator"),
        (lambda: path([A, B], 4, PathConfig(pace="random")), ArgumentError, "pace 'random' needs a generator"),
        (lambda: circle(A[:1], B[:1], positions(3)), ArgumentError, "two dimensions or more, got 1"),
        (lambda: circle(A, B, positions(3), towards=B - A), ArgumentError, "must not lie on the line"),
        (lambda: PathConfig(kind="zigzag"), ArgumentError, "kind must be one of linear, .*, got 'zigzag'"),
        (lambda: PathConfig(pace="power"), ArgumentError, "pace must be one of even, .*, got 'power'"),
        (lambda: PathConfig(pace="power:-1"), ArgumentError, "P > 0, got 'power:-1'"),
        (lambda: PathConfig(pace="random:2"), ArgumentError, r"S in \[0, 1\], got 'random:2'"),
        (lambda: PathConfig(kind="loop", loops=0.7), ArgumentError, "multiple of 0.5, got 0.7"),
        (lambda: PathConfig(loops=2), ArgumentError, "loops goes with the kinds circle, spiral, loop, got 2"),
        (lambda: PathConfig(step_size=2), ArgumentError, "step_size goes with the kind wander, got 2"),
        (lambda: PathConfig(kind="wander", step_size=-2), ArgumentError, "step_size must be >= 0, got -2"),
        (lambda: morph(A[:, None], A, positions(3)), ShapeError, "b must be"),
    ],
)
def test_a_path_that_cannot_be_is_refused(make, error, says) -> None:
    with pytest.raises(error, match=says):
        make()


def test_a_path_between_latents_of_different_models_is_refused() -> None:
    other = replace(INFO, name="two")
    with pytest.raises(CodebookError, match=r"point 2 of the path was made with codec 'two'.*not 'one'"):
        path([A[:5], B[:5]], 4, codecs=[INFO, other])
    assert path([A[:5], B[:5]], 4, codecs=[INFO, INFO]).shape == (5, 4)
