"""``lgr refine``: a sound from its coarse codes, brought back by a bridge."""

from pathlib import Path
from typing import Annotated

import typer

from lgr.cli.support import options as o


def refine(
    sound: Annotated[Path, typer.Argument(metavar="SOUND", show_default=False, help="The file to bring back.")],
    out: Annotated[Path, o.option("--out", "-o", metavar="FILE", help="The result: .wav, .flac, .ogg or .mp3.")],
    levels: Annotated[
        int | None,
        o.option("--levels", metavar="N", min=1, help="Levels of codes that are kept.", default="the bridge's"),
    ] = None,
    bridge: Annotated[
        str,
        typer.Option(
            "--bridge",
            metavar="KIND",
            help="schrodinger or regression, a folder that `lgr train bridge` wrote, or none: the codes by themselves.",
        ),
    ] = "schrodinger",
    steps: Annotated[
        int | None,
        o.option("--steps", metavar="N", min=1, max=64, help="Evaluations of the network.", default="8, or 1"),
    ] = None,
    codec: Annotated[
        str,
        typer.Option(
            "--codec", metavar="NAME", rich_help_panel=o.CODEC, help="A codec with codes, or the folder of one."
        ),
    ] = "spectral",
    seed: o.SeedOption = 0,
    force: o.ForceOption = False,
) -> None:
    """Throw away all but the coarsest codes of a sound, and make up the rest.

    A few hundred bits a second say what is played; a bridge makes up how it
    sounds (paper 002). Compare with --bridge none.

    \b
    Example:
      lgr refine voice.wav --levels 1 --bridge schrodinger --steps 16 -o out.wav
      lgr refine voice.wav --levels 1 --bridge none -o coarse.wav
    """
    from lgr.cli.support.outputs import Outputs
    from lgr.cli.support.progress import progress_bar
    from lgr.cli.support.sources import open_codec
    from lgr.cli.support.tables import seconds_text
    from lgr.refine import refine as bring_back
    from lgr.sound.audio import save_audio

    with Outputs(force=force, inputs=[sound]) as outputs:
        file = outputs.claim(out, "audio", "-o")
        opened = open_codec(codec)
        with progress_bar() as progress:
            made = bring_back(
                sound,
                codec=opened,
                bridge=None if bridge == "none" else bridge,
                levels=levels,
                steps=steps,
                seed=seed,
                progress=progress,
            )
        save_audio(file, made.audio, made.sample_rate, force=True)
    typer.echo(f"{out}: {seconds_text(made.audio.shape[1] / made.sample_rate)}, from {made.kbit_s:.2g} kbit/s")
