"""Online sampling: its law step by step, the repetition penalty, and the fold."""

import pytest
import torch
from scipy.stats import chisquare
from torch import Tensor
from torch.nn.functional import normalize

from lgr.matching import MatchConfig, OnlineState, match, online_step

ONLINE = MatchConfig(sampler="online")
# Of a thousand draws, a share of 1/8 has a standard error of 1 %; continuity and penalty move shares by a factor of 2
# and more. Each draw's own probability is compared exactly besides.
DRAWS = pytest.mark.parametrize("draws", [1000, pytest.param(3000, marks=pytest.mark.slow)])


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def unit_rows(n: int, dim: int, seed: int) -> Tensor:
    return normalize(torch.randn(n, dim, generator=seeded(seed)), dim=1)


def chain(grains: int, length: int) -> Tensor:
    following = torch.arange(1, grains + 1)
    following[length - 1 :: length] = -1
    following[-1] = -1
    return following


@DRAWS
@pytest.mark.parametrize("previous", [None, 1, 3])  # none; in a recording; at its end
def test_step_follows_its_exact_conditional_law(previous: int | None, draws: int) -> None:
    codebook, target = unit_rows(8, 3, 1), unit_rows(1, 3, 2)[0]
    config = MatchConfig(sampler="online", repetition_penalty=0.3, repetition_frames=3)
    recent = () if previous is None else (5, 5, previous)
    distance = 1 - codebook.double() @ target.double()
    for grain in recent:
        distance[grain] += 0.3
    p = torch.exp(-distance / 0.4)
    if previous == 1:
        p *= (1 - 0.6) / 8 + 0.6 * (torch.arange(8) == 2)
    p /= p.sum()
    generator, drawn, state, next_grain = seeded(3), [], OnlineState(recent), chain(8, 4)
    for _ in range(draws):
        _, choice = online_step(
            state,
            target,
            codebook,
            config=config,
            temperature=0.4,
            continuity=0.6,
            next_grain=next_grain,
            generator=generator,
        )
        drawn.append(choice)
    index, probability, entropy = (
        torch.cat([getattr(choice, name) for choice in drawn]) for name in ("index", "probability", "entropy")
    )
    torch.testing.assert_close(probability.double(), p[index], rtol=1e-4, atol=0)
    torch.testing.assert_close(entropy.double(), torch.special.entr(p).sum().expand(draws), rtol=1e-4, atol=0)
    observed = torch.bincount(index, minlength=8).double()
    assert float(chisquare(observed.numpy(), (p * draws).numpy()).pvalue) > 1e-3


def test_offline_is_the_fold_of_steps() -> None:
    codebook, target = unit_rows(1500, 8, 1), unit_rows(40, 8, 2)
    config = MatchConfig(sampler="online", repetition_penalty=0.1, repetition_frames=5)
    temperature, continuity = torch.linspace(0, 0.4, 40), torch.linspace(0, 0.9, 40)
    following = chain(1500, 50)
    weights = unit_rows(1, 1500, 5)[0]
    whole = match(
        target,
        codebook,
        temperature=temperature,
        continuity=continuity,
        next_grain=following,
        log_weights=weights,
        config=config,
        generator=seeded(4),
    )
    state, generator = OnlineState(), seeded(4)
    for t in range(40):
        state, choice = online_step(
            state,
            target[t],
            codebook,
            config=config,
            temperature=float(temperature[t]),
            continuity=float(continuity[t]),
            next_grain=following,
            log_weights=weights,
            generator=generator,
        )
        assert int(choice.index) == int(whole.index[t])
        assert float(choice.probability) == pytest.approx(float(whole.probability[t]), rel=1e-4)
    assert state.recent == tuple(whole.index[-5:].tolist())


@DRAWS
def test_without_continuity_its_law_is_the_independent_one(draws: int) -> None:
    codebook, target = unit_rows(6, 3, 1), unit_rows(1, 3, 2)
    drawn = match(target.expand(draws, -1), codebook, temperature=0.5, config=ONLINE, generator=seeded(3))
    p = torch.softmax(target.double() @ codebook.double().T / 0.5, dim=1)[0]
    observed = torch.bincount(drawn.index, minlength=6).double()
    assert float(chisquare(observed.numpy(), (p * draws).numpy()).pvalue) > 1e-3
    independent = match(target, codebook, temperature=0.5, generator=seeded())
    torch.testing.assert_close(drawn.entropy[:1], independent.entropy)


def test_penalty_at_temperature_0_goes_round_the_nearest() -> None:
    codebook = torch.eye(4)
    target = normalize(torch.tensor([[0.9, 0.6, 0.3, 0.0]]), dim=1).expand(6, -1)
    config = MatchConfig(sampler="online", repetition_penalty=2.0, repetition_frames=2)
    found = match(target, codebook, temperature=0.0, config=config, generator=seeded())
    assert found.index.tolist() == [0, 1, 2, 0, 1, 2]
    plain = match(target, codebook, temperature=0.0, config=ONLINE, generator=seeded())
    assert plain.index.tolist() == [0] * 6


def test_penalty_is_counted_once_for_every_recent_choice() -> None:
    codebook, target = torch.eye(3), torch.tensor([1.0, 0.0, 0.0])
    config = MatchConfig(sampler="online", repetition_penalty=0.4, repetition_frames=3)
    arguments = {"config": config, "temperature": 0.0, "generator": seeded()}
    _, twice = online_step(OnlineState((0, 0)), target, codebook, **arguments)  # distance 0.8 against 1
    assert int(twice.index) == 0
    state, thrice = online_step(OnlineState((0, 0, 0)), target, codebook, **arguments)  # 1.2 against 1
    assert int(thrice.index) == 1
    assert state.recent == (0, 0, 1)


def test_ties_at_temperature_0_play_on() -> None:
    row = unit_rows(3, 4, 1)
    codebook = row[[0, 1, 2, 0, 1]]  # recordings 0-1-2 and 3-4
    following = torch.tensor([1, 2, -1, 4, -1])
    arguments = {"config": ONLINE, "temperature": 0.0, "next_grain": following, "generator": seeded()}
    _, on = online_step(OnlineState((3,)), row[1], codebook, continuity=0.5, **arguments)
    _, free = online_step(OnlineState((3,)), row[1], codebook, continuity=0.0, **arguments)
    assert (int(on.index), int(free.index)) == (4, 1)


def test_state_is_never_changed_and_draws_do_not_depend_on_temperature() -> None:
    codebook, target = unit_rows(30, 4, 1), unit_rows(2, 4, 2)
    first, second = seeded(1), seeded(1)
    start = OnlineState()
    online_step(start, target[0], codebook, config=ONLINE, temperature=0.0, generator=first)
    online_step(start, target[0], codebook, config=ONLINE, temperature=0.5, generator=second)
    assert start == OnlineState()
    assert torch.equal(first.get_state(), second.get_state())
