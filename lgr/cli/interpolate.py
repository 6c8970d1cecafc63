"""``lgr interpolate``: from one sound to another through the codec's latent space."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lgr.cli.support import options as o
from lgr.errors import ArgumentError

if TYPE_CHECKING:
    from lgr.codecs.base import Codec
    from lgr.interpolation.interpolate import Interpolation, InterpolationConfig

PATH, ENDS = "Path", "Ends"  # panels of the help
REPORT_CONTEXT_SECONDS = 1.0  # of the real sounds, where --report or --plot is asked for and --context is not


def interpolate(
    sounds: Annotated[
        list[Path], typer.Argument(metavar="SOUND...", show_default=False, help="Two files; more for --kind spline.")
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", metavar="FILE", help="The result: .wav, .flac, .ogg or .mp3.", rich_help_panel=o.FILES
        ),
    ],
    report: Annotated[
        Path | None, o.option("--report", panel=o.FILES, metavar="FILE", help="Also measure the path: .json.")
    ] = None,
    plot: Annotated[
        Path | None,
        o.option("--plot", panel=o.FILES, metavar="FILE", help="Also draw it: .png, .svg or .pdf."),
    ] = None,
    force: o.ForceOption = False,
    codec: Annotated[
        str | None,
        o.option(
            "--codec",
            panel=o.CODEC,
            metavar="NAME",
            help="A name that `lgr codecs` lists, or the folder of a trained model.",
            default="spectral",
        ),
    ] = None,
    kind: Annotated[
        str | None,
        o.option(
            "--kind",
            panel=PATH,
            metavar="NAME",
            help="linear, slerp (an arc), circle, spiral, loop (to and fro), wander (random steps) or spline.",
            default="linear",
        ),
    ] = None,
    seconds: Annotated[
        float | None, o.option("--seconds", panel=PATH, metavar="NUMBER", help="How long the path is.", default="1")
    ] = None,
    pace: Annotated[
        str | None,
        o.option(
            "--pace",
            panel=PATH,
            metavar="NAME",
            help="Its pace: even, ease, ease-in, ease-out, power:P, or random:S for steps that vary by the share S.",
            default="even",
        ),
    ] = None,
    loops: Annotated[
        float | None,
        o.option(
            "--loops",
            panel=PATH,
            metavar="NUMBER",
            help="How often it goes round. After a whole loop, circle and loop are back at the first sound; after half "
            "a one more, at the last.",
            default="circle 0.5, loop 1.5, spiral 2",
        ),
    ] = None,
    step_size: Annotated[
        float | None,
        o.option(
            "--step-size",
            panel=PATH,
            metavar="NUMBER",
            help="Of a path that wanders, in latent units.",
            default="strays by about half the distance",
        ),
    ] = None,
    seed: Annotated[
        int,
        typer.Option(
            "--seed",
            metavar="N",
            min=0,
            max=2**31,
            help="Of ends that move, of a path that wanders, and of a random pace.",
            rich_help_panel=PATH,
        ),
    ] = 0,
    from_seconds: Annotated[
        float | None,
        o.option(
            "--from-seconds", panel=ENDS, metavar="NUMBER", help="Where to leave the first sound.", default="its end"
        ),
    ] = None,
    to_seconds: Annotated[
        float | None,
        o.option(
            "--to-seconds", panel=ENDS, metavar="NUMBER", help="Where to reach the last sound.", default="its start"
        ),
    ] = None,
    endpoints: Annotated[
        str | None,
        o.option(
            "--endpoints",
            panel=ENDS,
            metavar="NAME",
            help="edge: from the very atom there to the very atom there; mean: between the sounds' mean atoms, or "
            "around them.",
            default="edge",
        ),
    ] = None,
    hold: Annotated[
        bool,
        typer.Option("--hold", help="Go between two atoms that are held, as paper 003 does.", rich_help_panel=ENDS),
    ] = False,
    moving: Annotated[
        bool,
        typer.Option(
            "--moving",
            help="Both sounds go on playing while their mix moves. So it is without --hold, too, but for sounds "
            "that are too short for it.",
            rich_help_panel=ENDS,
        ),
    ] = False,
    level_line: Annotated[
        bool,
        typer.Option(
            "--level-line/--no-level-line",
            help="Keep the level on the straight line, in dB, between those of the sounds.",
            rich_help_panel=PATH,
        ),
    ] = True,
    level: o.LevelOption = None,
    brightness: o.BrightnessOption = None,
    noisiness: o.NoisinessOption = None,
    intensity: o.IntensityOption = None,
    context: Annotated[
        float | None,
        o.option(
            "--context",
            panel=ENDS,
            metavar="SECONDS",
            help="Of the first sound before the path and of the last after it.",
            default="0, the path alone",
        ),
    ] = None,
    label: Annotated[
        str | None,
        o.option("--label", panel=ENDS, metavar="NAME", help="Of the first sound, for a model with labels."),
    ] = None,
    to_label: Annotated[
        str | None,
        o.option("--to-label", panel=ENDS, metavar="NAME", help="Of the last sound.", default="that of the first"),
    ] = None,
) -> None:
    """Interpolate from one sound to another through the latent space.

    The result is the path, or with --context the end of the first sound, the
    path and the beginning of the last. --report measures how smoothly it
    goes, --plot draws its spectrogram and spectral centroid; both hear a
    second of the sounds around it unless --context says otherwise. Controls
    move the path alone, over its own seconds, beside --level-line.

    \b
    Examples:
      lgr interpolate rain.wav sea.wav -o out.wav --context 1 --plot out.png
      lgr interpolate rain.wav sea.wav -o out.wav --seconds 20 --moving
      lgr interpolate a.wav b.wav c.wav -o out.wav --kind spline --seconds 6
      lgr interpolate a.wav b.wav -o out.wav --kind loop --loops 4 --pace random:0.8
      lgr interpolate a.wav b.wav -o out.wav --codec drums/ --label kick --to-label tom
    """
    from lgr.cli.support.interpolation_results import draw, numbers_text, summary, write_report
    from lgr.cli.support.outputs import Outputs
    from lgr.cli.support.pictures import check_pictures
    from lgr.cli.support.progress import progress_bar
    from lgr.cli.support.sources import open_codec
    from lgr.interpolation.config import CODEC
    from lgr.latents.path import PathConfig

    said = {"kind": kind, "pace": pace, "loops": loops, "step_size": step_size}
    way = PathConfig(**{name: value for name, value in said.items() if value is not None})  # type: ignore[arg-type]
    if hold and moving:
        raise ArgumentError("give one of --hold and --moving, or neither, got both")
    ends = "held" if hold else "moving" if moving else None
    config = interpolation_config(
        way,
        seconds=seconds,
        context_seconds=context,
        endpoints=endpoints,
        ends=ends,
        level_line=level_line,
        controls=o.given(level=level, brightness=brightness, noisiness=noisiness, intensity=intensity),
    )
    measured = report is not None or plot is not None
    measured_config = report_config(config) if measured else config
    if plot is not None:
        check_pictures()
    if report is not None and report.suffix.lower() != ".json":
        raise ArgumentError(f"--report must end in .json, got {report}")
    check_sounds(sounds, way.kind)
    labels = [label, *[None] * (len(sounds) - 2), to_label or label]
    with Outputs(force=force, inputs=sounds) as outputs:
        audio_part = outputs.claim(out, "audio", "-o")
        report_part = outputs.claim_optional(report, "score", "--report")
        plot_part = outputs.claim_optional(plot, "picture", "--plot")
        opened = open_codec(codec or CODEC)
        check_format(audio_part, opened)
        from lgr.interpolation.interpolate import interpolate
        from lgr.sound.audio import save_audio

        started = time.perf_counter()
        with progress_bar() as progress:

            def go(config: "InterpolationConfig") -> "Interpolation":
                return interpolate(
                    sounds,
                    opened,
                    config,
                    seed=seed,
                    from_seconds=from_seconds,
                    to_seconds=to_seconds,
                    labels=labels,
                    progress=progress,
                )

            result = go(config)
            save_audio(audio_part, result.audio, result.sample_rate, force=True)
            numbers = None
            if measured:
                from lgr.interpolation.report import report_of

                around = result if measured_config == config else go(measured_config)
                numbers = report_of(around, (sounds[0].stem, sounds[-1].stem))
                if report_part:
                    write_report(report_part, numbers)
                if plot_part:
                    draw(plot_part, numbers)
        spent = time.perf_counter() - started
    typer.echo(summary(out, result, spent))
    if numbers is not None:
        typer.echo(numbers_text(numbers))
    for written in filter(None, (report, plot)):
        typer.echo(str(written))


def interpolation_config(way: object, **options: object) -> "InterpolationConfig":
    """The configuration of the options that were given."""
    from lgr.interpolation.interpolate import InterpolationConfig

    given = {name: value for name, value in options.items() if value is not None}
    return InterpolationConfig(path=way, **given)  # type: ignore[arg-type]  # typer has checked the types


def report_config(config: "InterpolationConfig") -> "InterpolationConfig":
    """The same with the real sounds around the path, for a report."""
    from dataclasses import replace

    from lgr.measures.transition import SEAM_SECONDS

    if config.path.returns:
        raise ArgumentError(
            f"--report and --plot need a path that ends at the last sound, got a {config.path.kind} of "
            f"{config.path.turns:g} loops: give it {config.path.turns + 0.5:g}"
        )
    context = config.context_seconds or REPORT_CONTEXT_SECONDS
    if min(context, config.seconds) < 3 * SEAM_SECONDS:
        raise ArgumentError(
            f"--report and --plot need --seconds and --context of at least {3 * SEAM_SECONDS:g}, got "
            f"{config.seconds:g} and {context:g}"
        )
    return replace(config, context_seconds=context)


def check_sounds(sounds: list[Path], kind: str) -> None:
    """Raise unless there are as many sounds as the kind takes, and all are there to be read."""
    from lgr.sound.audio import audio_info

    if len(sounds) < 2 or (len(sounds) > 2 and kind != "spline"):
        takes = "two SOUNDs or more" if kind == "spline" else "two SOUNDs (--kind spline takes more)"
        raise ArgumentError(f"a {kind} path needs {takes}, got {len(sounds)}")
    for sound in sounds:
        audio_info(sound)


def check_format(part: Path, codec: "Codec") -> None:
    """Try the output's format on a sample of silence: mp3, for one, does not have every rate."""
    import torch

    from lgr.sound.audio import save_audio

    save_audio(part, torch.zeros(2, 1), codec.info.sample_rate, force=True)
