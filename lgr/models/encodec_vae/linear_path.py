"""The low end of a lapped transform, a few numbers a hop, and the level that what is added to it is measured in.

Frame ``t`` covers blocks ``t - 1`` and ``t`` of ``hop`` samples. ``linear_path_vae.py`` says what it is for.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from lgr.models.mdct import mdct_basis

QUIET = 1e-6  # of the training recordings' mean frame energy (-60 dB): what is below has this level's deviation
SILENT = 1e-8  # of a latent's variance: -80 dB
LOUDEST = 3.0  # nepers: no gain above 26 dB


class LinearPath(nn.Module):
    """The ``n_kept`` lowest coefficients of every frame's MDCT, and how exact each must be.

    Scales are fitted, not trained: a spectral loss would teach them to put rain's hiss into every sound (measured).
    """

    basis: Tensor
    scale: Tensor
    log_variance: Tensor

    def __init__(self, hop: int, n_kept: int) -> None:
        super().__init__()
        self.register_buffer("basis", mdct_basis(hop)[:, :n_kept].clone(), persistent=False)  # orthonormal columns
        self.register_buffer("scale", torch.ones(n_kept))  # standard deviations over the training recordings
        self.register_buffer("log_variance", torch.full((n_kept,), -4.0))  # of the posterior at the mean level

    def encode(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Frames ``(batch, frames, 2 * hop)`` to latents and the logarithm of each frame's energy over the mean one's,
        ``(batch, frames, 1)``.
        """
        coefs = frames @ self.basis
        energy = coefs.square().sum(-1, keepdim=True) / self.scale.square().sum()
        return coefs / self.scale, torch.log(energy + QUIET)

    def decode(self, latents: Tensor) -> Tensor:
        """Latents to windowed frames ``(batch, frames, 2 * hop)``, to be overlap-added by half."""
        return (latents * self.scale) @ self.basis.T


class GainState(NamedTuple):
    latents: Tensor  # (batch, latent_dim): the last frame's
    log_gain: Tensor  # (batch, 1): its gain


class LevelGain(nn.Module):
    """The level of a frame, by which what a network adds is multiplied: to a quiet sound it adds quietly.

    A network alone leaves a thousandth of what it learned on rain in the silence above a thunder's rumble, and that is
    all that is heard there. Where a frame's noise is known its level is the measure: where nothing was dropped nothing
    is added. Otherwise it is the geometric mean of the latents' magnitudes, each taken over two frames since an MDCT
    coefficient alone follows the phase, times ``exp(bias)``, which is fitted to the level of what the linear path
    drops.
    """

    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(1))

    def loudness(self, state: GainState | None, latents: Tensor) -> Tensor:
        """Geometric mean of the magnitudes ``(batch, frames, 1)`` of latents ``(batch, frames, latent_dim)``."""
        before = torch.zeros_like(latents[:, 0]) if state is None else state.latents
        both = torch.cat([before[:, None], latents], 1)
        power = 0.5 * (both[:, 1:].square() + both[:, :-1].square())
        return (0.5 * torch.log(power + SILENT)).mean(2, keepdim=True).exp()

    def forward(self, state: GainState | None, level: Tensor, latents: Tensor) -> tuple[GainState, Tensor]:
        """The state for the frames that follow, and log gains ``(batch, frames + 1)``, of the frame before the first
        (its own where there is none) and of each frame, from its level ``(batch, frames, 1)`` and its latents.
        """
        log_gains = (torch.log(level[..., 0]) + self.bias).clamp(max=LOUDEST)
        first = log_gains[:, :1] if state is None else state.log_gain
        return GainState(latents[:, -1].clone(), log_gains[:, -1:].clone()), torch.cat([first, log_gains], 1)


def ramps(log_gains: Tensor, hop: int) -> Tensor:
    """Gains of every sample, ``(batch, frames * hop)``: from each frame's to the next one's, straight in decibels."""
    phase = (torch.arange(hop, device=log_gains.device, dtype=log_gains.dtype) + 0.5) / hop
    start, end = log_gains[:, :-1, None], log_gains[:, 1:, None]
    return torch.exp(start + (end - start) * phase).flatten(1)
