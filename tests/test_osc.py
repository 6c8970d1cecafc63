"""lgr over OSC: what becomes of a request."""

from typing import Any

import pytest
import torch

pytest.importorskip("pythonosc", reason="python-osc is not installed: pip install 'lgr[live]'")

from made_up_osc import ME, Office, bundle

import lgr
from lgr.drums import draw_voice, sample_path
from lgr.osc.addresses import ADDRESSES
from lgr.osc.packet import encoded
from lgr.osc.worker import Request
from lgr.resynth_config import ResynthConfig
from lgr.sound.audio import load_audio


def test_every_request_is_answered_once(desk: Office) -> None:
    count = len(desk.answers())
    desk.service.take(bundle(encoded("/lgr/state", ()), encoded("/lgr/none", ()), encoded("/lgr/set", ("wet",))), ME)
    assert [(each.address, each.values[0]) for each in desk.answers()[count:]] == [
        ("/lgr/done", "/lgr/state"),
        ("/lgr/error", "/lgr/none"),
        ("/lgr/error", "/lgr/set"),
    ]
    request = Request(ME, "/lgr/x", lambda *sent: desk.service._send(*sent))
    request.done(1)
    request.done(2)
    request.failed("no")
    assert desk.answers()[-1].values == ("/lgr/x", 1)


