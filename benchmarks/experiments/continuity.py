"""Experiment 6: what exact chains buy over the paper's independent draws, and over a particle filter in equal time."""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from benchmarks import concatenator
from benchmarks.experiments.measure import Row, Spread, measure, play, slim, sum_up
from benchmarks.experiments.page import Result, table
from benchmarks.experiments.pairs import PAIRS, RATE, SEEDS, Pair, told_pairs
from benchmarks.experiments.picture import curve, label, name_point
from lgr.baselines import play_baseline
from lgr.baselines.particles import ParticleConfig
from lgr.codecs import load_codec
from lgr.codecs.base import Codec
from lgr.plots import NORMAL, SMALL, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CONTINUITIES = (0.0, 0.5, 0.9, 0.99)
SAMPLERS = ("online", "chain", "viterbi")  # with continuity 0 the first two are the paper's independent draws
PARTICLES = (1000, 300, 100, 30, 10, 3)
EQUAL = 0.9  # the continuity whose chain sampler the filter gets the time of
COLUMNS = {
    "run_ms": "plays on, ms",
    "seam_ratio": "seams",
    "seam_ratio_of_target": "the target's own",
    "similarity": "similarity",
    "adoption": "adoption",
    "source_distance": "source distance",
    "distance_left": "distance left",
    "frechet_left": "Fréchet left",
    "onset_f": "onset F",
    "flux_correlation": "flux",
    "onset_f_plain": "onset F, no level",
    "flux_correlation_plain": "flux, no level",
    "attack_db": "attack, dB",
    "buzz_db": "buzz, dB",
    "ms_a_second": "ms/s",
}


def run(
    pairs: Sequence[Pair] = PAIRS[:4],
    seeds: int = SEEDS,
    continuities: Sequence[float] = CONTINUITIES,
    particles: Sequence[int] = PARTICLES,
) -> Result:
    """The bundled codec at its defaults but for sampler and continuity, and the particle filter."""
    codec = load_codec("bundled")
    rows: list[Row] = []
    for pair in pairs:
        rows += chains(pair, codec, seeds, continuities)
        print(f"  continuity: {pair}", flush=True)
    budget = sum_up(rows, "method")[f"chain, c = {EQUAL:g}"]["ms_a_second"].mean
    equal, times = at_equal_time(pairs[0], codec, particles, budget)
    for pair in pairs:
        for count in dict.fromkeys((max(particles), equal)):
            rows += filtered(pair, codec, seeds, count)
        print(f"  particle filter: {pair}", flush=True)
    found = sum_up(rows, "method")
    lines = [(method, *(_told(name, numbers.get(name)) for name in COLUMNS)) for method, numbers in found.items()]
    timed = [(f"P = {count}", f"{spent:.0f}") for count, spent in times.items()]
    return Result(
        title="Continuity: independent draws, exact chains, Viterbi, and the particle filter",
        data=f"{told_pairs(pairs, seeds)}; "
        f"codec bundled {codec.info.version}, grains of 4 frames; times of the processor, "
        "sources encoded anew",
        tables=(
            table("Means over pairs ± half the range over seeds", ("", *COLUMNS.values()), lines),
            table(
                f"Which P comes nearest to the time of the chain sampler ({budget:.0f} ms a second of target): {equal}",
                (str(pairs[0]), "ms/s"),
                timed,
            ),
        ),
        numbers={"rows": slim(rows, COLUMNS), "equal_time_particles": equal, "filter_ms_a_second": times},
        figure=picture(found, continuities),
    )


def chains(pair: Pair, codec: Codec, seeds: int, continuities: Sequence[float]) -> list[Row]:
    """Every sampler at every continuity; at 0 "independent" stands for the samplers that are then the same."""
    rows: list[Row] = []
    for c in continuities:
        for sampler in SAMPLERS if c else ("independent", "viterbi"):
            for seed in range(1 if sampler == "viterbi" else seeds):
                config: dict[str, Any] = {"sampler": sampler, "continuity": c}
                made, spent = timed(pair, lambda config=config, seed=seed: play(pair, codec, seed=seed, **config))
                numbers = measure(pair, made.audio, made.sample_rate, score=made.score)
                numbers |= {"ms_a_second": spent, "similarity": float(made.score.similarity.mean())}
                numbers["run_ms"] = 1000 * made.score.mean_run_length * made.score.hop_frames / codec.info.frame_rate
                rows.append({"method": f"{sampler}, c = {c:g}", "pair": str(pair), "seed": seed, **numbers})
    return rows


