"""What is sung or played, beside how it sounds: a pitch descriptor of each frame, which matching may read.

A constant-Q spectrum from ``LOWEST_HZ`` up, compressed, flattened over an octave (what is left is peaks, not timbre),
its harmonics summed down to their fundamental, and flattened again: Hermes' subharmonic summation (1988) on a
logarithmic axis. Frames of one note look alike whatever plays it; frames of noise look like nothing, twice.

Filters are ``sample_rate / (alpha * hz + GAMMA_HZ)`` samples long (Schörkhuber et al. 2014, as ``librosa.vqt``), at
most 50 ms, so an attack is not smeared over more than that. What that costs: neighbouring semitones are told apart from
about ``CLEAR_HZ`` up by their fundamental, below it by their harmonics alone, and under ``LOWEST_HZ`` not at all.

Gain does not matter: each frame is measured against its own largest bin.

A frame is read from ``reach`` samples around its middle, so a stream has it ``look_ahead`` samples after its end: 18 ms
at 24 kHz and a hop of 320. ``pitch_step`` is that stream, and ``pitch_frames`` its fold.
"""

import math
from dataclasses import dataclass
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
    """The filters in the frequency domain, an octave at a time: the first FFT bin, and ``(2 n, 2 filters)``.

    Its rows take real and imaginary part of each of the ``n`` bins that the octave's filters touch, one after the
    other; its columns give the real parts, then the imaginary parts. There are ``FILTERS``, and those above that lie
    under Nyquist; the FFT's length is ``fft_size(sample_rate)``.
    """
    alpha = 2 ** (1 / BINS_PER_OCTAVE)
    alpha = (alpha**2 - 1) / (alpha**2 + 1)
    hz = LOWEST_HZ * 2 ** (torch.arange(FILTERS + ABOVE, dtype=torch.float64) / BINS_PER_OCTAVE)
    hz = hz[hz * (1 + alpha) + GAMMA_HZ < sample_rate / 2]
    n_fft = fft_size(sample_rate)
    time = torch.arange(n_fft, dtype=torch.float64) - reach(sample_rate) / 2
    banks = []
    for some in torch.split(hz, BINS_PER_OCTAVE):
        length = (sample_rate / (alpha * some + GAMMA_HZ))[:, None]
        window = torch.where(time.abs() < length / 2, 0.5 + 0.5 * torch.cos(2 * math.pi * time / length), 0.0)
        wave = window / window.sum(1, keepdim=True) * torch.exp(2j * math.pi * some[:, None] * time / sample_rate)
        spectrum = torch.fft.fft(wave).conj()[:, : n_fft // 2 + 1] / n_fft
        touched = (spectrum.abs().amax(0) > 1e-4 * spectrum.abs().max()).nonzero()[:, 0]
        first, last = int(touched[0]), int(touched[-1])
        bank = spectrum[:, first : last + 1].T
        of_real, of_imaginary = torch.cat([bank.real, bank.imag], 1), torch.cat([-bank.imag, bank.real], 1)
        banks.append((first, torch.stack([of_real, of_imaginary], 1).flatten(0, 1).float().contiguous()))
    return tuple(banks)


def reach(sample_rate: int) -> int:
    """Samples that a frame is read from: the longest filter's, 50 ms."""
    return math.ceil(sample_rate / GAMMA_HZ)


def fft_size(sample_rate: int) -> int:
    """Length of the FFT that holds ``reach``: the next whose prime factors are 2, 3 and 5 alone.

    As ``scipy.fft.next_fast_len``, which takes a third of a second to import.
    """
    size = reach(sample_rate)
    while True:
        rest = size
        for factor in (2, 3, 5):
            while rest % factor == 0:
                rest //= factor
        if rest == 1:
            return size
        size += 1


def look_ahead(sample_rate: int, hop: int) -> int:
    """Samples after a frame's end that must have come before it is known."""
    return max(0, reach(sample_rate) - hop - _before(sample_rate, hop))


def _before(sample_rate: int, hop: int) -> int:
    """Samples before a frame's beginning that it is read from; negative where it is not read from its beginning on."""
    return reach(sample_rate) // 2 - hop // 2


def constant_q(audio: Tensor, sample_rate: int, hop: int) -> Tensor:
    """Magnitudes ``(bins, ceil(samples / hop))`` of ``audio`` (samples,); a frame is centred on its hop.

    A sine of amplitude 1 has magnitude 1/2 in its bin.
    """
    check_shape("audio", audio.shape, "(samples >= 1,)", audio.ndim == 1 and audio.shape[0] >= 1)
    _check(sample_rate, hop)
    before, frames = _before(sample_rate, hop), -(-audio.shape[0] // hop)
    missing = frames * hop + reach(sample_rate) - audio.shape[0]
    padded = torch.nn.functional.pad(audio.float(), (max(before, 0), missing))
    windows = padded[max(-before, 0) :].unfold(0, reach(sample_rate), hop)[:frames]
    return _magnitudes(windows, sample_rate)


def _check(sample_rate: int, hop: int) -> None:
    if hop < 1 or sample_rate < 1:
        raise ArgumentError(f"hop and sample_rate must be >= 1, got {hop} and {sample_rate}")


def _magnitudes(windows: Tensor, sample_rate: int) -> Tensor:
    """``(bins, frames)`` of windows ``(frames, reach)``."""
    banks = [(first, bank.to(windows.device)) for first, bank in filters(sample_rate)]
    found = windows.new_empty(len(windows), sum(bank.shape[1] // 2 for _, bank in banks))
    for low in range(0, len(windows), _BLOCK):
        spectrum = torch.fft.rfft(windows[low : low + _BLOCK], fft_size(sample_rate))
        parts = torch.view_as_real(spectrum).flatten(1)
        at = 0
        for first, bank in banks:
            both = parts[:, 2 * first : 2 * first + len(bank)] @ bank
            n = bank.shape[1] // 2
            torch.hypot(both[:, :n], both[:, n:], out=found[low : low + _BLOCK, at : at + n])
            at += n
    return found.T


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
    return _salience(constant_q(audio, sample_rate, hop))


@dataclass(frozen=True)
class PitchState:
    """What a stream of audio has come to: its last samples, how many were heard, how many frames were given."""

    samples: Tensor  # (n,): from the next frame's first on
    heard: int = 0
    given: int = 0


def pitch_step(
    state: PitchState | None, audio: Tensor, sample_rate: int, hop: int, *, flush: bool = False
) -> tuple[PitchState, Tensor]:
    """The descriptors ``(BINS, frames)`` that are known once ``audio`` (samples >= 0,) has come, and the new state.

    ``None`` begins a stream. A frame is known ``look_ahead`` samples after its end; ``flush`` ends the stream with
    silence, so that every hop begun has its frame. All frames together are those of ``pitch_frames``.

    Examples
    --------
    >>> import torch
    >>> from lgr.sound.pitch import look_ahead, pitch_frames, pitch_step
    >>> tone = torch.sin(2 * torch.pi * 440 * torch.arange(4800) / 24000)
    >>> state, early = pitch_step(None, tone[:3000], 24000, 320)
    >>> state, late = pitch_step(state, tone[3000:], 24000, 320, flush=True)
    >>> early.shape[1], 320 * early.shape[1] + look_ahead(24000, 320) <= 3000
    (8, True)
    >>> torch.allclose(torch.cat([early, late], 1), pitch_frames(tone, 24000, 320), atol=1e-5)
    True
    """
    check_shape("audio", audio.shape, "(samples,)", audio.ndim == 1)
    _check(sample_rate, hop)
    state = PitchState(audio.new_zeros(0, dtype=torch.float32)) if state is None else state
    samples, heard = torch.cat([state.samples, audio.float()]), state.heard + len(audio)
    before, length = _before(sample_rate, hop), reach(sample_rate)
    known = -(-heard // hop) if flush else (heard + before - length) // hop + 1
    new = max(0, known - state.given)
    begins = state.given * hop - before  # the next frame; negative at the start of a stream
    samples = torch.nn.functional.pad(samples, (max(0, -begins), 0))[max(0, begins - (heard - len(samples))) :]
    found = samples.new_zeros(BINS, 0)
    if new:
        missing = max(0, (new - 1) * hop + length - len(samples))
        windows = torch.nn.functional.pad(samples, (0, missing)).unfold(0, length, hop)[:new]
        found = _salience(_magnitudes(windows, sample_rate))
    kept = max(0, begins + new * hop)
    return PitchState(samples[len(samples) - max(0, heard - kept) :], heard, state.given + new), found


def _salience(magnitude: Tensor) -> Tensor:
    """The descriptors ``(BINS, frames)`` of a constant-Q spectrum."""
    top = magnitude.amax(0)
    heard = top > 10 ** (SILENT_DB / 20) / 2
    peaks = flattened(torch.log1p(magnitude / (KNEE * top.clamp(min=1e-12))))
    shifts = [round(BINS_PER_OCTAVE * math.log2(h)) for h in range(1, len(HARMONICS) + 1)]
    padded = torch.nn.functional.pad(peaks, (0, 0, 0, FILTERS + shifts[-1] - peaks.shape[0]))
    summed = torch.zeros_like(padded[:FILTERS])
    for shift, weight in zip(shifts, HARMONICS, strict=True):
        summed.add_(padded[shift : shift + FILTERS], alpha=weight)
    salience = flattened(summed) * heard
    return salience.view(BINS, POOLED, -1).mean(1)


def pitchedness(rows: Tensor) -> Tensor:
    """How much of a pitch there is, ``(n,)`` in [0, 1], in descriptors ``(n, BINS)``, or their means over grains."""
    return ((rows.amax(1) - PITCHLESS) / (PITCHED - PITCHLESS)).clamp(0, 1)