@pytest.mark.parametrize(
    ("address", "values", "says"),
    [
        ("/lgr/nothing", (), "no such address: /lgr/help lists them"),
        ("/lgr/*", (), "patterns are not taken"),
        ("/lgr/" + "*a" * 40 + "[[", (), "patterns are not taken"),
        ("/", (), "no such address"),
        ("/lgr/help", ("/no",), "no such address, got '/no'"),
        ("/lgr/resynth", ("drum_loop.wav",), "(target:s output:s), got 1"),
        ("/lgr/resynth", ("no.wav", "a.wav"), "a sound must be a file in the served folder, got 'no.wav'"),
        ("/lgr/resynth", ("drum_loop.wav", "rain.wav"), "in use, got 'rain.wav'"),
        ("/lgr/resynth", ("drum_loop.wav", "drum_loop.wav"), "in use, got 'drum_loop.wav'"),
        ("/lgr/resynth", ("drum_loop.wav", "a.txt"), "ends in wav, flac, ogg or mp3"),
        ("/lgr/sources", ("nothing.wav",), "nothing.wav does not exist"),
        ("/lgr/codec", ("toi",), "codec must be one of toy"),
        ("/lgr/codebook", ("rain.wav",), "codebook must be a folder with codebook.json"),
        ("/lgr/point", (0.5, 2.0), "y must be from 0 to 1"),
        ("/lgr/play", ("rain.wav",), "start the live loop (/lgr/live/start)"),
        ("/lgr/live/take", (), "the live loop is not running"),
        ("/lgr/live/start", ("rain.wav", "a.txt"), "output must be speakers or a file's name"),
        ("/lgr/cancel", ("yours",), "whose must be mine or all"),
        ("/lgr/reply", (9123,), "this server's own 9123"),
        ("/lgr/model", ("toy",), "codec must have a temporal embedding"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(desk: Office, address: str, values: Any, says: str) -> None:
    root = desk.service.session.folder.root
    before, files = desk.done("/lgr/state"), sorted(root.rglob("*"))
    kind, (text, *_) = desk.ask(address, *values)
    assert (kind, says in text) == ("error", True), text
    assert str(root) not in text
    assert desk.done("/lgr/state") == before
    assert sorted(root.rglob("*")) == files


def test_help_and_state_say_what_there_is(desk: Office) -> None:
    assert desk.done("/lgr/help") == ("/lgr/help", *list(ADDRESSES)[1:])
    assert desk.done("/lgr/help", "/lgr/point")[:2] == ("/lgr/point", "x:f y:f [output:s]")
    state = desk.done("/lgr/state")
    assert dict(zip(state[::2], state[1::2], strict=True)) == {
        "codec": "toy",
        "grains": 144,
        "recordings": 2,
        "model": "none",
        "live": 0,
        "at_work": "none",
        "waiting": 0,
    }


def test_a_resynthesis_is_that_of_the_package(desk: Office) -> None:
    root = desk.service.session.folder.root
    desk.done("/lgr/set", "temperature", 0.2)
    desk.done("/lgr/set", "seed", 5)
    name, seconds, grains = desk.done("/lgr/resynth", "drum_loop.wav", "out/a.wav")
    config = ResynthConfig(temperature=0.2)
    wanted = lgr.resynthesise(
        root / "drum_loop.wav", [root / "glass.wav", root / "rain.wav"], codec="toy", config=config, seed=5
    )
    audio, rate = load_audio(root / name)
    torch.testing.assert_close(audio, wanted.audio, rtol=0, atol=1e-6)
    assert (seconds, grains) == (audio.shape[1] / rate, len(wanted.score))
    desk.done("/lgr/set", "seed", 6)
    desk.done("/lgr/resynth", "drum_loop.wav", "out/a.wav")  # its own result it replaces
    assert not torch.equal(load_audio(root / name)[0], audio)


def test_a_codebook_is_saved_and_loaded(desk: Office) -> None:
    first = desk.done("/lgr/resynth", "drum_loop.wav", "a.wav")
    assert desk.done("/lgr/save", "books/two") == ("books/two", 144)
    desk.done("/lgr/sources", "rain.wav")
    assert "was there before" in desk.error("/lgr/save", "glass.wav")
    assert desk.done("/lgr/codebook", "books/two") == (144, 2, "toy")
    assert desk.done("/lgr/resynth", "drum_loop.wav", "b.wav")[1:] == first[1:]
    root = desk.service.session.folder.root
    assert torch.equal(load_audio(root / "a.wav")[0], load_audio(root / "b.wav")[0])
    desk.done("/lgr/codec", "spectral")  # grains of another codec are let go
    assert "there are no grains yet" in desk.error("/lgr/point", 0.5, 0.5)
    assert desk.done("/lgr/codebook", "books/two") == (144, 2, "toy")  # and its codec comes back with it


def test_a_point_is_heard_in_a_file(desk: Office) -> None:
    root, session = desk.service.session.folder.root, desk.service.session
    plane = session.plane(lambda *_: None)
    for grain in (3, 100):
        x, y = plane.points[grain].tolist()
        recording, seconds, name = desk.done("/lgr/point", x, y)
        at = plane.nearest(x, y)
        assert (recording, name) == ("glass" if at < 72 else "rain", "point.wav")
        assert torch.equal(plane.points[at], plane.points[grain])
        assert 0 <= seconds < 1
        audio, rate = load_audio(root / name)
        assert 0.2 < audio.shape[1] / rate < 0.6
        assert float(audio.abs().max()) > 0
    assert plane.points.amin(0).tolist() == [0, 0]
    assert plane.points.amax(0).tolist() == [1, 1]
    assert desk.done("/lgr/point", 0, 1, "corner.wav")[2] == "corner.wav"


def test_samples_are_the_voices_of_the_drum_machine(desk: Office) -> None:
    root = desk.service.session.folder.root
    name, *classes = desk.done("/lgr/model")
    assert (name, classes[4]) == ("drums-spectral", "Kick")
    codec = desk.service.session.model()
    for address, draw, stem in (("/lgr/sample", draw_voice, "kick"), ("/lgr/sample_path", sample_path, "kick-path")):
        file, seconds, label = desk.done(address, "kick", 3)
        assert (file, label) == (f"{stem}-seed3.wav", "Kick")
        audio, rate = load_audio(root / file)
        torch.testing.assert_close(audio, draw(codec, "Kick", 3).sounds, rtol=0, atol=1e-6)
        assert seconds == pytest.approx(audio.shape[1] / rate)
        assert desk.done(address, 4, 3, "by/number.wav")[2] == "Kick"
        assert torch.equal(load_audio(root / "by" / "number.wav")[0], audio)
    assert desk.done("/lgr/sample", "any", 1)[2] == "any"
    assert "label must be one that" in desk.error("/lgr/sample", "tuba", 1)
    assert "from 0 to 7, got 8" in desk.error("/lgr/sample", 8, 1)
    assert desk.done("/lgr/state")[1] == "toy"  # grains and models have codecs of their own