def timed(pair: Pair, call: Callable[[], Any]) -> tuple[Any, float]:
    """What a call gives, and milliseconds of processor time a second of target."""
    began = time.process_time()
    result = call()
    return result, 1000 * (time.process_time() - began) / (pair.target.shape[1] / RATE)


def at_equal_time(pair: Pair, codec: Codec, particles: Sequence[int], budget_ms: float) -> tuple[int, dict[int, float]]:
    """The number of particles whose time is nearest to a budget, by ratio, and the time of each."""
    times = {}
    for count in particles:
        times[count] = timed(pair, lambda count=count: _filter(pair, codec, 0, count))[1]
    return min(times, key=lambda count: max(times[count] / budget_ms, budget_ms / times[count])), times


def filtered(pair: Pair, codec: Codec, seeds: int, particles: int) -> list[Row]:
    """The particle filter; ``run_ms`` is of the windows it plays, one seed's."""
    rows: list[Row] = []
    hop_ms = 1000 * 1024 / 44_100  # the paper's, whatever the rate
    for seed in range(seeds):
        made, spent = timed(pair, lambda seed=seed: _filter(pair, codec, seed, particles))
        numbers = {**measure(pair, made.audio, made.sample_rate), "ms_a_second": spent}
        if seed == 0:
            same = concatenator.Pair(name=str(pair), target=pair.target, sources=[pair.source])
            played, _, _ = concatenator.run_filter(same, ParticleConfig(particles=particles))
            run_ms = hop_ms * concatenator.run_length(played)
        rows.append(
            {
                "method": f"particle filter, P = {particles}",
                "pair": str(pair),
                "seed": seed,
                **numbers,
                "run_ms": run_ms,
            }
        )
    return rows


def _filter(pair: Pair, codec: Codec, seed: int, particles: int) -> Any:
    return play_baseline(
        "particle",
        pair.target_sound,
        pair.source_sounds,
        codec=codec,
        seed=seed,
        match_loudness=False,
        particles=particles,
    )


PANELS = (
    ("seam_ratio", "flux at joins over flux inside"),
    ("distance_left", "distance left (source 0, target 1)"),
    ("flux_correlation", "flux correlation, target's level"),
    ("flux_correlation_plain", "flux correlation, own level"),
)


def picture(found: dict[str, dict[str, Spread]], continuities: Sequence[float]) -> "Figure":
    """Against how long a recording plays on; a curve a sampler, along which continuity rises."""
    figure = new_figure(7.5, 5.8)
    for axis, (name, told) in zip(figure.subplots(2, 2).ravel(), PANELS, strict=True):
        for i, sampler in enumerate(SAMPLERS):
            first = "viterbi" if sampler == "viterbi" else "independent"
            known = [found[f"{sampler if c else first}, c = {c:g}"] for c in continuities]
            known = [numbers for numbers in known if name in numbers]
            curve(axis, i, [n["run_ms"].mean for n in known], [n[name] for n in known], sampler)
        for key, numbers in found.items():
            if key.startswith("particle") and name in numbers:
                at = numbers["run_ms"].mean, numbers[name].mean
                name_point(axis, at, key.removeprefix("particle "), left=at[0] > 100)  # or it would leave the panel
        label(axis, "a recording plays on for (ms)", told)
    figure.axes[0].legend(fontsize=SMALL, title="sampler; c from 0 to .99", title_fontsize=SMALL)
    figure.suptitle("Continuity (at c = 0 each grain is drawn alone)", fontsize=NORMAL)
    return figure


def _told(name: str, spread: Spread | None) -> str:
    if spread is None:
        return ""
    return f"{spread.mean:.0f}" if name in ("run_ms", "ms_a_second") else str(spread)
