"""The Resynthesise tab in Chromium, as a person uses it; and bad input of every kind, told as messages."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from app_server import RunningApp, audio_seconds, nothing_opened, picture_is_drawn
from made_up_uploads import upload

from lgr.score import Score

TAB = "Resynthesise"
GO = "Play the target with the sources"
SHORT = "Violin tune on the piano"  # a short example
DECODING = r"Waveform load error|[Dd]ecod"  # what a browser says itself of a file that is no sound


def press(page: Any, name: str = GO) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def message(page: Any, text: str) -> None:
    """A message on the page says ``text``, and is closed."""
    told = page.get_by_test_id("toast-body").filter(has_text=text)
    told.first.wait_for()
    assert "Traceback" not in told.first.inner_text()
    told.first.get_by_test_id("toast-close").click()
    told.first.wait_for(state="detached")


def saved(download: Any, folder: Path) -> Path:
    path = folder / download.suggested_filename
    download.save_as(path)
    return path


def test_from_an_example_to_a_result(app: RunningApp, tmp_path: Path) -> None:
    with app.page(TAB) as page:
        press(page)
        assert audio_seconds(page, "A: this result") == pytest.approx(6.48, abs=0.01)
        assert audio_seconds(page, "Result (A)") == pytest.approx(6.48, abs=1)
        assert picture_is_drawn(page, 'img[alt^="The score"]')
        table = page.locator(".lgr-numbers").first
        for name in ("Adoption", "Onsets kept", "Boundary ratio", "Most played grain", "Real-time factor"):
            assert table.get_by_text(name, exact=True).count() == 1
        with page.expect_download() as download:
            press(page, "Download the score")
        score = json.loads(saved(download.value, tmp_path).read_text())
        assert score["seed"] == 1
        assert {each["path"] for each in score["recordings"]} == {"glass.flac", "foley.flac"}

        # again with a drawn seed: the result before is there to compare, at the same moment
        page.get_by_label("Keep this seed").first.uncheck()
        press(page)
        page.locator('audio[aria-label="B: the one before"]').wait_for(state="attached")
        assert page.get_by_label("Seed", exact=True).first.input_value() != "1"
        page.evaluate("document.querySelector('.lgr-switch audio').currentTime = 3")
        press(page, "Target")
        assert page.evaluate("document.querySelector('audio[aria-label=Target]').currentTime") == pytest.approx(3)
        assert page.locator(".lgr-switch button[aria-pressed=true]").all_inner_texts() == ["Target"]


@pytest.mark.slow
def test_ones_own_sounds_with_weights(app: RunningApp, tmp_path: Path) -> None:
    with app.page(TAB) as page:
        page.get_by_role("button", name="Clear").first.click()
        page.locator("input[type=file]").first.set_input_files(upload(tmp_path, "surround"))
        page.get_by_label("number input for Weight of foley").first.fill("0")
        press(page)
        assert audio_seconds(page, "A: this result") == pytest.approx(1.0, abs=0.01)
        with page.expect_download() as download:
            press(page, "Download the score")
        assert set(Score.load(saved(download.value, tmp_path)).recording.tolist()) == {0}


@pytest.mark.slow
def test_a_recording_from_the_microphone_is_a_target(app: RunningApp) -> None:
    with app.page(TAB) as page:
        page.get_by_role("button", name="Clear").first.click()
        page.get_by_role("button", name="Record audio").first.click()
        page.get_by_role("button", name="Record", exact=True).first.click()
        page.wait_for_timeout(1500)  # of sound
        with page.expect_response(lambda response: "/upload" in response.url):
            page.get_by_role("button", name="Stop", exact=True).first.click()
        page.get_by_test_id("waveform-Target: the sound to play").first.wait_for()
        press(page)
        assert 0.5 < audio_seconds(page, "A: this result") < 4


@pytest.mark.slow
def test_bad_input_is_told_and_the_next_visitor_is_served(app: RunningApp, tmp_path: Path) -> None:
    expected = [DECODING]
    with app.page(TAB, expected_errors=expected) as page:
        page.get_by_role("button", name="Clear").first.click()
        press(page)
        message(page, "Choose a target first")
        for kind, says in (
            ("silence", "silence.wav is silent from beginning to end"),
            ("short", "short.wav lasts 0.02 s"),
            ("hour", "hour.flac lasts 60 min"),
            ("nan", "nan.wav has 1 NaN or infinite samples"),
            ("text", "text.wav holds text, not audio"),
        ):
            page.locator("input[type=file]").first.set_input_files(upload(tmp_path, kind))
            message(page, says)
            page.get_by_role("button", name="Clear").first.click()
    with app.page(TAB) as page:
        press(page, SHORT)
        assert audio_seconds(page, "A: this result") == pytest.approx(7.04, abs=0.01)


@pytest.mark.slow
def test_a_codec_that_cannot_be_reached_is_told(
    app: RunningApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise OSError("no network here")

    nothing_opened(monkeypatch)
    monkeypatch.setenv("LGR_CACHE", str(tmp_path))
    monkeypatch.delenv("LGR_WEIGHTS", raising=False)
    monkeypatch.setattr("pooch.retrieve", refuse)
    with app.page(TAB) as page:
        page.get_by_role("button", name="Grains, codec and mix").first.click()
        page.get_by_role("combobox", name="Codec").or_(page.get_by_label("Codec", exact=True)).first.click()
        page.get_by_role("option", name="SoundStream").first.click()
        press(page)
        message(page, "could not be downloaded (no network here)")


@pytest.mark.slow
def test_a_visitor_who_leaves_stops_the_job_and_takes_the_files_along(
    app: RunningApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[float] = []
    real = app.shared.codecs.open

    def slow(name: str, progress: Any = None) -> Any:
        for done in range(600):  # a minute, if nobody leaves
            steps.append(time.monotonic())
            progress("waiting", done, 600)
            time.sleep(0.1)
        return real(name, progress)

    monkeypatch.setattr(type(app.shared.codecs), "open", lambda self, *args: slow(*args))
    with app.page(TAB) as page:
        press(page)
        while not steps:
            page.wait_for_timeout(50)
        assert len(app.shared.visitors) == 1
    deadline = time.monotonic() + 15
    while len(app.shared.visitors) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert len(app.shared.visitors) == 0
    count = len(steps)
    time.sleep(0.5)
    assert len(steps) <= count + 1
    assert count < 600


@pytest.mark.slow
@pytest.mark.parametrize(("scheme", "button"), [("light", GO), ("dark", SHORT)])
def test_it_fits_a_phone(app: RunningApp, scheme: str, button: str) -> None:
    with app.page(TAB, width=390, height=844, scheme=scheme) as page:
        press(page, button)
        assert audio_seconds(page, "A: this result") == pytest.approx(6.48 if button == GO else 7.04, abs=0.01)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.wait_for_function("scrollY > 0")
        top = page.locator("#lgr-heard").bounding_box()["y"]
        assert 0 <= top < 600  # taken to the result, which lies below all controls
        shades = page.evaluate(
            """["backgroundColor", "color"].map((name) =>
                getComputedStyle(document.querySelector(".lgr-switch button[aria-pressed=false]"))[name]
                    .match(/[0-9.]+/g).slice(0, 3).map(Number))"""
        )
        ground, ink = (sum(shade) / 3 for shade in shades)
        assert (ground - ink > 120) if scheme == "light" else (ink - ground > 120)
