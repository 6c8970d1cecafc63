"""Experiment 5: the codecs side by side, same pairs, same seeds, grains of about the same length."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from benchmarks.experiments.measure import Row, Spread, measure, play, slim, sum_up
from benchmarks.experiments.page import Result, table
from benchmarks.experiments.pairs import PAIRS, RATE, SEEDS, Pair, grain_frames_of, open_codecs, told_pairs
from benchmarks.experiments.picture import label
from lgr.baselines import play_baseline
from lgr.codecs.base import Codec
from lgr.measures.adoption import measure_adoption
from lgr.measures.timbre import mfcc_rows
from lgr.plots import COLOURS, MARKERS, NORMAL, SMALL, new_figure
from lgr.sound.audio import resample

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = {
    "adoption": "adoption",
    "adoption_codec": "adoption, other codec",
    "distance_left": "distance left",
    "floor": "its floor",
    "frechet_left": "Fréchet left",
    "onset_f": "onset F",
    "flux_correlation": "flux",
    "onset_f_plain": "onset F, no level",
    "flux_correlation_plain": "flux, no level",
    "seam_ratio": "seams",
    "distinct_grains": "distinct grains",
    "ms_a_second": "ms/s",
}
JUDGES = ("soundstream", "bundled")  # the first that is not the codec itself scores "adoption, other codec"


def run(pairs: Sequence[Pair] = PAIRS, seeds: int = SEEDS, codecs: Sequence[str] | None = None) -> Result:
    """Every codec whose weights are here, at the defaults but for the grain's frames."""
    opened, missing = open_codecs(codecs)
    rows: list[Row] = []
    for name, codec in opened.items():
        judge = next((opened[each] for each in JUDGES if each in opened and each != name), None)
        for pair in pairs:
            rows += results(name, codec, judge, pair, seeds)
        print(f"  codecs: {name}", flush=True)
    found = sum_up(rows, "method")
    lines = [
        (method, f"{_grain_ms(method, opened)}", *(numbers.get(column) for column in COLUMNS))
        for method, numbers in found.items()
    ]
    return Result(
        title="Codecs side by side",
        data=f"{told_pairs(pairs, seeds)}; codecs "
        + ", ".join(f"{name} {codec.info.version}".rstrip() for name, codec in opened.items())
        + '; τ = 0.05, metric "centred"',
        tables=(table("Means over pairs ± half the range over seeds", ("", "grain, ms", *COLUMNS.values()), lines),),
        numbers={"rows": slim(rows, COLUMNS)},
        missing=tuple(missing),
        figure=picture(found, list(opened)),
    )


def results(name: str, codec: Codec, judge: Codec | None, pair: Pair, seeds: int) -> list[Row]:
    """The pair played with a codec; ``floor`` is what the codec's round trip of the source itself leaves."""
    rows: list[Row] = []
    (source,) = pair.source_sounds
    trip = play_baseline("unchanged", source, [source], codec=codec, match_loudness=False)
    heard = resample(trip.audio, trip.sample_rate, RATE)[0]
    floor = measure_adoption(*(mfcc_rows(each, RATE) for each in (heard, pair.source[0], pair.target[0])))
    for seed in range(seeds):
        began = time.process_time()
        made = play(pair, codec, seed=seed, grain_frames=grain_frames_of(codec))
        spent = 1000 * (time.process_time() - began) / (pair.target.shape[1] / RATE)
        numbers = measure(pair, made.audio, made.sample_rate, score=made.score, codec=judge)
        numbers["floor"] = floor.source_distance / (numbers["target_to_source_distance"] or float("nan"))
        rows.append({"method": name, "pair": str(pair), "seed": seed, "ms_a_second": spent, **numbers})
    return rows


def _grain_ms(name: str, opened: dict[str, Codec]) -> str:
    codec = opened[name]
    return f"{1000 * grain_frames_of(codec) / codec.info.frame_rate:.0f}"


def picture(found: dict[str, dict[str, Spread]], names: Sequence[str]) -> "Figure":
    """Adoption against retention, a mark a codec; bars are the range over seeds."""
    figure = new_figure(7.5, 3.4)
    panels = (("distance_left", "distance left (source 0, target 1)"), ("frechet_left", "Fréchet left"))
    for axis, (y, told) in zip(figure.subplots(1, 2), panels, strict=True):
        for i, name in enumerate(names):
            right, up = found[name]["flux_correlation"], found[name][y]
            axis.errorbar(
                right.mean,
                up.mean,
                xerr=[[right.mean - right.low], [right.high - right.mean]],
                yerr=[[up.mean - up.low], [up.high - up.mean]],
                fmt=MARKERS[i % len(MARKERS)],
                color=COLOURS[i % len(COLOURS)],
                label=name,
            )
        label(axis, "flux correlation, target's level", told)
        axis.invert_yaxis()
    figure.axes[0].legend(fontsize=SMALL)
    figure.suptitle("Codecs: up is nearer to the source, right keeps more of the target's time", fontsize=NORMAL)
    return figure
