"""The one folder that clients see: names in it to paths and back; nothing outside is read, written or told.

A result replaces only what this server has written itself since it was started, and that not while it is played from.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lgr.errors import ArgumentError, LgrError
from lgr.files import assets_dir, atomic_path, cache_dir
from lgr.sound.audio_files import AUDIO_SUFFIXES, SUPPORTED, audio_files

PATH = re.compile(r"(?<![\w./])(?:[A-Za-z]:)?[/\\](?:[^\s/\\'\":;,()]+[/\\])+([^\s/\\'\":;,()]*)")


class Folder:
    """Names as clients give them are relative to ``root``, with ``/`` between folders."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root).expanduser().resolve()
        if not self.root.is_dir():
            raise ArgumentError(f"folder must be one that exists, got {root}")
        self.made: set[Path] = set()
        self._hidden = (self.root, assets_dir(), cache_dir(), Path.home())

    def path(self, name: str) -> Path:
        """The path of a name, links followed; ``ArgumentError`` where it leads out of the folder."""
        parts = re.split(r"[/\\]", name)
        if not name or name[0] in "/\\~" or ".." in parts or ":" in parts[0] or not name.isprintable():
            raise ArgumentError(f"a name must be that of something in the served folder, got {name[:200]!r}")
        try:
            return self._inside(self.root / name, name)
        except (OSError, RuntimeError) as error:  # a name too long; links in a circle
            if isinstance(error, LgrError):
                raise
            raise ArgumentError(f"a name must be one that a file can have, got {name[:200]!r}") from error

    def _inside(self, path: Path, name: str) -> Path:
        found = path.resolve()
        found.exists()  # OSError of a name that no file can have
        if not found.is_relative_to(self.root):
            raise ArgumentError(f"a name must not lead out of the served folder, got {name!r}")
        return found

    def name(self, path: str | Path) -> str:
        """What clients call a path."""
        return Path(path).relative_to(self.root).as_posix()

    def sounds(self, names: Sequence[str]) -> list[Path]:
        """Sound files of names, folders and patterns, such as ``rain/*.wav``, in their order."""
        found = audio_files([self.path(name) for name in names])
        return [self._inside(file, self.name(file)) for file in found]

    def sound(self, name: str) -> Path:
        """One sound file."""
        path = self.path(name)
        if not path.is_file():
            raise ArgumentError(f"a sound must be a file in the served folder, got {name!r}")
        return path

    def opened(self, name: str, what: str, description: str) -> Path:
        """A folder that ``what`` was saved in, known by the file ``description`` in it."""
        path = self.path(name)
        if not (path / description).is_file():
            raise ArgumentError(f"{what} must be a folder with {description} in the served folder, got {name!r}")
        for file in path.iterdir():
            self._inside(file, self.name(file))
        return path

    @contextmanager
    def result(self, name: str, busy: Collection[Path]) -> Iterator[tuple[Path, str]]:
        """A file to write to, and its name: it is there once the block has ended well.

        ``ArgumentError`` where it is no sound's name, is among ``busy``, or was there before the server.
        """
        path = self.free(name, busy)
        if path.suffix.lower() not in AUDIO_SUFFIXES or path.is_dir():
            raise ArgumentError(f"output must be a file's name that ends in {SUPPORTED}, got {name!r}")
        self.make_parent(path)
        with atomic_path(path, force=path in self.made) as temporary:
            try:
                yield temporary, self.name(path)
            except LgrError as error:  # a client knows the file by its own name
                text = str(error)
                if temporary.name in text:
                    told = text.replace(str(temporary), name).replace(temporary.name, name)
                    raise type(error)(told) from error
                raise
        self.made.add(path)

    def free(self, name: str, busy: Collection[Path]) -> Path:
        """The path of a result that may be written."""
        path = self.path(name)
        if path in busy:
            raise ArgumentError(f"output must not be a file in use, got {name!r}: choose another name")
        if path.exists() and path not in self.made:
            raise ArgumentError(f"{name!r} was there before and is kept: choose another name")
        return path

    def make_parent(self, path: Path) -> None:
        """Make the folders above a result in the served folder."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ArgumentError(f"output cannot be made at {self.name(path)!r}: {error.strerror}") from error

    def unused(self, stem: str, busy: Collection[Path]) -> str:
        """``stem.wav``, or with a number where that may not be written."""
        n = 1
        while True:
            name = f"{stem}.wav" if n == 1 else f"{stem}-{n}.wav"
            path = self.path(name)
            if path not in busy and (path in self.made or not path.exists()):
                return name
            n += 1

    def hidden(self, text: str, addresses: Collection[str] = ()) -> str:
        """A text for clients: no path of this machine in it but what follows the folder; addresses stay."""
        for root in self._hidden:
            text = text.replace(f"{root}/", "").replace(f"{root}\\", "")
        text = text.replace(str(self.root), "the served folder")
        told = PATH.sub(lambda match: match[0] if match[0] in addresses else match[1], text)
        return " ".join(told.split())
