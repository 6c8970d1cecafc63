"""How far apart two latents sound: a quadratic form, by which quantizers and bridges weigh what goes wrong.

With the form ``F`` (latent_dim, latent_dim) the distance of two latents is ``sqrt((a - b) @ F @ (a - b))``. Turned
latents, ``(z - mean) @ turn`` with ``turn`` the root of ``F``, have that as their plain distance.
"""

import torch
from torch import Tensor

LEAST_SHARE = 0.02  # of the mean direction's weight, that every direction has: what is not heard is coded at last


def turning(form: Tensor, covariance: Tensor) -> tuple[Tensor, Tensor]:
    """``turn`` and its inverse, both (latent_dim, latent_dim), so that turned latents have a mean variance of 1.

    Parameters
    ----------
    form : (latent_dim, latent_dim), symmetric, not negative
    covariance : of latents, as large; what never changes counts as if it changed a little
    """
    form, covariance = form.double(), covariance.double()
    size = len(form)
    least = 1e-4 * covariance.diagonal().mean()
    spread = covariance + least * torch.eye(size, dtype=torch.float64)
    heard = (form @ spread).trace() / size  # the variance that is heard, of a mean direction
    # Where little varies, as much weight makes less of a difference.
    form = form + LEAST_SHARE * heard * torch.diag(1 / spread.diagonal())
    values, vectors = torch.linalg.eigh(form / ((form @ spread).trace() / size))
    root = values.clamp(min=1e-12).sqrt()
    return ((vectors * root) @ vectors.T).float(), ((vectors / root) @ vectors.T).float()
