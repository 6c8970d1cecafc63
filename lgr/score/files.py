"""Scores on disk: ``.json``, or ``.csv`` with the same header in comment lines, for spreadsheets and other programs.

Both round-trip exactly: a float32 is written with the fewest digits that name it.
"""

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from lgr.errors import ArgumentError, CodebookError, LgrError
from lgr.files import atomic_path, lgr_version
from lgr.score.score import COLUMNS, HEADER, Score
from lgr.sound.recording import Recording

FORMAT = "lgr-score"
FORMAT_VERSION = 1

#: Columns of the CSV that are for reading only: they follow from the others.
_DERIVED = ("target_seconds", "recording_name", "source_seconds")


def save(score: Score, path: str | Path, *, force: bool = False) -> Path:
    """Write ``score`` to ``path``, a ``.json`` or ``.csv`` file; an existing file is kept unless ``force``."""
    path = Path(path)
    writers = {".json": _to_json, ".csv": _to_csv}
    if path.suffix.lower() not in writers:
        raise ArgumentError(f"path of a score must end in .json or .csv, got {path}")
    text = writers[path.suffix.lower()](score)
    with atomic_path(path, force=force) as temporary:
        Path(temporary).write_text(text, encoding="utf-8", newline="")
    return path


def load(path: str | Path) -> Score:
    """Read the score in ``path``.

    Raises
    ------
    CodebookError : the file is missing, not a score, of another format version, or damaged
    """
    path = Path(path)
    try:
        text = path.read_text(
            encoding="utf-8-sig"
        )  # a spreadsheet may have put a byte order mark before the first line
    except OSError as error:
        raise CodebookError(f"score {path} cannot be read: {error}") from error
    except UnicodeDecodeError as error:
        raise CodebookError(f"path must be a score that lgr wrote, but {path} holds no text") from error
    try:
        data = _from_csv(text) if path.suffix.lower() == ".csv" else json.loads(text)
    except (ValueError, csv.Error) as error:
        raise CodebookError(f"score {path} is damaged: {error}") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise CodebookError(f"path must be a score that lgr wrote, but {path} is not one")
    if data.get("version") != FORMAT_VERSION:
        raise CodebookError(
            f"score {path} has format version {data.get('version')} (written by lgr {data.get('lgr')}), "
            f"this lgr reads version {FORMAT_VERSION}"
        )
    try:
        values: dict[str, Any] = {name: data[name] for name in HEADER}
        values["target"] = Recording.from_json(values["target"])
        values["recordings"] = tuple(Recording.from_json(each) for each in values["recordings"])
        values |= {name: _numbers(data["grains"][name], dtype) for name, dtype in COLUMNS.items()}
        return Score(**values)
    except (KeyError, TypeError, ValueError, OverflowError, LgrError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise CodebookError(f"score {path} is damaged: {what}") from error


def _header(score: Score) -> dict[str, Any]:
    values = {name: getattr(score, name) for name in HEADER}
    values["target"] = score.target.to_json()
    values["recordings"] = [each.to_json() for each in score.recordings]
    return {"format": FORMAT, "version": FORMAT_VERSION, "lgr": lgr_version(), **values}


def _texts(score: Score, name: str) -> list[str]:
    """A column as text: integers, and floats by the fewest digits that name the float32 ("nan" for not known)."""
    return [str(value) for value in getattr(score, name)]


def _numbers(values: list[Any], dtype: type) -> np.ndarray[Any, Any]:
    if dtype is np.int64:
        if any(int(value) != float(value) for value in values):
            raise ValueError("frames and recordings must be whole numbers")
        return np.array([int(value) for value in values], dtype=dtype)
    return np.array([math.nan if value is None else np.float32(value) for value in values], dtype=dtype)


def _to_json(score: Score) -> str:
    def number(text: str) -> Any:
        return None if text == "nan" else json.loads(text)

    grains = {name: [number(text) for text in _texts(score, name)] for name in COLUMNS}
    return json.dumps({**_header(score), "grains": grains}, indent=1, ensure_ascii=False) + "\n"


def _to_csv(score: Score) -> str:
    out = io.StringIO()
    for key, value in _header(score).items():  # ASCII JSON holds no line break, so a header line is a line
        out.write(f"# {key}: {json.dumps(value)}\r\n")
    writer = csv.writer(out)
    writer.writerow([*COLUMNS, *_DERIVED])
    names = [score.recordings[i].name for i in score.recording]
    derived = ([f"{x:.6f}" for x in score.target_seconds], names, [f"{x:.6f}" for x in score.source_seconds])
    writer.writerows(zip(*(_texts(score, name) for name in COLUMNS), *derived, strict=True))
    return out.getvalue()


def _from_csv(text: str) -> Any:
    data: dict[str, Any] = {}
    lines = text.splitlines(keepends=True)
    first = next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))
    for line in lines[:first]:
        key, _, value = line.removeprefix("#").partition(":")
        data[key.strip()] = json.loads(value)
    rows = list(csv.DictReader(io.StringIO("".join(lines[first:]), newline=""), strict=True))
    if any(None in row or None in row.values() for row in rows):
        raise ValueError("a row has more or fewer values than there are columns")
    data["grains"] = {name: [row[name] for row in rows] for name in (rows[0] if rows else ())}
    return data
