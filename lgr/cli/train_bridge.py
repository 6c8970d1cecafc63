"""``lgr train bridge``: from a codec's coarse codes to its latents, learned from one's own recordings (paper 002)."""

from pathlib import Path
from typing import Annotated

import typer

from lgr.cli.support.options import option

BUDGET, DATA, MODEL, TRAINING = "Budget", "Data", "Model", "Training"


def bridge(
    data: Annotated[
        Path, option("--data", panel=DATA, metavar="PATH", help="A folder of recordings or a manifest.csv.")
    ],
    out: Annotated[Path, option("--out", "-o", panel=DATA, metavar="FOLDER", help="Where the bridge goes.")],
    kind: Annotated[
        str,
        option("--kind", panel=MODEL, metavar="NAME", help="schrodinger, regression, tokens or coarse-to-fine."),
    ] = "schrodinger",
    codec: Annotated[
        str | None,
        option(
            "--codec",
            panel=DATA,
            metavar="NAME",
            help="Whose codes and latents: a name that `lgr codecs` lists, or the folder of one.",
            default="spectral",
        ),
    ] = None,
    given: Annotated[
        int | None,
        option("--given", panel=MODEL, metavar="N", min=1, help="Levels of codes that are known.", default="1"),
    ] = None,
    most_given: Annotated[
        int | None,
        option("--most-given", panel=MODEL, metavar="N", min=1, help="And up to so many, at times.", default="4"),
    ] = None,
    a_pass: Annotated[
        int | None,
        option(
            "--a-pass", panel=MODEL, metavar="N", min=1, help="Levels that coarse-to-fine adds at once.", default="1"
        ),
    ] = None,
    layers: Annotated[
        int | None, option("--layers", panel=MODEL, metavar="N", min=1, help="Of the Transformer.", default="6")
    ] = None,
    width: Annotated[
        int | None, option("--width", panel=MODEL, metavar="N", min=1, help="Of the Transformer.", default="168")
    ] = None,
    steps: Annotated[
        int | None, option("--steps", panel=BUDGET, metavar="N", min=1, help="Training steps.", default="2400")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", rich_help_panel=BUDGET, help="Go on from the checkpoint in the folder.")
    ] = False,
    batch_size: Annotated[
        int | None, option("--batch-size", panel=TRAINING, metavar="N", min=1, help="Crops in a step.", default="16")
    ] = None,
    learning_rate: Annotated[
        float | None,
        option("--learning-rate", panel=TRAINING, metavar="NUMBER", help="The highest rate.", default="0.001"),
    ] = None,
    data_share: Annotated[
        float | None,
        option("--data-share", panel=DATA, metavar="NUMBER", help="Of the recordings that may train.", default="1"),
    ] = None,
    any_licence: Annotated[
        bool,
        typer.Option(
            "--any-licence",
            rich_help_panel=DATA,
            help="Use recordings that the manifest says may not be passed on: keep such a bridge to yourself.",
        ),
    ] = False,
    licence: Annotated[
        str, typer.Option("--licence", metavar="NAME", rich_help_panel=TRAINING, help="Of the weights, for the card.")
    ] = "",
    seed: Annotated[
        int,
        typer.Option(
            "--seed", metavar="N", min=0, max=2**31, rich_help_panel=TRAINING, help="Of first weights and all draws."
        ),
    ] = 0,
    device: Annotated[
        str,
        typer.Option("--device", metavar="NAME", rich_help_panel=TRAINING, help="Where PyTorch computes: cpu, cuda."),
    ] = "cpu",
    bfloat16: Annotated[
        bool, typer.Option("--bfloat16", rich_help_panel=TRAINING, help="Compute the network in bfloat16.")
    ] = False,
) -> None:
    """Train a bridge from a codec's coarse codes to what its decoder wants.

    Stop it with Ctrl-C and go on with --resume. An eighth or so of the
    recordings is held out to test on.

    \b
    Example:
      lgr train bridge --kind schrodinger --codec spectral --data sounds/ -o runs/bridge
      lgr refine voice.wav --levels 1 --bridge runs/bridge -o out.wav
    """
    import shlex
    import sys

    from lgr.cli.support.options import given as those_given
    from lgr.cli.support.outputs import result_folder
    from lgr.cli.support.progress import progress_bar
    from lgr.codecs.registry import find_device, load_codec
    from lgr.files import assets_dir
    from lgr.train.bridge.config import BridgeTrainConfig
    from lgr.train.bridge.train import train_bridge
    from lgr.train.data import shipped_groups

    find_device(device)
    out = out.expanduser()
    settings = those_given(
        steps=steps, batch_size=batch_size, learning_rate=learning_rate, data_share=data_share, seed=seed
    )
    config = BridgeTrainConfig(**settings, bfloat16=bfloat16)
    opened = load_codec(codec or "spectral")
    try:
        with result_folder(out, "--out", parents=True), progress_bar() as progress:
            train_bridge(
                data.expanduser(),
                out,
                kind=kind,
                codec=opened,
                config=config,
                model=those_given(given=given, most_given=most_given, a_pass=a_pass, layers=layers, width=width),
                redistributable_only=not any_licence,
                always_held_out=shipped_groups(assets_dir() / "audio" / "credits.csv"),
                licence=licence,
                command=["lgr", *(Path(word).name if "/" in word else word for word in sys.argv[1:])],
                resume=resume,
                device=device,
                report=lambda row: progress("training", row["step"], row["of"]),
                progress=progress,
            )
    except KeyboardInterrupt as stop:
        kept = (out / "checkpoint.pt").exists()
        after = "go on from its last checkpoint with --resume" if kept else "there is no checkpoint yet"
        raise KeyboardInterrupt(f"training in {out} stopped; {after}") from stop
    typer.echo(f"{out}: trained for {opened.info.name}; try it with lgr refine --bridge {shlex.quote(str(out))}")
