"""What a listening test asks, and its key: which sound is which. The key is kept apart from what listeners get."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from lgr.errors import ArgumentError
from lgr.listening.folder import REFERENCE, SOURCE

FORMAT, VERSION = "lgr-listening-key", 1


@dataclass(frozen=True)
class Question:
    """A scale from 0 to 100: ``about`` is the sound that is 100 by definition, hidden among those that are rated."""

    name: str
    text: str
    about: str
    label: str


QUESTIONS = (
    Question("retention", "How much does it keep the target's rhythm and shape?", REFERENCE, "Target"),
    Question("adoption", "How much does it sound made of the source?", SOURCE, "Source"),
)


@dataclass(frozen=True, kw_only=True)
class Key:
    """Which sound is which.

    ``conditions`` are in order, "reference" and "source" first; ``items`` gives items' names by their opaque ones,
    ``sounds`` (opaque item, condition) by the opaque name of each rated sound; ``abx`` are the pairs compared.
    """

    test: str
    conditions: tuple[str, ...]
    items: dict[str, str]
    sounds: dict[str, tuple[str, str]]
    abx: tuple[tuple[str, str], ...]
    abx_trials: int

    @property
    def rated(self) -> tuple[str, ...]:
        """The conditions proper: neither the target nor the source."""
        return self.conditions[2:]

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read ``key.json``; ``ArgumentError`` says what is wrong with it."""
        data = read_json(path, FORMAT, VERSION, "the key of a listening test (key.json)")
        try:
            key = cls(
                test=str(data["test"]),
                conditions=tuple(map(str, data["conditions"])),
                items={str(item["id"]): str(item["name"]) for item in data["items"]},
                sounds={
                    str(sound["id"]): (str(item["id"]), str(sound["condition"]))
                    for item in data["items"]
                    for sound in item["sounds"]
                },
                abx=tuple((str(a), str(b)) for a, b in data["abx"]),
                abx_trials=int(data["abx_trials"]),
            )
            places = {(item, condition) for item in key.items for condition in key.conditions}
            if len(key.rated) < 2 or sorted(key.sounds.values()) != sorted(places):
                raise ValueError("its items must have a sound for each condition")
            if not {each for pair in key.abx for each in pair} <= set(key.conditions):
                raise ValueError("its comparisons must be of its conditions")
            return key
        except (KeyError, TypeError, ValueError) as error:
            raise ArgumentError(
                f"{path} is damaged: {error!r}; take the key.json that was made with the test"
            ) from error


def read_json(path: str | Path, format: str, version: int, what: str) -> dict[str, Any]:
    """The object in a JSON file of ``format``; ``ArgumentError`` in one sentence where it is not one."""
    path = Path(path).expanduser()
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ArgumentError(f"{path} must be {what}, but cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise ArgumentError(f"{path} must be {what}, but is not JSON: {error}") from error
    if not isinstance(data, dict) or data.get("format") != format:
        raise ArgumentError(f"{path} must be {what}, but says nothing of {format!r}")
    if data.get("version") != version:
        raise ArgumentError(f"{path} has format version {data.get('version')!r}, and this lgr reads version {version}")
    return data
