"""lgr over OSC: what a datagram is, what a name may be, and what becomes of a request, whoever asks."""

import random
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

pytest.importorskip("pythonosc", reason="python-osc is not installed: pip install 'lgr[live]'")
from command_line import CLIPS, refused

import lgr
from lgr.cli.live import STEPS
from lgr.drums import draw_voice, sample_path
from lgr.errors import ArgumentError, LgrError, MissingPackageError
from lgr.live import LiveConfig
from lgr.osc import packet, play
from lgr.osc.addresses import ADDRESSES
from lgr.osc.arguments import Argument, Command
from lgr.osc.desk import MOST_CLIENTS
from lgr.osc.folder import Folder
from lgr.osc.live import MOST_SOUNDS, Mixed, seldom
from lgr.osc.packet import DEEPEST, MOST_BYTES, MOST_MESSAGES, MOST_TEXT, Message, encoded, messages
from lgr.osc.server import Server
from lgr.osc.service import Service
from lgr.osc.settings import READERS, Settings, dialled, dials
from lgr.osc.worker import MOST_WAITING, Client, Request
from lgr.resynth_config import ResynthConfig
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


@pytest.fixture(scope="module")
def short_clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    for name in ("glass", "rain", "drum_loop"):
        audio, rate = load_audio(CLIPS / f"{name}.flac")
        save_audio(folder / f"{name}.wav", audio[:, :rate], rate)
    return folder


@pytest.fixture
def desk(tmp_path: Path, short_clips: Path) -> Iterator[Office]:
    """A service with toy grains of a second of glass and of rain."""
    for file in short_clips.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    found = Office(tmp_path)
    try:
        found.done("/lgr/codec", "toy")
        found.done("/lgr/sources", "glass.wav", "rain.wav")
        yield found
    finally:
        found.service.close()


# Datagrams


VALUES = st.one_of(
    st.integers(-(2**62), 2**62),
    st.integers(-999_999, 999_999).map(lambda n: n / 1000),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=50),
)


@given(st.lists(VALUES, max_size=8))
def test_what_is_written_is_read(values: list[Any]) -> None:
    assert messages(encoded("/lgr/state", tuple(values))) == [Message("/lgr/state", tuple(values))]


@given(st.lists(VALUES, max_size=4), st.integers(1, 40))
def test_a_message_that_is_cut_off_is_never_another_message(values: list[Any], cut: int) -> None:
    whole = encoded("/lgr/set", (*values, "end"))
    part = whole[: max(0, len(whole) - cut)]
    with suppress(ArgumentError):
        assert messages(part) == [Message("/lgr/set", ())]  # where nothing but the address is left


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(datagram: bytes) -> None:
    for start in (b"", b"/a\0\0,", b"#bundle\0" + b"\0" * 8):
        with suppress(ArgumentError):
            messages(start + datagram)


def test_short_numbers_are_what_was_meant_and_flags_are_numbers() -> None:
    assert messages(b"/a\0\0,fTF\0\0\0\0" + struct.pack(">f", 0.05)) == [Message("/a", (0.05, 1, 0))]
    assert messages(b"/a\0\0") == [Message("/a", ())]  # without types, as old programs send it


def test_bundles_are_flat_and_in_order() -> None:
    one, two = encoded("/1", ()), encoded("/2", (2,))
    late = bundle(two, time_tag=b"\xff" * 8)
    assert [each.address for each in messages(bundle(late, one, bundle(one, two)))] == ["/2", "/1", "/1", "/2"]
    assert messages(bundle()) == []


def nested(depth: int) -> bytes:
    datagram = encoded("/a", ())
    for _ in range(depth):
        datagram = bundle(datagram)
    return datagram


