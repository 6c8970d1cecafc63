"""``lgr info``: what a file or folder is."""

import math
from pathlib import Path
from typing import Annotated

import typer

from lgr.cli.support.sources import is_codebook
from lgr.errors import AudioFileError


def info(
    path: Annotated[
        Path,
        typer.Argument(metavar="FILE", show_default=False, help="A sound, a score, a codebook, a codec or a folder."),
    ],
) -> None:
    """Tell what a file or folder is.

    Sounds, scores, and folders of a codebook, of a trained codec or of sounds.

    \b
    Example:
      lgr info drums.wav
    """
    path = path.expanduser()
    if is_codebook(path):
        from lgr.cli.codebook import describe

        describe(path)
    elif (path / "config.json").is_file():
        _describe_codec(path)
    elif path.is_dir():
        _describe_folder(path)
    elif path.suffix.lower() in (".json", ".csv") and path.is_file():
        _describe_score(path)
    else:
        _describe_sound(path)


def _describe_sound(path: Path) -> None:
    from lgr.cli.support.tables import print_facts, seconds_text
    from lgr.sound.audio import audio_info, load_audio

    header = audio_info(path)
    audio, _ = load_audio(path)
    channels = {1: "1 (mono)", 2: "2 (stereo)"}.get(header.channels, f"{header.channels} (mixed to mono when played)")
    print_facts(
        [
            ("sound", str(path)),
            ("format", f"{header.format}, {header.subtype}"),
            ("rate", f"{header.sample_rate} Hz"),
            ("channels", channels),
            ("duration", f"{seconds_text(header.duration_seconds)} ({header.samples} samples)"),
            ("peak", _level(float(audio.abs().max()))),
            ("RMS", _level(float(audio.double().square().mean().sqrt()))),
        ]
    )


def _level(amplitude: float) -> str:
    return f"{20 * math.log10(amplitude):.1f} dBFS" if amplitude > 0 else "digital silence"


def _describe_score(path: Path) -> None:
    from lgr.cli.support.pictures import sweep_measures
    from lgr.cli.support.tables import print_facts, print_table, seconds_text
    from lgr.score import Score

    score = Score.load(path)
    settings = score.made_by.get("resynth", {})
    measures = [(name, f"{value:.3g}") for name, value in sweep_measures(score).items()]
    print_facts(
        [
            ("score", str(path)),
            ("target", f"{score.target.path or score.target.name} ({seconds_text(score.target.duration_seconds)})"),
            ("codec", f"{score.codec}, {score.sample_rate / score.hop_length:.5g} frames/s"),
            ("grains", f"{len(score)} of {score.grain_frames} frames, one every {score.hop_frames}"),
            ("seed", str(score.seed)),
            *(
                (name, str(settings[name]))
                for name in ("temperature", "continuity", "pitch", "wet")
                if name in settings
            ),
            *measures,
        ]
    )
    typer.echo()
    counts = [int((score.recording == i).sum()) for i in range(len(score.recordings))]
    rows = [[r.name, str(n), r.path] for r, n in zip(score.recordings, counts, strict=True)]
    print_table(["recording", "grains played", "path"], rows, right=["grains played"])


def _describe_codec(path: Path) -> None:
    from lgr.cli.support.tables import print_facts
    from lgr.codecs.registry import codec_card

    card = codec_card(path)
    lookahead_ms = 1000 * card.lookahead / card.info.sample_rate
    print_facts(
        [
            ("trained codec", str(path)),
            ("rate", f"{card.info.sample_rate} Hz"),
            ("latents", f"{card.latent_dim}, {card.frame_rate:.5g} frames/s"),
            ("causal", f"{'yes' if card.causal else 'no'}, looks ahead {lookahead_ms:.3g} ms"),
            ("weights", "present" if card.present else "missing: model.safetensors"),
        ]
    )


def _describe_folder(path: Path) -> None:
    from lgr.cli.support.tables import print_facts, seconds_text
    from lgr.sound.audio import audio_info
    from lgr.sound.audio_files import audio_files

    total, damaged = 0.0, []
    files = audio_files([path])
    for file in files:
        try:
            total += audio_info(file).duration_seconds
        except AudioFileError as error:
            damaged.append(str(error))
    print_facts(
        [
            ("folder", str(path)),
            ("sounds", str(len(files))),
            ("duration", seconds_text(total)),
            *(("cannot be read", each) for each in damaged),
        ]
    )
