"""Every error that lgr raises on purpose: one sentence that names the argument, what was expected and what came."""

from collections.abc import Sequence


class LgrError(Exception):
    """Base of all errors that may be shown to a person as they stand; the CLI prints one line and exits with 2.

    Examples
    --------
    >>> import lgr
    >>> try:
    ...     lgr.load_audio("nowhere.wav")
    ... except lgr.LgrError as error:
    ...     print(type(error).__name__)
    AudioFileError
    """


class ArgumentError(LgrError, ValueError):
    """An argument's value is outside what the function accepts."""


class ShapeError(ArgumentError):
    """A tensor has the wrong number of axes or the wrong size along one."""


class AudioFileError(LgrError, OSError):
    """An audio file is missing, unreadable, empty, or cannot be written."""


class WeightsError(LgrError, OSError):
    """Model weights are missing, damaged, or cannot be downloaded."""


class CodebookError(LgrError, ValueError):
    """A codebook or score does not fit what it is used with (another codec or version, moved recordings)."""


class MissingPackageError(LgrError, ImportError):
    """An optional package is needed; the message gives the pip command that installs it."""


class CannotJudgeError(LgrError, ValueError):
    """A judge has no number for these sounds: too short, silent, or without what it listens to."""


def check_shape(name: str, shape: Sequence[int], expected: str, ok: bool) -> None:
    """Raise ``ShapeError`` unless ``ok``: ``{name} must be {expected}, got {shape}``."""
    if not ok:
        raise ShapeError(f"{name} must be {expected}, got {tuple(shape)}")
