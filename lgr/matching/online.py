"""Online sampling: each grain drawn given the one before, ``i_t ∝ e_t(j) P(j | i_{t-1})``, for streaming.

It never looks ahead, so unlike chain sampling it cannot leave a recording now to be better placed later. Since its past
is known when it chooses, the repetition penalty is exact here.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from lgr.matching.cells import inverse_cdf
from lgr.matching.choices import Choices
from lgr.matching.config import MatchConfig
from lgr.matching.logits import Logits, check_peaks
from lgr.matching.nearest import tied
from lgr.matching.problem import SETTLED, Problem


@dataclass(frozen=True)
class OnlineState:
    """What the sampler remembers: its last ``max(1, repetition_frames)`` choices, newest last; none at the start."""

    recent: tuple[int, ...] = ()


def online_step(
    state: OnlineState,
    target: Tensor,
    codebook: Tensor,
    *,
    config: MatchConfig,
    temperature: float,
    generator: torch.Generator,
    continuity: float = 0.0,
    log_weights: Tensor | None = None,
    next_grain: Tensor | None = None,
) -> tuple[OnlineState, Choices]:
    """Choose for one target grain.

    Parameters
    ----------
    state : ``OnlineState()`` to start; never changed
    target : (D,) float32, unit norm
    codebook, log_weights, next_grain : as for ``match``
    temperature, continuity : of this step, as for ``match``
    generator : CPU; gives one float64 uniform, also where τ is 0

    Returns
    -------
    (OnlineState, Choices of one grain). The choices of ``match`` with sampler "online" are the fold of this function.

    Examples
    --------
    >>> import torch
    >>> from lgr.matching import MatchConfig, OnlineState, online_step
    >>> config, generator = MatchConfig(sampler="online"), torch.Generator().manual_seed(0)
    >>> state = OnlineState()
    >>> for target in torch.eye(3):
    ...     state, choice = online_step(state, target, torch.eye(3), config=config, temperature=0, generator=generator)
    >>> state
    OnlineState(recent=(2,))
    """
    problem = Problem.build(
        target[None],
        codebook,
        temperature=temperature,
        continuity=continuity,
        log_weights=log_weights,
        next_grain=next_grain,
    )
    return _step(state, problem, 0, config, generator)


def sample_online(
    problem: Problem, config: MatchConfig, generator: torch.Generator, progress: Callable[[int, int], None]
) -> Choices:
    """The fold of ``online_step`` over the target grains."""
    n = len(problem.target)
    state, steps = OnlineState(), []
    for t in range(n):
        state, choice = _step(state, problem, t, config, generator)
        steps.append(choice)
        progress(t + 1, n)
    return Choices(
        torch.cat([step.index for step in steps]),
        torch.cat([step.similarity for step in steps]),
        torch.cat([step.probability for step in steps]),
        torch.cat([step.entropy for step in steps]),
    )


def _step(
    state: OnlineState, problem: Problem, t: int, config: MatchConfig, generator: torch.Generator
) -> tuple[OnlineState, Choices]:
    uniform = torch.rand(1, dtype=torch.float64, generator=generator).to(problem.codebook.device)
    cold = bool(problem.cold[t])
    # one row at a time, even offline: a wider product rounds differently, and chunks must not change the choice
    logits = Logits(problem, torch.tensor([t]), cold=cold)
    penalty = _penalty(state, config, logits.target.new_zeros(len(problem.codebook)))
    following = int(problem.next_grain[state.recent[-1]]) if state.recent else -1
    c = float(problem.continuity[t]) if following >= 0 else 0.0
    if cold:
        if c > 0:  # to jump costs as much as at SETTLED, where it would be drawn (see lgr.matching.viterbi)
            penalty[following] -= SETTLED * math.log1p(c / (1 - c) * len(penalty))
        near = tied(logits, 0, penalty)
        # of equally near grains the transition prefers the one that plays on
        index = near[near == following] if c > 0 and bool((near == following).any()) else near[:1]
        probability, entropy = penalty.new_ones(1), penalty.new_zeros(1)
    else:
        index, probability, entropy = _draw(logits, penalty, following, c, uniform)
    recent = (*state.recent, int(index))[-max(1, config.repetition_frames) :]
    return OnlineState(recent), Choices(index, logits.similarity(index), probability, entropy)


def _penalty(state: OnlineState, config: MatchConfig, distance: Tensor) -> Tensor:
    """Add to ``distance`` (M,) what recent choices cost."""
    if config.repetition_penalty > 0 and config.repetition_frames > 0 and state.recent:
        recent = torch.tensor(state.recent, device=distance.device)
        distance.index_add_(0, recent, distance.new_full(recent.shape, config.repetition_penalty))
    return distance


def _draw(logits: Logits, penalty: Tensor, following: int, c: float, uniform: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(index, probability, entropy), each (1,), of ``i ∝ e(j) P(j | previous)``; ``following`` is next(previous)."""
    x = penalty.new_empty(1, len(penalty))
    logits.fill(slice(0, 1), 0, len(penalty), x)
    check_peaks(x.amax())
    log_p = x[0].double() - penalty.double() * logits.rate[0]
    if c > 0:
        # relative to (1 - c)/M, which every other grain gets
        log_p[following] += math.log1p(c / (1 - c) * len(penalty))
    log_p = torch.log_softmax(log_p, dim=0)
    p = log_p.exp()
    index, _ = inverse_cdf(p[None], uniform)
    return index, p[index].float(), -(p * log_p).sum()[None].float()
