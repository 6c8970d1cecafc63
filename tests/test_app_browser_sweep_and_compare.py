"""The tabs Temperature sweep and Compare codecs in Chromium, from an example to a result."""

import pytest
from app_server import RunningApp, audio_seconds, nothing_opened, picture_is_drawn

pytestmark = pytest.mark.slow  # every tab in a browser is for test-all; test_app_browser_resynthesise.py keeps one


def test_a_sweep_gives_a_player_for_each_temperature_and_the_curves(app: RunningApp) -> None:
    with app.page("Temperature sweep") as page:
        panel = page.get_by_role("tabpanel").filter(has=page.get_by_role("button", name="Play at every temperature"))
        panel.get_by_label("number input for How many temperatures").fill("2")
        panel.get_by_role("button", name="Violin tune on the piano").click()
        panel.locator('img[alt^="Curves"]').wait_for()
        players = panel.locator(".lgr-cards audio")
        assert players.count() == 2
        for value in ("0.01", "10"):
            assert audio_seconds(page, f"τ = {value}") == pytest.approx(7.04, abs=0.01)
            assert picture_is_drawn(page, f'img[alt="Spectrogram of the result at temperature {value}"]')
        assert picture_is_drawn(page, 'img[alt^="Curves"]')
        assert panel.get_by_text("2 temperatures with seed 1.").count() == 1
        with page.expect_download() as download:
            panel.get_by_role("link", name="Score").first.click()
        assert download.value.suggested_filename == "temperature_0.01.json"


def test_codecs_play_side_by_side_and_one_that_is_missing_says_why(
    app: RunningApp, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no network here")

    nothing_opened(monkeypatch)
    monkeypatch.setenv("LGR_CACHE", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.delenv("LGR_WEIGHTS", raising=False)
    monkeypatch.setattr("pooch.retrieve", refuse)
    with app.page("Compare codecs") as page:
        panel = page.get_by_role("tabpanel").filter(has=page.get_by_role("button", name="Play through every"))
        boxes = panel.get_by_role("group", name="Codecs").get_by_role("checkbox")
        if not boxes.count():
            boxes = panel.locator("fieldset input[type=checkbox]")
        for i in range(boxes.count()):
            boxes.nth(i).uncheck()
        for name in ("bundled (any sound, for grains)", "textures-encodec16", "SoundStream (Lyra v2), 16 kHz"):
            panel.locator("label", has_text=name).locator("input").check()
        panel.get_by_role("button", name="Violin tune on the piano").click()
        panel.get_by_text("2 of 3 codecs with seed 1.").wait_for()
        assert panel.locator(".lgr-cards li").count() == 3
        assert audio_seconds(page, "bundled (any sound, for grains)") == pytest.approx(7.04, abs=0.01)
        assert panel.locator(".lgr-why").inner_text().startswith("Not available: weights of soundstream")
        assert "no network here" in panel.locator(".lgr-why").inner_text()
        assert panel.locator(".lgr-wide tbody tr").count() == 2


def test_a_sound_comes_back_from_its_coarse_codes(app: RunningApp) -> None:
    with app.page("Compare codecs") as page:
        panel = page.get_by_role("tabpanel").filter(has=page.get_by_role("button", name="Play through every"))
        for way in ("Regression", "Schrödinger, 16 evaluations"):
            panel.locator("label", has_text=way).locator("input").uncheck()
        panel.get_by_role("button", name="Bring it back every ticked way").click()
        panel.get_by_text("2 of 2 ways from 1 level with seed 1.").wait_for()
        assert panel.locator(".lgr-cards li").count() == 3
        length = audio_seconds(page, "The sound itself")
        for title in ("Coarse codes alone", "Schrödinger, 4 evaluations"):
            assert audio_seconds(page, title) == pytest.approx(length, abs=0.01)
            assert picture_is_drawn(page, f'img[alt="Spectrogram: {title}"]')
