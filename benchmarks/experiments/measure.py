"""What is measured of a result, how results of several pairs and seeds are summed up, and Pareto fronts.

Results are made without following the target's level, then measured twice: at the target's level, which is what
``match_loudness`` gives and everybody hears, and as they were. For the level alone keeps much of a target's time,
whatever grains are played.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from torch import Tensor

from benchmarks.experiments.pairs import RATE, Pair
from lgr.codebook import GrainCodebook
from lgr.codecs.base import Codec
from lgr.evaluation import Yardstick
from lgr.measures.retention import retention
from lgr.resynth import Resynthesis, resynthesise
from lgr.resynth_config import ResynthConfig
from lgr.score import Score
from lgr.sound.audio import resample
from lgr.sound.level import within_full_scale
from lgr.sound.loudness import as_loud_as
from lgr.sounds import with_length

Numbers = dict[str, float | None]
Row = dict[str, Any]  # "pair", "seed", what was varied, and numbers

KEPT = ("onset_f", "envelope_correlation", "flux_correlation")  # that are measured without the target's level, too


def play(
    pair: Pair, codec: Codec, *, sources: GrainCodebook | None = None, seed: int = 0, **config: Any
) -> Resynthesis:
    """The pair resynthesised, the target's level not followed; ``config`` is of ``ResynthConfig``."""
    return resynthesise(
        pair.target_sound,
        pair.source_sounds if sources is None else sources,
        codec=codec,
        config=ResynthConfig(match_loudness=False, **config),
        seed=seed,
    )


def measure(
    pair: Pair,
    audio: Tensor,
    sample_rate: int = RATE,
    *,
    score: Score | None = None,
    codec: Codec | None = None,
    pitch: bool = False,
) -> Numbers:
    """All numbers of ``lgr.evaluation.Yardstick`` at the target's level, and some more.

    Parameters
    ----------
    audio : (channels, samples), a result whose level does not follow the target's
    codec, pitch : see ``Yardstick``

    Returns
    -------
    those of ``Yardstick``; ``distance_left``, ``source_distance`` over the bare target's, and ``frechet_left``, the
    same of ``frechet_mfcc_source`` (1: as far from the source as the target, 0: the source); ``onset_f_plain``,
    ``envelope_correlation_plain`` and ``flux_correlation_plain``, without the target's level
    """
    reference = with_length(resample(pair.target, RATE, sample_rate), audio.shape[1])
    levelled = within_full_scale(as_loud_as(audio, reference, sample_rate), sample_rate)
    found = _yardstick(pair, codec, pitch).measure(levelled, sample_rate, score).numbers
    found["distance_left"] = _share(found["source_distance"], found["target_to_source_distance"])
    found["frechet_left"] = _share(found["frechet_mfcc_source"], _frechet_of_target(pair))
    heard = with_length(resample(audio.mean(0, keepdim=True), sample_rate, RATE), pair.target.shape[1])[0]
    for name in KEPT:
        found[f"{name}_plain"] = retention(name, pair.target[0], heard, RATE)
    return found


@lru_cache(maxsize=4)
def _yardstick(pair: Pair, codec: Codec | None, pitch: bool = False) -> Yardstick:
    return Yardstick(pair.target_sound, pair.source_sounds, codec=codec, pitch=pitch)


@lru_cache(maxsize=64)
def _frechet_of_target(pair: Pair) -> float | None:
    return _yardstick(pair, None).measure(pair.target, RATE).numbers["frechet_mfcc_source"]


def _share(value: float | None, whole: float | None) -> float | None:
    return value / whole if value is not None and whole else None


@dataclass(frozen=True)
class Spread:
    """A number over seeds: the mean, and the lowest and highest seed."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        """The mean, and half the range where seeds differ."""
        half = (self.high - self.low) / 2
        return f"{self.mean:.2f} ± {half:.2f}" if self.high > self.low else f"{self.mean:.2f}"


def sum_up(rows: Iterable[Row], by: str) -> dict[Any, dict[str, Spread]]:
    """For every value of ``by`` and every number: over pairs the mean, then over seeds mean, lowest and highest.

    Pairs that do not have a number (the target has no onset) are left out of its mean; a number nobody has is missing.
    """
    groups: dict[Any, list[Row]] = {}
    for row in rows:
        groups.setdefault(row[by], []).append(row)
    return {key: _spreads(group) for key, group in groups.items()}


def _spreads(rows: Sequence[Row]) -> dict[str, Spread]:
    found = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        seeds: dict[int, list[float]] = {}
        for row in rows:
            value = row.get(name)
            if isinstance(value, float):  # not the seed, a name or None
                seeds.setdefault(row["seed"], []).append(value)
        means = [sum(values) / len(values) for values in seeds.values()]
        if means:
            found[name] = Spread(sum(means) / len(means), min(means), max(means))
    return found


def slim(rows: Iterable[Row], columns: Iterable[str]) -> list[Row]:
    """Rows with the numbers of some columns alone, to four digits, for the .json."""
    kept = {"method", "pair", "seed", *columns}
    return [
        {name: round(value, 4) if isinstance(value, float) else value for name, value in row.items() if name in kept}
        for row in rows
    ]


def pareto_front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Which of the points, both of whose coordinates should be large, no other point is at least as good as in both.

    Of equal points all are named. Indices in increasing order.
    """
    return [i for i, (x, y) in enumerate(points) if not any(a >= x and b >= y and (a > x or b > y) for a, b in points)]
