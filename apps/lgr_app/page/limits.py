"""How much one visitor may ask for: set by environment variables, said before anything is uploaded."""

import os
from dataclasses import dataclass, fields
from typing import Any, Self

from lgr.errors import ArgumentError

ENVIRONMENT = {
    "max_seconds": "LGR_APP_MAX_SECONDS",
    "max_source_seconds": "LGR_APP_MAX_SOURCE_SECONDS",
    "max_mb": "LGR_APP_MAX_MB",
    "concurrency": "LGR_APP_CONCURRENCY",
}


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one visitor may upload, and how many jobs run at once. Each field has a variable in ``ENVIRONMENT``."""

    max_seconds: float = 60.0  # of a target, or of any sound that is not a source
    max_source_seconds: float = 600.0  # of all sources together
    max_mb: float = 50.0  # of one file, in 10**6 bytes
    concurrency: int = 2  # jobs of all visitors together that run at once; the others wait in line

    def __post_init__(self) -> None:
        for each in fields(self):
            if not 0 < getattr(self, each.name) < float("inf"):
                raise ArgumentError(f"{ENVIRONMENT[each.name]} must be above 0, got {getattr(self, each.name)}")

    @classmethod
    def from_environment(cls) -> Self:
        """The limits that the environment sets; ``ArgumentError`` names a variable that is no number above 0."""
        given: dict[str, Any] = {}
        for each in fields(cls):
            name = ENVIRONMENT[each.name]
            if text := os.environ.get(name, "").strip():
                try:
                    given[each.name] = int(text) if each.type is int else float(text)
                except ValueError as error:
                    raise ArgumentError(f"{name} must be a number above 0, got {text!r}") from error
        return cls(**given)

    def sentence(self) -> str:
        """What to tell a visitor before an upload."""
        return (
            f"Sounds up to {seconds_text(self.max_seconds)}, sources up to {seconds_text(self.max_source_seconds)} "
            f"together, {self.max_mb:g} MB a file: wav, flac, ogg or mp3."
        )


def seconds_text(seconds: float) -> str:
    """A length of time as a person says it: ``0.02 s``, ``12.5 s``, ``60 s``, ``10 min``."""
    if seconds >= 120:
        return f"{seconds / 60:.3g} min"
    return f"{seconds:.3g} s"
