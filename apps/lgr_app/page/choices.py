"""What can be chosen by name, out of lgr's own tables, in the words that a visitor reads."""

from collections.abc import Iterable

from lgr.codebook import CodebookConfig
from lgr.latents.pace import PACES
from lgr.latents.path import KINDS
from lgr.latents.vectors import METRICS
from lgr.resynth_config import ResynthConfig

DEFAULTS = ResynthConfig()
TEMPERATURE, CONTINUITY, PITCH = (each.minimum for each in (DEFAULTS.temperature, DEFAULTS.continuity, DEFAULTS.pitch))
MOST_TEMPERATURE = 0.15  # what lies beyond is for scripts: the target's rhythm is lost
TEMPERATURE_SAYS = (
    f"0: always the most similar grain, the same again for the same sound. Around {TEMPERATURE:g}: alive. From 0.1 on: "
    "bold, and the target's rhythm begins to go."
)
CONTINUITY_SAYS = (
    "Chance that a source plays on rather than jumps. 0: each grain is drawn alone. At temperature 0: how much nearer "
    "a grain must be to be jumped to."
)

Choices = list[tuple[str, str]]  # (shown, value), as a dropdown takes them

UNTRAINED = [name for name in METRICS if name != "learned"]  # a learned metric needs an embedding: no tab asks for one
BETWEEN_TWO = [name for name, kind in KINDS.items() if not kind.many_points]
PACE_WORDS = {
    "even": "Even",
    "ease": "Slow at both ends",
    "ease-in": "Slow at first",
    "ease-out": "Slow at last",
    "random:0.8": "Uneven steps, drawn from the seed",
}


def metric_choices() -> Choices:
    """How grains may be compared, the default first."""
    names = dict.fromkeys([CodebookConfig().metric, *UNTRAINED])
    return [(f"{name}: {METRICS[name].words}", name) for name in names]


def kind_choices(names: Iterable[str] = BETWEEN_TWO) -> Choices:
    """Kinds of path from one point to another, all of them by default."""
    return [(KINDS[name].words, name) for name in names]


def pace_choices() -> Choices:
    """How a path may be gone in time; one without words is offered as it stands."""
    offered = [*PACES, "random:0.8"]
    first = [name for name in PACE_WORDS if name in offered]
    return [(PACE_WORDS.get(name, name), name) for name in dict.fromkeys([*first, *offered])]
