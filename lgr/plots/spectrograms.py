"""Mel spectrograms side by side, on one scale of level and frequency."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lgr.errors import ArgumentError
from lgr.plots.base import IMAGE, RANGE_DB, SMALL, finish, mel, new_figure, pool, short, vector

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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

    Examples
    --------
    >>> import torch
    >>> from lgr.plots import plot_spectrograms, save_figure
    >>> noise = torch.randn(24000, generator=torch.Generator().manual_seed(0))
    >>> save_figure(plot_spectrograms([("noise", noise, 24000)]), "noise.png").name
    'noise.png'
    """
    if not pairs:
        raise ArgumentError("plot_spectrograms needs at least one (title, audio, sample_rate), got none")
    columns = columns or min(3, len(pairs))
    rows = -(-len(pairs) // columns)
    figure = new_figure(min(7.5, 1.5 + 2.0 * columns), 0.5 + 2.2 * rows)
    draw_spectrograms(figure, pairs, columns)
    finish(figure, figure.axes, title)
    return figure


def mel_spectrogram(audio: ArrayLike, sample_rate: int, *, top_hz: float, bands: int = 128) -> NDArray[np.float64]:
    """Power ``(bands, frames)`` in mel bands up to ``top_hz``, for looking at: at most about 4,000 moments of it.

    Bands above the Nyquist frequency are 0.
    """
    from scipy.signal import ShortTimeFFT
    from scipy.signal.windows import hann

    samples = vector("audio", audio)
    if sample_rate <= 0:
        raise ArgumentError(f"sample_rate must be > 0 Hz, got {sample_rate}")
    window = int(2 ** np.round(np.log2(max(0.04 * sample_rate, 16))))
    hop = max(window // 4, len(samples) // 4_000)
    samples = np.pad(samples, (0, max(0, window - len(samples))))
    # Four-fold zero padding, so that the narrow low bands hold at least one bin.
    transform = ShortTimeFFT(hann(window, sym=False), hop, sample_rate, mfft=4 * window, scale_to="magnitude")
    power = transform.spectrogram(samples)  # (bins, frames)
    edges = 700 * np.expm1(np.linspace(mel(20.0), mel(top_hz), bands + 2) / 1127)
    rise = (transform.f[None] - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - transform.f[None]) / (edges[2:] - edges[1:-1])[:, None]
    return np.asarray(np.clip(np.minimum(rise, fall), 0.0, None) @ power)


def draw_spectrograms(figure: Any, pairs: Sequence[tuple[str, ArrayLike, int]], columns: int) -> None:
    """Panels on a figure or subfigure with one colour bar."""
    top_hz = max(rate for _, _, rate in pairs) / 2
    powers = [pool(mel_spectrogram(audio, rate, top_hz=top_hz), 1) for _, audio, rate in pairs]
    loudest = max(max(float(power.max()) for power in powers), 1e-12)  # silence stays at the floor
    rows = -(-len(pairs) // columns)
    grid = figure.subplots(rows, columns, sharey=True, squeeze=False)
    ticks = [hz for hz in (100, 300, 1000, 3000, 10_000, 20_000) if hz <= top_hz]
    image = None
    for axis, (name, audio, rate), power in zip(grid.ravel(), pairs, powers, strict=False):
        level_db = 10 * np.log10(np.maximum(power / loudest, 10 ** (-RANGE_DB / 10)))
        extent = (0.0, len(np.asarray(audio)) / rate, mel(20.0), mel(top_hz))
        image = axis.imshow(level_db, cmap="magma", vmin=-RANGE_DB, vmax=0, extent=extent, **IMAGE)
        axis.set_title(short(name, 90 // max(columns, 3)), fontsize=SMALL, pad=3, parse_math=False)
        axis.set_xlabel("time (s)", fontsize=SMALL)
        axis.set_yticks([mel(hz) for hz in ticks], [f"{hz // 1000} k" if hz >= 1000 else str(hz) for hz in ticks])
        axis.locator_params(axis="x", nbins=2 if columns > 3 else 4)
    for axis in grid.ravel()[len(pairs) :]:
        axis.remove()
    for axis in grid[:, 0]:
        axis.set_ylabel("frequency (Hz)", fontsize=SMALL)
    bar = figure.colorbar(image, ax=list(grid.ravel()[: len(pairs)]), pad=0.02)
    bar.set_label("level (dB, loudest 0)", fontsize=SMALL)
