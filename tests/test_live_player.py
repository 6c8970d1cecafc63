"""Running the loop: files, devices that come and go, faults, keys, the command line."""

import math
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from command_line import CLIPS, done, interruptible, refused
from torch import Tensor

import lgr
from lgr.cli.live import pressed
from lgr.codecs import load_codec
from lgr.errors import AudioFileError, LgrError
from lgr.live import LiveConfig, LiveLoop, Material, Player, live_loop, with_take
from lgr.live.latency import delay_samples, measure
from lgr.live.ports import Device, FileSink, FileSource, Nowhere, device_name

RATE = 24000


def ready(**options: Any) -> tuple[LiveLoop, Material]:
    return live_loop([CLIPS / "rain.flac"], load_codec("toy"), **options)


class PortAudioError(Exception):
    pass


class FakeStream:
    """A device in memory: gives noise, keeps what it gets, fails at one call."""

    def __init__(self, world: "FakeSounds", kind: str, samplerate: int) -> None:
        self.world, self.kind, self.rate = world, kind, samplerate
        if samplerate not in world.rates:
            raise PortAudioError("Invalid sample rate")

    def start(self) -> None:
        if self.world.gone:
            raise PortAudioError("no device")

    def close(self) -> None:
        pass

    def _call(self) -> None:
        self.world.calls += 1
        if self.world.calls == self.world.fails_at:
            raise PortAudioError("unplugged")

    def read(self, n: int) -> tuple[Any, bool]:
        self._call()
        return 0.1 * np.ones((n, 1), np.float32), False

    def write(self, audio: Any) -> bool:
        self._call()
        self.world.played.append(audio.copy())
        return False


class FakeSounds:
    """What sounddevice is to the loop."""

    PortAudioError = PortAudioError

    def __init__(self, rates: tuple[int, ...] = (RATE,), fails_at: int = -1) -> None:
        self.rates, self.fails_at, self.calls, self.gone = rates, fails_at, 0, False
        self.played: list[Any] = []

    def InputStream(self, samplerate: int, **_: Any) -> FakeStream:
        return FakeStream(self, "input", samplerate)

    def OutputStream(self, samplerate: int, **_: Any) -> FakeStream:
        return FakeStream(self, "output", samplerate)

    def query_devices(self, device: Any, kind: str) -> dict[str, float]:
        return {"default_samplerate": float(self.rates[0])}


class Limited:
    """A source of so many chunks of noise."""

    def __init__(self, chunks: int) -> None:
        self.left = chunks

    def read(self, samples: int) -> Tensor | None:
        self.left -= 1
        return (
            0.1 * torch.randn(samples, generator=torch.Generator().manual_seed(self.left)) if self.left >= 0 else None
        )

    def close(self) -> None:
        pass


class Kept:
    def __init__(self) -> None:
        self.chunks: list[Tensor] = []

    def write(self, audio: Tensor) -> None:
        self.chunks.append(audio)

    def close(self, *, whole: bool = True) -> None:
        pass


def test_a_file_to_a_file_is_the_loop_over_the_whole(tmp_path: Path) -> None:
    loop, material = ready(seed=4)
    source = FileSource(CLIPS / "drum_loop.flac", RATE)
    sink = FileSink(tmp_path / "out.wav", RATE, 1)
    assert not (tmp_path / "out.wav").exists()
    player = Player(loop, material)
    player.run(source, sink)
    assert not (tmp_path / "out.wav").exists()  # beside it, until it is whole
    sink.close()
    played, rate = soundfile.read(tmp_path / "out.wav", dtype="float32")
    _, whole, _ = loop.step(None, source.audio, material, LiveConfig(), flush=True)
    assert rate == RATE
    assert np.abs(played - whole[0].numpy()).max() < 1e-4  # 16 bits
    assert player.seen.seconds == pytest.approx(len(source.audio) / RATE, abs=1e-6)


def test_a_stream_that_breaks_off_leaves_no_file(tmp_path: Path) -> None:
    sink = FileSink(tmp_path / "out.flac", RATE, 2)
    sink.write(torch.zeros(2, 100))
    sink.close(whole=False)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "there.wav").touch()
    with pytest.raises(AudioFileError, match=r"there\.wav"):
        FileSink(tmp_path / "there.wav", RATE, 1)
    with pytest.raises(AudioFileError, match=r"cannot write \.xyz"):
        FileSink(tmp_path / "out.xyz", RATE, 1)


def test_devices_get_as_much_as_they_give() -> None:
    loop, material = ready()
    sink = Kept()
    Player(loop, material).run(Limited(40), sink, steady=True)
    assert {chunk.shape for chunk in sink.chunks} == {(1, 640)}
    played = torch.cat(sink.chunks, 1)[0]
    first = int((played != 0).int().argmax())
    assert first <= delay_samples(loop, material) + 2 * 320  # silence first, of the loop's delay


