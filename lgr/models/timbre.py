"""What matching reads of the bundled codec's envelope: a fixed map after which cosine means timbre.

Log spectra share a large common part, the average spectrum, and a large common direction, the level; raw cosine mostly
measures these. And what is too quiet to hear says nothing about timbre, but has a logarithm like everything else. So:

    raised   = log10(10^envelope + 10^FLOOR_DECADES)
    features = (I - (1 - LEVEL_SHARE) 1 1ᵀ / n_bands) (raised - mean(raised) - SHIFT)

where the mean is that of the training recordings. The three constants were picked on grids of some 60 settings by the
retrieval of grains, over several draws, on all recordings and on those whose source nothing was trained on:
``docs/results.md`` reports it on the same recordings, so its table flatters them a little. Maps that were learned
from the labels of the training recordings (by their nearest neighbours) did better on those and worse on all others.
"""

import math

import torch
from torch import Tensor

FLOOR_DECADES = 1.0  # decades above -120 dBFS: what is below -100 dBFS is taken for silence
LEVEL_SHARE = 0.45  # what is left of a frame's mean over bands
SHIFT = 1.0  # decades taken away of every band: below it "quiet" is a direction of its own


def raise_floor(envelope: Tensor, floor: float) -> Tensor:
    """``log10(10^envelope + 10^floor)``, any shape, decades."""
    ten = math.log(10.0)
    return torch.logaddexp(envelope * ten, torch.full_like(envelope, floor * ten)) / ten


def timbre_map(mean_raised: Tensor) -> tuple[Tensor, Tensor]:
    """Matrix ``(n_bands, n_bands)`` and bias ``(n_bands,)`` from the average raised envelope ``(n_bands,)``."""
    n_bands = mean_raised.shape[0]
    matrix = torch.eye(n_bands) - (1 - LEVEL_SHARE) / n_bands
    return matrix, -matrix @ (mean_raised.float().cpu() + SHIFT)
