"""``lgr export``: a codec, its grains and the live loop as a file for other programs."""

from pathlib import Path
from typing import Annotated

import typer

from lgr.cli.support import options as o

EXPORT = "Export"
export_app = typer.Typer(help="Make a file that other programs play: nn~, for Max and Pd.")


def nn_tilde(
    codec: Annotated[
        str, typer.Argument(metavar="CODEC", show_default=False, help="A name of `lgr codecs`, or a codec's folder.")
    ],
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SOURCE]...",
            show_default=False,
            help="What to play with: files, folders, 'patterns*', or one saved codebook. Default: silence, until a "
            "buffer~ is given.",
        ),
    ] = None,
    *,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE.ts", show_default=False, help="The file for nn~.")],
    codebook: o.CodebookOption = None,
    force: o.ForceOption = False,
    grain_frames: o.GrainFramesOption = None,
    hop_frames: Annotated[
        int | None,
        o.option("--hop-frames", panel=EXPORT, metavar="N", help="Frames between choices; 1: less delay.", default="2"),
    ] = None,
    sample_rate: Annotated[
        int,
        typer.Option("--sample-rate", metavar="HZ", rich_help_panel=EXPORT, help="The host's, until it says its own."),
    ] = 44_100,
    seed: o.SeedOption = 0,
) -> None:
    """Write a TorchScript file for nn~ in Max and Pd.

    It plays what comes in with the grains of sources, as lgr live does; a
    buffer~ takes their place while it plays. nn is another name for nn~.
    CODEC is bundled, spectral, drums-spectral, notes-spectral,
    textures-noiseband, or a folder of lgr train codec, spectral, noiseband
    or ddsp-noise.

    \b
    Examples:
      lgr export nn~ bundled pads/ -o pads.ts
      lgr export nn bundled -o empty.ts --sample-rate 48000
      lgr export nn spectral rain/ -o rain.ts
    """
    from lgr.cli.support.outputs import Outputs
    from lgr.cli.support.progress import progress_bar
    from lgr.cli.support.sources import codec_for, find_sources, open_codec
    from lgr.codecs.registry import DOWNLOADED
    from lgr.export import export_nn_tilde
    from lgr.export.streams import cannot_be_exported

    if codec in DOWNLOADED:  # said before its weights are downloaded
        raise cannot_be_exported(codec)
    found = find_sources(sources, codebook) if sources or codebook is not None else None
    with Outputs(force=force, inputs=found.files if found is not None else ()) as outputs:
        part = outputs.claim(out, "TorchScript file", "-o")
        opened = open_codec(codec) if found is None else codec_for(found, codec, None, None)
        with progress_bar() as progress:
            model = export_nn_tilde(
                opened,
                part,
                () if found is None else found.codebook or found.files,
                grain_frames=grain_frames,
                hop_frames=hop_frames,
                sample_rate=sample_rate,
                seed=seed,
                force=True,
                progress=progress,
            )
    late = f"{model.player.latency} samples at {model.player.sample_rate:,} Hz"
    typer.echo(f"{out}: {', '.join(model.methods)}; {model.player.loop.corpus.said()}; latency {late}")


export_app.command("nn~")(nn_tilde)
export_app.command("nn", hidden=True)(nn_tilde)
