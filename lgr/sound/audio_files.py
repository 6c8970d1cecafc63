"""Which sound files a person means: files, folders and patterns to a list of files.

Only names in wav, flac, ogg and mp3 are taken from folders and patterns. A name that is not there is an
``AudioFileError`` that says which ones nearly are.
"""

import difflib
import glob
import re
from collections.abc import Iterable
from pathlib import Path

from lgr.errors import AudioFileError

AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")
SUPPORTED = "wav, flac, ogg or mp3"


def audio_files(paths: Iterable[str | Path]) -> list[Path]:
    """Expand files, folders (recursively) and globs into files.

    Arguments keep their order, what one of them expands to is in natural order (``a2`` before ``a10``), and a file
    found twice is listed once. From folders and globs only names in wav, flac, ogg and mp3 are taken, hidden ones
    are not.

    Raises
    ------
    AudioFileError
        A file is missing, or a folder or a glob holds no audio.

    Examples
    --------
    >>> from lgr.files import assets_dir
    >>> from lgr.sound.audio_files import audio_files
    >>> folder = assets_dir() / "audio"
    >>> [path.name for path in audio_files([folder / "f*.flac"])]
    ['fire.flac', 'flute.flac', 'foley.flac']
    """
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    found: dict[Path, Path] = {}
    for item in given:
        files = _expand(Path(item).expanduser())
        if not files:
            raise AudioFileError(f"no {SUPPORTED} file found in {item}")
        for file in files:
            found.setdefault(file.resolve(), file)
    if not found:
        raise AudioFileError("no audio file given; name files, folders or patterns such as 'sounds/*.wav'")
    return list(found.values())


def _expand(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if path.is_dir():
        candidates = list(path.rglob("*"))
    elif glob.has_magic(str(path)):
        matches = [Path(match) for match in glob.glob(str(path), recursive=True)]  # noqa: PTH207 (absolute patterns)
        candidates = [file for match in matches for file in (match.rglob("*") if match.is_dir() else [match])]
    else:
        raise AudioFileError(missing(path))
    files = (file for file in candidates if file.suffix.lower() in AUDIO_SUFFIXES and not file.name.startswith("."))
    return sorted((file for file in files if file.is_file()), key=_natural)


def _natural(path: Path) -> list[tuple[int, int, str]]:
    """Sort key in which runs of digits compare as numbers."""
    parts = re.findall(r"\d+|\D+", str(path).lower())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


def missing(path: Path) -> str:
    """A sentence with the nearest names that do exist."""
    folder = path.parent
    if not folder.is_dir():
        return f"{path} does not exist: there is no folder {folder}"
    names = [entry.name for entry in folder.iterdir() if entry.is_dir() or entry.suffix.lower() in AUDIO_SUFFIXES]
    near = difflib.get_close_matches(path.name, names, n=3, cutoff=0.5)
    return f"{path} does not exist" + (f"; did you mean {' or '.join(near)}?" if near else f" in the folder {folder}")
