"""What the spectral model takes from a corpus before its first step: principal components of log magnitudes."""

from collections.abc import Iterable

import torch
from torch import Tensor

from lgr.models.spectral.model import SHAPE, SpectralVAE
from lgr.models.spectral.spectra import log_magnitudes

HEARD = 1e-4  # RMS: quieter spectra are left out


@torch.no_grad()
def fit_components(model: SpectralVAE, clips: Iterable[Tensor]) -> None:
    """Set the straight lines to the shape and back: components with unit variance over ``clips``, (batch, samples)."""
    rows = []
    for audio in clips:
        unit, level, _ = model.spectra(audio)
        rows.append(log_magnitudes(unit)[level[..., 0] > HEARD])
    logs = torch.cat(rows).double()
    mean = logs.mean(0) if len(logs) else logs.new_zeros(logs.shape[1])
    centred = logs - mean
    covariance = centred.T @ centred / max(1, len(logs))
    variances, directions = torch.linalg.eigh(covariance)
    size = model.config.latent_dim - SHAPE
    spread = variances[-size:].flip(0).clamp(min=1e-6).sqrt()
    components = directions[:, -size:].flip(1)
    model.to_shape.weight.copy_((components / spread).T)
    model.from_shape.weight.copy_(components * spread)
    model.from_shape.bias.copy_(mean)
