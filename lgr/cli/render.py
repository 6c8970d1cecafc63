"""``lgr render``: the sound of a score."""

from pathlib import Path
from typing import Annotated

import typer


def render(
    score: Annotated[Path, typer.Argument(metavar="SCORE", show_default=False, help="A .json or .csv score.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="The result: .wav, .flac, .ogg or .mp3.")],
    codec: Annotated[
        str | None,
        typer.Option(metavar="NAME", show_default=False, help="For the score of a trained codec: the codec's folder."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing result.")] = False,
) -> None:
    """Play a score that `lgr resynth --score` wrote.

    An unchanged score gives the very samples that it came with; it may also
    be edited. The recordings that it plays, and the target where its level is
    followed, must be where they were and as they were.

    \b
    Example:
      lgr render out.json -o again.wav
    """
    from lgr.cli.support.outputs import Outputs
    from lgr.cli.support.progress import progress_bar
    from lgr.cli.support.sources import open_codec
    from lgr.cli.support.tables import seconds_text
    from lgr.rendering import render as play
    from lgr.score import Score

    loaded = Score.load(score)
    inputs = [score, *(Path(r.path) for r in (loaded.target, *loaded.recordings) if r.path)]
    with Outputs(force=force, inputs=inputs) as outputs:
        part = outputs.claim(out, "audio", "-o")
        from lgr.sound.audio import save_audio

        opened = open_codec(codec, made_with=loaded.codec, what=f"score {score}", **loaded.codec_options)
        with progress_bar() as progress:
            audio, rate = play(loaded, codec=opened, progress=progress)
        save_audio(part, audio, rate, force=True)
    channels, samples = audio.shape
    typer.echo(f"{out}: {seconds_text(samples / rate)}, {rate} Hz, {'stereo' if channels == 2 else 'mono'}")
