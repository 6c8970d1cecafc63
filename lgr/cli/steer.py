"""``lgr steer``: a sound made louder, brighter or noisier over time, through a codec that has such controls."""

from pathlib import Path
from typing import Annotated

import typer

from lgr.cli.support import options as o


def steer(
    sound: Annotated[Path, typer.Argument(metavar="SOUND", show_default=False, help="The file to play again.")],
    out: Annotated[Path, o.option("--out", "-o", metavar="FILE", help="The result: .wav, .flac, .ogg or .mp3.")],
    level: o.LevelOption = None,
    brightness: o.BrightnessOption = None,
    noisiness: o.NoisinessOption = None,
    intensity: o.IntensityOption = None,
    codec: Annotated[
        str,
        typer.Option(
            "--codec", metavar="NAME", rich_help_panel=o.CODEC, help="A codec with controls, as `lgr codecs` tells."
        ),
    ] = "spectral",
    force: o.ForceOption = False,
) -> None:
    """Play a sound again, louder, brighter or noisier, each as a number or over time.

    One control moves one thing and leaves the others: brightness keeps the
    level, noisiness keeps both, intensity keeps the level.

    \b
    Example:
      lgr steer rain.wav -o brighter.wav --brightness 0:-1,4:1
      lgr steer flute.wav -o breath.wav --noisiness 0:0,3:1.5 --level -6
    """
    from lgr.cli.support.outputs import Outputs
    from lgr.cli.support.sources import open_codec
    from lgr.cli.support.tables import seconds_text
    from lgr.sound.audio import save_audio
    from lgr.steering import steered_sound

    controls = o.given(level=level, brightness=brightness, noisiness=noisiness, intensity=intensity)
    with Outputs(force=force, inputs=[sound]) as outputs:
        file = outputs.claim(out, "audio", "-o")
        opened = open_codec(codec)
        audio = steered_sound(sound, opened, controls)
        save_audio(file, audio, opened.info.sample_rate, force=True)
    typer.echo(f"{out}: {seconds_text(audio.shape[1] / opened.info.sample_rate)}")
