"""Pictures of a training run: its losses, and held-out sounds beside what the model makes of them.

As all of ``lgr.plots``: from plain values to a matplotlib ``Figure``.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from lgr.errors import ArgumentError
from lgr.plots.base import COLOURS, MARKERS, NORMAL, SMALL, finish, new_figure
from lgr.plots.spectrograms import plot_spectrograms

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NO_TERMS = (
    "step",
    "of",
    "stage",
    "seconds",
    "done",
    "left_seconds",
    "audio_per_second",
    "rate",
    "beta",
    "grad",
    "loss",
)


def plot_losses(rows: Sequence[Mapping[str, Any]], *, title: str = "") -> "Figure":
    """The terms of a training log over its steps: of training as lines, held-out ones as marks.

    Parameters
    ----------
    rows : rows of ``log.jsonl``; those without a step, and notes, are passed over. Terms that were never above 0 have
        no place on the logarithmic axis.
    """
    training = _columns([row for row in rows if "held_out" not in row and "note" not in row])
    held_out = _columns([{"step": row["step"], **row["held_out"]} for row in rows if "held_out" in row])
    names = sorted(training.keys() | held_out.keys())
    if not names:
        raise ArgumentError(f"rows must hold losses above 0, got {len(rows)} rows without any")
    figure = new_figure(7.0, 3.8)
    axis = figure.subplots()
    for i, name in enumerate(names):
        colour, marker = COLOURS[i % len(COLOURS)], MARKERS[i % len(MARKERS)]
        if name in training:
            axis.plot(*training[name], color=colour, linewidth=0.8, label=name)
        if name in held_out:
            axis.plot(*held_out[name], marker, color=colour, markersize=3.5, label=f"{name}, held out")
    axis.set_yscale("log")
    axis.set_xlabel("step", fontsize=NORMAL)
    axis.set_ylabel("loss term", fontsize=NORMAL)
    figure.legend(loc="outside right upper", fontsize=SMALL)
    finish(figure, [axis], title)
    return figure


def plot_reconstructions(
    pairs: Sequence[tuple[str, ArrayLike, ArrayLike]], sample_rate: int, *, title: str = ""
) -> "Figure":
    """Mel spectrograms of sounds (left) and of their reconstructions (right).

    Parameters
    ----------
    pairs : (name, original, reconstruction), both (samples,)
    """
    panels = []
    for name, original, estimate in pairs:
        panels += [(name, original, sample_rate), (f"{name}, reconstructed", estimate, sample_rate)]
    return plot_spectrograms(panels, columns=2, title=title)


def _columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, tuple[list[int], list[float]]]:
    """Steps and values of each term that is a number above 0."""
    found: dict[str, tuple[list[int], list[float]]] = {}
    for row in rows:
        for name, value in row.items():
            if name in NO_TERMS or isinstance(value, str | bool) or not np.isfinite(value) or value <= 0:
                continue
            steps, values = found.setdefault(name, ([], []))
            steps.append(int(row["step"]))
            values.append(float(value))
    return found