def test_a_step_that_fails_is_silent_and_the_loop_goes_on() -> None:
    loop, material = ready()
    said: list[str] = []
    player = Player(loop, material, said=said.append)
    real, count = loop.step, [0]

    def sometimes(*arguments: Any, **options: Any) -> Any:
        count[0] += 1
        if count[0] in (5, 6):
            raise RuntimeError("out of memory")
        return real(*arguments, **options)

    loop.step = sometimes  # type: ignore[method-assign]
    sink = Kept()
    player.run(Limited(30), sink, steady=True)
    assert player.seen.faults == 2
    assert player.seen.fault == "out of memory"
    assert said == ["a step failed and is silent: out of memory"]
    assert float(torch.cat(sink.chunks[10:], 1).abs().max()) > 0


def test_a_device_that_disappears_is_said_and_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lgr.live.ports.REOPEN_SECONDS", 0.0)
    said: list[str] = []
    sounds = FakeSounds(fails_at=3)
    device = Device("input", RATE, 1, said=said.append, sounds=sounds)
    chunks = [device.read(320) for _ in range(4)]
    assert all(chunk is not None and chunk.shape == (320,) for chunk in chunks)
    assert said[0].startswith("the input device is gone (unplugged)")
    assert said[1] == "the input device is back"
    speakers = Device("output", RATE, 1, said=said.append, sounds=FakeSounds(fails_at=2))
    for _ in range(4):
        speakers.write(torch.zeros(1, 320))
    assert "the output device is gone" in said[2]
    assert len(speakers.sounds.played) >= 2


def test_a_device_of_another_rate_is_resampled() -> None:
    sounds = FakeSounds(rates=(48000,))
    source = Device("input", RATE, 1, sounds=sounds)
    heard = torch.cat([source.read(320) for _ in range(20)])  # type: ignore[misc]
    assert heard.shape == (6400,)
    torch.testing.assert_close(heard[2000:5000], torch.full((3000,), 0.1), rtol=0, atol=1e-3)
    sink = Device("output", RATE, 2, sounds=sounds)
    for _ in range(20):
        sink.write(torch.full((2, 320), 0.1))
    assert sum(len(x) for x in sounds.played) == pytest.approx(2 * 6400, abs=2000)


def test_no_device_is_a_sentence() -> None:
    sounds = FakeSounds()
    sounds.gone = True
    with pytest.raises(LgrError, match="no input device can be opened: no device"):
        Device("input", RATE, 1, sounds=sounds)
    assert device_name("mic") is None
    assert device_name("mic:3") == 3
    assert device_name("speakers:USB") == "USB"
    with pytest.raises(ValueError, match="a device must follow mic:"):
        device_name("mic:")


def test_a_take_becomes_a_source_while_it_runs() -> None:
    loop, material = ready()
    player = Player(loop, material, LiveConfig(temperature=1.0, continuity=0.0))
    with pytest.raises(ValueError, match="take 1 must have sound in it, got silence"):
        player.take()
    player.run(Limited(60), Nowhere())
    assert player.take(0.5) == "take 2"
    assert [r.name for r in player.material.codebook.recordings_] == ["rain", "take 2"]
    sink = Kept()
    player.run(Limited(60), sink)
    assert bool(torch.cat(sink.chunks, 1).isfinite().all())
    with pytest.raises(LgrError):
        with_take(material, loop.codec, torch.ones(100), name="short")  # less than a grain


def test_the_loop_plays_on_while_a_take_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, material = ready()
    player = Player(loop, material)
    asked, go_on = threading.Event(), threading.Event()
    make = lgr.live.play.with_take

    def slowly(*arguments: Any, **options: Any) -> Material:
        asked.set()
        assert go_on.wait(20)
        return make(*arguments, **options)

    monkeypatch.setattr(lgr.live.play, "with_take", slowly)
    taker = threading.Thread(target=player.take)
    steps, sizes = 0, []

    def watch(_: object) -> None:
        nonlocal steps
        steps += 1
        sizes.append(len(player.material.codebook))
        if steps == 60:
            taker.start()
            assert asked.wait(20)
        if steps == 90:
            go_on.set()
            taker.join(20)

    player.run(Limited(120), Nowhere(), watch=watch)
    assert steps == 120
    assert sizes[:90] == [len(material.codebook)] * 90
    assert sizes[-1] > sizes[0]


def test_takes_are_written_behind_what_is_there() -> None:
    loop, material = ready()
    player = Player(loop, material)
    player.run(Limited(60), Nowhere())
    player.take(0.5)
    first = player.material
    player.take(0.5)
    second = player.material
    for one, other in (
        (first.codebook.latents_, second.codebook.latents_),
        (first.file.rows, second.file.rows),
    ):
        assert one.data_ptr() == other.data_ptr()
    taken = len(first.codebook) - len(material.codebook)
    assert len(second.codebook) == len(first.codebook) + taken
    # the same sound twice, under two names
    assert torch.equal(second.codebook.latents_[..., -taken:], first.codebook.latents_[..., -taken:])
    assert torch.equal(first.codebook.latents_[..., : -taken - 3], material.codebook.latents_)


