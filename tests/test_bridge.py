"""Bridges: closed forms, the protocol every kind keeps, windows, masks, and what wrong input is told."""

import math

import pytest
import torch
from torch import Tensor

from lgr.bridge import base
from lgr.bridge.base import Batch, Bridge
from lgr.bridge.config import BridgeConfig
from lgr.bridge.encoder import Encoder
from lgr.bridge.files import KINDS, build_bridge
from lgr.bridge.schrodinger import SchrodingerBridge, marginal, variances, walked
from lgr.bridge.tokens import CoarseToFineBridge, CodeBridge
from lgr.errors import ArgumentError, ShapeError

TINY = BridgeConfig(
    latent_dim=3, levels=4, entries=8, given=1, most_given=2, width=16, layers=2, heads=2, reach=4, expansion=2
)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def tiny(kind: str, config: BridgeConfig = TINY) -> Bridge:
    """A bridge of any weights, none of them zero."""
    torch.manual_seed(0)
    bridge = build_bridge(kind, config)
    with torch.no_grad():
        for weight in bridge.parameters():
            weight.add_(0.2 * torch.randn(weight.shape, generator=seeded(weight.numel())))
        bridge.mean.copy_(torch.tensor([1.0, -2.0, 0.5]))
        bridge.turn.copy_(torch.tensor([[2.0, 0.5, 0.0], [0.5, 1.0, 0.0], [0.0, 0.0, 0.3]]))
        bridge.back.copy_(torch.linalg.inv(bridge.turn))
        if isinstance(bridge, CodeBridge):
            bridge.codebooks.copy_(torch.randn(bridge.codebooks.shape, generator=seeded(1)))
    return bridge.eval()


def batch(frames: int = 12, items: int = 4) -> Batch:
    draws = seeded(2)
    return Batch(
        fine=torch.randn(items, frames, 3, generator=draws),
        coarse=torch.randn(items, frames, 3, generator=draws),
        codes=torch.randint(8, (items, 4, frames), generator=draws),
        setting=torch.tensor([0, 1, 0, 0])[:items],
        known=torch.ones(items, frames, dtype=torch.bool),
    )


# ---- the Schrödinger bridge against closed forms


def test_variances_are_the_integral_of_a_schedule_that_is_the_same_from_both_ends() -> None:
    times = torch.linspace(0, 1, 4001, dtype=torch.float64)
    fine, coarse = variances(times, 0.7)
    torch.testing.assert_close(fine + coarse, torch.full_like(fine, 0.49))
    torch.testing.assert_close(fine, coarse.flip(0))
    beta = fine.diff() * 4000
    middle = times[:-1] + 1 / 8000
    root = torch.minimum(middle, 1 - middle)
    wanted = (0.1 + 0.9 * 2 * root).square()  # linear in its root, highest in the middle
    ratio = beta / wanted
    torch.testing.assert_close(ratio, ratio[:1].expand_as(ratio), rtol=2e-3, atol=0)


@pytest.mark.parametrize("stochastic", [1.0, 0.0])
def test_on_a_gaussian_problem_the_marginals_are_those_of_the_closed_form(stochastic: float) -> None:
    """Fine = a * coarse + s * noise: the best guess is known, so all points of the walk have a known spread."""
    a, s, noise, count, steps = 0.6, 0.8, 0.9, 40_000, 64
    coarse = torch.full((1, count, 1), 1.5, dtype=torch.float64)
    seen: dict[float, Tensor] = {}

    def says(x: Tensor, time: float) -> Tensor:
        seen[time] = x
        share, other, deviation = (float(v) for v in marginal(torch.tensor(time, dtype=torch.float64), noise))
        # posterior of fine ~ N(a * coarse, s^2) from x = share * fine + other * coarse + deviation * noise
        gain = share * s**2 / (share**2 * s**2 + deviation**2) if deviation > 0 else 0.0
        return a * coarse + gain * (x - other * coarse - share * a * coarse)

    end = walked(says, coarse, steps, noise, stochastic, seeded())
    for time in (0.75, 0.5, 0.25, 1 / 64):
        share, other, deviation = (float(v) for v in marginal(torch.tensor(time, dtype=torch.float64), noise))
        mean = share * a * 1.5 + other * 1.5
        spread = math.sqrt(share**2 * s**2 + deviation**2)
        assert float(seen[time].mean()) == pytest.approx(mean, abs=0.02)
        assert float(seen[time].std()) == pytest.approx(spread, rel=0.05)
    assert float(end.mean()) == pytest.approx(a * 1.5, abs=0.02)
    assert float(end.std()) == pytest.approx(s, rel=0.06)


