"""Experiment 2: what temperature does, as adoption against retention, with every baseline on the same axes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from benchmarks.experiments.measure import Row, Spread, measure, pareto_front, play, slim, sum_up
from benchmarks.experiments.page import Result, table
from benchmarks.experiments.pairs import PAIRS, SEEDS, Pair, metrics_for, told_codec, told_pairs
from benchmarks.experiments.picture import label, name_point
from lgr.baselines import play_baseline
from lgr.codebook import CodebookConfig
from lgr.codecs import load_codec
from lgr.codecs.base import Codec
from lgr.latents.vectors import Metric
from lgr.plots import COLOURS, MARKERS, NORMAL, SMALL, new_figure
from lgr.sources import build_codebook

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEMPERATURES = (0.0, 0.02, 0.05, 0.1, 0.3, 1.0, 10.0)  # 0.05 is the default
PAPER = "as in the paper"  # cosine, each grain drawn alone, no pitch
FRONTS = "Means over pairs ± half the range over seeds; * on a front of flux, with or without level, and distance left"
DRAWN = ("random", "nmf")  # whose results a seed changes
# The filter's too, but by little (experiment 6 has its spread), and it takes far longer than all the others.
BASELINES = ("unchanged", "source", "mosaic", "particle", *DRAWN)
COLUMNS = {
    "adoption": "adoption",
    "source_distance": "source distance",
    "distance_left": "distance left",
    "frechet_left": "Fréchet left",
    "onset_f": "onset F",
    "envelope_correlation": "envelope",
    "flux_correlation": "flux",
    "onset_f_plain": "onset F, no level",
    "envelope_correlation_plain": "envelope, no level",
    "flux_correlation_plain": "flux, no level",
    "seam_ratio": "seams",
    "attack_db": "attack, dB",
    "buzz_db": "buzz, dB",
}
"""Numbers of the table and their headings."""


def run(
    pairs: Sequence[Pair] = PAIRS,
    seeds: int = SEEDS,
    temperatures: Sequence[float] = TEMPERATURES,
    particles: int = 1000,
) -> Result:
    """The bundled codec, grains of 4 frames, every metric and temperature; ``particles`` is the filter's."""
    codec = load_codec("bundled")
    metrics, missing = metrics_for(codec)
    rows: list[Row] = []
    for pair in pairs:
        for metric in metrics:
            rows += sweep(pair, codec, metric, metric, temperatures, seeds)
        rows += sweep(pair, codec, PAPER, "cosine", temperatures, seeds, continuity=0.0, pitch=0.0)
        rows += baselines(pair, codec, seeds, particles)
        print(f"  temperature: {pair}", flush=True)
    data = (
        f"{told_pairs(pairs, seeds)}; codec "
        f"{told_codec(codec)}, grains of 4 frames; particle filter P = {particles}, one seed"
    )
    return told(rows, metrics, temperatures, data, missing)


def told(
    rows: list[Row], metrics: Sequence[Metric], temperatures: Sequence[float], data: str, missing: Sequence[str]
) -> Result:
    """The table, the fronts and the picture of all rows."""
    found = sum_up(rows, "method")
    front = set(front_of(found, "flux_correlation")) | set(front_of(found, "flux_correlation_plain"))
    lines = [
        (method + (" *" if method in front else ""), *(numbers.get(column) for column in COLUMNS))
        for method, numbers in found.items()
    ]
    return Result(
        title="Temperature: adoption against retention, with every baseline",
        data=data,
        tables=(table(FRONTS, ("", *COLUMNS.values()), lines),),
        numbers={"rows": slim(rows, COLUMNS), "front": sorted(front)},
        missing=tuple(missing),
        figure=picture(found, metrics, temperatures),
    )