@pytest.mark.parametrize(
    ("datagram", "says"),
    [
        (b"/" * (MOST_BYTES + 1), f"at most {MOST_BYTES} bytes"),
        (b"", "damaged"),
        (b"hello\0\0\0", "must have an address"),
        (b"/a\0\0hello\0\0\0", "then the types"),
        (b"/a\0\0,b\0\0\0\0\0\1a\0\0\0", "numbers or text"),
        (b"/a\0\0,[i]\0\0\0\0\0\0\0\1", "numbers or text"),
        (b"/a\0\0,x\0\0", "numbers or text"),
        (b"/a\0\0,f\0\0", "as long as its types say"),
        (b"/a\0\0,i\0\0\0\0\0\1\0\0\0\0", "as long as its types say"),
        (b"/\xff\0\0,\0\0\0", "damaged"),
        (encoded("/a", ("x" * 900,)).replace(b"x" * 900, b"x" * (MOST_TEXT + 4)), f"at most {MOST_TEXT} characters"),
        (bundle(encoded("/a", ()))[:-1], "a part of a bundle"),
        (b"#bundle\0" + b"\0" * 8 + struct.pack(">i", -4), "a part of a bundle"),
        (b"#bundle\0" + b"\0" * 8 + struct.pack(">i", 0), "a part of a bundle"),
        (b"#bundle\0\0", "a bundle must begin"),
        (bundle(encoded("/a", ()), b"junk"), "damaged"),
        (bundle(*[encoded("/a", ())] * (MOST_MESSAGES + 1)), f"at most {MOST_MESSAGES} messages"),
        (nested(DEEPEST + 1), f"at most {DEEPEST} deep"),
        (nested(300), f"at most {DEEPEST} deep"),
    ],
)
def test_what_is_not_osc_is_refused(datagram: bytes, says: str) -> None:
    with pytest.raises(ArgumentError, match=says):
        messages(datagram)


def test_limits_are_inclusive() -> None:
    assert len(messages(nested(DEEPEST))) == 1
    assert len(messages(bundle(*[encoded("/a", ())] * MOST_MESSAGES))) == MOST_MESSAGES


def test_answers_can_always_be_sent() -> None:
    (answer,) = messages(encoded("/lgr/error", ("/a", "x" * 100_000 + "\0", "\udcff")))
    assert len(str(answer.values[1])) == packet.MOST_SAID
    assert answer.values[2] == "?"


# Arguments


def test_arguments_are_checked_in_one_place() -> None:
    takes = (Argument("x", "f", 0, 1), Argument("n", "i", 0), Argument("name", "s", needed=False))
    command = Command(takes, "", lambda: [], "")
    assert command.signature == "x:f n:i [name:s]"
    assert command.checked([1, 3.0, "a"]) == [1, 3, "a"]
    assert isinstance(command.checked([0.5, 3.0])[1], int)
    for wrong, says in (
        ([1], "as many as it takes"),
        ([1, 1, "a", "b"], "as many as it takes"),
        (["a", 1], "x must be a number, got 'a'"),
        ([2, 1], "x must be from 0 to 1, got 2"),
        ([float("nan"), 1], "x must be finite"),
        ([0, float("inf")], "n must be a whole number"),
        ([0, 1.5], "n must be a whole number, got 1.5"),
        ([0, -1], "n must be 0 or more, got -1"),
        ([0, 1, 2], "name must be a text, got 2"),
    ):
        with pytest.raises(ArgumentError, match=says):
            command.checked(wrong)
    many = Command((Argument("name", "s", many=True),), "", lambda: [], "")
    assert many.signature == "name:s..."
    assert many.checked(["a", "b", "c"]) == ["a", "b", "c"]
    with pytest.raises(ArgumentError, match="as many as it takes"):
        many.checked([])


def test_the_table_is_whole() -> None:
    for address, command in ADDRESSES.items():
        assert address.startswith("/lgr/")
        assert command.help.endswith(".")
        optional = [not argument.needed for argument in command.takes]
        assert optional == sorted(optional)


# Settings


