"""What was measured of a result: numbers in families, and where there is none, why."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from lgr.errors import MissingPackageError

NOT_ASKED = ("no codec given", "no score", "not asked for")  # reasons that say nothing of the sounds
Found = dict[str, float | str]  # a number, or why there is none


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """The numbers of one result.

    Attributes
    ----------
    families : ``{family: {name: number}}``, None where a number cannot be had
    reasons : for each name that is None, why, in a few words

    Examples
    --------
    >>> from lgr.evaluation import Evaluation
    >>> found = Evaluation(families={"use": {"entropy": None}}, reasons={"entropy": "no score"})
    >>> found.rows()
    [('use', 'entropy', '-')]
    """

    families: dict[str, dict[str, float | None]]
    reasons: dict[str, str] = field(default_factory=dict)

    @property
    def numbers(self) -> dict[str, float | None]:
        """All numbers by name."""
        return {name: value for family in self.families.values() for name, value in family.items()}

    def to_json(self) -> dict[str, dict[str, float | None] | dict[str, str]]:
        """The families, and ``"reasons"``: a JSON object without NaN."""
        return {**{family: dict(names) for family, names in self.families.items()}, "reasons": dict(self.reasons)}

    def rows(self) -> list[tuple[str, str, str]]:
        """(family, name, number as text), for printing; "-" where there is no number."""
        return [
            (family, name, "-" if value is None else f"{value:.4g}")
            for family, names in self.families.items()
            for name, value in names.items()
        ]


def evaluation_of(found: dict[str, Found]) -> Evaluation:
    """The evaluation of ``{family: {name: number or reason}}``."""
    return Evaluation(
        families={
            family: {name: None if isinstance(value, str) else value for name, value in names.items()}
            for family, names in found.items()
        },
        reasons={name: value for names in found.values() for name, value in names.items() if isinstance(value, str)},
    )


def number(measure: Callable[[], float | None], otherwise: str) -> float | str:
    """What ``measure`` gives; ``otherwise`` where that is no finite number, the remedy where a package is missing."""
    try:
        value = measure()
    except MissingPackageError as error:
        return str(error)
    return value if value is not None and math.isfinite(value) else otherwise
