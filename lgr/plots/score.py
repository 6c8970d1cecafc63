"""Pictures of a score: which recording played when, and how alike target and codebook are."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lgr.errors import ArgumentError, check_shape
from lgr.plots.base import COLOURS, IMAGE, MARKERS, NORMAL, PIXELS, SMALL, finish, new_figure, pool, short, vector

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LANES = 6  # recordings with an axis of their own in a score; the rest share one


def plot_score(
    target_seconds: ArrayLike,
    source_seconds: ArrayLike,
    recording: ArrayLike,
    recording_names: Sequence[str],
    similarity: ArrayLike,
    probability: ArrayLike,
    entropy: ArrayLike | None = None,
    *,
    title: str = "",
) -> "Figure":
    """Which recording played at each moment of the target, from where in it, and how sure the choice was.

    Parameters
    ----------
    target_seconds, source_seconds : array, (n_grains,)
        Where a grain is placed, and where it was taken from in its recording.
    recording : array of int, (n_grains,)
        Index into ``recording_names``.
    similarity, probability : array, (n_grains,)
    entropy : array, (n_grains,), nats, optional
        Of the distribution that each grain was drawn from.

    Notes
    -----
    The most used recordings get an axis each; a diagonal line of marks is a stretch played on as recorded.

    Examples
    --------
    >>> import lgr
    >>> from lgr.files import assets_dir
    >>> from lgr.plots import plot_score, save_figure
    >>> clips = assets_dir() / "audio"
    >>> score = lgr.resynthesise(clips / "bells.flac", [clips / "fire.flac"], codec="toy").score
    >>> figure = plot_score(
    ...     score.target_seconds,
    ...     score.source_seconds,
    ...     score.recording,
    ...     [recording.name for recording in score.recordings],
    ...     score.similarity,
    ...     score.probability,
    ... )
    >>> save_figure(figure, "score.png").name
    'score.png'
    """
    x, y = vector("target_seconds", target_seconds), vector("source_seconds", source_seconds, like=target_seconds)
    which = vector("recording", recording, like=x).astype(np.int64)
    if which.min() < 0 or which.max() >= len(recording_names):
        raise ArgumentError(f"recording must index {len(recording_names)} names, got {which.min()} to {which.max()}")
    below = [("similarity", similarity, "linear"), ("probability", probability, "log")]
    if entropy is not None:
        below.append(("entropy (nats)", entropy, "linear"))

    used, counts = np.unique(which, return_counts=True)
    order = used[np.argsort(-counts, kind="stable")]
    lanes = [(recording_names[i], which == i) for i in (order if len(order) <= LANES + 1 else order[:LANES])]
    if len(order) > LANES + 1:
        lanes.append((f"{len(order) - LANES} other recordings", np.isin(which, order[LANES:])))

    rows = len(lanes) + len(below)
    figure = new_figure(7.0, 0.6 + 0.95 * rows)
    axes = figure.subplots(rows, 1, sharex=True)
    size = float(np.clip(4000 / len(x), 2, 16))
    for i, (name, mask) in enumerate(lanes):
        axes[i].scatter(x[mask], y[mask], size, COLOURS[i], MARKERS[i], linewidths=0, rasterized=len(x) > 5000)
        share = f"{short(name)}: {mask.sum():,} of {len(x):,} grains"
        axes[i].set_title(share, loc="left", fontsize=SMALL, pad=2, parse_math=False)
        top = max(float(y[mask].max()), 0.1)
        axes[i].set_ylim(-0.1 * top, 1.1 * top)
    # One label for all lanes, on the middle one: there is no room for it on each.
    axes[(len(lanes) - 1) // 2].set_ylabel("source time (s)", fontsize=SMALL)
    for axis, (name, values, scale) in zip(axes[len(lanes) :], below, strict=True):
        _draw_band(axis, x, vector(name, values, like=x), log=scale == "log")
        axis.set_ylabel(name, fontsize=SMALL)
    axes[-1].set_xlabel("target time (s)", fontsize=NORMAL)
    figure.align_ylabels(axes)
    finish(figure, axes, title)
    return figure


def plot_similarity(
    similarity: ArrayLike,
    path: ArrayLike | None = None,
    *,
    hop_seconds: float = 1.0,
    boundaries: Sequence[int] = (),
    recording_names: Sequence[str] = (),
    title: str = "",
) -> "Figure":
    """The similarity of every target grain to every codebook grain, with the chosen grains over it.

    Parameters
    ----------
    similarity : array, (n_targets, n_grains)
        Pooled by its maximum to at most 800 x 800, so that no close match disappears.
    path : array of int, (n_targets,), optional
        The chosen codebook grain of each target grain.
    hop_seconds : float
        Seconds between target grains.
    boundaries : sequence of int
        Index of each recording's first grain, ascending from 0.
    recording_names : sequence of str
        One for each boundary, or none.
    """
    matrix = np.asarray(similarity)
    check_shape("similarity", matrix.shape, "(n_targets, n_grains)", matrix.ndim == 2 and matrix.size > 0)
    if not hop_seconds > 0:
        raise ArgumentError(f"hop_seconds must be > 0, got {hop_seconds}")
    if recording_names and len(recording_names) != len(boundaries):
        raise ArgumentError(f"recording_names must be one for each of {len(boundaries)} boundaries")
    n, m = matrix.shape
    figure = new_figure(7.0, 4.2)
    axis = figure.subplots()
    extent = (0.0, n * hop_seconds, -0.5, m - 0.5)
    image = axis.imshow(pool(pool(matrix, 0), 1).T, cmap="cividis", extent=extent, **IMAGE)
    if path is not None:
        chosen = vector("path", path, like=matrix[:, 0])
        size = float(np.clip(3000 / n, 2.5, 14))
        # White on a dark rim shows on the dark and the light end of the map alike.
        at = (np.arange(n) + 0.5) * hop_seconds
        axis.scatter(at, chosen, size, "white", edgecolors="black", linewidths=0.4, label="chosen", rasterized=n > 5000)
        axis.legend(fontsize=SMALL, loc="lower right", bbox_to_anchor=(1.0, 1.0), frameon=False, borderpad=0.1)
    for boundary in boundaries[1:]:
        axis.axhline(boundary - 0.5, color="white", linewidth=1.0, linestyle="--")
    axis.set_xlabel("target time (s)", fontsize=NORMAL)
    axis.set_ylabel("codebook grain", fontsize=NORMAL)
    axis.locator_params(axis="y", integer=True)
    if recording_names and len(recording_names) <= 24:
        middles = (np.asarray(boundaries) + np.append(boundaries[1:], m)) / 2 - 0.5
        axis.set_yticks(middles, [short(name, 22) for name in recording_names], parse_math=False)
        axis.set_ylabel("codebook grain, by recording", fontsize=NORMAL)
    figure.colorbar(image, ax=axis, pad=0.02).set_label("similarity", fontsize=NORMAL)
    finish(figure, figure.axes, title)
    return figure


def _draw_band(axis: "Axes", x: NDArray[Any], values: NDArray[Any], *, log: bool) -> None:
    """Values over time; where there are more than fit, the median of each pool inside its range."""
    if log:
        values = np.maximum(values, 1e-9)  # a probability may underflow to 0, which a logarithmic axis does not have
        axis.set_yscale("log")
    per = -(-len(x) // PIXELS)
    if per == 1:
        axis.plot(x, values, ".-" if len(x) < 100 else "-", color=COLOURS[0], markersize=3, linewidth=0.8)
        return
    parts = np.array_split(np.argsort(x, kind="stable"), -(-len(x) // per))
    rows = np.array([(x[part].mean(), *np.quantile(values[part], [0.0, 0.5, 1.0])) for part in parts])
    at, low, middle, high = rows.T
    axis.fill_between(at, low, high, color="0.8", linewidth=0)
    axis.plot(at, middle, color=COLOURS[0], linewidth=0.9)
