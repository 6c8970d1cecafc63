"""Tab 4 in a real browser: an example to its result, sounds of one's own, what is wrong with them, a phone."""

import json
from pathlib import Path

import pytest
import torch
from app_server import RunningApp, audio_seconds, give, picture_is_drawn

from lgr.sound.audio import save_audio

RESULT = "The first sound, the path, the second sound"


def test_an_example_is_one_click_from_its_result(app: RunningApp) -> None:
    with app.page(tab="Interpolate") as page:
        page.get_by_role("button", name="Violin to flute, by name").click()
        assert audio_seconds(page, RESULT) == 4
        assert page.get_by_label("Class on arriving").input_value() == "flute"
        page.locator("#path-numbers").get_by_text("Trend").wait_for()
        assert picture_is_drawn(page, "#path-picture img")
        with page.expect_download() as download:
            page.get_by_role("link", name="Download the report").or_(
                page.get_by_role("button", name="Download the report")
            ).click()
        assert download.value.suggested_filename == "violin_to_flute.json"
        recipe = json.loads(download.value.path().read_text())
        assert recipe["labels"] == ["violin", "flute"]
        assert recipe["report"]["codec"] == "notes-spectral"


@pytest.mark.slow
def test_sounds_of_ones_own_and_what_is_wrong_with_them(app: RunningApp, tmp_path: Path) -> None:
    tone = 0.2 * torch.sin(0.2 * torch.arange(16000.0))[None]
    save_audio(tmp_path / "tone.wav", tone, 8000)
    (tmp_path / "letter.wav").write_text("dear codec")
    expected = ["Waveform load error"]  # the browser cannot play a letter either
    with app.page(tab="Interpolate", expected_errors=expected) as page:
        go = page.get_by_role("button", name="Interpolate from the one to the other")
        block = page.locator("#first-sound")

        block.get_by_label("Clear").click()
        go.click()
        page.get_by_text("Choose a first sound first").wait_for()
        give(page, block.locator("input[type=file]"), tmp_path / "letter.wav")
        go.click()
        page.get_by_text("letter.wav").last.wait_for()
        assert "Traceback" not in page.inner_text("body")
        for close in page.locator(".toast-close").all():
            close.click()
        block.get_by_label("Clear").click()
        give(page, block.locator("input[type=file]"), tmp_path / "tone.wav")
        block.get_by_test_id("waveform-From this sound").last.wait_for()
        go.click()
        assert audio_seconds(page, RESULT) == 4  # a second of the tone, two of the path, a second of the sea


@pytest.mark.slow
def test_it_fits_a_phone_and_classes_follow_the_model(app: RunningApp) -> None:
    with app.page(tab="Interpolate", width=390, height=844, scheme="dark") as page:
        page.get_by_role("button", name="Violin to choir").wait_for()
        leaving = page.get_by_label("Class on leaving")
        assert not leaving.is_visible()  # the first example's codec has no classes
        chooser = page.get_by_label("Codec or model")
        chooser.click()
        page.get_by_role("option", name="textures-noiseband").click()
        leaving.wait_for()
        chooser.click()
        page.get_by_role("option", name="bundled").click()
        leaving.wait_for(state="hidden")
        chooser.click()
        page.get_by_role("option", name="notes-spectral").click()
        leaving.click()
        page.get_by_role("option", name="alto sax").click()
        page.get_by_role("button", name="Rain to sea").click()
        page.locator("#path-picture img").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
