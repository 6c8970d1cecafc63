"""What an address takes: checked in one place, told in one way."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lgr.errors import ArgumentError
from lgr.osc.packet import Value

Lane = Literal["now", "soon", "long"]
KINDS = {"f": "a number", "i": "a whole number", "s": "a text", "v": "a number or a text"}


@dataclass(frozen=True)
class Argument:
    """One argument of an address.

    Parameters
    ----------
    name : what it is called
    kind : of ``KINDS``; whole numbers may come as floats, as Pure Data sends them
    low, high : of numbers
    needed : False where it may be left out, with all after it
    many : one or more of it, at the end
    """

    name: str
    kind: str
    low: float = -math.inf
    high: float = math.inf
    needed: bool = True
    many: bool = False

    def __str__(self) -> str:
        text = f"{self.name}:{self.kind}{'...' if self.many else ''}"
        return text if self.needed else f"[{text}]"

    def checked(self, value: Value) -> Value:
        """``ArgumentError`` unless the value is of this kind and in this range."""
        text = isinstance(value, str)
        whole = not text and math.isfinite(value) and value == int(value)  # type: ignore[arg-type]
        fits = {"s": text, "v": True, "f": not text, "i": whole}[self.kind]
        if not fits:
            raise ArgumentError(f"{self.name} must be {KINDS[self.kind]}, got {_shown(value)}")
        if isinstance(value, str):
            return value
        if not math.isfinite(value):
            raise ArgumentError(f"{self.name} must be finite, got {value}")
        if not self.low <= value <= self.high:
            most = f"from {self.low:.10g} to {self.high:.10g}" if self.high < math.inf else f"{self.low:.10g} or more"
            raise ArgumentError(f"{self.name} must be {most}, got {value}")
        return int(value) if self.kind == "i" else value


@dataclass(frozen=True)
class Command:
    """An address: what it takes, what it does (``does(desk, request, *values)``) and when.

    ``lane``: "now" before the next datagram is read, "soon" after others of its kind, "long" after all long work that
    was asked for before.
    """

    takes: tuple[Argument, ...]
    gives: str
    does: Callable[..., Sequence[Value]]
    help: str
    lane: Lane = "now"

    @property
    def signature(self) -> str:
        """Such as ``x:f y:f [output:s]``."""
        return " ".join(map(str, self.takes))

    def checked(self, values: Sequence[Value]) -> list[Any]:
        """What ``does`` is given; ``ArgumentError`` names the argument that is wrong."""
        least = sum(argument.needed for argument in self.takes)
        most = math.inf if any(argument.many for argument in self.takes) else len(self.takes)
        if not least <= len(values) <= most:
            takes = f"({self.signature})" if self.takes else "no arguments"
            raise ArgumentError(f"arguments must be as many as it takes {takes}, got {len(values)}")
        named = [*self.takes, *self.takes[-1:] * max(0, len(values) - len(self.takes))]
        return [argument.checked(value) for argument, value in zip(named, values, strict=False)]


def _shown(value: Value) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
