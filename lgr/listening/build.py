"""Make a listening test from a folder of results: a page to hand out, and the key that stays here.

    out/page/index.html     opens in any browser, from a file too; the folder page/ is all that listeners need
    out/key.json            which sound is which

Sounds are made equally loud and stored under random names; nothing in the page tells conditions apart. A determined
listener can still look for the sounds that repeat: the test is blind, not sealed.
"""

import base64
import hashlib
import json
import random
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from lgr.errors import ArgumentError
from lgr.files import atomic_folder, lgr_version
from lgr.listening.folder import REFERENCE, SOURCE, Item, read_items
from lgr.listening.key import FORMAT, QUESTIONS, VERSION
from lgr.progress import Progress, silent
from lgr.sound.audio import save_audio
from lgr.sound.level import gained
from lgr.sound.loudness import matching_gains_db

PAGE = Path(__file__).parent / "page"
MINUTES_A_RATING, MINUTES_A_PAIR = 0.2, 0.5  # for each sound on a page of ratings; for an A/B/X trial


@dataclass(frozen=True, kw_only=True)
class ListeningTestConfig:
    """What is asked besides the ratings, and how it is introduced."""

    title: str = "Listening test"
    note: str = ""  # on the first page: who asks, and whom to write to
    abx: tuple[tuple[str, str], ...] | None = None  # pairs of conditions to tell apart; None: the reference from each
    abx_trials: int = 2  # of each pair and listener, on items drawn for each listener
    seed: int | None = None  # of the opaque names; None: drawn, and kept in the key

    def __post_init__(self) -> None:
        if not 0 <= self.abx_trials <= 100:
            raise ArgumentError(f"abx_trials must be in [0, 100], got {self.abx_trials}")


@dataclass(frozen=True, kw_only=True)
class ListeningTest:
    """A test that was made: where it is, what is in it, and how loud it is."""

    page: Path
    key: Path
    items: tuple[str, ...]
    conditions: tuple[str, ...]
    rating_trials: int
    abx_trials: int
    minutes: int
    level_lufs: float


