"""Made-up results for listening tests, and listeners who answer by a rule."""

import json
import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from lgr.listening.build import ListeningTest, ListeningTestConfig, build_listening_test
from lgr.sound.audio import save_audio

RATE, SECONDS = 8_000, 0.6
CONDITIONS = ("good", "fair", "poor")
LEVELS_DB = {"reference": -20, "source": -9, "good": -30, "fair": -14, "poor": -25}  # to be matched
ITEMS = ("drums", "voice")

Rule = Callable[[str, str], float]  # (question, condition) -> rating


def sound(pitch_hz: float, gain_db: float, *, seconds: float = SECONDS, rate: int = RATE) -> torch.Tensor:
    t = torch.arange(round(seconds * rate)) / rate
    tone = torch.sin(2 * math.pi * pitch_hz * t) * (1 + torch.sin(2 * math.pi * 5 * t)) / 2
    return 10 ** (gain_db / 20) * tone[None]


def made_results(folder: Path, *, items: tuple[str, ...] = ITEMS, conditions: tuple[str, ...] = CONDITIONS) -> Path:
    for i, item in enumerate(items):
        (folder / item).mkdir(parents=True)
        for c, name in enumerate(("reference", "source", *conditions)):
            audio = sound(
                200 + 100 * i + 37 * c, LEVELS_DB.get(name, -18), seconds=2.0 if name == "source" else SECONDS
            )
            save_audio(folder / item / f"{name}.wav", audio, RATE)
    return folder


def made_test(folder: Path, **config: Any) -> ListeningTest:
    """A test in ``folder / "test"`` of results in ``folder / "results"``."""
    results = made_results(folder / "results")
    return build_listening_test(results, folder / "test", config=ListeningTestConfig(**{"seed": 5, **config}))


def answer(
    test: ListeningTest, folder: Path, listener: int, rate: Rule, hears: Callable[[str, str], bool] = lambda a, b: True
) -> Path:
    """One listener's file: ratings by ``rate``, and pairs told apart where ``hears`` says so, wrong elsewhere."""
    key, chance = json.loads(test.key.read_text()), random.Random(listener)
    trials: list[dict[str, Any]] = []
    for question in ("retention", "adoption"):
        for item in key["items"]:
            ratings = [{"sound": s["id"], "rating": rate(question, s["condition"])} for s in item["sounds"]]
            trials.append(
                {"kind": "rating", "question": question, "item": item["id"], "ratings": ratings, "seconds": 9.5}
            )
    for pair in key["abx"]:
        for i in range(key["abx_trials"]):
            item = key["items"][i % len(key["items"])]
            a, b = (next(s["id"] for s in item["sounds"] if s["condition"] == name) for name in pair)
            x = chance.choice([a, b])
            right = "a" if x == a else "b"
            said = right if hears(*pair) else "ab".replace(right, "")
            trials.append({"kind": "abx", "item": item["id"], "a": a, "b": b, "x": x, "answer": said, "seconds": 3.0})
    data = {
        "format": "lgr-listening-answers",
        "version": 1,
        "test": key["test"],
        "listener": f"{listener:016x}",
        "seed": listener,
        "setup": "headphones",
        "trials": trials,
    }
    path = folder / f"answers-{listener}.json"
    path.write_text(json.dumps(data))
    return path
