"""What a run that goes on from its checkpoint may change of its recipe."""

from collections.abc import Collection
from typing import Any

from lgr.errors import ArgumentError


def check_resumed(given: dict[str, Any], saved: dict[str, Any], free: Collection[str]) -> None:
    """``ArgumentError`` unless the settings ``given`` are those ``saved``, but for the ones of these names."""
    changed = [k for k, v in saved.items() if k not in free and given.get(k) != v]
    if changed:
        was = ", ".join(f"{k}={saved[k]}" for k in changed)
        raise ArgumentError(f"config must be that of the run being resumed ({was}), got other values")
