"""The app in a process of its own, and visitors who ask it through its API.

with served_app() as app:
    answer = Caller(app.url, folder).resynthesise(target, sources, seed=3)
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 120.0  # imports on a busy machine
STOP_SECONDS = 15.0
POLL_SECONDS = 0.05

# What every caller asks for, in the order of the controls: frames of a grain, hop, stride, temperature, continuity,
# pitch, transposition, wet, metric, loudness matching.
DIALS = (4, 4, 1, 0.05, 0.9, 0.7, 0, 1.0, "centred", True)


@dataclass(frozen=True)
class ServedApp:
    """A running app. ``temporary`` is where it keeps its visitors' files, ``log`` what it printed."""

    url: str
    process: subprocess.Popen[bytes]
    temporary: Path
    log: Path

    def memory_mib(self) -> float:
        """Resident memory of its process, MiB (Linux)."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        raise ProcessLookupError(f"the app's process {self.process.pid} has ended; it said:\n{self.log.read_text()}")


@contextmanager
def served_app(
    command: Sequence[str] = (),
    *,
    cwd: Path = ROOT,
    port: int | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[ServedApp]:
    """Start the app, wait until its page is there, and stop it at the end.

    ``command`` is told the port by ``GRADIO_SERVER_PORT``; by default it is ``lgr app``. ``environment`` is its whole
    environment but for Gradio's settings; by default that of this process. ``RuntimeError`` with what it printed, if it
    ends or does not answer in ``START_SECONDS``.
    """
    port = free_port() if port is None else port
    command = command or (sys.executable, "-m", "lgr", "app", "--port", str(port))
    with tempfile.TemporaryDirectory() as name:
        temporary, log = Path(name) / "visitors", Path(name) / "log"
        settings = {
            **(os.environ if environment is None else environment),
            "GRADIO_SERVER_NAME": "127.0.0.1",
            "GRADIO_SERVER_PORT": str(port),
            "GRADIO_ANALYTICS_ENABLED": "False",
            "GRADIO_HEARTBEAT_INTERVAL": "2",  # seconds; a client that leaves is missed at the next one
            "GRADIO_TEMP_DIR": str(temporary),
        }
        with log.open("wb") as out:
            process = subprocess.Popen([*command], cwd=cwd, env=settings, stdout=out, stderr=subprocess.STDOUT)
        app = ServedApp(f"http://127.0.0.1:{port}", process, temporary, log)
        try:
            _wait_for(app)
            yield app
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for(app: ServedApp) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and app.process.poll() is None:
        try:
            with urlopen(app.url, timeout=5):
                return
        except (URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"the app did not start; it said:\n{app.log.read_text()}")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Answer:
    """Where the sound is, and how many seconds it took until it was there and until all else was."""

    audio: Path
    sound_seconds: float
    seconds: float


class Caller:
    """One visitor who uses the API in place of a page; what he gets is written into ``folder``."""

    def __init__(self, url: str, folder: Path) -> None:
        os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"  # read when the client is imported
        from gradio_client import Client

        self._client = Client(url, verbose=False, download_files=folder, analytics_enabled=False)

    def resynthesise(self, target: Path, sources: Sequence[Path], seed: int) -> Answer:
        """Upload the files and have the target played with ``DIALS``; raises what the app answers with."""
        from gradio_client import handle_file

        began = time.monotonic()
        files: list[Any] = [handle_file(str(path)) for path in sources]
        job = self._client.submit(
            handle_file(str(target)), files, "bundled", seed, True, *DIALS, api_name="/resynthesise"
        )
        heard = 0.0
        while not job.done():
            if not heard and job.outputs():
                heard = time.monotonic() - began
            time.sleep(POLL_SECONDS)
        job.result()  # raises what went wrong
        seconds = time.monotonic() - began
        return Answer(audio=Path(job.outputs()[0][0]), sound_seconds=heard or seconds, seconds=seconds)

    def leave(self) -> None:
        """Close the connection, as a closed page does."""
        self._client.close()
