"""The live loop over OSC: started, steered, fed and stopped."""

import threading
from typing import Any

import pytest
import torch
from torch import Tensor

pytest.importorskip("pythonosc", reason="python-osc is not installed: pip install 'lgr[live]'")

from made_up_osc import ME, Office, live, slow, wait

from lgr.errors import LgrError, MissingPackageError
from lgr.osc.live import MOST_SOUNDS, Mixed, seldom
from lgr.osc.packet import Message
from lgr.sound.audio import load_audio


def test_the_loop_is_started_steered_and_stopped(desk: Office) -> None:
    root, session = desk.service.session.folder.root, desk.service.session
    assert desk.done("/lgr/live/stop") == ("none", 0.0)
    desk.done("/lgr/live/set", "temperature", 0.3)  # before it runs
    assert desk.done("/lgr/live/start", "drum_loop.wav", "live.wav", 1) == ("drum_loop.wav", "live.wav", 24000, 1)
    assert session.live.player is not None
    assert session.live.player.config.temperature == 0.3
    assert "is running" in desk.error("/lgr/live/start", "drum_loop.wav", "other.wav")
    desk.done("/lgr/live/set", "wet", 0.5)
    desk.done("/lgr/live/freeze", 1)
    assert (session.live.player.config.wet, session.live.player.config.freeze) == (0.5, True)
    desk.done("/lgr/live/set", "freeze", 0)
    assert "wet must be from 0 to 1" in desk.error("/lgr/live/set", "wet", 7)
    wait(lambda: live(desk)["seconds"] > 0.5)
    # sources are replaced, and taken, while it plays
    grains = live(desk)["grains"]
    assert desk.done("/lgr/sources", "rain.wav") == (72, 1)
    assert live(desk)["grains"] == 72 < grains
    name, count = desk.done("/lgr/live/take", 0.4)
    assert (name, live(desk)["grains"]) == ("take 1", count)
    assert count > 72
    # what the loop cannot play with leaves it, and all else, as it was
    desk.done("/lgr/set", "grain_frames", 2)
    assert "material must be of" in desk.error("/lgr/sources", "glass.wav")
    assert "stop it first" in desk.error("/lgr/codec", "bundled")
    assert "in use" in desk.error("/lgr/resynth", "drum_loop.wav", "live.wav")
    assert (live(desk)["grains"], desk.done("/lgr/state")[:4]) == (count, ("codec", "toy", "grains", count))
    assert desk.done("/lgr/point", 0.5, 0.5)[2] == "live"
    assert desk.done("/lgr/play", "glass.wav") == ("glass.wav", 1.0)
    running = live(desk)
    assert (running["running"], running["input"], running["output"]) == (1, "drum_loop.wav", "live.wav")
    output, seconds = desk.done("/lgr/live/stop")
    audio, rate = load_audio(root / output)
    assert audio.shape[1] / rate == pytest.approx(seconds, abs=1e-4)
    assert float(audio.square().mean()) > 1e-6
    assert live(desk)["running"] == 0
    said = [message.values[0] for _, message in desk.heard if message.address == "/lgr/said"]
    assert said == [f"live has ended: live.wav, {seconds:.1f} s"]


def test_a_file_ends_by_itself_and_that_is_told(desk: Office) -> None:
    desk.done("/lgr/live/start", "drum_loop.wav", "live.flac")
    desk.until(lambda: desk.heard[-1][1].address == "/lgr/said")
    assert desk.heard[-1] == (ME, Message("/lgr/said", ("live has ended: live.flac, 1.0 s",)))
    audio, rate = load_audio(desk.service.session.folder.root / "live.flac")
    assert audio.shape[1] == rate
    desk.done("/lgr/live/start", "drum_loop.wav", "live.flac")  # again, into its own file
    desk.done("/lgr/live/stop")


def test_the_map_stays_where_it_was_when_a_take_joins_it(desk: Office) -> None:
    session = desk.service.session
    before = session.plane(lambda *_: None)
    desk.done("/lgr/live/start", "drum_loop.wav", "live.wav", 1)
    wait(lambda: live(desk)["seconds"] > 0.5)
    desk.done("/lgr/live/take")
    after = session.plane(lambda *_: None)
    assert len(after.points) > len(before.points)
    assert torch.equal(after.points[: len(before.points)], before.points)
    desk.done("/lgr/sources", "rain.wav")
    assert not torch.allclose(session.plane(lambda *_: None).points[:10], after.points[:10])


def test_without_a_device_it_is_a_sentence(desk: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> Any:
        raise MissingPackageError("sound devices need sounddevice")

    monkeypatch.setattr("lgr.live.ports._sounddevice", none)
    assert desk.error("/lgr/live/start") == "sound devices need sounddevice"
    assert desk.error("/lgr/live/start", "mic", "live.wav") == "sound devices need sounddevice"
    assert "must follow mic:" in desk.error("/lgr/live/start", "mic:", "live.wav")
    assert not list(desk.service.session.folder.root.glob("*live*"))
    assert live(desk)["running"] == 0


def test_a_stop_also_stops_a_start_that_waits(desk: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    go = threading.Event()
    begun = slow(monkeypatch, go)
    desk.send("/lgr/sources", "rain.wav")
    assert begun.wait(20)
    desk.send("/lgr/live/start", "drum_loop.wav", "live.wav", 1)
    desk.send("/lgr/live/stop")
    go.set()
    desk.until(lambda: not len(desk.service.desk.long))
    assert Message("/lgr/error", ("/lgr/live/start", "cancelled")) in desk.answers()
    assert live(desk)["running"] == 0


class Kept:
    """A sink in memory, which may be full."""

    def __init__(self) -> None:
        self.written: list[Tensor] = []
        self.full = False

    def write(self, audio: Tensor) -> None:
        if self.full:
            raise OSError("no space left")
        self.written.append(audio)

    def close(self, *, whole: bool = True) -> None:
        pass


def test_sounds_on_top_of_the_loop_are_added_from_where_they_begin() -> None:
    sink, said = Kept(), []
    mixed = Mixed(sink, 2, said.append)
    loop = torch.full((2, 10), 0.25)
    mixed.write(loop)
    mixed.play(torch.full((1, 15), 0.5))
    mixed.play(torch.full((2, 3), 0.5))
    for _ in range(2):
        mixed.write(loop)
    played = torch.cat(sink.written, 1)
    wanted = torch.cat([torch.full((n,), x) for n, x in ((10, 0.25), (3, 1.0), (12, 0.75), (5, 0.25))])
    torch.testing.assert_close(played, wanted.expand(2, -1))
    assert float(loop.max()) == 0.25
    sink.full = True
    for _ in range(3):
        mixed.write(loop)
    assert said == ["what is played cannot be written: no space left"]
    sink.full = False
    mixed.write(loop)
    assert len(sink.written) == 4
    for _ in range(MOST_SOUNDS):
        mixed.play(torch.zeros(1, 5))
    with pytest.raises(LgrError, match="are heard already"):
        mixed.play(torch.zeros(1, 5))


def test_the_same_is_not_said_over_and_over() -> None:
    said: list[str] = []
    say = seldom(said.append)
    for text in ("a", "a", "b", "a", "a"):
        say(text)
    assert said == ["a", "b", "a"]
