"""What a judge is: a program that others made, and mostly trained, which hears a result and gives it numbers.

The numbers of ``lgr.measures`` are our own formulas. A judge comes as a package that brings its weights, so it is
optional, and each says what it means, where it holds, and under which licences.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from typing import Literal, Protocol, TypeVar

import torch
from torch import Tensor

from lgr.errors import ArgumentError, CannotJudgeError

LEVEL_DB = -26.0  # full scale, RMS: what speech is brought to before it is judged (ITU-T P.830)
REMEMBERED = 8  # sounds
Against = Literal["target", "source"]
T = TypeVar("T")


class Judge(Protocol):
    """A judge with its weights read.

    ``judge(reference, result)`` takes sounds ``(samples,)``, float32 on the CPU, finite, not silent, long enough and at
    the rate of the judge's card; ``reference`` is None where the card names none. It gives the numbers that the card
    names.

    Raises
    ------
    CannotJudgeError : it has no number for these sounds
    """

    def __call__(self, reference: Tensor | None, result: Tensor) -> dict[str, float]: ...


@dataclass(frozen=True, kw_only=True)
class JudgeCard:
    """What is known of a judge without loading it.

    Parameters
    ----------
    name : by which it is asked for
    title : what it is, with its source
    says : what its number means, and where it holds
    numbers : names of what it gives
    lowest, highest : the range of its numbers
    higher_is_better : whether more is better
    unit : of its numbers
    sample_rate : at which it hears, Hz; sounds are brought to it
    least_seconds : the shortest sound that it takes
    against : what a result is compared with in `lgr evaluate`, each in turn; nothing where it needs no reference
    level_free : whether a gain leaves its numbers as they are, or nearly so
    code_licence, weights_licence : SPDX names; the second is empty where there are no weights
    package, version : on the package index; what was tried
    modules : what must be importable
    install : the command that installs it
    load : reads its weights
    """

    name: str
    title: str
    says: str
    numbers: tuple[str, ...]
    lowest: float
    highest: float
    higher_is_better: bool
    unit: str
    sample_rate: int
    least_seconds: float
    against: tuple[Against, ...]
    level_free: bool
    code_licence: str
    weights_licence: str
    package: str
    version: str
    modules: tuple[str, ...]
    install: str
    load: Callable[[], Judge]

    @property
    def needs_reference(self) -> bool:
        return bool(self.against)

    @property
    def missing(self) -> list[str]:
        """Those of its modules that are not installed; nothing is imported to know it."""
        return [name for name in self.modules if find_spec(name) is None]


def reference_of(reference: Tensor | None) -> Tensor:
    """The reference; ``ArgumentError`` where there is none."""
    if reference is None:
        raise ArgumentError("reference must be a sound for this judge, got None")
    return reference


def levelled(audio: Tensor) -> Tensor:
    """``audio`` at ``LEVEL_DB``, cut off at full scale as in a file of whole numbers; it may not be silent."""
    level = audio.double().square().mean().sqrt()
    return (audio * float(10 ** (LEVEL_DB / 20) / level)).clamp(-1, 1)


def remembered(hear: Callable[[Tensor], T]) -> Callable[[Tensor], T]:
    """``hear``, which keeps what it made of the last sounds: one reference is judged with many results."""

    @lru_cache(maxsize=REMEMBERED)
    def of(samples: bytes) -> T:
        return hear(torch.frombuffer(bytearray(samples), dtype=torch.float32))

    return lambda audio: of(audio.contiguous().numpy().tobytes())


def cosine(a: Tensor, b: Tensor) -> float:
    """The cosine of the angle between ``(n,)`` and ``(n,)``, -1 to 1; ``CannotJudgeError`` where one is zero."""
    lengths = a.double().norm() * b.double().norm()
    if not float(lengths) > 0:
        raise CannotJudgeError("the judge hears nothing in one of the sounds")
    return float((a.double() @ b.double() / lengths).clamp(-1, 1))
