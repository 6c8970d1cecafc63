"""Addresses that load grains and play with them."""

from pathlib import Path

from torch import Tensor

from lgr.codebook import GrainCodebook
from lgr.codecs.base import Codec, same_latents
from lgr.codecs.registry import codec_names
from lgr.errors import CodebookError, LgrError
from lgr.grain_map.walks import play_grain
from lgr.osc.desk import Desk
from lgr.osc.live import at_rate
from lgr.osc.packet import Value
from lgr.osc.session import Session
from lgr.osc.worker import Request
from lgr.resynth import resynthesise
from lgr.sound.audio import load_audio, save_audio
from lgr.sources import build_codebook

CONTEXT_SECONDS = 0.1  # heard before and after a grain on the map, which alone is a click
POINT = "point"  # where it is written if no name is given


def codec(desk: Desk, request: Request, name: str) -> list[Value]:
    request.progress("opening the codec", 0, 1)
    opened = desk.session.open(name)
    request.check()
    info = desk.session.take_codec(name, opened).info
    return [name, info.sample_rate, info.frame_rate]


def sources(desk: Desk, request: Request, *names: str) -> list[Value]:
    session = desk.session
    files, config = session.folder.sounds(names), session.settings.config
    request.progress("opening the codec", 0, 1)
    opened, name = session.codec(), session.codec_name
    book = build_codebook(
        files,
        opened,
        config.codebook_config(),
        augmentations=config.augmentations,
        transpose=config.transpose,
        progress=request.progress,
    )
    session.take_grains(book, opened, name, request)
    return [len(book), len(book.recordings_)]


def codebook(desk: Desk, request: Request, name: str) -> list[Value]:
    session = desk.session
    request.progress("opening the codebook", 0, 1)
    book = GrainCodebook.load(session.folder.opened(name, "codebook", "codebook.json"))
    recordings = (Path(each.path).resolve() for each in book.recordings_ if each.path)
    if not book.has_pitch and not all(each.is_relative_to(session.folder.root) for each in recordings):
        raise CodebookError("the codebook does not know pitch, and its recordings lie elsewhere: build it again")
    opened, codec_name = _codec_of(book, session)
    session.take_grains(book, opened, codec_name, request)
    return [len(book), len(book.recordings_), codec_name]


def _codec_of(book: GrainCodebook, session: Session) -> tuple[Codec, str]:
    """The codec that made a codebook, and what clients call it: the one in use, a known one, one in the folder."""
    made_by = book.codec_
    if session.codec_name != "none" and same_latents(session.codec().info, made_by):
        return session.codec(), session.codec_name
    name, root = made_by.name, session.folder.root
    if name not in codec_names():
        if not Path(name).is_absolute() or not Path(name).resolve().is_relative_to(root):
            raise CodebookError("the codebook was made with a codec that is not here: load it first (/lgr/codec)")
        name = session.folder.name(Path(name).resolve())
    opened = session.open(name)
    if not same_latents(opened.info, made_by):
        raise CodebookError(f"the codebook was made with another version of {name}: build it again")
    return opened, name


def save(desk: Desk, request: Request, name: str) -> list[Value]:
    session = desk.session
    book, _ = session.grains()
    path = session.folder.free(name, session.in_use())
    session.folder.make_parent(path)
    request.progress("saving the codebook", 0, 1)
    request.check()
    book.save(path, force=path in session.folder.made)
    session.folder.made.add(path)
    return [session.folder.name(path), len(book)]


def resynth(desk: Desk, request: Request, target: str, output: str) -> list[Value]:
    session = desk.session
    book, opened = session.grains()
    path = session.folder.sound(target)
    with session.folder.result(output, {*session.in_use(), path}) as (file, name):
        made = resynthesise(
            path,
            book,
            codec=opened,
            config=session.settings.config,
            seed=session.settings.seed,
            progress=request.progress,
        )
        request.check()
        made.save(file, force=True)
    return [name, made.audio.shape[1] / made.sample_rate, len(made.score)]


def point(desk: Desk, request: Request, x: float, y: float, output: str | None = None) -> list[Value]:
    """Heard through the running loop's output, else written to a file."""
    session = desk.session
    plane = session.plane(request.progress)
    book, opened = plane.codebook, session.grains()[1]
    grain, rate = plane.nearest(x, y), opened.info.sample_rate
    audio = play_grain(book, grain, opened, context_frames=round(CONTEXT_SECONDS * opened.info.frame_rate))
    recording = book.recordings_[int(book.recording_[grain])].name
    at = int(book.source_frame_[grain]) / opened.info.frame_rate
    if output is None and session.live.running:
        hear(session, audio, rate)
        return [recording, at, "live"]
    busy = session.in_use()
    with session.folder.result(output or session.folder.unused(POINT, busy), busy) as (file, name):
        request.check()
        save_audio(file, audio, rate, force=True)
    return [recording, at, name]


def play(desk: Desk, request: Request, name: str) -> list[Value]:
    session = desk.session
    path = session.folder.sound(name)
    if not session.live.running:
        raise LgrError("nothing is playing that it could be heard through: start the live loop (/lgr/live/start)")
    audio, rate = load_audio(path)
    return [name, hear(session, audio, rate)]


def hear(session: Session, audio: Tensor, rate: int) -> float:
    """Play a sound (channels, samples) on top of the live loop; how long it is, in seconds."""
    player, mixed = session.live.player, session.live.mixed
    if player is None or mixed is None:
        raise LgrError("the live loop has just ended")
    live_rate = player.loop.codec.info.sample_rate
    mixed.play(at_rate(audio, rate, live_rate))
    return audio.shape[1] / rate
