"""``lgr train quantizer``: codes for a codec's latents, from one's own recordings."""

from pathlib import Path
from typing import Annotated

import typer

from lgr.cli.support.options import ForceOption, option

BUDGET, DATA, TRAINING = "Budget", "Data", "Training"


def quantizer(
    data: Annotated[
        Path, option("--data", panel=DATA, metavar="PATH", help="A folder of recordings or a manifest.csv.")
    ],
    out: Annotated[Path, option("--out", "-o", panel=DATA, metavar="FOLDER", help="Where the quantizer goes.")],
    codec: Annotated[
        str | None,
        option(
            "--codec",
            panel=DATA,
            metavar="NAME",
            help="Whose latents: a name that `lgr codecs` lists, or the folder of a trained codec.",
            default="bundled",
        ),
    ] = None,
    force: ForceOption = False,
    steps: Annotated[
        int | None, option("--steps", panel=BUDGET, metavar="N", min=1, help="Training steps a level.", default="150")
    ] = None,
    levels: Annotated[
        int | None, option("--levels", panel=TRAINING, metavar="N", min=1, max=64, help="Codes a frame.", default="8")
    ] = None,
    entries: Annotated[
        int | None,
        option("--entries", panel=TRAINING, metavar="N", min=2, max=65536, help="Of each level.", default="1024"),
    ] = None,
    any_licence: Annotated[
        bool,
        typer.Option(
            "--any-licence",
            rich_help_panel=DATA,
            help="Use recordings that the manifest says may not be passed on: keep such a quantizer to yourself.",
        ),
    ] = False,
    licence: Annotated[
        str,
        typer.Option("--licence", metavar="NAME", rich_help_panel=TRAINING, help="Of the quantizer, for the card."),
    ] = "",
    seed: Annotated[
        int,
        typer.Option("--seed", metavar="N", min=0, max=2**31, rich_help_panel=TRAINING, help="Of all draws."),
    ] = 0,
) -> None:
    """Train what says a codec's latents in a few codes a frame, for `lgr codes`.

    No labels are needed, and the codec stays as it is. It takes minutes to
    an hour; what was encoded is kept in FOLDER/cache, for another try there
    (--force). Copied into a codec's folder, quantizer.safetensors gives that
    codec its codes.

    \b
    Example:
      lgr train quantizer --codec my-rain --data rain/ --out runs/codes
      cp runs/codes/quantizer.safetensors my-rain/
      lgr codes rain.wav --codec my-rain --levels 4 -o rain.npz
    """
    import shlex
    import sys

    from lgr.cli.support.options import given
    from lgr.cli.support.outputs import result_folder
    from lgr.cli.support.progress import progress_bar
    from lgr.codecs.folder import QUANTIZER
    from lgr.codecs.registry import load_codec
    from lgr.files import assets_dir
    from lgr.train.data import shipped_groups
    from lgr.train.quantizer.fit import QuantizerTrainConfig
    from lgr.train.quantizer.train import train_quantizer

    out = out.expanduser()
    config = QuantizerTrainConfig(**given(steps=steps, seed=seed))
    opened = load_codec(codec or "bundled")
    try:
        with result_folder(out, "--out", parents=True), progress_bar() as progress:
            train_quantizer(
                data.expanduser(),
                out,
                codec=opened,
                config=config,
                **given(levels=levels, entries=entries),
                redistributable_only=not any_licence,
                always_held_out=shipped_groups(assets_dir() / "audio" / "credits.csv"),
                licence=licence,
                force=force,
                # files by their names alone: a card must not tell where a person keeps them
                command=["lgr", *(Path(word).name if "/" in word else word for word in sys.argv[1:])],
                report=typer.echo,
                progress=progress,
            )
    except KeyboardInterrupt as stop:
        raise KeyboardInterrupt(f"training in {out} stopped; no quantizer was written") from stop
    typer.echo(
        f"{out}: trained for {opened.info.name}; {shlex.quote(str(out / QUANTIZER))} in the folder of that codec gives "
        "it codes"
    )
