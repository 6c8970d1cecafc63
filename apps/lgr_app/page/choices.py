"""What can be chosen by name, out of lgr's own tables, in the words that a visitor reads.

A name without words here is offered all the same, as it stands.
"""

from collections.abc import Iterable, Mapping

from lgr.latents.pace import PACES
from lgr.latents.path import KINDS
from lgr.latents.vectors import METRICS

Choices = list[tuple[str, str]]  # (shown, value), as a dropdown takes them

METRIC_WORDS = {
    "centred": "centred: what makes each grain different from the average",
    "cosine": "cosine: as in the paper",
    "whitened": "whitened: all directions count alike",
}
UNTRAINED = [
    name for name in METRICS if name != "learned"
]  # a learned metric needs an embedding, which no tab asks for
KIND_WORDS = {
    "linear": "Straight line",
    "slerp": "Arc",
    "circle": "Circle",
    "spiral": "Spiral",
    "loop": "There and back",
    "wander": "Wander",
}
BETWEEN_TWO = [name for name, kind in KINDS.items() if not kind.many_points]
PACE_WORDS = {
    "even": "Even",
    "ease": "Slow at both ends",
    "ease-in": "Slow at first",
    "ease-out": "Slow at last",
    "random:0.8": "Uneven steps, drawn from the seed",
}


def choices(names: Iterable[str], words: Mapping[str, str]) -> Choices:
    """A choice for each name, those that ``words`` has first and in its order."""
    offered = [*names]
    first = [name for name in words if name in offered]
    return [(words.get(name, name), name) for name in dict.fromkeys([*first, *offered])]


def metric_choices() -> Choices:
    """How grains may be compared."""
    return choices(UNTRAINED, METRIC_WORDS)


def kind_choices(names: Iterable[str] = BETWEEN_TWO) -> Choices:
    """Kinds of path from one point to another, all of them by default."""
    return choices(names, KIND_WORDS)


def pace_choices() -> Choices:
    """How a path may be gone in time."""
    return choices([*PACES, "random:0.8"], PACE_WORDS)
