"""Running lgr over OSC in the tests' own process: what is sent, and everything that comes back."""

import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_line import CLIPS

from lgr.osc import play
from lgr.osc.folder import Folder
from lgr.osc.packet import Message, encoded, messages
from lgr.osc.service import Service
from lgr.osc.worker import Client
from lgr.sound.audio import load_audio, save_audio

ME, YOU = ("127.0.0.1", 50001), ("127.0.0.1", 50002)


def bundle(*parts: bytes, time_tag: bytes = b"\0" * 7 + b"\1") -> bytes:
    return b"#bundle\0" + time_tag + b"".join(struct.pack(">i", len(part)) + part for part in parts)


class Office:
    """A service without a socket, and everything that it sends."""

    def __init__(self, root: Path) -> None:
        self.heard: list[tuple[Client, Message]] = []
        self.changed = threading.Condition()
        self.service = Service(Folder(root), self._hear, port=9123)

    def _hear(self, datagram: bytes, client: Client) -> None:
        with self.changed:
            self.heard.append((client, messages(datagram)[0]))
            self.changed.notify_all()

    def send(self, address: str, *values: Any, client: Client = ME) -> None:
        self.service.take(encoded(address, values), client)

    def answers(self, client: Client | None = None) -> list[Message]:
        """Answers to requests, of one client or of all."""
        return [
            message
            for to, message in list(self.heard)
            if message.address in ("/lgr/done", "/lgr/error") and client in (None, to)
        ]

    def until(self, enough: Callable[[], bool], seconds: float = 60.0) -> None:
        with self.changed:
            assert self.changed.wait_for(enough, seconds), self.heard[-3:]

    def ask(self, address: str, *values: Any, client: Client = ME) -> tuple[str, tuple[Any, ...]]:
        """("done" or "error", what follows the address) of one request while nobody else asks."""
        before = len(self.answers())
        self.send(address, *values, client=client)
        self.until(lambda: len(self.answers()) > before)
        answer = self.answers()[-1]
        assert answer.values[0] == address
        return answer.address.removeprefix("/lgr/"), answer.values[1:]

    def done(self, address: str, *values: Any) -> tuple[Any, ...]:
        kind, answer = self.ask(address, *values)
        assert kind == "done", answer
        return answer

    def error(self, address: str, *values: Any) -> str:
        kind, answer = self.ask(address, *values)
        assert kind == "error", answer
        return str(answer[0])


def clips(folder: Path) -> Path:
    """Put a second each of glass, rain and drum_loop into ``folder``."""
    for name in ("glass", "rain", "drum_loop"):
        audio, rate = load_audio(CLIPS / f"{name}.flac")
        save_audio(folder / f"{name}.wav", audio[:, :rate], rate)
    return folder


def opened(folder: Path) -> Office:
    """A service with toy grains of a second of glass and of rain."""
    office = Office(clips(folder))
    office.done("/lgr/codec", "toy")
    office.done("/lgr/sources", "glass.wav", "rain.wav")
    return office


def slow(monkeypatch: pytest.MonkeyPatch, go: threading.Event) -> threading.Event:
    """Loading sources takes until ``go``, telling its progress; the event that it has begun."""
    begun, real = threading.Event(), play.build_codebook

    def build(*arguments: Any, progress: Callable[[str, int, int], None], **options: Any) -> Any:
        begun.set()
        while not go.wait(0.01):
            progress("encoding sources", 0, 1)
        return real(*arguments, progress=progress, **options)

    monkeypatch.setattr(play, "build_codebook", build)
    return begun


def live(desk: Office) -> dict[str, Any]:
    state = desk.done("/lgr/live/state")
    return dict(zip(state[::2], state[1::2], strict=True))


def wait(what: Callable[[], bool], seconds: float = 20.0) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until
        time.sleep(0.02)
