"""Paths between latents: pure functions of tensors, for the latents of any codec.

A point is ``(latent_dim,)``, a path ``(latent_dim, n)`` as ``decode`` wants it (with a batch axis). Whatever its kind,
a path holds its ends bit for bit; what lies between is computed in float64 and returned in the points' own type.

The shapes are in ``lgr.latents.shapes``, the pace in ``lgr.latents.pace``; uneven steps are paper 001's (5.2). The last
dimensions of a conditional model's latents are label weights, and a circle among labels means nothing: ``path`` moves
them in straight lines whatever the rest does.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from lgr.codecs.base import CodecInfo, check_same_codec
from lgr.errors import ArgumentError, check_shape
from lgr.latents import shapes
from lgr.latents.pace import check_pace, positions


@dataclass(frozen=True, kw_only=True)
class PathConfig:
    """What kind of path, and at what pace.

    ``loops`` is how often a path goes round: ``loop`` and ``circle`` come back to the first point after every whole
    loop and are at the second after every half, ``spiral`` turns that often on its way into the second point. None is
    the kind's own (``LOOPS``); other kinds have none. ``step_size`` is for ``wander`` alone, in latent units; None is
    the distance between the ends over the square root of the steps, which strays by about half that distance midway.

    Examples
    --------
    >>> from lgr.latents.path import PathConfig
    >>> PathConfig(kind="loop", loops=2).returns
    True
    >>> PathConfig(kind="zigzag")
    Traceback (most recent call last):
        ...
    lgr.errors.ArgumentError: kind must be one of linear, slerp, circle, spiral, loop, wander, spline, got 'zigzag'
    """

    kind: str = "linear"
    pace: str = "even"  # see lgr.latents.pace
    loops: float | None = None
    step_size: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ArgumentError(f"kind must be one of {', '.join(KINDS)}, got {self.kind!r}")
        check_pace(self.pace)
        if self.loops is not None:
            if self.kind not in LOOPS:
                raise ArgumentError(f"loops goes with the kinds {', '.join(LOOPS)}, got {self.loops} for {self.kind}")
            if not 0 < self.loops < math.inf:
                raise ArgumentError(f"loops must be > 0, got {self.loops}")
            if KINDS[self.kind].there_and_back and 2 * self.loops % 1:
                raise ArgumentError(f"loops of a {self.kind} must be a multiple of 0.5, got {self.loops}")
        if self.step_size is not None:
            if self.kind != "wander":
                raise ArgumentError(f"step_size goes with the kind wander, got {self.step_size} for {self.kind}")
            if not 0 <= self.step_size < math.inf:
                raise ArgumentError(f"step_size must be >= 0, got {self.step_size}")

    @property
    def turns(self) -> float:
        """``loops``, or the kind's own; 0 for a kind that does not go round."""
        return LOOPS.get(self.kind, 0.0) if self.loops is None else self.loops

    @property
    def returns(self) -> bool:
        """Whether the path ends where it began rather than at its last point."""
        return KINDS[self.kind].there_and_back and self.turns % 1 == 0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Way:
    """What a shape is made from: the points, where along the path each of its ``n`` points lies, and the rest."""

    points: list[Tensor]  # (latent_dim,) each, without labels
    u: Tensor  # (n,) in [0, 1]
    config: PathConfig
    generator: torch.Generator | None

    @property
    def ends(self) -> tuple[Tensor, Tensor]:
        return self.points[0], self.points[-1]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of path: its shape, ``(latent_dim, n)`` from a ``Way``, and what a configuration may say of it."""

    words: str  # for whoever chooses
    shape: Callable[[Way], Tensor]
    loops: float | None = None  # how often it goes round unless told otherwise, for a kind that does
    there_and_back: bool = False  # is at the first point after every whole loop
    many_points: bool = False  # takes more than two
    straight: bool = False  # never leaves the straight line between its points


def _wander(way: Way) -> Tensor:
    if way.generator is None:
        raise ArgumentError("a path that wanders needs a generator, got None")
    a, b = way.ends
    step = way.config.step_size
    step = float((b - a).double().norm()) / math.sqrt(len(way.u) - 1) if step is None else step
    return shapes.wander(a, b, way.u, step, generator=way.generator)


def _loop(way: Way) -> Tensor:
    return shapes.forward_backward(*way.ends, way.u, traversals=round(2 * way.config.turns))


#: Every kind of path by name. A new one is a function in ``lgr/latents/shapes.py`` and a row here.
KINDS = {
    "linear": Kind(words="Straight line", shape=lambda way: shapes.linear(*way.ends, way.u), straight=True),
    "slerp": Kind(words="Arc", shape=lambda way: shapes.slerp(*way.ends, way.u)),
    "circle": Kind(
        words="Circle",
        shape=lambda way: shapes.circle(*way.ends, way.u, turns=way.config.turns),
        loops=0.5,
        there_and_back=True,
    ),
    "spiral": Kind(
        words="Spiral", shape=lambda way: shapes.spiral(*way.ends, way.u, turns=way.config.turns), loops=2.0
    ),
    "loop": Kind(words="There and back", shape=_loop, loops=1.5, there_and_back=True, straight=True),
    "wander": Kind(words="Wander", shape=_wander),
    "spline": Kind(
        words="Curve through several points", shape=lambda way: shapes.spline(way.points, way.u), many_points=True
    ),
}
LOOPS = {name: kind.loops for name, kind in KINDS.items() if kind.loops is not None}  # of the kinds that go round


def path(
    points: Sequence[Tensor],
    n: int,
    config: PathConfig | None = None,
    *,
    n_labels: int = 0,
    generator: torch.Generator | None = None,
    codecs: Sequence[CodecInfo] | None = None,
) -> Tensor:
    """A path of ``n`` points from the first of ``points`` to the last (or back to the first, see ``PathConfig``).

    Parameters
    ----------
    points : two tensors (latent_dim,), or two and more for a spline
    n : int >= 2
    n_labels : int >= 0, how many dimensions, at the end, are label weights. They go in straight lines: over the whole
        path, there and back with ``circle`` and ``loop``, from point to point with ``spline``
    generator : torch.Generator, CPU; needed for ``wander`` and for a ``random`` pace
    codecs : what made each point, where that is known; latents of different models are refused

    Returns
    -------
    Tensor, (latent_dim, n), in the points' type and place

    Raises
    ------
    ShapeError, ArgumentError : points that differ in shape or are not finite, too few or too many of them
    CodebookError : points of different codecs

    Examples
    --------
    >>> import torch
    >>> from lgr.latents.path import PathConfig, path
    >>> a, b = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    >>> path([a, b], 3)
    tensor([[1.0000, 0.5000, 0.0000],
            [0.0000, 0.5000, 1.0000]])
    >>> path([a, b], 3, PathConfig(kind="slerp"))
    tensor([[1.0000, 0.7071, 0.0000],
            [0.0000, 0.7071, 1.0000]])
    """
    config = config or PathConfig()
    for i, info in enumerate(codecs or ()):
        check_same_codec(f"point {i + 1} of the path", info, (codecs or ())[0])
    shapes.check_points(points)
    kind = KINDS[config.kind]
    if len(points) != 2 and (not kind.many_points or len(points) < 2):
        allowed = "two points or more" if kind.many_points else "two points (a spline takes more)"
        raise ArgumentError(f"a {config.kind} path needs {allowed}, got {len(points)}")
    size = len(points[0]) - n_labels
    if n_labels < 0 or size < 1:
        raise ArgumentError(f"n_labels must be in [0, {len(points[0]) - 1}], got {n_labels}")
    u = positions(n, config.pace, generator=generator).to(points[0].device)
    labels = [p[size:] for p in points]
    between = kind.shape(Way([p[:size] for p in points], u, config, generator))
    # with two points the broken line is the straight one
    return torch.cat([between, shapes.broken_line(labels, progress(u, config))])


def progress(u: Tensor, config: PathConfig) -> Tensor:
    """How far from the first point to the last a path is at ``u`` (n,), along the straight line: (n,) in [0, 1]."""
    return shapes.there_and_back(2 * config.turns * u) if KINDS[config.kind].there_and_back else u


def shares(points: int, n: int, config: PathConfig, *, generator: torch.Generator | None = None) -> Tensor:
    """How much of each of ``points`` there is in a straight path at each of its ``n`` steps: (points, n) float64.

    A step's shares sum to one; with two points they are what ``linear`` weighs them by, with more those of the broken
    line. The same ``generator`` gives the same pace as it gives ``path``.

    Examples
    --------
    >>> from lgr.latents.path import PathConfig, shares
    >>> shares(2, 5, PathConfig(kind="loop", loops=1))
    tensor([[1.0000, 0.5000, 0.0000, 0.5000, 1.0000],
            [0.0000, 0.5000, 1.0000, 0.5000, 0.0000]], dtype=torch.float64)
    """
    at = progress(positions(n, config.pace, generator=generator), config) * (points - 1)
    return (1 - (at - torch.arange(points, dtype=torch.float64)[:, None]).abs()).clamp(min=0)


def stretch(latents: Tensor, n: int) -> Tensor:
    """``(latent_dim, frames)`` to ``(latent_dim, n)``, first and last frame kept, straight lines between frames.

    Examples
    --------
    >>> import torch
    >>> from lgr.latents.path import stretch
    >>> stretch(torch.tensor([[0.0, 1.0, 4.0]]), 5)
    tensor([[0.0000, 0.5000, 1.0000, 2.5000, 4.0000]])
    """
    check_shape("latents", latents.shape, "(latent_dim, frames)", latents.ndim == 2 and latents.shape[1] > 0)
    if n < 1:
        raise ArgumentError(f"n must be >= 1, got {n}")
    if n == latents.shape[1]:
        return latents
    if latents.shape[1] == 1:
        return latents.expand(-1, n)
    u = positions(n) if n > 1 else torch.zeros(1, dtype=torch.float64)
    return shapes.broken_line(list(latents.unbind(1)), u.to(latents.device))


def morph(a: Tensor, b: Tensor, weights: Tensor) -> Tensor:
    """From one sequence of latents to another, both stretched to as many frames as there are ``weights``.

    Parameters
    ----------
    a, b : Tensor, (latent_dim, frames of its own)
    weights : Tensor, (n,), 0 is ``a`` and 1 is ``b``: ``positions(n)`` goes from one to the other on the way, the same
        number throughout is a sound between the two

    Examples
    --------
    >>> import torch
    >>> from lgr.latents.pace import positions
    >>> from lgr.latents.path import morph
    >>> morph(torch.zeros(1, 4), torch.ones(1, 7), positions(5))
    tensor([[0.0000, 0.2500, 0.5000, 0.7500, 1.0000]])
    """
    ok = a.ndim == 2 and b.ndim == 2 and a.shape[0] == b.shape[0]
    check_shape("b", b.shape, f"(latent_dim, frames) beside {tuple(a.shape)}", ok)
    check_shape("weights", weights.shape, "(n,) with n at least 1", weights.ndim == 1 and len(weights) > 0)
    n = len(weights)
    return torch.lerp(stretch(a, n).double(), stretch(b, n).double(), weights.double()).to(a.dtype)
