"""What judges say of a result (``lgr.judges``), beside its target and its sources, as a family of numbers."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from lgr.errors import CannotJudgeError, MissingPackageError
from lgr.evaluation.evaluation import Found
from lgr.judges import JudgeCard, judge

SOURCE_SECONDS = 60.0  # of all sources together that a judge hears: enough for a voice and a timbre


def judged(cards: Sequence[JudgeCard], result: tuple[Tensor, int], sounds: Mapping[str, tuple[Tensor, int]]) -> Found:
    """Every number of some judges, or the sentence that says why there is none.

    Parameters
    ----------
    cards : of the judges that are asked
    result : (1, samples) and its rate
    sounds : "target" and "source", each (1, samples) and its rate

    Returns
    -------
    dict, by the judge's own names; they end in ``_target`` and ``_source`` where it compares with both in turn
    """
    found: Found = {}
    for card in cards:
        for against in card.against or (None,):
            end = f"_{against}" if len(card.against) > 1 else ""
            reference, rate = sounds[against] if against else (None, None)
            names = {name: f"{name}{end}" for name in card.numbers}
            try:
                said = judge(card.name, result[0][0], result[1], None if reference is None else reference[0], rate)
            except (CannotJudgeError, MissingPackageError) as error:
                found |= dict.fromkeys(names.values(), str(error))
            else:
                found |= {names[name]: number for name, number in said.items()}
    return found


def shared_out(material: Sequence[Tensor], sample_rate: int) -> Tensor:
    """The beginnings of some sounds ``(samples,)``, as much of each, one after the other: ``(1, samples)``."""
    each = int(SOURCE_SECONDS * sample_rate / len(material))
    return torch.cat([audio[:each] for audio in material])[None]
