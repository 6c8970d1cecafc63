"""The search for the defaults of ``ResynthConfig``: temperature, continuity, pitch, and length of grain and hop.

    python -m benchmarks.experiments.defaults [--data ../shared/data/manifest.csv]

One setting after the other is varied, the best of each is kept, until a round changes nothing (coordinate ascent, from
the settings of ``START``). What is best: the mean over pairs of adoption, plus flux correlation, minus the distance to
the source that is left, plus the pitch agreement of melodies; melodies and other pairs count alike. A setting is out
where a listener would notice a fault: see ``FAULTS``, which a machine gun of one grain is, too.

With ``--data``, melodies put together from single notes of a manifest, and drum loops, join the bundled pairs. Each
melody is of notes that the instrument it is played with has as well: others cannot be kept by any setting.
"""

import argparse
import csv
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from statistics import fmean, median
from typing import Any

import torch
from torch import Tensor

from benchmarks.experiments.pairs import MELODIES, PAIRS, RATE, SEEDS
from lgr.codebook import GrainCodebook
from lgr.codecs import Codec, load_codec
from lgr.evaluation import Yardstick
from lgr.resynth import resynthesise
from lgr.resynth_config import ResynthConfig
from lgr.sound.audio import load_audio
from lgr.sounds import Sound
from lgr.sources import build_codebook

Settings = dict[str, Any]

START: Settings = {"temperature": 0.02, "continuity": 0.0, "pitch": 0.0, "grain_frames": 4, "hop_frames": 4}
GRID: tuple[tuple[tuple[str, ...], Sequence[tuple[Any, ...]]], ...] = (
    (("continuity",), ((0.0,), (0.5,), (0.8,), (0.9,), (0.95,), (0.98,))),
    (("pitch",), ((0.0,), (0.3,), (0.5,), (0.6,), (0.7,), (0.8,), (0.9,))),
    (("temperature",), ((0.0,), (0.01,), (0.02,), (0.03,), (0.05,), (0.07,), (0.1,))),
    (("grain_frames", "hop_frames"), ((2, 2), (3, 3), (4, 4), (4, 2), (6, 6), (6, 3), (8, 8), (8, 4))),
)
NAMES = (
    "pitch_agreement",
    "adoption",
    "distance_left",
    "flux_correlation",
    "envelope_correlation",
    "attack_db",
    "buzz_db",
    "dropouts",
    "loudness_lu",
    "distinct",
)
# medians over pairs beyond which a setting is out
FAULTS: dict[str, Callable[[float], bool]] = {
    "attack_db": lambda x: x > 2,
    "buzz_db": lambda x: x > 2,
    "dropouts": lambda x: x > 0.02,
    "loudness_lu": lambda x: abs(x) > 1,
    "envelope_correlation": lambda x: x < 0.95,
    "distinct": lambda x: x < 0.5,
}


