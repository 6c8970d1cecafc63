"""What all pictures share: colours, sizes, an empty figure and how one is saved.

Colours are Okabe and Ito's and matplotlib's perceptually even maps, never red against green, and what colour says
markers or position say too, so the pictures hold in grey print, 7.5 inches wide at most. Large inputs are pooled to
what a page can show. Figures are made without pyplot: nothing global, no window, safe in threads.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lgr.errors import ArgumentError, MissingPackageError, check_shape
from lgr.files import atomic_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito (2008), "Color universal design", without their yellow, which fades on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
PIXELS = 800  # columns and rows after pooling: about what 16 cm of print resolves
RANGE_DB = 80.0
IMAGE: Mapping[str, Any] = {"origin": "lower", "aspect": "auto", "interpolation": "nearest"}
SMALL, NORMAL = 8, 9  # points


def save_figure(figure: "Figure", path: str | Path, *, force: bool = False) -> Path:
    """Write a figure whole or not at all, as .png (200 dots per inch), .svg or .pdf, without the date.

    Raises
    ------
    ArgumentError
        Another suffix.
    LgrError
        The file exists and ``force`` is false, or its folder is missing or cannot be written to.
    """
    import matplotlib as mpl

    path = Path(path).expanduser()
    suffix = path.suffix.lower()
    undated: dict[str, None] | None = {".png": {}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(suffix)
    if undated is None:
        raise ArgumentError(f"a picture's name must end in .png, .svg or .pdf, got {path.name!r}")
    with atomic_path(path, force=force) as temporary, mpl.rc_context({"svg.hashsalt": "lgr"}):
        figure.savefig(temporary, format=suffix[1:], dpi=200, metadata=undated)
    return path


def new_figure(width: float, height: float) -> "Figure":
    """An empty figure, inches; without matplotlib an error that says how to install it."""
    try:
        from matplotlib.figure import Figure
    except ImportError as failure:
        raise MissingPackageError("pictures need matplotlib: pip install 'lgr[explore]'") from failure
    return Figure(figsize=(width, height), layout="constrained")


def finish(figure: "Figure", axes: Any, title: str) -> None:
    for axis in axes:
        axis.tick_params(labelsize=SMALL)
    if title:
        figure.suptitle(title, fontsize=NORMAL + 1, parse_math=False)


def vector(name: str, values: ArrayLike, like: ArrayLike | None = None) -> NDArray[Any]:
    """One-axis array of at least one finite number, as long as ``like``."""
    array = np.asarray(values)
    expected = "(n,) with n at least 1" if like is None else f"({len(np.asarray(like))},)"
    ok = array.ndim == 1 and len(array) > 0 and (like is None or len(array) == len(np.asarray(like)))
    check_shape(name, array.shape, expected, ok)
    if not np.isfinite(array).all():
        raise ArgumentError(f"{name} must be finite numbers, got NaN or infinity")
    return array


def pool(matrix: NDArray[Any], axis: int) -> NDArray[Any]:
    """Maximum over equal stretches along ``axis``, leaving at most ``PIXELS``."""
    step = -(-matrix.shape[axis] // PIXELS)
    return matrix if step == 1 else np.maximum.reduceat(matrix, np.arange(0, matrix.shape[axis], step), axis=axis)


def mel(hz: float) -> float:
    return float(1127 * np.log1p(hz / 700))


def short(name: str, length: int = 60) -> str:
    """A name that fits: its middle gives way, for names often differ at their ends."""
    return name if len(name) <= length else f"{name[: length // 2]}…{name[-(length // 2 - 1) :]}"
