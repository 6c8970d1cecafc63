"""``lgr train granular`` and the other grain models: options, progress, and what is said at the end."""

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from lgr.cli.support.options import option
from lgr.errors import ArgumentError

BUDGET, DATA, MODEL, TRAINING = "Budget", "Data", "Model", "Training"

DataOption = Annotated[
    Path,
    option(
        "--data",
        panel=DATA,
        metavar="PATH",
        help="A recording, a folder of recordings, a folder per class, or a manifest.csv.",
    ),
]
OutOption = Annotated[Path, option("--out", "-o", panel=DATA, metavar="FOLDER", help="Where the model goes.")]
CategoryOption = Annotated[
    list[str] | None,
    option("--category", panel=DATA, metavar="NAME", help="Use this category of a manifest alone. Repeatable."),
]
ClassOption = Annotated[
    list[str] | None,
    option("--class", panel=DATA, metavar="NAME", help="Use this class alone. Repeatable."),
]
AnyLicenceOption = Annotated[
    bool,
    typer.Option(
        "--any-licence",
        rich_help_panel=DATA,
        help="Use recordings that the manifest says may not be passed on: keep such a model to yourself.",
    ),
]
LabelsOption = Annotated[
    bool, typer.Option("--labels", rich_help_panel=MODEL, help="Let the class be chosen when sound is made.")
]
LatentOption = Annotated[
    int | None,
    option("--latent-dim", panel=MODEL, metavar="N", min=1, help="Numbers a latent vector.", default="the paper's"),
]
RateOption = Annotated[
    int | None, option("--sample-rate", panel=MODEL, metavar="HZ", min=1000, help="Of the model.", default="24000")
]
HopOption = Annotated[
    int | None,
    option("--hop-length", panel=MODEL, metavar="N", min=1, help="Samples a latent vector.", default="the model's"),
]
LicenceOption = Annotated[
    str, typer.Option("--licence", metavar="NAME", rich_help_panel=MODEL, help="Of the weights, for the card.")
]
MinutesOption = Annotated[
    float | None,
    option("--minutes", panel=BUDGET, metavar="N", help="Stop after this many minutes of training.", default="10"),
]
StepsOption = Annotated[
    int | None, option("--steps", panel=BUDGET, metavar="N", min=1, help="Stop after this many steps.")
]
ResumeOption = Annotated[
    bool, typer.Option("--resume", rich_help_panel=BUDGET, help="Go on from the checkpoint in the folder.")
]
BatchOption = Annotated[
    int | None, option("--batch-size", panel=TRAINING, metavar="N", min=1, help="Clips in a step.", default="16")
]
CropOption = Annotated[
    float | None,
    option("--crop-seconds", panel=TRAINING, metavar="N", help="Length of the clips.", default="1"),
]
LearningOption = Annotated[
    float | None,
    option("--learning-rate", panel=TRAINING, metavar="NUMBER", help="The highest rate.", default="the recipe's"),
]
BetaOption = Annotated[
    float | None,
    option("--beta", panel=TRAINING, metavar="NUMBER", help="Weight of the KL term.", default="the recipe's"),
]
ValidateOption = Annotated[
    int | None,
    option("--validate-every", panel=TRAINING, metavar="N", min=1, help="Steps between held-out tests.", default="200"),
]
SeedOption = Annotated[
    int,
    typer.Option(
        "--seed", metavar="N", min=0, max=2**31, rich_help_panel=TRAINING, help="Of first weights and all draws."
    ),
]
DeviceOption = Annotated[
    str,
    typer.Option(
        "--device", metavar="NAME", rich_help_panel=TRAINING, help="Where PyTorch computes: cpu, cuda, cuda:1, mps."
    ),
]
Bfloat16Option = Annotated[
    bool, typer.Option("--bfloat16", rich_help_panel=TRAINING, help="Compute the networks in bfloat16.")
]
WidthOption = Annotated[
    int | None, option("--width", panel=MODEL, metavar="N", min=1, help="Of the networks.", default="384")
]
WindowOption = Annotated[
    int | None,
    option(
        "--window-length", panel=MODEL, metavar="N", min=1, help="Samples a spectrum; short for drums.", default="1024"
    ),
]
InitOption = Annotated[
    Path | None,
    option(
        "--init",
        panel=TRAINING,
        metavar="FOLDER",
        help="Begin with the weights of this model, of the same kind and sizes.",
    ),
]
DecoderOption = Annotated[
    str | None,
    option(
        "--decoder",
        panel=MODEL,
        metavar="NAME",
        help="fi+pp: filtered noise and post-processing; fi: without it; up, tr: the paper's baselines.",
        default="fi+pp",
    ),
]
TemporalOption = Annotated[
    bool,
    typer.Option("--temporal", rich_help_panel=MODEL, help="Learn whole one-shots as well, for `lgr sample`."),
]
FramesOption = Annotated[
    int | None,
    option("--frames", panel=MODEL, metavar="N", min=1, help="Length of a one-shot, with --temporal.", default="96"),
]
AdversarialOption = Annotated[
    bool,
    typer.Option(
        "--adversarial/--no-adversarial",
        rich_help_panel=TRAINING,
        help="Train against discriminators in the second half of the budget, as the paper does: slow without a GPU.",
    ),
]


