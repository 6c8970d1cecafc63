"""What can be set while the loop runs, each number changing without a click."""

import math
from dataclasses import dataclass

from lgr.errors import ArgumentError

MOST_GAIN_DB = 24.0
RANGES = {
    "temperature": (0.0, math.inf),
    "continuity": (0.0, 1.0),
    "pitch": (0.0, 1.0),
    "wet": (0.0, 1.0),
    "gain_db": (-120.0, MOST_GAIN_DB),
}


@dataclass(frozen=True, kw_only=True)
class LiveConfig:
    """The dials of a running loop.

    Examples
    --------
    >>> from lgr.live import LiveConfig
    >>> LiveConfig(wet=1.5)
    Traceback (most recent call last):
        ...
    lgr.errors.ArgumentError: wet must be from 0 to 1, got 1.5
    """

    temperature: float = 0.05  # as for ``lgr.match``
    continuity: float = 0.9  # chance to play on over a whole grain; below 1
    pitch: float = 0.7  # how much pitch counts against timbre, where the input has one
    wet: float = 1.0  # 1: all grains, 0: all input
    gain_db: float = 0.0  # of what comes out
    freeze: bool = False  # go on playing what is like the moment at which it was switched on

    def __post_init__(self) -> None:
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
                most = f"{low:g} or more" if high == math.inf else f"from {low:g} to {high:g}"
                raise ArgumentError(f"{name} must be {most}, got {value!r}")
        if self.continuity == 1:
            raise ArgumentError("continuity must be below 1, got 1: nothing would ever be chosen anew")
        if not isinstance(self.freeze, bool):
            raise ArgumentError(f"freeze must be True or False, got {self.freeze!r}")
