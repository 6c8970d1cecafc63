"""A lapped linear transform to a few numbers a hop and back, and the level that corrections to it are measured in.

Frame ``t`` covers blocks ``t - 1`` and ``t`` of ``hop`` samples. ``lgr.models.encodec_vae`` says what it is for.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from lgr.models.mdct import mdct_basis

QUIET = 1e-6  # of the training recordings' mean frame energy (-60 dB): what is below has this level's deviation
SILENT = 1e-8  # of a latent's variance: -80 dB
LOUDEST = 3.0  # nepers: no gain above 26 dB


class LinearPath(nn.Module):
    """A lapped linear transform of ``hop`` samples to ``latent_dim`` numbers and back, and how exact each must be."""

    directions: Tensor
    scale: Tensor
    log_variance: Tensor

    def __init__(self, hop: int, latent_dim: int) -> None:
        super().__init__()
        basis = mdct_basis(hop)[:, :latent_dim]  # until it is fitted: the lowest frequencies
        # Fitted, not trained: a spectral loss would teach them to put rain's hiss into every sound (measured).
        self.register_buffer("directions", basis.clone())  # (2 * hop, latent_dim), orthonormal columns
        self.register_buffer("scale", torch.ones(latent_dim))  # standard deviations over the training recordings
        self.register_buffer("log_variance", torch.full((latent_dim,), -4.0))  # of the posterior at the mean level

    def encode(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Frames ``(batch, frames, 2 * hop)`` to latents and the logarithm of each frame's energy over the mean one's,
        ``(batch, frames, 1)``.
        """
        coefs = frames @ self.directions
        energy = coefs.square().sum(-1, keepdim=True) / self.scale.square().sum()
        return coefs / self.scale, torch.log(energy + QUIET)

    def decode(self, latents: Tensor) -> Tensor:
        """Latents to windowed frames ``(batch, frames, 2 * hop)``, to be overlap-added by half."""
        return (latents * self.scale) @ self.directions.T

    def dropped(self, frames: Tensor) -> Tensor:
        """What of windowed frames ``(batch, frames, 2 * hop)`` lies in no direction that is kept."""
        return frames - (frames @ self.directions) @ self.directions.T


class GainState(NamedTuple):
    latents: Tensor  # (batch, latent_dim): the last frame's
    log_gain: Tensor  # (batch, 1): its gain


class LevelGain(nn.Module):
    """The level of a frame, by which a network's correction is multiplied: a correction of a quiet sound is quiet.

    A network alone leaves a thousandth of what it learned on rain in the silence above a thunder's rumble, and that is
    all that is heard there. The gain is a product of powers of the latents' magnitudes, each taken over two frames
    since an MDCT coefficient alone follows the phase: at first their geometric mean, then what training makes of it.
    """

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.powers = nn.Parameter(torch.full((latent_dim,), 1 / latent_dim))
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, latents: Tensor, state: GainState | None = None) -> tuple[Tensor, Tensor, GainState]:
        """From ``(batch, frames, latent_dim)``.

        Returns
        -------
        levels : (batch, frames, 1), geometric mean of the magnitudes
        log_gains : (batch, frames + 1), of the frame before the first (its own where there is none) and of each frame
        state : for the frames that follow
        """
        before = torch.zeros_like(latents[:, 0]) if state is None else state.latents
        both = torch.cat([before[:, None], latents], 1)
        power = 0.5 * (both[:, 1:].square() + both[:, :-1].square())
        logs = 0.5 * torch.log(power + SILENT)  # (batch, frames, latent_dim), nepers
        log_gains = (logs @ self.powers + self.bias).clamp(max=LOUDEST)
        first = log_gains[:, :1] if state is None else state.log_gain
        levels = logs.mean(2, keepdim=True).exp()
        return levels, torch.cat([first, log_gains], 1), GainState(latents[:, -1].clone(), log_gains[:, -1:].clone())


def ramps(log_gains: Tensor, hop: int) -> Tensor:
    """Gains of every sample, ``(batch, frames * hop)``: from each frame's to the next one's, straight in decibels."""
    phase = (torch.arange(hop, device=log_gains.device, dtype=log_gains.dtype) + 0.5) / hop
    start, end = log_gains[:, :-1, None], log_gains[:, 1:, None]
    return torch.exp(start + (end - start) * phase).flatten(1)
