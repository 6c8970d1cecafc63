"""How to get from one sound to the next: what can be set."""

import math
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from lgr.errors import ArgumentError
from lgr.latents.controls import Controls, control_envelopes
from lgr.latents.path import PathConfig

CODEC = "spectral"  # where none is asked for: the one that does best in benchmarks/interpolation.py
ENDPOINTS = ("edge", "mean")
ENDS = ("held", "moving")


@dataclass(frozen=True, kw_only=True)
class InterpolationConfig:
    """How to get from one sound to the next.

    ``ends``: ``held`` goes between two atoms (the paper's), ``moving`` between two sounds that go on playing; None
    moves, but holds where a sound is too short to go on playing and the codec can (``lgr.codecs.base.generates``).
    ``endpoints``: ``edge`` leaves from the last atom of the first sound and arrives at the first of the last one;
    ``mean`` goes between the means of the atoms of their contexts, or, where ends move, around them. Sounds on the way
    give their middle atom, or mean.
    ``level_line`` keeps the level of the path on the straight line, in dB, between the sounds' levels at its ends; off,
    the level is what the decoder gives.
    ``fade_seconds`` of each sound's context, next to the path, pass from the recording to the decoded sound and back,
    so that the waveforms meet; the path itself is not touched.
    ``controls`` move the path alone, of a codec that has such (``lgr.latents.controls``), as numbers or envelopes over
    the path's own seconds. The level is relative to the one that the path has without it.

    Examples
    --------
    >>> from lgr.interpolation.config import InterpolationConfig
    >>> from lgr.latents.path import PathConfig
    >>> InterpolationConfig(path=PathConfig(kind="slerp", pace="ease"), seconds=2.0).to_json()["endpoints"]
    'edge'
    """

    path: PathConfig = field(default_factory=PathConfig)
    seconds: float = 1.0
    context_seconds: float = 0.0
    endpoints: str = "edge"
    fade_seconds: float = 0.05
    ends: str | None = None
    level_line: bool = True
    controls: Controls = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.endpoints not in ENDPOINTS:
            raise ArgumentError(f"endpoints must be one of {', '.join(ENDPOINTS)}, got {self.endpoints!r}")
        if self.ends is not None and self.ends not in ENDS:
            raise ArgumentError(f"ends must be one of {', '.join(ENDS)} or None, got {self.ends!r}")
        if not 0 < self.seconds < math.inf:
            raise ArgumentError(f"seconds must be > 0, got {self.seconds}")
        for name in ("context_seconds", "fade_seconds"):
            value = getattr(self, name)
            if not 0 <= value < math.inf:
                raise ArgumentError(f"{name} must be >= 0, got {value}")
        if self.context_seconds > 0 and self.path.returns:
            raise ArgumentError(
                f"a {self.path.kind} of {self.path.turns:g} loops ends where it began, and context_seconds puts the "
                f"last sound after it: give it {self.path.turns + 0.5:g} loops, or no context"
            )
        object.__setattr__(self, "controls", control_envelopes(self.controls))

    def to_json(self) -> dict[str, Any]:
        controls = {name: envelope.to_json() for name, envelope in control_envelopes(self.controls).items()}
        return {**asdict(replace(self, controls={})), "controls": controls}
