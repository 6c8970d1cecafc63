"""``lgr sweep``: one target and its sources at several temperatures, side by side."""

import csv
from pathlib import Path
from typing import Annotated

import typer

from lgr.cli.support import options as o
from lgr.errors import ArgumentError

TEMPERATURES = "0,0.01,0.02,0.05,0.1,0.2"


def sweep(
    sources: o.SourcesArgument = None,
    target: o.TargetOption = ...,  # type: ignore[assignment]  # typer's word for "required"
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", metavar="FOLDER", help="Where the results go; made if need be.", rich_help_panel=o.FILES
        ),
    ] = ...,  # type: ignore[assignment]
    temperatures: Annotated[
        str,
        typer.Option(metavar="LIST", help="Temperatures, 0 or more, with commas.", rich_help_panel=o.CHOOSING),
    ] = TEMPERATURES,
    codebook: o.CodebookOption = None,
    force: o.ForceOption = False,
    codec: o.CodecOption = None,
    space: o.SpaceOption = None,
    levels: o.LevelsOption = None,
    grain_frames: o.GrainFramesOption = None,
    hop_frames: o.HopFramesOption = None,
    stride: o.StrideOption = None,
    silence_db: o.SilenceOption = None,
    augment: o.AugmentOption = None,
    transpose: o.TransposeOption = None,
    metric: o.MetricOption = None,
    embedding: o.EmbeddingOption = None,
    continuity: o.ContinuityOption = None,
    pitch: o.PitchOption = None,
    sampler: o.SamplerOption = None,
    repetition_penalty: o.PenaltyOption = None,
    repetition_frames: o.PenaltyFramesOption = None,
    weight: o.WeightOption = None,
    seed: o.SeedOption = 0,
    wet: o.WetOption = None,
    match_loudness: o.LoudnessOption = None,
) -> None:
    """Play a target at several temperatures, to hear and see what changes.

    The folder gets a sound and its score for each temperature, a table
    (sweep.csv) and a picture (sweep.png): similarity, entropy, distinct
    grains, mean run length, spectrograms. An ENVELOPE is as in `lgr resynth`.

    \b
    Example:
      lgr sweep glass.wav -t drums.wav -o sweep --temperatures 0,0.02,0.1
    """
    from lgr.cli.support.jobs import job
    from lgr.cli.support.outputs import Outputs, result_folder
    from lgr.cli.support.pictures import check_pictures, shown_audio, sweep_figure, sweep_measures
    from lgr.cli.support.progress import progress_bar
    from lgr.cli.support.tables import print_table

    values = parse_temperatures(temperatures)
    chosen = o.given(
        grain_frames=grain_frames,
        hop_frames=hop_frames,
        stride=stride,
        silence_db=silence_db,
        augmentations=augment,
        transpose=transpose,
        metric=metric,
        embedding=embedding,
        continuity=continuity,
        pitch=pitch,
        sampler=sampler,
        repetition_penalty=repetition_penalty,
        repetition_frames=repetition_frames,
        wet=wet,
        match_loudness=match_loudness,
    )
    check_pictures()
    todo = job(sources, target, codebook, chosen, weight)
    with result_folder(out, "-o") as folder, Outputs(force=force, inputs=todo.inputs) as outputs:
        names = [f"temperature_{value:g}" for value in values]
        sounds = [outputs.claim(folder / f"{name}.wav", "audio", "-o") for name in names]
        scores = [outputs.claim(folder / f"{name}.json", "score", "-o") for name in names]
        table_part = outputs.claim(folder / "sweep.csv", "score", "-o")
        picture_part = outputs.claim(folder / "sweep.png", "picture", "-o")
        opened = todo.open_codec(codec, space, levels)
        rows, shown = [], []
        with progress_bar() as progress:
            results = todo.at_temperatures(values, opened, seed, progress)
            for result, sound, score in zip(results, sounds, scores, strict=True):
                result.save(sound, force=True)
                result.score.save(score, force=True)
                rows.append(sweep_measures(result.score))
                shown.append(shown_audio(result))
            from lgr.plots import save_figure

            progress("drawing", 0, 1)
            figure = sweep_figure(
                values, rows, shown, result.sample_rate, f"{target.name} at {len(values)} temperatures"
            )
            save_figure(figure, picture_part, force=True)
        with table_part.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["temperature", *rows[0], "file"])
            writer.writerows(
                [value, *row.values(), f"{name}.wav"] for value, row, name in zip(values, rows, names, strict=True)
            )
    headings = ["temperature", *rows[0]]
    lines = [[f"{value:g}", *(f"{x:.3g}" for x in row.values())] for value, row in zip(values, rows, strict=True)]
    files = [f"{folder / name}.wav" for name in names]
    print_table([*headings, "file"], [[*a, b] for a, b in zip(lines, files, strict=True)], right=headings)
    typer.echo(f"picture: {folder / 'sweep.png'}")


def parse_temperatures(text: str) -> list[float]:
    """Temperatures from ``0,0.01,…``, each once, in the order given."""
    try:
        values = [float(each) for each in text.split(",")]
    except ValueError as error:
        raise ArgumentError(
            f"--temperatures must be numbers with commas, such as {TEMPERATURES}, got {text}"
        ) from error
    if not all(0 <= value < float("inf") for value in values):
        raise ArgumentError(f"--temperatures must be 0 or more and finite, got {text}")
    if len({f"{value:g}" for value in values}) < len(values):
        raise ArgumentError(f"--temperatures must differ from each other, got {text}")
    return values
