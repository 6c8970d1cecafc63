"""Experiment 3: how long a grain should be, on percussion: onsets and seams."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from benchmarks.experiments.measure import Row, Spread, measure, play, slim, sum_up
from benchmarks.experiments.page import Result, table
from benchmarks.experiments.pairs import PERCUSSION, RATE, SEEDS, Pair, told_pairs
from benchmarks.experiments.picture import curve, label
from lgr.baselines import play_baseline
from lgr.codecs import load_codec
from lgr.codecs.base import Codec
from lgr.plots import NORMAL, SMALL, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZES = (1, 3, 4, 5, 9)  # 4 is the default
COLUMNS = {
    "onset_f": "onset F",
    "flux_correlation": "flux",
    "onset_f_plain": "onset F, no level",
    "flux_correlation_plain": "flux, no level",
    "seam_ratio": "seams",
    "seam_ratio_of_target": "the target's own",
    "source_distance": "source distance",
    "distance_left": "distance left",
    "adoption": "adoption",
    "attack_db": "attack, dB",
    "buzz_db": "buzz, dB",
}
METHODS = ("latent", "latent, half overlapping", "MFCC mosaic", "random grains")


def run(pairs: Sequence[Pair] = PERCUSSION, seeds: int = SEEDS, sizes: Sequence[int] = SIZES) -> Result:
    """The bundled codec at its defaults but for the grain, beside the mosaic and random grains of the same length."""
    codec = load_codec("bundled")
    rows: list[Row] = []
    for pair in pairs:
        for size in sizes:
            rows += results(pair, codec, size, seeds)
        print(f"  grain size: {pair}", flush=True)
    found = sum_up(rows, "method")
    frame_ms = 1000 / codec.info.frame_rate
    lines = [(method, *(numbers.get(column) for column in COLUMNS)) for method, numbers in found.items()]
    return Result(
        title="Grain size on percussion: onsets and seams",
        data=f"{told_pairs(pairs, seeds)}; codec bundled {codec.info.version}, a frame is {frame_ms:.1f} ms",
        tables=(table("Means over pairs ± half the range over seeds", ("", *COLUMNS.values()), lines),),
        numbers={"rows": slim(rows, COLUMNS)},
        figure=picture(found, sizes, frame_ms),
    )


def results(pair: Pair, codec: Codec, size: int, seeds: int) -> list[Row]:
    """Every method with grains of ``size`` frames."""
    rows: list[Row] = []

    def add(method: str, seed: int, audio: object, score: object) -> None:
        numbers = measure(pair, audio, RATE, score=score)  # type: ignore[arg-type]
        rows.append({"method": f"{method}, {size}", "pair": str(pair), "seed": seed, **numbers})

    for seed in range(seeds):
        made = play(pair, codec, seed=seed, grain_frames=size)
        add("latent", seed, made.audio, made.score)
        if size > 1:
            made = play(pair, codec, seed=seed, grain_frames=size, hop_frames=-(-size // 2))
            add("latent, half overlapping", seed, made.audio, made.score)
        for method, name in (("random grains", "random"), ("MFCC mosaic", "mosaic")):
            if name == "random" or seed == 0:
                played = play_baseline(
                    name,
                    pair.target_sound,
                    pair.source_sounds,
                    codec=codec,
                    seed=seed,
                    grain_frames=size,
                    match_loudness=False,
                )
                add(method, seed, played.audio, played.score)
    return rows


PANELS = (
    ("onset_f", "onset F at 50 ms, target's level"),
    ("onset_f_plain", "onset F at 50 ms, own level"),
    ("seam_ratio", "flux at joins over flux inside"),
    ("distance_left", "distance left (source 0, target 1)"),
)


def picture(found: dict[str, dict[str, Spread]], sizes: Sequence[int], frame_ms: float) -> "Figure":
    """A curve a method over the length of a grain; bars are the range over seeds."""
    figure = new_figure(7.5, 5.6)
    for axis, (name, told) in zip(figure.subplots(2, 2).ravel(), PANELS, strict=True):
        for i, method in enumerate(METHODS):
            known = {s: found[f"{method}, {s}"] for s in sizes if name in found.get(f"{method}, {s}", {})}
            curve(axis, i, [size * frame_ms for size in known], [numbers[name] for numbers in known.values()], method)
        label(axis, "length of a grain (ms)", told)
    figure.axes[0].legend(fontsize=SMALL)
    figure.suptitle("Grain size on percussion", fontsize=NORMAL)
    return figure