@pytest.mark.parametrize("steps", [1, 2, 7, 64])
@pytest.mark.parametrize("stochastic", [1.0, 0.5, 0.0])
def test_who_knows_the_target_arrives_at_it_exactly(steps: int, stochastic: float) -> None:
    fine, coarse = torch.randn(2, 2, 5, 3, generator=seeded())
    calls: list[float] = []

    def says(x: Tensor, time: float) -> Tensor:
        calls.append(time)
        return fine

    assert torch.equal(walked(says, coarse, steps, 0.5, stochastic, seeded()), fine)
    assert len(calls) == steps
    assert calls == sorted(calls, reverse=True)
    assert calls[0] == 1


def test_one_step_is_the_regression() -> None:
    """Of one evaluation nothing is drawn, and the network is asked at the coarse end alone."""
    bridge = tiny("schrodinger")
    assert isinstance(bridge, SchrodingerBridge)
    coarse = torch.randn(1, 3, 20, generator=seeded())
    x = (coarse.transpose(1, 2) - bridge.mean) @ bridge.turn
    regression = bridge.says(x, x, torch.zeros(1, dtype=torch.int64), torch.ones(1))
    wanted = (regression @ bridge.back + bridge.mean).transpose(1, 2)
    for seed in (0, 1):
        torch.testing.assert_close(bridge(coarse, steps=1, generator=seeded(seed)), wanted)


def test_a_walk_between_draws_nothing_but_at_its_first_step_when_it_is_deterministic() -> None:
    bridge = tiny("schrodinger")
    assert isinstance(bridge, SchrodingerBridge)
    coarse = torch.randn(1, 3, 20, generator=seeded())
    bridge.stochastic = 0.0
    generator = seeded(3)
    bridge(coarse, steps=5, generator=generator)
    first = seeded(3)
    for _ in range(4):  # all but the first are multiplied by 0
        torch.randn(20, 3, generator=first)
    assert torch.equal(generator.get_state(), first.get_state())
    assert torch.equal(bridge(coarse, steps=5, generator=seeded(3)), bridge(coarse, steps=5, generator=seeded(3)))


# ---- what every kind keeps


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_keeps_the_protocol(kind: str) -> None:
    bridge = tiny(kind)
    coarse = torch.randn(2, 3, 9, generator=seeded())
    found = bridge(coarse, given=2)
    assert found.shape == coarse.shape
    assert found.dtype == coarse.dtype
    assert bool(found.isfinite().all())
    assert torch.equal(found, bridge(coarse, given=2))  # what is drawn is drawn from seed 0
    assert not torch.equal(found, bridge(coarse, given=1))
    assert bridge(coarse[:, :, :0]).shape == (2, 3, 0)
    assert bridge(coarse[:, :, :1]).shape == (2, 3, 1)
    assert bridge(coarse.double()).dtype == torch.float64