def test_every_setting_of_resynthesis_can_be_set_and_shown() -> None:
    """But for the embedding, which is a path."""
    assert set(READERS) == {field.name for field in fields(ResynthConfig)} - {"embedding"} | {"seed"}
    settings = Settings()
    for name, values, shown in (
        ("grain_frames", [6.0], 6),
        ("hop_frames", [2], 2),
        ("hop_frames", ["none"], "none"),
        ("stride", [2], 2),
        ("metric", ["cosine"], "cosine"),
        ("sampler", ["viterbi"], "viterbi"),
        ("temperature", [0.2], 0.2),
        ("temperature", ["0:0.1,2:0.5"], "0:0.1,2:0.5"),
        ("continuity", [0.5], 0.5),
        ("pitch", [0], 0.0),
        ("wet", ["0:0,1:1"], "0:0,1:1"),
        ("match_loudness", [0], 0),
        ("silence_db", [-60], -60),
        ("silence_db", ["none"], "none"),
        ("source_weights", [1, "0:1,4:0"], "1 0:1,4:0"),
        ("source_weights", ["none"], "none"),
        ("augmentations", ["gain=-6", "speed=2"], "gain=-6 speed=2"),
        ("augmentations", ["none"], "none"),
        ("transpose", [-2.0, 3], "-2 3"),
        ("sampler", ["online"], "online"),
        ("repetition_frames", [3], 3),
        ("repetition_penalty", [0.1], 0.1),
        ("seed", [7], 7),
    ):
        settings.set(name, values)
        assert settings.shown(name) == shown, name
    assert settings.pairs()[::2] == list(READERS)


@pytest.mark.parametrize(
    ("name", "values", "says"),
    [
        ("colour", [1], "a setting must be one of grain_frames"),
        ("temperature", [-1], "temperature must be >= 0"),
        ("temperature", [float("nan")], "temperature: envelope points must be finite"),
        ("temperature", ["warm"], "temperature: envelope must be a number"),
        ("temperature", [1, 2], "temperature must be one value, got 2"),
        ("wet", [2], "wet must stay within 0 and 1"),
        ("seed", [-1], "seed must be from 0"),
        ("seed", ["x"], "seed must be a whole number"),
        ("grain_frames", [0], "grain_frames must be"),
        ("hop_frames", [5], "hop_frames must be in"),
        ("metric", ["nice"], "metric must be one of"),
        ("match_loudness", [2], "match_loudness must be from 0 to 1"),
        ("transpose", [1], "transpose must be the lowest and the highest"),
        ("transpose", [-99, 99], "transpose must be the lowest and the highest"),
        ("augmentations", [3], "augmentations must be a text"),
    ],
)
def test_a_wrong_setting_changes_nothing(name: str, values: list[Any], says: str) -> None:
    settings = Settings()
    settings.set("temperature", [0.3])
    before = settings.pairs()
    with pytest.raises(ArgumentError, match=says):
        settings.set(name, values)
    assert settings.pairs() == before


def test_a_default_that_follows_another_setting_comes_back() -> None:
    settings = Settings()
    settings.set("sampler", ["independent"])
    assert settings.shown("continuity") == 0
    settings.set("sampler", ["auto"])
    assert settings.shown("continuity") == 0.9


def test_dials_are_those_of_the_live_loop() -> None:
    assert set(dials(LiveConfig())[::2]) == {field.name for field in fields(LiveConfig)}
    assert set(dials(LiveConfig())[::2]) >= {name for name, _ in STEPS.values()}
    assert dialled(LiveConfig(), "wet", 0.5).wet == 0.5
    assert dialled(LiveConfig(), "freeze", 1).freeze is True
    for name, value, says in (
        ("wet", 2, "wet must be from"),
        ("volume", 1, "a dial must be"),
        ("wet", "x", "a number"),
    ):
        with pytest.raises(ArgumentError, match=says):
            dialled(LiveConfig(), name, value)


