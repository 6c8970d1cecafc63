"""Tab 5 in a real browser: one-shots and a morph of them, a line drawn on the latent plane, a phone."""

import zipfile
from typing import Any

import pytest
from app_server import RunningApp, audio_seconds, picture_is_drawn

pytestmark = pytest.mark.slow  # every tab in a browser is for test-all; test_app_browser_resynthesise.py keeps one


def show_plane(page: Any) -> None:
    page.get_by_role("tab", name="Latent plane").click()
    page.wait_for_function("document.querySelector('#latent-plane .scatter-overlay')?.scatter?.count() === 1000")


def test_one_shots_are_drawn_kept_and_morphed(app: RunningApp) -> None:
    with app.page(tab="Free synthesis") as page:
        page.get_by_role("button", name="Draw one-shots").click()
        assert audio_seconds(page, "Kick") == pytest.approx(1.0, abs=0.01)
        assert page.locator("#one-shots audio").count() == 8
        assert picture_is_drawn(page, "#one-shots-picture img")
        with page.expect_download() as download:
            page.get_by_role("link", name="Download all (zip)").or_(
                page.get_by_role("button", name="Download all (zip)")
            ).click()
        with zipfile.ZipFile(download.value.path()) as archive:
            assert archive.testzip() is None
            assert len(archive.namelist()) == 9

        page.get_by_role("button", name="Eight snares").click()
        assert audio_seconds(page, "Snare 8") == pytest.approx(1.0, abs=0.01)
        page.get_by_role("tab", name="Morph").click()
        assert page.get_by_label("From", exact=True).input_value() == "Snare 1"
        page.get_by_role("button", name="Morph", exact=True).click()
        assert audio_seconds(page, "All steps in a row") == pytest.approx(3.8, abs=1)
        assert audio_seconds(page, "43 % Snare 8") == pytest.approx(1.0, abs=0.01)
        assert page.locator("#morph-steps audio").count() == 8
        assert picture_is_drawn(page, "#morph-picture img")


def test_a_line_drawn_on_the_plane_is_heard(app: RunningApp) -> None:
    with app.page(tab="Free synthesis") as page:
        show_plane(page)
        assert page.get_by_role("tab", name="Latent plane").count() == 1
        page.get_by_text("of their variance").wait_for()
        overlay = page.locator("#latent-plane .scatter-overlay")
        box = overlay.bounding_box()
        assert page.evaluate(
            """() => {
                const canvas = document.querySelector("#latent-plane .scatter-cloud");
                const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
                return new Set(new Uint32Array(pixels.buffer)).size;
            }"""
        ) > 8  # fmt: skip
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(x - 120, y)
        page.mouse.down()
        for i in range(25):
            page.mouse.move(x - 120 + 10 * i, y + (i % 5) * 10)
        page.mouse.up()
        assert audio_seconds(page, "The line as sound") == 4
        page.get_by_text("to be heard well").wait_for()

        overlay.focus()  # and with keys alone: to the nearest point, and hear it
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        # one player shows both: it has the new name before it has the new sound
        shown = page.get_by_test_id("waveform-The place as sound").locator("#duration")
        shown.filter(has_not_text="0:04").wait_for()
        assert audio_seconds(page, "The place as sound") <= 1


def test_an_unlocked_seed_changes_and_a_phone_has_room(app: RunningApp) -> None:
    with app.page(tab="Free synthesis", width=390, height=844, scheme="dark") as page:
        page.get_by_label("Keep this seed").locator("visible=true").uncheck()
        page.get_by_role("button", name="Draw one-shots").click()
        assert audio_seconds(page, "Tom") == pytest.approx(1.0, abs=0.01)
        seed = page.get_by_label("Seed", exact=True).locator("visible=true")
        assert seed.input_value() != "1"
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        show_plane(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.get_by_role("button", name="Play the line again").click()
        page.get_by_text("Draw a line on the plane first").wait_for()
        page.get_by_role("button", name="Straight across").click()
        assert audio_seconds(page, "The line as sound") == 4