@pytest.mark.parametrize("kind", KINDS)
def test_an_item_of_a_batch_is_what_it_is_alone(kind: str) -> None:
    bridge, coarse = tiny(kind), torch.randn(3, 3, 11, generator=seeded())
    coarse[2] = coarse[0]
    found = bridge(coarse, generator=seeded(4))
    torch.testing.assert_close(found[2], found[0])
    for i in range(2):
        torch.testing.assert_close(bridge(coarse[i : i + 1], generator=seeded(4))[0], found[i], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_windows_leave_no_trace(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bridge = tiny(kind)
    coarse = torch.randn(1, 3, 150, generator=seeded())
    whole = bridge(coarse, generator=seeded(1))
    for window in (16, 37, 60):
        monkeypatch.setattr(base, "WINDOW", window)
        torch.testing.assert_close(bridge(coarse, generator=seeded(1)), whole, rtol=1e-4, atol=1e-5)


def test_a_frame_depends_on_its_context_and_on_nothing_else() -> None:
    torch.manual_seed(0)
    encoder = Encoder(TINY, 3, 3, 2, timed=False)
    with torch.no_grad():
        encoder.write.weight.normal_()
    x = torch.randn(1, 60, 3, generator=seeded())
    other = x.clone()
    other[:, 30] += 1
    with torch.no_grad():
        change = (encoder(x, torch.zeros(1).long()) - encoder(other, torch.zeros(1).long())).abs().amax(2)[0]
    near = (torch.arange(60) - 30).abs() <= TINY.context
    assert float(change[~near].max()) == 0
    assert float(change[near].min()) > 0


@pytest.mark.parametrize("kind", KINDS)
def test_padding_does_not_count(kind: str) -> None:
    """A shorter item among longer ones has the same loss as by itself, whatever stands in its padding."""
    bridge = tiny(kind)
    whole = batch(items=1)
    short = Batch(whole.fine[:, :7], whole.coarse[:, :7], whole.codes[:, :, :7], whole.setting, whole.known[:, :7])
    known = torch.arange(12)[None] < 7
    padded = Batch(whole.fine, whole.coarse, whole.codes, whole.setting, known)
    if kind == "schrodinger":  # its noise is drawn for as many frames as there are

        def alone(b: Batch) -> Tensor:
            torch.manual_seed(0)
            assert isinstance(bridge, SchrodingerBridge)
            return bridge.says(b.coarse, b.coarse, b.setting, torch.ones(1), b.known)[:, :7]

        torch.testing.assert_close(alone(padded), alone(short), rtol=1e-4, atol=1e-5)
    else:
        torch.testing.assert_close(bridge.loss(padded, seeded(5)), bridge.loss(short, seeded(5)))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_learns(kind: str) -> None:
    """What the codes say can be learned: after some steps the loss is well under what it was."""
    bridge = build_bridge(kind, TINY)
    codebooks = torch.randn(4, 8, 3, generator=seeded(1)) * torch.tensor([1.0, 0.5, 0.25, 0.12])[:, None, None]
    if isinstance(bridge, CodeBridge):
        bridge.codebooks.copy_(codebooks)
    optimiser = torch.optim.Adam(bridge.parameters(), lr=3e-3)
    losses = []
    for step in range(120):
        draws = seeded(step)
        first = torch.randint(8, (8, 1, 16), generator=draws)
        codes = torch.cat([first, (first + torch.tensor([1, 2, 3])[:, None]) % 8], 1)  # the others follow from it
        fine = sum((codebooks[level][codes[:, level]] for level in range(4)), torch.zeros(()))
        data = Batch(fine, codebooks[0][first[:, 0]], codes, torch.zeros(8).long(), torch.ones(8, 16, dtype=torch.bool))
        loss = bridge.loss(data, draws)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert sum(losses[-10:]) < 0.5 * sum(losses[:10])


def test_coarse_to_fine_draws_from_its_own_chances() -> None:
    bridge = tiny("coarse-to-fine")
    assert isinstance(bridge, CoarseToFineBridge)
    coarse = torch.randn(1, 3, 30, generator=seeded())
    assert not torch.equal(bridge(coarse, generator=seeded(1)), bridge(coarse, generator=seeded(2)))
    # One frame again and again: entries come as often as their chances say.
    same = coarse[:, :, :1].expand(-1, -1, 20_000)
    x = (same.transpose(1, 2) - bridge.mean) @ bridge.turn
    hidden = bridge.hidden(x[:, :64], torch.zeros(1).long())[:, 32:33]
    chances = torch.softmax(bridge.logits(hidden, 1, 2)[0, 0, 0], 0)
    last = bridge.codebooks[1]
    bridge.codebooks[2:] = 0  # so that what is added is the second level's entry
    with torch.no_grad():
        drawn = (bridge.bridged(x, torch.zeros(1).long(), None, seeded(3)) - x)[0, 100:-100]
    counts = torch.bincount(torch.cdist(drawn, last).argmin(1), minlength=8)
    torch.testing.assert_close(counts / len(drawn), chances, rtol=0, atol=0.02)
    bridge.temperature = 0.0
    assert torch.equal(bridge(coarse, generator=seeded(1)), bridge(coarse, generator=seeded(2)))


# ---- wrong input


@pytest.mark.parametrize("kind", KINDS)
def test_wrong_input_is_told(kind: str) -> None:
    bridge, coarse = tiny(kind), torch.zeros(1, 3, 5)
    with pytest.raises(ShapeError, match=r"coarse must be \(batch, 3, frames\), got \(1, 4, 5\)"):
        bridge(torch.zeros(1, 4, 5))
    with pytest.raises(ArgumentError, match="coarse must be finite numbers, got NaN or infinity"):
        bridge(torch.full((1, 3, 5), math.nan))
    with pytest.raises(ArgumentError, match=r"levels must be in \[1, 2\] for this bridge, got 3"):
        bridge(coarse, given=3)
    for steps in (0, 65):
        with pytest.raises(ArgumentError, match=r"steps must be in \[1, \d+\] for a .* bridge, got"):
            bridge(coarse, steps=steps)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"layers": 0}, "layers must be >= 1, got 0"),
        ({"width": 18}, "width must be a multiple of"),
        ({"given": 5}, "given and most_given must be in order"),
        ({"noise": 0.0}, "noise must be > 0"),
    ],
)
def test_a_config_that_cannot_be_is_told(change: dict[str, float], says: str) -> None:
    with pytest.raises(ArgumentError, match=says):
        BridgeConfig.from_json(TINY.to_json() | change)


def test_a_kind_that_is_none_is_told() -> None:
    with pytest.raises(ArgumentError, match="kind must be one of regression, tokens, coarse-to-fine, schrodinger"):
        build_bridge("brigde", TINY)
