"""``lgr codes``: a sound as a few integer codes a frame, and back."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lgr.cli.support import options as o

if TYPE_CHECKING:
    from lgr.codecs.base import Codec


def codes(
    given: Annotated[
        Path, typer.Argument(metavar="FILE", show_default=False, help="A sound, or codes (.npz) that this wrote.")
    ],
    out: Annotated[
        Path,
        o.option("--out", "-o", panel=o.FILES, metavar="FILE", help="Codes (.npz) of a sound; a sound of codes."),
    ],
    codec: Annotated[
        str | None,
        o.option(
            "--codec",
            panel=o.CODEC,
            metavar="NAME",
            help="A codec with codes: a name that `lgr codecs` lists, or a folder.",
            default="bundled, or the codes'",
        ),
    ] = None,
    levels: Annotated[
        int | None,
        o.option(
            "--levels",
            panel=o.CODEC,
            metavar="N",
            min=1,
            help="Levels to write or play, from the coarsest.",
            default="all",
        ),
    ] = None,
    force: o.ForceOption = False,
) -> None:
    """Write a sound as codes, or play codes: a few whole numbers a frame.

    Codes say how the sound was coded, how long and how loud it was, so they
    are played as it was. Fewer levels are fewer bits, and rougher.

    \b
    Example:
      lgr codes voice.wav --codec spectral --levels 4 -o voice.npz
      lgr codes voice.npz -o again.wav
    """
    from lgr.codes import SUFFIX

    if given.suffix.lower() == SUFFIX:
        _play(given, out, codec, levels, force)
    else:
        _write(given, out, codec, levels, force)


def _write(sound: Path, out: Path, codec: str | None, levels: int | None, force: bool) -> None:
    from lgr.cli.support.outputs import Outputs
    from lgr.cli.support.sources import open_codec
    from lgr.cli.support.tables import seconds_text
    from lgr.codes import codes_of

    with Outputs(force=force, inputs=[sound]) as outputs:
        part = outputs.claim(out, "codes", "-o")
        opened = _with_levels(open_codec(codec), levels)
        made = codes_of(sound, opened, levels=levels)
        made.save(part, force=True)
    lanes, _, frames = made.codes.shape
    typer.echo(
        f"{out}: {seconds_text(made.samples / made.sample_rate)}, {made.levels} levels of {made.codec.name}, "
        f"{frames} frames{' of 2 lanes' if lanes == 2 else ''}, {made.kbit_per_second:.3g} kbit/s"
    )


def _play(file: Path, out: Path, codec: str | None, levels: int | None, force: bool) -> None:
    from lgr.cli.support.outputs import Outputs
    from lgr.cli.support.sources import open_codec
    from lgr.cli.support.tables import seconds_text
    from lgr.codes import Codes, sound_of
    from lgr.sound.audio import save_audio

    loaded = Codes.load(file)
    with Outputs(force=force, inputs=[file]) as outputs:
        part = outputs.claim(out, "audio", "-o")
        opened = _with_levels(open_codec(codec, made_with=loaded.codec.name, what=str(file)), loaded.levels)
        audio, rate = sound_of(loaded, opened, levels=levels)
        save_audio(part, audio, rate, force=True)
    channels, samples = audio.shape
    played = loaded.kbit_per_second * (levels or loaded.levels) / loaded.levels
    typer.echo(
        f"{out}: {seconds_text(samples / rate)}, {rate} Hz, {'stereo' if channels == 2 else 'mono'}, "
        f"{played:.3g} kbit/s"
    )


def _with_levels(codec: "Codec", levels: int | None) -> "Codec":
    """The codec, opened again with ``levels`` where its rows of codes are not its levels alone (EnCodec at 48 kHz)."""
    from lgr.codecs.base import DiscreteCodec
    from lgr.codecs.registry import load_codec
    from lgr.codes import quantizer_levels

    if levels is None or not isinstance(codec, DiscreteCodec):
        return codec
    have = quantizer_levels(codec)
    return load_codec(codec.info.name, n_levels=levels) if have < codec.n_codebooks and levels < have else codec
