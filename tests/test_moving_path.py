"""Paths between moving points, held against paths between points that stay."""

import pytest
import torch
from torch.testing import assert_close

from lgr.errors import ArgumentError, ShapeError
from lgr.latents.moving import moving_path
from lgr.latents.path import KINDS, PathConfig, path, shares

N = 40
TWO = [name for name, kind in KINDS.items() if not kind.many_points]


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def points(count: int = 2, size: int = 6) -> list[torch.Tensor]:
    return list(torch.randn(count, size, N, generator=draws(1)).unbind(0))


@pytest.mark.parametrize("kind", [kind for kind in TWO if kind != "wander"])
def test_at_every_step_it_is_where_a_held_path_would_be(kind: str) -> None:
    config = PathConfig(kind=kind, pace="ease")
    a, b = points()
    moving = moving_path([a, b], config)
    for t in (0, 7, 20, N - 1):
        assert_close(moving[:, t], path([a[:, t], b[:, t]], N, config)[:, t])


@pytest.mark.parametrize("kind", list(KINDS))
def test_the_ends_are_exact_and_points_that_stay_give_the_held_path(kind: str) -> None:
    config = PathConfig(kind=kind)
    a, b = points()
    moving = moving_path([a, b], config, generator=draws())
    assert torch.equal(moving[:, 0], a[:, 0])
    assert torch.equal(moving[:, -1], b[:, -1])
    if kind != "wander":
        held = [p[:, :1].expand(-1, N) for p in (a, b)]
        assert_close(moving_path(held, config, generator=draws()), path([a[:, 0], b[:, 0]], N, config))


def test_a_path_that_wanders_stays_on_the_line_of_its_points_and_strays_along_it() -> None:
    a, b = points()
    config = PathConfig(kind="wander")
    shared = torch.stack([moving_path([a, b], config, generator=draws(seed)) for seed in range(50)])
    along = ((shared - a) * (b - a)).sum(1) / (b - a).square().sum(0)  # (50, N)
    assert_close(shared, a + along[:, None] * (b - a), atol=1e-4, rtol=1e-4)
    strayed = along - torch.linspace(0, 1, N)
    assert float(strayed[:, N // 2].std()) == pytest.approx(0.5, abs=0.15)  # of the distance, midway
    assert torch.equal(shared[3], moving_path([a, b], config, generator=draws(3)))


def test_labels_go_in_straight_lines() -> None:
    a, b = points()
    a[-2:], b[-2:] = torch.tensor([[1.0], [0.0]]), torch.tensor([[0.0], [1.0]])
    for kind in ("circle", "spiral", "wander"):
        weights = moving_path([a, b], PathConfig(kind=kind), n_labels=2, generator=draws())[-2:]
        assert_close(weights.double(), shares(2, N, PathConfig(kind=kind)), atol=1e-6, rtol=0)


def test_shares_are_what_a_straight_path_weighs_its_points_by() -> None:
    three = points(3)
    share = shares(3, N, PathConfig(kind="spline", pace="ease"))
    assert_close(share.sum(0), torch.ones(N, dtype=torch.float64))
    a, b = (p[:, 0] for p in three[:2])
    config = PathConfig(pace="random:0.9")
    line = path([a, b], N, config, generator=draws(4))
    share = shares(2, N, config, generator=draws(4)).float()
    assert_close(line, a[:, None] * share[0] + b[:, None] * share[1])


def test_points_that_do_not_fit_are_refused() -> None:
    a, b = points()
    with pytest.raises(ArgumentError, match=r"a circle path needs two points \(a spline takes more\), got 3"):
        moving_path([a, b, b], PathConfig(kind="circle"))
    with pytest.raises(ShapeError, match=r"point 2"):
        moving_path([a, b[:, :-1]])
    with pytest.raises(ArgumentError, match="point 1 must be finite"):
        moving_path([a / 0, b])
    with pytest.raises(ArgumentError, match="needs a generator, got None"):
        moving_path([a, b], PathConfig(kind="wander"))
