"""Chain sampling: one exact draw of the whole Markov chain of grains (see ``lgr.matching.recursion``), O(M) a step.

    α_t(j) ∝ e_t(j) (c α_{t-1}(prev(j)) + Σ_i (1 - c_i) α_{t-1}(i)/M)
    i_T ~ α_T,   then   i_t ∝ α_t(i) P(i_{t+1} | i)

The backward draw needs α_t only through two things: whether i_{t+1} = j *continues*, with probability
``c α_t(prev(j)) / (c α_t(prev(j)) + G)``, ``G = Σ_i (1 - c_i) α_t(i)/M``; and, if not, a source drawn in proportion to
``(1 - c_i) α_t(i)``, whatever j is. Both can be drawn while going forward, with numbers of their own for every step:
one uniform decides "continue" for all j at once, and since the path visits a single j a step, the sharing does not
change its law. So α is never stored and never computed twice; a step leaves one bit a grain.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lgr.matching.cells import CELL, inverse_cdf
from lgr.matching.choices import Choices
from lgr.matching.problem import Problem
from lgr.matching.recursion import Backpointers, Chain, report


def sample_chain(
    problem: Problem, block_grains: int, generator: torch.Generator, progress: Callable[[int, int], None]
) -> Choices:
    """Draw a path from the chain's posterior; with ``continuity`` 0, in law the independent sampler.

    ``continuity[t]`` belongs to the step from t - 1 into t. Where τ is 0 the path is held to the nearest grains. The
    generator gives three float64 uniforms a target grain. Memory: M/8 bytes a target grain beside about 100 MiB.
    """
    n = len(problem.target)
    chain = Chain(problem, block_grains)
    back = Backpointers(n, chain)
    uniform = torch.rand(n, 3, dtype=torch.float64, generator=generator)
    odds = (uniform[:, 0] / (1 - uniform[:, 0])).tolist()
    c = problem.continuity.tolist()
    cells = chain.width // CELL
    reached, alpha = np.zeros(chain.width, np.float32), np.zeros(chain.width, np.float32)
    continues = np.empty(chain.width, np.bool_)
    total = end = 0.0  # Σ α and its share at ends of recordings
    for chunk in chain.emissions():
        rows = len(chunk.exp)
        mass = np.empty((rows, cells), np.float32)
        ends = np.empty(rows)  # the probability that a jump out of this step left from the end of a recording as such
        for row in range(rows):
            t = chunk.start + row
            current = chunk.exp[row]  # e_t, turned into α_t in place
            if t > 0 and c[t] > 0:
                jump = ((1 - c[t]) + c[t] * end / total) / chain.grains
                np.take(alpha, chain.previous, out=reached, mode="clip")
                reached *= c[t] / total
                np.greater(reached, jump * odds[t], out=continues)
                back.set(t, continues)
                reached += jump
                current *= reached
            current.reshape(cells, CELL).sum(axis=1, out=mass[row])
            total = float(mass[row].sum(dtype=np.float64))
            end = float(current[chain.ends].sum(dtype=np.float64))
            onward = c[t + 1] if t + 1 < n else 0.0
            ends[row] = onward * end / ((1 - onward) * total + onward * end) if end > 0 else 0.0
            alpha = current
        alpha = alpha.copy()  # the chunk's memory is about to be used again
        span = slice(chunk.start, chunk.start + rows)
        back.source[span] = _draw_sources(chunk.exp, mass, ends, chain.ends, uniform[span, 1:])
        report(progress, chunk, n)
    return chain.choices(back.trace())


def _draw_sources(
    alpha: NDArray[np.float32],
    mass: NDArray[np.float32],
    ends: NDArray[np.float64],
    end_index: NDArray[np.intp],
    uniform: Tensor,
) -> NDArray[np.int64]:
    """One grain a row in proportion to ``(1 - c_i) α(i)``.

    As a mixture, since c_i is c except at ends: ``(1 - c) α(i)`` over all grains, and ``c α(i)`` over the ends.
    """
    rows = torch.arange(len(alpha))
    cell, rest = inverse_cdf(torch.from_numpy(mass).double(), uniform[:, 1])
    in_cell = torch.from_numpy(alpha).view(len(alpha), -1, CELL)[rows, cell].double()  # (rows, CELL)
    column, _ = inverse_cdf(in_cell, rest)
    source = cell * CELL + column
    at_end = (uniform[:, 0] < torch.from_numpy(ends)).nonzero()[:, 0]
    if len(at_end) > 0:
        share = torch.from_numpy(alpha[at_end.numpy()][:, end_index]).double()
        which, _ = inverse_cdf(share, uniform[at_end, 1])
        source[at_end] = torch.from_numpy(end_index)[which]
    return source.numpy()
