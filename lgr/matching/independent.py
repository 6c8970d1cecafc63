"""Independent sampling, ``p(j | t) ∝ w_j exp(-d(t, j)/τ_t)`` (Latent Granular Resynthesis, section 2.2), at any size.

Pass 1 takes matrix products block by block and keeps three numbers a cell: the peak logit, the mass relative to the
peak, and the mass-weighted mean logit (for the entropy). One uniform number a target grain then picks a cell, and
pass 2 computes that cell again and picks a grain in it. Sums within a cell are float32, sums over cells float64. A draw
is thus exact up to the rounding of float32 cosines, an error of about 1e-7/τ in a log-probability.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from lgr.matching.cells import CELL, cell_count, group_rows, inverse_cdf
from lgr.matching.choices import Choices
from lgr.matching.logits import LOGIT_FLOOR, Logits, check_peaks
from lgr.matching.nearest import nearest
from lgr.matching.problem import Problem

TILE = 2048  # target grains at a time: bounds a block of logits, and the masses kept, (TILE, M / 1024)


def sample_independent(
    problem: Problem, block_grains: int, generator: torch.Generator, progress: Callable[[int, int], None]
) -> Choices:
    """Draw every target grain on its own; where τ is 0 take the nearest (ties: the lowest index).

    The generator gives one float64 uniform a target grain, τ = 0 or not, so a grain's draw does not depend on the
    temperature of the others. ``progress`` counts (target, codebook) pairs in thousands.
    """
    n, m = len(problem.target), len(problem.codebook)
    device = problem.codebook.device
    uniform = torch.rand(n, dtype=torch.float64, generator=generator).to(device)
    index = torch.empty(n, dtype=torch.int64, device=device)
    similarity = torch.empty(n, device=device)
    probability = torch.ones(n, device=device)
    entropy = torch.zeros(n, device=device)
    done = 0
    for cold in (True, False):
        which = (problem.cold == cold).nonzero()[:, 0]
        for tile in range(0, len(which), TILE):
            rows = which[tile : tile + TILE]
            logits = Logits(problem, rows, cold=cold)

            def seen(grains: int, done: int = done, rows: int = len(rows)) -> None:
                progress((done * m + rows * grains) // 1000, n * m // 1000)

            if cold:
                index[rows] = nearest(logits, block_grains, seen)
            else:
                index[rows], log_sum, entropy[rows] = _draw(logits, uniform[rows], block_grains, seen)
                log_probability = logits.chosen(index[rows]) - log_sum
                probability[rows] = log_probability.clamp(max=0).exp().float()
            similarity[rows] = logits.similarity(index[rows])
            done += len(rows)
    return Choices(index, similarity, probability, entropy)


def _draw(
    logits: Logits, uniform: Tensor, block_grains: int, progress: Callable[[int], None]
) -> tuple[Tensor, Tensor, Tensor]:
    """(index (n,), log of the sum of exp logits (n,) float64, entropy (n,)) for a tile of target grains."""
    peak, mass, moment = _cell_masses(logits, block_grains, progress)  # each (n, cells)
    check_peaks(peak)
    top = peak.amax(dim=1, keepdim=True).double()  # (n, 1)
    below = peak.double() - top
    scale = below.exp()
    mass = mass.double() * scale
    total = mass.sum(dim=1)
    # the mean of (logit - top): within a cell the moment counts from the cell's own peak
    mean = (moment.double() * scale + mass * below).sum(dim=1) / total
    entropy = (total.log() - mean).clamp(min=0).float()
    cell, rest = inverse_cdf(mass, uniform)
    return _draw_in_cell(logits, cell, rest), top[:, 0] + total.log(), entropy


def _cell_masses(logits: Logits, block_grains: int, progress: Callable[[int], None]) -> tuple[Tensor, Tensor, Tensor]:
    """Per target grain and cell: the peak logit, Σ exp(x - peak), and Σ (x - peak) exp(x - peak)."""
    n, m = len(logits), len(logits.codebook)
    block = cell_count(block_grains) * CELL
    peak, mass, moment = (logits.target.new_empty(n, cell_count(m)) for _ in range(3))
    buffers = logits.target.new_empty(2, n * min(block, cell_count(m) * CELL))
    for start in range(0, m, block):
        stop = min(start + block, m)
        cells, first = cell_count(stop - start), start // CELL
        here = slice(first, first + cells)
        x, e = buffers[:, : n * cells * CELL].view(2, n, cells, CELL)
        flat = x.view(n, cells * CELL)
        flat[:, stop - start :] = LOGIT_FLOOR
        logits.fill(slice(None), start, stop, flat[:, : stop - start])
        peak[:, here] = x.amax(dim=2)
        x.sub_(peak[:, here, None])
        torch.exp(x, out=e)
        mass[:, here] = e.sum(dim=2)
        moment[:, here] = x.mul_(e).sum(dim=2)
        progress(stop)
    return peak, mass, moment


def _draw_in_cell(logits: Logits, cell: Tensor, rest: Tensor) -> Tensor:
    """Pass 2: compute each target grain's cell again and draw in it."""
    n, m = len(logits), len(logits.codebook)
    x = logits.target.new_full((n, CELL), LOGIT_FLOOR)
    for which, rows in group_rows(cell):
        start, stop = which * CELL, min((which + 1) * CELL, m)
        block = x.new_empty(len(rows), stop - start)
        logits.fill(rows, start, stop, block)
        x[rows, : stop - start] = block
    x -= x.amax(dim=1, keepdim=True)
    column, _ = inverse_cdf(x.double().exp_(), rest)
    return cell * CELL + column
