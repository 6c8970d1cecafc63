"""``lgr train embedding``: a learned matcher for a codec, from one's own recordings."""

from pathlib import Path
from typing import Annotated

import typer

from lgr.cli.support.options import ForceOption, option

BUDGET, DATA, TRAINING = "Budget", "Data", "Training"


def embedding(
    data: Annotated[
        Path, option("--data", panel=DATA, metavar="PATH", help="A folder of recordings or a manifest.csv.")
    ],
    out: Annotated[Path, option("--out", "-o", panel=DATA, metavar="FOLDER", help="Where the embedding goes.")],
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
        int | None, option("--steps", panel=BUDGET, metavar="N", min=1, help="Training steps.", default="2000")
    ] = None,
    pitch_invariant: Annotated[
        bool,
        typer.Option(
            "--pitch-invariant",
            rich_help_panel=TRAINING,
            help="Call a sound the same when it is played at another speed.",
        ),
    ] = False,
    any_licence: Annotated[
        bool,
        typer.Option(
            "--any-licence",
            rich_help_panel=DATA,
            help="Use recordings that the manifest says may not be passed on: keep such an embedding to yourself.",
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
) -> None:
    """Train what --metric learned compares grains by, for a codec.

    No labels are needed: recordings that may sound like anything, in any
    folders. It takes minutes, most of them to encode; what was encoded is
    kept in FOLDER/cache, for another try there (--force) with other steps.

    \b
    Example:
      lgr train embedding --codec bundled --data sounds/ --out runs/timbre
      lgr resynth rain/ -t voice.wav -o out.wav --metric learned --embedding runs/timbre
    """
    import shlex
    import sys

    from lgr.cli.support.options import given
    from lgr.cli.support.outputs import result_folder
    from lgr.cli.support.progress import progress_bar
    from lgr.codecs.registry import load_codec
    from lgr.files import assets_dir
    from lgr.train.data import shipped_groups
    from lgr.train.embedding.config import EmbeddingTrainConfig
    from lgr.train.embedding.train import train_embedding

    out = out.expanduser()
    config = EmbeddingTrainConfig(**given(steps=steps, seed=seed), pitch_invariant=pitch_invariant)
    opened = load_codec(codec or "bundled")
    try:
        with result_folder(out, "--out", parents=True), progress_bar() as progress:
            trained = train_embedding(
                data.expanduser(),
                out,
                codec=opened,
                config=config,
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
        raise KeyboardInterrupt(f"training in {out} stopped; no embedding was written") from stop
    typer.echo(
        f"{out}: trained for {trained.codec.name}; try it with --metric learned --embedding {shlex.quote(str(out))}"
    )
