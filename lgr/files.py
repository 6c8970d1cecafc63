"""Files written whole or not at all, their fingerprints, and the folders that lgr reads from and writes to.

A result is written beside its final name and renamed over it at the end, so a crash, a full disk or Ctrl-C never
leaves half a file, and a reader never sees one.
"""

import errno
import hashlib
import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from lgr.errors import ArgumentError, LgrError


def assets_dir() -> Path:
    """The folder of lgr's own assets: ``LGR_ASSETS``, ``assets/`` of a checkout, or ``lgr/assets`` of a wheel.

    Examples
    --------
    >>> from lgr.files import assets_dir
    >>> (assets_dir() / "audio" / "rain.flac").is_file()
    True
    """
    if chosen := os.environ.get("LGR_ASSETS"):
        return Path(chosen)
    package = Path(__file__).resolve().parent
    checkout = package.parent
    # site-packages may hold some other project's assets/, so a checkout is known by its pyproject.toml
    return checkout / "assets" if (checkout / "pyproject.toml").is_file() else package / "assets"


def cache_dir() -> Path:
    """The folder lgr may fill and a person may empty: ``LGR_CACHE``, or ``lgr`` in the platform's cache folder."""
    if chosen := os.environ.get("LGR_CACHE"):
        return Path(chosen)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "lgr"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lgr"


def lgr_version() -> str:
    """The version of lgr that codebooks and scores note in their files; "unknown" where lgr is not installed."""
    try:
        return version("lgr")
    except PackageNotFoundError:  # run from a checkout
        return "unknown"


@contextmanager
def atomic_path(
    path: str | Path, *, force: bool = False, make_parents: bool = False, error: type[LgrError] = LgrError
) -> Iterator[Path]:
    """Give a temporary path beside ``path``; on success rename it over ``path``, on any exception remove it.

    Parameters
    ----------
    path : str or Path
        Final name; ``~`` is expanded and a link is written through.
    force : bool
        Replace an existing file; without it an existing file is kept and the error says so.
    make_parents : bool
        Create missing folders.
    error : type of LgrError
        What to raise, so that a caller's errors are of one kind.

    Yields
    ------
    Path
        An empty file in the same folder with the same suffix, to be overwritten by the block.

    Raises
    ------
    LgrError
        ``path`` exists and ``force`` is false, or is a folder or a device; the folder is missing or not writable;
        the disk is full. Other exceptions of the block pass through unchanged.

    Examples
    --------
    >>> from pathlib import Path
    >>> from lgr.files import atomic_path
    >>> with atomic_path("notes.txt") as temporary:
    ...     written = Path(temporary).write_text("whole or not at all")
    >>> Path("notes.txt").read_text()
    'whole or not at all'
    """
    final = Path(path).expanduser().resolve()
    _check_target(final, force, error)
    folder = final.parent
    # A short random name: the final name may already be as long as the file system allows.
    temporary = folder / f".lgr-{secrets.token_hex(6)}{final.suffix}"
    try:
        if make_parents:
            folder.mkdir(parents=True, exist_ok=True)
        if not folder.exists():
            raise error(f"cannot write {final}: the folder {folder} does not exist; create it first")
        # Made here, before any long work of the block: an unwritable folder should be told at once.
        temporary.open("xb").close()
        mode = temporary.stat().st_mode
    except OSError as failure:
        if isinstance(failure, LgrError):
            raise
        raise error(_cannot_write(final, failure)) from failure
    try:
        yield temporary
        _check_target(final, force, error)  # someone else may have made it meanwhile
        temporary.chmod(mode)  # some writers (safetensors) make files that only their owner may read
        temporary.replace(final)
    except OSError as failure:
        if failure.errno in (errno.ENOSPC, errno.EDQUOT) and not isinstance(failure, LgrError):
            raise error(_cannot_write(final, failure)) from failure
        raise
    finally:
        temporary.unlink(missing_ok=True)  # gone already if it was renamed


def write_whole(path: str | Path, content: bytes) -> None:
    """Write a file whole or not at all, in the place of the one that is there; errors as ``atomic_path``."""
    with atomic_path(path, force=True) as part:
        part.write_bytes(content)


