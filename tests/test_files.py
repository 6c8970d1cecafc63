"""Files are written whole or not at all."""

import errno
import hashlib
import os
from pathlib import Path

import pytest

from lgr.errors import AudioFileError, LgrError
from lgr.files import atomic_path, sha256


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_writes_and_leaves_nothing_beside(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "a.wav") as temporary:
        assert temporary.parent == tmp_path.resolve()
        assert temporary.suffix == ".wav"
        assert not (tmp_path / "a.wav").exists()
        temporary.write_text("new")
    assert (tmp_path / "a.wav").read_text() == "new"
    assert names(tmp_path) == ["a.wav"]


@pytest.mark.parametrize("failure", [KeyboardInterrupt, SystemExit, ValueError, OSError])
@pytest.mark.parametrize("before", [None, "old"])
def test_an_exception_leaves_what_was_there(tmp_path: Path, failure: type[BaseException], before: str | None) -> None:
    path = tmp_path / "a.json"
    if before is not None:
        path.write_text(before)

    def write() -> None:
        with atomic_path(path, force=True) as temporary:
            temporary.write_text("half")
            raise failure

    with pytest.raises(failure):
        write()
    assert names(tmp_path) == ([] if before is None else ["a.json"])
    assert before is None or path.read_text() == before


def test_an_existing_file_is_kept_unless_force(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("old")
    with pytest.raises(LgrError, match=r"a\.csv exists and is kept; .*--force"), atomic_path(path):
        pass
    assert path.read_text() == "old"
    with atomic_path(path, force=True) as temporary:
        temporary.write_text("new")
    assert path.read_text() == "new"
    assert names(tmp_path) == ["a.csv"]


def test_a_file_made_meanwhile_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"

    def write() -> None:
        with atomic_path(path) as temporary:
            temporary.write_text("mine")
            path.write_text("theirs")

    with pytest.raises(LgrError, match="exists and is kept"):
        write()
    assert path.read_text() == "theirs"
    assert names(tmp_path) == ["a.csv"]


def test_missing_folder_is_told_or_made(tmp_path: Path) -> None:
    path = tmp_path / "x" / "y" / "a.txt"
    with pytest.raises(LgrError, match="does not exist; create it first"), atomic_path(path):
        pass
    assert names(tmp_path) == []
    with atomic_path(path, make_parents=True) as temporary:
        temporary.write_text("1")
    assert path.read_text() == "1"


@pytest.mark.parametrize("make_parents", [False, True])
def test_a_folder_that_is_a_file(tmp_path: Path, make_parents: bool) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "a.txt", tmp_path / "file" / "b" / "a.txt"):
        with (
            pytest.raises(LgrError, match=r"is not a folder|does not exist"),
            atomic_path(path, make_parents=make_parents),
        ):
            pass


def test_a_folder_or_a_device_as_the_name(tmp_path: Path) -> None:
    with pytest.raises(LgrError, match="it is a folder"), atomic_path(tmp_path, force=True):
        pass
    if Path(os.devnull).exists():
        with pytest.raises(LgrError, match="a device or a pipe"), atomic_path(os.devnull, force=True):
            pass


@pytest.mark.parametrize(
    ("code", "sentence"),
    [(errno.EACCES, "no permission to write"), (errno.EROFS, "is read-only"), (errno.ENOSPC, "disk is full")],
)
def test_the_system_refuses_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, sentence: str) -> None:
    # Tests may run as root, whom permission bits do not bind, so the refusal is acted.
    def refuse(self: Path, *args: object, **kwargs: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(AudioFileError, match=sentence), atomic_path(tmp_path / "a.wav", error=AudioFileError):
        pass


def test_a_disk_that_fills_up_halfway(tmp_path: Path) -> None:
    with pytest.raises(LgrError, match="disk is full"), atomic_path(tmp_path / "a.wav"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert names(tmp_path) == []


def test_a_name_too_long_is_a_sentence_and_a_long_one_works(tmp_path: Path) -> None:
    with pytest.raises(LgrError, match="too long"), atomic_path(tmp_path / ("x" * 5000)):
        pass
    with atomic_path(tmp_path / ("x" * 250 + ".wav")) as temporary:
        temporary.write_text("1")
    assert names(tmp_path) == ["x" * 250 + ".wav"]


def test_a_link_is_written_through(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to(tmp_path / "real" / "a.txt")
    with atomic_path(tmp_path / "link.txt", force=True) as temporary:
        temporary.write_text("new")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real" / "a.txt").read_text() == "new"


def test_sha256(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc" * 100_000)
    assert sha256(tmp_path / "a") == hashlib.sha256(b"abc" * 100_000).hexdigest()
    with pytest.raises(LgrError, match="cannot read"):
        sha256(tmp_path / "missing")


def test_a_file_made_private_by_its_writer_is_as_readable_as_any(tmp_path):
    (tmp_path / "plain.txt").write_text("")
    with atomic_path(tmp_path / "made.txt") as part:
        part.unlink()
        part.touch(mode=0o600)
    assert (tmp_path / "made.txt").stat().st_mode == (tmp_path / "plain.txt").stat().st_mode
