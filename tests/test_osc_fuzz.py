"""OSC over UDP, and anything at all that may be sent: it is survived."""

import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pythonosc", reason="python-osc is not installed: pip install 'lgr[live]'")
from command_line import interruptible, refused
from made_up_osc import ME, Office, bundle, clips, wait

from lgr.errors import ArgumentError
from lgr.osc.addresses import ADDRESSES
from lgr.osc.packet import Message, encoded, messages
from lgr.osc.server import Server


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


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    serving = Server(clips(tmp_path), port=0)
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
    command = interruptible("osc", "--port", 0, "--folder", tmp_path)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        line = program.stdout.readline()
        port = int(line.split("127.0.0.1:")[1].split(",")[0])
        with Asker(port) as asker:
            assert asker.ask("/lgr/state").values[:2] == ("/lgr/state", "codec")
        program.send_signal(signal.SIGINT)
        try:
            rest, errors = program.communicate(timeout=30)
        finally:
            program.kill()
    assert (program.returncode, rest, errors) == (0, "", "")