SIZES = ("latent_dim", "sample_rate", "hop_length", "decoder", "width", "window_length")
# Options that only some kinds have.
OWN = {
    "temporal": ("granular", "spectral"),
    "frames": ("granular", "spectral"),
    "decoder": ("granular",),
    "width": ("spectral",),
    "window_length": ("spectral",),
    "adversarial": ("encodec-vae",),
}


def _options(
    data: DataOption,
    out: OutOption,
    minutes: MinutesOption = None,
    steps: StepsOption = None,
    resume: ResumeOption = False,
    category: CategoryOption = None,
    class_: ClassOption = None,
    any_licence: AnyLicenceOption = False,
    labels: LabelsOption = False,
    temporal: TemporalOption = False,
    frames: FramesOption = None,
    decoder: DecoderOption = None,
    width: WidthOption = None,
    window_length: WindowOption = None,
    latent_dim: LatentOption = None,
    sample_rate: RateOption = None,
    hop_length: HopOption = None,
    licence: LicenceOption = "",
    init: InitOption = None,
    adversarial: AdversarialOption = False,
    batch_size: BatchOption = None,
    crop_seconds: CropOption = None,
    learning_rate: LearningOption = None,
    beta: BetaOption = None,
    validate_every: ValidateOption = None,
    seed: SeedOption = 0,
    device: DeviceOption = "cpu",
    bfloat16: Bfloat16Option = False,
) -> None:
    """The options of all models; those in ``OWN`` belong to some."""


def model_command(kind: str) -> Callable[..., None]:
    """The command that trains a kind of model: ``_options`` without those of other kinds."""

    def command(**options: Any) -> None:
        train(kind, **options)

    whole = inspect.signature(_options)
    mine = [option for option in whole.parameters.values() if kind in OWN.get(option.name, (kind,))]
    command.__signature__ = whole.replace(parameters=mine)  # type: ignore[attr-defined]
    command.__annotations__ = {option.name: option.annotation for option in mine}
    command.__doc__ = HELP[kind]
    return command


_STOP = """Stop it with Ctrl-C and go on with --resume. Part of the recordings, by
    source, is held out to test on. The folder then works as --codec FOLDER.

    \b
    Example:"""
HELP = {
    "granular": f"""Train a granular VAE: drums, notes, calls; with --temporal whole one-shots.
    {_STOP}
      lgr train granular --data drums/ --out runs/drums --labels --temporal
      lgr sample runs/drums --class snare --n 8 -o snares/
    """,
    "ddsp-noise": f"""Train a VAE of filtered noise on textures: rain, sea, wind.
    {_STOP}
      lgr train ddsp-noise --data rain/ --out runs/rain --minutes 10
    """,
    "noiseband": f"""Train a VAE of noise bands on textures: rain, sea, wind.
    {_STOP}
      lgr train noiseband --data rain/ --out runs/rain --minutes 10
    """,
    "spectral": f"""Train a VAE of magnitudes, for any sound: what is between two latents can be heard.
    {_STOP}
      lgr train spectral --data recordings/ --out runs/mine --minutes 60
      lgr train spectral --data drums/ --out runs/drums --labels --temporal
    """,
    "encodec-vae": f"""Train a VAE of waveforms with EnCodec's network.
    {_STOP}
      lgr train encodec-vae --data sea/ --out runs/sea --latent-dim 16
    """,
}


