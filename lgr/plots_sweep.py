"""Pictures of a sweep over temperatures: what is gained against what is lost, and how freely grains are chosen."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lgr.errors import ArgumentError, check_shape
from lgr.plots import COLOURS, MARKERS, SMALL, _figure, _finish

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def plot_tradeoff(
    temperatures: Sequence[float],
    retention: tuple[str, ArrayLike],
    gains: Mapping[str, ArrayLike],
    freedom: Mapping[str, ArrayLike],
    *,
    title: str = "",
) -> "Figure":
    """Each gain against what was kept, a point a temperature; below, measures over temperature on a log scale.

    Parameters
    ----------
    temperatures : sequence of float > 0
    retention : (name, array (n_temperatures,)), what was kept of the target
    gains, freedom : mapping of name to array (n_temperatures,), at least one each, with units in the names

    Where a number is NaN (it could not be measured) its point is left out.
    """
    tau = np.asarray(temperatures, dtype=np.float64)
    if tau.ndim != 1 or not len(tau) or not (np.isfinite(tau) & (tau > 0)).all():
        raise ArgumentError(f"temperatures must be above 0 and at least one, got {list(temperatures)}")
    if not gains or not freedom:
        raise ArgumentError("plot_tradeoff needs at least one gain and one measure of freedom, got none")
    kept = _column(*retention, tau)
    columns = max(len(gains), len(freedom))
    figure = _figure(2.7 * columns, 4.8)
    grid = figure.subplots(2, columns, squeeze=False)
    for i, (name, values) in enumerate(gains.items()):
        _draw_tradeoff(grid[0, i], tau, kept, _column(name, values, tau), COLOURS[i], MARKERS[i])
        grid[0, i].set_xlabel(retention[0], fontsize=SMALL)
        grid[0, i].set_ylabel(name, fontsize=SMALL)
    for i, (name, values) in enumerate(freedom.items()):
        axis = grid[1, i]
        axis.plot(tau, _column(name, values, tau), "o-", color="0.25", markersize=4, linewidth=1.2)
        axis.set_xscale("log")
        axis.set_xlabel("temperature τ (log scale)", fontsize=SMALL)
        axis.set_ylabel(name, fontsize=SMALL)
        axis.grid(alpha=0.3)
    for row, drawn in zip(grid, (len(gains), len(freedom)), strict=True):
        for axis in row[drawn:]:
            axis.remove()
    _finish(figure, figure.axes, title)
    return figure


def _draw_tradeoff(
    axis: "Axes", tau: NDArray[Any], kept: NDArray[Any], gained: NDArray[Any], colour: str, marker: str
) -> None:
    axis.plot(kept, gained, f"{marker}-", color=colour, markersize=5, linewidth=1.0)
    for place, (temperature, x, y) in enumerate(zip(tau, kept, gained, strict=True)):
        if np.isfinite(x + y):
            beside = (4, 4) if place % 2 == 0 else (-4, -12)  # neighbours often lie on top of each other
            side = "left" if place % 2 == 0 else "right"
            axis.annotate(f"{temperature:.2g}", (x, y), beside, textcoords="offset points", ha=side, fontsize=SMALL - 1)
    axis.margins(0.25)
    axis.grid(alpha=0.3)


def _column(name: str, values: ArrayLike, like: NDArray[Any]) -> NDArray[Any]:
    column = np.asarray(values, dtype=np.float64)
    check_shape(name, column.shape, f"({len(like)},), one number a temperature", column.shape == like.shape)
    return column
