"""What is sung or played, beside how it sounds: a pitch descriptor of each frame, which matching may read.

A constant-Q spectrum from ``LOWEST_HZ`` up, compressed, flattened over an octave (what is left is peaks, not timbre),
its harmonics summed down to their fundamental, and flattened again: Hermes' subharmonic summation (1988) on a
logarithmic axis. Frames of one note look alike whatever plays it; frames of noise look like nothing, twice.

Filters are ``sample_rate / (alpha * hz + GAMMA_HZ)`` samples long (Schörkhuber et al. 2014, as ``librosa.vqt``), at
most 50 ms, so an attack is not smeared over more than that. What that costs: neighbouring semitones are told apart from
about ``CLEAR_HZ`` up by their fundamental, below it by their harmonics alone, and under ``LOWEST_HZ`` not at all.

Gain does not matter: each frame is measured against its own largest bin.
"""

import math
from functools import lru_cache

import torch
from torch import Tensor

from lgr.errors import ArgumentError, check_shape

BINS_PER_OCTAVE, OCTAVES = 36, 6
LOWEST_HZ, GAMMA_HZ = 55.0, 20.0
CLEAR_HZ = 350.0  # where a semitone is as wide as a filter's band
KNEE = 0.01  # of a frame's largest bin: what is further down than 40 dB hardly counts
HARMONICS = (1.0, 0.7, 0.5, 0.35, 0.25)
FILTERS = BINS_PER_OCTAVE * OCTAVES
POOLED = 3  # filters in a bin of the descriptor: what is matched is a semitone wide, and a third of a tone is not lost
BINS = FILTERS // POOLED
#: What the tallest peak of a descriptor says: noise and most drums are below the first, a note above the second.
PITCHLESS, PITCHED = 0.8, 1.6
ABOVE = BINS_PER_OCTAVE  # filters beyond, for harmonics: what lies above 7 kHz tells no pitch
SILENT_DB = -90.0  # frames below have no pitch

_BLOCK = 2048  # frames whose windows are held at once


@lru_cache(maxsize=8)
def filters(sample_rate: int) -> tuple[tuple[int, Tensor], ...]:
    """The filters in the frequency domain, an octave at a time: the first FFT bin, and ``(2, n, filters)``.

    The two are real and imaginary part over the ``n`` bins that the octave's filters touch. There are ``FILTERS``, and
    those above that lie under Nyquist; the FFT's length is ``fft_size(sample_rate)``.
    """
    alpha = 2 ** (1 / BINS_PER_OCTAVE)
    alpha = (alpha**2 - 1) / (alpha**2 + 1)
    hz = LOWEST_HZ * 2 ** (torch.arange(FILTERS + ABOVE, dtype=torch.float64) / BINS_PER_OCTAVE)
    hz = hz[hz * (1 + alpha) + GAMMA_HZ < sample_rate / 2]
    n_fft = fft_size(sample_rate)
    time = torch.arange(n_fft, dtype=torch.float64) - n_fft / 2
    banks = []
    for some in torch.split(hz, BINS_PER_OCTAVE):
        length = (sample_rate / (alpha * some + GAMMA_HZ))[:, None]
        window = torch.where(time.abs() < length / 2, 0.5 + 0.5 * torch.cos(2 * math.pi * time / length), 0.0)
        wave = window / window.sum(1, keepdim=True) * torch.exp(2j * math.pi * some[:, None] * time / sample_rate)
        spectrum = torch.fft.fft(wave).conj()[:, : n_fft // 2 + 1] / n_fft
        touched = (spectrum.abs().amax(0) > 1e-4 * spectrum.abs().max()).nonzero()[:, 0]
        first, last = int(touched[0]), int(touched[-1])
        bank = spectrum[:, first : last + 1].T
        banks.append((first, torch.stack([bank.real, bank.imag]).float().contiguous()))
    return tuple(banks)


def fft_size(sample_rate: int) -> int:
    """Samples that a frame is read from: the power of two that holds the longest filter."""
    return 1 << math.ceil(math.log2(sample_rate / GAMMA_HZ))


def constant_q(audio: Tensor, sample_rate: int, hop: int) -> Tensor:
    """Magnitudes ``(bins, ceil(samples / hop))`` of ``audio`` (samples,); a frame is centred on its hop.

    A sine of amplitude 1 has magnitude 1/2 in its bin.
    """
    check_shape("audio", audio.shape, "(samples >= 1,)", audio.ndim == 1 and audio.shape[0] >= 1)
    if hop < 1 or sample_rate < 1:
        raise ArgumentError(f"hop and sample_rate must be >= 1, got {hop} and {sample_rate}")
    banks = [(first, bank.to(audio.device)) for first, bank in filters(sample_rate)]
    n_fft = fft_size(sample_rate)
    frames = -(-audio.shape[0] // hop)
    before = n_fft // 2 - hop // 2
    padded = torch.nn.functional.pad(audio.float(), (max(before, 0), frames * hop + n_fft - audio.shape[0]))
    windows = padded[max(-before, 0) :].unfold(0, n_fft, hop)[:frames]
    found = []
    for block in torch.split(windows, _BLOCK):
        spectrum = torch.fft.rfft(block)
        octaves = []
        x, y = spectrum.real.contiguous(), spectrum.imag.contiguous()
        for first, (real, imaginary) in banks:
            a, b = (each[:, first : first + real.shape[0]] for each in (x, y))
            octaves.append(torch.hypot(a @ real - b @ imaginary, a @ imaginary + b @ real))
        found.append(torch.cat(octaves, 1))
    return torch.cat(found).T


@lru_cache(maxsize=8)
def octave_mean(n: int) -> Tensor:
    """The matrix ``(n, n)`` that takes the mean over the octave around each of ``n`` bins, or what there is of it."""
    at = torch.arange(n)
    near = ((at[:, None] - at).abs() <= BINS_PER_OCTAVE // 2).float()
    return near / near.sum(1, keepdim=True)


def flattened(rows: Tensor) -> Tensor:
    """``(bins, frames)`` less the mean over an octave around each bin, where above it."""
    return (rows - octave_mean(len(rows)).to(rows) @ rows).clamp(min=0)


def pitch_frames(audio: Tensor, sample_rate: int, hop: int) -> Tensor:
    """The descriptor ``(BINS, ceil(samples / hop))`` of ``audio`` (samples,), zeros in silence."""
    magnitude = constant_q(audio, sample_rate, hop)
    top = magnitude.amax(0)
    heard = top > 10 ** (SILENT_DB / 20) / 2
    peaks = flattened(torch.log1p(magnitude / (KNEE * top.clamp(min=1e-12))))
    shifts = [round(BINS_PER_OCTAVE * math.log2(h)) for h in range(1, len(HARMONICS) + 1)]
    padded = torch.nn.functional.pad(peaks, (0, 0, 0, FILTERS + shifts[-1] - peaks.shape[0]))
    shifted = torch.stack([padded[shift : shift + FILTERS] for shift in shifts])
    summed = torch.einsum("h,hbf->bf", torch.tensor(HARMONICS).to(shifted), shifted)
    salience = flattened(summed) * heard
    return salience.view(BINS, POOLED, -1).mean(1)


def pitchedness(rows: Tensor) -> Tensor:
    """How much of a pitch there is, ``(n,)`` in [0, 1], in descriptors ``(n, BINS)``, or their means over grains."""
    return ((rows.amax(1) - PITCHLESS) / (PITCHED - PITCHLESS)).clamp(0, 1)
