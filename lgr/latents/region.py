"""The region of a latent space that some sounds live in, and what leaves it brought back.

Latents of sounds fill little of their space. A circle or a random walk through the rest asks a decoder for what no
sound ever gave it: noise, a hundred times the level, or none. The region is where the sounds' own frames are. It has
two bounds: Mahalanobis' distance from the frames' mean is no larger than that of all but ``OUTSIDE`` of them; and along
each of their principal axes a point is no further out than all but ``OUTSIDE`` of them are on that side. The first
alone would let a point of many dimensions go far in a single one, such as level.

The covariance is shrunk towards a multiple of the identity by ``d / (d + n)`` for ``n`` frames of ``d`` numbers: with
few frames little is known of it.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from lgr.errors import ArgumentError, check_shape

OUTSIDE = 0.1  # share of the frames that are further out than the region reaches, and on either side along each axis


@dataclass(frozen=True)
class Region:
    """``region_of`` makes it, ``inside`` keeps a path in it."""

    mean: Tensor  # (latent_dim,) float64
    axes: Tensor  # (latent_dim, latent_dim) float64, a principal axis a row, over the frames' spread along it
    back: Tensor  # its inverse: from places along the axes to latents, but for the mean
    radius: float
    low: Tensor  # (latent_dim,) float64, along the axes
    high: Tensor

    def coordinates(self, latents: Tensor) -> Tensor:
        """Places of ``(latent_dim, n)`` along the axes, in spreads: their norm is Mahalanobis' distance."""
        return self.axes @ (latents.double() - self.mean[:, None])

    def inside(self, path: Tensor, straight: Tensor) -> Tensor:
        """``path`` (latent_dim, n), brought back wherever it is outside the region.

        Along each axis it is stopped at the region's edge; then it is brought towards ``straight`` (latent_dim, n)
        until it is near enough. What is inside stays as it is, bit for bit. Where the straight path itself is outside,
        the path may be as far out as it, and no further.

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
        begin, end = self.coordinates(straight), self.coordinates(path)
        kept = end.clamp(self.low[:, None].minimum(begin), self.high[:, None].maximum(begin))
        step = kept - begin
        # |begin + s step| = reach, the larger s: begin is never further out than reach
        reach = begin.norm(dim=0).clamp(min=self.radius)
        a, b, c = step.square().sum(0), (begin * step).sum(0), begin.square().sum(0) - reach.square()
        share = ((-b + (b.square() - a * c).clamp(min=0).sqrt()) / a.clamp(min=1e-30)).clamp(max=1)
        out = (end - begin).abs().amax(0) > 1e-6  # or path and straight path are the same but for rounding
        out &= ((kept - end).abs().amax(0) > 0) | (share < 1)
        return torch.where(out, (self.mean[:, None] + self.back @ (begin + share * step)).to(path), path)


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
    covariance = (1 - shrink) * covariance + shrink * variance * torch.eye(size, dtype=torch.float64, device=x.device)
    values, vectors = torch.linalg.eigh(covariance)
    axes = vectors.T / values.sqrt()[:, None]
    at = (axes @ centred).sort(1).values
    last = n - 1 - int(OUTSIDE * n)
    radius = (axes @ centred).norm(dim=0).sort().values[last]
    return Region(
        mean=mean,
        axes=axes,
        back=vectors * values.sqrt(),
        radius=float(radius),
        low=at[:, n - 1 - last],
        high=at[:, last],
    )
