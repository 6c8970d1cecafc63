"""How a path is travelled in time: curves that map even steps of [0, 1] to steps that are even no more.

A curve never turns back and keeps both ends: 0 to 0, 1 to 1. Paper 001 (5.2): "we can modulate non-uniformly the steps
between latent points in order to bring additional expressivity".
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from lgr.errors import ArgumentError

Curve = Callable[[Tensor], Tensor]

SHAPES: dict[str, Curve] = {
    "even": lambda u: u,
    "ease": lambda u: u * u * (3 - 2 * u),
    "ease-in": lambda u: u * u,
    "ease-out": lambda u: u * (2 - u),
}
CURVES = (*SHAPES, "power:P", "random:S")


def time_curve(text: str) -> Curve | None:
    """The curve that a text names; None for ``random``, which is drawn for a number of steps (see ``positions``).

    ``even``; ``ease`` (slow, fast, slow), ``ease-in`` (slow first), ``ease-out`` (slow last); ``power:P`` with P > 0 is
    ``u ** P``; ``random:S`` with S in [0, 1] (``random`` alone: 1) varies every step by up to the share S of its size.
    """
    name, number = _parsed(text)
    if name == "random":
        return None
    return SHAPES[name] if name in SHAPES else lambda u: u**number


def positions(n: int, curve: str = "even", *, generator: torch.Generator | None = None) -> Tensor:
    """Where along a path its ``n`` points lie: ``(n,)`` float64 from exactly 0 to exactly 1, never decreasing.

    Parameters
    ----------
    n : int >= 2
    curve : see ``time_curve``
    generator : torch.Generator, CPU; needed for ``random``, advanced by one draw of ``n - 1`` numbers

    Raises
    ------
    ArgumentError : fewer than two points, an unknown curve, or ``random`` without a generator
    """
    if n < 2:
        raise ArgumentError(f"n must be at least 2 points, the two ends, got {n}")
    shape = time_curve(curve)
    if shape is None:
        if generator is None:
            raise ArgumentError(f"curve {curve!r} needs a generator, got None")
        _, strength = _parsed(curve)
        steps = 1 + strength * (2 * torch.rand(n - 1, generator=generator, dtype=torch.float64) - 1)
        travelled = torch.cat([steps.new_zeros(1), steps.cumsum(0)])
        return travelled / travelled[-1]
    u = torch.arange(n, dtype=torch.float64) / (n - 1)
    return shape(u)


def _parsed(text: str) -> tuple[str, float]:
    """A curve's name and number, checked."""
    name, colon, said = text.partition(":")
    if name in SHAPES and not colon:
        return name, 1.0
    if name not in ("power", "random") or (name == "power" and not colon):
        raise ArgumentError(f"curve must be one of {', '.join(CURVES)}, got {text!r}")
    try:
        number = float(said) if colon else 1.0
    except ValueError:
        number = math.nan
    if name == "power" and not 0 < number < math.inf:
        raise ArgumentError(f"curve power:P must have P > 0, got {text!r}")
    if name == "random" and not 0 <= number <= 1:
        raise ArgumentError(f"curve random:S must have S in [0, 1], got {text!r}")
    return name, number
