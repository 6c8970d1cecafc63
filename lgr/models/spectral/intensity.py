"""Intensity: how sounds change, beside their level, when they get louder by themselves.

Rain that falls harder, a wave that breaks, a string that is bowed with more force: not only louder, but of another
spectrum. Within each recording, latents are regressed on the level's latent; the slope is the way that intensity moves,
the level being left to its own control.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

from lgr.models.grain_model import GrainModel

BLOCK = 16  # latents that are averaged: what an attack does within milliseconds is no intensity
DEPTH = 1.5  # of the level's latent, 45 dB: blocks that lie further under a recording's loudest are left out


@torch.no_grad()
def fit_intensity(model: GrainModel, recordings: Iterable[Tensor]) -> Tensor:
    """The change of a latent ``(latent_dim,)`` that goes with one of its level (latent 0, 30 dB), which is 1.

    ``recordings`` are ``(samples,)``. Zeros beside the level where none of them changes its level.
    """
    together: Tensor | None = None
    weight = 0.0
    for audio in recordings:
        latents = model.posterior(audio[None]).mean[0]
        blocks = latents[: len(latents) // BLOCK * BLOCK].view(-1, BLOCK, latents.shape[1]).mean(1).double()
        if len(blocks) < 3:
            continue
        blocks = blocks[blocks[:, 0] > blocks[:, 0].max() - DEPTH]
        change = blocks - blocks.mean(0)
        product = change[:, 0] @ change
        together = product if together is None else together + product
        weight += float(change[:, 0].square().sum())
    slope = torch.zeros(model.config.latent_dim)
    if together is not None and weight > 0:
        slope = (together / weight).float()
    slope[0] = 1.0
    return slope
