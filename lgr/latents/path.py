"""Paths between latents: pure functions of tensors, for the latents of any codec.

A point is ``(latent_dim,)``, a path ``(latent_dim, n)`` as ``decode`` wants it (with a batch axis). Whatever its kind,
a path holds its ends bit for bit; what lies between is computed in float64 and returned in the points' own type.

The shapes are in ``lgr.latents.shapes``, the pace in ``lgr.latents.pace``; uneven steps are paper 001's (5.2).
The last dimensions of a conditional model's latents are label weights, and a circle among labels means nothing:
``path`` moves them in straight lines whatever the rest does.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from lgr.codecs.base import CodecInfo, check_same_codec
from lgr.errors import ArgumentError, check_shape
from lgr.latents.pace import positions, time_curve
from lgr.latents.shapes import (
    broken_line,
    check_points,
    circle,
    forward_backward,
    linear,
    slerp,
    spiral,
    spline,
    there_and_back,
    walk,
)

KINDS = ("linear", "slerp", "circle", "spiral", "loop", "walk", "spline")
LOOPS = {"circle": 0.5, "loop": 1.5, "spiral": 2.0}  # defaults that end at the second point


@dataclass(frozen=True, kw_only=True)
class PathConfig:
    """What kind of path, and how it is travelled.

    ``loops`` is how often a path goes round: ``loop`` and ``circle`` come back to the first point after every whole
    loop and are at the second after every half, ``spiral`` turns that often on its way into the second point. None is
    the kind's own (``LOOPS``); other kinds have none. ``step_size`` is for ``walk`` alone, in latent units; None is the
    distance between the ends over the square root of the steps, which strays by about half that distance midway.
    """

    kind: str = "linear"
    curve: str = "even"  # see lgr.latents.pace
    loops: float | None = None
    step_size: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ArgumentError(f"kind must be one of {', '.join(KINDS)}, got {self.kind!r}")
        time_curve(self.curve)
        if self.loops is not None:
            if self.kind not in LOOPS:
                raise ArgumentError(f"loops goes with the kinds {', '.join(LOOPS)}, got {self.loops} for {self.kind}")
            if not 0 < self.loops < math.inf:
                raise ArgumentError(f"loops must be > 0, got {self.loops}")
            if self.kind != "spiral" and 2 * self.loops % 1:
                raise ArgumentError(f"loops of a {self.kind} must be a multiple of 0.5, got {self.loops}")
        if self.step_size is not None:
            if self.kind != "walk":
                raise ArgumentError(f"step_size goes with the kind walk, got {self.step_size} for {self.kind}")
            if not 0 <= self.step_size < math.inf:
                raise ArgumentError(f"step_size must be >= 0, got {self.step_size}")

    @property
    def turns(self) -> float:
        """``loops``, or the kind's own; 0 for a kind that does not go round."""
        return LOOPS.get(self.kind, 0.0) if self.loops is None else self.loops

    @property
    def returns(self) -> bool:
        """Whether the path ends where it began rather than at its last point."""
        return self.kind in ("circle", "loop") and self.turns % 1 == 0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


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
    generator : torch.Generator, CPU; needed for ``walk`` and for a ``random`` curve
    codecs : what made each point, where that is known; latents of different models are refused

    Returns
    -------
    Tensor, (latent_dim, n), in the points' type and place

    Raises
    ------
    ShapeError, ArgumentError : points that differ in shape or are not finite, too few or too many of them
    CodebookError : points of different codecs
    """
    config = config or PathConfig()
    for i, info in enumerate(codecs or ()):
        check_same_codec(f"point {i + 1} of the path", info, (codecs or ())[0])
    check_points(points)
    if len(points) != 2 and (config.kind != "spline" or len(points) < 2):
        allowed = "two points or more" if config.kind == "spline" else "two points (a spline takes more)"
        raise ArgumentError(f"a {config.kind} path needs {allowed}, got {len(points)}")
    size = len(points[0]) - n_labels
    if n_labels < 0 or size < 1:
        raise ArgumentError(f"n_labels must be in [0, {len(points[0]) - 1}], got {n_labels}")
    u = positions(n, config.curve, generator=generator).to(points[0].device)
    z, labels = [p[:size] for p in points], [p[size:] for p in points]
    a, b, turns = z[0], z[-1], config.turns
    way = u  # of the labels
    if config.kind == "linear":
        travelled = linear(a, b, u)
    elif config.kind == "slerp":
        travelled = slerp(a, b, u)
    elif config.kind == "circle":
        travelled, way = circle(a, b, u, turns=turns), there_and_back(2 * turns * u)
    elif config.kind == "spiral":
        travelled = spiral(a, b, u, turns=turns)
    elif config.kind == "loop":
        travelled, way = forward_backward(a, b, u, traversals=round(2 * turns)), there_and_back(2 * turns * u)
    elif config.kind == "walk":
        if generator is None:
            raise ArgumentError("a walk needs a generator, got None")
        step = config.step_size
        step = float((b - a).double().norm()) / math.sqrt(n - 1) if step is None else step
        travelled = walk(a, b, u, step, generator=generator)
    else:
        travelled = spline(z, u)
    weights = broken_line(labels, u) if config.kind == "spline" else linear(labels[0], labels[-1], way)
    return torch.cat([travelled, weights])


def join_paths(paths: Sequence[Tensor]) -> Tensor:
    """Paths ``(latent_dim, n_i)`` one after the other; where one begins with the very point that the last ended with,
    that point is there once. Free synthesis of any length is this (paper 001, 5.2)."""
    if not paths:
        raise ArgumentError("paths must hold at least one, got none")
    size = paths[0].shape[0] if paths[0].ndim == 2 else 0
    for each in paths:
        ok = each.ndim == 2 and each.shape[0] == size and each.shape[1] > 0
        check_shape("each path", each.shape, f"({size}, n)", ok)
    rest = [p[:, 1:] if torch.equal(q[:, -1], p[:, 0]) else p for q, p in pairwise(paths)]
    return torch.cat([paths[0], *rest], dim=1)


def stretch(latents: Tensor, n: int) -> Tensor:
    """``(latent_dim, frames)`` to ``(latent_dim, n)``, first and last frame kept, straight lines between frames."""
    check_shape("latents", latents.shape, "(latent_dim, frames)", latents.ndim == 2 and latents.shape[1] > 0)
    if n < 1:
        raise ArgumentError(f"n must be >= 1, got {n}")
    if n == latents.shape[1]:
        return latents
    if latents.shape[1] == 1:
        return latents.expand(-1, n)
    u = positions(n) if n > 1 else torch.zeros(1, dtype=torch.float64)
    return broken_line(list(latents.unbind(1)), u.to(latents.device))


def morph(a: Tensor, b: Tensor, weights: Tensor) -> Tensor:
    """From one sequence of latents to another, both stretched to as many frames as there are ``weights``.

    Parameters
    ----------
    a, b : Tensor, (latent_dim, frames of its own)
    weights : Tensor, (n,), 0 is ``a`` and 1 is ``b``: ``positions(n)`` goes from one to the other on the way, the same
        number throughout is a sound between the two
    """
    ok = a.ndim == 2 and b.ndim == 2 and a.shape[0] == b.shape[0]
    check_shape("b", b.shape, f"(latent_dim, frames) beside {tuple(a.shape)}", ok)
    check_shape("weights", weights.shape, "(n,) with n at least 1", weights.ndim == 1 and len(weights) > 0)
    n = len(weights)
    return torch.lerp(stretch(a, n).double(), stretch(b, n).double(), weights.double()).to(a.dtype)
