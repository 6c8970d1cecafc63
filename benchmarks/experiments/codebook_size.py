"""Experiment 4: stride and size of the codebook: how much of it is used, how near its grains come, what it costs."""

import time
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

import torch

from benchmarks.experiments.measure import Row, play, sum_up
from benchmarks.experiments.page import Result, table
from benchmarks.experiments.pairs import RATE, SEEDS, Pair, clip, clip_names
from benchmarks.experiments.picture import curve, label
from lgr.codebook import CodebookConfig, GrainCodebook
from lgr.codecs import load_codec
from lgr.codecs.base import Codec
from lgr.latents.grains import grain_starts
from lgr.matching import MatchConfig, match
from lgr.measures.adoption import measure_adoption
from lgr.measures.timbre import mfcc_rows
from lgr.measures.use import use_numbers
from lgr.plots import NORMAL, SMALL, new_figure
from lgr.resynth_config import ResynthConfig
from lgr.sounds import encode_lanes, lane_features
from lgr.sources import build_codebook

TARGETS = ("drum_loop", "speech_reader", "flute")
STRIDES = (1, 2, 4, 8, 16)
SIZES = (1, 2, 4, 8, 15)  # recordings
COPIES = (1, 3, 7)  # of every recording, at other speeds
GRAIN_FRAMES = ResynthConfig().grain_frames
COLUMNS = {
    "grains": "grains",
    "distinct": "distinct used",
    "share": "of the target's grains",
    "coverage": "of the codebook",
    "distance": "nearest MFCC",
    "similarity": "similarity",
    "match_ms": "match, ms/s",
    "whole_ms": "whole, ms/s",
    "build_ms": "build, ms",
}


def run(
    targets: Sequence[str] = TARGETS,
    seeds: int = SEEDS,
    strides: Sequence[int] = STRIDES,
    sizes: Sequence[int] = SIZES,
    copies: Sequence[int] = COPIES,
) -> Result:
    """The bundled codec at its defaults. A seed also shuffles the recordings, the first of which are taken."""
    codec = load_codec("bundled")
    names = [name for name in clip_names() if name not in targets]
    sizes = [size for size in sizes if size <= len(names)]
    rows: list[Row] = []
    for seed in range(seeds):
        order = [names[i] for i in torch.randperm(len(names), generator=torch.Generator().manual_seed(seed))]
        books: list[tuple[str, list[str], Callable[[], GrainCodebook]]] = []
        for stride in strides:
            books.append((f"stride {stride}", order, _builder(order, codec, stride)))
        for size in sizes:
            books.append((f"{size} recordings", order[:size], _builder(order[:size], codec)))
        if seed == 0:
            for count in copies:
                speeds = [f"speed={2 ** ((k + 1) / 24 * (-1) ** k):.4f}" for k in range(count)]  # quarter tones
                books.append((f"{len(names)} recordings, {count + 1} speeds", order, _builder(order, codec, 1, speeds)))
        for method, used, build in books:
            began = time.process_time()
            book = build()
            _ = book.vectors_  # made when first read
            built_ms = 1000 * (time.process_time() - began)
            for target in targets:
                numbers = use_of(target, used, book, codec, seed)
                rows.append({"method": method, "pair": target, "seed": seed, "build_ms": built_ms, **numbers})
        print(f"  codebook size: seed {seed}", flush=True)
    found = sum_up(rows, "method")
    lines = [
        (method, *(_told(column, numbers[column].mean) for column in COLUMNS)) for method, numbers in found.items()
    ]
    return Result(
        title="Stride and size of the codebook: coverage and speed",
        data=f"bundled clips: targets {', '.join(targets)} (first 3 s), sources the {len(names)} others, shuffled by "
        f"{seeds} seeds; several speeds: copies of them, quarter tones apart, seed 0 alone; codec bundled "
        f"{codec.info.version}, grains of {GRAIN_FRAMES} frames, τ = 0.05",
        tables=(table("Means over targets and seeds; times of the processor", ("", *COLUMNS.values()), lines),),
        numbers={"rows": [_rounded(row) for row in rows]},
        figure=picture(found),
    )


def _builder(
    names: Sequence[str], codec: Codec, stride: int = 1, augmentations: Sequence[str] = ()
) -> Callable[[], GrainCodebook]:
    config = CodebookConfig(stride=stride, grain_frames=GRAIN_FRAMES)
    return lambda: build_codebook([(clip(n), RATE) for n in names], codec, config, augmentations=augmentations)


def use_of(target: str, used: Sequence[str], book: GrainCodebook, codec: Codec, seed: int) -> dict[str, float]:
    """What one target takes from a codebook, and how long that takes, milliseconds of processor a second of target."""
    pair = Pair(target, used[0])
    seconds = pair.target.shape[1] / RATE
    began = time.process_time()
    result = play(pair, codec, sources=book, seed=seed)
    whole = time.process_time() - began
    wanted = lane_features(encode_lanes(pair.target, codec), codec)
    rows = book.transform(wanted, grain_starts(wanted.shape[1], GRAIN_FRAMES, GRAIN_FRAMES, "pad"))
    began = time.process_time()
    match(
        rows,
        book.vectors_,
        temperature=ResynthConfig().temperature.minimum,
        generator=torch.Generator().manual_seed(seed),
        config=MatchConfig(),
    )
    matched = time.process_time() - began
    numbers, score = use_numbers(result.score), result.score
    source = torch.cat([mfcc_rows(clip(name)[0], RATE) for name in used])
    heard, bare = mfcc_rows(result.audio[0], RATE), mfcc_rows(pair.target[0], RATE)
    distinct = numbers["distinct_grains"] or 0.0
    return {
        "grains": float(len(book)),
        "distinct": distinct,
        "share": distinct / len(score),
        "coverage": distinct / len(book),
        "distance": measure_adoption(heard, source, bare).source_distance if len(heard) else float("nan"),
        "similarity": float(score.similarity.mean()),
        "match_ms": 1000 * matched / seconds,
        "whole_ms": 1000 * whole / seconds,
    }


def picture(found: dict[str, dict[str, Any]]) -> Any:
    """Over the number of grains: how many different ones are played, and what matching costs."""
    figure = new_figure(7.5, 3.2)
    left, right = figure.subplots(1, 2)
    kinds = {"stride": "strides 1 to 16, all recordings", "recordings": "more recordings, and speeds"}
    panels = ((left, "distinct", "distinct grains played (a target)"), (right, "match_ms", "matching (ms/s of target)"))
    for axis, column, told in panels:
        for i, (word, kind) in enumerate(kinds.items()):
            chosen = sorted(
                ((n["grains"].mean, n[column]) for name, n in found.items() if word in name), key=itemgetter(0)
            )
            curve(axis, i, [grains for grains, _ in chosen], [spread for _, spread in chosen], kind)
        axis.set_xscale("log")
        label(axis, "grains in the codebook", told)
    left.legend(fontsize=SMALL)
    figure.suptitle("Codebook size: what is used, and what it costs", fontsize=NORMAL)
    return figure


def _told(column: str, value: float) -> str:
    digits = {"grains": 0, "distinct": 0, "coverage": 3, "build_ms": 0, "whole_ms": 1, "match_ms": 1}
    return f"{value:,.{digits.get(column, 2)}f}"


def _rounded(row: Row) -> Row:
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in row.items()}
