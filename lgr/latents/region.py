"""The region of a latent space that some sounds live in, and what leaves it brought back.

Latents of sounds fill little of their space. A circle or a random walk through the rest asks a decoder for what no sound
ever gave it: noise, or a hundred times the level. The region is where the sounds' own frames are, an ellipsoid: no
further from their mean, by Mahalanobis' distance, than all but ``OUTSIDE`` of them.

The covariance is shrunk towards a multiple of the identity by ``d / (d + n)`` for ``n`` frames of ``d`` numbers: with few
frames little is known of it.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from lgr.errors import ArgumentError, check_shape

OUTSIDE = 0.05  # share of the frames that are further out than the region reaches


@dataclass(frozen=True)
class Region:
    """An ellipsoid. ``region_of`` makes it, ``inside`` keeps a path in it."""

    mean: Tensor  # (latent_dim,) float64
    inverse: Tensor  # (latent_dim, latent_dim) float64: of the covariance's Cholesky factor
    radius: float

    def distance(self, latents: Tensor) -> Tensor:
        """Mahalanobis distance from the mean of ``(latent_dim, n)``: ``(n,)`` float64."""
        return self._white(latents - self.mean[:, None]).norm(dim=0)

    def inside(self, path: Tensor, straight: Tensor) -> Tensor:
        """``path`` (latent_dim, n), brought towards ``straight`` (latent_dim, n) wherever it is outside the region.

        What is inside stays as it is, bit for bit. Where the straight path itself is outside, the path may be as far
        out as it, and no further.

        Examples
        --------
        >>> import torch
        >>> from lgr.latents.region import region_of
        >>> region = region_of(torch.randn(2, 1000, generator=torch.Generator().manual_seed(0)))
        >>> out = region.inside(torch.tensor([[9.0, 0.1], [0.0, 0.0]]), torch.zeros(2, 2))
        >>> bool(out[0, 0] < 3), float(out[0, 1])
        (True, 0.10000000149011612)
        """
        check_shape("straight", straight.shape, str(tuple(path.shape)), straight.shape == path.shape)
        begin = self._white(straight.double() - self.mean[:, None])
        along = self._white((path - straight).double())
        reach = begin.norm(dim=0).clamp(min=self.radius)
        # |begin + s along| = reach, the larger s: begin is never further out than reach
        a, b, c = along.square().sum(0), (begin * along).sum(0), begin.square().sum(0) - reach.square()
        share = (-b + (b.square() - a * c).clamp(min=0).sqrt()) / a.clamp(min=1e-30)
        outside = (begin + along).norm(dim=0) > reach * (1 + 1e-9)
        back = torch.lerp(straight.double(), path.double(), share.clamp(0, 1)).to(path)
        return torch.where(outside, back, path)

    def _white(self, latents: Tensor) -> Tensor:
        return self.inverse @ latents.double()


def region_of(frames: Tensor) -> Region:
    """The region that ``frames`` (latent_dim, n), n at least 1, live in.

    ``ArgumentError`` for frames that are not finite.
    """
    ok = frames.ndim == 2 and frames.numel() > 0
    check_shape("frames", frames.shape, "(latent_dim, n), both at least 1", ok)
    if not bool(torch.isfinite(frames).all()):
        raise ArgumentError("frames must be finite, got NaN or infinity")
    size, n = frames.shape
    x = frames.detach().double()
    mean = x.mean(1)
    centred = x - mean[:, None]
    covariance = centred @ centred.T / n
    variance = float(covariance.diagonal().mean()) or 1.0  # of frames that are all alike there is none
    shrink = size / (size + n)
    identity = torch.eye(size, dtype=torch.float64, device=x.device)
    factor = torch.linalg.cholesky((1 - shrink) * covariance + shrink * variance * identity)
    inverse = torch.linalg.solve_triangular(factor, identity, upper=False)
    distances = (inverse @ centred).norm(dim=0)
    return Region(mean=mean, inverse=inverse, radius=float(distances.sort().values[int((1 - OUTSIDE) * (n - 1))]))