def sweep(
    pair: Pair, codec: Codec, name: str, metric: Metric, temperatures: Sequence[float], seeds: int, **config: float
) -> list[Row]:
    """The pair at every temperature by one metric; at 0 nothing is drawn, so one seed will do."""
    rows: list[Row] = []
    book = build_codebook(pair.source_sounds, codec, CodebookConfig(metric=metric))
    for temperature in temperatures:
        for seed in range(seeds if temperature else 1):
            result = play(pair, codec, sources=book, seed=seed, temperature=temperature, **config)
            numbers = measure(pair, result.audio, result.sample_rate, score=result.score)
            rows.append({"method": f"{name}, τ = {temperature:g}", "pair": str(pair), "seed": seed, **numbers})
    return rows


def baselines(pair: Pair, codec: Codec, seeds: int, particles: int) -> list[Row]:
    """The bare target, and every baseline."""
    rows: list[Row] = [{"method": "bare target", "pair": str(pair), "seed": 0, **measure(pair, pair.target)}]
    for name in BASELINES:
        options: dict[str, Any] = {"particles": particles} if name == "particle" else {}
        for seed in range(seeds if name in DRAWN else 1):
            made = play_baseline(
                name, pair.target_sound, pair.source_sounds, codec=codec, seed=seed, match_loudness=False, **options
            )
            numbers = measure(pair, made.audio, made.sample_rate, score=made.score)
            rows.append({"method": name, "pair": str(pair), "seed": seed, **numbers})
    return rows


def front_of(found: dict[str, dict[str, Spread]], retention: str) -> list[str]:
    """The methods on the front of a retention against ``distance_left``; the ends of the scale take no part."""
    names = [name for name in found if name not in ("bare target", "unchanged", "source")]
    points = [(found[name][retention].mean, -found[name]["distance_left"].mean) for name in names]
    return [names[i] for i in pareto_front(points)]


PANELS = (
    ("flux_correlation", "adoption", "flux correlation, target's level", "adoption"),
    ("flux_correlation", "distance_left", "flux correlation, target's level", "distance left (source 0, target 1)"),
    ("flux_correlation", "frechet_left", "flux correlation, target's level", "Fréchet left (source 0, target 1)"),
    ("flux_correlation_plain", "distance_left", "flux correlation, own level", "distance left (source 0, target 1)"),
)
PLACES = {  # names and places of the crosses' names: some crosses lie close together
    "source": ("source, looped", False, False),
    "random": ("random", True, True),
    "mosaic": ("MFCC mosaic", True, False),
    "nmf": ("NMF", False, True),
    "particle": ("particle filter", True, True),
}


def picture(found: dict[str, dict[str, Spread]], metrics: Sequence[str], temperatures: Sequence[float]) -> "Figure":
    """Four panels: retention to the right, adoption upwards; a curve a metric, along which temperature rises.

    The bare target would lie far from all others and is left out.
    """
    figure = new_figure(7.5, 7.2)
    for axis, (x, y, right, up) in zip(figure.subplots(2, 2).ravel(), PANELS, strict=True):
        for i, metric in enumerate((*metrics, PAPER)):
            curve = [found[f"{metric}, τ = {temperature:g}"] for temperature in temperatures]
            points = [(numbers[x].mean, numbers[y].mean) for numbers in curve]
            axis.plot(*zip(*points, strict=True), f"{MARKERS[i]}-", color=COLOURS[i], markersize=4, label=metric)
            axis.plot(*points[0], "o", color=COLOURS[i], markersize=9, fillstyle="none")
        for name, (told_as, below, left) in PLACES.items():
            name_point(axis, (found[name][x].mean, found[name][y].mean), told_as, below=below, left=left)
        label(axis, right, up)
        if y != "adoption":
            axis.invert_yaxis()  # up is nearer to the source in every panel
    figure.axes[0].legend(fontsize=SMALL, title="metric; rings: lowest τ", title_fontsize=SMALL)
    told = "Temperature: up is nearer to the source, right keeps more of the target's time"
    figure.suptitle(f"{told}\n(the bare target, at flux 1, adoption 0 and 1 left, lies outside)", fontsize=NORMAL)
    return figure
