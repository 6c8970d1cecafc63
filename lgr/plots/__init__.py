"""Pictures of what lgr does, from plain arrays: each function returns a matplotlib ``Figure``."""

from lgr.plots.base import COLOURS, MARKERS, NORMAL, SMALL, new_figure, save_figure
from lgr.plots.interpolation import PathPanel, plot_paths
from lgr.plots.score import plot_score, plot_similarity
from lgr.plots.spectrograms import mel_spectrogram, plot_spectrograms
from lgr.plots.sweep import plot_sweep, plot_tradeoff
from lgr.plots.training import plot_losses, plot_reconstructions

__all__ = [
    "COLOURS",
    "MARKERS",
    "NORMAL",
    "SMALL",
    "PathPanel",
    "mel_spectrogram",
    "new_figure",
    "plot_losses",
    "plot_paths",
    "plot_reconstructions",
    "plot_score",
    "plot_similarity",
    "plot_spectrograms",
    "plot_sweep",
    "plot_tradeoff",
    "save_figure",
]
