"""Weights are found, downloaded whole, checked; the servers are on the loopback: one as Hugging Face, one plain."""

import hashlib
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lgr.codecs.weights import HubFile, WeightFile, arrived_bytes, find_weights, hub_file, local_weights
from lgr.errors import WeightsError
from lgr.files import assets_dir, cache_dir

BODY = bytes(range(256)) * 2000
SHA256 = hashlib.sha256(BODY).hexdigest()
COMMIT = "0123456789abcdef0123456789abcdef01234567"
HUB_FILE = hub_file("someone/some", COMMIT, "model.bin")
HUB_PATH = f"/someone/some/resolve/{COMMIT}/model.bin"


class Server(ThreadingHTTPServer):
    """Serves BODY at any path, as Hugging Face does where the path is HUB_PATH; the fields say how well."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.cut_after: int | None = None  # bytes of the body after which the connection drops
        self.etag = f'"{SHA256}"'
        self.served: list[tuple[str, str]] = []  # (method, range asked for)
        self.tokens: set[str] = set()

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def url(self) -> str:
        return f"{self.root}/model.bin"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def begin(self, length: int, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        if self.path == HUB_PATH:
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("X-Linked-Etag", self.server.etag)
            self.send_header("X-Linked-Size", str(len(BODY)))
            self.send_header("ETag", self.server.etag)
        self.end_headers()

    def do_HEAD(self) -> None:
        self.server.served.append(("HEAD", ""))
        self.server.tokens.add(self.headers.get("Authorization", ""))
        self.begin(len(BODY), 200)

    def do_GET(self) -> None:
        asked = self.headers.get("Range", "")
        self.server.served.append(("GET", asked))
        start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked else 0
        self.begin(len(BODY) - start, 206 if start else 200)
        end = len(BODY) if self.server.cut_after is None else self.server.cut_after
        self.wfile.write(BODY[start:end])

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder a plain download goes to, with nothing of this machine in sight."""
    monkeypatch.delenv("LGR_WEIGHTS", raising=False)
    monkeypatch.setenv("LGR_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "weights" / "some"


@pytest.fixture
def hub(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Hugging Face's cache of a repository, which ``server`` is to fill."""
    monkeypatch.setenv("HF_ENDPOINT", server.root)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # between tries
    return tmp_path / "hub" / "models--someone--some"


def model(server: Server, sha256: str | None = SHA256) -> WeightFile:
    return WeightFile("model.bin", server.url, sha256, len(BODY))


# ---- a plain server --------------------------------------------------------------------------------------------------


def test_a_file_is_downloaded_once(server: Server, cache: Path) -> None:
    paths = find_weights("some", [model(server)])
    assert paths == {"model.bin": cache / "model.bin"}
    assert paths["model.bin"].read_bytes() == BODY
    assert arrived_bytes("some", [model(server)]) == len(BODY)
    assert find_weights("some", [model(server)]) == paths
    assert server.served == [("GET", "")]
    assert [each.name for each in cache.iterdir()] == ["model.bin"]


def test_a_dropped_connection_leaves_nothing_half_written(server: Server, cache: Path) -> None:
    server.cut_after = 100_000
    with pytest.raises(WeightsError, match=r"model\.bin could not be downloaded .*LGR_WEIGHTS"):
        find_weights("some", [model(server)])
    assert list(cache.iterdir()) == []
    server.cut_after = None
    assert find_weights("some", [model(server)])["model.bin"].read_bytes() == BODY


def test_a_wrong_checksum_leaves_nothing(server: Server, cache: Path) -> None:
    with pytest.raises(WeightsError, match=r"could not be downloaded \(SHA256 hash of downloaded file .*0000"):
        find_weights("some", [model(server, "0" * 64)])
    assert list(cache.iterdir()) == []


def test_offline_says_what_to_put_where(cache: Path) -> None:
    with Server() as closed:
        file = model(closed)
    with pytest.raises(WeightsError) as caught:
        find_weights("some", [file])
    for part in ("model.bin", file.url, str(cache), "LGR_WEIGHTS"):
        assert part in str(caught.value)


# ---- Hugging Face ----------------------------------------------------------------------------------------------------


def test_a_file_of_the_hub_is_downloaded_once(
    server: Server, hub: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_mine")
    assert local_weights("some", [HUB_FILE]) is None
    path = find_weights("some", [HUB_FILE])["model.bin"]
    assert path == hub / "snapshots" / COMMIT / "model.bin"
    assert path.read_bytes() == BODY
    assert server.tokens == {"Bearer hf_mine"}
    assert arrived_bytes("some", [HUB_FILE]) == len(BODY)
    asked = len(server.served)
    assert local_weights("some", [HUB_FILE]) == path.parent
    assert find_weights("some", [HUB_FILE]) == {"model.bin": path}
    assert len(server.served) == asked
    assert not cache.exists()


def test_a_connection_that_drops_leaves_no_file_of_that_name(server: Server, hub: Path) -> None:
    server.cut_after = 100_000
    with pytest.raises(WeightsError, match=r"model\.bin could not be downloaded .*LGR_WEIGHTS"):
        find_weights("some", [HUB_FILE])
    assert local_weights("some", [HUB_FILE]) is None
    server.cut_after = None
    assert find_weights("some", [HUB_FILE])["model.bin"].read_bytes() == BODY


def test_offline_mode_asks_no_one_and_says_so(server: Server, hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(WeightsError, match=r"offline mode is enabled.*LGR_WEIGHTS") as caught:
        find_weights("some", [HUB_FILE])
    assert HUB_FILE.url in str(caught.value)
    assert server.served == []


def test_a_hub_without_the_file_says_so(server: Server, hub: Path) -> None:
    elsewhere = replace(HUB_FILE, name="other.bin")  # the fake names no commit there, as no server but a hub does
    with pytest.raises(WeightsError, match=r"other\.bin could not be downloaded"):
        find_weights("some", [elsewhere])


@pytest.mark.parametrize("arrived", [True, False], ids=["in the cache", "on the way"])
def test_a_damaged_file_of_the_hub_is_refused(server: Server, hub: Path, arrived: bool) -> None:
    if arrived:
        find_weights("some", [HUB_FILE])
        (hub / "blobs" / SHA256).write_bytes(BODY[:-1])
        blob = SHA256
    else:
        blob = "1" * 64
        server.etag = f'"{blob}"'
    with pytest.raises(WeightsError, match=rf"is damaged .*expected {blob[:8]}.*delete .*{blob}"):
        find_weights("some", [HUB_FILE])
    (hub / "blobs" / blob).unlink()  # as it says
    server.etag = f'"{SHA256}"'
    assert find_weights("some", [HUB_FILE])["model.bin"].read_bytes() == BODY


def test_the_hub_comes_after_lgrs_own_places(hub: Path, cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / "model.bin").write_bytes(BODY)
    assert find_weights("some", [HUB_FILE]) == {"model.bin": cache / "model.bin"}
    assert isinstance(HUB_FILE, HubFile)


# ---- places ----------------------------------------------------------------------------------------------------------


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
