"""``match``: one codebook grain for every target grain, by the sampler that the configuration names."""

from collections.abc import Callable

import torch
from torch import Tensor

from lgr.errors import ArgumentError
from lgr.matching.chain import sample_chain
from lgr.matching.choices import Choices
from lgr.matching.config import MatchConfig, Sampler
from lgr.matching.independent import sample_independent
from lgr.matching.online import sample_online
from lgr.matching.problem import Problem
from lgr.matching.viterbi import most_probable_chain

Report = Callable[[int, int], None]


def match(
    target: Tensor,
    codebook: Tensor,
    *,
    temperature: Tensor | float,
    generator: torch.Generator,
    config: MatchConfig | None = None,
    continuity: Tensor | float = 0.0,
    log_weights: Tensor | None = None,
    recording: Tensor | None = None,
    recording_log_weights: Tensor | None = None,
    next_grain: Tensor | None = None,
    progress: Report | None = None,
) -> Choices:
    """Choose a codebook grain for every target grain.

    Similarity is ``s = target @ codebook.T``, distance ``d = 1 - s``, emission ``e_t(j) = w_j exp(-d(t, j)/τ_t)``. The
    samplers, each in its module: "independent" (``p(j | t) ∝ e_t(j)``), "chain", "viterbi", "online".

    Parameters
    ----------
    target : (N, D) float32, unit rows (a row of zeros is equally far from everything)
    codebook : (M, D) float32, unit rows, on the device where the work is done
    temperature : number or (N,) >= 0, in units of distance. 0 (below 1e-8) takes the nearest, inf draws by weight. 0
        throughout and continuity above 0: the nearest chain, see ``lgr.matching.viterbi``.
    generator : CPU generator; the same seed gives the same choices. "viterbi" leaves it untouched.
    config : ``MatchConfig()`` by default
    continuity : number or (N,) in [0, 1): the probability that the step into a grain plays on. Must be 0 for sampler
        "independent".
    log_weights : (M,), -inf for weight 0, which is never chosen. At τ = 0 other weights have no effect.
    recording : (M,) int64 in [0, R), with ``recording_log_weights`` (N, R): weights that vary over the target's time,
        added to ``log_weights``
    next_grain : (M,) int64, the grain that plays on from each, -1 for none; no grain follows two others
    progress : called with (done, total), in a unit of the sampler's own

    Returns
    -------
    Choices of N grains

    Raises
    ------
    ArgumentError, ShapeError
        An argument is out of range or of the wrong shape, or the weights leave nothing to choose.

    Examples
    --------
    >>> import torch, lgr
    >>> codebook = torch.nn.functional.normalize(torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]))
    >>> target = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> lgr.match(target, codebook, temperature=0, generator=torch.Generator()).index
    tensor([0, 2])
    >>> bold = lgr.match(target, codebook, temperature=0.5, generator=torch.Generator().manual_seed(0))
    >>> bold.probability.shape, bool((bold.entropy > 0).all())
    (torch.Size([2]), True)
    """
    config = MatchConfig() if config is None else config
    report = progress if progress is not None else _silent
    problem = Problem.build(
        target,
        codebook,
        temperature=temperature,
        continuity=continuity,
        log_weights=log_weights,
        recording=recording,
        recording_log_weights=recording_log_weights,
        next_grain=next_grain,
    )
    return SAMPLERS[config.sampler](problem, config, generator, report)


def _independent(problem: Problem, config: MatchConfig, generator: torch.Generator, report: Report) -> Choices:
    if bool((problem.continuity > 0).any()):
        raise ArgumentError(
            f'continuity must be 0 with sampler "independent", got {float(problem.continuity.max())}: use "chain", '
            '"viterbi" or "online"'
        )
    return sample_independent(problem, config.block_grains, generator, report)


def _chain(problem: Problem, config: MatchConfig, generator: torch.Generator, report: Report) -> Choices:
    if bool(problem.cold.all()):  # certain but for ties, which Viterbi settles
        return most_probable_chain(problem, config.block_grains, report)
    return sample_chain(problem, config.block_grains, generator, report)


def _viterbi(problem: Problem, config: MatchConfig, generator: torch.Generator, report: Report) -> Choices:
    return most_probable_chain(problem, config.block_grains, report)


#: Every sampler by name.
SAMPLERS: dict[Sampler, Callable[[Problem, MatchConfig, torch.Generator, Report], Choices]] = {
    "independent": _independent,
    "chain": _chain,
    "viterbi": _viterbi,
    "online": sample_online,
}


def _silent(done: int, total: int) -> None:
    """Report to nobody."""
