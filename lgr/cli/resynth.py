"""``lgr resynth``: play a target with the grains of sources."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lgr.cli.support import options as o

if TYPE_CHECKING:
    from lgr.resynth import Resynthesis


def resynth(
    sources: o.SourcesArgument = None,
    target: o.TargetOption = ...,  # type: ignore[assignment]  # typer's word for "required"
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", metavar="FILE", help="The result: .wav, .flac, .ogg or .mp3.", rich_help_panel=o.FILES
        ),
    ] = ...,  # type: ignore[assignment]
    score: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Also write which grain was played when: .json or .csv.", rich_help_panel=o.FILES
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also draw the score: .png, .svg or .pdf.", rich_help_panel=o.FILES),
    ] = None,
    reaper: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write a Reaper session: .rpp.", rich_help_panel=o.FILES),
    ] = None,
    dawproject: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Also write a session for Bitwig, Cubase or Studio One: .dawproject.",
            rich_help_panel=o.FILES,
        ),
    ] = None,
    codebook: o.CodebookOption = None,
    force: o.ForceOption = False,
    codec: o.CodecOption = None,
    space: o.SpaceOption = None,
    levels: o.LevelsOption = None,
    grain_frames: o.GrainFramesOption = None,
    hop_frames: o.HopFramesOption = None,
    stride: o.StrideOption = None,
    silence_db: o.SilenceOption = None,
    augment: o.AugmentOption = None,
    transpose: o.TransposeOption = None,
    metric: o.MetricOption = None,
    embedding: o.EmbeddingOption = None,
    temperature: o.TemperatureOption = None,
    continuity: o.ContinuityOption = None,
    pitch: o.PitchOption = None,
    sampler: o.SamplerOption = None,
    repetition_penalty: o.PenaltyOption = None,
    repetition_frames: o.PenaltyFramesOption = None,
    weight: o.WeightOption = None,
    seed: o.SeedOption = 0,
    wet: o.WetOption = None,
    match_loudness: o.LoudnessOption = None,
    bridge: o.BridgeOption = None,
    bridge_levels: o.BridgeLevelsOption = None,
    bridge_steps: o.BridgeStepsOption = None,
) -> None:
    """Play a target with the grains of sources.

    Sources are files, folders, patterns in quotes, or one codebook folder.
    The result is as long as the target; the same seed gives the same result.
    An ENVELOPE is a number, or points over the target's time as seconds:value,
    such as 0:0.1,5:1.0 (straight lines between, held at the ends).

    \b
    Examples:
      lgr resynth glass.wav rain/ -t drums.wav -o out.wav --temperature 0.1
      lgr resynth "rain/*.flac" -t voice.wav -o out.wav --wet 0:0,4:1
      lgr resynth piano.wav -t melody.wav -o out.wav --transpose -12:12
      lgr resynth a.wav b.wav -t c.wav -o d.wav --weight 0:1,8:0 --weight 1
      lgr resynth rain.codebook -t voice.wav -o out.wav --plot out.png
    """
    from lgr.cli.support.jobs import job
    from lgr.cli.support.outputs import Outputs
    from lgr.cli.support.pictures import check_pictures, score_figure
    from lgr.cli.support.progress import progress_bar

    chosen = o.given(
        grain_frames=grain_frames,
        hop_frames=hop_frames,
        stride=stride,
        silence_db=silence_db,
        augmentations=augment,
        transpose=transpose,
        metric=metric,
        embedding=embedding,
        temperature=temperature,
        continuity=continuity,
        pitch=pitch,
        sampler=sampler,
        repetition_penalty=repetition_penalty,
        repetition_frames=repetition_frames,
        wet=wet,
        match_loudness=match_loudness,
        bridge=bridge,
        bridge_levels=bridge_levels,
        bridge_steps=bridge_steps,
    )
    if plot is not None:
        check_pictures()
    todo = job(sources, target, codebook, chosen, weight)
    with Outputs(force=force, inputs=todo.inputs) as outputs:
        audio_part = outputs.claim(out, "audio", "-o")
        score_part = outputs.claim_optional(score, "score", "--score")
        plot_part = outputs.claim_optional(plot, "picture", "--plot")
        reaper_part = outputs.claim_optional(reaper, "Reaper session", "--reaper")
        dawproject_part = outputs.claim_optional(dawproject, "DAWproject session", "--dawproject")
        opened = todo.open_codec(codec, space, levels)
        todo.check_format(audio_part, opened)
        started = time.perf_counter()
        with progress_bar() as progress:
            from lgr.resynth import resynthesise

            result = resynthesise(target, todo.material, codec=opened, config=todo.config, seed=seed, progress=progress)
            result.save(audio_part, force=True)
            if score_part:
                result.score.save(score_part, force=True)
            if plot_part:
                from lgr.plots import save_figure

                progress("drawing", 0, 1)
                save_figure(score_figure(result.score, title=f"{target.name}: {out.name}"), plot_part, force=True)
            if reaper_part:
                from lgr.score.reaper import reaper_session

                reaper_session(result.score, reaper_part, force=True)
            if dawproject_part:
                from lgr.dawproject import dawproject_session

                dawproject_session(result.score, dawproject_part, force=True)
        spent = time.perf_counter() - started
    typer.echo(summary(out, result, spent))
    for path in filter(None, (score, plot, reaper, dawproject)):
        typer.echo(str(path))


def summary(path: Path, result: "Resynthesis", spent_seconds: float) -> str:
    """One line on a result: where it is, what it is, how it was made."""
    from lgr.cli.support.tables import seconds_text

    channels, samples = result.audio.shape
    score = result.score
    recordings = len(set(score.recording.tolist()))
    return (
        f"{path}: {seconds_text(samples / result.sample_rate)}, {result.sample_rate} Hz, "
        f"{'stereo' if channels == 2 else 'mono'}; {len(score)} grains ({score.distinct} different) of {recordings} "
        f"recording{'s' if recordings > 1 else ''}, mean similarity {score.similarity.mean():.2f}; made in "
        f"{seconds_text(spent_seconds)}"
    )
