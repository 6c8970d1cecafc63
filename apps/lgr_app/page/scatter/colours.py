"""What colour each point of a scatter has, and what colour says: kinds told apart, or a number from dark to light."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lgr.errors import ArgumentError, check_shape

# Okabe and Ito's colours, each made darker or lighter where it would fade on the ground.
KIND_COLOURS = {
    "light": ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#3A9BD0", "#C98500", "#333333"),
    "dark": ("#3D9FDB", "#F07A2B", "#1FC493", "#E39AC4", "#8CD0F5", "#F0B93A", "#EEEEEE"),
}
OTHER_COLOUR = {"light": "#8A8A8A", "dark": "#7A7A7A"}
# Even in lightness and readable without red and green (after matplotlib's viridis), less the end that the ground hides.
RAMP = ("#440154", "#414487", "#2A788E", "#22A884", "#7AD151", "#FDE725")
RAMP_PART = {"light": (0.0, 0.88), "dark": (0.22, 1.0)}
STEPS = 64  # colours of a ramp


@dataclass(frozen=True, kw_only=True)
class Colours:
    """What colour each point has, and what colour says. Made by ``by_kind`` and ``by_number``."""

    index: NDArray[np.uint8]  # (n,), into the palettes
    palette: dict[str, list[str]]  # "light" and "dark": "#RRGGBB"
    legend: dict[str, Any] = field(default_factory=dict)


def by_kind(kind: ArrayLike, names: Sequence[str]) -> Colours:
    """Colours that tell kinds apart: ``kind`` (n,) indexes ``names``; from the eighth on, kinds share a grey."""
    which = np.asarray(kind)
    if which.ndim != 1 or which.size == 0 or which.min() < 0 or which.max() >= len(names):
        raise ArgumentError(f"kind must be (n,) with n at least 1 and index {len(names)} names, got {which.shape}")
    own = len(KIND_COLOURS["light"])
    shown = [*names] if len(names) <= own else [*names[:own], f"{len(names) - own} others"]
    return Colours(
        index=np.minimum(which, own).astype(np.uint8),
        palette={scheme: [*KIND_COLOURS[scheme], OTHER_COLOUR[scheme]][: len(shown)] for scheme in KIND_COLOURS},
        legend={"names": shown},
    )


def by_number(values: ArrayLike, title: str, unit: str = "", *, digits: int = 0) -> Colours:
    """Colours from dark to light over the range of ``values`` (n,); 1 % of them at either end share the last colour."""
    numbers = np.asarray(values, dtype=np.float64)
    check_shape("values", numbers.shape, "(n,) with n at least 1", numbers.ndim == 1 and numbers.size > 0)
    if not np.isfinite(numbers).all():
        raise ArgumentError("values must be finite, got NaN or infinity")
    low, high = np.quantile(numbers, [0.01, 0.99])
    place = np.clip((numbers - low) / max(high - low, 1e-12), 0, 1)
    return Colours(
        index=np.minimum(place * STEPS, STEPS - 1).astype(np.uint8),
        palette={scheme: _ramp(*part) for scheme, part in RAMP_PART.items()},
        legend={"title": title, "range": [f"{edge:,.{digits}f} {unit}".strip() for edge in (low, high)]},
    )


def _ramp(start: float, end: float) -> list[str]:
    """``STEPS`` colours of the part of ``RAMP`` from ``start`` to ``end`` (0 to 1)."""
    anchors = np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in RAMP])
    at = np.linspace(start, end, STEPS) * (len(RAMP) - 1)
    channels = [np.interp(at, np.arange(len(RAMP)), anchors[:, c]).round().astype(int) for c in range(3)]
    return [f"#{r:02X}{g:02X}{b:02X}" for r, g, b in zip(*channels, strict=True)]
