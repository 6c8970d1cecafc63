"""``lgr train codec``: a codec like the bundled one, from one's own recordings."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from lgr.cli.support.options import option


def codec(
    data: Annotated[
        Path, typer.Option(metavar="PATH", help="A folder of recordings (subfolders are categories) or a manifest.csv.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FOLDER", help="Where checkpoints and the codec go.")],
    steps: Annotated[int | None, option("--steps", metavar="N", min=1, help="Training steps.", default="12000")] = None,
    batch_size: Annotated[
        int | None, option("--batch-size", metavar="N", min=2, help="Crops of 0.67 s in a step.", default="8")
    ] = None,
    learning_rate: Annotated[
        float | None, option("--learning-rate", metavar="NUMBER", min=0, help="The highest rate.", default="0.0008")
    ] = None,
    validate_every: Annotated[
        int | None,
        option("--validate-every", metavar="N", min=1, help="Steps between held-out tests.", default="1000"),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", min=0, max=2**31, help="Of the first weights and all draws.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint in the folder.")] = False,
    device: Annotated[
        str, typer.Option(metavar="NAME", help="Where PyTorch computes: cpu, cuda, cuda:1, mps.")
    ] = "cpu",
    bfloat16: Annotated[bool, typer.Option("--bfloat16", help="Compute the networks in bfloat16.")] = False,
) -> None:
    """Train a codec like the bundled one.

    Stop it with Ctrl-C and go on with --resume. An eighth or so of the
    recordings is held out to test on. The folder then works as --codec FOLDER.

    \b
    Example:
      lgr train codec --data recordings/ --out runs/codec
      lgr train codec --data recordings/ --out runs/codec --resume
      lgr resynth rain/ -t voice.wav -o out.wav --codec runs/codec
    """
    from lgr.cli.support.options import given
    from lgr.cli.support.training import run_folder
    from lgr.codecs.registry import find_device
    from lgr.files import assets_dir
    from lgr.train.codec.config import CodecTrainConfig
    from lgr.train.codec.train import train_codec
    from lgr.train.data import shipped_groups

    find_device(device)
    config = CodecTrainConfig(
        **given(
            steps=steps, batch_size=batch_size, learning_rate=learning_rate, validate_every=validate_every, seed=seed
        )
    )
    with run_folder(out), training_report(config.steps) as report:
        train_codec(
            data.expanduser(),
            out.expanduser(),
            config=config,
            resume=resume,
            device=device,
            bfloat16=bfloat16,
            always_held_out=shipped_groups(assets_dir() / "audio" / "credits.csv"),
            report=report,
        )


@contextmanager
def training_report(steps: int) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Yield a function of log rows: a bar with losses on a terminal, a line a row anywhere else."""
    if not sys.stderr.isatty():
        yield lambda row: typer.echo(f"step {row['step']} of {steps}, {row['seconds']:.0f} s: {losses(row)}")
        return
    from rich.console import Console, Group
    from rich.live import Live
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.text import Text

    bar = Progress(
        TextColumn("training"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        speed_estimate_period=120,
    )
    below = Text("losses follow, every 50 steps")
    task = bar.add_task("training", total=steps, rate="")
    with Live(Group(bar, below), console=bar.console):
        before = {"step": 0, "seconds": 0.0}

        def report(row: dict[str, Any]) -> None:
            if "held_out" in row:
                bar.console.print(f"step {row['step']}: {losses(row)}", markup=False, highlight=False)
                return
            seconds = row["seconds"] - before["seconds"]
            rate = f"{(row['step'] - before['step']) / seconds:.2f} steps/s" if seconds > 0 and before["step"] else ""
            bar.update(task, completed=row["step"], rate=rate)
            below.plain = losses(row)
            before.update(step=row["step"], seconds=row["seconds"])

        yield report


def losses(row: dict[str, Any]) -> str:
    """The loss terms of a log row: of training, or of held-out recordings."""
    held_out = row.get("held_out")
    terms = (
        held_out
        if held_out is not None
        else {k: v for k, v in row.items() if k not in ("step", "of", "seconds", "grad")}
    )
    return ("held out: " if held_out is not None else "") + ", ".join(f"{k} {v:.3f}" for k, v in terms.items())
