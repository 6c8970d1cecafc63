"""The whole app in a browser: every tab on a phone and in the dark, visitors who leave, two tabs of one visitor."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from app_server import RunningApp, settle

from benchmarks.screenshots import show_tab

pytest.importorskip("gradio", reason="gradio is not installed: pip install 'lgr[app]'")

from lgr_app.jobs.results import play
from lgr_app.jobs.resynthesise import settings
from lgr_app.page.sounds import EXAMPLES
from lgr_app.page.visitors import VisitorLeft
from lgr_app.tabs import TABS, resynthesise

from lgr.codecs import load_codec
from lgr.sound.audio import load_audio

pytestmark = pytest.mark.slow  # every tab in a browser is for test-all; test_app_browser_resynthesise.py keeps one

TITLES = [tab.title for tab in TABS]
PHONE = 390
READABLE = 4.5  # contrast that WCAG 2.2 asks of text (level AA)
WITHIN_SECONDS = 40.0
PLAY = "Play the target with the sources"
SHORT = EXAMPLES[2]

# Each text that is seen, and its contrast with what lies behind it.
CONTRASTS = """() => {
    const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const linear = (v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    const light = (rgb) => {
        const [r, g, b] = rgb.map((v) => linear(v / 255));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (each) => {
        const layers = [];
        for (let e = each; e; e = e.parentElement) {
            const [r, g, b, alpha = 1] = parts(getComputedStyle(e).backgroundColor);
            layers.unshift([[r, g, b], alpha]);
            if (alpha === 1) { break; }
        }
        return layers.reduce((under, [over, alpha]) => over.map((v, i) => v * alpha + under[i] * (1 - alpha)),
            [255, 255, 255]);
    };
    const found = {};
    for (const each of document.querySelectorAll("h1, h2, h3, p, strong, label, span, button, th, td, li")) {
        const own = [...each.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE);
        const text = own.map((node) => node.textContent).join("").trim();
        const seen = each.checkVisibility({ checkOpacity: true }) && !each.closest("[disabled], .hide");
        if (!/\\w\\w/.test(text) || !seen) {
            continue;
        }
        const [a, b] = [light(parts(getComputedStyle(each).color).slice(0, 3)), light(behind(each))];
        found[text] = Math.min(found[text] ?? 21, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05));
    }
    return found;
}"""


def each_tab(page: Any) -> Iterator[str]:
    """Open one tab after the other, with the tabs inside them."""
    for title in TITLES:
        show_tab(page, title)
        settle(page)
        yield title
        panel = page.locator("[role=tabpanel]:visible").first
        for inner in panel.get_by_role("tab").all_inner_texts()[1:]:
            panel.get_by_role("tab", name=inner, exact=True).first.click()
            settle(page)
            yield f"{title}, {inner}"


def test_every_tab_fits_a_phone(app: RunningApp) -> None:
    with app.page(width=PHONE, height=844, has_touch=True) as page:
        widths = {title: page.evaluate("document.documentElement.scrollWidth") for title in each_tab(page)}
        # and the widest result there is
        show_tab(page, next(tab.title for tab in TABS if tab.name == "compare"))
        panel = page.locator("[role=tabpanel]:visible").first
        for name in ("drums-spectral", "notes-spectral", "textures-noiseband"):  # more rows are no wider
            panel.locator("label", has_text=name).locator("input").uncheck()
        panel.locator("button:visible", has_text=SHORT.title).click()
        panel.locator("table:visible").wait_for(timeout=1000 * WITHIN_SECONDS)
        settle(page)
        widths["a result"] = page.evaluate("document.documentElement.scrollWidth")
    assert {title: width for title, width in widths.items() if width > PHONE} == {}


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_text_can_be_read(app: RunningApp, scheme: str) -> None:
    with app.page(query=f"?__theme={scheme}") as page:
        assert page.evaluate("document.body.classList.contains('dark')") == (scheme == "dark")
        found: dict[str, float] = {}
        for _ in each_tab(page):
            for text, contrast in page.evaluate(CONTRASTS).items():
                found[text] = min(contrast, found.get(text, contrast))
    assert set(TITLES) <= found.keys()
    assert {"Temperature", "Seed", "Keep this seed", PLAY} <= found.keys()
    dim = {text: round(contrast, 1) for text, contrast in found.items() if contrast < READABLE}
    if dim:
        pytest.fail(f"hard to read: {dim}")


def test_who_leaves_stops_the_job_and_the_next_is_served(app: RunningApp, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, stopped = threading.Event(), threading.Event()

    def endless(*_: Any, progress: Any, **__: Any) -> Any:
        begun.set()
        try:
            until = time.monotonic() + 2 * WITHIN_SECONDS
            while time.monotonic() < until:
                progress("matching", 1, 2)  # what every long job of lgr does between its steps
                time.sleep(0.05)
        except VisitorLeft:
            stopped.set()
            raise
        raise AssertionError("nobody stopped the job")

    with app.page() as page, monkeypatch.context() as patch:
        patch.setattr(resynthesise, "play", endless)
        page.get_by_role("button", name=PLAY).click()
        assert begun.wait(WITHIN_SECONDS)
        assert not stopped.is_set()
        page.close()
        assert stopped.wait(WITHIN_SECONDS)
    with app.page() as page:
        assert sound_of(page, seed=1).abs().max() > 0.05


def sound_of(page: Any, seed: int) -> torch.Tensor:
    """What the first tab plays for a seed, as it is downloaded."""
    begin(page, seed)
    return finished(page)


def begin(page: Any, seed: int) -> None:
    page.get_by_label("Seed", exact=True).locator("visible=true").fill(str(seed))
    page.get_by_role("button", name=SHORT.title).locator("visible=true").click()


def finished(page: Any) -> torch.Tensor:
    get = (
        page.get_by_role("link", name="Download the sound")
        .or_(page.get_by_role("button", name="Download the sound"))
        .locator("visible=true")
    )
    page.wait_for_function("(each) => !each.disabled", arg=get.element_handle(), timeout=1000 * WITHIN_SECONDS)
    with page.expect_download() as download:
        get.click()
    return load_audio(Path(download.value.path()))[0]


def test_two_tabs_of_one_visitor_do_not_mix(app: RunningApp) -> None:
    config = settings(4, 4, 1, 0.05, 0.9, 0.7, 0, 1, "centred", True)
    with app.page() as page:
        other = page.context.new_page()
        other.goto(app.url)
        other.get_by_role("button", name=PLAY).wait_for()
        begin(page, seed=11)
        begin(other, seed=12)
        got = {12: finished(other), 11: finished(page)}
    for seed, audio in got.items():
        result = play(
            SHORT.target_path, SHORT.source_paths, codec=load_codec("bundled"), config=config, seed=seed
        ).resynthesis
        torch.testing.assert_close(audio, result.audio, rtol=0, atol=1e-4)
    assert (got[11] - got[12]).abs().max() > 0.01
