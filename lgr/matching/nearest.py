"""τ = 0: the nearest grain, exactly, at the speed of the matrix product.

Pass 1 keeps the largest similarity of every cell (of the cells that bfloat16 cannot rule out, where the CPU has it:
``lgr/matching/coarse.py``); pass 2 looks again, in float64, only at grains that float32 cannot tell from the best.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from lgr.matching.cells import CELL, cell_count
from lgr.matching.coarse import MOST_LEFT, candidate_peaks, worth_it
from lgr.matching.logits import LOGIT_FLOOR, Logits, check_peaks

SLACK = 2e-6
"""More than float32 can be wrong about a cosine of unit rows: anything closer to the best is looked at again."""
TIE = 1e-9
"""Cosines in float64 closer than this are equal: they differ by the order of summation."""


def nearest(
    logits: Logits, block_grains: int, progress: Callable[[int], None], *, _coarse: bool | None = None
) -> Tensor:
    """The most similar grain that is not barred, for each target grain; on a tie the lowest index.

    Parameters
    ----------
    logits : made with ``cold=True``
    block_grains : how many codebook grains a matrix product takes
    progress : called with the number of codebook grains seen so far, never fewer than the time before
    _coarse : for tests: take the bfloat16 look to its end, or not at all, instead of deciding by what is faster

    Returns
    -------
    (n,) int64
    """
    furthest = 0

    def forward(seen: int) -> None:
        nonlocal furthest
        if seen > furthest:
            furthest = seen
            progress(seen)

    most_left = float(_coarse) if _coarse is not None else MOST_LEFT if worth_it(logits) else 0.0
    peak = candidate_peaks(logits, SLACK, block_grains, forward, most_left) if most_left else None  # (n, cells)
    if peak is None:
        peak = _cell_peaks(logits, block_grains, forward)
    floor = peak.amax(dim=1) - SLACK
    check_peaks(floor)
    best = torch.full(floor.shape, -torch.inf, dtype=torch.float64, device=floor.device)
    index = torch.zeros_like(best, dtype=torch.int64)
    worth = peak >= floor[:, None]
    for cell in worth.any(dim=0).nonzero()[:, 0].tolist():
        rows = worth[:, cell].nonzero()[:, 0]
        start, stop = cell * CELL, min((cell + 1) * CELL, len(logits.codebook))
        similarity = floor.new_empty(len(rows), stop - start)
        logits.fill(rows, start, stop, similarity)
        column, exact = _closest(logits, rows, start, similarity, floor[rows])
        # cells come in ascending order, so an equal one later must not replace an earlier
        better = exact > best[rows] + TIE
        best[rows[better]] = exact[better]
        index[rows[better]] = start + column[better]
    return index


def tied(logits: Logits, row: int, penalty: Tensor | None = None) -> Tensor:
    """All grains as near as the nearest, (k,) int64 ascending, for one target grain; bounded by (1, M).

    ``logits`` as for ``nearest``; ``penalty`` (M,) is added to the distances first.
    """
    x = logits.target.new_empty(1, len(logits.codebook))
    logits.fill(slice(row, row + 1), 0, len(logits.codebook), x)
    similarity = x[0] if penalty is None else x[0].sub_(penalty)
    check_peaks(similarity.amax())
    candidates = (similarity >= similarity.amax() - SLACK).nonzero()[:, 0]
    exact = logits.codebook[candidates].double() @ logits.target[row].double()
    if penalty is not None:
        exact -= penalty[candidates]
    return candidates[exact >= exact.amax() - TIE]


def _cell_peaks(logits: Logits, block_grains: int, progress: Callable[[int], None]) -> Tensor:
    n, m = len(logits), len(logits.codebook)
    block = cell_count(block_grains) * CELL
    peak = logits.target.new_empty(cell_count(m), n)
    buffer = logits.target.new_empty(n * min(block, cell_count(m) * CELL))
    for start in range(0, m, block):
        stop = min(start + block, m)
        cells = cell_count(stop - start)
        # codebook grains as rows: the product is then a few per cent faster than with target grains as rows
        x = buffer[: n * cells * CELL].view(cells * CELL, n)
        x[stop - start :] = LOGIT_FLOOR
        logits.fill(slice(None), start, stop, x[: stop - start].T)
        first = start // CELL
        peak[first : first + cells] = x.view(cells, CELL, n).amax(dim=1)
        progress(stop)
    return peak.T


def _closest(logits: Logits, rows: Tensor, start: int, similarity: Tensor, floor: Tensor) -> tuple[Tensor, Tensor]:
    """Column and float64 similarity of the best of a cell for each of ``rows``; on a tie the lowest column."""
    near = similarity >= floor[:, None]  # (r, width)
    columns = near.any(dim=0).nonzero()[:, 0]
    exact = logits.target[rows].double() @ logits.codebook[start + columns].double().T  # (r, few)
    exact.masked_fill_(~near[:, columns], -torch.inf)
    best = exact.amax(dim=1)
    column = torch.where(exact >= best[:, None] - TIE, columns, CELL).amin(dim=1)
    return column, best
