"""``lgr latency``: how late and how dear live resynthesis is on this machine."""

from pathlib import Path
from typing import Annotated

import typer

from lgr.cli.support import options as o

LIVE = "Live"


def latency(
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SOURCE]...", show_default=False, help="What to play with. Default: bundled sounds."),
    ] = None,
    codec: o.CodecOption = None,
    input_: Annotated[
        Path | None,
        o.option("--input", panel=o.FILES, metavar="FILE", help="What comes in.", default="a bundled drum loop"),
    ] = None,
    grain_frames: o.GrainFramesOption = None,
    hop_frames: Annotated[
        int | None,
        o.option("--hop-frames", panel=LIVE, metavar="N", help="Frames between choices; 1: less delay.", default="2"),
    ] = None,
    seconds: Annotated[
        float, typer.Option("--seconds", metavar="S", min=1, rich_help_panel=LIVE, help="How long to play.")
    ] = 30.0,
) -> None:
    """Measure live resynthesis: its delay, and the time of a step against its budget.

    The delay is what the codec and the hop make necessary; a sound card
    adds its own. A step that takes longer than its budget is late.

    \b
    Examples:
      lgr latency
      lgr latency pads/ --codec spectral --seconds 600
    """
    from lgr.cli.support.progress import progress_bar
    from lgr.cli.support.sources import find_sources, open_codec
    from lgr.files import assets_dir
    from lgr.live import live_loop
    from lgr.live.latency import measure
    from lgr.sound.audio import load_audio

    clips = assets_dir() / "audio"
    opened = open_codec(codec or "bundled")
    audio = load_audio(input_ or clips / "drum_loop.flac", sample_rate=opened.info.sample_rate, channels=1)[0][0]
    found_sources = find_sources(sources or [str(clips / name) for name in ("rain.flac", "glass.flac")])
    with progress_bar() as progress:
        loop, material = live_loop(
            found_sources.codebook or found_sources.files,
            opened,
            grain_frames=grain_frames,
            hop_frames=hop_frames,
            progress=progress,
        )
        found = measure(loop, material, audio, seconds=seconds, progress=progress)
    lines = [
        f"{found.codec}, {found.grains:,} grains, a choice every {found.hop_ms:.1f} ms",
        f"delay       {found.delay_ms:.1f} ms (hop {found.hop_ms:.1f}, look-ahead {found.look_ahead_ms:.1f})",
        f"a step      {found.median_ms:.2f} ms, 99 % within {found.p99_ms:.2f}, worst {found.worst_ms:.2f}; "
        f"budget {found.budget_ms:.1f}",
        f"load        {found.real_time:.0%} of real time; {found.late} of {found.steps} steps late",
        f"memory      {found.memory_mib:.0f} MiB, {found.growth_mib:+.1f} since the first second",
    ]
    typer.echo("\n".join(lines))
