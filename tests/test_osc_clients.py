"""The address space as documents and clients write it, and the Python client against a server, over UDP."""

import json
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

pytest.importorskip("pythonosc", reason="python-osc is not installed: pip install 'lgr[live]'")
from command_line import CLIPS

from lgr.osc.addresses import ADDRESSES
from lgr.osc.packet import DEEPEST, MOST_BYTES, MOST_MESSAGES, MOST_SAID, MOST_TEXT, TAGS
from lgr.osc.server import PORT, Server
from lgr.osc.service import ANSWERS
from lgr.osc.settings import READERS
from lgr.sound.audio import load_audio, save_audio

ROOT = Path(__file__).parents[1]
CLIENTS = ROOT / "apps" / "osc"
PAGE = (ROOT / "docs" / "osc.md").read_text(encoding="utf-8")
ADDRESS = re.compile(r"/lgr(?:/\w+)+")


def test_the_page_is_the_address_space() -> None:
    rows = [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in PAGE.splitlines()]
    told = {row[0]: row[1] for row in rows if len(row) == 4 and row[0].startswith("/lgr/")}
    assert told == {address: command.signature for address, command in ADDRESSES.items()}
    assert list(told) == list(ADDRESSES)
    assert set(ADDRESS.findall(PAGE)) == {*ADDRESSES, *ANSWERS}


def test_the_page_says_the_settings_and_the_limits() -> None:
    settings = PAGE.split("**Settings**")[1].split("**Dials**")[0]
    assert [name for name in READERS if f"`{name}`" not in settings] == []
    limits = PAGE.split("## Limits")[1]
    for number in (MOST_BYTES, MOST_TEXT, MOST_SAID, MOST_MESSAGES, DEEPEST):
        assert f"{number:,}" in limits
    assert set(re.search(r"`([a-zA-Z ]+)` \|", limits)[1].split()) == TAGS  # type: ignore[index]
    assert f"127.0.0.1:{PORT}" in PAGE


@pytest.mark.parametrize("name", ["client.py", "lgr.scd", "lgr.pd", "lgr.maxpat"])
def test_clients_know_the_addresses(name: str) -> None:
    text = (CLIENTS / name).read_text(encoding="utf-8")
    used = set(ADDRESS.findall(text))
    assert used <= {*ADDRESSES, *ANSWERS}
    wanted = {"/lgr/sources", "/lgr/set", "/lgr/resynth", "/lgr/point", "/lgr/sample", "/lgr/sample_path"}
    assert used >= {*wanted, "/lgr/live/start", "/lgr/live/set", "/lgr/live/stop", "/lgr/state"}
    assert str(PORT) in text
    assert name in (CLIENTS / "README.md").read_text(encoding="utf-8")


def test_the_max_patch_is_connected() -> None:
    patch = json.loads((CLIENTS / "lgr.maxpat").read_text(encoding="utf-8"))["patcher"]
    boxes = {each["box"]["id"]: each["box"] for each in patch["boxes"]}
    assert len(boxes) == len(patch["boxes"])
    cords = [each["patchline"] for each in patch["lines"]]
    for cord in cords:
        source, outlet = cord["source"]
        destination, inlet = cord["destination"]
        assert 0 <= outlet < boxes[source]["numoutlets"]
        assert 0 <= inlet < boxes[destination]["numinlets"]
    joined = {each[end][0] for each in cords for end in ("source", "destination")}
    assert {name for name, box in boxes.items() if box["maxclass"] != "comment"} == joined
    texts = [box.get("text", "") for box in boxes.values()]
    assert {"udpsend 127.0.0.1 9123", "udpreceive 9124", "/lgr/reply 9124"} <= set(texts)


def test_the_pd_patch_is_connected() -> None:
    lines = (CLIENTS / "lgr.pd").read_text(encoding="utf-8").splitlines()
    things = [line.split() for line in lines if line.startswith(("#X obj", "#X msg", "#X text"))]
    cords = [[int(n) for n in line.rstrip(";").split()[2:]] for line in lines if line.startswith("#X connect")]
    assert len(things) + len(cords) + 1 == len(lines)
    joined = {end for source, _, destination, _ in cords for end in (source, destination)}
    assert joined == {i for i, thing in enumerate(things) if thing[1] != "text"}
    for i, thing in enumerate(things):  # a message that begins with a word would be taken for a method
        if thing[1] == "msg" and thing[4] not in ("connect", "disconnect;", "bang;"):
            assert thing[4] == "list" or float(thing[4].rstrip(";")) >= 0, i


def test_the_python_client_plays_a_session(tmp_path: Path) -> None:
    for name in ("glass", "rain", "drum_loop"):
        audio, rate = load_audio(CLIPS / f"{name}.flac")
        save_audio(tmp_path / f"{name}.flac", audio[:, :rate], rate)
    server = Server(tmp_path, port=0)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        command = [sys.executable, str(CLIENTS / "client.py"), "--port", str(server.port)]
        command += ["--codec", "toy", "--live-seconds", "1.5"]
        run = subprocess.run(command, capture_output=True, text=True, timeout=120)
    finally:
        server.shutdown()
        thread.join()
        server.close()
    assert (run.returncode, run.stderr) == (0, "")
    assert "refused, as it should be: a name must be" in run.stdout
    for name, seconds in (("resynth", 1.0), ("point-20", 0.4), ("snare", 1.28), ("path", 1.28), ("live", 1.5)):
        audio, rate = load_audio(tmp_path / "out" / f"{name}.wav")
        assert float(audio.square().mean()) > 1e-6
        if name != "live":  # which a busy machine plays late
            assert audio.shape[1] / rate == pytest.approx(seconds, abs=0.05)


def test_a_client_without_a_server_says_so() -> None:
    sys.path.insert(0, str(CLIENTS))
    try:
        from client import Client  # type: ignore[import-not-found]
    finally:
        sys.path.remove(str(CLIENTS))
    with Server(ROOT / "docs", port=0) as server:  # it is there, but does not serve
        client = Client(port=server.port)
        try:
            with pytest.raises(TimeoutError, match="is lgr osc running"):
                client.ask("/lgr/state", seconds=0.2)
        finally:
            client.close()
            server.service.close()
