"""A clickable cloud of points on a plane, as a Gradio component that any tab may use.

    plot = scatter(described="Map of the grains")
    plot.click(play, ...)       # a point was clicked, or chosen with the arrow keys and Enter: event.index
    plot.lasso(play_all, ...)   # a closed line was drawn: event.indices, ascending; or, where event.marked is true,
                                # in the order in which the space bar marked them
    plot.line(play_line, ...)   # a line was drawn: event.line, [[x, y], ...] in the coordinates of the points

A listener takes ``event: gr.EventData``. A callback that has ``plot`` among its outputs returns ``cloud(...)``. Points
travel as base64 of float32, not as lists of numbers: 50,000 points with their colours, names and seconds are 1.2 MB.

The same component serves the mouse, touch and the keyboard: arrows go to the nearest point in a direction, Enter plays
it, the space bar marks points and Shift+Enter plays the marked ones, + - and 0 zoom, Escape clears. The two axes have
one scale, so that near on the screen is near in the data.
"""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from numpy.typing import ArrayLike, NDArray

from lgr.errors import ArgumentError, check_shape
from lgr_app.page.scatter.colours import Colours

TOOLS = ("point", "lasso", "line")
KEYS = (
    "Arrow keys move to the nearest point, Enter plays it, space marks points and Shift+Enter plays the marked ones in "
    "order; plus, minus and 0 zoom."
)
HERE = Path(__file__).parent
SCRIPTS = ("points.js", "paint.js", "hands.js")


def scatter(
    *, described: str, empty: str = "Nothing to show yet.", tools: Sequence[str] = TOOLS, **options: Any
) -> gr.HTML:
    """The component, empty until a callback returns a ``cloud`` for it.

    Parameters
    ----------
    described : one sentence for those who do not see it; how to use the keys is added
    empty : what stands in its place while it has no points
    tools : which of "point" (click; drag moves the map), "lasso" and "line" are offered; the first is on at the start
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


def cloud(
    points: ArrayLike,
    colours: Colours,
    names: Sequence[str] = (),
    *,
    name_of: ArrayLike | None = None,
    seconds: ArrayLike | None = None,
    line: ArrayLike | None = None,
    things: str = "points",
) -> dict[str, Any]:
    """The value of a ``scatter``. Sent again with the same points, it keeps the view and the selection.

    Parameters
    ----------
    points : (n, 2), finite
    names : what hovering says: one a point, or those that ``name_of`` (n,) indexes
    seconds : (n,), said after the name
    line : (m, 2), drawn over the points, from a dot at its first
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
    if line is not None:
        value["line"] = _packed(_pairs("line", line), np.float32)
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