# The folder


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A served folder with links in it, beside a file that is not served."""
    (tmp_path / "secret.wav").write_bytes((CLIPS / "glass.flac").read_bytes())
    root = tmp_path / "served"
    (root / "sub").mkdir(parents=True)
    (root / "in.flac").write_bytes((CLIPS / "glass.flac").read_bytes())
    (root / "out.wav").symlink_to(tmp_path / "secret.wav")
    (root / "sub" / "out.wav").symlink_to(tmp_path / "secret.wav")
    (root / "up").symlink_to(tmp_path)
    (root / "round").symlink_to(root / "round")
    (root / "near.flac").symlink_to(root / "in.flac")
    return Folder(root)


@pytest.mark.parametrize(
    "name",
    [
        *("", "..", "../secret.wav", "sub/../../secret.wav", "/etc/passwd", "~/x.wav", "~root/x", "C:\\x.wav"),
        *(
            "\\\\host\\x",
            "sub\\..\\..\\secret.wav",
            "out.wav",
            "up/secret.wav",
            "round",
            "a\nb.wav",
            "x" * 300 + ".wav",
        ),
    ],
)
def test_no_name_leads_out_of_the_folder(folder: Folder, name: str) -> None:
    before = sorted(folder.root.parent.rglob("*"))
    for use in (folder.path, folder.sound, lambda each: folder.sounds([each]), lambda each: folder.free(each, ())):
        with pytest.raises(LgrError) as refusal:
            use(name)
        assert str(folder.root.parent) not in folder.hidden(str(refusal.value))
    with pytest.raises(LgrError), folder.result(name, ()):
        pass
    assert sorted(folder.root.parent.rglob("*")) == before


def test_links_out_are_not_followed_in_folders_and_patterns(folder: Folder) -> None:
    assert folder.sounds(["in.flac", "near.flac"]) == [folder.root / "in.flac"]
    for name in (".", "sub", "*.wav", "sub/*"):
        with pytest.raises(ArgumentError, match="must not lead out"):
            folder.sounds([name])


def test_a_result_replaces_only_what_the_server_made(folder: Folder) -> None:
    for _ in range(2):  # its own it replaces
        with folder.result("new/a.wav", ()) as (file, name):
            file.write_bytes(b"x")
    assert name == "new/a.wav"
    assert (folder.root / name).read_bytes() == b"x"
    with pytest.raises(ArgumentError, match="was there before"), folder.result("in.flac", ()):
        pass
    with pytest.raises(ArgumentError, match="in use"), folder.result("new/a.wav", {folder.root / "new" / "a.wav"}):
        pass
    for wrong in ("a.txt", "sub", "b"):
        with pytest.raises(ArgumentError), folder.result(wrong, ()):
            pass
    with pytest.raises(LgrError, match=r"c\.wav is wrong") as refusal, folder.result("c.wav", ()) as (file, _):
        raise LgrError(f"{file} is wrong")
    assert ".lgr-" not in str(refusal.value)
    assert not (folder.root / "c.wav").exists()
    assert folder.unused("in", ()) == "in.wav"
    (folder.root / "in.wav").touch()
    assert folder.unused("in", ()) == "in-2.wav"
    assert folder.unused("new/a", ()) == "new/a.wav"


def test_texts_for_clients_have_no_paths_of_the_machine(folder: Folder) -> None:
    text = f"{folder.root}/sub/x.wav is damaged; /usr/lib/python/thing.py says no ({folder.root}); ask /lgr/live/stop"
    told = folder.hidden(text, ADDRESSES)
    assert told == "sub/x.wav is damaged; thing.py says no (the served folder); ask /lgr/live/stop"
    with pytest.raises(ArgumentError, match="must be one that exists"):
        Folder(folder.root / "none")


# Requests


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


# Clients, long work


def test_two_clients_get_their_own_answers_and_share_a_state(desk: Office) -> None:
    for i in range(20):
        desk.send("/lgr/set", "seed", i, client=ME)
        desk.send("/lgr/set", "temperature", i / 100, client=YOU)
        desk.send("/lgr/resynth", "drum_loop.wav", f"{i % 2}.wav", client=ME if i % 2 else YOU)
    desk.until(lambda: sum(each.values[0] == "/lgr/resynth" for each in desk.answers()) == 20)
    for client, name in ((ME, "seed"), (YOU, "temperature")):
        own = desk.answers(client)
        set_ = [each.values[1] for each in own if each.values[0] == "/lgr/set"]
        assert set_ == [name] * 20
        files = {each.values[1] for each in own if each.values[0] == "/lgr/resynth"}
        assert files == {"1.wav" if client == ME else "0.wav"}
    settings = desk.service.session.settings
    assert (settings.seed, settings.config.temperature.constant) == (19, 0.19)


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


def test_long_work_does_not_keep_the_others_waiting(desk: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    go = threading.Event()
    begun = slow(monkeypatch, go)
    desk.send("/lgr/sources", "rain.wav", client=YOU)
    assert begun.wait(20)
    desk.send("/lgr/resynth", "drum_loop.wav", "a.wav", client=YOU)
    state = desk.done("/lgr/state")
    assert state[state.index("at_work") + 1] == "/lgr/sources"
    assert state[state.index("waiting") + 1] == 2
    desk.done("/lgr/set", "wet", 0.5)
    desk.done("/lgr/point", 0.5, 0.5)  # with the grains that were there before
    began = time.monotonic()
    time.sleep(0.7)
    told = [message for client, message in list(desk.heard) if message.address == "/lgr/progress" and client == YOU]
    assert all(message.values == ("/lgr/sources", "encoding sources", 0, 1) for message in told[1:])
    assert 2 <= len(told) <= 3 + 5 * (time.monotonic() - began + 20)
    go.set()
    desk.until(lambda: any(each.values[:2] == ("/lgr/resynth", "a.wav") for each in desk.answers(YOU)))
    assert desk.answers(YOU)[-2].values == ("/lgr/sources", 72, 1)  # in the order in which it was asked for


def test_progress_is_told_five_times_a_second_at_most() -> None:
    sent: list[Any] = []
    request = Request(ME, "/lgr/x", lambda *what: sent.append(what))
    until = time.monotonic() + 0.5
    while time.monotonic() < until:
        request.progress("working", 1, 2)
    assert 2 <= len(sent) <= 3


def test_work_is_cancelled_by_who_asked_for_it_or_by_all(desk: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = slow(monkeypatch, threading.Event())
    before = desk.done("/lgr/state")
    desk.send("/lgr/sources", "rain.wav", client=YOU)
    assert begun.wait(20)
    desk.send("/lgr/resynth", "drum_loop.wav", "a.wav", client=YOU)
    desk.send("/lgr/sources", "glass.wav", client=ME)
    assert desk.done("/lgr/cancel") == (1,)
    assert Message("/lgr/error", ("/lgr/sources", "cancelled")) in desk.answers(ME)
    assert desk.answers(YOU) == []
    assert desk.done("/lgr/cancel", "all") == (2,)
    desk.until(lambda: len(desk.answers(YOU)) == 2)
    assert {each.values for each in desk.answers(YOU)} == {("/lgr/sources", "cancelled"), ("/lgr/resynth", "cancelled")}
    desk.until(lambda: not len(desk.service.desk.long))
    assert desk.done("/lgr/state") == before
    assert not (desk.service.session.folder.root / "a.wav").exists()


def test_too_much_waiting_work_is_refused(desk: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = slow(monkeypatch, threading.Event())
    desk.send("/lgr/sources", "rain.wav")
    assert begun.wait(20)
    count = len(desk.answers())
    for _ in range(MOST_WAITING + 3):
        desk.send("/lgr/sources", "rain.wav")
    assert [each.address for each in desk.answers()[count:]] == ["/lgr/error"] * 3
    assert "requests are waiting already" in str(desk.answers()[-1].values[1])
    assert desk.done("/lgr/cancel") == (MOST_WAITING + 1,)


def test_answers_go_to_another_port_where_that_was_asked_for(desk: Office) -> None:
    desk.send("/lgr/reply", 9124)
    desk.send("/lgr/state")
    desk.send("/lgr/state", client=YOU)
    assert [client for client, _ in desk.heard[-3:]] == [("127.0.0.1", 9124)] * 2 + [YOU]
    desk.send("/lgr/reply", 0)
    assert desk.heard[-1][0] == ME
    for port in range(MOST_CLIENTS + 10):
        desk.send("/lgr/reply", 9124, client=("127.0.0.1", 10_000 + port))
    assert len(desk.service.desk._reply_ports) == MOST_CLIENTS


def test_answers_are_not_answered(desk: Office) -> None:
    """Or two servers, or one that is told to answer itself, would never come to an end."""
    count = len(desk.heard)
    for address in ("/lgr/done", "/lgr/error", "/lgr/progress", "/lgr/said"):
        desk.send(address, "/lgr/state", "x")
    assert len(desk.heard) == count


def test_what_nobody_expected_is_answered_too(desk: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(play, "build_codebook", lambda *_, **__: 1 / 0)
    assert desk.error("/lgr/sources", "rain.wav").startswith("unexpected ZeroDivisionError")
    assert desk.done("/lgr/state")[3] == 144


# The live loop


def live(desk: Office) -> dict[str, Any]:
    state = desk.done("/lgr/live/state")
    return dict(zip(state[::2], state[1::2], strict=True))


def wait(what: Callable[[], bool], seconds: float = 20.0) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until
        time.sleep(0.02)


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


# Anything at all


def fuzzed(draw: random.Random) -> bytes:
    """A packet that no honest client would send, or nearly one that would."""
    values: list[Any] = [0, 1, -1, 2**31, 2**40, 0.5, 1e30, float("nan"), float("inf"), -0.0]
    values += ["", ".", "glass.wav", "../x", "/etc/passwd", "no", "toy", "wet", "seed", "é" * 50, "x" * 999, "0:0,1:1"]
    kind = draw.randrange(7)
    if kind == 0:
        return draw.randbytes(draw.randrange(80))
    if kind == 1:
        return bytes(draw.choices(b"/#,ifsb\0\xff", k=draw.randrange(60)))
    address = draw.choice(list(ADDRESSES))
    if kind == 2:
        address += draw.choice(["x", "*", "/", "[", "{a,b", " ", "é"])
    if "codec" in address or "model" in address:  # which would only be loaded again and again
        address = "/lgr/set"
    whole = encoded(address, tuple(draw.choices(values, k=draw.randrange(5))))
    if kind == 3:
        return whole[: draw.randrange(len(whole))]
    if kind == 4:
        at = draw.randrange(len(whole))
        return whole[:at] + draw.randbytes(draw.randrange(1, 5)) + whole[at + 1 :]
    if kind == 5:
        parts = [whole] * draw.choice([1, 1, 2, 2, 3, 3, 70])
        inside = bundle(*parts)
        for _ in range(draw.randrange(12)):
            inside = bundle(inside)
        return inside[: draw.choice([len(inside), draw.randrange(len(inside) + 1)])]
    return whole + b"\0" * draw.choice([0, 0, 0, 4, 9000])


def test_ten_thousand_packets_are_survived(desk: Office) -> None:
    draw = random.Random(0)
    root = desk.service.session.folder.root
    asked, outside = 0, sorted(root.parent.iterdir())
    desk.heard.clear()
    for _ in range(10_000):
        datagram = fuzzed(draw)
        try:
            found = [each for each in messages(datagram) if each.address not in ("/lgr/done", "/lgr/error")]
            asked += len(found)
        except ArgumentError:
            asked += 1
        desk.service.take(datagram, ME)
    desk.send("/lgr/cancel", "all")
    desk.send("/lgr/live/stop")
    desk.until(lambda: len(desk.answers()) >= asked + 2)
    wait(lambda: not len(desk.service.desk.long) + len(desk.service.desk.soon))
    assert len(desk.answers()) == asked + 2  # each once
    said = " ".join(str(value) for message in desk.answers() for value in message.values)
    assert "unexpected" not in said
    assert str(root) not in said
    assert sorted(root.parent.iterdir()) == outside
    desk.heard.clear()
    desk.done("/lgr/sources", "rain.wav")
    assert desk.done("/lgr/resynth", "drum_loop.wav", "after-all.wav")[0] == "after-all.wav"


# Over UDP


@pytest.fixture
def server(tmp_path: Path, short_clips: Path) -> Iterator[Server]:
    for file in short_clips.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    serving = Server(tmp_path, port=0)
    thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield serving
    finally:
        serving.shutdown()
        thread.join()
        serving.close()


class Asker:
    """A client's socket."""

    def __init__(self, port: int) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(30)
        self.to = ("127.0.0.1", port)

    def send(self, datagram: bytes) -> None:
        self.socket.sendto(datagram, self.to)

    def answer(self) -> Message:
        while True:
            (message,) = messages(self.socket.recv(65536))
            if message.address in ("/lgr/done", "/lgr/error"):
                return message

    def ask(self, address: str, *values: Any) -> Message:
        self.send(encoded(address, values))
        return self.answer()

    def __enter__(self) -> "Asker":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