@dataclass
class Case:
    """A target and its sources, whose codebooks are kept by length of grain."""

    name: str
    target: Sound
    sources: list[Sound]
    melodic: bool
    books: dict[int, GrainCodebook] = field(default_factory=dict)
    found: dict[tuple[Any, ...], list[dict[str, float | None]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.yardstick = Yardstick(self.target, self.sources, pitch=self.melodic)

    def measure(self, codec: Codec, settings: Settings, seeds: int) -> list[dict[str, float | None]]:
        """The numbers of ``NAMES``, a dictionary a seed; remembered."""
        key = tuple(settings.values())
        if key not in self.found:
            config = ResynthConfig(**settings)
            length = config.grain_frames
            if length not in self.books:
                self.books[length] = build_codebook(self.sources, codec, config.codebook_config())
            drawn = seeds if config.temperature.maximum else 1
            self.found[key] = [self._numbers(codec, config, seed) for seed in range(drawn)]
            self.books[length].forget_vectors()
        return self.found[key]

    def _numbers(self, codec: Codec, config: ResynthConfig, seed: int) -> dict[str, float | None]:
        result = resynthesise(self.target, self.books[config.grain_frames], codec=codec, config=config, seed=seed)
        found = self.yardstick.measure(result.audio, result.sample_rate, result.score).numbers
        whole, left = found["target_to_source_distance"], found["source_distance"]
        found["distance_left"] = left / whole if left is not None and whole else None
        found["distinct"] = result.score.distinct / len(result.score)
        return {name: found[name] for name in NAMES}


@dataclass(frozen=True)
class Figures:
    """What a setting came to: the score it is chosen by, medians over pairs, and what is at fault."""

    score: float
    medians: dict[str, float]
    faults: list[str]


def figures(cases: Sequence[Case], codec: Codec, settings: Settings, seeds: int) -> Figures:
    scores: dict[bool, list[float]] = {True: [], False: []}
    columns: dict[str, list[float]] = {name: [] for name in NAMES}
    for case in cases:
        rows = case.measure(codec, settings, seeds)
        mean = {name: fmean(known) for name in NAMES if (known := [x for row in rows if (x := row[name]) is not None])}
        for name, value in mean.items():
            columns[name].append(value)
        scores[case.melodic].append(
            mean.get("adoption", 0.0)
            + mean.get("flux_correlation", 0.0)
            - mean.get("distance_left", 0.0)
            + mean.get("pitch_agreement", 0.0)
        )
    medians = {name: median(values) for name, values in columns.items() if values}
    faults = [name for name, bad in FAULTS.items() if name in medians and bad(medians[name])]
    return Figures(fmean(fmean(each) for each in scores.values() if each), medians, faults)


def search(cases: Sequence[Case], codec: Codec, seeds: int) -> Iterator[tuple[Settings, Figures, bool]]:
    """Settings, what they came to, and whether they are the best so far, in the order in which they were tried."""
    best = dict(START)
    best_found = figures(cases, codec, best, seeds)
    yield best, best_found, True
    changed = True
    while changed:
        changed = False
        for names, values in GRID:
            for value in values:
                tried = {**best, **dict(zip(names, value, strict=True))}
                if tried == best:
                    continue
                found = figures(cases, codec, tried, seeds)
                better = not found.faults and (found.score > best_found.score or bool(best_found.faults))
                if better:
                    best, best_found, changed = tried, found, True
                yield tried, found, better


def bundled_cases() -> list[Case]:
    return [
        *(Case(str(pair), pair.target_sound, pair.source_sounds, True) for pair in MELODIES),
        *(Case(str(pair), pair.target_sound, pair.source_sounds, False) for pair in PAIRS),
    ]


def made_cases(manifest: Path) -> list[Case]:
    """Melodies made of single notes, each to be played with the notes of another instrument, and drum loops."""
    folder = manifest.parent
    with manifest.open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["category"] == "notes" and row["pitch_midi"]]

    @cache
    def notes(instrument: str) -> dict[int, list[Tensor]]:
        found: dict[int, list[Tensor]] = {}
        for row in rows:
            if row["instrument"] == instrument:
                audio, _ = load_audio(folder / row["path"], sample_rate=RATE, channels=1)
                found.setdefault(int(row["pitch_midi"]), []).append(audio[0])
        return found

    def common(one: str, other: str) -> list[int]:
        return sorted(pitch for pitch in notes(one).keys() & notes(other).keys() if 45 <= pitch <= 84)

    def melody(instrument: str, have: list[int], seed: int) -> Sound:
        """Twelve notes of .45 s that go up and down by few steps."""
        draw = random.Random(seed)
        at, sung, length = draw.randrange(len(have)), [], round(0.45 * RATE)
        for _ in range(12):
            at = min(len(have) - 1, max(0, at + draw.choice([-3, -2, -1, 1, 2, 3])))
            note = draw.choice(notes(instrument)[have[at]])[:length]
            note = torch.nn.functional.pad(note, (0, length - len(note))).clone()
            note[-480:] *= torch.linspace(1, 0, 480)
            sung.append(note)
        return torch.cat(sung)[None], RATE

    instruments = list(dict.fromkeys(row["instrument"] for row in rows))
    cases = []
    for i, name in enumerate(instruments):
        others = instruments[i + 1 :] + instruments[:i]
        other = max(others, key=lambda each: len(common(name, each)))
        if len(common(name, other)) < 8:
            continue
        sources: list[Sound] = [(audio[None], RATE) for each in notes(other).values() for audio in each[:1]]
        cases.append(Case(f"{name} ← {other}", melody(name, common(name, other), i), sources, True))
    loops = sorted((folder / "loops" / "drum_loop").glob("*.flac"))[:6]
    textures = sorted(p for p in (folder / "textures").iterdir() if p.is_dir())
    for i, loop in enumerate(loops):
        texture = textures[i % len(textures)]
        audio, _ = load_audio(loop, sample_rate=RATE, channels=1)
        grains: list[Sound] = [*sorted(texture.glob("*.flac"))[:2]]
        cases.append(Case(f"{loop.stem} ← {texture.name}", (audio[:, : 4 * RATE], RATE), grains, False))
    return cases


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="manifest.csv of recordings, for melodies and loops beyond the clips")
    parser.add_argument("--every", type=int, default=1, help="take each so-many-th of them")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    options = parser.parse_args()
    cases = bundled_cases() + (made_cases(options.data)[:: options.every] if options.data else [])
    print(f"{sum(case.melodic for case in cases)} melodies, {sum(not case.melodic for case in cases)} other pairs")
    print("|  | score | " + " | ".join(NAMES) + " | at fault |")
    for settings, found, better in search(cases, load_codec("bundled"), options.seeds):
        told = " ".join(f"{value:g}" for value in settings.values())
        numbers = " | ".join(f"{found.medians[name]:.2f}" if name in found.medians else "" for name in NAMES)
        print(
            f"| {told}{' *' if better else ''} | {found.score:.3f} | {numbers} | {' '.join(found.faults)} |", flush=True
        )


if __name__ == "__main__":
    main()
