"""The mel scale: its filters, bands back to bins, and a window under which spectral envelopes of the past are taken."""

import math

import torch
from torch import Tensor

MEL_AMPLITUDE_FLOOR = 1e-5  # -100 dB under a full-scale sine: added to a mel band before its logarithm


def mel_edges_hz(n_bands: int, sample_rate: int) -> Tensor:
    """The ``n_bands + 2`` corners of triangular filters, equally spaced on the mel scale from 0 to Nyquist."""
    top = 2595 * math.log10(1 + sample_rate / 2 / 700)
    mel = torch.linspace(0, top, n_bands + 2, dtype=torch.float64)
    return 700 * (10 ** (mel / 2595) - 1)


def mel_filters(n_fft: int, n_bands: int, sample_rate: int) -> Tensor:
    """Triangular mel filters ``(n_bands, n_fft // 2 + 1)``, each summing to one, so a band is a mean over its bins.

    A filter narrower than the bin spacing, which would be empty, takes the bin nearest to its centre.

    Examples
    --------
    >>> from lgr.sound.mel import mel_filters
    >>> filters = mel_filters(512, 40, 24000)
    >>> filters.shape, round(float(filters.sum(1).mean()), 4)
    (torch.Size([40, 257]), 1.0)
    """
    edges = mel_edges_hz(n_bands, sample_rate)[:, None]
    hz = torch.linspace(0, sample_rate / 2, n_fft // 2 + 1, dtype=torch.float64)[None]
    rise = (hz - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - hz) / (edges[2:] - edges[1:-1])
    weights = torch.minimum(rise, fall).clamp(min=0)
    nearest = (hz - edges[1:-1]).abs().argmin(1, keepdim=True)
    empty = weights.sum(1) < 1e-9
    weights[empty] = torch.zeros_like(weights).scatter_(1, nearest, 1.0)[empty]
    return (weights / weights.sum(1, keepdim=True)).float()


def rising_window(length: int, fall: int) -> Tensor:
    """A window that rises over ``length - fall`` samples and falls over the last ``fall``: ``(length,)``, peak 1.

    Long memory for frequency resolution, a short fall so that an attack is seen in the hop it happens in.
    """
    rise = length - fall
    up = torch.sin(math.pi / 2 * (torch.arange(rise) + 0.5) / rise) ** 2
    down = torch.cos(math.pi / 2 * (torch.arange(fall) + 0.5) / fall) ** 2
    return torch.cat([up, down])


def bands_to_bins(n_bands: int, n_bins: int, sample_rate: int) -> Tensor:
    """Linear interpolation ``(n_bins, n_bands)`` from band centres to the centres of uniform bins, held at the ends."""
    centres = mel_edges_hz(n_bands, sample_rate)[1:-1]
    hz = (torch.arange(n_bins, dtype=torch.float64) + 0.5) * sample_rate / 2 / n_bins
    right = torch.searchsorted(centres, hz).clamp(1, n_bands - 1)
    weight = ((hz - centres[right - 1]) / (centres[right] - centres[right - 1])).clamp(0, 1)
    matrix = torch.zeros(n_bins, n_bands, dtype=torch.float64)
    rows = torch.arange(n_bins)
    matrix[rows, right - 1] = 1 - weight
    matrix[rows, right] += weight
    return matrix.float()
