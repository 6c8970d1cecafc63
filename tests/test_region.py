"""The region that sounds live in: what is inside stays, what is outside comes back."""

import pytest
import torch

from lgr.errors import ArgumentError
from lgr.latents.path import PathConfig, path, shares
from lgr.latents.region import OUTSIDE, region_of


def frames(size: int = 12, n: int = 2000, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(size, size, generator=generator)
    return mixing @ torch.randn(size, n, generator=generator) + 3


def test_the_region_holds_most_of_the_frames_it_was_made_of() -> None:
    x = frames()
    region = region_of(x)
    at = region.coordinates(x)
    assert float((at.norm(dim=0) <= region.radius + 1e-9).double().mean()) == pytest.approx(1 - OUTSIDE, abs=0.01)
    above = (at > region.high[:, None] + 1e-9).double().mean(1)
    assert float((above - OUTSIDE).abs().max()) < 0.01


def test_nothing_gets_out_and_what_is_inside_stays() -> None:
    x = frames()
    region = region_of(x)
    centre = region.mean.float()[:, None]
    far = centre + 20 * (frames(seed=1) - 3)
    kept = region.inside(far, centre.expand_as(far))
    at = region.coordinates(kept)
    tolerance = 1e-3
    assert bool((at.norm(dim=0) <= region.radius + tolerance).all())
    assert bool((at <= region.high[:, None] + tolerance).all())
    assert bool((at >= region.low[:, None] - tolerance).all())
    near = centre + 0.1 * (x - centre)
    assert torch.equal(region.inside(near, centre.expand_as(near)), near)


@pytest.mark.parametrize("kind", ["circle", "spiral", "wander", "slerp"])
def test_a_path_keeps_its_ends_and_goes_no_further_than_the_straight_one_or_the_region(kind: str) -> None:
    x = frames()
    region = region_of(x)
    config = PathConfig(kind=kind)
    a, b = x[:, 0], 5 * x[:, 1]  # the second is outside, and stays there
    way = path([a, b], 200, config, generator=torch.Generator().manual_seed(3))
    share = shares(2, 200, config).float()
    straight = a[:, None] * share[0] + b[:, None] * share[1]
    kept = region.inside(way, straight)
    assert torch.equal(kept[:, 0], a)
    assert torch.equal(kept[:, -1], b)
    limit = region.coordinates(straight).norm(dim=0).clamp(min=region.radius)
    assert bool((region.coordinates(kept).norm(dim=0) <= limit + 1e-3).all())


def test_few_frames_and_frames_all_alike_have_a_region_too() -> None:
    for x in (frames(n=3), torch.ones(5, 1), torch.zeros(4, 10)):
        region = region_of(x)
        out = region.inside(x + 100, x)
        assert bool(torch.isfinite(out).all())
        assert float((out - x).abs().max()) < 30
    with pytest.raises(ArgumentError, match="frames must be finite"):
        region_of(torch.full((2, 3), torch.nan))
