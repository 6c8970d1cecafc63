"""Level, brightness and noisiness of the Free synthesis tab in a real browser, of a small spectral model."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from app_server import RunningApp, audio_seconds, browsing, serving
from test_trained_codec import LABELS, write_folder

from lgr.codecs import load_codec
from lgr.files import assets_dir
from lgr.latents.projection import fit_projection

pytestmark = pytest.mark.slow  # every tab in a browser is for test-all; test_app_browser_resynthesise.py keeps one

NAME, PLAIN = "tiny-spectral", "tiny-granular"  # with controls, without; none that comes with lgr
SLIDERS = ("Level (dB)", "Brightness (octaves)", "Noisiness")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """The app of an lgr that comes with two small models too, and a browser in front of it."""
    folder, real = tmp_path_factory.mktemp("assets"), assets_dir()
    (folder / "models").mkdir()
    for each in (real / "audio", *(real / "models").iterdir()):
        (folder / each.relative_to(real)).symlink_to(each)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LGR_ASSETS", str(folder))
        model = write_folder(folder / "models" / NAME, "spectral", temporal=True)
        codec = load_codec(NAME)
        rows = torch.randn(60, codec.info.latent_dim, generator=torch.Generator().manual_seed(0))
        rows[:, :3] = torch.tensor([0.5, 0, 0])  # level, no controls
        fit_projection(rows, n_labels=len(LABELS), codec=codec.info).save(model)
        write_folder(folder / "models" / PLAIN, "granular", temporal=True)
        with serving() as served, browsing(served) as running:
            yield running


def choose(page: Any, model: str) -> None:
    box = page.get_by_label("Model", exact=True).locator("visible=true")
    box.click()
    page.get_by_role("option", name=model, exact=True).locator("visible=true").click()


def set_slider(page: Any, label: str, value: str) -> None:
    number = page.get_by_label(f"number input for {label}", exact=True).locator("visible=true")
    number.fill(value)
    number.press("Tab")


def downloaded(page: Any, name: str) -> dict[str, Any]:
    link = page.get_by_role("link", name=name).or_(page.get_by_role("button", name=name)).locator("visible=true")
    with page.expect_download() as download:
        link.click()
    return dict(json.loads(Path(download.value.path()).read_text()))


def test_one_shots_and_lines_follow_the_sliders(app: RunningApp) -> None:
    with app.page(tab="Free synthesis") as page:
        fold = page.get_by_role("button", name="Level, brightness, noisiness")
        page.get_by_role("button", name="Model and length").click()
        choose(page, PLAIN)
        fold.locator("visible=true").wait_for(state="detached")
        choose(page, NAME)
        fold.locator("visible=true").click()
        set_slider(page, SLIDERS[0], "-12")
        set_slider(page, SLIDERS[1], "1")
        page.get_by_role("button", name="Draw one-shots").click()
        audio_seconds(page, LABELS[0])
        assert downloaded(page, "Download what was drawn (json)")["draw"]["controls"] == {"level": -12, "brightness": 1}
        page.get_by_role("button", name="Eight snares").click()  # of drums-spectral
        audio_seconds(page, "Snare 8")

        page.get_by_role("tab", name="Latent plane").click()
        page.wait_for_function("document.querySelector('#latent-plane .scatter-overlay')?.scatter?.count() === 1000")
        choose(page, NAME)
        page.wait_for_function("document.querySelector('#latent-plane .scatter-overlay')?.scatter?.count() === 60")
        page.get_by_role("button", name="Straight across").click()
        assert audio_seconds(page, "The line as sound") == 4
        assert downloaded(page, "Download the line")["controls"] == {}
        fold.locator("visible=true").click()
        set_slider(page, SLIDERS[2], "1")
        page.get_by_label("Change along the line").check()
        end = page.get_by_label("number input for Noisiness at the end", exact=True)
        end.wait_for()
        assert end.input_value() == "1"  # it begins where the other is
        set_slider(page, "Noisiness at the end", "-1")
        set_slider(page, "Length (s)", "2")
        page.get_by_role("button", name="Play the line again").click()
        page.get_by_test_id("waveform-The line as sound").locator("#duration").filter(has_text="0:02").wait_for()
        assert downloaded(page, "Download the line")["controls"] == {"noisiness": [[0, 1], [2, -1]]}
