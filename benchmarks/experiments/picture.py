"""What the pictures of the experiments share; colours, marks and sizes are those of ``lgr.plots``."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from benchmarks.experiments.measure import Spread
from lgr.plots import COLOURS, MARKERS, SMALL

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def label(axis: "Axes", right: str, up: str) -> None:
    """Name both axes, with their units, and leave room for names at the edges."""
    axis.set_xlabel(right, fontsize=SMALL)
    axis.set_ylabel(up, fontsize=SMALL)
    axis.tick_params(labelsize=SMALL)
    axis.grid(alpha=0.3)
    axis.margins(0.13)


def name_point(axis: "Axes", at: tuple[float, float], name: str, *, below: bool = False, left: bool = False) -> None:
    """A black cross and its name beside it."""
    axis.plot(*at, "x", color="black", markersize=6)
    axis.annotate(
        name,
        at,
        xytext=(-4 if left else 4, -10 if below else 4),
        textcoords="offset points",
        ha="right" if left else "left",
        fontsize=SMALL,
    )


def curve(axis: "Axes", i: int, at: Sequence[float], up: Sequence[Spread], name: str) -> None:
    """The ``i``-th curve of a panel; bars are the range over seeds."""
    bars = [[s.mean - s.low for s in up], [s.high - s.mean for s in up]]
    axis.errorbar(
        at, [s.mean for s in up], bars, fmt=f"{MARKERS[i]}-", color=COLOURS[i], markersize=4, linewidth=1.2, label=name
    )
