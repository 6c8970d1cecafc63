"""Pictures of every tab of the app with a result in it, for the documentation.

    python -m benchmarks.screenshots [--out docs/screenshots] [--only resynthesise grain_map]
                                     [--width 1280] [--scheme light]

The app is started in a process of its own and driven in Chromium as a visitor would: open a tab, press its first
example, wait for the result. What is drawn is made from locked seeds and no player runs, so only times ("0.9 s of
work") differ from run to run. Without ``--only`` the first tab is also taken at a phone's width, as
``resynthesise-phone.png``.
"""

import argparse
import math
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from lgr_app.tabs import TABS

from benchmarks.served import served_app
from lgr.files import atomic_path

CHROMIUM = "/usr/bin/chromium"
PATIENCE_MS = 240_000.0  # for a result: comparing all codecs is the slowest
PHONE = 390
TALLEST = 1600  # pixels of a picture
SETTLED_MS = 1500.0  # without anything at work, between two jobs that follow each other

AT_WORK = """() => [...document.querySelectorAll('[data-testid="status-tracker"]')].some(
    (each) => each.offsetParent !== null && !each.classList.contains("hide"))"""
AT_REST = f"""() => {{
    const now = performance.now();
    if (({AT_WORK})()) {{ window.lgrWorked = now; }}
    return now - (window.lgrWorked ??= now) > {SETTLED_MS};
}}"""
# Some players begin by themselves.
SILENT = """HTMLMediaElement.prototype.play = async () => {};
Object.defineProperty(HTMLMediaElement.prototype, "autoplay", { get: () => false, set: () => {} });"""


def wait_for_result(page: Any) -> None:
    """Until nothing on the page is at work any more; ``RuntimeError`` with the message if one was shown."""
    page.evaluate("() => { window.lgrWorked = performance.now(); }")
    page.wait_for_function(AT_REST, timeout=PATIENCE_MS, polling=100)
    error = page.locator(".toast-body.error")
    if error.count():
        raise RuntimeError(f"the app said: {error.first.inner_text()}")


def press_first_example(page: Any) -> None:
    """The first button of the examples on the open tab, and what follows from it."""
    page.locator(".lgr-examples button:visible").first.click()
    wait_for_result(page)


def draw_a_line(page: Any) -> None:
    """A wave across the map, heard as one sound."""
    press_first_example(page)
    page.locator("#grain-map").get_by_role("radio", name="Line").click()
    box = page.locator("#grain-map .scatter-overlay").bounding_box()
    for i in range(41):
        across, down = 0.25 + 0.5 * i / 40, 0.5 + 0.3 * math.cos(1.5 * math.pi * i / 40)
        page.mouse.move(box["x"] + box["width"] * across, box["y"] + box["height"] * down)
        if i == 0:
            page.mouse.down()
    page.mouse.up()
    wait_for_result(page)


def show_the_plane(page: Any) -> None:
    """The inner tab with the plane of a model's latents, and a line on it."""
    page.get_by_role("tab", name="Latent plane").click()
    press_first_example(page)


TITLES = {tab.name: tab.title for tab in TABS}
ACTS = {"grain_map": draw_a_line}  # what is done on a tab, where it is not to press the first example

# name of the picture: title of its tab, and what is done there
SHOTS: dict[str, tuple[str, Callable[[Any], None]]] = {
    **{name: (title, ACTS.get(name, press_first_example)) for name, title in TITLES.items()},
    "latent_plane": (TITLES["free_synthesis"], show_the_plane),
}
FIRST = TABS[0].name


def show_tab(page: Any, title: str) -> None:
    """Open a tab, from the menu where the page is too narrow for its title."""
    from playwright.sync_api import TimeoutError as NotThere

    tab, menu = page.get_by_role("tab", name=title, exact=True).first, page.locator(".overflow-menu > button").first
    for _ in range(20):  # a new page moves titles into its menu and out again while it measures them
        if tab.is_visible():
            tab.click()
            return
        with suppress(NotThere):
            menu.click(timeout=1000)
            page.locator(".overflow-dropdown").get_by_text(title, exact=True).click(timeout=1000)
            return
    raise RuntimeError(f"the page has no tab {title!r}")


def take(browser: Any, url: str, name: str, path: Path, width: int, scheme: str) -> None:
    """One picture of one tab with its result."""
    title, act = SHOTS[name]
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce", locale="en-GB"
    )
    context.add_init_script(SILENT)
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.goto(f"{url}/?__theme={scheme}")
    page.get_by_role("tab").first.wait_for()
    show_tab(page, title)
    act(page)
    page.mouse.move(0, 0)
    page.evaluate("() => { document.activeElement?.blur(); window.scrollTo(0, 0); }")
    height = min(TALLEST, page.evaluate("document.documentElement.scrollHeight"))
    # the whole page in the window: what is fixed to the window's lower edge must not stand in the middle of the picture
    page.set_viewport_size({"width": width, "height": height})
    page.wait_for_timeout(500)
    with atomic_path(path, force=True, make_parents=True) as temporary:
        page.screenshot(path=temporary, animations="disabled")
    context.close()
    print(f"{path}: {width} x {height}, {path.stat().st_size / 1000:.0f} kB", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("docs/screenshots"))
    parser.add_argument("--only", nargs="+", choices=list(SHOTS), help="these pictures")
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--scheme", choices=["light", "dark"], default="light")
    arguments = parser.parse_args()

    from playwright.sync_api import sync_playwright

    with served_app() as app, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for name in arguments.only or SHOTS:
            path = arguments.out / f"{name}.png"
            take(browser, app.url, name, path, arguments.width, arguments.scheme)
        if not arguments.only:
            take(browser, app.url, FIRST, arguments.out / f"{FIRST}-phone.png", PHONE, arguments.scheme)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
