"""What a sound's timbre is taken to be, frame by frame, whatever its level: cepstra, or the spectral envelope itself.

Frames are Hann windows of ``WINDOW_SECONDS`` every ``HOP_SECONDS``. Their power is averaged in ``BANDS`` mel bands from
0 to Nyquist and told in decibels, no further down than ``DEPTH_DB`` under the frame's own loudest band; the mean over
bands is then taken away. So no gain changes anything, neither of the sound nor of one of its frames. Frames more than
``GATE_DB`` under the sound's loudest one are left out: they have no timbre that is heard.

Bands reach to Nyquist, so sounds are comparable at one sample rate only.
"""

import math
from functools import lru_cache

import torch
from torch import Tensor

from lgr.errors import ArgumentError, check_shape
from lgr.sound.mel import mel_filters

WINDOW_SECONDS, HOP_SECONDS = 0.04, 0.01
BANDS = 64
COEFFICIENTS = 12  # of the cepstrum, after the zeroth
DEPTH_DB = 60.0
GATE_DB = 50.0
SILENCE = 1e-13  # mean power (-130 dBFS) that is digital silence: what dither and rounding leave
BLOCK = 4096  # frames, and rows of a distance matrix, at a time


def envelope_rows(audio: Tensor, sample_rate: int) -> Tensor:
    """The spectral envelope of each audible frame.

    Parameters
    ----------
    audio : (samples,), completed with silence to one window

    Returns
    -------
    (frames, BANDS), dB over the frame's mean over bands, divided by ``sqrt(BANDS)``: the Euclidean distance of two rows
    is the RMS difference of the spectra in dB. No rows for silence.

    Examples
    --------
    >>> import torch
    >>> from lgr.measures.timbre import envelope_rows
    >>> envelope_rows(torch.sin(0.1 * torch.arange(24000.0)), 24000).shape
    torch.Size([97, 64])
    >>> len(envelope_rows(torch.zeros(24000), 24000))
    0
    """
    return _levelled(audio, sample_rate) / math.sqrt(BANDS)


def mfcc_rows(audio: Tensor, sample_rate: int) -> Tensor:
    """Mel-frequency cepstral coefficients 1 to ``COEFFICIENTS`` of each audible frame, ``(frames, COEFFICIENTS)``.

    The orthonormal DCT-II over bands of log10 amplitude (decibels / 20), neither liftered nor standardised.

    Examples
    --------
    >>> import torch
    >>> from lgr.measures.timbre import mfcc_rows
    >>> noise = torch.randn(24000, generator=torch.Generator().manual_seed(0))
    >>> rows = mfcc_rows(noise, 24000)
    >>> rows.shape
    torch.Size([97, 12])
    >>> torch.allclose(rows, mfcc_rows(noise / 10, 24000), atol=1e-4)  # no gain changes anything
    True
    """
    return _levelled(audio, sample_rate) / 20 @ _cosines(BANDS)[:, 1 : COEFFICIENTS + 1].to(audio)


def nearest_distances(rows: Tensor, others: Tensor) -> Tensor:
    """Euclidean distance of each of ``rows`` ``(n, size)`` to the nearest of ``others`` ``(m, size)``: (n,), float64.

    Raises
    ------
    ShapeError : not two matrices of one width, or ``others`` without a row

    Examples
    --------
    >>> import torch
    >>> from lgr.measures.timbre import nearest_distances
    >>> nearest_distances(torch.tensor([[0.0], [5.0]]), torch.tensor([[1.0], [4.5]]))
    tensor([1.0000, 0.5000], dtype=torch.float64)
    """
    check_shape("rows", rows.shape, "(n, size)", rows.ndim == 2)
    fits = others.ndim == 2 and others.shape[0] > 0 and others.shape[1] == rows.shape[-1]
    check_shape("others", others.shape, f"(m >= 1, {rows.shape[-1]})", fits)
    # Double precision: a row's distance to itself would otherwise be far from 0 by the rounding of matrix products.
    a, b = rows.double(), others.double()
    best = a.new_full((a.shape[0],), math.inf)
    for part in torch.split(b, BLOCK):
        for some, nearest in zip(torch.split(a, BLOCK), torch.split(best, BLOCK), strict=True):
            torch.minimum(nearest, torch.cdist(some, part).amin(1), out=nearest)  # a view of ``best``
    return best


def mel_frames(audio: Tensor, window: int, hop: int, sample_rate: int, bands: int) -> tuple[Tensor, Tensor]:
    """Mel power of windows that lie wholly in ``audio`` (samples,), which silence completes to at least one.

    Returns
    -------
    power : (frames, bands), mean over each band's bins, a full-scale sine's peak bin being 1
    level : (frames,), mean square of the samples
    """
    check_shape("audio", audio.shape, "(samples >= 1,)", audio.ndim == 1 and audio.shape[0] >= 1)
    frames = torch.nn.functional.pad(audio, (0, max(0, window - audio.shape[0]))).unfold(0, window, hop)
    shape = torch.hann_window(window).to(audio)
    filters = _filters(window, bands, sample_rate).T.to(audio)
    power, level = [], []
    for some in torch.split(frames, BLOCK):  # an hour's windows would not fit into memory at once
        level.append(some.square().mean(1))
        power.append(torch.fft.rfft(some * (shape * 2 / shape.sum())).abs().square() @ filters)
    return torch.cat(power), torch.cat(level)


def _levelled(audio: Tensor, sample_rate: int) -> Tensor:
    """Decibels in bands less their mean, ``(audible frames, BANDS)``."""
    if sample_rate < 2 / HOP_SECONDS:
        raise ArgumentError(f"sample_rate must be at least {2 / HOP_SECONDS:.0f} Hz, got {sample_rate}")
    window, hop = round(sample_rate * WINDOW_SECONDS), round(sample_rate * HOP_SECONDS)
    power, level = mel_frames(audio, window, hop, sample_rate, BANDS)
    power = power[level > max(float(level.max()) * 10 ** (-GATE_DB / 10), SILENCE)]
    depth = power.amax(1, keepdim=True) * 10 ** (-DEPTH_DB / 10)
    decibels = 10 * torch.log10(torch.maximum(power, depth))
    return decibels - decibels.mean(1, keepdim=True)


@lru_cache(maxsize=16)
def _filters(window: int, bands: int, sample_rate: int) -> Tensor:
    return mel_filters(window, bands, sample_rate)


@lru_cache(maxsize=4)
def _cosines(n: int) -> Tensor:
    """The orthonormal DCT-II ``(n, n)``: its columns are the basis, the first is constant."""
    place, k = torch.arange(n, dtype=torch.float64)[:, None], torch.arange(n, dtype=torch.float64)[None]
    basis = torch.cos(math.pi / n * (place + 0.5) * k) * math.sqrt(2 / n)
    basis[:, 0] /= math.sqrt(2)
    return basis.float()