def build_listening_test(
    results: str | Path,
    out: str | Path,
    *,
    config: ListeningTestConfig | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> ListeningTest:
    """Make a listening test of the items in ``results`` (see ``lgr.listening.folder``).

    Parameters
    ----------
    out : a folder to make, with the folder ``page`` and ``key.json``; ``force`` replaces an earlier test there
    progress : called with (what, done, of)

    Raises
    ------
    AudioFileError, ArgumentError : what is wrong with the results, or with a pair of ``config.abx``
    LgrError : ``out`` exists, or cannot be written
    """
    config = ListeningTestConfig() if config is None else config
    report = progress if progress is not None else silent
    results, out = Path(results).expanduser().resolve(), Path(out).expanduser().resolve()
    if out.is_relative_to(results):
        raise ArgumentError(f"out must not lie in the folder of results, got {out}")
    report("reading sounds", 0, 1)
    items = read_items(results)
    conditions = (REFERENCE, SOURCE, *items[0].conditions)
    pairs = _pairs(config, conditions)
    seed = secrets.randbits(63) if config.seed is None else config.seed
    names = random.Random(f"{seed} {pairs} {config.abx_trials} {_digest(items)}")  # what differs is another test
    test = f"{names.getrandbits(64):016x}"
    report("measuring loudness", 0, 1)
    gains, level = matching_gains_db([(audio, item.sample_rate) for item in items for audio in item.sounds.values()])
    remaining = iter(gains)
    # every sound's opaque name, its item and condition; the open references are copies with names of their own
    named: dict[str, tuple[Item, Tensor]] = {}
    key_items: list[dict[str, Any]] = []
    for item in items:
        described: list[dict[str, Any]] = []
        for condition, audio in item.sounds.items():
            gain, name = next(remaining), f"{names.getrandbits(64):016x}"
            named[name] = item, gained(audio, gain)
            described.append({"id": name, "condition": condition, "gain_db": round(gain, 2)})
        references = {}
        for question in QUESTIONS:
            references[question.name] = f"{names.getrandbits(64):016x}"
            like = next(each["id"] for each in described if each["condition"] == question.about)
            named[references[question.name]] = named[like]
        key_items.append(
            {"id": f"{names.getrandbits(64):016x}", "name": item.name, "references": references, "sounds": described}
        )
    minutes = round(
        len(items) * len(QUESTIONS) * len(conditions) * MINUTES_A_RATING
        + len(pairs) * config.abx_trials * MINUTES_A_PAIR
    )
    shown = {
        "test": test,
        "title": config.title,
        "note": config.note,
        "minutes": max(1, minutes),
        "questions": [{"name": each.name, "text": each.text, "label": each.label} for each in QUESTIONS],
        "items": sorted(
            (
                {**{k: item[k] for k in ("id", "references")}, "sounds": sorted(each["id"] for each in item["sounds"])}
                for item in key_items
            ),
            key=lambda item: item["id"],
        ),
        "abx": [_places(key_items, pair) for pair in pairs],
        "abx_trials": config.abx_trials,
    }
    key = {
        "format": FORMAT,
        "version": VERSION,
        "lgr": lgr_version(),
        "test": test,
        "seed": seed,
        "results": str(results),
        "level_lufs": round(level, 2),
        "conditions": list(conditions),
        "items": key_items,
        "abx": [list(pair) for pair in pairs],
        "abx_trials": config.abx_trials,
    }
    with atomic_folder(
        out,
        force=force,
        what="listening test",
        holds=frozenset(("page", "key.json")),
        argument="out",
        why_kept=", for its key is needed to read its answers",
    ) as new:
        shutil.copytree(PAGE, new / "page")
        (new / "page" / "audio").mkdir()
        _write(new / "page" / "test.js", f'"use strict";\nconst TEST = {_script(shown)};\n')
        for i, name in enumerate(sorted(named)):  # in the order of their names: file times tell nothing either
            report("writing sounds", i, len(named))
            item, audio = named[name]
            _write(
                new / "page" / "audio" / f"{name}.js", f'lgrSound("{name}", "{_flac(new, audio, item.sample_rate)}");\n'
            )
        _write(new / "key.json", json.dumps(key, indent=1, ensure_ascii=False) + "\n")
    return ListeningTest(
        page=out / "page" / "index.html",
        key=out / "key.json",
        items=tuple(item.name for item in items),
        conditions=conditions,
        rating_trials=len(items) * len(QUESTIONS),
        abx_trials=len(pairs) * config.abx_trials,
        minutes=max(1, minutes),
        level_lufs=level,
    )


def _digest(items: Sequence[Item]) -> str:
    digest = hashlib.sha256()
    for item in items:
        for condition, audio in item.sounds.items():
            digest.update(f"{item.name}/{condition} {item.sample_rate} {tuple(audio.shape)}".encode())
            digest.update(audio.numpy().tobytes())
    return digest.hexdigest()


def _pairs(config: ListeningTestConfig, conditions: Sequence[str]) -> list[tuple[str, str]]:
    if config.abx_trials == 0:
        return []
    if config.abx is None:
        return [(REFERENCE, condition) for condition in conditions[2:]]
    for pair in config.abx:
        unknown = [each for each in pair if each not in conditions]
        if len(pair) != 2 or unknown or pair[0] == pair[1]:
            raise ArgumentError(f"abx must be pairs of two of {', '.join(conditions)}, got {':'.join(pair)}")
    if len({frozenset(pair) for pair in config.abx}) < len(config.abx):
        raise ArgumentError("abx must name each pair once, got " + ", ".join(":".join(pair) for pair in config.abx))
    return list(config.abx)


def _places(key_items: Sequence[dict[str, Any]], pair: tuple[str, str]) -> list[dict[str, Any]]:
    """Where the page can ask about a pair: in each item, the names of its two sounds."""
    places = [
        {"item": item["id"], "sounds": sorted(each["id"] for each in item["sounds"] if each["condition"] in pair)}
        for item in key_items
    ]
    return sorted(places, key=lambda place: str(place["item"]))


def _flac(folder: Path, audio: Tensor, sample_rate: int) -> str:
    """A sound as a 24-bit FLAC file in base64: lossless, and every browser decodes it."""
    path = save_audio(folder / "sound.flac", audio, sample_rate)
    data = base64.b64encode(path.read_bytes()).decode()
    path.unlink()
    return data


def _script(value: Any) -> str:
    """JSON that may stand in a script: escaped to ASCII, and no tag can be closed in it."""
    return json.dumps(value, indent=1).replace("<", "\\u003c")


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
