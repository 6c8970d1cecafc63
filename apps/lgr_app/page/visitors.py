"""Who is visiting: each open page has a folder of its own for results, removed when the page is closed.

A page is known by Gradio's session, so two tabs of one person are two visitors. Files lie in Gradio's own folder
(``GRADIO_TEMP_DIR``), which it serves without making a copy that nobody would remove.
"""

import secrets
import shutil
import threading
import time
from pathlib import Path

import gradio as gr
from gradio.utils import get_upload_folder

from lgr.progress import Progress

KEPT_FOLDERS = 24  # of one visitor; the oldest go first
IDLE_SECONDS = 3600.0  # after which a visitor whose leaving was never seen counts as gone


class VisitorLeft(Exception):
    """Raised inside a job whose visitor closed the page."""


class Visitor:
    """One open page. ``folder`` is made when the first result is written."""

    def __init__(self) -> None:
        self.root = Path(get_upload_folder()) / f"lgr-{secrets.token_hex(16)}"
        self.gone = threading.Event()
        self.seen = time.monotonic()
        self._lock = threading.Lock()
        self._folders: list[Path] = []

    def folder(self) -> Path:
        """A new empty folder for the files of one result; ``VisitorLeft`` where there is nobody to hear it."""
        self.check()
        with self._lock:
            new = self.root / secrets.token_hex(8)
            new.mkdir(parents=True)
            self._folders.append(new)
            for old in self._folders[:-KEPT_FOLDERS]:
                shutil.rmtree(old, ignore_errors=True)
            del self._folders[:-KEPT_FOLDERS]
        return new

    def check(self) -> None:
        """Raise ``VisitorLeft`` if the page was closed: long work calls this between its steps."""
        if self.gone.is_set():
            raise VisitorLeft
        self.seen = time.monotonic()

    def leave(self) -> None:
        """Stop this visitor's jobs at their next step and remove the files."""
        self.gone.set()
        with self._lock:
            shutil.rmtree(self.root, ignore_errors=True)


class Visitors:
    """The open pages, by session. One visitor never gets another's folder."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._visitors: dict[str, Visitor] = {}

    def of(self, request: gr.Request | None) -> Visitor:
        """The visitor that a callback serves; give the callback an argument ``request: gr.Request``."""
        session = (request.session_hash if request is not None else None) or "no session"
        with self._lock:
            now = time.monotonic()
            for key, other in list(self._visitors.items()):
                if key != session and now - other.seen > IDLE_SECONDS:
                    self._visitors.pop(key).leave()
            visitor = self._visitors.setdefault(session, Visitor())
            visitor.seen = now
        return visitor

    def left(self, request: gr.Request) -> None:
        """A page was closed or loaded again: for ``demo.unload``."""
        with self._lock:
            visitor = self._visitors.pop(request.session_hash or "", None)
        if visitor is not None:
            visitor.leave()

    def all_leave(self) -> None:
        """The server stops: nothing is left behind."""
        with self._lock:
            visitors, self._visitors = list(self._visitors.values()), {}
        for visitor in visitors:
            visitor.leave()

    def __len__(self) -> int:
        return len(self._visitors)


def reporter(visitor: Visitor, progress: gr.Progress | None) -> Progress:
    """The ``progress(what, done, of)`` that lgr's jobs call: shows it, and stops the job of a visitor who left."""

    def report(what: str, done: int, of: int) -> None:
        visitor.check()
        if progress is not None:
            progress((min(done, of), max(of, 1)), desc=f"{what[:1].upper()}{what[1:]}", unit="steps")

    return report
