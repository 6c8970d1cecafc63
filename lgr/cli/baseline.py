"""``lgr baseline``: play a target by another way than grains of latents, to hear what latents buy."""

from pathlib import Path
from typing import Annotated

import typer

from lgr.cli.support import options as o


def baseline(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="random, unchanged, source, mosaic, nmf or particle.", show_default=False),
    ],
    sources: Annotated[
        list[str], typer.Argument(metavar="SOURCE", help="Files, folders or 'patterns*'.", show_default=False)
    ],
    target: o.TargetOption,
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", metavar="FILE", help="The result: .wav, .flac, .ogg or .mp3.", rich_help_panel=o.FILES
        ),
    ],
    score: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Also write which grain was played when: .json or .csv (random and mosaic only).",
            rich_help_panel=o.FILES,
        ),
    ] = None,
    force: o.ForceOption = False,
    codec: o.CodecOption = None,
    grain_frames: o.GrainFramesOption = None,
    seed: o.SeedOption = 0,
    match_loudness: o.LoudnessOption = None,
) -> None:
    """Play a target with sources by another way, to compare.

    \b
    random      grains of latents drawn blindly
    unchanged   the target through the codec and back
    source      the sources played on, over and over
    mosaic      nearest MFCC among grains of the waveform, overlap-added
    nmf         sums of the sources' spectra (Driedger et al. 2015)
    particle    a particle filter after The Concatenator (2024)

    All are as long as the target and follow its level, as a resynthesis does.

    \b
    Example:
      lgr baseline mosaic glass.wav -t drums.wav -o mosaic.wav
      lgr baseline nmf rain/ -t voice.wav -o nmf.wav --seed 3
    """
    from lgr.baselines.play import CHOOSES_GRAINS, baseline_names, play_baseline
    from lgr.cli.support.outputs import Outputs
    from lgr.cli.support.progress import progress_bar
    from lgr.cli.support.sources import find_sources, open_codec
    from lgr.cli.support.tables import seconds_text
    from lgr.errors import ArgumentError
    from lgr.sound.audio import audio_info

    if name not in baseline_names():
        raise ArgumentError(f"NAME must be one of {', '.join(baseline_names())}, got {name!r}")
    if score is not None and name not in CHOOSES_GRAINS:
        raise ArgumentError(f"--score goes with {' and '.join(CHOOSES_GRAINS)}, which choose grains, got {name!r}")
    found = find_sources(sources)
    if found.codebook is not None:
        raise ArgumentError(f"SOURCE must name recordings for a baseline, got the codebook {sources[0]}")
    target_info = audio_info(target)
    with Outputs(force=force, inputs=[target, *found.files]) as outputs:
        audio_part = outputs.claim(out, "audio", "-o")
        score_part = outputs.claim_optional(score, "score", "--score")
        opened = open_codec(codec)
        check_rate(audio_part, max(target_info.sample_rate, opened.info.sample_rate))
        with progress_bar() as progress:
            result = play_baseline(
                name,
                target,
                found.files,
                codec=opened,
                seed=seed,
                progress=progress,
                **o.given(grain_frames=grain_frames, match_loudness=match_loudness),
            )
            result.save(audio_part, force=True)
            if score_part and result.score is not None:
                result.score.save(score_part, force=True)
    channels, samples = result.audio.shape
    typer.echo(
        f"{out}: {seconds_text(samples / result.sample_rate)}, {result.sample_rate} Hz, "
        f"{'stereo' if channels == 2 else 'mono'}; {name}; made in {seconds_text(result.seconds)}"
    )
    if score is not None:
        typer.echo(str(score))


def check_rate(path: Path, sample_rate: int) -> None:
    """Try the format of an output on a sample of silence: mp3, for one, does not have every rate."""
    import torch

    from lgr.sound.audio import save_audio

    save_audio(path, torch.zeros(2, 1), sample_rate, force=True)
