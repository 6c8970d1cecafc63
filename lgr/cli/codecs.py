"""``lgr codecs``: what codecs there are, and where their weights are or go."""

import typer


def codecs() -> None:
    """List the codecs, and where their weights are or belong.

    A codec has "latents" numbers in each of its frames, "ch" channels, and
    needs to hear "ahead (ms)" of the future for what it plays now. Latents
    that "copy" hold a waveform: sounds come back as they were, and a path
    between two is heard where both go on playing. Latents that "make" say
    what is heard, and sound is made anew: they can be held and travelled.

    \b
    Example:
      lgr codecs
      lgr resynth rain/ -t voice.wav -o out.wav --codec encodec-24khz
    """
    from lgr.cli.support.tables import print_table
    from lgr.codecs.registry import codec_card, codec_names
    from lgr.errors import LgrError
    from lgr.files import cache_dir

    rows, here, missing = [], [], []
    for name in codec_names():
        try:
            card = codec_card(name)
        except LgrError as error:  # one broken package must not hide the others
            rows.append([name, *[""] * 8, f"cannot be described: {error}"])
            continue
        info = card.info
        weights = "built in" if not card.needs_weights else "present" if card.present else "missing"
        rows.append(
            [
                name,
                f"{info.sample_rate / 1000:g}",
                str(info.channels),
                f"{info.frame_rate:.4g}",
                str(info.latent_dim),
                "make" if card.generates else "copy",
                "yes" if info.causal else "no",
                f"{1000 * info.lookahead / info.sample_rate:.0f}",
                info.licence or "?",
                weights,
            ]
        )
        if card.weights is not None:
            here.append((name, card.weights))
        elif not card.present:
            missing.append((name, card))
    headings = ["codec", "kHz", "ch", "frames\nper s", "latents", "they", "causal", "ahead\n(ms)", "licence", "weights"]
    print_table(headings, rows, right=["kHz", "ch", "frames\nper s", "latents", "ahead\n(ms)"])
    if here:
        typer.echo("\nWeights that are here:")
        for name, folder in here:
            typer.echo(f"  {name}: {folder}")
    if missing:
        typer.echo("\nMissing weights are downloaded at first use. Without a network, put these files")
        typer.echo("where they are said to go, or into any folder that the environment variable LGR_WEIGHTS names:")
        for name, card in missing:
            typer.echo(f"  {name}: into {cache_dir() / 'weights' / name}")
            for file in card.files:
                typer.echo(f"    {file.name} from {file.url}")
