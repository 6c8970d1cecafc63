"""What a latent says of its two spectra, beside what networks learn: unit level on the way in, tone and noise back.

``unit`` are magnitudes at unit level, ``(batch, latents, 2, bins)``; ``counted`` (bins,) is what a bin's power counts
in a signal's, all bins together giving its mean square.

TorchScript runs all of it (``lgr.export``). It sees no globals, so the constants are arguments.
"""

import math

import torch
from torch import Tensor

from lgr.models.level_latent import latent_to_level
from lgr.models.spectral.config import FRAMES
from lgr.models.spectral.controls import controlled
from lgr.models.spectral.likelihood import LEAST, noise_share, peak_share
from lgr.sound.level import AMPLITUDE_FLOOR

LOG_SCALE = 2.0  # of log magnitudes about their means, over sounds


def at_unit_level(magnitudes: Tensor, counted: Tensor, floor: float = AMPLITUDE_FLOOR) -> tuple[Tensor, Tensor]:
    """``unit`` and levels ``(batch, latents, 1)`` (RMS) of ``magnitudes`` (batch, latents, 2, bins)."""
    level = (magnitudes.square() @ counted).mean(2, keepdim=True).sqrt()
    return magnitudes / (level[..., None] + floor), level


def log_magnitudes(unit: Tensor, least: float = LEAST) -> Tensor:
    """Log magnitudes ``(batch, latents, 2 * bins)``, softly held above ``least``."""
    return 0.5 * torch.log(unit.square() + least**2).flatten(2)


def unit_powers(
    power: Tensor, straight: Tensor, counted: Tensor, scale: float = LOG_SCALE, frames: int = FRAMES
) -> Tensor:
    """Log powers at unit level of what a network and a straight line say, all ``(batch, latents, 2, bins)``."""
    power = 2 * (scale * power + straight)
    total = torch.logsumexp(power + torch.log(counted).to(power), (2, 3), keepdim=True)
    return power - total + math.log(frames)


def tone_and_noise(
    power: Tensor, spread: Tensor, level: Tensor, controls: Tensor, counted: Tensor, sample_rate: int
) -> tuple[Tensor, Tensor]:
    """Magnitudes of tone and of noise in every bin, ``(batch, 2 * latents, bins)``, controls and level applied.

    Parameters
    ----------
    power, spread : (batch, latents, 2, bins), log powers at unit level, nepers
    level, controls : (batch, latents, 1) and (batch, latents, 2), as a latent has them
    """
    # A peak that is badly known is a tone, but the first to become noise where more of it is asked for.
    peaks = peak_share(power) * (1 - controls[..., 1, None, None]).clamp(0, 1)
    share = noise_share(spread) * (1 - peaks)
    power, share = controlled(power, share, controls, counted, sample_rate)
    amplitude = torch.exp(0.5 * power) * latent_to_level(level)[..., None]
    return (amplitude * (1 - share).sqrt()).flatten(1, 2), (amplitude * share.sqrt()).flatten(1, 2)
