"""What clients can set: fields of ``ResynthConfig`` and the seed, and the dials of the live loop, from OSC's values."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from lgr.bridge.files import KINDS
from lgr.errors import ArgumentError
from lgr.live import LiveConfig
from lgr.live.config import RANGES
from lgr.osc.arguments import Argument
from lgr.osc.packet import Value
from lgr.resynth_config import ResynthConfig
from lgr.sound.envelope import Envelope

MOST = 2**31 - 1
Reader = Callable[[str, Sequence[Value]], Any]


def _one(name: str, values: Sequence[Value]) -> Value:
    if len(values) != 1:
        raise ArgumentError(f"{name} must be one value, got {len(values)}")
    return values[0]


def _envelope(name: str, values: Sequence[Value]) -> Envelope:
    try:
        return Envelope.of(_one(name, values))
    except ArgumentError as error:
        raise ArgumentError(f"{name}: {error}") from error


def _envelopes(name: str, values: Sequence[Value]) -> tuple[Envelope, ...]:
    """None for the text "none"."""
    return () if list(values) == ["none"] else tuple(_envelope(name, [value]) for value in values)


def _texts(name: str, values: Sequence[Value]) -> tuple[str, ...]:
    if list(values) == ["none"]:
        return ()
    return tuple(str(Argument(name, "s").checked(value)) for value in values)


def _text(name: str, values: Sequence[Value]) -> Value:
    return Argument(name, "s").checked(_one(name, values))


def _number(name: str, values: Sequence[Value]) -> Value:
    return Argument(name, "f").checked(_one(name, values))


def _whole(name: str, values: Sequence[Value]) -> Value:
    return Argument(name, "i", 0, MOST).checked(_one(name, values))


def _flag(name: str, values: Sequence[Value]) -> bool:
    return bool(Argument(name, "i", 0, 1).checked(_one(name, values)))


def _or_none(reader: Reader) -> Reader:
    """The same, or the text "none"."""
    return lambda name, values: None if list(values) == ["none"] else reader(name, values)


def _semitones(name: str, values: Sequence[Value]) -> tuple[Any, ...]:
    return tuple(Argument(name, "i").checked(value) for value in values)


def _bridge(name: str, values: Sequence[Value]) -> str:
    """A kind that ships: a folder is not a client's to choose."""
    text = str(_text(name, values))
    if text not in ("none", *KINDS):
        raise ArgumentError(f"{name} must be none or one of {', '.join(KINDS)}, got {text[:100]!r}")
    return "" if text == "none" else text


#: How each setting is read. An embedding is a path, and comes with the codec.
READERS: dict[str, Reader] = {
    "grain_frames": _whole,
    "hop_frames": _or_none(_whole),
    "stride": _whole,
    "metric": _text,
    "sampler": _text,
    "temperature": _envelope,
    "continuity": _envelope,
    "pitch": _envelope,
    "wet": _envelope,
    "match_loudness": _flag,
    "bridge": _bridge,
    "bridge_levels": _or_none(_whole),
    "bridge_steps": _or_none(_whole),
    "silence_db": _or_none(_number),
    "repetition_penalty": _number,
    "repetition_frames": _whole,
    "source_weights": _envelopes,
    "augmentations": _texts,
    "transpose": _semitones,
    "seed": _whole,
}
IN_CODEBOOK = ("grain_frames", "stride", "metric", "silence_db", "augmentations", "transpose")


class Settings:
    """Of resynthesis. What is wrong is refused and leaves all as it was."""

    def __init__(self) -> None:
        self.config, self.seed = ResynthConfig(), 0
        self._given: dict[str, Any] = {}

    def set(self, name: str, values: Sequence[Value]) -> None:
        if name not in READERS:
            raise ArgumentError(f"a setting must be one of {', '.join(READERS)}, got {name[:100]!r}")
        value = READERS[name](name, values)
        if name == "seed":
            self.seed = value
        else:  # anew from what was given: some defaults follow other settings
            given = {**self._given, name: value}
            self.config, self._given = ResynthConfig(**given), given

    def shown(self, name: str) -> Value:
        """As one value."""
        value = self.seed if name == "seed" else getattr(self.config, name)
        if isinstance(value, Envelope):
            constant = value.constant
            return str(value) if constant is None else constant
        if isinstance(value, tuple):
            return " ".join(map(str, value)) or "none"
        if isinstance(value, bool):
            return int(value)
        return "none" if value in (None, "") else value

    def pairs(self) -> list[Value]:
        """Every setting: its name, its value."""
        return [each for name in READERS for each in (name, self.shown(name))]


def dialled(config: LiveConfig, name: str, value: Value) -> LiveConfig:
    """The dials of the live loop with one of them turned; ``ArgumentError`` names it."""
    if name == "freeze":
        return replace(config, freeze=_flag(name, [value]))
    if name not in RANGES:
        raise ArgumentError(f"a dial must be one of {', '.join([*RANGES, 'freeze'])}, got {name[:100]!r}")
    changed: dict[str, Any] = {name: _number(name, [value])}
    return replace(config, **changed)


def dials(config: LiveConfig) -> list[Value]:
    """Every dial: its name, its value."""
    return [each for name in RANGES for each in (name, getattr(config, name))] + ["freeze", int(config.freeze)]