@contextmanager
def atomic_folder(
    folder: Path,
    *,
    force: bool,
    what: str,
    holds: frozenset[str],
    argument: str = "folder",
    why_kept: str = "",
    error: type[LgrError] = LgrError,
) -> Iterator[Path]:
    """Give an empty folder beside ``folder`` that takes its place on success; on any exception it is removed.

    Parameters
    ----------
    folder : Path
        Final name, in an existing folder.
    force : bool
        Replace a folder of the same kind.
    what : str
        The kind, in words with an article left out: "saved codebook".
    holds : frozenset of str
        Names that a folder of this kind may hold: one that holds others is never replaced.
    argument, why_kept : str
        For the error's sentence: the caller's name of ``folder``, and why an old one matters.
    error : type of LgrError
        What to raise.

    Raises
    ------
    ArgumentError : the parent is missing
    LgrError : of the type ``error``: the folder is something else, or exists without ``force``, or cannot be written
    """
    if not folder.parent.is_dir():
        raise ArgumentError(f"{argument} must lie in an existing folder, got {folder}: create {folder.parent} first")
    if folder.exists():
        inside = {each.name for each in folder.iterdir()} if folder.is_dir() else None
        if inside is None or not inside <= holds:
            raise error(f"{argument} must be new, empty or a {what}, got {folder}: choose another name")
        if inside and not force:
            raise error(
                f"the {what} {folder} exists already and is kept{why_kept}; choose another name, or replace it with "
                "--force (force=True)"
            )
    new, old = (folder.with_name(f".{folder.name}.{secrets.token_hex(8)}.{which}") for which in ("new", "old"))
    try:
        new.mkdir()
        yield new
        if folder.exists():
            folder.rename(old)
        new.rename(folder)
    except OSError as failure:
        if isinstance(failure, LgrError):
            raise
        reason = failure.strerror or failure
        raise error(f"the {what} {folder} cannot be written: {reason}; choose another folder") from failure
    finally:
        shutil.rmtree(new, ignore_errors=True)
        if old.exists() and not folder.exists():  # stopped between the two renames: put the old one back
            old.rename(folder)
        shutil.rmtree(old, ignore_errors=True)


def sha256(path: str | Path) -> str:
    """SHA-256 of a file's bytes as 64 hexadecimal digits; ``LgrError`` when it cannot be read."""
    try:
        with Path(path).expanduser().open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as failure:
        raise LgrError(f"cannot read {path}: {failure.strerror or failure}") from failure


def _check_target(final: Path, force: bool, error: type[LgrError]) -> None:
    """Raise unless ``final`` may be created, or replaced with ``force``."""
    try:
        exists, folder, regular = final.exists(), final.is_dir(), final.is_file()
    except OSError as failure:  # a name too long, a folder that may not be searched
        raise error(_cannot_write(final, failure)) from failure
    if folder:
        raise error(f"cannot write {final}: it is a folder; give the name of a file")
    if exists and not regular:
        raise error(f"cannot write {final}: it is a device or a pipe, not a file that can be replaced")
    if exists and not force:
        raise error(f"{final} exists and is kept; choose another name, or replace it with --force (force=True)")


def _cannot_write(final: Path, failure: OSError) -> str:
    """One sentence for the ways in which an operating system refuses a file."""
    advice = {
        errno.EACCES: f"no permission to write in the folder {final.parent}; choose another folder",
        errno.EPERM: f"no permission to write in the folder {final.parent}; choose another folder",
        errno.EROFS: f"the folder {final.parent} is read-only; choose another folder",
        errno.ENOENT: f"the folder {final.parent} takes no new files; choose another folder",
        errno.ENOTDIR: f"{final.parent} is not a folder, or lies under a file",
        errno.EEXIST: f"{final.parent} is not a folder, or lies under a file",
        errno.ENOSPC: "the disk is full; make room or choose another disk",
        errno.EDQUOT: "the disk quota is used up; make room or choose another disk",
        errno.ENAMETOOLONG: "the name is too long for this file system",
    }
    reason = advice.get(failure.errno or 0, failure.strerror or str(failure))
    return f"cannot write {final}: {reason}"
