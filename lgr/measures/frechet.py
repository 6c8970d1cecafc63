"""Fréchet distance between two sets of embeddings, always named after its embedding.

    d² = |mean_a - mean_b|² + tr(cov_a + cov_b - 2 (cov_a cov_b)^(1/2))

(Dowson and Landau 1982; Heusel et al. 2017 for images; Kilgour et al. 2019, "FAD", with VGGish embeddings.) A number
means something only beside another with the same embedding: what is computed here from log-mel statistics is not FAD.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from lgr.errors import ArgumentError, check_shape
from lgr.sound.mel import MEL_AMPLITUDE_FLOOR, mel_filters

MEL_BANDS = 32
WINDOW, HOP = 1024, 256  # samples of the spectra
FEWEST_ROWS = 2  # of the smallest subset, for each dimension: below, the bias is no longer one over the rows
SMALLEST_SHARE = 0.25  # of the rows, in a subset

Embedding = Callable[[Tensor, int], Tensor]
"""From audio ``(samples,)`` and its sample rate to rows ``(n, size)``."""


def frechet_distance(a: Tensor, b: Tensor) -> float:
    """Squared Fréchet distance of Gaussians fitted to ``a`` ``(n, size)`` and ``b`` ``(m, size)``; 0 for equal sets.

    Raises
    ------
    ShapeError : not two matrices of the same width with at least two rows
    ArgumentError : a number that is not finite

    Examples
    --------
    >>> import torch
    >>> from lgr.measures.frechet import frechet_distance
    >>> rows = torch.randn(500, 4, generator=torch.Generator().manual_seed(0))
    >>> round(frechet_distance(rows, rows + 1), 4)  # 1 in each of four dimensions
    4.0
    """
    check_shape("a", a.shape, "(n >= 2, size)", a.ndim == 2 and a.shape[0] >= 2)
    check_shape("b", b.shape, f"(n >= 2, {a.shape[1]})", b.ndim == 2 and b.shape[0] >= 2 and b.shape[1] == a.shape[1])
    if not (a.isfinite().all() and b.isfinite().all()):
        raise ArgumentError("a and b must be finite embeddings, got NaN or infinity")
    a, b = a.double(), b.double()
    shift = (a.mean(0) - b.mean(0)).square().sum()
    cov_a, cov_b = (torch.cov(x.T).reshape(x.shape[1], x.shape[1]) for x in (a, b))
    # tr (A B)^(1/2) = tr (A^(1/2) B A^(1/2))^(1/2): the latter is symmetric, so no complex roots appear.
    values, vectors = torch.linalg.eigh(cov_a)
    root = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    cross = torch.linalg.eigvalsh(root @ cov_b @ root).clamp(min=0).sqrt().sum()
    return float((shift + cov_a.trace() + cov_b.trace() - 2 * cross).clamp(min=0))


@dataclass(frozen=True, kw_only=True)
class Extrapolation:
    """A Fréchet distance for infinitely many rows: ``distance`` (may fall below 0 by chance), and its ``spread``, the
    standard deviation over repeated draws of subsets (it knows nothing of another choice of recordings).
    """

    distance: float
    spread: float


def frechet_extrapolated(a: Tensor, b: Tensor, *, seed: int = 0, sizes: int = 8, draws: int = 5) -> Extrapolation:
    """``frechet_distance`` without the bias of few rows, which falls as one over their number.

    The distance of subsets, each the same share of both sets, is fitted by a line in one over that share and read where
    it reaches 0 (Chong and Forsyth 2020; Gui et al. 2024, "FAD infinity", subsample one set; here both are, since both
    are finite).

    Parameters
    ----------
    a, b : (n, size), (m, size); n and m at least ``2 * FEWEST_ROWS * size``
    seed : of the subsets
    sizes : int >= 2, of subsets, from ``SMALLEST_SHARE`` (or ``FEWEST_ROWS * size`` rows, if that is more) to all
    draws : int >= 2, lines that are fitted

    Raises
    ------
    ArgumentError : too few rows to tell, or as ``frechet_distance``
    """
    check_shape("a", a.shape, "(n, size)", a.ndim == 2)
    least = FEWEST_ROWS * a.shape[1]
    rows = min(a.shape[0], b.shape[0])
    if rows < 2 * least:
        raise ArgumentError(f"a and b must have at least {2 * least} rows of {a.shape[1]} numbers each, got {rows}")
    if not (sizes >= 2 and draws >= 2):
        raise ArgumentError(f"sizes and draws must be at least 2, got {sizes} and {draws}")
    generator = torch.Generator().manual_seed(seed)
    inverse = torch.linspace(1, 1 / max(SMALLEST_SHARE, least / rows), sizes, dtype=torch.float64)
    subsets = [
        [frechet_distance(_some(a, 1 / k, generator), _some(b, 1 / k, generator)) for k in inverse.tolist()]
        for _ in range(draws)
    ]
    found = torch.tensor(subsets, dtype=torch.float64)  # (draws, sizes)
    steep = inverse - inverse.mean()
    slopes = found @ steep / steep.square().sum()
    limits = found.mean(1) - slopes * inverse.mean()
    return Extrapolation(distance=float(limits.mean()), spread=float(limits.std()))


def _some(rows: Tensor, share: float, generator: torch.Generator) -> Tensor:
    return rows[torch.randperm(rows.shape[0], generator=generator)[: round(share * rows.shape[0])]]


def mel_statistics(audio: Tensor, sample_rate: int, *, seconds: float = 1.0) -> Tensor:
    """An embedding that needs no weights: mean and deviation over time of the log-mel spectrum, a row a window.

    Parameters
    ----------
    audio : (samples,), at least ``seconds`` long once padded with silence
    seconds : float > 0, of a window; windows overlap by half

    Returns
    -------
    (windows, 64) : 32 means and 32 standard deviations of log10 amplitude in mel bands

    Examples
    --------
    >>> import torch
    >>> from lgr.measures.frechet import mel_statistics
    >>> mel_statistics(torch.zeros(48000), 24000).shape
    torch.Size([3, 64])
    """
    check_shape("audio", audio.shape, "(samples >= 1,)", audio.ndim == 1 and audio.shape[0] >= 1)
    if not seconds > 0:
        raise ArgumentError(f"seconds must be > 0, got {seconds}")
    length = max(WINDOW, round(seconds * sample_rate))
    missing = max(0, length - audio.shape[0])
    pieces = torch.nn.functional.pad(audio, (0, missing)).unfold(0, length, length // 2)  # (windows, length)
    window = torch.hann_window(WINDOW).to(audio)
    spectrum = torch.fft.rfft(pieces.unfold(1, WINDOW, HOP) * (window * 2 / window.sum()))
    mel = spectrum.abs() @ mel_filters(WINDOW, MEL_BANDS, sample_rate).T.to(audio)  # (windows, frames, bands)
    log = torch.log10(mel + MEL_AMPLITUDE_FLOOR)
    return torch.cat([log.mean(1), log.std(1, unbiased=False)], 1)
