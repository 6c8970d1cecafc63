"""The whole app on a free port and a real Chromium in front of it, for the browser tests of every tab.

    def test_something(app: RunningApp) -> None:
        with app.page(tab="Resynthesise") as page:
            page.get_by_role("button", name="Play").click()

``app`` is a fixture of conftest.py: the app is served once a process of tests, with a browser for each file. A page
that logs an error, or asks anything of another host, fails its test when it is closed.
"""

import asyncio
import os
import re
import socket
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from benchmarks.screenshots import show_tab

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-device-for-media-stream",  # a microphone that beeps,
    "--use-fake-ui-for-media-stream",  # and permission to hear it
]
PATIENCE_MS = 60_000  # for anything to appear: two cores may be busy


@dataclass
class RunningApp:
    """A served app and a browser. ``shared`` is what its tabs were given."""

    url: str
    demo: Any
    browser: Any

    @property
    def shared(self) -> Any:
        return self.demo.lgr_shared

    @contextmanager
    def page(
        self,
        tab: str = "",
        *,
        width: int = 1280,
        height: int = 900,
        scheme: str = "light",
        query: str = "",
        expected_errors: Sequence[str] = (),
        **more: Any,
    ) -> Iterator[Any]:
        """A fresh visitor's page, on the tab of that title.

        ``query`` is added to the page's address; ``expected_errors`` are regular expressions of console errors that the
        test provokes.
        """
        context = self.browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, accept_downloads=True, **more
        )
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        wrong: list[str] = []

        def expected(text: str) -> bool:
            return any(re.search(pattern, text) for pattern in expected_errors)

        def heard(text: str) -> None:
            if not expected(text):
                wrong.append(text)

        def asked(request: Any) -> None:
            if not request.url.startswith((self.url, "data:", "blob:")):
                wrong.append(f"asked {request.url}")

        page.on("pageerror", lambda error: heard(str(error)))
        page.on("console", lambda line: heard(f"{line.text} ({line.location})") if line.type == "error" else None)
        page.on("request", asked)
        page.goto(self.url + query)
        page.get_by_role("tab").first.wait_for()
        if tab:
            show_tab(page, tab)
        try:
            yield page
        finally:
            context.close()
        assert wrong == [], wrong


@dataclass(frozen=True)
class ServedApp:
    """The app on a port of this machine, served from a thread."""

    url: str
    demo: Any


@contextmanager
def serving() -> Iterator[ServedApp]:
    """Serve the app with its temporary files in a folder of its own; skip where there is no browser.

    One job runs at a time, so that one which does not end keeps the others waiting, and is seen.
    """
    pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install 'lgr[dev]'")
    if not CHROMIUM.exists():
        pytest.skip(f"no Chromium at {CHROMIUM}: apt-get install chromium")
    pytest.importorskip("gradio", reason="gradio is not installed: pip install 'lgr[app]'")
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.dict(os.environ, {"GRADIO_TEMP_DIR": folder, "GRADIO_ANALYTICS_ENABLED": "False"}),
    ):
        from lgr_app.app import launch_options
        from lgr_app.page.limits import Limits

        limits = Limits(concurrency=1)
        demo = built(limits)
        _, url, _ = in_a_loop(
            demo.launch,
            **launch_options(limits),
            server_name="127.0.0.1",
            server_port=free_port(),
            prevent_thread_lock=True,
            quiet=True,
        )
        try:
            yield ServedApp(url, demo)
        finally:
            demo.close()
            demo.lgr_shared.visitors.all_leave()


@contextmanager
def browsing(served: ServedApp) -> Iterator[RunningApp]:
    """A browser in front of a served app. Not for longer than a file of tests: no other loop can run meanwhile."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield RunningApp(served.url, served.demo, browser)
        browser.close()


def built(limits: Any = None) -> Any:
    """The app, not served."""
    from lgr_app.app import build_demo

    return in_a_loop(build_demo, limits)


def in_a_loop(function: Any, *args: Any, **options: Any) -> Any:
    """Call from inside an event loop: outside of one Gradio makes loops that it never closes, which pytest reports."""

    async def call() -> Any:
        return function(*args, **options)

    return asyncio.run(call())


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def settle(page: Any) -> None:
    """Until the page has drawn what was done to it, and nothing on it moves or fades any more."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    page.wait_for_function("() => document.getAnimations().every((each) => each.playState !== 'running')")


def give(page: Any, files: Any, path: Path) -> None:
    """Put a file into the input that ``files`` finds, and wait until the app has it."""
    with page.expect_response(lambda response: "/upload" in response.url):
        files.set_input_files(path)


def nothing_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """Codecs that other tests had the app open are opened anew, for this test."""
    from lgr_app.page.codecs import CodecStore

    monkeypatch.setattr(CodecStore, "open", CodecStore().open)


def audio_seconds(page: Any, label: str) -> float:
    """Length in seconds of the sound that a player of that label holds, once the browser knows it.

    A card's or a switch's player tells it to the millisecond; ``gr.Audio`` draws a waveform and shows whole seconds.
    """
    native = page.locator(f'audio[aria-label="{label}"]')
    shown = page.get_by_test_id(f"waveform-{label}").locator("#duration")
    native.or_(shown).first.wait_for(state="attached")
    if native.count():
        handle = native.first.element_handle()
        page.wait_for_function("(each) => each.duration > 0", arg=handle)
        return float(handle.evaluate("(each) => each.duration"))
    page.wait_for_function("(each) => /[1-9]/.test(each.textContent)", arg=shown.first.element_handle())
    minutes, seconds = shown.first.inner_text().split(":")
    return 60 * int(minutes) + float(seconds)


def picture_is_drawn(page: Any, selector: str) -> bool:
    """Whether the image found by ``selector`` has loaded and holds more than one shade."""
    image = page.locator(selector).first
    image.wait_for()
    page.wait_for_function("(each) => each.complete && each.naturalWidth > 0", arg=image.element_handle())
    return bool(
        image.evaluate(
            """(each) => {
                const canvas = document.createElement("canvas");
                [canvas.width, canvas.height] = [each.naturalWidth, each.naturalHeight];
                const pen = canvas.getContext("2d");
                pen.drawImage(each, 0, 0);
                const pixels = pen.getImageData(0, 0, canvas.width, canvas.height).data.buffer;
                return new Set(new Uint32Array(pixels)).size > 8;
            }"""
        )
    )
