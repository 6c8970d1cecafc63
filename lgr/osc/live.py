"""The live loop in a thread of its own, and sounds that are heard on top of it."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from lgr.errors import LgrError
from lgr.live import LiveConfig, Player
from lgr.live.ports import Sink, Source
from lgr.osc.packet import Value
from lgr.osc.settings import dials

MOST_SOUNDS = 32  # heard at once on top of the loop
STOP_SECONDS = 5.0  # in which a loop that is to stop does
AGAIN_SECONDS = 1.0  # after which the same is said again
Said = Callable[[str], None]


class Mixed:
    """A sink in which other sounds are heard, too. Where the sink fails, that is said, and the loop goes on."""

    def __init__(self, sink: Sink, channels: int, said: Said) -> None:
        self.sink, self.channels, self.said = sink, channels, said
        self._sounds: list[Tensor] = []  # what is left of each, (channels, samples)
        self._lock = threading.Lock()
        self._well = True

    def play(self, audio: Tensor) -> None:
        """Begin a sound (channels, samples), at the loop's rate, at once."""
        mixed = audio.mean(0, keepdim=True) if audio.shape[0] > self.channels else audio
        with self._lock:
            if len(self._sounds) >= MOST_SOUNDS:
                raise LgrError(f"{MOST_SOUNDS} sounds are heard already: wait until one has ended")
            self._sounds.append(mixed.expand(self.channels, -1))

    def write(self, audio: Tensor) -> None:
        samples = audio.shape[1]
        with self._lock:
            if self._sounds:
                audio = audio.clone()
                for sound in self._sounds:
                    now = sound[:, :samples]
                    audio[:, : now.shape[1]] += now
                audio = audio.clamp(-1.0, 1.0)
                self._sounds = [sound[:, samples:] for sound in self._sounds if sound.shape[1] > samples]
        try:
            self.sink.write(audio)
        except Exception as error:  # a full disk: what is played goes on
            if self._well:
                self.said(f"what is played cannot be written: {error}")
            self._well = False
        else:
            self._well = True

    def close(self, *, whole: bool = True) -> None:
        self.sink.close(whole=whole)


@dataclass(frozen=True)
class Ends:
    """Where the loop's sound comes from and goes to, as clients call them, and the files that these are."""

    source: str
    sink: str
    files: frozenset[Path] = frozenset()


class Live:
    """The loop, while there is one. ``config`` is kept between loops; ``gate`` is held where one begins or ends."""

    def __init__(self) -> None:
        self.config = LiveConfig()
        self.ends = Ends("none", "none")
        self.player: Player | None = None
        self.mixed: Mixed | None = None
        self.gate = threading.Lock()
        self.running = False
        self._thread: threading.Thread | None = None

    def start(self, player: Player, source: Source, mixed: Mixed, ends: Ends, ended: Said) -> None:
        """Play in a thread of its own; ``ended`` is told how it was, once the output is closed."""
        self.player, self.mixed, self.ends = player, mixed, ends
        steady = ends.sink.partition(":")[0] == "speakers"

        def play() -> None:
            try:
                player.run(source, mixed, steady=steady)
            except Exception as error:
                player.said(f"the loop has ended: {error}")
            for name, close in ((ends.source, source.close), (ends.sink, mixed.close)):
                try:
                    close()
                except Exception as error:
                    player.said(f"{name} cannot be closed: {error}")
            self.running = False  # before it is told: who hears it may start the next one
            ended(f"live has ended: {ends.sink}, {player.seen.seconds:.1f} s")

        self.running = True
        self._thread = threading.Thread(target=play, name="lgr-live", daemon=True)
        self._thread.start()

    def turn(self, config: LiveConfig) -> None:
        """Set the dials, of the running loop too."""
        self.config = config
        if self.player is not None:
            self.player.config = config

    def stop(self) -> tuple[str, float]:
        """End the loop, if there is one: what it was played to, and for how long."""
        if not self.running or self.player is None or self._thread is None:
            return "none", 0.0
        self.player.stop()
        self._thread.join(STOP_SECONDS)
        if self._thread.is_alive():
            raise LgrError("the live loop has not stopped yet")
        return self.ends.sink, self.player.seen.seconds

    def pairs(self) -> list[Value]:
        """How it is: names and values."""
        running, player = self.running, self.player
        pairs: list[Value] = ["running", int(running)]
        pairs += ["input", self.ends.source if running else "none", "output", self.ends.sink if running else "none"]
        if player is not None:
            seen = player.seen
            recording = "none" if seen.told is None else seen.told.recording
            pairs += ["seconds", seen.seconds, "recording", recording, "level_db", seen.level_db, "load", seen.share]
            pairs += ["late", seen.late, "faults", seen.faults, "fault", seen.fault or "none"]
            pairs += ["grains", len(player.material.codebook)]
        return pairs + dials(self.config)


def seldom(said: Said) -> Said:
    """``said``, but the same text once a second at most."""
    last, at = "", 0.0

    def say(text: str) -> None:
        nonlocal last, at
        now = time.monotonic()
        if text != last or now - at >= AGAIN_SECONDS:
            last, at = text, now
            said(text)

    return say


def at_rate(audio: Tensor, sample_rate: int, rate: int) -> Tensor:
    """``audio`` (channels, samples) at the loop's rate, two channels at most."""
    from lgr.sound.audio import resample

    return resample(audio if audio.shape[0] <= 2 else audio.mean(0, keepdim=True), sample_rate, rate).to(torch.float32)
