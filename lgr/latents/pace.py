"""The pace of a path: functions that map even steps of [0, 1] to steps that are even no more.

A pace never turns back and keeps both ends: 0 to 0, 1 to 1. Paper 001 (5.2): "we can modulate non-uniformly the steps
between latent points in order to bring additional expressivity".
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from lgr.errors import ArgumentError

PACES: dict[str, Callable[[Tensor], Tensor]] = {
    "even": lambda u: u,
    "ease": lambda u: u * u * (3 - 2 * u),
    "ease-in": lambda u: u * u,
    "ease-out": lambda u: u * (2 - u),
}
ALL_PACES = (*PACES, "power:P", "random:S")


def check_pace(pace: str) -> None:
    """Raise ``ArgumentError`` unless ``pace`` is one.

    ``even``; ``ease`` (slow, fast, slow), ``ease-in`` (slow first), ``ease-out`` (slow last); ``power:P`` with P > 0 is
    ``u ** P``; ``random:S`` with S in [0, 1] (``random`` alone: 1) varies every step by up to the share S of its size.
    """
    _parsed(pace)


def positions(n: int, pace: str = "even", *, generator: torch.Generator | None = None) -> Tensor:
    """Where along a path its ``n`` points lie: ``(n,)`` float64 from exactly 0 to exactly 1, never decreasing.

    Parameters
    ----------
    n : int >= 2
    pace : see ``check_pace``
    generator : torch.Generator, CPU; needed for ``random``, advanced by one draw of ``n - 1`` numbers

    Raises
    ------
    ArgumentError : fewer than two points, an unknown pace, or ``random`` without a generator

    Examples
    --------
    >>> from lgr.latents.pace import positions
    >>> positions(5)
    tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000], dtype=torch.float64)
    >>> positions(5, "ease").tolist()
    [0.0, 0.15625, 0.5, 0.84375, 1.0]
    """
    if n < 2:
        raise ArgumentError(f"n must be at least 2 points, the two ends, got {n}")
    name, number = _parsed(pace)
    if name == "random":
        if generator is None:
            raise ArgumentError(f"pace {pace!r} needs a generator, got None")
        steps = 1 + number * (2 * torch.rand(n - 1, generator=generator, dtype=torch.float64) - 1)
        moved = torch.cat([steps.new_zeros(1), steps.cumsum(0)])
        return moved / moved[-1]
    u = torch.arange(n, dtype=torch.float64) / (n - 1)
    return u**number if name == "power" else PACES[name](u)


def _parsed(text: str) -> tuple[str, float]:
    """A pace's name and number, checked."""
    name, colon, said = text.partition(":")
    if name in PACES and not colon:
        return name, 1.0
    if name not in ("power", "random") or (name == "power" and not colon):
        raise ArgumentError(f"pace must be one of {', '.join(ALL_PACES)}, got {text!r}")
    try:
        number = float(said) if colon else 1.0
    except ValueError:
        number = math.nan
    if name == "power" and not 0 < number < math.inf:
        raise ArgumentError(f"pace power:P must have P > 0, got {text!r}")
    if name == "random" and not 0 <= number <= 1:
        raise ArgumentError(f"pace random:S must have S in [0, 1], got {text!r}")
    return name, number