def test_it_is_stopped_from_another_thread() -> None:
    loop, material = ready()
    player = Player(loop, material)
    source = FileSource(CLIPS / "drum_loop.flac", RATE, loop=True)
    thread = threading.Thread(target=player.run, args=(source, Nowhere()))
    thread.start()
    player.stop()
    thread.join(timeout=20)
    assert not thread.is_alive()


def test_keys_turn_dials_and_stay_in_range() -> None:
    loop, material = ready()
    said: list[str] = []
    player = Player(loop, material, said=said.append)
    for key in "TTwwgGGfr":
        pressed(player, key)
    config = player.config
    assert (config.temperature, config.wet, config.gain_db, config.freeze) == (0.15, 0.8, 1.0, True)
    assert said == ["take 1 must have sound in it, got silence"]
    for key in "W" * 5 + "C" * 9 + "t" * 9:
        pressed(player, key)
    assert (player.config.wet, player.config.continuity, player.config.temperature) == (1.0, 0.99, 0.0)
    pressed(player, "?")
    pressed(player, "q")
    assert player.stopped.is_set()


def test_latency_is_that_of_the_clock() -> None:
    loop, material = ready()
    ticks = iter(range(10**6))
    found = measure(loop, material, torch.randn(RATE), seconds=2.0, clock=lambda: next(ticks) * 0.001)
    assert found.median_ms == pytest.approx(1.0)
    assert found.late == 0
    assert found.real_time == pytest.approx(1 / found.budget_ms)
    assert found.steps == 75
    assert found.delay_ms <= found.hop_ms + found.look_ahead_ms + 2
    assert math.isnan(found.memory_mib) or found.memory_mib > 10


def test_the_command_line(tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    rain, drums = str(CLIPS / "rain.flac"), str(CLIPS / "drum_loop.flac")
    done("live", rain, "--codec", "toy", "--input", drums, "-o", str(out), "--seed", "2", "--temperature", "0.2")
    audio, rate = lgr.load_audio(out)
    assert rate == RATE
    assert audio.shape[1] == lgr.load_audio(CLIPS / "drum_loop.flac", sample_rate=RATE, channels=1)[0].shape[1]
    said = done("latency", rain, "--codec", "toy", "--seconds", "1")
    for word in ("delay", "a step", "load", "memory"):
        assert word in said
    before = out.read_bytes()
    to_file = ("--codec", "toy", "--input", drums, "-o", str(tmp_path / "b.wav"))
    refused(tmp_path, "live", rain, "--codec", "toy", "--input", drums, "-o", str(out), says="out.wav")  # it is there
    assert out.read_bytes() == before
    refused(tmp_path, "live", rain, *to_file, "--wet", "2", says="wet must be from 0 to 1, got 2")
    refused(
        tmp_path, "live", rain, *to_file, "--hop-frames", "9", says="hop_frames must be in [1, grain_frames=4], got 9"
    )
    refused(tmp_path, "live", rain, "--codec", "toy", "--input", str(tmp_path / "no.wav"), "-o", "b.wav", says="no.wav")
    refused(tmp_path, "live", str(tmp_path / "none"), *to_file, says="none")


@pytest.fixture
def silent_card(tmp_path: Path) -> dict[str, str]:
    """The environment of a process whose sound card is ALSA's null device: it takes everything and gives anything."""
    if sys.platform != "linux":
        pytest.skip("ALSA is Linux's")
    try:
        import sounddevice  # noqa: F401
    except (ImportError, OSError):
        pytest.skip("PortAudio is not installed")
    config = tmp_path / "asound.conf"
    config.write_text("pcm.!default { type null }\nctl.!default { type null }\n")
    return {**os.environ, "ALSA_CONFIG_PATH": str(config)}


def test_a_null_device_is_played_to_and_heard(silent_card: dict[str, str], tmp_path: Path) -> None:
    lgr_live = [sys.executable, "-m", "lgr", "live", str(CLIPS / "rain.flac"), "--codec", "toy"]
    short = tmp_path / "short.wav"
    soundfile.write(short, 0.1 * np.random.default_rng(0).standard_normal(RATE), RATE)
    played = subprocess.run(
        [*lgr_live, "--input", str(short)], env=silent_card, capture_output=True, text=True, timeout=120, check=True
    )
    assert played.stdout.startswith("speakers: 1.0 s")
    out = tmp_path / "out.wav"
    command = interruptible(*lgr_live[3:], "--input", "mic", "-o", out)
    with subprocess.Popen(command, env=silent_card) as heard:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if any(path.stat().st_size > 2 * RATE for path in tmp_path.rglob("*.wav") if path != short):
                break
            time.sleep(0.05)
        heard.send_signal(signal.SIGINT)
        try:
            assert heard.wait(60) == 0
        finally:
            heard.kill()
    audio, rate = soundfile.read(out)
    assert rate == RATE
    assert len(audio) > 0
    assert bool(np.isfinite(audio).all())  # what the null device gives is whatever was in memory
