"""The files that listeners hand in: read, checked against the key, and told in conditions instead of opaque names."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lgr.errors import ArgumentError
from lgr.listening.key import QUESTIONS, Key, read_json

FORMAT, VERSION = "lgr-listening-answers", 1


@dataclass(frozen=True, kw_only=True)
class Answers:
    """One listener's session. ``ratings``: of (question, item, condition), 0 to 100; ``pairs``: (pair, correct)."""

    listener: str
    seed: int
    setup: str
    ratings: dict[tuple[str, str, str], float]
    pairs: tuple[tuple[tuple[str, str], bool], ...]


def read_answers(paths: Sequence[str | Path], key: Key) -> list[Answers]:
    """All sessions, one a file.

    Raises
    ------
    ArgumentError : no file; one that is no answers file, of another test, incomplete or damaged; a listener twice
    """
    if not paths:
        raise ArgumentError("answers must be one file or more, got none")
    found: dict[str, Path] = {}
    sessions = []
    for path in map(Path, paths):
        session = _read(path, key)
        if session.listener in found:
            raise ArgumentError(
                f"{path} is by listener {session.listener}, as {found[session.listener]} is: leave one of them out"
            )
        found[session.listener] = path
        sessions.append(session)
    return sessions


def _read(path: Path, key: Key) -> Answers:
    data = read_json(path, FORMAT, VERSION, "a listener's answers")
    if data.get("test") != key.test:
        raise ArgumentError(f"{path} answers another test: its test is {data.get('test')!r}, the key's is {key.test!r}")
    ratings: dict[tuple[str, str, str], float] = {}
    pairs: list[tuple[tuple[str, str], bool]] = []
    try:
        listener, seed, setup = str(data["listener"]), int(data["seed"]), str(data.get("setup", ""))
        for trial in data["trials"]:
            if trial["kind"] == "rating":
                for place, rating in _ratings(trial, key):
                    if place in ratings:
                        raise ValueError(f"{place} is rated twice")
                    ratings[place] = rating
            elif trial["kind"] == "abx":
                pairs.append(_pair(trial, key))
            else:
                raise ValueError(f"there is no kind of trial {trial['kind']!r}")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ArgumentError(f"{path} is damaged: {error!r}; ask the listener for the file as it was saved") from error
    expected = len(QUESTIONS) * len(key.sounds)
    if len(ratings) < expected:
        raise ArgumentError(f"{path} is incomplete: it has {len(ratings)} of {expected} ratings")
    for pair in key.abx:
        count = sum(each == pair for each, _ in pairs)
        if count != key.abx_trials:
            raise ArgumentError(
                f"{path} is incomplete: it has {count} of {key.abx_trials} comparisons of {pair[0]} and {pair[1]}"
            )
    return Answers(listener=listener, seed=seed, setup=setup, ratings=ratings, pairs=tuple(pairs))


def _ratings(trial: dict[str, Any], key: Key) -> list[tuple[tuple[str, str, str], float]]:
    if trial["question"] not in {question.name for question in QUESTIONS}:
        raise ValueError(f"there is no question {trial['question']!r}")
    rated = []
    for each in trial["ratings"]:
        item, condition = key.sounds[each["sound"]]
        rating = each["rating"]
        if isinstance(rating, bool) or not isinstance(rating, int | float) or not 0 <= rating <= 100:
            raise ValueError(f"a rating must be in [0, 100], got {rating!r}")
        if item != trial["item"]:
            raise ValueError(f"sound {each['sound']!r} is not of item {trial['item']!r}")
        rated.append(((trial["question"], item, condition), float(rating)))
    return rated


def _pair(trial: dict[str, Any], key: Key) -> tuple[tuple[str, str], bool]:
    """The pair as the key names it, and whether the listener was right."""
    (item_a, a), (item_b, b) = key.sounds[trial["a"]], key.sounds[trial["b"]]
    known = [pair for pair in key.abx if set(pair) == {a, b}]
    if item_a != item_b or not known:
        raise ValueError(f"{a!r} and {b!r} are not compared in this test")
    if trial["answer"] not in ("a", "b") or trial["x"] not in (trial["a"], trial["b"]):
        raise ValueError(f"a comparison must answer 'a' or 'b' for an x that is one of them, got {trial['answer']!r}")
    return known[0], trial[trial["answer"]] == trial["x"]
