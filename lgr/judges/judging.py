"""Ask a judge by its name.

judge("visqol-audio", result, 24000, reference, 44100)["visqol_audio"]
"""

from functools import cache

from torch import Tensor

from lgr.errors import ArgumentError, CannotJudgeError, MissingPackageError, check_shape
from lgr.judges.base import Judge, JudgeCard
from lgr.judges.table import JUDGES
from lgr.sound.audio import resample

SILENCE = 1e-5  # of full scale: no sample of a silent sound is beyond it


def judge(
    name: str,
    result: Tensor,
    sample_rate: int,
    reference: Tensor | None = None,
    reference_rate: int | None = None,
) -> dict[str, float]:
    """The numbers that a judge gives a result.

    Parameters
    ----------
    name : one of ``JUDGES``
    result : (samples,), what is judged
    sample_rate : of ``result``, Hz
    reference : (samples,), what it is compared with, beginning where it does; a judge without a reference ignores it
    reference_rate : of ``reference``, Hz; ``sample_rate`` if None

    Returns
    -------
    dict, ``JUDGES[name].numbers`` to finite numbers

    Raises
    ------
    ArgumentError, ShapeError : an unknown name, no reference where one is needed, or a sound that is no sound
    MissingPackageError : the judge's package is not installed; the sentence says how it is
    CannotJudgeError : a sound is silent or too short, or has not what the judge listens to

    Examples
    --------
    >>> import torch
    >>> from lgr.judges import judge
    >>> judge("visqole", torch.zeros(24000), 24000)
    Traceback (most recent call last):
        ...
    lgr.errors.ArgumentError: judge must be one of ... got 'visqole'
    """
    card = judge_card(name)
    _check_sound("result", result, sample_rate)
    if card.needs_reference:
        if reference is None:
            raise ArgumentError(f"reference must be a sound for the judge {name}, got None")
        _check_sound("reference", reference, sample_rate if reference_rate is None else reference_rate)
    asked = load_judge(name)
    heard = _heard("result", result, sample_rate, card)
    if reference is None or not card.needs_reference:
        return asked(None, heard)
    return asked(_heard("reference", reference, reference_rate or sample_rate, card), heard)


def judge_card(name: str) -> JudgeCard:
    """The card of a judge; ``ArgumentError`` that lists all names where there is none of this one."""
    if name not in JUDGES:
        raise ArgumentError(f"judge must be one of {', '.join(JUDGES)}, got {name!r}")
    return JUDGES[name]


@cache
def load_judge(name: str) -> Judge:
    """A judge with its weights, read once.

    Raises
    ------
    ArgumentError : there is none of this name
    MissingPackageError : its package is not installed, or does not run here
    WeightsError : its weights are not what they were
    """
    card = judge_card(name)
    if card.missing:
        raise MissingPackageError(f"judge {name} needs {card.package}=={card.version}: {card.install}")
    try:
        return card.load()
    except MissingPackageError:
        raise
    except ImportError as error:
        raise MissingPackageError(f"judge {name} cannot be imported ({error}): {card.install}") from error


def _check_sound(what: str, audio: Tensor, sample_rate: int) -> None:
    check_shape(what, audio.shape, "(samples >= 1,)", audio.ndim == 1 and audio.shape[0] >= 1)
    if not bool(audio.isfinite().all()):
        raise ArgumentError(f"{what} must be finite, got NaN or infinity among its samples")
    if not sample_rate >= 1:
        raise ArgumentError(f"sample rate of {what} must be at least 1 Hz, got {sample_rate}")


def _heard(what: str, audio: Tensor, sample_rate: int, card: JudgeCard) -> Tensor:
    """What a judge is given: one float32 row at its rate, long enough and not silent."""
    seconds = audio.shape[0] / sample_rate
    if seconds < card.least_seconds:
        raise CannotJudgeError(f"the {what} must last {card.least_seconds:g} s or longer, got {seconds:.3g} s")
    if not float(audio.abs().max()) > SILENCE:
        raise CannotJudgeError(f"the {what} is silent")
    return resample(audio.detach().cpu().float()[None], sample_rate, card.sample_rate)[0]
