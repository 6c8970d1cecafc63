"""What chain sampling and Viterbi share: the chain's neighbours, its emissions row by row, and its backpointers.

The chain: ``P(j | i) = c_i [j = next(i)] + (1 - c_i)/M`` with ``c_i = c`` where a next grain exists and 0 at the end of
a recording. Going backwards from a grain j at step t + 1 there are only two ways: *continue* from prev(j), or *jump*
from a source that does not depend on j. So a backpointer is one bit a grain, plus one jump source a step.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lgr.matching.cells import CELL, cell_count
from lgr.matching.choices import Choices
from lgr.matching.logits import LOGIT_FLOOR, Logits, check_peaks
from lgr.matching.nearest import tied
from lgr.matching.problem import Problem

Floats = NDArray[np.float32]
CHUNK_GRAINS = 1 << 23  # emissions held at once, about: 32 MiB in float32, twice


@dataclass(frozen=True)
class EmissionChunk:
    """Emissions of target grains ``start`` to ``start + len(log)``; columns from M on are padding of emission 0."""

    start: int
    log: Floats  # (n, width), relative to the row's largest
    exp: Floats  # (n, width), its exponential: the largest is 1


class Chain:
    """Emissions and neighbours of one problem. Steps run in NumPy: they are too short to share among threads."""

    def __init__(self, problem: Problem, block_grains: int) -> None:
        self.problem = problem
        self.block = cell_count(block_grains) * CELL
        self.grains = len(problem.codebook)
        self.width = cell_count(self.grains + 1) * CELL  # at least one column of padding, where "no previous" points
        following = problem.next_grain.numpy()
        self.ends = np.flatnonzero(following < 0)
        self.previous = np.full(self.width, self.grains, dtype=np.intp)
        self.previous[following[following >= 0]] = np.flatnonzero(following >= 0)
        self.log_sum = torch.empty(len(problem.target), dtype=torch.float64)
        self.entropy = torch.empty(len(problem.target))
        self.logits = Logits(problem)

    def emissions(self) -> Iterator[EmissionChunk]:
        """Emissions in order, a few rows at a time; the arrays are reused by the next chunk and may be overwritten.

        Where τ is 0 the emission is 1 for every grain as near as the nearest and 0 elsewhere, its limit as τ falls.
        """
        n = len(self.problem.target)
        rows = min(n, max(16, CHUNK_GRAINS // self.width))
        cold, cold_logits = self.problem.cold, Logits(self.problem, cold=True)
        log, exp = self.problem.target.new_empty(2, rows, self.width)
        for start in range(0, n, rows):
            x, e = log[: min(rows, n - start)], exp[: min(rows, n - start)]
            stop = start + len(x)
            x[:, self.grains :] = LOGIT_FLOOR
            peak = x[:, -1].clone()
            for left in range(0, self.grains, self.block):
                part = x[:, left : min(left + self.block, self.grains)]
                self.logits.fill(slice(start, stop), left, left + part.shape[1], part)
                peak = torch.maximum(peak, part.amax(dim=1))
            for row in cold[start:stop].nonzero()[:, 0].tolist():
                x[row] = LOGIT_FLOOR
                x[row, tied(cold_logits, start + row)] = 0.0
                peak[row] = 0.0
            check_peaks(peak)
            total, moment = (torch.zeros_like(peak, dtype=torch.float64) for _ in range(2))
            for left in range(0, self.width, self.block):
                part, part_exp = x[:, left : left + self.block], e[:, left : left + self.block]
                part.sub_(peak[:, None])
                torch.exp(part, out=part_exp)
                total += part_exp.sum(dim=1)
                moment += (part * part_exp).sum(dim=1)
            self.log_sum[start:stop] = peak.double() + total.log()
            self.entropy[start:stop] = (total.log() - moment / total).clamp(min=0).float()
            yield EmissionChunk(start, x.cpu().numpy(), e.cpu().numpy())

    def choices(self, index: NDArray[np.int64]) -> Choices:
        """The path with each choice's similarity, and its probability and entropy under its own emission."""
        chosen = torch.from_numpy(index).to(self.problem.codebook.device)
        # a cold row's emission counts from 0, whatever the weights
        logit = torch.where(self.problem.cold, 0.0, self.logits.chosen(chosen).cpu())
        probability = (logit - self.log_sum).clamp(max=0).exp().float()
        device = chosen.device
        return Choices(chosen, self.logits.similarity(chosen), probability.to(device), self.entropy.to(device))


class Backpointers:
    """One bit a grain and step (continue or jump) and one jump source a step: M/8 bytes a target grain."""

    def __init__(self, steps: int, chain: Chain) -> None:
        self.previous = chain.previous
        self.bits = np.zeros((steps, -(-chain.width // 8)), dtype=np.uint8)
        self.source = np.zeros(steps, dtype=np.int64)

    def set(self, step: int, continues: NDArray[np.bool_]) -> None:
        """``continues`` (width,): whether a grain chosen at ``step`` was reached from the one before it."""
        self.bits[step] = np.packbits(continues)

    def trace(self) -> NDArray[np.int64]:
        """The path (steps,) that ends in the last step's source. ``source[t]`` is where a jump into t + 1 came from."""
        path = np.empty(len(self.source), dtype=np.int64)
        path[-1] = grain = self.source[-1]
        for step in range(len(path) - 1, 0, -1):
            continued = self.bits[step, grain >> 3] >> (7 - (grain & 7)) & 1
            grain = self.previous[grain] if continued else self.source[step - 1]
            path[step - 1] = grain
        return path


def report(progress: Callable[[int, int], None], chunk: EmissionChunk, total: Any) -> None:
    """Progress in target grains, after ``chunk``."""
    progress(chunk.start + len(chunk.log), total)
