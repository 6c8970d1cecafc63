"""A clickable cloud of points on a plane, as a Gradio component that any tab may use.

    plot = scatter(described="Map of the grains")
    plot.click(play, ...)       # a point was clicked, or chosen with the arrow keys and Enter: event.index
    plot.lasso(play_all, ...)   # a closed line was drawn: event.indices, ascending; or, where event.marked is true,
                                # in the order in which the space bar marked them
    plot.path(play_path, ...)   # a line was drawn: event.path, [[x, y], ...] in the coordinates of the points

A listener takes ``event: gr.EventData``. A callback that has ``plot`` among its outputs returns ``cloud(...)``. Points
travel as base64 of float32, not as lists of numbers: 50,000 points with their colours, names and seconds are 1.2 MB.

The same component serves the mouse, touch and the keyboard: arrows go to the nearest point in a direction, Enter plays
it, the space bar marks points and Shift+Enter plays the marked ones, + - and 0 zoom, Escape clears. The two axes have
one scale, so that near on the screen is near in the data.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from numpy.typing import ArrayLike, NDArray

from lgr.errors import ArgumentError, check_shape

TOOLS = ("point", "lasso", "path")
KEYS = (
    "Arrow keys move to the nearest point, Enter plays it, space marks points and Shift+Enter plays the marked ones in "
    "order; plus, minus and 0 zoom."
)
# Okabe and Ito's colours, each made darker or lighter where it would fade on the ground.
KINDS = {
    "light": ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#3A9BD0", "#C98500", "#333333"),
    "dark": ("#3D9FDB", "#F07A2B", "#1FC493", "#E39AC4", "#8CD0F5", "#F0B93A", "#EEEEEE"),
}
OTHERS = {"light": "#8A8A8A", "dark": "#7A7A7A"}
# Even in lightness and readable without red and green (after matplotlib's viridis), less the end that the ground hides.
RAMP = ("#440154", "#414487", "#2A788E", "#22A884", "#7AD151", "#FDE725")
RAMP_PART = {"light": (0.0, 0.88), "dark": (0.22, 1.0)}
STEPS = 64  # colours of a ramp

HERE = Path(__file__).parent
SCRIPTS = ("scatter_points.js", "scatter_paint.js", "scatter_hands.js")


@dataclass(frozen=True, kw_only=True)
class Colours:
    """What colour each point has, and what colour says. Made by ``by_kind`` and ``by_number``."""

    index: NDArray[np.uint8]  # (n,), into the palettes
    palette: dict[str, list[str]]  # "light" and "dark": "#RRGGBB"
    legend: dict[str, Any] = field(default_factory=dict)


def scatter(
    *, described: str, empty: str = "Nothing to show yet.", tools: Sequence[str] = TOOLS, **options: Any
) -> gr.HTML:
    """The component, empty until a callback returns a ``cloud`` for it.

    Parameters
    ----------
    described : one sentence for those who do not see it; how to use the keys is added
    empty : what stands in its place while it has no points
    tools : which of "point" (click; drag moves the map), "lasso" and "path" are offered; the first is on at the start
    options : of ``gr.HTML``, such as ``elem_id``
    """
    if not tools or not set(tools) <= set(TOOLS):
        raise ArgumentError(f"tools must be some of {', '.join(TOOLS)}, got {', '.join(tools) or 'none'}")
    return gr.HTML(
        html_template=(HERE / "scatter.html").read_text(encoding="utf-8"),
        css_template=(HERE / "scatter.css").read_text(encoding="utf-8"),
        js_on_load="\n".join((HERE / name).read_text(encoding="utf-8") for name in SCRIPTS),
        apply_default_css=False,
        described=f"{described} {KEYS}",
        empty=empty,
        tools=list(tools),
        **options,
    )


def by_kind(kind: ArrayLike, names: Sequence[str]) -> Colours:
    """Colours that tell kinds apart: ``kind`` (n,) indexes ``names``; from the eighth on, kinds share a grey."""
    which = np.asarray(kind)
    if which.ndim != 1 or which.size == 0 or which.min() < 0 or which.max() >= len(names):
        raise ArgumentError(f"kind must be (n,) with n at least 1 and index {len(names)} names, got {which.shape}")
    own = len(KINDS["light"])
    shown = [*names] if len(names) <= own else [*names[:own], f"{len(names) - own} others"]
    return Colours(
        index=np.minimum(which, own).astype(np.uint8),
        palette={scheme: [*KINDS[scheme], OTHERS[scheme]][: len(shown)] for scheme in KINDS},
        legend={"names": shown},
    )


def by_number(values: ArrayLike, title: str, unit: str = "", *, digits: int = 0) -> Colours:
    """Colours from dark to light over the range of ``values`` (n,); 1 % of them at either end share the last colour."""
    numbers = np.asarray(values, dtype=np.float64)
    check_shape("values", numbers.shape, "(n,) with n at least 1", numbers.ndim == 1 and numbers.size > 0)
    if not np.isfinite(numbers).all():
        raise ArgumentError("values must be finite, got NaN or infinity")
    low, high = np.quantile(numbers, [0.01, 0.99])
    place = np.clip((numbers - low) / max(high - low, 1e-12), 0, 1)
    return Colours(
        index=np.minimum(place * STEPS, STEPS - 1).astype(np.uint8),
        palette={scheme: _ramp(*part) for scheme, part in RAMP_PART.items()},
        legend={"title": title, "range": [f"{edge:,.{digits}f} {unit}".strip() for edge in (low, high)]},
    )


def cloud(
    points: ArrayLike,
    colours: Colours,
    names: Sequence[str] = (),
    *,
    name_of: ArrayLike | None = None,
    seconds: ArrayLike | None = None,
    path: ArrayLike | None = None,
    things: str = "points",
) -> dict[str, Any]:
    """The value of a ``scatter``. Sent again with the same points, it keeps the view and the selection.

    Parameters
    ----------
    points : (n, 2), finite
    names : what hovering says: one a point, or those that ``name_of`` (n,) indexes
    seconds : (n,), said after the name
    path : (m, 2), a line drawn over the points, from a dot at its first
    things : what the points are, in the plural

    Raises
    ------
    ArgumentError, ShapeError : arrays do not fit each other or are not finite
    """
    at = _pairs("points", points)
    n = len(at)
    check_shape("colours.index", colours.index.shape, f"({n},)", colours.index.shape == (n,))
    value: dict[str, Any] = {
        "points": _packed(at, np.float32),
        "colour": _packed(colours.index, np.uint8),
        "palette": colours.palette,
        "legend": colours.legend,
        "names": list(names),
        "things": things,
    }
    if name_of is None and len(names) not in (0, n):
        raise ArgumentError(f"names must be one for each of {n} points, or be indexed by name_of, got {len(names)}")
    for key, column, kind in (("name_of", name_of, np.int32), ("seconds", seconds, np.float32)):
        if column is not None:
            array = np.asarray(column)
            check_shape(key, array.shape, f"({n},)", array.shape == (n,))
            value[key] = _packed(array, kind)
    if path is not None:
        value["path"] = _packed(_pairs("path", path), np.float32)
    return value


def _pairs(name: str, points: ArrayLike) -> NDArray[np.float32]:
    array = np.asarray(points, dtype=np.float32)
    check_shape(
        name, array.shape, "(n, 2) with n at least 1", array.ndim == 2 and array.shape[1] == 2 and len(array) > 0
    )
    if not np.isfinite(array).all():
        raise ArgumentError(f"{name} must be finite, got NaN or infinity")
    return array


def _packed(array: NDArray[Any], kind: type) -> str:
    """Base64 of the numbers as a browser's typed arrays read them: little-endian, row by row."""
    little = np.dtype(kind).newbyteorder("<")
    return base64.b64encode(np.ascontiguousarray(array, dtype=little).tobytes()).decode("ascii")


def _ramp(start: float, end: float) -> list[str]:
    """``STEPS`` colours of the part of ``RAMP`` from ``start`` to ``end`` (0 to 1)."""
    anchors = np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in RAMP])
    at = np.linspace(start, end, STEPS) * (len(RAMP) - 1)
    channels = [np.interp(at, np.arange(len(RAMP)), anchors[:, c]).round().astype(int) for c in range(3)]
    return [f"#{r:02X}{g:02X}{b:02X}" for r, g, b in zip(*channels, strict=True)]
