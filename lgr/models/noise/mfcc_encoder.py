"""The encoder of paper 003's noise synthesisers (4.3.1, 5.1.1): MFCCs, a GRU over frames, a Gaussian for each atom.

An MFCC is a cosine transform of the log-mel spectrum. Levels are decades above -120 dBFS, about what
one step of 16 bits leaves in a band, so digital silence is the zero vector.

The paper does not say where an analysis frame lies against its atom. Here frame ``t`` ends ``lookahead`` samples after
atom ``t`` does; the model says how many put the frame's centre where the atom sounds. The GRU runs forward only, so
that look-ahead is all that the encoder knows of the future.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lgr.models.grain_model import Posterior
from lgr.sound.level import AMPLITUDE_FLOOR
from lgr.sound.mel import mel_filters


class EncodeState(NamedTuple):
    samples: Tensor  # (batch, n): those from the next frame's first on
    hidden: Tensor | None  # (1, batch, width) of the GRU; None before the first frame


def dct_matrix(n_coefficients: int, n_bands: int) -> Tensor:
    """The first rows of the orthonormal DCT-II, ``(n_coefficients, n_bands)``."""
    k = torch.arange(n_coefficients, dtype=torch.float64)[:, None]
    band = torch.arange(n_bands, dtype=torch.float64) + 0.5
    matrix = torch.cos(math.pi / n_bands * k * band) * math.sqrt(2 / n_bands)
    matrix[0] /= math.sqrt(2)
    return matrix.float()


class MfccEncoder(nn.Module):
    """``(batch, samples)`` to the posterior of each atom; whole or chunk by chunk."""

    window: Tensor
    filters: Tensor
    dct: Tensor

    def __init__(
        self,
        *,
        sample_rate: int,
        hop_length: int,
        frame_length: int,
        lookahead: int,
        n_mels: int,
        n_mfcc: int,
        width: int,
        latent_dim: int,
    ) -> None:
        """``lookahead``: samples that a frame reaches beyond its atom, at most ``frame_length - hop_length``."""
        super().__init__()
        self.hop_length, self.frame_length = hop_length, frame_length
        self.history = frame_length - hop_length - lookahead  # samples that a frame reaches back before its atom
        # Fixed analysis, not weights: rebuilt from the sizes, never saved.
        window = torch.hann_window(frame_length)
        self.register_buffer("window", window * 2 / window.sum(), persistent=False)
        self.register_buffer("filters", mel_filters(frame_length, n_mels, sample_rate), persistent=False)
        self.register_buffer("dct", dct_matrix(n_mfcc, n_mels), persistent=False)
        # Learned, not corpus statistics. They start from what recordings of all kinds were measured to have, in decades
        # after division by sqrt(n_mels): coefficient k deviates by about 1 / (1 + k), the first (the level) around 2.4.
        k = torch.arange(n_mfcc)
        self.shift = nn.Parameter(torch.where(k == 0, 2.4, 0.0) * math.sqrt(n_mels))
        self.gain = nn.Parameter((1 + k) / math.sqrt(n_mels))
        self.gru = nn.GRU(n_mfcc, width, batch_first=True)
        self.head = nn.Linear(width + n_mfcc, 2 * latent_dim)
        self._start_as_cepstrum(width)

    @torch.no_grad()
    def _start_as_cepstrum(self, width: int) -> None:
        """Untrained, the latent means are the first MFCCs, normalised, and the GRU corrects them a little."""
        latent_dim, n_mfcc = self.head.out_features // 2, self.dct.shape[0]
        self.head.weight[:, :width] *= 0.1
        self.head.weight[:, width:] = 0
        self.head.weight[:latent_dim, width:] = torch.eye(latent_dim, n_mfcc)
        self.head.bias[:latent_dim] = 0
        self.head.bias[latent_dim:] = -4  # of the log variance: little noise until training asks for more

    @property
    def white_level(self) -> float:
        """Decades above the floor that white noise of RMS 1 has in every mel band, in the mean of its power."""
        return math.log10(float(self.window.double().square().sum().sqrt()) / AMPLITUDE_FLOOR)

    def mfcc(self, frames: Tensor) -> Tensor:
        """Frames ``(..., frame_length)`` to MFCCs ``(..., n_mfcc)`` of log10 amplitude over ``AMPLITUDE_FLOOR``."""
        spectrum = torch.fft.rfft(frames * self.window)
        power = spectrum.real.square() + spectrum.imag.square()
        levels = 0.5 * torch.log10(power @ self.filters.T + AMPLITUDE_FLOOR**2) - math.log10(AMPLITUDE_FLOOR)
        return levels @ self.dct.T

    def forward(self, audio: Tensor, state: EncodeState | None = None, *, flush: bool) -> tuple[EncodeState, Posterior]:
        """The posterior of the atoms that are now complete, ``(batch, frames, latent_dim)``; maybe of none.

        ``flush`` ends the stream: the last atom is filled up with silence, and so is what its frame looks ahead to.
        """
        if state is None:
            state = EncodeState(audio.new_zeros(audio.shape[0], self.history), None)
        samples = torch.cat([state.samples, audio], 1)
        if flush:
            n_frames = -(-(samples.shape[1] - self.history) // self.hop_length)
            lacking = (n_frames - 1) * self.hop_length + self.frame_length - samples.shape[1]
            samples = nn.functional.pad(samples, (0, max(0, lacking)))
        else:
            n_frames = max(0, (samples.shape[1] - self.frame_length) // self.hop_length + 1)
        if n_frames == 0:
            nothing = audio.new_zeros(audio.shape[0], 0, self.head.out_features // 2)
            return EncodeState(samples, state.hidden), Posterior(nothing, nothing)
        frames = samples.unfold(1, self.frame_length, self.hop_length)[:, :n_frames]
        features = (self.mfcc(frames) - self.shift) * self.gain
        outputs, hidden = self.gru(features, state.hidden)
        mean, log_variance = self.head(torch.cat([outputs, features], -1)).chunk(2, -1)
        return EncodeState(samples[:, n_frames * self.hop_length :], hidden), Posterior(mean, log_variance)
