"""Paths between points that move: at each step the path's shape between where its points are then.

A decoder that copies waveforms hums when a latent is held, and hums as much when a part of it is. So every step of
such a path is made of the moving points of that step and of nothing else: arcs, circles and spirals lie in the plane
of the two points and the origin as it is, and a path that wanders strays along their line.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from lgr.errors import ArgumentError, check_shape
from lgr.latents import shapes
from lgr.latents.pace import positions
from lgr.latents.path import KINDS, PathConfig, Way, progress


def moving_path(
    points: Sequence[Tensor],
    config: PathConfig | None = None,
    *,
    n_labels: int = 0,
    generator: torch.Generator | None = None,
) -> Tensor:
    """A path from the first of ``points`` to the last, each of which is a sequence as long as the path.

    Parameters
    ----------
    points : (latent_dim, n) each, two of them, or more for a spline; n >= 2
    n_labels, generator : see ``lgr.latents.path.path``

    Returns
    -------
    Tensor, (latent_dim, n), in the points' type: where the path is at one of the points, that point, bit for bit

    Raises
    ------
    ShapeError, ArgumentError : as ``path`` does

    Examples
    --------
    >>> import torch
    >>> from lgr.latents.moving import moving_path
    >>> moving_path([torch.tensor([[1.0, 3.0, 1.0]]), torch.tensor([[0.0, 5.0, 7.0]])])
    tensor([[1., 4., 7.]])
    """
    config = config or PathConfig()
    kind = KINDS[config.kind]
    first = points[0] if points else torch.zeros(0)
    for i, point in enumerate(points):
        ok = point.ndim == 2 and point.shape == first.shape and point.shape[1] >= 2
        check_shape(f"point {i + 1}", point.shape, "(latent_dim, n) as the first is, n at least 2", ok)
        if not bool(torch.isfinite(point).all()):
            raise ArgumentError(f"point {i + 1} must be finite, got NaN or infinity")
    if len(points) != 2 and (not kind.many_points or len(points) < 2):
        allowed = "two points or more" if kind.many_points else "two points (a spline takes more)"
        raise ArgumentError(f"a {config.kind} path needs {allowed}, got {len(points)}")
    size = first.shape[0] - n_labels
    if n_labels < 0 or size < 1:
        raise ArgumentError(f"n_labels must be in [0, {first.shape[0] - 1}], got {n_labels}")
    n = first.shape[1]
    u = positions(n, config.pace, generator=generator).to(first.device)
    ways = [p[:size] for p in points]
    if config.kind == "wander":
        between = _wandering(ways[0], ways[1], u, config, generator)
    else:
        steps = [kind.shape(Way([p[:, t] for p in ways], u[t : t + 1], config, generator)) for t in range(n)]
        between = torch.cat(steps, 1)
    labels = [shapes.broken_line([p[size:, t] for p in points], s[None]) for t, s in enumerate(progress(u, config))]
    return torch.cat([between, torch.cat(labels, 1)])


def _wandering(a: Tensor, b: Tensor, u: Tensor, config: PathConfig, generator: torch.Generator | None) -> Tensor:
    """Random steps along the line of ``a`` and ``b`` (latent_dim, n), beyond them too, as long as if held."""
    if generator is None:
        raise ArgumentError("a path that wanders needs a generator, got None")
    apart = float((b - a).double().norm(dim=0).median())
    size = config.step_size
    step = 1 / math.sqrt(len(u) - 1) if size is None else size / max(apart, 1e-12)
    zero = torch.zeros(1, dtype=torch.float64)
    share = shapes.wander(zero, zero + 1, u.cpu(), step, generator=generator).to(a.device)  # (1, n)
    return torch.lerp(a.double(), b.double(), share).to(a.dtype)
