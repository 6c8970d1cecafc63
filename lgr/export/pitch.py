"""The pitch of a stream, scriptable: ``lgr.sound.pitch.pitch_step`` a hop at a time, which a test holds it equal to.

A frame's descriptor is known some hops after it. As in ``lgr.live``, what is said at frame ``t`` is what was heard
``lag`` frames before, and nothing at the first of all.
"""

import math

import torch
from torch import Tensor, nn

from lgr.sound import pitch


class Octave(nn.Module):
    """The filters of an octave."""

    def __init__(self, first: int, bank: Tensor) -> None:
        super().__init__()
        self.first, self.rows, self.count = 2 * first, bank.shape[0], bank.shape[1] // 2
        self.bank = bank

    def forward(self, parts: Tensor) -> Tensor:
        """Magnitudes (frames, filters) of spectra (frames, real and imaginary parts)."""
        both = parts[:, self.first : self.first + self.rows] @ self.bank
        return torch.hypot(both[:, : self.count], both[:, self.count :])


class Pitch(nn.Module):
    """``step`` takes a history, ``None`` at first, the number of frames that were, and whole hops."""

    def __init__(self, sample_rate: int, hop: int) -> None:
        super().__init__()
        ahead = pitch.look_ahead(sample_rate, hop)
        self.hop, self.lag, self.reach = hop, -(-ahead // hop), pitch.reach(sample_rate)
        self.n_fft, self.bins = pitch.fft_size(sample_rate), pitch.BINS
        self.back = self.lag * hop + self.reach // 2 - hop // 2  # samples of the past that a hop's frame is read from
        banks = pitch.filters(sample_rate)
        self.octaves = nn.ModuleList(Octave(first, bank) for first, bank in banks)
        self.filters = pitch.FILTERS
        found = sum(bank.shape[1] // 2 for _, bank in banks)
        self.mean, self.mean_after = pitch.octave_mean(found), pitch.octave_mean(pitch.FILTERS)
        self.knee, self.least = pitch.KNEE, 10 ** (pitch.SILENT_DB / 20) / 2
        self.weights = list(pitch.HARMONICS)
        steps = range(1, len(pitch.HARMONICS) + 1)
        self.shifts = [round(pitch.BINS_PER_OCTAVE * math.log2(harmonic)) for harmonic in steps]
        self.pitchless, self.pitched, self.pooled = pitch.PITCHLESS, pitch.PITCHED, pitch.POOLED

    @torch.jit.export
    def step(self, history: Tensor | None, frames: int, audio: Tensor) -> tuple[Tensor, Tensor]:
        """The history for what follows, and descriptors (frames, bins), of as many frames as ``audio`` has hops."""
        if history is None:
            history = torch.zeros(max(0, self.back))
        samples = torch.cat([history, audio])
        count = audio.numel() // self.hop
        windows = samples[max(0, -self.back) :].unfold(0, self.reach, self.hop)[:count]
        found = self.salience(windows)
        known = torch.arange(frames, frames + count) >= self.lag
        return samples[samples.numel() - max(0, self.back) :], found * known[:, None]

    def salience(self, windows: Tensor) -> Tensor:
        parts = torch.view_as_real(torch.fft.rfft(windows, self.n_fft)).flatten(1)
        octaves: list[Tensor] = []
        for octave in self.octaves:
            octaves.append(octave(parts))
        magnitude = torch.cat(octaves, 1)
        top = magnitude.amax(1, keepdim=True)
        peaks = torch.log1p(magnitude / (self.knee * top.clamp(min=1e-12)))
        peaks = (peaks - peaks @ self.mean.T).clamp(min=0.0)
        padded = nn.functional.pad(peaks, (0, self.filters + self.shifts[-1] - peaks.shape[1]))
        summed = torch.zeros_like(padded[:, : self.filters])
        for i in range(len(self.shifts)):
            summed = summed + self.weights[i] * padded[:, self.shifts[i] : self.shifts[i] + self.filters]
        salience = (summed - summed @ self.mean_after.T).clamp(min=0.0) * (top > self.least)
        return salience.view(-1, self.bins, self.pooled).mean(2)

    @torch.jit.export
    def rows(self, windows: Tensor) -> tuple[Tensor, Tensor]:
        """Unit rows of grains' pitch, and how much of a pitch each has, of ``windows`` (grains, grain_frames, bins).

        As ``lgr.latents.joint.pitch_rows``.
        """
        mean = windows.mean(1)
        pitched = ((mean.amax(1) - self.pitchless) / (self.pitched - self.pitchless)).clamp(0.0, 1.0)
        norm = torch.linalg.vector_norm(mean, dim=[1], keepdim=True)
        return mean * torch.where(norm > 1e-6, 1 / norm, 0.0), pitched
