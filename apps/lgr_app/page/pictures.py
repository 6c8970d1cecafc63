"""Figures of ``lgr.plots*`` as pictures for a page: narrow enough for their text to be read on a phone."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH_INCHES = 5.4  # text of 8 points then has 8 pixels on a phone of 390, and 15 in a column of 700
DOTS_PER_INCH = 150


def save_picture(figure: "Figure", path: Path, *, width_inches: float = WIDTH_INCHES) -> Path:
    """Write ``figure`` as PNG, made ``width_inches`` wide at its own height."""
    figure.set_size_inches(width_inches, figure.get_size_inches()[1])
    figure.savefig(path, format="png", dpi=DOTS_PER_INCH)
    return path
