"""Experiment 8: is a melody kept? Pitch agreement against distance from the source, with every baseline.

The first experiment of paper 000, a melody of one instrument played by another, with what it lacked: a measure that
tells whether the melody is still there.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from benchmarks.experiments.measure import Row, Spread, measure, pareto_front, play, slim, sum_up
from benchmarks.experiments.page import Result, table
from benchmarks.experiments.pairs import MELODIES, RATE, SEEDS, Pair, metrics_for, told_codec, told_pairs
from benchmarks.experiments.picture import label, name_point
from lgr.baselines import play_baseline
from lgr.codebook import GrainCodebook
from lgr.codecs import load_codec
from lgr.codecs.base import Codec
from lgr.plots import COLOURS, MARKERS, NORMAL, SMALL, new_figure
from lgr.resynth_config import ResynthConfig
from lgr.sources import build_codebook

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DEFAULT = ResynthConfig().pitch.minimum
WEIGHTS = tuple(sorted({0.0, 0.3, 0.5, 0.9, DEFAULT}))
PAPER = "the paper (cosine, τ = 0.02, c = 0, no pitch)"
DRAWN = ("random", "nmf")  # whose results a seed changes much
TRANSPOSE = (-12, 12)
NOTES = 12  # of a clip of single notes, evenly spaced
BASELINES = ("unchanged", "source", "mosaic", "particle", *DRAWN)
COLUMNS = {
    "pitch_agreement": "pitch agreement",
    "adoption": "adoption",
    "source_distance": "source distance",
    "distance_left": "distance left",
    "flux_correlation": "flux",
    "attack_db": "attack, dB",
    "buzz_db": "buzz, dB",
}


CROSSES = {"mosaic": "MFCC mosaic", "nmf": "NMF", "particle": "particle filter", "random": "random"}


def run(pairs: Sequence[Pair] = MELODIES, seeds: int = SEEDS, particles: int = 1000) -> Result:
    """The bundled codec at its defaults, by each metric and weight of pitch, the paper's settings, and baselines."""
    codec = load_codec("bundled")
    metrics, missing = metrics_for(codec)
    rows: list[Row] = []
    for pair in pairs:
        for metric in metrics:
            for weight in WEIGHTS:
                rows += drawn(pair, codec, f"{metric}, pitch {weight:g}", seeds, metric=metric, pitch=weight)
        rows += drawn(pair, codec, PAPER, seeds, metric="cosine", temperature=0.02, continuity=0.0, pitch=0.0)
        rows += drawn(pair, codec, "all notes, transposed", seeds, transpose=TRANSPOSE)
        rows += drawn(pair, codec, "one note, transposed", seeds, sources=one_note(pair, codec), pitch=DEFAULT)
        rows += baselines(pair, codec, seeds, particles)
        print(f"  melodies: {pair}", flush=True)
    found = sum_up(rows, "method")
    front = front_of(found)
    lines = [
        (method + (" *" if method in front else ""), *(numbers.get(name) for name in COLUMNS))
        for method, numbers in found.items()
    ]
    return Result(
        title="Melodies: pitch agreement against distance from the source, with every baseline",
        data=f"{told_pairs(pairs, seeds)}; codec {told_codec(codec)}; defaults but for what is said; particle filter "
        f"P = {particles}, one seed",
        tables=(
            table(
                "Means over pairs ± half the range over seeds; * on the front of pitch agreement and distance left",
                ("", *COLUMNS.values()),
                lines,
            ),
        ),
        numbers={"rows": slim(rows, COLUMNS), "front": sorted(front)},
        missing=tuple(missing),
        figure=picture(found, metrics),
    )


def one_note(pair: Pair, codec: Codec) -> GrainCodebook:
    """The note in the middle of the source, by itself, transposed by an octave both ways."""
    length = pair.source.shape[1] // NOTES
    note = pair.source[:, NOTES // 2 * length : (NOTES // 2 + 1) * length]
    return build_codebook([(note, RATE)], codec, transpose=TRANSPOSE)


def drawn(pair: Pair, codec: Codec, method: str, seeds: int, **config: Any) -> list[Row]:
    """A row a seed."""
    rows: list[Row] = []
    for seed in range(seeds):
        made = play(pair, codec, seed=seed, **config)
        numbers = measure(pair, made.audio, made.sample_rate, score=made.score, pitch=True)
        rows.append({"method": method, "pair": str(pair), "seed": seed, **numbers})
    return rows


def baselines(pair: Pair, codec: Codec, seeds: int, particles: int) -> list[Row]:
    """The bare target, and every baseline at the target's level."""
    rows: list[Row] = [
        {"method": "bare target", "pair": str(pair), "seed": 0, **measure(pair, pair.target, pitch=True)}
    ]
    for name in BASELINES:
        options: dict[str, Any] = {"particles": particles} if name == "particle" else {}
        for seed in range(seeds if name in DRAWN else 1):
            made = play_baseline(
                name, pair.target_sound, pair.source_sounds, codec=codec, seed=seed, match_loudness=False, **options
            )
            numbers = measure(pair, made.audio, made.sample_rate, score=made.score, pitch=True)
            rows.append({"method": name, "pair": str(pair), "seed": seed, **numbers})
    return rows


def front_of(found: dict[str, dict[str, Spread]]) -> set[str]:
    """The methods that no other is better than in both; the ends of the scale take no part."""
    names = [name for name in found if name not in ("bare target", "unchanged", "source")]
    points = [(found[name]["pitch_agreement"].mean, -found[name]["distance_left"].mean) for name in names]
    return {names[i] for i in pareto_front(points)}


def picture(found: dict[str, dict[str, Spread]], metrics: Sequence[str]) -> "Figure":
    """Pitch agreement to the right, up is nearer to the source; a curve a metric, along which pitch counts more."""
    figure = new_figure(7.5, 3.9)
    for axis, y in zip(figure.subplots(1, 2), ("distance_left", "adoption"), strict=True):
        for i, metric in enumerate(metrics):
            curve = [found[f"{metric}, pitch {weight:g}"] for weight in WEIGHTS]
            points = [(numbers["pitch_agreement"].mean, numbers[y].mean) for numbers in curve]
            axis.plot(*zip(*points, strict=True), f"{MARKERS[i]}-", color=COLOURS[i], markersize=4, label=metric)
            axis.plot(*points[0], "o", color=COLOURS[i], markersize=9, fillstyle="none")
        for name, told in {
            "mosaic": "MFCC mosaic",
            "nmf": "NMF",
            "particle": "particle filter",
            "random": "random",
        }.items():
            at = found[name]
            name_point(axis, (at["pitch_agreement"].mean, at[y].mean), told, left=at["pitch_agreement"].mean > 0.5)
        at = found[PAPER]
        name_point(axis, (at["pitch_agreement"].mean, at[y].mean), "the paper", below=True)
        label(axis, "pitch agreement", y.replace("_", " "))
    figure.axes[0].invert_yaxis()
    figure.axes[1].legend(fontsize=SMALL, title="metric; rings: pitch 0", title_fontsize=SMALL)
    figure.suptitle("Melodies: right keeps more of the melody, up is nearer to the source", fontsize=NORMAL)
    return figure
