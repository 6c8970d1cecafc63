"""Addresses that draw new sounds from a model, as paper 004's drum machine asks for them.

Its "sample_note" is ``/lgr/sample``: a hit from the temporal embedding. Its "sample_path" is ``/lgr/sample_path``: "a
randomized linear path in the grain space, of same length as the embedding sample" (lgr.drums.voice says how its ends
are drawn). Both come at one level, so that a sequencer can put either in the other's place.
"""

from collections.abc import Callable

from lgr.codecs.trained import TrainedCodec
from lgr.drums import Voice, draw_voice, sample_path
from lgr.errors import ArgumentError
from lgr.osc.desk import Desk
from lgr.osc.packet import Value
from lgr.osc.worker import Request
from lgr.sound.audio import save_audio

ANY = "any"  # no class in particular


def model(desk: Desk, request: Request, name: str | None = None) -> list[Value]:
    request.progress("opening the model", 0, 1)
    found = desk.session.model(name)
    return [desk.session.model_name, *found.labels]


def sample(desk: Desk, request: Request, class_: Value, seed: int, output: str | None = None) -> list[Value]:
    return _drawn(desk, request, class_, seed, output, "", draw_voice)


def path(desk: Desk, request: Request, class_: Value, seed: int, output: str | None = None) -> list[Value]:
    return _drawn(desk, request, class_, seed, output, "-path", sample_path)


def _drawn(
    desk: Desk,
    request: Request,
    class_: Value,
    seed: int,
    output: str | None,
    kind: str,
    draw: Callable[[TrainedCodec, str | None, int], Voice],
) -> list[Value]:
    folder, busy = desk.session.folder, desk.session.in_use()
    request.progress("opening the model", 0, 1)
    codec = desk.session.model()
    label = _label(class_, codec)
    stem = f"{(label or ANY).lower().replace('/', '-').replace(' ', '-')}{kind}-seed{seed}"
    with folder.result(output or folder.unused(stem, busy), busy) as (file, name):
        request.progress("drawing", 0, 1)
        voice = draw(codec, label, seed)
        request.check()
        save_audio(file, voice.sounds[:1], codec.info.sample_rate, force=True)
    return [name, voice.sounds.shape[1] / codec.info.sample_rate, label or ANY]


def _label(class_: Value, codec: TrainedCodec) -> str | None:
    """A class by its name, in any case, or by its number from 0; None for "any"."""
    if isinstance(class_, str):
        return None if class_.casefold() == ANY else codec.find_label(class_)
    if class_ != int(class_) or not 0 <= class_ < len(codec.labels):
        most = len(codec.labels) - 1
        raise ArgumentError(f"class must be a name, any, or a whole number from 0 to {most}, got {class_}")
    return codec.labels[int(class_)]
