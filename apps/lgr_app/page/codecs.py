"""Codecs and models, opened once and shared by all visitors, who only read them."""

import contextvars
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec

from lgr.codecs.base import Codec
from lgr.codecs.registry import DOWNLOADED, codec_card, codec_names, load_codec
from lgr.codecs.weights import arrived_bytes
from lgr.errors import ArgumentError
from lgr.progress import Progress

TITLES = {
    "bundled": "bundled (any sound, for grains)",
    "spectral": "spectral (any sound, to travel)",
    "drums-spectral": "drums-spectral (trained on drum hits)",
    "notes-spectral": "notes-spectral (trained on single notes)",
    "textures-encodec16": "textures-encodec16 (trained on textures)",
    "textures-noiseband": "textures-noiseband (trained on textures)",
    **{name: row.title for name, row in DOWNLOADED.items()},
}
LEFT_OUT = ("toy",)  # a lapped transform for tests and teaching: its latents say nothing of timbre
WATCH_SECONDS = 0.5


class CodecStore:
    """Each codec is loaded when first asked for, by one thread, and kept."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._codecs: dict[str, Codec] = {}

    def open(self, name: str, progress: Progress | None = None) -> Codec:
        """A codec by its name; weights that are not here are downloaded, with their progress.

        Raises
        ------
        ArgumentError : no codec of ``codec_choices`` has that name
        WeightsError, MissingPackageError : it cannot be had, and why
        """
        known = shown_names()
        if name not in known:  # a folder on the server, for one, is not a visitor's to choose
            raise ArgumentError(f"codec must be one of {', '.join(known)}, got {name!r}")
        with self._lock:
            own = self._locks.setdefault(name, threading.Lock())
        with own:
            if name not in self._codecs:
                with _download_shown(name, progress):
                    self._codecs[name] = load_codec(name)
            return self._codecs[name]


def shown_names() -> list[str]:
    """Names of the codecs that the apps offer: bundled first, then trained models, then those that are downloaded."""
    names = [name for name in codec_names() if name not in LEFT_OUT]
    return [*(name for name in names if name not in DOWNLOADED), *(name for name in names if name in DOWNLOADED)]


def codec_choices() -> list[tuple[str, str]]:
    """(label, name) for a dropdown; what is not on this machine says so."""
    return [(label(name), name) for name in shown_names()]


def label(name: str) -> str:
    """A codec's name for people, with what it takes to have it."""
    title, why = TITLES.get(name, name), why_not_here(name)
    return f"{title} ({why})" if why else title


def why_not_here(name: str) -> str:
    """What a codec lacks to be used at once: an extra of lgr, or a download; "" where it lacks nothing.

    What comes with lgr is taken to be whole: opening it tells.
    """
    if name not in DOWNLOADED:
        return ""
    if find_spec(DOWNLOADED[name].package) is None:
        return "needs lgr[codecs]"
    return "" if codec_card(name).present else "download"


@cache
def frame_rate(name: str) -> float:
    """Latent frames a second of a codec, without its weights where its card tells."""
    return codec_card(name).frame_rate


@contextmanager
def _download_shown(name: str, progress: Progress | None) -> Iterator[None]:
    """Report how many bytes of a codec's weights have arrived while the block downloads them."""
    if progress is None or not why_not_here(name):
        yield
        return
    card = codec_card(name)
    total = sum(file.size or 0 for file in card.files)
    done = threading.Event()

    def watch() -> None:
        while not done.wait(WATCH_SECONDS):
            have = arrived_bytes(card.name, card.files)
            # Not the visitor's own report: a download goes on for the next visitor when this one leaves.
            try:
                progress(f"downloading {card.name}, {have / 1e6:.1f} MB so far", min(have, total), max(total, 1))
            except Exception:
                return

    progress(f"downloading {card.name}", 0, 1)
    # Gradio finds the page to report to in the context of the thread that began.
    watcher = threading.Thread(target=contextvars.copy_context().run, args=(watch,), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
