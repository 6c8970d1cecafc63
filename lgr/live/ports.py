"""Where a stream comes from and goes to: files, microphones, speakers, each at its own rate."""

import math
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from lgr.errors import ArgumentError, AudioFileError, LgrError, MissingPackageError
from lgr.files import atomic_path
from lgr.sound.audio import load_audio

SOUNDDEVICE = (
    "sound devices need sounddevice (pip install 'lgr[live]') and, on Linux, PortAudio (apt install libportaudio2)"
)
REOPEN_SECONDS = 1.0  # after which a device that has gone is looked for again


class Source(Protocol):
    def read(self, samples: int) -> Tensor | None:
        """The next ``(samples,)`` at the loop's rate, fewer at the end, None after it."""
        ...

    def close(self) -> None: ...


class Sink(Protocol):
    def write(self, audio: Tensor) -> None:
        """Take ``(channels, samples)`` at the loop's rate."""
        ...

    def close(self, *, whole: bool = True) -> None: ...


class FileSource:
    """A file, mono, as fast as it is read, or no faster than it sounds (``realtime``)."""

    def __init__(self, path: str | Path, sample_rate: int, *, realtime: bool = False, loop: bool = False) -> None:
        self.audio = load_audio(path, sample_rate=sample_rate, channels=1)[0][0]
        self.rate, self.realtime, self.loop = sample_rate, realtime, loop
        self.at, self.begun = 0, time.monotonic()

    def read(self, samples: int) -> Tensor | None:
        if self.at >= len(self.audio):
            if not self.loop:
                return None
            self.at, self.begun = 0, self.begun + len(self.audio) / self.rate
        chunk = self.audio[self.at : self.at + samples]
        self.at += len(chunk)
        if self.realtime:
            time.sleep(max(0.0, self.begun + self.at / self.rate - time.monotonic()))
        return chunk

    def close(self) -> None:
        pass


class FileSink:
    """A file that is there once the stream has ended: written beside it, then renamed."""

    def __init__(self, path: str | Path, sample_rate: int, channels: int, *, force: bool = False) -> None:
        import soundfile

        self.stack = ExitStack()
        suffix = Path(path).suffix.lower()
        if suffix.lstrip(".").upper() not in soundfile.available_formats():
            raise AudioFileError(f"{path}: cannot write {suffix or 'a file without a suffix'}; use .wav, .flac or .ogg")
        temporary = self.stack.enter_context(atomic_path(path, force=force, error=AudioFileError))
        self.file = self.stack.enter_context(
            soundfile.SoundFile(str(temporary), "w", sample_rate, channels, format=suffix.lstrip(".").upper())
        )

    def write(self, audio: Tensor) -> None:
        self.file.write(audio.T.contiguous().numpy())

    def close(self, *, whole: bool = True) -> None:
        """Give the file its name; take it away again where the stream did not get to its end."""
        if whole:
            self.stack.close()
        else:
            self.stack.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)


class Nowhere:
    """A sink that keeps nothing."""

    def write(self, audio: Tensor) -> None:
        pass

    def close(self, *, whole: bool = True) -> None:
        pass


class Device:
    """A microphone (``kind`` "input") or speakers ("output"), opened again whenever it disappears.

    While there is none, what is read is silence, at the pace of time, and what is written is dropped; ``said`` is told
    what is wrong, once. A device of another rate is resampled.
    """

    def __init__(
        self,
        kind: str,
        sample_rate: int,
        channels: int,
        *,
        device: str | int | None = None,
        said: Callable[[str], None] = print,
        sounds: Any = None,
    ) -> None:
        self.kind, self.rate, self.channels, self.device, self.said = kind, sample_rate, channels, device, said
        self.sounds = _sounddevice() if sounds is None else sounds
        self.stream: Any = None
        self.resampler: Any = None
        self.queue = np.zeros((0, channels), np.float32)
        self.tried = -math.inf
        self.late = 0  # reads and writes at which the device had lost samples
        self._open()

    def _open(self) -> None:
        """Open the device at the loop's rate, else at its own; ``LgrError`` where there is none."""
        import soxr

        make = self.sounds.InputStream if self.kind == "input" else self.sounds.OutputStream
        known = {"device": self.device, "channels": self.channels, "dtype": "float32", "latency": "low"}
        self.tried = time.monotonic()
        try:
            try:
                stream, rate = make(samplerate=self.rate, **known), self.rate
            except self.sounds.PortAudioError:
                rate = int(self.sounds.query_devices(self.device, self.kind)["default_samplerate"])
                stream = make(samplerate=rate, **known)
            stream.start()
        except (self.sounds.PortAudioError, ValueError) as error:
            where = "" if self.device is None else f" {self.device!r}"
            raise LgrError(f"no {self.kind} device{where} can be opened: {error}") from error
        self.stream, self.device_rate = stream, rate
        ways = (rate, self.rate) if self.kind == "input" else (self.rate, rate)
        self.resampler = None if rate == self.rate else soxr.ResampleStream(*ways, self.channels, dtype="float32")

    def _back(self) -> bool:
        """Whether there is a device, after looking for it again where it is time to."""
        if self.stream is None and time.monotonic() - self.tried >= REOPEN_SECONDS:
            try:
                self._open()
                self.said(f"the {self.kind} device is back")
            except LgrError:
                pass
        return self.stream is not None

    def _gone(self, error: Exception) -> None:
        self.said(f"the {self.kind} device is gone ({error}); going on without it, and looking for it")
        with suppress(self.sounds.PortAudioError):
            self.stream.close()
        self.stream, self.tried = None, time.monotonic()

    def read(self, samples: int) -> Tensor | None:
        while len(self.queue) < samples:
            if not self._back():
                time.sleep(samples / self.rate)
                return torch.zeros(samples)
            try:
                wanted = max(1, math.ceil((samples - len(self.queue)) * self.device_rate / self.rate))
                heard, overflowed = self.stream.read(wanted)
            except self.sounds.PortAudioError as error:
                self._gone(error)
                continue
            self.late += bool(overflowed)
            more = heard if self.resampler is None else self.resampler.resample_chunk(heard)
            self.queue = np.concatenate([self.queue, more])
        chunk, self.queue = self.queue[:samples], self.queue[samples:]
        return torch.from_numpy(chunk.mean(1))

    def write(self, audio: Tensor) -> None:
        if not self._back():
            return
        played = np.ascontiguousarray(audio.T.numpy(), dtype=np.float32)
        if self.resampler is not None:
            played = self.resampler.resample_chunk(played)
        try:
            self.late += bool(self.stream.write(played))
        except self.sounds.PortAudioError as error:
            self._gone(error)

    def close(self, *, whole: bool = True) -> None:
        if self.stream is not None:
            self.stream.close()


def devices() -> str:
    """The sound devices of this machine, a line each."""
    return str(_sounddevice().query_devices())


def _sounddevice() -> Any:
    try:
        import sounddevice
    except (ImportError, OSError) as error:  # OSError: PortAudio itself is missing
        raise MissingPackageError(SOUNDDEVICE) from error
    return sounddevice


def device_name(text: str) -> str | int | None:
    """What follows ``mic:`` or ``speakers:``: a device's number or a part of its name; None: the system's default."""
    kind, _, name = text.partition(":")
    if not name and text != kind:
        raise ArgumentError(f"a device must follow {kind}:, such as its number, got {text!r}")
    return int(name) if name.isdigit() else name or None
