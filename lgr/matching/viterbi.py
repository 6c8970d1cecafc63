"""Viterbi: the most probable course of the chain (see ``lgr.matching.recursion``), exactly, O(M) a step.

    δ_t(j) = log e_t(j) + max(δ_{t-1}(prev(j)) + log(c + (1 - c)/M),  max_i δ_{t-1}(i) + log((1 - c_i)/M))

As τ falls to 0, emissions outweigh transitions: the chain takes the nearest grain at every step, and transitions only
decide between grains that are equally near (a grain that continues the last one wins). A continuity would then do
nothing. So where τ is 0 throughout and continuity is not, it is the most probable chain at τ = ``SETTLED`` that is
taken: the least sum of distances, when to jump costs ``SETTLED log(1 + c M/(1 - c))``. Nothing is drawn.
"""

import math
from collections.abc import Callable

import numpy as np

from lgr.matching.choices import Choices, sure
from lgr.matching.problem import Problem
from lgr.matching.recursion import Backpointers, Chain, report


def most_probable_chain(problem: Problem, block_grains: int, progress: Callable[[int, int], None]) -> Choices:
    """The course of largest joint probability; of equally probable jump sources the lowest index. Draws nothing.

    ``continuity[t]`` belongs to the step from t - 1 into t. Sums are float64 and relative to the best at each step.
    Memory: M/8 bytes a target grain beside about 100 MiB.
    """
    if problem.settled:
        return sure(most_probable_chain(problem.at_settled(), block_grains, progress))
    n = len(problem.target)
    chain = Chain(problem, block_grains)
    back = Backpointers(n, chain)
    m = chain.grains
    c = problem.continuity.tolist()
    delta, reached = np.zeros(chain.width), np.empty(chain.width)
    for chunk in chain.emissions():
        for row in range(len(chunk.log)):
            t = chunk.start + row
            if t == 0:
                delta[:] = chunk.log[row]
                continue
            jump, back.source[t - 1] = _best_jump(delta[:m], chain.ends, c[t])
            np.take(delta, chain.previous, out=reached, mode="clip")
            reached += math.log(c[t] + (1 - c[t]) / m)
            # strictly: with c = 0 continuing is itself a jump, and the lowest index is to win
            back.set(t, reached > jump)
            np.maximum(reached, jump, out=delta)
            delta += chunk.log[row]
            delta -= delta[:m].max()
        report(progress, chunk, n)
    back.source[-1] = int(delta[:m].argmax())
    return chain.choices(back.trace())


def _best_jump(
    delta: "np.ndarray[tuple[int], np.dtype[np.float64]]", ends: "np.ndarray[tuple[int], np.dtype[np.intp]]", c: float
) -> tuple[float, int]:
    """The best ``δ(i) + log((1 - c_i)/M)`` and its i: ends of recordings always jump, so they do it for more."""
    source = int(delta.argmax())
    value = float(delta[source]) + math.log((1 - c) / len(delta))
    if c > 0 and len(ends) > 0:
        end = int(ends[delta[ends].argmax()])
        from_end = float(delta[end]) - math.log(len(delta))
        if from_end > value:
            return from_end, end
    return value, source
