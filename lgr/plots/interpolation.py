"""Paper 003's figure 1: log spectrograms of real A, a path, real B, with the spectral centroid over time under each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from lgr.errors import ArgumentError, check_shape
from lgr.plots.base import (
    COLOURS,
    IMAGE,
    NORMAL,
    RANGE_DB,
    SMALL,
    finish,
    mel,
    new_figure,
    pool,
    short,
    vector,
)
from lgr.plots.spectrograms import mel_spectrogram

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True)
class PathPanel:
    """What one panel shows. ``centroid_hz`` may be NaN in silence; ``note`` is a line under it, such as its numbers."""

    title: str
    audio: ArrayLike  # (samples,)
    sample_rate: int
    seams_seconds: tuple[float, float]  # where the path begins and ends
    centroid_seconds: ArrayLike  # (frames,)
    centroid_hz: ArrayLike  # (frames,)
    names: tuple[str, str] = ("A", "B")
    note: str = ""


def plot_paths(panels: Sequence[PathPanel], *, title: str = "") -> "Figure":
    """Paths side by side (two codecs, as in the paper, or two kinds), on one scale of level, frequency and centroid.

    Dashed lines are the seams; between them the centroid is drawn heavier, in another colour.
    """
    if not panels:
        raise ArgumentError("plot_paths needs at least one panel, got none")
    figure = new_figure(min(7.5, 2.4 + 2.6 * len(panels)), 4.6)
    grid = figure.subplots(2, len(panels), sharex="col", sharey="row", squeeze=False, height_ratios=[1.7, 1.0])
    top_hz = max(p.sample_rate for p in panels) / 2
    powers = [pool(mel_spectrogram(p.audio, p.sample_rate, top_hz=top_hz), 1) for p in panels]
    loudest = max(max(float(power.max()) for power in powers), 1e-12)  # silence stays at the floor
    ticks = [hz for hz in (100, 300, 1000, 3000, 10_000, 20_000) if hz <= top_hz]
    image: Any = None
    highest = 0.0
    for (above, below), panel, power in zip(grid.T, panels, powers, strict=True):
        end = len(np.asarray(panel.audio)) / panel.sample_rate
        level_db = 10 * np.log10(np.maximum(power / loudest, 10 ** (-RANGE_DB / 10)))
        extent = (0.0, end, mel(20.0), mel(top_hz))
        image = above.imshow(level_db, cmap="magma", vmin=-RANGE_DB, vmax=0, extent=extent, **IMAGE)
        above.set_yticks([mel(hz) for hz in ticks], [f"{hz // 1000} k" if hz >= 1000 else str(hz) for hz in ticks])
        above.set_title(short(panel.title, 90 // max(2, len(panels))), fontsize=NORMAL, pad=3, parse_math=False)
        highest = max(highest, _draw_centroid(below, panel))
        for seam in panel.seams_seconds:
            above.axvline(seam, color="white", linewidth=1.0, linestyle="--")
            below.axvline(seam, color="0.4", linewidth=0.8, linestyle="--")
        below.set_xlim(0, end)
        below.set_xlabel(f"time (s)\n{panel.note}" if panel.note else "time (s)", fontsize=SMALL, parse_math=False)
    grid[1, 0].set_ylim(0, 1.35 * max(highest, 1.0))  # the sounds' names stand above the curves
    grid[0, 0].set_ylabel("frequency (Hz)", fontsize=SMALL)
    grid[1, 0].set_ylabel("spectral centroid (Hz)", fontsize=SMALL)
    figure.align_ylabels(grid[:, 0])
    bar = figure.colorbar(image, ax=list(grid[0]), pad=0.02)
    bar.set_label("level (dB, loudest 0)", fontsize=SMALL)
    finish(figure, figure.axes, title)
    return figure


def _draw_centroid(axis: "Axes", panel: PathPanel) -> float:
    """The curve of one panel with its parts' names; returns its highest point, Hz."""
    seconds = vector("centroid_seconds", panel.centroid_seconds)
    centroid = np.asarray(panel.centroid_hz, dtype=np.float64)
    check_shape("centroid_hz", centroid.shape, f"{seconds.shape} as centroid_seconds", centroid.shape == seconds.shape)
    first, second = panel.seams_seconds
    end = len(np.asarray(panel.audio)) / panel.sample_rate
    inside = (seconds >= first) & (seconds <= second)
    axis.plot(seconds, centroid, "-", color=COLOURS[0], linewidth=0.7)
    axis.plot(seconds, np.where(inside, centroid, np.nan), "-", color=COLOURS[1], linewidth=1.6)
    places = ((first / 2, panel.names[0]), ((first + second) / 2, "path"), ((second + end) / 2, panel.names[1]))
    for at, name in places:
        place: dict[str, Any] = {"ha": "center", "va": "top", "transform": axis.get_xaxis_transform()}
        axis.text(at, 0.96, short(name, 16), fontsize=SMALL, parse_math=False, **place)
    axis.grid(axis="y", alpha=0.3)
    known = centroid[np.isfinite(centroid)]
    return float(known.max()) if known.size else 0.0
