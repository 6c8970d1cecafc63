"""From coarse codes back to sound, and polish of a resynthesis: what the app offers, with bridges made for the test."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from app_server import in_a_loop
from coded_toy import clip, toy
from made_up_uploads import upload

gr = pytest.importorskip("gradio", reason="gradio is not installed: pip install 'lgr[app]'")

from lgr_app.jobs import coarse_codes as job  # noqa: E402
from lgr_app.jobs.resynthesise import settings  # noqa: E402
from lgr_app.page import bridges  # noqa: E402
from lgr_app.page.shared import Shared  # noqa: E402
from lgr_app.tabs import coarse_codes as part  # noqa: E402
from lgr_app.tabs import resynthesise as tab  # noqa: E402

from lgr.bridge.config import BridgeConfig  # noqa: E402
from lgr.bridge.files import build_bridge  # noqa: E402
from lgr.errors import ArgumentError  # noqa: E402
from lgr.measures.reconstruction import lsd  # noqa: E402
from lgr.refine import refine  # noqa: E402
from lgr.resynth_config import ResynthConfig  # noqa: E402
from lgr.score import Score  # noqa: E402
from lgr.score.render_config import RenderConfig  # noqa: E402
from lgr.sound.audio import load_audio  # noqa: E402
from lgr.train.bridge.export import write_bridge  # noqa: E402

RATE = 8000
ALL = ["coarse", "regression", "schrodinger-4", "schrodinger-16"]
DIALS = (4, 4, 1, 0.05, 0.9, 0.7, 0, 1, "centred", True)


@dataclass(frozen=True)
class Opened:
    """The part's callback, as a page calls it."""

    run: Any
    components: dict[str, Any]


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two bridges for the toy, as lgr ships those of a codec; no other codec has any."""
    for i, (kind, most) in enumerate({"regression": 3, "schrodinger": 2}.items()):
        torch.manual_seed(i)
        sizes: dict[str, int] = {"width": 16, "layers": 1, "heads": 2, "reach": 4, "given": 1, "most_given": most}
        bridge = build_bridge(kind, BridgeConfig(latent_dim=toy().info.latent_dim, levels=4, entries=64, **sizes))
        with torch.no_grad():
            bridge.encoder.write.weight.normal_(0, 0.1)  # type: ignore[union-attr]
        folder = tmp_path / "bridges" / f"toy-{kind}"
        folder.mkdir(parents=True)
        write_bridge(folder, bridge.state_dict(), bridge, toy(), licence="")
    monkeypatch.setattr("lgr.bridge.files.bridges_dir", lambda: tmp_path / "bridges")
    monkeypatch.setattr(bridges, "bridges_dir", lambda: tmp_path / "bridges")
    monkeypatch.setattr(bridges, "shown_names", lambda: ["bundled", "toy"])
    return tmp_path


def test_only_what_ships_for_a_codec_is_offered(shipped: Path) -> None:
    assert bridges.codecs_with_bridges() == ["toy"]
    assert bridges.levels_of("toy") == (1, 2)  # what both can be given
    assert job.ways_of("toy") == ALL
    assert job.ways_of("bundled") == ["coarse"]
    assert [kind for _, kind in bridges.polish_choices()] == ["", "schrodinger", "regression"]
    (shipped / "bridges" / "toy-regression" / "model.safetensors").unlink()
    assert job.ways_of("toy") == ["coarse", "schrodinger-4", "schrodinger-16"]
    assert job.checked_ways("toy", ["schrodinger-4", "coarse"]) == ["coarse", "schrodinger-4"]
    with pytest.raises(ArgumentError, match="at least one"):
        job.checked_ways("toy", [])
    with pytest.raises(ArgumentError, match=r"among coarse, schrodinger-4.*got 'regression'"):
        job.checked_ways("toy", ["coarse", "regression"])


@pytest.mark.usefixtures("shipped")
@pytest.mark.parametrize("name", ALL)
def test_each_way_is_what_refine_makes_with_its_numbers(name: str, tmp_path: Path) -> None:
    way, sound = job.WAYS[name], clip("violin", 0.6, RATE).expand(2, -1)
    made = job.bring_back(sound, way, codec=toy(), levels=2, seed=5)
    wanted = refine((sound, RATE), codec=toy(), bridge=way.kind or None, levels=2, steps=way.steps, seed=5)
    assert torch.equal(made.refined.audio, wanted.audio)
    assert made.refined.kbit_s == pytest.approx(2 * 2 * 6 * 100 / 1000)  # channels, levels, bits, frames a second
    assert made.distance_db == pytest.approx(lsd(sound[0], wanted.audio.mean(0)), rel=0.2)  # but for the best lag
    assert made.real_time_factor == pytest.approx(made.seconds_spent / 0.6)
    shown = job.way_card(name, made, "violin", tmp_path)
    assert (shown.title, len(shown.facts)) == (way.title, 3)
    assert shown.audio is not None
    assert shown.picture is not None
    assert shown.picture.stat().st_size > 1000
    torch.testing.assert_close(load_audio(shown.audio)[0], made.refined.audio, rtol=0, atol=1e-4)
    table = job.ways_table([(name, made)])
    assert len(re.findall("<tr>", table)) == 2
    assert "2.4 kbit/s" in table


def test_a_sound_is_as_far_from_itself_as_nothing() -> None:
    sound = clip("violin", 0.5, RATE)
    few, all_of_them = (
        job.bring_back(sound, job.WAYS["coarse"], codec=toy(), levels=n, seed=0).distance_db for n in (1, 4)
    )
    assert 0 < all_of_them < few


def opened(shared: Shared) -> Opened:
    """Lay the part out, not served."""

    def build() -> Opened:
        with gr.Blocks() as demo:
            part.build_part(shared)
        event = next(each for each in demo.fns.values() if each.api_name == "bring_back")
        return Opened(event.fn, {getattr(each, "label", None) or "": each for each in event.inputs})

    made: Opened = in_a_loop(build)
    return made


@pytest.mark.usefixtures("shipped")
def test_the_part_shows_the_sound_itself_and_every_way_that_was_ticked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    shared = Shared()
    monkeypatch.setattr(shared.codecs, "open", lambda name, progress=None: toy())
    page = opened(shared)
    assert [page.components[label].value for label in ("Levels of codes", "Ways back")] == [1, ALL]
    assert page.components["Levels of codes"].maximum == 2
    sound, request = str(upload(tmp_path, "good")), gr.Request(session_hash="a")

    def run(*values: Any) -> list[dict[str, Any]]:
        steps = list(page.run(*values, request, lambda *_, **__: None))
        return [{type(key).__name__ + str(key.elem_classes): value for key, value in step.items()} for step in steps]

    first, second, third, last = run(sound, "toy", 2, ["schrodinger-4", "coarse"], 3, True)
    assert [step["HTML[]"].count("<audio") for step in (first, second, third)] == [1, 2, 3]
    assert third["HTML['lgr-numbers', 'lgr-wide']"].count("<tr>") == 3
    assert next(iter(last.values())).startswith("2 of 2 ways from 2 levels with seed 3.")
    # what one way cannot be had for is said on its card; the others are there
    (tmp_path / "bridges" / "toy-regression" / "model.safetensors").write_bytes(b"no weights")
    *_, third, last = run(sound, "toy", 1, ["coarse", "regression"], 3, True)
    assert third["HTML[]"].count("<audio") == 2
    assert "Not available" in third["HTML[]"]
    assert next(iter(last.values())).startswith("1 of 2 ways")
    for values, message in (
        ((None, "toy", 1, ["coarse"], 3, True), "Choose a sound first"),
        ((sound, "toy", 1, [], 3, True), "Tick at least one"),
    ):
        with pytest.raises(gr.Error, match=message):
            run(*values)


def test_without_bridges_there_is_no_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lgr.bridge.files.bridges_dir", lambda: tmp_path)

    def build() -> int:
        with gr.Blocks() as demo:
            part.build_part(Shared())
        return len(demo.fns)

    assert in_a_loop(build) == 0
    assert bridges.polish_choices() == [("Off", "")]


# Polish, in the tab Resynthesise


@pytest.mark.usefixtures("shipped")
def test_polish_is_offered_for_codecs_that_have_a_bridge() -> None:
    assert settings(*DIALS) == settings(*DIALS, "")
    assert settings(*DIALS, "schrodinger").bridge == "schrodinger"
    assert ResynthConfig().bridge == ""
    for codec, kind, expected in (("toy", "regression", (True, "regression")), ("bundled", "regression", (False, ""))):
        shown = tab._polish(codec, kind)
        assert (shown.visible, shown.value) == expected
    bridges.check_polish("toy", "schrodinger")
    bridges.check_polish("bundled", "")
    for codec, kind, has in (("bundled", "schrodinger", "it has none"), ("toy", "/etc", "schrodinger, regression")):
        with pytest.raises(ArgumentError, match=f"{codec} has .{has}.*got '{kind}'"):
            bridges.check_polish(codec, kind)


@pytest.mark.usefixtures("shipped")
def test_a_polished_result_says_so_in_its_score(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    shared = Shared()
    monkeypatch.setattr(shared.codecs, "open", lambda name, progress=None: toy())

    def build() -> Any:
        with gr.Blocks() as demo:
            tab.build(shared)
        return next(each for each in demo.fns.values() if each.api_name == "resynthesise")

    event = in_a_loop(build)
    given = {each.label: each.value for each in event.inputs[6:]}
    assert given["Polish with a bridge"] == ""  # off, unless it is asked for
    sound, request = str(upload(tmp_path, "good")), gr.Request(session_hash="b")

    def rendering(bridge: str) -> RenderConfig:
        """What is downloaded, of what the page shows first."""
        dials = (given | {"Polish with a bridge": bridge}).values()
        first = next(iter(event.fn(sound, [sound], "toy", 1, True, None, request, lambda *_, **__: None, *dials)))
        file = next(value for key, value in first.items() if getattr(key, "label", "") == "Download the score")
        return Score.load(file.value["path"]).render

    assert rendering("").bridge == ""
    assert re.fullmatch(r"schrodinger@\w+", rendering("schrodinger").bridge)
