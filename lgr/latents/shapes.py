"""The shapes of paths between points of a latent space: lines, arcs, circles, spirals, loops, splines, wandering.

A point is ``(latent_dim,)`` and a path ``(latent_dim, n)``. Where along it each point of a path lies is said by ``u``,
``(n,)`` in [0, 1] (``lgr.latents.pace.positions``). Where ``u`` says that the path is at a given point it is there bit
for bit; what lies between is computed in float64 and returned in the points' own type.

Straight lines are paper 003's (eq. 5); circles, spirals and forward-backward loops are paper 001's (5.2).
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from lgr.errors import ArgumentError, check_shape

PARALLEL = 1e-7  # sine of an angle below which two directions span no plane that float32 points could tell


def linear(a: Tensor, b: Tensor, u: Tensor) -> Tensor:
    """The straight line ``(1 - u) a + u b`` (paper 003, eq. 5), ``(latent_dim, n)``.

    Examples
    --------
    >>> import torch
    >>> from lgr.latents.shapes import linear
    >>> linear(torch.tensor([0.0, 2.0]), torch.tensor([4.0, 2.0]), torch.tensor([0.0, 0.25, 1.0]))
    tensor([[0., 1., 4.],
            [2., 2., 2.]])
    """
    # lerp counts from the nearer end, so it is exact at both.
    return torch.lerp(a.double()[:, None], b.double()[:, None], u.double()).to(a.dtype)


def slerp(a: Tensor, b: Tensor, u: Tensor) -> Tensor:
    """Along the arc from one direction to the other in equal angles, the norm going linearly (Shoemake 1985).

    Where the directions are the same or opposite, or a point is the origin, no one arc is the shortest, and the path is
    the straight line (through the origin where they are opposite).

    Examples
    --------
    >>> import torch
    >>> from lgr.latents.shapes import slerp
    >>> slerp(torch.tensor([2.0, 0.0]), torch.tensor([0.0, 2.0]), torch.tensor([0.0, 0.5, 1.0])).norm(dim=0)
    tensor([2.0000, 2.0000, 2.0000])
    """
    x, y = a.double(), b.double()
    norm_x, norm_y = x.norm(), y.norm()
    if not (norm_x > 0 and norm_y > 0):
        return linear(a, b, u)
    x, y = x / norm_x, y / norm_y
    angle = 2 * torch.atan2((x - y).norm(), (x + y).norm())  # Kahan's: exact for small angles too, unlike acos
    if angle.sin() < PARALLEL:
        return linear(a, b, u)
    u = u.double()
    direction = (x[:, None] * ((1 - u) * angle).sin() + y[:, None] * (u * angle).sin()) / angle.sin()
    path = (direction * torch.lerp(norm_x, norm_y, u)).to(a.dtype)
    return _pinned(_pinned(path, u == 0, a), u == 1, b)


def circle(a: Tensor, b: Tensor, u: Tensor, *, turns: float = 1.0, towards: Tensor | None = None) -> Tensor:
    """Round the circle that has ``a`` and ``b`` at the ends of a diameter: from ``a``, by ``b`` after half a turn.

    ``towards`` (latent_dim,) says, with ``a`` and ``b``, in which plane, and which side comes first; by default the
    origin's plane, outer side first. ``ArgumentError`` if the space has one dimension, or it lies on their line.

    Examples
    --------
    >>> import torch
    >>> from lgr.latents.shapes import circle
    >>> a, b = torch.tensor([1.0, 0.0]), torch.tensor([3.0, 0.0])
    >>> circle(a, b, torch.tensor([0.0, 0.5, 1.0]))
    tensor([[1., 3., 1.],
            [0., 0., 0.]])
    """
    x, y, u = a.double(), b.double(), u.double()
    centre, radius = (x + y) / 2, (x - y) / 2
    side = _perpendicular(x, y, towards) * radius.norm()
    path = orbit_at(centre, radius, side, turns * u).to(a.dtype)
    halves = 2 * turns * u
    return _pinned(_pinned(path, halves % 2 == 0, a), halves % 2 == 1, b)


def orbit(centre: Tensor, radius: float, plane: Tensor, u: Tensor, *, turns: float = 1.0) -> Tensor:
    """Round a circle given by its centre (latent_dim,), radius and plane (2, latent_dim), ``(latent_dim, n)``.

    It begins at ``centre`` plus ``radius`` along the plane's first direction, and goes towards its second, of which the
    part that is perpendicular to the first counts.
    """
    check_shape("plane", plane.shape, f"(2, {len(centre)})", plane.shape == (2, len(centre)))
    if not 0 <= radius < math.inf:
        raise ArgumentError(f"radius must be >= 0, got {radius}")
    first, second = plane.double()
    if not first.norm() > 0:
        raise ArgumentError("plane must hold two directions that differ, got a first of length 0")
    first = first / first.norm()
    second = _perpendicular(torch.zeros_like(first), first, second)
    return orbit_at(centre.double(), radius * first, radius * second, turns * u.double()).to(centre.dtype)


def orbit_at(centre: Tensor, first: Tensor, second: Tensor, turned: Tensor) -> Tensor:
    """The ellipse ``centre + first cos + second sin``, ``(latent_dim, n)``, at so many turns ``(n,)``."""
    angle = 2 * math.pi * turned
    return centre[:, None] + first[:, None] * angle.cos() + second[:, None] * angle.sin()


def spiral(a: Tensor, b: Tensor, u: Tensor, *, turns: float = 2.0, towards: Tensor | None = None) -> Tensor:
    """From ``a`` round and round into ``b``, the distance to ``b`` shrinking evenly; ``towards`` as for ``circle``."""
    x, y, u = a.double(), b.double(), u.double()
    side = _perpendicular(x, y, towards) * (x - y).norm()
    path = (y[:, None] + (1 - u) * orbit_at(torch.zeros_like(y), x - y, side, turns * u)).to(a.dtype)
    return _pinned(_pinned(path, u == 0, a), u == 1, b)


def there_and_back(s: Tensor) -> Tensor:
    """0 at even whole numbers, 1 at odd ones, straight between."""
    return (s - 2 * torch.round(s / 2)).abs()


def forward_backward(a: Tensor, b: Tensor, u: Tensor, *, traversals: int = 2) -> Tensor:
    """The straight line so many times, forward and backward in turn (paper 001, 5.2); at ``b`` in the end if odd."""
    if traversals < 1:
        raise ArgumentError(f"traversals must be >= 1, got {traversals}")
    return linear(a, b, there_and_back(traversals * u.double()))


def random_steps(start: Tensor, n: int, step_size: float, *, generator: torch.Generator) -> Tensor:
    """``n`` points from ``start``, every step ``step_size`` long in a direction drawn evenly, ``(latent_dim, n)``.

    ``generator`` (CPU) is advanced by ``n - 1`` draws, one a step, so more steps begin as fewer do.
    """
    if n < 1:
        raise ArgumentError(f"n must be >= 1, got {n}")
    if not 0 <= step_size < math.inf:
        raise ArgumentError(f"step_size must be >= 0, got {step_size}")
    steps = [torch.randn(len(start), generator=generator, dtype=torch.float64) for _ in range(n - 1)]
    moved = torch.stack([torch.zeros(len(start), dtype=torch.float64), *map(_unit, steps)], dim=1).cumsum(1)
    path = start.double()[:, None] + step_size * moved.to(start.device)
    return _pinned(path.to(start.dtype), torch.arange(n, device=start.device) == 0, start)


def wander(a: Tensor, b: Tensor, u: Tensor, step_size: float, *, generator: torch.Generator) -> Tensor:
    """Random steps tied to both ends: the straight line plus ``random_steps``, less their own straight line.

    They stray from the line by about ``step_size * sqrt(n) / 2`` midway (a Brownian bridge).
    """
    strayed = random_steps(torch.zeros_like(a, dtype=torch.float64), len(u), step_size, generator=generator)
    line = torch.lerp(a.double()[:, None], b.double()[:, None], u.double())
    path = (line + strayed - u.double() * strayed[:, -1:]).to(a.dtype)
    ends = torch.arange(len(u), device=u.device)
    return _pinned(_pinned(path, (ends == 0) & (u == 0), a), (ends == len(u) - 1) & (u == 1), b)


def spline(points: Sequence[Tensor], u: Tensor) -> Tensor:
    """The natural cubic spline that is at point ``i`` of ``N`` when ``u`` is ``i / (N - 1)``; a straight line for two.

    What ``decode`` is given then changes without corners in pace or direction. Between points it may leave their hull.

    Examples
    --------
    >>> import torch
    >>> from lgr.latents.shapes import spline
    >>> corners = [torch.tensor([0.0, 0.0]), torch.tensor([1.0, 1.0]), torch.tensor([2.0, 0.0])]
    >>> spline(corners, torch.tensor([0.0, 0.5, 1.0]))
    tensor([[0., 1., 2.],
            [0., 1., 0.]])
    """
    from scipy.interpolate import CubicSpline

    check_points(points)
    if len(points) < 2:
        raise ArgumentError(f"a spline needs two points or more, got {len(points)}")
    knots = torch.arange(len(points), dtype=torch.float64)
    at = u.double().cpu() * (len(points) - 1)
    values = torch.stack([p.double().cpu() for p in points]).numpy()  # (N, latent_dim)
    fitted = CubicSpline(knots.numpy(), values, axis=0, bc_type="natural")
    path = torch.from_numpy(fitted(at.numpy())).T.to(points[0])
    for i, point in enumerate(points):
        path = _pinned(path, (at == i).to(point.device), point)
    return path


def broken_line(points: Sequence[Tensor], u: Tensor) -> Tensor:
    """Straight from point to point, at point ``i`` of ``N`` when ``u`` is ``i / (N - 1)``."""
    at = u.double() * (len(points) - 1)
    before = at.floor().long().clamp(max=len(points) - 2)
    stacked = torch.stack([p.double() for p in points], dim=1)  # (latent_dim, N)
    return torch.lerp(stacked[:, before], stacked[:, before + 1], at - before).to(points[0].dtype)


def check_points(points: Sequence[Tensor]) -> None:
    """Raise ``ShapeError`` or ``ArgumentError`` unless all are finite floating ``(latent_dim,)``, of one size."""
    first = points[0] if points else None
    for i, point in enumerate(points):
        expected = "(latent_dim,)" if first is None or first.ndim != 1 else f"({len(first)},) as the first is"
        same = first is not None and point.shape == first.shape and point.ndim == 1 and len(point) > 0
        check_shape(f"point {i + 1}", point.shape, expected, same)
        if not torch.is_floating_point(point) or not bool(torch.isfinite(point).all()):
            raise ArgumentError(f"point {i + 1} must hold finite floating-point numbers, got {point.dtype}, NaN or inf")


def _perpendicular(a: Tensor, b: Tensor, towards: Tensor | None) -> Tensor:
    """The unit vector (float64) perpendicular to ``b - a`` that points, as far as can be, where ``towards`` does."""
    if len(a) < 2:
        raise ArgumentError("a circle or spiral needs latents of two dimensions or more, got 1")
    along = _unit(b - a)
    given = (a + b) / 2 if towards is None else towards.double()
    side = given - (given @ along) * along
    side = side - (side @ along) * along  # once more: the first time may leave a rest of rounding
    if side.norm() > PARALLEL * given.norm():
        return _unit(side)
    if towards is not None:
        raise ArgumentError("towards must not lie on the line of the two points, got a multiple of their difference")
    axis = torch.zeros_like(along)
    axis[int(along.abs().argmin())] = 1.0  # the origin is on the line: any plane will do
    return _unit(axis - (axis @ along) * along)


def _unit(vector: Tensor) -> Tensor:
    return torch.nn.functional.normalize(vector, dim=0, eps=1e-300)


def _pinned(path: Tensor, where: Tensor, point: Tensor) -> Tensor:
    """``path`` (latent_dim, n) with ``point`` itself ``where`` (n,) says."""
    return torch.where(where, point[:, None], path)
