"""Noise in the place of what a linear path drops: a few numbers a frame say its spectrum, a seed draws it.

Fourteen coefficients hold the push of thunder's rumble, not the rain around it: a network that is asked for both puts
broadband hiss into every sound (docs/results.md). Here the energies of the dropped part in ``bands`` (mel, some 24) are
reduced to ``n_levels`` principal components; decoding gives noise of that spectrum, in the coefficients that are not
kept, to be refined by training. Noise is right in level and not in phase, so it makes a log-spectral distance smaller
and a waveform's error larger.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lgr.models.seeded_noise import frame_noise
from lgr.sound.mel import bands_to_bins

BANDS = 24
WIDTH = 48  # of the recurrent network that refines the levels
ENERGY_FLOOR = 1e-10  # energy of a coefficient, added before the logarithm: -100 dB under a full-scale one
SOFTER = 0.75  # amplitude: between independent noises mean|A - g B| is least near this g (.55 of mean A; .59 at 1)
LOUDEST = 10.0  # nepers: far above what training can need


class NoiseFill(nn.Module):
    """Energies of bands to ``n_levels`` numbers a frame and back, and noise with these energies.

    Parameters
    ----------
    in_size : size of what else the decoder knows of a frame (``context`` of ``decode``)
    """

    bands: Tensor
    to_bins: Tensor
    mean: Tensor
    axes: Tensor
    shape: Tensor

    def __init__(self, sample_rate: int, hop: int, n_levels: int, in_size: int) -> None:
        super().__init__()
        n_bands = max(n_levels, min(BANDS, hop // 8))
        to_bins = bands_to_bins(n_bands, hop, sample_rate)  # (hop, n_bands)
        self.register_buffer("to_bins", to_bins.T.contiguous(), persistent=False)
        self.register_buffer("bands", to_bins / to_bins.sum(0).clamp(min=1e-6), persistent=False)
        self.register_buffer("mean", torch.full((n_bands,), -12.0))  # of log energies, until they are fitted
        self.register_buffer("axes", torch.eye(n_bands)[:, :n_levels].clone())  # columns: deviation times direction
        self.register_buffer("shape", torch.zeros(hop))  # log energy of each coefficient over its bands'
        self.gru = nn.GRU(n_levels + in_size, WIDTH, batch_first=True)
        self.refine = nn.Linear(WIDTH + n_levels + in_size, n_bands)
        nn.init.zeros_(self.refine.weight)
        nn.init.zeros_(self.refine.bias)

    @property
    def n_levels(self) -> int:
        return self.axes.shape[1]

    def log_energies(self, before: Tensor | None, residual: Tensor) -> tuple[Tensor, Tensor]:
        """Log energy of every band over this frame and the one before, ``(batch, frames, n_bands)``.

        Parameters
        ----------
        before : (batch, n_bands), energies of the frame before the first; None takes the first frame's own
        residual : (batch, frames >= 1, hop), coefficients of what is dropped

        Returns
        -------
        the last frame's energies for those that follow, and log energies
        """
        energies = residual.square() @ self.bands
        first = energies[:, :1] if before is None else before[:, None]
        both = torch.cat([first, energies], 1)
        return both[:, -1].clone(), _two_frames(both)

    def encode(self, before: Tensor | None, residual: Tensor) -> tuple[Tensor, Tensor]:
        """The state for what follows, and levels ``(batch, frames, n_levels)``, about N(0, 1) over the corpus."""
        last, logs = self.log_energies(before, residual)
        return last, (logs - self.mean) @ (self.axes / self.axes.square().sum(0))

    def decode(
        self, hidden: Tensor | None, levels: Tensor, context: Tensor, *, seeds: Sequence[int], first_frame: int
    ) -> tuple[Tensor, Tensor]:
        """The network's state after the last frame, and coefficients of noise ``(batch, frames, hop)``.

        Parameters
        ----------
        levels : (batch, frames >= 1, n_levels)
        context : (batch, frames, in_size)
        seeds : one a batch item; noise is a function of the seed and of the absolute frame
        """
        inputs = torch.cat([levels, context], 2)
        outputs, hidden = self.gru(inputs, hidden)
        logs = self.mean + levels @ self.axes.T + self.refine(torch.cat([outputs, inputs], 2))
        amplitudes = self._amplitudes(logs)
        frames, hop = amplitudes.shape[1:]
        noise = torch.stack([frame_noise(first_frame, frames, hop, seed) for seed in seeds])
        return hidden, amplitudes * noise.to(amplitudes)

    def _amplitudes(self, logs: Tensor) -> Tensor:
        """Of all coefficients, from the bands' log energies. The floor is taken off again: what is silent stays so."""
        amplitudes = torch.exp(0.5 * (logs.clamp(max=LOUDEST) @ self.to_bins + self.shape)) - 2 * ENERGY_FLOOR**0.5
        return torch.clamp(amplitudes, min=0)

    def power(self, levels: Tensor) -> Tensor:
        """Expected energies of coefficients ``(..., hop)`` from levels ``(..., n_levels)``, as they were fitted."""
        amplitudes = self._amplitudes(self.mean + levels @ self.axes.T + self.refine.bias)
        return amplitudes.square()

    @torch.no_grad()
    def fit(self, residuals: Sequence[Tensor]) -> None:
        """Fit to coefficients of what is dropped, one ``(frames, hop)`` a clip: every clip counts alike."""
        logs = torch.cat([self.log_energies(None, each[None])[1][0] for each in residuals]).double()
        mean = logs.mean(0)
        values, vectors = torch.linalg.eigh((logs - mean).T @ (logs - mean) / len(logs))  # ascending
        deviations = values[-self.n_levels :].clamp(min=1e-4).sqrt()
        # The logarithm of a mean of n squares is low by this on average (n: two frames of a band's bins).
        half = 1 / self.bands.double().square().sum(0)
        low = torch.log(half) - torch.digamma(half)
        self.mean.copy_(mean)
        self.axes.copy_((vectors[:, -self.n_levels :] * deviations).flip(1))
        self.refine.bias.copy_(low + 2 * math.log(SOFTER))
        # Bands are wide: what a recording has at a band's edge, at Nyquist above all, is told once for all recordings.
        single = torch.cat([_two_frames(torch.cat([each[:1], each]).square()) for each in residuals]).double()
        self.shape.copy_(single.mean(0) - torch.digamma(torch.tensor(1.0)) - (mean + low) @ self.to_bins.double())


def _two_frames(energies: Tensor) -> Tensor:
    """Log of the mean of every two neighbouring frames, ``(..., frames, n)`` to ``(..., frames - 1, n)``."""
    return torch.log(0.5 * (energies[..., 1:, :] + energies[..., :-1, :]) + ENERGY_FLOOR)
