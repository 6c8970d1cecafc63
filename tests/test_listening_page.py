"""The page in a real browser: a whole session from a file, its order, its sounds, its answers, and their analysis."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from made_up_listening import CONDITIONS, ITEMS, made_test

from lgr.listening.analysis import analyse
from lgr.listening.build import ListeningTest

CHROMIUM = Path("/usr/bin/chromium")
QUALITY = {"reference": 100, "source": 3, "good": 81, "fair": 52, "poor": 20}  # what the listener of these tests hears
ADOPTION = {"reference": 4, "source": 100, "good": 30, "fair": 60, "poor": 90}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install 'lgr[dev]'")
    if not CHROMIUM.exists():
        pytest.skip(f"no Chromium at {CHROMIUM}: apt-get install chromium")
    with api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> ListeningTest:
    pairs = (("reference", "good"), ("fair", "poor"))
    return made_test(tmp_path_factory.mktemp("page"), abx=pairs, abx_trials=2, note="Ask <b>Ada</b>.")


@pytest.fixture
def page(browser: Any, study: ListeningTest) -> Iterator[Any]:
    """The page, freshly opened from its file; an error in it fails the test, and so does a request for other files."""
    context = browser.new_context(accept_downloads=True)
    opened = context.new_page()
    opened.set_default_timeout(10_000)
    wrong: list[str] = []
    folder = study.page.parent.as_uri()
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("console", lambda line: wrong.append(line.text) if line.type == "error" else None)
    opened.on("request", lambda r: wrong.append(r.url) if not r.url.startswith((folder, "data:", "blob:")) else None)
    opened.goto(study.page.as_uri())
    yield opened
    context.close()
    assert wrong == []


def conditions_of(study: ListeningTest) -> dict[str, str]:
    key = json.loads(study.key.read_text())
    return {sound["id"]: sound["condition"] for item in key["items"] for sound in item["sounds"]}


def begin(page: Any) -> None:
    page.get_by_role("checkbox").check()
    page.get_by_label("I listen with").select_option("headphones")
    page.get_by_role("button", name="Begin").click()


def loudest(page: Any) -> int:
    """How many of the sounds that run are let through, after the fade."""
    page.wait_for_timeout(60)
    return page.evaluate("[...player.running.values()].filter(({gain}) => gain.gain.value > 0.9).length")


def rate(page: Any, names: dict[str, str]) -> None:
    """Answer a page of ratings by rule."""
    truth = QUALITY if "rhythm" in page.get_by_role("heading").inner_text() else ADOPTION
    sliders = page.locator("input[type=range]")
    for i in range(sliders.count()):
        page.get_by_role("button", name=f"Sound {i + 1}", exact=True).click()
        wanted = truth[names[sliders.nth(i).get_attribute("data-sound")]]
        sliders.nth(i).fill(str(wanted))


def compare(page: Any) -> None:
    """Answer an A/B/X trial right."""
    for letter in "ABX":
        page.get_by_role("button", name=letter, exact=True).click()
    trial = page.evaluate("trials[state.trials.length]")
    right = "A" if trial["x"] == trial["a"] else "B"
    page.get_by_role("radio", name=f"X is the same as {right}").check()


def test_a_whole_session_is_answered_saved_and_analysed(page: Any, study: ListeningTest, tmp_path: Path) -> None:
    names = conditions_of(study)
    assert page.get_by_role("heading").inner_text() == "Listening test"
    assert "Ask <b>Ada</b>." in page.inner_text("main")  # text, not markup
    start = page.get_by_role("button", name="Begin")
    assert start.is_disabled()
    page.get_by_role("checkbox").check()
    assert start.is_disabled()  # not without saying what one listens with
    begin(page)
    ratings, pairs = 2 * len(ITEMS), 4
    for trial in range(ratings):
        assert f"Page {trial + 1} of {ratings + pairs}" in page.inner_text("main")
        assert page.get_by_role("button", name="Next").is_disabled()
        rate(page, names)
        assert loudest(page) == 1
        if trial == 1:  # a reload in the middle: same page, same answers
            before = page.evaluate("JSON.stringify(state)")
            page.reload()
            assert page.evaluate("JSON.stringify(state)") == before
            assert f"Page {trial + 1} of" in page.inner_text("main")
            assert page.get_by_role("button", name="Next").is_enabled()
        page.get_by_role("button", name="Next").click()
    for _ in range(pairs):
        assert page.get_by_role("heading").inner_text() == "Is X the same as A, or as B?"
        assert page.get_by_role("button", name="Next").is_disabled()
        compare(page)
        page.get_by_role("button", name="Next").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save my answers").click()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    saved = json.loads(path.read_text())
    assert re.fullmatch(r"answers-[0-9a-f]{16}\.json", path.name)
    assert path.name == f"answers-{saved['listener']}.json"
    assert json.loads(page.input_value("#text")) == saved
    assert saved["setup"] == "headphones"
    assert not any(name in path.read_text() for name in CONDITIONS)

    found = analyse([path], study.key)
    assert {r.condition: r.mean for r in found.ratings if r.question == "retention"} == QUALITY
    assert {r.condition: r.mean for r in found.ratings if r.question == "adoption"} == ADOPTION
    assert [(c.a, c.b, c.correct, c.trials) for c in found.comparisons] == [
        ("reference", "good", 2, 2),
        ("fair", "poor", 2, 2),
    ]

    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="for the next listener").click()
    assert page.get_by_role("button", name="Begin").is_disabled()
    assert page.evaluate("localStorage.length") == 0
    assert page.evaluate("state.listener") != saved["listener"]


def test_sounds_switch_in_step_and_are_all_equally_long(page: Any) -> None:
    begin(page)
    page.wait_for_function("player.buffers.size > 1")
    page.get_by_role("button", name="Sound 1", exact=True).click()
    page.wait_for_function("player.running.size > 0")  # sounds start once the browser's audio is awake
    assert page.evaluate("player.running.size") == 2 + len(CONDITIONS) + 1  # all of them run, and the open reference
    assert len(set(page.evaluate("[...player.buffers.values()].map((each) => each.length)"))) == 1
    page.evaluate("window.first = [...player.running.values()][0].source; 0")
    page.get_by_role("button", name="Target", exact=True).or_(
        page.get_by_role("button", name="Source", exact=True)
    ).click()
    assert loudest(page) == 1
    assert page.evaluate("[...player.running.values()][0].source === first")  # nothing was started anew
    pressed = page.locator("button[aria-pressed=true]")
    assert pressed.all_inner_texts() in (["Target"], ["Source"])
    page.get_by_role("button", name="Stop", exact=True).click()
    assert page.evaluate("player.running.size") == 0
    assert pressed.count() == 0


def test_the_keyboard_is_enough(page: Any, study: ListeningTest) -> None:
    def press(*keys: str) -> None:
        for key in keys:
            page.keyboard.press(key)

    def focus_on(name: str) -> None:
        for _ in range(40):
            press("Tab")
            if (
                page.evaluate("document.activeElement.getAttribute('aria-label') ?? document.activeElement.innerText")
                == name
            ):
                return
        raise AssertionError(f"Tab never reaches {name}")

    page.locator("#setup").focus()
    press("h", "Tab", "Space")
    focus_on("Begin")
    press("Enter")
    page.wait_for_function("player.buffers.size > 1")
    assert page.evaluate("document.activeElement.tagName") == "H1"  # a screen reader begins at the question
    for i in range(2 + len(CONDITIONS)):
        press(str(i + 1))
        focus_on(f"Rating of sound {i + 1}")
        press(*["ArrowRight"] * (i + 1))
    page.wait_for_function("state.current.heard.length === 5")
    assert sorted(page.evaluate("Object.values(state.current.ratings)")) == [51, 52, 53, 54, 55]
    press("r")
    page.wait_for_selector("button[aria-keyshortcuts=r][aria-pressed=true]")
    press("s")
    page.wait_for_function("player.running.size === 0")
    focus_on("Next")
    press("Enter")
    page.wait_for_function("state.trials.length === 1")


def test_whoever_stops_leaves_nothing(page: Any) -> None:
    begin(page)
    page.wait_for_selector("input[type=range]")
    assert page.evaluate("localStorage.length") == 1
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Stop and delete my answers").click()
    page.get_by_role("button", name="Begin").wait_for()
    assert page.evaluate("localStorage.length") == 0


def test_an_order_replays_from_its_seed_and_differs_between_seeds(page: Any, study: ListeningTest) -> None:
    def plan(seed: int) -> list[dict[str, Any]]:
        return page.evaluate(f"plan(TEST, {seed})")

    assert plan(7) == plan(7)
    orders = [json.dumps(plan(seed)) for seed in range(30)]
    assert len(set(orders)) == 30
    page.goto(study.page.as_uri() + "?seed=7")
    assert page.evaluate("[state.seed, trials]") == [7, plan(7)]

    names = conditions_of(study)
    for seed in range(5):
        trials = plan(seed)
        kinds = [trial["kind"] for trial in trials]
        assert kinds == ["rating"] * 4 + ["abx"] * 4
        questions = [trial["question"] for trial in trials[:4]]
        assert questions in (["retention"] * 2 + ["adoption"] * 2, ["adoption"] * 2 + ["retention"] * 2)
        for trial in trials[:4]:
            assert sorted(names[name] for name in trial["sounds"]) == sorted(["reference", "source", *CONDITIONS])
            assert trial["reference"] not in names  # the open one is a copy with a name of its own
        for trial in trials[4:]:
            assert {names[trial["a"]], names[trial["b"]]} in ({"reference", "good"}, {"fair", "poor"})
            assert trial["x"] in (trial["a"], trial["b"])
        asked = Counter((frozenset(names[trial[each]] for each in "ab"), trial["item"]) for trial in trials[4:])
        assert set(asked.values()) == {1}  # two items: each pair once on each


def test_every_order_is_as_likely_as_any(page: Any, study: ListeningTest) -> None:
    """Over neighbouring seeds too: which sound comes first, which question, whether X is A."""
    n = 2000
    counts = page.evaluate(
        """(n) => Array.from({length: n}, (_, seed) => {
            const trials = plan(TEST, seed);
            const x = trials.find((trial) => trial.kind === "abx");
            const rated = trials.find((trial) => trial.item === TEST.items[0].id && trial.question === "retention");
            return [trials[0].question, rated.sounds[0], x.x === x.a].join(" ");
        })""",
        n,
    )
    cells = Counter(counts)
    assert len(cells) == 2 * 5 * 2
    expected = n / len(cells)
    chi_squared = sum((count - expected) ** 2 / expected for count in cells.values())
    assert chi_squared < 43.8  # the .999 quantile with 19 degrees of freedom


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_in_light_and_dark(browser: Any, study: ListeningTest, scheme: str) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 640}, color_scheme=scheme, has_touch=True)
    page = context.new_page()
    page.goto(study.page.as_uri())
    for _ in range(2):  # the first page, then a page of ratings
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        sizes = page.evaluate("[...document.querySelectorAll('button')].map((each) => each.offsetHeight)")
        assert min(sizes) >= 44
        shades = page.evaluate(
            """["backgroundColor", "color"].map((name) =>
                getComputedStyle(document.body)[name].match(/\\d+/g).map(Number))"""
        )
        ground, ink = (sum(shade) / 3 for shade in shades)
        assert (ground > 200 and ink < 60) if scheme == "light" else (ground < 60 and ink > 200)
        if page.get_by_role("button", name="Begin").count():
            begin(page)
            page.wait_for_selector("input[type=range]")
    context.close()


def test_a_missing_sound_is_told(browser: Any, tmp_path: Path) -> None:
    made = made_test(tmp_path)
    for path in (made.page.parent / "audio").iterdir():
        path.unlink()
    page = browser.new_page()
    page.goto(made.page.as_uri())
    page.get_by_text("a sound is missing; the files of this test must stay together").wait_for(timeout=5000)
    page.close()
