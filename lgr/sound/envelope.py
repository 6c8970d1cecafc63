"""Parameters that change over the target's time: a number, or an envelope of (seconds, value) points.

Between points it is linear; before the first and after the last it is held. Two points at the same second make
a step, and at that second the later value holds. In text, an envelope is ``0:0.1,5:1.0`` (seconds:value), and a
constant is a number.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from lgr.errors import ArgumentError


@dataclass(frozen=True)
class Envelope:
    """A parameter over seconds, piecewise linear.

    Parameters
    ----------
    points : sequence of (seconds, value)
        At least one; seconds finite, >= 0 and not decreasing; values finite.

    Raises
    ------
    ArgumentError
        Points that are empty, not finite, at negative times, or out of order.

    Examples
    --------
    >>> import torch
    >>> from lgr import Envelope
    >>> rise = Envelope.of("0:0.1,4:0.5")
    >>> rise.at(torch.tensor([0.0, 2.0, 9.0]))
    tensor([0.1000, 0.3000, 0.5000])
    >>> str(rise), rise.maximum
    ('0:0.1,4:0.5', 0.5)
    >>> Envelope.of(0.3).constant
    0.3
    """

    points: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        try:
            points = tuple((float(seconds), float(value)) for seconds, value in self.points)
        except (TypeError, ValueError) as failure:
            raise ArgumentError(f"envelope points must be (seconds, value) pairs, got {self.points!r}") from failure
        if not points:
            raise ArgumentError("envelope must have at least one (seconds, value) point, got none")
        for seconds, value in points:
            if not (math.isfinite(seconds) and math.isfinite(value)):
                raise ArgumentError(f"envelope points must be finite numbers, got {seconds}:{value}")
            if seconds < 0:
                raise ArgumentError(f"envelope times must be >= 0 seconds, got {seconds}")
        for (before, _), (after, _) in pairwise(points):
            if after < before:
                raise ArgumentError(f"envelope times must be in order, got {after} seconds after {before} seconds")
        object.__setattr__(self, "points", points)

    @classmethod
    def of(cls, value: "EnvelopeLike") -> "Envelope":
        """An envelope from a number, text such as ``"0.3"`` or ``"0:0.1,5:1.0"``, points, or an envelope."""
        if isinstance(value, Envelope):
            return value
        if isinstance(value, str):
            return cls.parse(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return cls(((0.0, float(value)),))
        if isinstance(value, Sequence):
            return cls(value)  # type: ignore[arg-type]  # __post_init__ checks and normalises the points
        raise ArgumentError(f"envelope must be a number, text or (seconds, value) points, got {value!r}")

    @classmethod
    def parse(cls, text: str) -> "Envelope":
        """An envelope from text: one number, or ``seconds:value`` pairs separated by commas."""
        points = []
        for item in text.split(","):
            seconds, colon, value = item.partition(":")
            try:
                # A lone number is a constant; in a list of points every item needs its time.
                points.append((float(seconds), float(value)) if colon or "," in text else (0.0, float(seconds)))
            except ValueError as failure:
                raise ArgumentError(
                    f"envelope must be a number or seconds:value pairs such as 0:0.1,5:1.0, got {text!r}"
                ) from failure
        return cls(tuple(points))

    @property
    def constant(self) -> float | None:
        """The value where it never changes, else ``None`` (compare with ``is None``: the value may be 0)."""
        return self.points[0][1] if self.minimum == self.maximum else None

    @property
    def minimum(self) -> float:
        """Lowest value that it takes."""
        return min(value for _, value in self.points)

    @property
    def maximum(self) -> float:
        """Highest value that it takes."""
        return max(value for _, value in self.points)

    def at(self, times_seconds: Tensor) -> Tensor:
        """Values at the given times.

        Parameters
        ----------
        times_seconds : Tensor, any shape
            Seconds of the target's time; negative times are before the first point.

        Returns
        -------
        Tensor float32, same shape and device
        """
        times = times_seconds.to(torch.float64).contiguous()
        if bool(times.isnan().any()):
            raise ArgumentError("times_seconds must be numbers, got NaN")
        points = torch.tensor(self.points, dtype=torch.float64, device=times.device)  # (points, 2)
        at, values = points[:, 0].contiguous(), points[:, 1]
        after = torch.searchsorted(at, times, right=True)
        left, right = (after - 1).clamp(min=0), after.clamp(max=len(at) - 1)
        # Held ends have left == right: a span of 0, where any weight gives the same value.
        span = (at[right] - at[left]).clamp(min=torch.finfo(torch.float64).tiny)
        weight = ((times - at[left]) / span).clamp(0.0, 1.0)
        return torch.lerp(values[left], values[right], weight).to(torch.float32)

    def to_json(self) -> float | list[list[float]]:
        """A JSON value: a number for a single point at 0 seconds, else a list of ``[seconds, value]``."""
        if len(self.points) == 1 and self.points[0][0] == 0:
            return self.points[0][1]
        return [list(point) for point in self.points]

    @classmethod
    def from_json(cls, value: Any) -> "Envelope":
        """The envelope whose ``to_json`` is ``value``."""
        return cls.of(value)

    def __str__(self) -> str:
        """Text that ``parse`` turns back into an equal envelope."""
        if len(self.points) == 1 and self.points[0][0] == 0:
            return _number(self.points[0][1])
        return ",".join(f"{_number(seconds)}:{_number(value)}" for seconds, value in self.points)


EnvelopeLike = float | str | Sequence[Sequence[float]] | Envelope


def _number(value: float) -> str:
    """Shortest text that ``float`` reads back exactly: ``repr`` without a trailing ``.0``."""
    return repr(value).removesuffix(".0")
