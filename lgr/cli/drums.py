"""``lgr drums``: a beat of sounds that no one recorded, from a pattern and a seed."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lgr.cli.support import options as o
from lgr.cli.support.options import option
from lgr.errors import ArgumentError

if TYPE_CHECKING:
    from lgr.codecs.trained import TrainedCodec
    from lgr.drums import Kit, Pattern

KIT, PATTERN = "Kit", "Pattern"
MODEL = "drums-spectral"
WHOLE = r"\d{1,9}"
AMOUNT = r"\d{0,9}\.?\d{1,9}"


def drums(
    pattern: Annotated[
        Path | None,
        typer.Argument(
            metavar="PATTERN",
            show_default=False,
            help="A .json that --json wrote, or a .mid. Default: a beat for the model's classes.",
        ),
    ] = None,
    out: Annotated[
        Path | None, option("--out", "-o", panel=o.FILES, metavar="FILE", help="The beat: .wav, .flac, .ogg or .mp3.")
    ] = None,
    kit: Annotated[
        Path | None, option("--kit", panel=o.FILES, metavar="FILE", help="The kit: a .zip of WAVs, and what made them.")
    ] = None,
    midi: Annotated[
        Path | None, option("--midi", panel=o.FILES, metavar="FILE", help="The pattern as a MIDI file, .mid.")
    ] = None,
    json: Annotated[
        Path | None, option("--json", panel=o.FILES, metavar="FILE", help="The pattern as .json, to be edited.")
    ] = None,
    model: Annotated[
        str | None,
        option(
            "--model",
            panel=KIT,
            metavar="NAME",
            help="A trained model with a temporal embedding, or its folder.",
            default=f"{MODEL}, or the kit's",
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", min=0, max=2**31, help="Of the kit, 0 or more.", rich_help_panel=KIT)
    ] = 0,
    frames: Annotated[
        int | None,
        option(
            "--frames",
            panel=KIT,
            metavar="N",
            min=1,
            help="Length of its sounds in latent frames.",
            default="as trained",
        ),
    ] = None,
    from_kit: Annotated[
        Path | None, option("--from-kit", panel=KIT, metavar="FILE", help="Play a kit that --kit wrote; draw none.")
    ] = None,
    resample: Annotated[
        list[str] | None,
        option("--resample", panel=KIT, metavar="N=SEED", help="Draw voice N, from 1, anew. Repeatable."),
    ] = None,
    path: Annotated[
        list[str] | None,
        option(
            "--path",
            panel=KIT,
            metavar="N=SEED",
            help="Make voice N a random straight line between two grains of its class. Repeatable.",
        ),
    ] = None,
    morph: Annotated[
        list[str] | None,
        option(
            "--morph",
            panel=KIT,
            metavar="N=M:AMOUNT",
            help="Take voice N towards voice M; 0 is N, 1 is M. Repeatable.",
        ),
    ] = None,
    series: Annotated[
        list[str] | None,
        option("--series", panel=KIT, metavar="N=M", help="Let the hits of voice N go to voice M. Repeatable."),
    ] = None,
    tempo: Annotated[
        float | None,
        option("--tempo", panel=PATTERN, metavar="BPM", help="Beats a minute, 20 to 400.", default="the pattern's"),
    ] = None,
    swing: Annotated[
        float | None,
        option(
            "--swing",
            panel=PATTERN,
            metavar="SHARE",
            help="What the first step of a pair takes of it: 0.5 is straight, 0.75 the most.",
            default="the pattern's",
        ),
    ] = None,
    loops: Annotated[
        int,
        typer.Option("--loops", metavar="N", min=1, max=1000, help="How often it is played.", rich_help_panel=PATTERN),
    ] = 1,
    force: o.ForceOption = False,
) -> None:
    """Play a pattern with a kit that a model draws from a seed.

    The same seed gives the same kit: its voices are those that `lgr sample`
    draws. Edit the pattern's .json or .mid and play it again; velocities are
    0 (no hit) to 127, a step is a sixteenth note.

    \b
    Example:
      lgr drums -o beat.wav
      lgr drums -o beat.wav --seed 3 --json beat.json --midi beat.mid
      lgr drums beat.json -o beat2.wav --seed 3 --resample 2=17 --kit kit.zip
      lgr drums beat.json -o fill.wav --from-kit kit.zip --series 8=5
      lgr drums --model my-drums -o mine.wav --tempo 174 --loops 4
    """
    from lgr.cli.support.outputs import Outputs
    from lgr.cli.support.tables import seconds_text
    from lgr.drums import default_pattern, load_kit, load_pattern, render_pattern, save_kit, save_pattern
    from lgr.sound.audio import save_audio

    if out is kit is midi is json is None:
        raise ArgumentError("what to write must be said by -o, --kit, --midi or --json, got none of them")
    if from_kit is not None and (seed or frames is not None):
        raise ArgumentError(f"--from-kit must go without --seed and --frames, which draw a kit, got all for {from_kit}")
    changes = _changes(resample=resample, path=path, morph=morph, series=series)
    with Outputs(force=force, inputs=[each for each in (pattern, from_kit) if each is not None]) as outputs:
        files = {
            "audio": outputs.claim_optional(out, "audio", "-o"),
            "kit": outputs.claim_optional(kit, "kit", "--kit"),
            "midi": outputs.claim_optional(midi, "MIDI file", "--midi"),
            "json": outputs.claim_optional(json, "pattern", "--json"),
        }
        loaded = None if from_kit is None else load_kit(from_kit)
        played = None if pattern is None else load_pattern(pattern)
        sounds = bool(out or kit)
        codec = None
        if (sounds and (loaded is None or changes)) or (played is None and loaded is None):
            codec = _open(model or (MODEL if loaded is None else loaded.codec))
        if played is None:
            played = default_pattern(loaded.labels if loaded is not None else codec.labels if codec is not None else [])
        played = _at(played, tempo, swing)
        for file in (files["midi"], files["json"]):
            if file is not None:
                save_pattern(played, file, force=True)
        if sounds:
            drawn = _kit(loaded, codec, played, seed, frames, changes)
            if files["audio"] is not None:
                audio = render_pattern(played, drawn, loops)
                save_audio(files["audio"], audio, drawn.sample_rate, force=True)
            if files["kit"] is not None:
                save_kit(drawn, files["kit"], force=True)
    beat = f"{len(played.tracks)} tracks of {played.n_steps} steps, {played.tempo:g} beats a minute"
    if out is not None:
        typer.echo(f"{out}: {seconds_text(audio.shape[1] / drawn.sample_rate)}, {beat}")
    for written, what in ((kit, "the kit"), (midi, beat), (json, beat)):
        if written is not None:
            typer.echo(f"{written}: {what}")


Change = tuple[str, int, str]  # what to do, to which voice (from 0), and the rest of what was said


def _changes(**said: Sequence[str] | None) -> list[Change]:
    """The changes of voices that options ask for, in the order in which they are made."""
    forms = {
        "resample": (WHOLE, "N=SEED, such as 2=17"),
        "path": (WHOLE, "N=SEED, such as 2=17"),
        "morph": (f"{WHOLE}:{AMOUNT}", "N=M:AMOUNT, such as 2=4:0.5"),
        "series": (WHOLE, "N=M, such as 8=5"),
    }
    found = []
    for name, texts in said.items():
        form, words = forms[name]
        for text in texts or ():
            match = re.fullmatch(f"({WHOLE})=({form})", text.strip())
            if match is None or match[1].strip("0") == "":
                raise ArgumentError(f"--{name} must be {words}, voices counted from 1, got {text!r}")
            found.append((name, int(match[1]) - 1, match[2]))
    return found


def _open(name: str) -> "TrainedCodec":
    from lgr.codecs.registry import load_codec
    from lgr.codecs.trained import TrainedCodec
    from lgr.one_shots import temporal_of

    codec = load_codec(str(Path(name).expanduser()) if Path(name).expanduser().is_dir() else name)
    temporal_of(codec)
    assert isinstance(codec, TrainedCodec)  # as temporal_of found
    return codec


def _at(pattern: "Pattern", tempo: float | None, swing: float | None) -> "Pattern":
    """``pattern`` at another tempo and swing, where these are given."""
    from dataclasses import replace

    return replace(pattern, **o.given(tempo=tempo, swing=swing))


def _kit(
    loaded: "Kit | None",
    codec: "TrainedCodec | None",
    pattern: "Pattern",
    seed: int,
    frames: int | None,
    changes: list[Change],
) -> "Kit":
    """The kit that was loaded, or else one drawn for the pattern, with its changes made."""
    from lgr.drums import draw_kit, morph_voice, resample_voice, sample_path, series_voice
    from lgr.drums.kit import check_codec

    if codec is None:
        assert loaded is not None  # a kit is loaded or drawn
        return loaded
    if loaded is not None:
        check_codec(loaded, codec)
    kit = loaded or draw_kit(codec, pattern.labels, seed, frames=frames)
    for name, number, rest in changes:
        old = kit.voice(number)
        if name == "resample":
            kit = resample_voice(kit, codec, number, int(rest))
        elif name == "path":
            kit = kit.with_voice(number, sample_path(codec, old.label, int(rest), frames=old.frames))
        elif name == "morph":
            towards, _, amount = rest.partition(":")
            kit = morph_voice(kit, codec, number, int(towards) - 1, float(amount))
        else:
            voices = zip(pattern.tracks, kit.for_labels(pattern.labels), strict=True)
            n = max((len(track.hits) for track, voice in voices if voice is old), default=0)
            if n < 2:
                raise ArgumentError(f"--series {number + 1}={rest} must be of a voice with two hits or more, got {n}")
            kit = series_voice(kit, codec, number, int(rest) - 1, n)
    return kit
