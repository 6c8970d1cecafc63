"""Level, brightness and noisiness in the Free synthesis tab, without a page, of a small spectral model."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from test_trained_codec import LABELS, write_folder
from torch import Tensor

pytest.importorskip("gradio", reason="gradio is not installed: pip install 'lgr[app]'")

import gradio as gr
from app_server import in_a_loop
from lgr_app.jobs.interpolate import (
    InterpolationControls,
    interpolate_sounds,
    save_interpolation_picture,
    write_interpolation,
)
from lgr_app.jobs.latent_plane import PEAK, Plane, Planes, line_of, play_line, write_line
from lgr_app.jobs.one_shots import Draw, Morph, draw_one_shots, morph_one_shots, write_one_shots
from lgr_app.page.controls import DIALS, control_sliders, controls_of, show_controls
from lgr_app.page.models import model_controls, models_that_sample, models_with_a_plane
from lgr_app.tabs import interpolate

from lgr.codecs import load_codec
from lgr.codecs.base import generates
from lgr.codecs.trained import TrainedCodec
from lgr.latents.controls import LIMITS
from lgr.latents.projection import fit_projection
from lgr.sound.audio import load_audio, save_audio

NAME, PLAIN = "drums-spectral", "drums-tones"  # with controls, without


@pytest.fixture(scope="module", autouse=True)
def assets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Two small models, with planes and temporal embeddings, as if they came with lgr."""
    folder = tmp_path_factory.mktemp("assets")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LGR_ASSETS", str(folder))
        for name, kind in ((NAME, "spectral"), (PLAIN, "granular")):
            write_folder(folder / "models" / name, kind, temporal=True)
            codec = load_codec(name)
            rows = torch.randn(60, codec.info.latent_dim, generator=torch.Generator().manual_seed(0))
            rows[:, :3] = torch.tensor([0.5, 0, 0])  # of a spectral model: level, no controls
            fit_projection(rows, n_labels=len(LABELS), codec=codec.info).save(folder / "models" / name)
        yield folder


@pytest.fixture(scope="module")
def codec(assets: Path) -> TrainedCodec:
    opened = load_codec(NAME)
    assert isinstance(opened, TrainedCodec)
    return opened


@pytest.fixture(scope="module")
def plane(codec: TrainedCodec) -> Plane:
    return Planes().of(codec)


def octaves(audio: Tensor, other: Tensor) -> float:
    power = [torch.fft.rfft(sound).abs().square().sum(0) for sound in (audio, other)]
    hz = [float((each * torch.arange(len(each))).sum() / each.sum() / len(each)) for each in power]
    return math.log2(hz[0] / hz[1])


def db(audio: Tensor) -> float:
    return 10 * math.log10(float(audio.square().mean()))


# ---- what the sliders say -------------------------------------------------------------------------------------------


def test_models_have_the_controls_of_their_kind(codec: TrainedCodec) -> None:
    assert models_that_sample() == models_with_a_plane() == [NAME, PLAIN]
    assert model_controls(NAME) == codec.controls
    assert {*DIALS} == {*codec.controls}
    assert model_controls(PLAIN) == model_controls("bundled") == model_controls("../../etc") == {}


def test_sliders_are_shown_where_the_model_has_controls() -> None:
    assert [each.visible for each in show_controls(NAME)] == [True] * 5
    assert [each.visible for each in show_controls(PLAIN)] == [False] * 5

    def built() -> list[list[Any]]:
        with gr.Blocks():
            made = [control_sliders(NAME), control_sliders(PLAIN, over_time=True)]
        return [[each.shown[0].visible, len(each.shown), len(each.inputs), each.inputs[0].value] for each in made]

    assert in_a_loop(built) == [[True, 5, 4, 0], [False, 5, 9, 0]]


def test_sliders_stay_within_what_lgr_allows() -> None:
    for name, dial in DIALS.items():
        low, high = LIMITS[name]
        assert low <= dial.low < 0 < dial.high <= high


