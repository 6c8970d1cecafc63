"""The documentation: what every public name says of itself, and the site that `make docs` builds."""

import importlib
import importlib.util
import inspect
import os
import pkgutil
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from app_server import CHROMIUM

import lgr
from lgr.cli import app

ROOT = Path(__file__).parents[1]
ROOMS = [
    "lgr.baselines",
    "lgr.codebook",
    "lgr.codecs",
    "lgr.drums",
    "lgr.listening",
    "lgr.matching",
    "lgr.plots",
    "lgr.score",
]
FETCHED = re.compile(
    r"<(?:script|link|img|audio|video|source|iframe)\b[^>]*?\s(?:src|href)=[\"']?((?:https?:)?//[^\"'\s>]*)"
)
FETCHED_BY_STYLE = re.compile(r"(?:url\(|@import)\s*[\"']?((?:https?:)?//[^\"')]*)")


def sections(name: str) -> set[str]:
    """The titles of NumPy's sections in a public name's docstring."""
    said = inspect.getdoc(getattr(lgr, name)) or ""
    return set(re.findall(r"^(\w+)\n-{3,}$", said, re.MULTILINE))


@pytest.mark.parametrize("name", lgr.__all__)
def test_a_public_name_says_what_it_takes_and_gives_and_shows_it(name: str) -> None:
    found, thing = sections(name), getattr(lgr, name)
    assert (inspect.getdoc(thing) or "").strip()[:1].isupper()
    assert "Examples" in found
    if inspect.isfunction(thing):
        assert "Returns" in found
        if inspect.signature(thing).parameters:
            assert {"Parameters", "Raises"} <= found


@pytest.mark.parametrize("room", ROOMS)
def test_what_a_room_shows_has_a_docstring(room: str) -> None:
    face = importlib.import_module(room)
    things = [getattr(face, name) for name in face.__all__]
    assert [each for each in things if inspect.isroutine(each) or inspect.isclass(each) if not each.__doc__] == []


def test_a_section_of_a_docstring_becomes_a_list() -> None:
    spec = importlib.util.spec_from_file_location("docstrings", ROOT / "docs" / "site" / "docstrings.py")
    assert spec is not None
    assert spec.loader is not None
    docstrings = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(docstrings)
    written = (
        "Mix.\n\nParameters\n----------\na, b : Tensor, (n,)\nrate : int, Hz; of both\n    sounds\npath : str\n"
        "    Ends in .wav.\n\nBoth begin\ntogether : always.\n\nRaises\n------\nShapeError\n    Not alike.\n\n"
        "Examples\n--------\n>>> 1 + 1\n2\n"
    )
    assert docstrings.markdown(written) == (
        "Mix.\n\n**Parameters**\n\n- `a, b`: Tensor, (n,)\n- `rate`: int, Hz; of both sounds\n"
        "- `path`: str. Ends in .wav.\n\nBoth begin\ntogether : always.\n\n**Raises**\n\n- `ShapeError`: Not alike.\n\n"
        "**Examples**\n\n```pycon\n>>> 1 + 1\n2\n```"
    )


def commands(command: Any, name: str) -> list[str]:
    """The full names of a program's commands, but for hidden ones."""
    inside = [each for each in getattr(command, "commands", {}).values() if not each.hidden]
    return [full for each in inside for full in (f"{name} {each.name}", *commands(each, f"{name} {each.name}"))]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built where every request to the outside fails; so does a broken link."""
    folder = tmp_path_factory.mktemp("docs")
    nowhere = {f"{scheme}_proxy": "http://127.0.0.1:9" for scheme in ("http", "https", "all")}
    environment = {**os.environ, **nowhere, "NO_MKDOCS_2_WARNING": "1"}
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=900)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    return folder


@cache
def html(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@pytest.mark.slow
def test_every_public_name_has_an_entry(site: Path) -> None:
    entries = set(re.findall(r'id="(lgr[\w.]*)"', "".join(html(path) for path in site.glob("api/**/*.html"))))
    assert len(entries) > 700
    for room in ("lgr", *ROOMS):
        face = importlib.import_module(room)
        shown = html(site / "api" / room.replace(".", "/") / "index.html")
        for name in face.__all__:
            thing = getattr(face, name)
            assert f">{name}</code>" in shown
            if inspect.isfunction(thing) or inspect.isclass(thing):
                assert f"{thing.__module__}.{thing.__qualname__}" in entries


@pytest.mark.slow
def test_every_module_has_a_page(site: Path) -> None:
    modules = [each for each in pkgutil.walk_packages(lgr.__path__, "lgr.") if not each.name.startswith("lgr.cli")]
    for each in modules:
        if not each.name.endswith("__main__"):
            page = each.name.replace(".", "/") + ("/index.html" if each.ispkg else ".html")
            assert (site / "api" / page).is_file(), each.name


@pytest.mark.slow
def test_every_command_and_option_is_shown(site: Path) -> None:
    page = html(site / "command-line.html")
    names = commands(typer.main.get_command(app), "lgr")
    assert "lgr train granular" in names
    for name in names:
        assert f'id="{name.replace(" ", "-").replace("~", "")}"' in page, name  # an anchor has letters only
    for option in ("--temperature", "--continuity", "--repetition-penalty", "--abx-trials"):
        assert option in page


@pytest.mark.slow
def test_the_guide_the_course_and_the_results_are_there(site: Path) -> None:
    pages = ["index.html", "CHANGELOG.html", "CONTRIBUTING.html", "docs/architecture.html", "docs/listening.html"]
    pages += [f"docs/results/{path.stem}.html" for path in (ROOT / "docs" / "results").glob("*.md")]
    notebooks = sorted((ROOT / "notebooks").glob("*.ipynb"))
    pages += [f"notebooks/{path.name}.html" for path in notebooks]
    assert len(notebooks) == 11
    assert [page for page in pages if not (site / page).is_file()] == []
    temperature = html(site / "notebooks" / "03_temperature.ipynb.html")
    assert "<math" in temperature
    assert "<audio" in temperature
    assert "arithmatex" not in temperature


@pytest.mark.slow
def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    for path in site.rglob("*.html"):
        assert FETCHED.findall(html(path)) == [], path
        assert 'class="mermaid"' not in html(path)  # the theme fetches a script where there is one
    for path in site.rglob("*.css"):
        assert FETCHED_BY_STYLE.findall(path.read_text(encoding="utf-8")) == [], path


@pytest.mark.slow
def test_the_search_finds_a_name_in_pages_opened_from_a_file(site: Path) -> None:
    if not CHROMIUM.exists():
        pytest.skip("no chromium on this machine")
    from playwright.sync_api import sync_playwright

    asked: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.goto((site / "index.html").as_uri())
        page.locator(".md-search__input").click()
        page.keyboard.type("repetition penalty")
        page.locator(".md-search-result__link[href*='matching']").first.wait_for()
        browser.close()
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
