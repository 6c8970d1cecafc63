"""Pictures of a sweep over temperatures: what changes, and what is gained against what is lost."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lgr.errors import ArgumentError, check_shape
from lgr.plots.base import COLOURS, MARKERS, SMALL, finish, new_figure, vector
from lgr.plots.spectrograms import draw_spectrograms

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def plot_sweep(
    temperatures: Sequence[float],
    columns: Mapping[str, ArrayLike],
    *,
    audio: Sequence[ArrayLike] = (),
    sample_rate: int = 0,
    title: str = "",
) -> "Figure":
    """What changes with temperature: a panel for each measure, and above them a spectrogram for each result.

    Parameters
    ----------
    temperatures : sequence of float >= 0, in the order to be shown
        Drawn evenly spaced and labelled: a sweep is rarely even, and often has 0 in it.
    columns : mapping of str to array, (n_temperatures,)
        Measures by name, with their unit in the name.
    audio : sequence of array, (samples,), optional
        One result for each temperature, at ``sample_rate`` Hz.
    """
    labels = [f"{temperature:g}" for temperature in temperatures]
    if not labels or not (columns or audio):
        raise ArgumentError("plot_sweep needs at least one temperature and one column or result, got none")
    if audio and len(audio) != len(labels):
        raise ArgumentError(f"audio must be one result for each of {len(labels)} temperatures, got {len(audio)}")
    across = 2 if len(columns) in (2, 4) else min(3, len(columns))
    sound_rows, rows = -(-len(audio) // 6), -(-len(columns) // max(1, across))
    heights = [height for height in (2.1 * sound_rows, 1.8 * rows) if height]
    figure = new_figure(7.5, sum(heights) + 0.3)
    parts = figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
    if audio:
        pairs = [(f"τ = {label}", x, sample_rate) for label, x in zip(labels, audio, strict=True)]
        draw_spectrograms(parts[0], pairs, columns=min(6, len(pairs)))
    if columns:
        grid = parts[-1].subplots(rows, across, squeeze=False).ravel()
        at = np.arange(len(labels))
        for axis, (name, values) in zip(grid, columns.items(), strict=False):
            axis.plot(at, vector(name, values, like=at), "o-", color=COLOURS[0], markersize=4, linewidth=1.2)
            axis.set_ylabel(textwrap.fill(name, 22), fontsize=SMALL, parse_math=False)
            step = -(-len(labels) // 7)
            axis.set_xticks(at[::step], labels[::step])
            axis.set_xlabel("temperature τ", fontsize=SMALL)
            axis.grid(axis="y", alpha=0.3)
        for axis in grid[len(columns) :]:
            axis.remove()
    finish(figure, [axis for part in parts for axis in part.axes], title)
    return figure


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
    figure = new_figure(2.7 * columns, 4.8)
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
    finish(figure, figure.axes, title)
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
