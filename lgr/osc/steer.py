"""Addresses that start, steer and stop the live loop."""

from contextlib import ExitStack
from dataclasses import replace

from lgr.errors import LgrError
from lgr.live import Player, live_loop
from lgr.live.play import TAKE_SECONDS
from lgr.live.ports import Device, FileSink, FileSource, Sink, Source, device_name
from lgr.osc.desk import Desk
from lgr.osc.live import Ends, Mixed, seldom
from lgr.osc.packet import Value
from lgr.osc.settings import dialled
from lgr.osc.worker import Request
from lgr.sound.audio_files import AUDIO_SUFFIXES, SUPPORTED

START = "/lgr/live/start"


def start(
    desk: Desk, request: Request, input_: str = "mic", output: str = "speakers", loop_input: int = 0
) -> list[Value]:
    session = desk.session
    live, folder = session.live, session.folder
    if live.running:
        raise LgrError("the live loop is running: stop it first (/lgr/live/stop)")
    book, codec = session.grains()
    rate, said = codec.info.sample_rate, seldom(lambda text: request.said(folder.hidden(text)))
    loop, material = live_loop(book, codec, seed=session.settings.seed, progress=request.progress)
    with ExitStack() as opened:  # what was opened is closed again where the rest fails
        source, files = None, set()
        if input_.partition(":")[0] != "mic":
            files.add(path := folder.sound(input_))
            source = FileSource(path, rate, realtime=True, loop=bool(loop_input))
        sink: Sink
        if output.partition(":")[0] == "speakers":
            sink = Device("output", rate, loop.channels, device=device_name(output), said=said)
        else:
            path = folder.free(output, session.in_use() | files)
            if path.suffix.lower() not in AUDIO_SUFFIXES:
                raise LgrError(f"output must be speakers or a file's name that ends in {SUPPORTED}, got {output!r}")
            folder.make_parent(path)
            sink = FileSink(path, rate, loop.channels, force=path in folder.made)
            files.add(path)
            folder.made.add(path)
        opened.callback(sink.close, whole=False)
        from_: Source = source or Device("input", rate, 1, device=device_name(input_), said=said)
        opened.callback(from_.close)
        player = Player(loop, material, live.config, said=said)
        mixed = Mixed(sink, loop.channels, said)
        with live.gate:
            request.check()
            session.codebook = material.codebook
            live.start(player, from_, mixed, Ends(input_, output, frozenset(files)), said)
        opened.pop_all()
    return [input_, output, rate, loop.channels]


def stop(desk: Desk, request: Request) -> list[Value]:
    desk.cancel(lambda each: each.address == START)
    live = desk.session.live
    with live.gate:
        return list(live.stop())


def set_(desk: Desk, request: Request, name: str, value: Value) -> list[Value]:
    live = desk.session.live
    live.turn(dialled(live.config, name, value))
    return [name, value]


def freeze(desk: Desk, request: Request, on: int) -> list[Value]:
    live = desk.session.live
    live.turn(replace(live.config, freeze=bool(on)))
    return [on]


def take(desk: Desk, request: Request, seconds: float = TAKE_SECONDS) -> list[Value]:
    session = desk.session
    with session.lock:
        player = session.live.player
        if player is None or not session.live.running:
            raise LgrError("the live loop is not running: there is nothing to take (/lgr/live/start)")
        name = player.take(seconds)
        session.codebook = player.material.codebook
        return [name, len(session.codebook)]


def state(desk: Desk, request: Request) -> list[Value]:
    return desk.session.live.pairs()
