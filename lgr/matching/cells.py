"""Cells: fixed runs of 1024 codebook grains, the grid on which probability mass is counted.

A draw picks a cell by the cells' masses, then a grain within the cell, whose logits are computed again. The grid does
not move with the block size, and one uniform number places a grain in the cumulative mass of the whole codebook, so a
draw does not depend on how the codebook was cut into blocks.
"""

import torch
from torch import Tensor

CELL = 1024


def cell_count(grains: int) -> int:
    """How many cells hold ``grains`` grains; the last may be partly empty."""
    return -(-grains // CELL)


def inverse_cdf(mass: Tensor, uniform: Tensor) -> tuple[Tensor, Tensor]:
    """Draw one column a row with probability proportional to ``mass``.

    Parameters
    ----------
    mass : (n, k) float64 >= 0, each row with a positive sum
    uniform : (n,) float64 in [0, 1)

    Returns
    -------
    (index (n,) int64, rest (n,) float64 in [0, 1)): the column, never one of mass 0, and how far within its mass the
    uniform number fell, which is itself uniform and independent of the column.
    """
    cumulative = mass.cumsum(dim=1)
    total = cumulative[:, -1]
    # u * total may round up to total, beyond which there is no column
    place = torch.minimum(uniform * total, torch.nextafter(total, torch.zeros_like(total)))
    index = torch.searchsorted(cumulative, place[:, None], right=True)  # (n, 1): the first column that passes the place
    width = mass.gather(1, index)[:, 0]
    before = torch.where(index[:, 0] > 0, cumulative.gather(1, (index - 1).clamp(min=0))[:, 0], 0.0)
    return index[:, 0], ((place - before) / width).clamp(0.0, 1.0 - 2.0**-53)


def group_rows(cell: Tensor) -> list[tuple[int, Tensor]]:
    """``[(cell, rows that chose it), ...]`` in ascending order, rows ascending, for ``cell`` (n,) int64."""
    order = torch.argsort(cell, stable=True)
    values, counts = torch.unique_consecutive(cell[order], return_counts=True)
    stops = counts.cumsum(dim=0).tolist()
    return [(v, order[stop - n : stop]) for v, n, stop in zip(values.tolist(), counts.tolist(), stops, strict=True)]
