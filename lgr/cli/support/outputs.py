"""Where results go: places are checked before the long work, and files get their names only after all succeeded."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from lgr.errors import ArgumentError, LgrError
from lgr.files import atomic_path

SUFFIXES = {
    "audio": (".wav", ".flac", ".ogg", ".mp3"),
    "picture": (".png", ".svg", ".pdf"),
    "score": (".json", ".csv"),
    "Reaper session": (".rpp",),
    "DAWproject session": (".dawproject",),
    "pattern": (".json",),
    "MIDI file": (".mid", ".midi"),
    "kit": (".zip",),
    "TorchScript file": (".ts",),
    "codes": (".npz",),
}


class Outputs:
    """The files that one command will write: they get their names when the ``with`` block ends well, else none is left.

    ``claim`` checks a place and gives a temporary file beside it to write to (``force=True``: it exists already).
    """

    def __init__(self, *, force: bool, inputs: Sequence[Path] = ()) -> None:
        self._force = force
        self._inputs = {path.expanduser().resolve() for path in inputs}
        self._stack = ExitStack()
        self._finals: dict[Path, Path] = {}

    def claim(self, path: Path, kind: str, option: str) -> Path:
        """The temporary file for ``path``, which ``option`` named and which must be of ``kind`` (see ``SUFFIXES``)."""
        suffixes = SUFFIXES[kind]
        if path.suffix.lower() not in suffixes:
            expected = " or ".join(filter(None, [", ".join(suffixes[:-1]), suffixes[-1]]))
            raise ArgumentError(f"{option} must end in {expected} ({kind}), got {path}")
        if path.expanduser().resolve() in self._inputs:
            raise ArgumentError(f"{option} must not be a file that is read, got {path}: choose another name")
        temporary = self._stack.enter_context(atomic_path(path, force=self._force))
        self._finals[temporary] = path
        return temporary

    def claim_optional(self, path: Path | None, kind: str, option: str) -> Path | None:
        return None if path is None else self.claim(path, kind, option)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)
        if isinstance(error, LgrError):  # a person knows the file by the name they gave it
            text = str(error)
            for temporary, final in self._finals.items():
                text = text.replace(str(temporary), str(final))
            if text != str(error):
                raise type(error)(text) from error


@contextmanager
def result_folder(folder: Path, option: str, *, parents: bool = False) -> Iterator[Path]:
    """Make a folder for results unless it is there; one that was made is removed again if the block fails."""
    folder = folder.expanduser()
    new = not folder.exists()
    try:
        folder.mkdir(parents=parents, exist_ok=True)
    except FileNotFoundError as error:
        raise ArgumentError(f"{option} must lie in an existing folder, got {folder}: create {folder.parent}") from error
    except OSError as error:
        raise ArgumentError(f"{option} cannot be made, got {folder}: {error.strerror or error}") from error
    try:
        yield folder
    except BaseException:
        if new:
            with suppress(OSError):  # someone put something there meanwhile
                folder.rmdir()
        raise
