"""Weights are found, downloaded whole, resumed, checked; every server here is on the loopback."""

import hashlib
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from lgr.codecs.weights import WeightFile, find_weights, local_weights
from lgr.errors import WeightsError
from lgr.files import assets_dir, cache_dir

BODY = bytes(range(256)) * 2000
SHA256 = hashlib.sha256(BODY).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves BODY; the fields say how well."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.cut_after: int | None = None  # bytes of the body after which the connection drops
        self.knows_range = True
        self.linked_etag = ""  # what Hugging Face puts in its redirect
        self.served: list[tuple[str, str]] = []  # (method, range asked for)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/model.bin"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_HEAD(self) -> None:
        self.server.served.append(("HEAD", ""))
        self.send_response(302)
        self.send_header("Location", "/elsewhere.bin")
        if self.server.linked_etag:
            self.send_header("X-Linked-Etag", self.server.linked_etag)
        self.end_headers()

    def do_GET(self) -> None:
        if self.path == "/model.bin":
            self.send_response(302)
            self.send_header("Location", "/elsewhere.bin")
            self.end_headers()
            return
        asked = self.headers.get("Range", "")
        self.server.served.append(("GET", asked))
        start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked and self.server.knows_range else 0
        if start >= len(BODY):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(BODY) - start))
        self.end_headers()
        end = len(BODY) if self.server.cut_after is None else start + self.server.cut_after
        self.wfile.write(BODY[start:end])

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder a download goes to, with nothing of this machine in sight."""
    monkeypatch.delenv("LGR_WEIGHTS", raising=False)
    monkeypatch.setenv("LGR_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "weights" / "some"


def model(server: Server, sha256: str | None = SHA256) -> WeightFile:
    return WeightFile("model.bin", server.url, sha256, len(BODY))


def test_a_file_is_downloaded_once(server: Server, cache: Path) -> None:
    paths = find_weights("some", [model(server)])
    assert paths == {"model.bin": cache / "model.bin"}
    assert paths["model.bin"].read_bytes() == BODY
    assert find_weights("some", [model(server)]) == paths
    assert server.served == [("GET", "")]
    assert not list(cache.glob("*.part"))


def test_an_interrupted_download_goes_on_where_it_stopped(server: Server, cache: Path) -> None:
    server.cut_after = 100_000
    with pytest.raises(WeightsError, match="100000 bytes are kept"):
        find_weights("some", [model(server)])
    assert not (cache / "model.bin").exists()
    server.cut_after = None
    assert find_weights("some", [model(server)])["model.bin"].read_bytes() == BODY
    assert server.served[-1] == ("GET", "bytes=100000-")


def test_a_server_without_ranges_sends_it_all_again(server: Server, cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / "model.bin.part").write_bytes(BODY[:5000])
    server.knows_range = False
    assert find_weights("some", [model(server)])["model.bin"].read_bytes() == BODY


@pytest.mark.parametrize("extra", [0, 7], ids=["whole", "too long"])
def test_a_part_at_or_past_the_end(server: Server, cache: Path, extra: int) -> None:
    cache.mkdir(parents=True)
    (cache / "model.bin.part").write_bytes(BODY + bytes(extra))
    assert find_weights("some", [model(server)])["model.bin"].read_bytes() == BODY
    assert len(server.served) == (2 if extra else 1)


@pytest.mark.parametrize("resumed", [False, True])
def test_a_wrong_checksum_leaves_nothing(server: Server, cache: Path, resumed: bool) -> None:
    if resumed:
        cache.mkdir(parents=True)
        (cache / "model.bin.part").write_bytes(b"not what the server has")
    file = model(server) if resumed else model(server, "0" * 64)
    with pytest.raises(WeightsError, match=r"SHA-256 .* expected .*deleted"):
        find_weights("some", [file])
    assert list(cache.iterdir()) == []


def test_the_servers_own_checksum_is_used_recorded_and_checked_again(server: Server, cache: Path) -> None:
    server.linked_etag = f'"{SHA256}"'
    path = find_weights("some", [model(server, None)])["model.bin"]
    assert (cache / "model.bin.sha256").read_text().strip() == SHA256
    path.write_bytes(BODY[:-1])
    with pytest.raises(WeightsError, match=r"model\.bin is damaged"):
        find_weights("some", [model(server, None)])


def test_the_servers_own_checksum_refuses_a_bad_download(server: Server) -> None:
    server.linked_etag = "1" * 64
    with pytest.raises(WeightsError, match="expected 1111"):
        find_weights("some", [model(server, None)])


def test_without_any_checksum_what_arrived_is_recorded(server: Server, cache: Path) -> None:
    server.linked_etag = "a tag that is no checksum"
    find_weights("some", [model(server, None)])
    assert (cache / "model.bin.sha256").read_text().strip() == SHA256


def test_offline_says_what_to_put_where(cache: Path) -> None:
    with Server() as closed:
        file = model(closed)
    with pytest.raises(WeightsError) as caught:
        find_weights("some", [file])
    for part in ("model.bin", file.url, str(cache), "LGR_WEIGHTS"):
        assert part in str(caught.value)


def test_offline_names_every_missing_file_at_once(cache: Path) -> None:
    files = [WeightFile(name, f"http://127.0.0.1:9/{name}") for name in ("a", "b", "c")]
    cache.mkdir(parents=True)
    (cache / "a").write_bytes(BODY)
    with pytest.raises(WeightsError, match=r"download http://127.0.0.1:9/b and http://127.0.0.1:9/c elsewhere"):
        find_weights("some", files)


def test_places_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    file = WeightFile("model.bin", "http://127.0.0.1:9/model.bin")
    assert local_weights("some", [file]) is None
    folders = [cache, tmp_path / "env", tmp_path / "env" / "some"]
    monkeypatch.setenv("LGR_WEIGHTS", str(tmp_path / "env"))
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.bin").write_bytes(BODY)
        assert find_weights("some", [file])["model.bin"] == folder / "model.bin"
    mine = tmp_path / "mine"
    mine.mkdir()
    with pytest.raises(WeightsError, match=r"mine must hold model\.bin \(from http"):
        find_weights("some", [file], mine)
    (mine / "model.bin").write_bytes(b"trained further")
    assert find_weights("some", [file], mine)["model.bin"].read_bytes() == b"trained further"


def test_a_folder_is_chosen_only_when_it_holds_every_file(cache: Path) -> None:
    files = [WeightFile(name, f"http://127.0.0.1:9/{name}") for name in ("a", "b")]
    cache.mkdir(parents=True)
    (cache / "a").write_bytes(b"a")
    assert local_weights("some", files) is None
    (cache / "b").write_bytes(b"b")
    assert local_weights("some", files) == cache


def test_a_damaged_local_file_is_refused(cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / "model.bin").write_bytes(BODY[:-1])
    with pytest.raises(WeightsError, match="delete it"):
        find_weights("some", [WeightFile("model.bin", "http://127.0.0.1:9/model.bin", SHA256)])


def test_the_cache_folder_follows_the_platform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("LGR_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    monkeypatch.setattr("sys.platform", "linux")
    assert cache_dir() == tmp_path / "xdg" / "lgr"
    monkeypatch.setattr("sys.platform", "win32")
    assert cache_dir() == tmp_path / "local" / "lgr"


def test_assets_are_the_checkouts_or_the_chosen_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("LGR_ASSETS", raising=False)
    assert assets_dir() == Path(__file__).resolve().parents[1] / "assets"
    monkeypatch.setenv("LGR_ASSETS", str(tmp_path))
    assert assets_dir() == tmp_path
