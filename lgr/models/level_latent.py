"""A frame's level as a latent, computed not learned: about N(0, 1) over sounds, linear in decades, -2 for silence.

TorchScript runs both functions (``lgr.export``). It sees no globals, so the constants are arguments.
"""

import torch
from torch import Tensor

from lgr.sound.level import AMPLITUDE_FLOOR

LEVEL_CENTRE, LEVEL_SCALE = 3.0, 1.5  # decades above the floor
LEVEL_DB = 20 * LEVEL_SCALE  # decibels for one of the latent
LOUDEST = 6.5  # decades above AMPLITUDE_FLOOR: no latent can ask for more than +10 dBFS


def level_to_latent(
    rms: Tensor, centre: float = LEVEL_CENTRE, scale: float = LEVEL_SCALE, floor: float = AMPLITUDE_FLOOR
) -> Tensor:
    """RMS amplitude >= 0 to the latent."""
    return (torch.log10(rms / floor + 1) - centre) / scale


def latent_to_level(
    latent: Tensor,
    centre: float = LEVEL_CENTRE,
    scale: float = LEVEL_SCALE,
    floor: float = AMPLITUDE_FLOOR,
    loudest: float = LOUDEST,
) -> Tensor:
    """The exact inverse of ``level_to_latent`` up to +10 dBFS; amplitude 0 at silence and for anything below."""
    decades = (centre + scale * latent).clamp(0.0, loudest)
    return (torch.pow(10.0, decades) - 1) * floor
