"""Scores on disk: ``.json``, or ``.csv`` with the same header in comment lines, for spreadsheets and other programs.

Both round-trip exactly: a float32 is written with the fewest digits that name it. A file is a header of plain values,
and ``COLUMNS`` with an entry a grain; what they mean is the score's to say.
"""

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lgr.errors import ArgumentError, CodebookError
from lgr.files import atomic_path, lgr_version

FORMAT = "lgr-score"
FORMAT_VERSION = 1

#: The arrays of a score, in the order of its files' columns.
COLUMNS: dict[str, type] = {
    "target_frame": np.int64,
    "recording": np.int64,
    "source_frame": np.int64,
    "probability": np.float32,
    "similarity": np.float32,
    "entropy": np.float32,
}

Array = np.ndarray[Any, Any]


def save(
    path: str | Path,
    header: Mapping[str, Any],
    columns: Mapping[str, Array],
    derived: Mapping[str, Sequence[str]],
    *,
    force: bool = False,
) -> Path:
    """Write a ``.json`` or ``.csv`` file; an existing file is kept unless ``force``.

    ``derived`` are further columns of a CSV, for reading only.
    """
    path = Path(path)
    if path.suffix.lower() not in (".json", ".csv"):
        raise ArgumentError(f"path of a score must end in .json or .csv, got {path}")
    header = {"format": FORMAT, "version": FORMAT_VERSION, "lgr": lgr_version(), **header}
    # integers, and floats by the fewest digits that name the float32 ("nan" for not known)
    texts = {name: [str(value) for value in columns[name]] for name in COLUMNS}
    text = _to_json(header, texts) if path.suffix.lower() == ".json" else _to_csv(header, texts, derived)
    with atomic_path(path, force=force) as temporary:
        Path(temporary).write_text(text, encoding="utf-8", newline="")
    return path


def load(path: str | Path) -> tuple[dict[str, Any], dict[str, Array]]:
    """The header and the columns of the score in ``path``.

    Raises
    ------
    CodebookError : the file is missing, not a score, of another format version, or damaged
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")  # a spreadsheet may have put a byte order mark first
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
        return data, {name: _numbers(data["grains"][name], dtype) for name, dtype in COLUMNS.items()}
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise CodebookError(f"score {path} is damaged: {what}") from error


def _numbers(values: list[Any], dtype: type) -> Array:
    if dtype is np.int64:
        if any(int(value) != float(value) for value in values):
            raise ValueError("frames and recordings must be whole numbers")
        return np.array([int(value) for value in values], dtype=dtype)
    return np.array([math.nan if value is None else np.float32(value) for value in values], dtype=dtype)


def _to_json(header: Mapping[str, Any], texts: Mapping[str, Sequence[str]]) -> str:
    def number(text: str) -> Any:
        return None if text == "nan" else json.loads(text)

    grains = {name: [number(text) for text in column] for name, column in texts.items()}
    return json.dumps({**header, "grains": grains}, indent=1, ensure_ascii=False) + "\n"


def _to_csv(header: Mapping[str, Any], texts: Mapping[str, Sequence[str]], derived: Mapping[str, Sequence[str]]) -> str:
    out = io.StringIO()
    for key, value in header.items():  # ASCII JSON holds no line break, so a header line is a line
        out.write(f"# {key}: {json.dumps(value)}\r\n")
    writer = csv.writer(out)
    writer.writerow([*texts, *derived])
    writer.writerows(zip(*texts.values(), *derived.values(), strict=True))
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