def test_what_sliders_say() -> None:
    assert controls_of(NAME, [0, 0, 0, 0]) == {}
    assert {name: str(each) for name, each in controls_of(NAME, [-6, 0, 1.5, 0]).items()} == {
        "level": "-6",
        "noisiness": "1.5",
    }
    values = [0, 1, 0, 0, True, -6, -1, 0, 0]
    moved = controls_of(NAME, values, seconds=4)
    assert {name: str(each) for name, each in moved.items()} == {"level": "0:0,4:-6", "brightness": "0:1,4:-1"}
    values[4] = False
    assert {name: str(each) for name, each in controls_of(NAME, values, seconds=4).items()} == {"brightness": "1"}
    values[4] = True
    assert {name: str(each) for name, each in controls_of(NAME, values).items()} == {"brightness": "1"}  # of a place
    assert controls_of(PLAIN, [-6, 1, 1, 1]) == {}  # sliders of a model that was chosen before


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([None, 0, 0, 0], "level: envelope must be a number"),
        ([0, math.nan, 0, 0], "brightness: envelope points must be finite"),
        ([0, 0, "loud", 0], "noisiness: envelope must be a number"),
        ([0, 9, 0, 0], "brightness must be from -3 to 3, got 9"),
        ([-1e30, 0, 0, 0], r"level must be from -120 to 24, got -1e\+30"),
        ([0, 0, 0, 0, True, 0, None, 0, 0], "brightness: envelope points must be"),
        ([0, 0, 0, 0, True, 0, 0, math.inf, 0], "noisiness: envelope points must be finite"),
        ([0, 0, 0, 0, True, 10**400, 0, 0, 0], "level: int too large"),
    ],
)
def test_values_that_no_page_of_ours_sends_are_refused(values: list, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        controls_of(NAME, values, seconds=2)


# ---- one-shots ------------------------------------------------------------------------------------------------------


def test_one_shots_are_moved_and_written_so(codec: TrainedCodec, tmp_path: Path) -> None:
    def drawn(**controls: float) -> Tensor:
        return draw_one_shots(codec, Draw(model=NAME, label="", n=1, seconds=0.3, controls=controls))[0].audio

    plain = drawn()
    assert db(drawn(level=-12)) - db(plain) == pytest.approx(-12, abs=0.1)
    assert octaves(drawn(brightness=-1), plain) < -0.5
    draw, morph = Draw(model=NAME, seconds=0.1, controls={"brightness": -1, "level": 6}), Morph(steps=3)
    steps, _ = morph_one_shots(codec, draw, morph)
    shots = draw_one_shots(codec, draw)
    torch.testing.assert_close(steps[0].audio, shots[0].audio)  # a morph leads through what was heard
    facts = json.loads(write_one_shots(codec, steps, draw, tmp_path, morph=morph).description.read_text())
    assert facts["draw"]["controls"] == {"brightness": -1, "level": 6}
    again, _ = morph_one_shots(codec, Draw(**facts["draw"]), Morph(**facts["morph"]))
    assert all(torch.equal(a.audio, b.audio) for a, b in zip(again, steps, strict=True))


def test_one_shots_of_a_model_without_controls() -> None:
    plain = load_codec(PLAIN)
    assert isinstance(plain, TrainedCodec)
    with pytest.raises(ValueError, match=f"level must be a control of the codec, and {PLAIN} has none"):
        draw_one_shots(plain, Draw(model=PLAIN, controls={"level": 1}))


# ---- the plane ------------------------------------------------------------------------------------------------------


def test_a_line_is_moved_over_its_time(codec: TrainedCodec, plane: Plane) -> None:
    line = line_of("Straight across", plane.projection)

    def played(**controls: object) -> Tensor:
        return play_line(codec, plane.projection, line, seconds=1, controls=controls).audio  # type: ignore[arg-type]

    plain = played()
    middle = plain.shape[1] // 2
    quiet = played(level="0.5:-20,0.5:0")  # raising a line to be heard well does not undo it
    assert db(quiet[:, :middle]) - db(plain[:, :middle]) == pytest.approx(-20, abs=0.1)
    torch.testing.assert_close(quiet[:, middle + 1 :], plain[:, middle + 1 :])
    dull = played(brightness="0.5:-1,0.5:0")
    assert octaves(dull[:, :middle], plain[:, :middle]) < -0.5
    assert octaves(dull[:, middle:], plain[:, middle:]) == pytest.approx(0, abs=0.2)
    assert float(plain.abs().max()) == pytest.approx(PEAK, rel=1e-3)
    assert PEAK < float(played(level=24).abs().max()) < 1


def test_a_line_is_written_with_its_controls(codec: TrainedCodec, plane: Plane, tmp_path: Path) -> None:
    line = line_of("Round the middle", plane.projection)
    controls = controls_of(NAME, [-6, 1, 0, 0, True, 0, 1, 2, 0], seconds=0.5)
    made = play_line(codec, plane.projection, line, seconds=0.5, controls=controls)
    audio, description = write_line(made, codec, line, 0.5, "", tmp_path)
    facts = json.loads(description.read_text())
    assert facts["controls"] == {
        "level": [[0, -6], [0.5, 0]],
        "brightness": [[0, 1], [0.5, 1]],
        "noisiness": [[0, 0], [0.5, 2]],
    }
    again = play_line(codec, plane.projection, facts["line"], seconds=0.5, controls=facts["controls"])
    torch.testing.assert_close(load_audio(audio)[0], again.audio, rtol=0, atol=5e-3)
    plain, plain_folder = play_line(codec, plane.projection, line, seconds=0.5), tmp_path / "plain"
    plain_folder.mkdir()
    assert json.loads(write_line(plain, codec, line, 0.5, "", plain_folder)[1].read_text())["controls"] == {}


# ---- between two sounds ---------------------------------------------------------------------------------------------


def test_stereo_sounds_through_a_codec_that_generates(codec: TrainedCodec, tmp_path: Path) -> None:
    assert generates(codec)
    noise = 0.05 * torch.randn(3, 24_000, generator=torch.Generator().manual_seed(0))
    first = save_audio(tmp_path / "wide.wav", noise[:2], 24_000)
    last = save_audio(tmp_path / "narrow.wav", noise[2:], 24_000)
    report, recipe = interpolate_sounds(first, last, codec, InterpolationControls(seconds=0.5), seed=0)
    assert (report.interpolation.ends, report.interpolation.audio.shape[0]) == ("moving", 2)
    assert recipe["report"]["interpolation"]["controls"] == {}
    files = write_interpolation(report, recipe, tmp_path)
    audio, _ = load_audio(files.audio)
    torch.testing.assert_close(audio, report.interpolation.audio, rtol=0, atol=2**-22)
    assert not torch.equal(audio[0], audio[1])
    assert save_interpolation_picture(report, tmp_path / "path.png").read_bytes().startswith(b"\x89PNG")


def test_the_tab_begins_with_its_first_example() -> None:
    assert interpolate.EXAMPLES[0].codec == interpolate.START
