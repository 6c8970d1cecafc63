"""Importing the codecs' original packages, ``encodec`` and ``dac``, for their model classes alone.

Both import torchaudio (whose wheels need CUDA libraries beside a CPU PyTorch) and ``dac`` also audiotools (which brings
tensorboard and an old protobuf) for reading files, training and plots. The model classes use neither, so where one of
the two cannot be imported an empty stand-in takes its name while the package is imported, and no longer.
"""

import sys
import warnings
from collections.abc import Callable
from importlib import import_module
from types import ModuleType

from torch import nn

from lgr.errors import MissingPackageError


class _Model(nn.Module):
    """Stands in for audiotools' base class, which adds saving and loading that lgr never uses."""

    INTERN: list[str] = []  # noqa: RUF012 — dac appends to it while it is imported
    EXTERN: list[str] = []  # noqa: RUF012


def _torchaudio() -> dict[str, ModuleType]:
    return {"torchaudio": ModuleType("torchaudio")}


def _audiotools() -> dict[str, ModuleType]:
    package, ml = ModuleType("audiotools"), ModuleType("audiotools.ml")
    for name in ("BaseModel", "Accelerator"):
        setattr(ml, name, _Model)
    for name in ("AudioSignal", "STFTParams"):
        setattr(package, name, _Model)
    package.ml = ml  # type: ignore[attr-defined]
    return {"audiotools": package, "audiotools.ml": ml}


_STAND_INS: dict[str, Callable[[], dict[str, ModuleType]]] = {"torchaudio": _torchaudio, "audiotools": _audiotools}


def import_reference(module: str, needs: tuple[str, ...], pip_packages: str) -> ModuleType:
    """Import ``module`` of an original package.

    Parameters
    ----------
    module : its full name
    needs : which of torchaudio and audiotools it imports, in the order they depend on each other
    pip_packages : what to install, for the message

    Raises
    ------
    MissingPackageError : the package, or a small one it truly needs, is not installed
    """
    standing_in: dict[str, ModuleType] = {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # their uses of what PyTorch has since deprecated are not the caller's
            if module not in sys.modules:
                for name in needs:
                    if not _importable(name):
                        standing_in |= _STAND_INS[name]()
                        sys.modules.update(standing_in)
            return import_module(module)
    except ImportError as error:
        raise MissingPackageError(
            f'loader="reference" needs the original package ({error}); install it with: '
            f"pip install --no-deps {pip_packages} && pip install einops argbind"
        ) from error
    finally:
        for name in standing_in:
            sys.modules.pop(name, None)


def _importable(name: str) -> bool:
    try:
        import_module(name)
    except (ImportError, OSError, AttributeError):  # absent; linked to absent CUDA libraries; torchaudio stood in for
        return False
    return True
