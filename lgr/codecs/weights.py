"""Where pretrained weights are: found in a folder, in the cache, or downloaded once and checked.

The places, in order: the folder a caller gives, ``LGR_WEIGHTS``, the cache (``LGR_CACHE``, else the platform's cache
folder + ``lgr``), the network. A download goes to a ``.part`` file that a later try resumes, and gets its own name only
after its SHA-256 was checked.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPException
from pathlib import Path
from typing import IO
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener, urlopen

from lgr.errors import WeightsError
from lgr.files import cache_dir, sha256

TIMEOUT_SECONDS = 30.0
BLOCK_BYTES = 1 << 18


@dataclass(frozen=True)
class WeightFile:
    """One file of a codec's pretrained weights.

    Parameters
    ----------
    name : the file's name in its folder
    url : where it is downloaded from
    sha256 : 64 hexadecimal digits, or None where it is not known ahead (the server's own is then used and recorded)
    size : bytes, or None; only for messages and the progress bar
    """

    name: str
    url: str
    sha256: str | None = None
    size: int | None = None


def local_weights(codec_name: str, files: Sequence[WeightFile], folder: str | Path | None = None) -> Path | None:
    """The first local folder that holds all of ``files``, or None; nothing is downloaded and no checksum is taken.

    With ``folder`` given only that one is looked in. A subfolder ``codec_name`` of it or ``LGR_WEIGHTS`` comes first.
    """
    if folder is not None:
        places = [Path(folder) / codec_name, Path(folder)]
    else:
        chosen = os.environ.get("LGR_WEIGHTS")
        places = [Path(chosen) / codec_name, Path(chosen)] if chosen else []
        places.append(cache_dir() / "weights" / codec_name)
    return next((place for place in places if all((place / file.name).is_file() for file in files)), None)


def find_weights(codec_name: str, files: Sequence[WeightFile], folder: str | Path | None = None) -> dict[str, Path]:
    """Paths of a codec's weight files, downloading into the cache what no local folder has.

    Parameters
    ----------
    codec_name : names the subfolder
    files : what is needed
    folder : a person's own folder. It is taken at its word: it must hold every file (nothing is downloaded in its
        place), and other weights than the published ones are welcome, so only a ``.sha256`` recorded
        beside a file is checked there.

    Raises
    ------
    WeightsError : a file is missing and cannot be downloaded, or is not what its checksum says
    """
    place = local_weights(codec_name, files, folder)
    if place is None and folder is not None:
        missing = [file for file in files if not (Path(folder) / file.name).is_file()]
        wanted = ", ".join(f"{file.name} (from {file.url})" for file in missing)
        raise WeightsError(f"weights of {codec_name}: the folder {folder} must hold {wanted}")
    if place is None:
        place = cache_dir() / "weights" / codec_name
        missing = [file for file in files if not (place / file.name).is_file()]
        for i, file in enumerate(missing):
            _download(codec_name, file, place, missing[i:])
    found = {}
    for file in files:
        path = place / file.name
        record = path.with_name(path.name + ".sha256")
        expected = file.sha256 if folder is None else None
        if expected is None and record.is_file():
            expected = record.read_text().strip()
        if expected is not None and (got := sha256(path)) != expected:
            raise WeightsError(
                f"weights of {codec_name}: {path} is damaged or another file (SHA-256 {got}, expected {expected}); "
                f"delete it and its .sha256 to have it downloaded again from {file.url}"
            )
        found[file.name] = path
    return found


def _download(codec_name: str, file: WeightFile, folder: Path, missing: Sequence[WeightFile]) -> None:
    """Fetch ``file``, one of the ``missing``, into ``folder``, going on from an earlier try's ``.part``."""
    path = folder / file.name
    part = folder / (file.name + ".part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        expected = file.sha256 or _published_sha256(file.url)
        _fetch(file, part)
        got = sha256(part)
        if expected is not None and got != expected:
            part.unlink()
            raise WeightsError(
                f"weights of {codec_name}: {file.name} came from {file.url} with SHA-256 {got}, expected {expected}; "
                f"what came was deleted, try again, or put the right file in {folder}"
            )
        # what the file was on arrival, so that later damage is seen even where no checksum is published
        path.with_name(path.name + ".sha256").write_text((expected or got) + "\n")
        part.replace(path)
    except WeightsError:
        raise
    except (OSError, HTTPException) as error:
        urls = " and ".join(each.url for each in missing)
        kept = f"; {part.stat().st_size} bytes are kept, the next try goes on from there" if part.is_file() else ""
        raise WeightsError(
            f"weights of {codec_name}: {file.name} could not be downloaded ({error}){kept}. "
            f"Without a network, download {urls} elsewhere and put it in {folder} "
            f"(or all of the codec's files in one folder that LGR_WEIGHTS names)"
        ) from error


def _fetch(file: WeightFile, part: Path) -> None:
    """Download ``file.url`` into ``part``, appending to what is already there where the server can."""
    from tqdm import tqdm

    have = part.stat().st_size if part.is_file() else 0
    headers = {"User-Agent": "lgr"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        answer = urlopen(Request(file.url, headers=headers), timeout=TIMEOUT_SECONDS)
    except HTTPError as error:
        error.close()
        if error.code != 416 or not have:
            raise
        # nothing lies beyond what is here: the part is whole, or too long; its checksum or a fresh start decides
        if file.size == have:
            return
        part.unlink()
        return _fetch(file, part)
    with answer:
        if answer.status != 206:  # the server ignored the range and sends the whole file
            have = 0
        length = answer.headers.get("Content-Length")
        total = have + int(length) if length else file.size
        with (
            part.open("ab" if have else "wb") as out,
            tqdm(total=total, initial=have, unit="B", unit_scale=True, desc=file.name, leave=False) as bar,
        ):
            while block := answer.read(BLOCK_BYTES):
                out.write(block)
                bar.update(len(block))
    if total is not None and part.stat().st_size < total:
        raise ConnectionError(f"the connection ended after {part.stat().st_size} of {total} bytes")


class _NoRedirect(HTTPRedirectHandler):
    """Hugging Face names a file's SHA-256 in its redirect, not in the answer that the redirect leads to."""

    def redirect_request(self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str) -> None:
        return None


def _published_sha256(url: str) -> str | None:
    """The SHA-256 in the server's ``X-Linked-Etag``, or None where it has none."""
    request = Request(url, method="HEAD", headers={"User-Agent": "lgr"})
    try:
        with build_opener(_NoRedirect).open(request, timeout=TIMEOUT_SECONDS) as answer:
            headers = answer.headers
    except HTTPError as error:
        error.close()
        if not 300 <= error.code < 400:
            return None  # a server may refuse HEAD and still send the file
        headers = error.headers
    tag = (headers.get("X-Linked-Etag") or "").removeprefix("W/").strip('"').lower()
    return tag if len(tag) == 64 and set(tag) <= set("0123456789abcdef") else None