def test_two_sockets_at_once(server: Server) -> None:
    with Asker(server.port) as a, Asker(server.port) as b:
        assert a.ask("/lgr/codec", "toy").values[:2] == ("/lgr/codec", "toy")
        a.send(encoded("/lgr/sources", ("rain.wav",)))
        for i in range(5):
            b.send(encoded("/lgr/set", ("seed", i)))
            assert b.answer().values == ("/lgr/set", "seed", i)
        assert a.answer().values == ("/lgr/sources", 72, 1)
        assert b.ask("/lgr/state").values[1:5] == ("codec", "toy", "grains", 72)  # what the other one loaded
        b.send(b"what is this?")
        assert b.answer().values[0] == "-"
        a.send(encoded("/lgr/sources", ("x" * 900,)) + b"\0" * 60_000)
        assert "at most 8192 bytes" in str(a.answer().values[1])


def test_packets_over_udp_are_survived(server: Server) -> None:
    draw = random.Random(1)
    with Asker(server.port) as noise, Asker(server.port) as asker:
        for i in range(400):
            noise.send(fuzzed(draw)[:60_000])
            if i % 20 == 0:  # in step with it: what comes too fast is lost before any server sees it
                assert asker.ask("/lgr/state").address == "/lgr/done"
        assert asker.ask("/lgr/cancel", "all").address == "/lgr/done"
        assert asker.ask("/lgr/live/stop").address == "/lgr/done"
        assert asker.ask("/lgr/set", "seed", 3).values == ("/lgr/set", "seed", 3)


def test_a_port_that_is_taken_is_a_sentence(server: Server, tmp_path: Path) -> None:
    refused(tmp_path, "osc", "--port", server.port, "--folder", tmp_path, says=f"cannot listen at port {server.port}")
    refused(tmp_path, "osc", "--port", 0, "--folder", tmp_path / "none", says="folder must be one that exists")
    refused(tmp_path, "osc", "--port", 0, "--host", "300.1.1.1", "--folder", tmp_path, says="of 300.1.1.1")


def test_without_python_osc_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pythonosc", None)
    refused(tmp_path, "osc", "--port", 0, "--folder", tmp_path, says="pip install 'lgr[live]'")


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is another thing there")
def test_the_program_says_where_it_listens_and_ends_with_ctrl_c(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "lgr", "osc", "--port", "0", "--folder", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        line = program.stdout.readline()
        port = int(line.split("127.0.0.1:")[1].split(",")[0])
        with Asker(port) as asker:
            assert asker.ask("/lgr/state").values[:2] == ("/lgr/state", "codec")
        program.send_signal(signal.SIGINT)
        rest, errors = program.communicate(timeout=30)
    assert (program.returncode, rest, errors) == (0, "", "")
