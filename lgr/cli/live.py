"""``lgr live``: resynthesis as it sounds, from a microphone or a file to speakers or a file."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lgr.cli.support import options as o

if TYPE_CHECKING:
    from lgr.live import LiveConfig, Player, Seen
    from lgr.live.ports import Sink, Source

LIVE = "Live"
KEYS = "keys: t/T colder, hotter  c/C jump, play on  p/P pitch  w/W wet  g/G gain  f freeze  r take as source  q stop"
STEPS = {
    "t": ("temperature", -0.05),
    "c": ("continuity", -0.05),
    "p": ("pitch", -0.1),
    "w": ("wet", -0.1),
    "g": ("gain_db", -1.0),
}


def live(
    sources: o.SourcesArgument = None,
    input_: Annotated[
        str, typer.Option("--input", metavar="mic|FILE", rich_help_panel=LIVE, help="mic, mic:DEVICE, or a file.")
    ] = "mic",
    output: Annotated[
        str,
        typer.Option(
            "--output", "-o", metavar="speakers|FILE", rich_help_panel=LIVE, help="speakers[:DEVICE] or a file."
        ),
    ] = "speakers",
    realtime: Annotated[
        bool, typer.Option("--realtime", rich_help_panel=LIVE, help="Read a file no faster than it sounds.")
    ] = False,
    list_devices: Annotated[
        bool, typer.Option("--devices", rich_help_panel=LIVE, help="List the sound devices and stop.")
    ] = False,
    codebook: o.CodebookOption = None,
    force: o.ForceOption = False,
    codec: o.CodecOption = None,
    grain_frames: o.GrainFramesOption = None,
    hop_frames: Annotated[
        int | None,
        o.option("--hop-frames", panel=LIVE, metavar="N", help="Frames between choices; 1: less delay.", default="2"),
    ] = None,
    temperature: Annotated[
        float | None, o.option("--temperature", panel=LIVE, metavar="NUMBER", help="How bold.", default="0.05")
    ] = None,
    continuity: Annotated[
        float | None, o.option("--continuity", panel=LIVE, metavar="NUMBER", help="To play on.", default="0.9")
    ] = None,
    pitch: Annotated[
        float | None, o.option("--pitch", panel=LIVE, metavar="NUMBER", help="Pitch against timbre.", default="0.7")
    ] = None,
    wet: Annotated[
        float | None, o.option("--wet", panel=LIVE, metavar="NUMBER", help="1: all grains.", default="1")
    ] = None,
    gain: Annotated[
        float | None, o.option("--gain", panel=LIVE, metavar="DB", help="Of the result.", default="0")
    ] = None,
    seed: o.SeedOption = 0,
) -> None:
    """Play what comes in with the grains of sources, as it sounds.

    With a microphone use headphones: speakers feed back. A file that comes
    in may go to a file; the same seed gives the same result.

    \b
    Examples:
      lgr live pads/
      lgr live rain.wav --input voice.wav --output speakers --realtime
      lgr live rain.wav --input voice.wav -o out.wav --temperature 0.2
    """
    from lgr.cli.support.outputs import Outputs
    from lgr.cli.support.progress import progress_bar
    from lgr.cli.support.sources import find_sources, open_codec
    from lgr.live import LiveConfig, Player, live_loop
    from lgr.live.ports import Device, FileSink, FileSource, device_name, devices

    if list_devices:
        typer.echo(devices())
        return
    given: dict[str, Any] = {
        "temperature": temperature,
        "continuity": continuity,
        "pitch": pitch,
        "wet": wet,
        "gain_db": gain,
    }
    config = replace(LiveConfig(), **{name: value for name, value in given.items() if value is not None})
    found = find_sources(sources, codebook)
    to_speakers = output.partition(":")[0] == "speakers"
    with Outputs(force=force, inputs=[] if _is_mic(input_) else [Path(input_)]) as outputs:
        file = None if to_speakers else outputs.claim(Path(output), "audio", "-o")
        opened = open_codec(codec or (found.codebook.codec_.name if found.codebook is not None else "bundled"))
        rate = opened.info.sample_rate
        said = partial(typer.echo, err=True)
        source: Source
        if _is_mic(input_):
            source = Device("input", rate, 1, device=device_name(input_), said=said)
        else:
            source = FileSource(input_, rate, realtime=realtime or to_speakers)
        with progress_bar() as progress:
            loop, material = live_loop(
                found.codebook or found.files,
                opened,
                grain_frames=grain_frames,
                hop_frames=hop_frames,
                seed=seed,
                progress=progress,
            )
        sink: Sink
        if file is None:
            sink = Device("output", rate, loop.channels, device=device_name(output), said=said)
        else:
            sink = FileSink(file, rate, loop.channels, force=True)
        player = Player(loop, material, config, said=said)
        _play(player, source, sink, steady=file is None)
    seen = player.seen
    parts = [f"{output}: {seen.seconds:.1f} s"]
    if realtime or to_speakers:
        parts.append(f"{seen.late} steps late")
    if seen.faults:
        parts.append(f"{seen.faults} steps failed: {seen.fault}")
    typer.echo(", ".join(parts))


def _is_mic(input_: str) -> bool:
    return input_.partition(":")[0] == "mic"


def _play(player: "Player", source: "Source", sink: "Sink", *, steady: bool) -> None:
    """Play, and close both ends; what was written so far is kept when somebody stops it."""
    whole = False
    try:
        with keys(partial(pressed, player)) as heard:
            watch = _screen(player) if sys.stderr.isatty() else None
            if heard:
                typer.echo(KEYS, err=True)
            try:
                player.run(source, sink, steady=steady, watch=watch)
            except KeyboardInterrupt:
                player.stop()
        whole = True
    finally:
        source.close()
        sink.close(whole=whole)


def pressed(player: "Player", key: str) -> None:
    """Turn a dial, as ``KEYS`` says; a dial stays within its range."""
    from lgr.errors import LgrError
    from lgr.live.config import RANGES

    config: LiveConfig = player.config
    if key == "q":
        player.stop()
    elif key == "f":
        player.config = replace(config, freeze=not config.freeze)
    elif key == "r":
        try:
            player.said(f"{player.take()} is now a source")
        except LgrError as error:
            player.said(str(error))
    elif key.lower() in STEPS:
        name, step = STEPS[key.lower()]
        low, high = RANGES[name]
        high = min(high, 0.99) if name == "continuity" else high
        value = getattr(config, name) + (step if key.islower() else -step)
        player.config = replace(config, **{name: round(min(high, max(low, value)), 6)})


@contextmanager
def keys(heard: Callable[[str], None]) -> Iterator[bool]:
    """Tell every key that is pressed, from a thread, while the block runs; False where there is no keyboard."""
    try:
        import termios
        import tty

        before = termios.tcgetattr(sys.stdin)
    except (ImportError, OSError, ValueError, AttributeError, termios.error):
        yield False
        return
    import select
    import threading

    over = threading.Event()

    def listen() -> None:
        while not over.is_set():
            if select.select([sys.stdin], [], [], 0.1)[0]:
                heard(sys.stdin.read(1))

    tty.setcbreak(sys.stdin)
    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    try:
        yield True
    finally:
        over.set()
        thread.join()
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _screen(player: "Player") -> "Callable[[Seen], None]":
    """One line that says how the loop is, ten times a second."""
    shown = [-1.0]

    def show(seen: "Seen") -> None:
        if seen.seconds - shown[0] < 0.1:
            return
        shown[0] = seen.seconds
        config = player.config
        bar = "#" * max(0, min(20, round((seen.level_db + 60) / 3)))
        name = seen.told.recording if seen.told is not None else ""
        numbers = (config.temperature, config.continuity, config.pitch, config.wet, config.gain_db)
        dials = "t {:.2f} c {:.2f} p {:.1f} w {:.1f} g {:+.0f}".format(*numbers)
        frozen = " frozen" if config.freeze else ""
        line = f"[{bar:20}] {name[:24]:24} {seen.share:4.0%} late {seen.late} {dials}{frozen}"
        sys.stderr.write(f"\r{line[:118]:118}")
        sys.stderr.flush()

    return show
