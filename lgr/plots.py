"""Pictures of what lgr does, from plain arrays: each function returns a matplotlib ``Figure``.

Colours are Okabe and Ito's and matplotlib's perceptually even maps, never red against green, and what colour says
markers or position say too, so the pictures hold in grey print, 7.5 inches wide at most. Large inputs are pooled to
what a page can show. Figures are made without pyplot: nothing global, no window, safe in threads.
"""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lgr.errors import ArgumentError, MissingPackageError, check_shape
from lgr.files import atomic_path

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito (2008), "Color universal design", without their yellow, which fades on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LANES = 6  # recordings with an axis of their own in a score; the rest share one
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
    """
    x, y = _vector("target_seconds", target_seconds), _vector("source_seconds", source_seconds, like=target_seconds)
    which = _vector("recording", recording, like=x).astype(np.int64)
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
    figure = _figure(7.0, 0.6 + 0.95 * rows)
    axes = figure.subplots(rows, 1, sharex=True)
    size = float(np.clip(4000 / len(x), 2, 16))
    for i, (name, mask) in enumerate(lanes):
        axes[i].scatter(x[mask], y[mask], size, COLOURS[i], MARKERS[i], linewidths=0, rasterized=len(x) > 5000)
        share = f"{_short(name)}: {mask.sum():,} of {len(x):,} grains"
        axes[i].set_title(share, loc="left", fontsize=SMALL, pad=2, parse_math=False)
        top = max(float(y[mask].max()), 0.1)
        axes[i].set_ylim(-0.1 * top, 1.1 * top)
    # One label for all lanes, on the middle one: there is no room for it on each.
    axes[(len(lanes) - 1) // 2].set_ylabel("source time (s)", fontsize=SMALL)
    for axis, (name, values, scale) in zip(axes[len(lanes) :], below, strict=True):
        _draw_band(axis, x, _vector(name, values, like=x), log=scale == "log")
        axis.set_ylabel(name, fontsize=SMALL)
    axes[-1].set_xlabel("target time (s)", fontsize=NORMAL)
    figure.align_ylabels(axes)
    _finish(figure, axes, title)
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
    figure = _figure(7.0, 4.2)
    axis = figure.subplots()
    extent = (0.0, n * hop_seconds, -0.5, m - 0.5)
    image = axis.imshow(_pool(_pool(matrix, 0), 1).T, cmap="cividis", extent=extent, **IMAGE)
    if path is not None:
        chosen = _vector("path", path, like=matrix[:, 0])
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
        axis.set_yticks(middles, [_short(name, 22) for name in recording_names], parse_math=False)
        axis.set_ylabel("codebook grain, by recording", fontsize=NORMAL)
    figure.colorbar(image, ax=axis, pad=0.02).set_label("similarity", fontsize=NORMAL)
    _finish(figure, figure.axes, title)
    return figure


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
    figure = _figure(7.5, sum(heights) + 0.3)
    parts = figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
    if audio:
        pairs = [(f"τ = {label}", x, sample_rate) for label, x in zip(labels, audio, strict=True)]
        _draw_spectrograms(parts[0], pairs, columns=min(6, len(pairs)))
    if columns:
        grid = parts[-1].subplots(rows, across, squeeze=False).ravel()
        at = np.arange(len(labels))
        for axis, (name, values) in zip(grid, columns.items(), strict=False):
            axis.plot(at, _vector(name, values, like=at), "o-", color=COLOURS[0], markersize=4, linewidth=1.2)
            axis.set_ylabel(textwrap.fill(name, 22), fontsize=SMALL, parse_math=False)
            step = -(-len(labels) // 7)
            axis.set_xticks(at[::step], labels[::step])
            axis.set_xlabel("temperature τ", fontsize=SMALL)
            axis.grid(axis="y", alpha=0.3)
        for axis in grid[len(columns) :]:
            axis.remove()
    _finish(figure, [axis for part in parts for axis in part.axes], title)
    return figure


def plot_spectrograms(
    pairs: Sequence[tuple[str, ArrayLike, int]], *, columns: int | None = None, title: str = ""
) -> "Figure":
    """Mel spectrograms side by side on one scale of level and frequency.

    Parameters
    ----------
    pairs : sequence of (title, audio (samples,), sample_rate)
        0 dB is the loudest point of all panels; 80 dB below it is the floor.
    columns : int > 0, optional
        Panels in a row; at most 3 by default.
    """
    if not pairs:
        raise ArgumentError("plot_spectrograms needs at least one (title, audio, sample_rate), got none")
    columns = columns or min(3, len(pairs))
    rows = -(-len(pairs) // columns)
    figure = _figure(min(7.5, 1.5 + 2.0 * columns), 0.5 + 2.2 * rows)
    _draw_spectrograms(figure, pairs, columns)
    _finish(figure, figure.axes, title)
    return figure


def mel_spectrogram(audio: ArrayLike, sample_rate: int, *, top_hz: float, bands: int = 128) -> NDArray[np.float64]:
    """Power ``(bands, frames)`` in mel bands up to ``top_hz``, for looking at: at most about 4,000 moments of it.

    Bands above the Nyquist frequency are 0.
    """
    from scipy.signal import ShortTimeFFT
    from scipy.signal.windows import hann

    samples = _vector("audio", audio)
    if sample_rate <= 0:
        raise ArgumentError(f"sample_rate must be > 0 Hz, got {sample_rate}")
    window = int(2 ** np.round(np.log2(max(0.04 * sample_rate, 16))))
    hop = max(window // 4, len(samples) // 4_000)
    samples = np.pad(samples, (0, max(0, window - len(samples))))
    # Four-fold zero padding, so that the narrow low bands hold at least one bin.
    transform = ShortTimeFFT(hann(window, sym=False), hop, sample_rate, mfft=4 * window, scale_to="magnitude")
    power = transform.spectrogram(samples)  # (bins, frames)
    edges = 700 * np.expm1(np.linspace(_mel(20.0), _mel(top_hz), bands + 2) / 1127)
    rise = (transform.f[None] - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - transform.f[None]) / (edges[2:] - edges[1:-1])[:, None]
    return np.asarray(np.clip(np.minimum(rise, fall), 0.0, None) @ power)


def _draw_spectrograms(figure: Any, pairs: Sequence[tuple[str, ArrayLike, int]], columns: int) -> None:
    """Panels on a figure or subfigure with one colour bar."""
    top_hz = max(rate for _, _, rate in pairs) / 2
    powers = [_pool(mel_spectrogram(audio, rate, top_hz=top_hz), 1) for _, audio, rate in pairs]
    loudest = max(max(float(power.max()) for power in powers), 1e-12)  # silence stays at the floor
    rows = -(-len(pairs) // columns)
    grid = figure.subplots(rows, columns, sharey=True, squeeze=False)
    ticks = [hz for hz in (100, 300, 1000, 3000, 10_000, 20_000) if hz <= top_hz]
    image = None
    for axis, (name, audio, rate), power in zip(grid.ravel(), pairs, powers, strict=False):
        level_db = 10 * np.log10(np.maximum(power / loudest, 10 ** (-RANGE_DB / 10)))
        extent = (0.0, len(np.asarray(audio)) / rate, _mel(20.0), _mel(top_hz))
        image = axis.imshow(level_db, cmap="magma", vmin=-RANGE_DB, vmax=0, extent=extent, **IMAGE)
        axis.set_title(_short(name, 90 // max(columns, 3)), fontsize=SMALL, pad=3, parse_math=False)
        axis.set_xlabel("time (s)", fontsize=SMALL)
        axis.set_yticks([_mel(hz) for hz in ticks], [f"{hz // 1000} k" if hz >= 1000 else str(hz) for hz in ticks])
        axis.locator_params(axis="x", nbins=2 if columns > 4 else 4)
    for axis in grid.ravel()[len(pairs) :]:
        axis.remove()
    for axis in grid[:, 0]:
        axis.set_ylabel("frequency (Hz)", fontsize=SMALL)
    bar = figure.colorbar(image, ax=list(grid.ravel()[: len(pairs)]), pad=0.02)
    bar.set_label("level (dB, loudest 0)", fontsize=SMALL)


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


def _pool(matrix: NDArray[Any], axis: int) -> NDArray[Any]:
    """Maximum over equal stretches along ``axis``, leaving at most ``PIXELS``."""
    step = -(-matrix.shape[axis] // PIXELS)
    return matrix if step == 1 else np.maximum.reduceat(matrix, np.arange(0, matrix.shape[axis], step), axis=axis)


def _mel(hz: float) -> float:
    return float(1127 * np.log1p(hz / 700))


def _short(name: str, length: int = 60) -> str:
    """A name that fits: its middle gives way, for names often differ at their ends."""
    return name if len(name) <= length else f"{name[: length // 2]}…{name[-(length // 2 - 1) :]}"


def _vector(name: str, values: ArrayLike, like: ArrayLike | None = None) -> NDArray[Any]:
    """One-axis array of at least one finite number, as long as ``like``."""
    array = np.asarray(values)
    expected = "(n,) with n at least 1" if like is None else f"({len(np.asarray(like))},)"
    ok = array.ndim == 1 and len(array) > 0 and (like is None or len(array) == len(np.asarray(like)))
    check_shape(name, array.shape, expected, ok)
    if not np.isfinite(array).all():
        raise ArgumentError(f"{name} must be finite numbers, got NaN or infinity")
    return array


def _figure(width: float, height: float) -> "Figure":
    """An empty figure, inches; without matplotlib an error that says how to install it."""
    try:
        from matplotlib.figure import Figure
    except ImportError as failure:
        raise MissingPackageError("pictures need matplotlib: pip install 'lgr[explore]'") from failure
    return Figure(figsize=(width, height), layout="constrained")


def _finish(figure: "Figure", axes: Any, title: str) -> None:
    for axis in axes:
        axis.tick_params(labelsize=SMALL)
    if title:
        figure.suptitle(title, fontsize=NORMAL + 1, parse_math=False)