def train(kind: str, *, data: Path, out: Path, **options: Any) -> None:
    """Train a model of this kind with the options that were given, showing progress."""
    from lgr.cli.support.options import given
    from lgr.cli.support.training import run_folder
    from lgr.codecs.registry import find_device
    from lgr.files import assets_dir
    from lgr.models.kinds import model_config
    from lgr.train.data import shipped_groups
    from lgr.train.vae.config import recipe
    from lgr.train.vae.train import train_model

    find_device(options["device"])
    in_recipe = (
        "minutes",
        "steps",
        "batch_size",
        "crop_seconds",
        "learning_rate",
        "beta",
        "validate_every",
        "seed",
        "bfloat16",
    )
    of_recipe = given(**{name: options.get(name) for name in (*in_recipe, "temporal", "adversarial")})
    sizes = given(**{name: options.get(name) for name in SIZES})
    config, out = recipe(kind, **of_recipe), out.expanduser()
    if options.get("frames") is not None and not config.temporal:
        raise ArgumentError(f"--frames needs --temporal, got --frames {options['frames']} without it")
    with run_folder(out), training_report() as report:
        train_model(
            kind,
            data.expanduser(),
            out,
            config=config,
            model_config=model_config(kind, sizes),
            temporal=given(frames=options.get("frames")),
            labels=options["labels"],
            categories=options["category"] or (),
            classes=options["class_"] or (),
            redistributable_only=not options["any_licence"],
            always_held_out=shipped_groups(assets_dir() / "audio" / "credits.csv"),
            resume=options["resume"],
            init=options["init"],
            device=options["device"],
            licence=options["licence"],
            report=report,
        )


@contextmanager
def training_report() -> Iterator[Callable[[dict[str, Any]], None]]:
    """Yield a function of log rows: a bar with losses on a terminal, a line a row anywhere else."""
    if not sys.stderr.isatty():
        yield lambda row: typer.echo(told(row))
        return
    from rich.console import Console, Group
    from rich.live import Live
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
    from rich.text import Text

    columns = (TextColumn("{task.description:<9}"), BarColumn(bar_width=24), TaskProgressColumn())
    bar = Progress(*columns, TextColumn("{task.fields[pace]}"), console=Console(stderr=True))
    below = Text("losses follow")
    task = bar.add_task("training", total=1.0, pace="")
    with Live(Group(bar, below), console=bar.console):

        def report(row: dict[str, Any]) -> None:
            if "note" in row or "held_out" in row:
                bar.console.print(told(row), markup=False, highlight=False)
                return
            bar.update(task, description=row["stage"], completed=row["done"], pace=pace(row))
            below.plain = terms(row)

        yield report


def told(row: dict[str, Any]) -> str:
    """A log row as a line of text."""
    if "note" in row:
        return str(row["note"])
    what = "held out: " + terms(row["held_out"]) if "held_out" in row else terms(row) + ", " + pace(row)
    return f"step {row['step']} ({row['stage']}), {100 * row['done']:.0f} %, {row['seconds']:.0f} s: {what}"


def pace(row: dict[str, Any]) -> str:
    """How much audio a second goes through training, and how long it will take yet."""
    minutes, seconds = divmod(round(row["left_seconds"]), 60)
    return f"{row['audio_per_second']:.1f} s of audio a second, {minutes}:{seconds:02d} left"


def terms(values: dict[str, Any]) -> str:
    """The loss terms of a row, without its other columns."""
    from lgr.plots.training import NO_TERMS

    named = {k: v for k, v in values.items() if k == "loss" or k not in NO_TERMS}
    return ", ".join(f"{k} {v:.3f}" for k, v in named.items())
