"""Tab 4 without a page: what its callbacks make of two sounds, and what they write down."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch

pytest.importorskip("gradio", reason="gradio is not installed: pip install 'lgr[app]'")

from lgr_app.jobs.interpolate import (
    InterpolationControls,
    interpolate_sounds,
    numbers_table,
    save_interpolation_picture,
    write_interpolation,
)
from lgr_app.page.choices import kind_choices
from lgr_app.page.models import model_labels
from lgr_app.page.sounds import clip
from lgr_app.tabs.interpolate import EXAMPLES, controls_of, dial_values

from lgr.codecs import Codec, load_codec
from lgr.codecs.toy import ToyCodec
from lgr.interpolation.report import InterpolationReport, interpolation_report, report_of
from lgr.latents.path import PathConfig
from lgr.sound.audio import load_audio, save_audio

RAIN, SEA = clip("rain"), clip("sea")


@pytest.fixture(scope="module")
def codec() -> Codec:
    return load_codec("bundled")


@pytest.fixture(scope="module")
def rain_to_sea(codec: Codec) -> tuple[InterpolationReport, dict]:
    controls = InterpolationControls(kind="wander", pace="random:0.8", seconds=1.0)
    return interpolate_sounds(RAIN, SEA, codec, controls, seed=3)


def test_the_first_example_is_smooth() -> None:
    """Golden: rain to sea: brightness falls steadily and lives, and the flux at the seams is the path's."""
    example = EXAMPLES[0]
    report, _ = interpolate_sounds(*example.paths, load_codec(example.codec), example.controls, seed=1)
    n = report.numbers
    assert n.trend == pytest.approx(0.945, abs=0.005)
    assert n.relative_jump == pytest.approx((0.46, 3.22), abs=0.1)  # of the median jump: drops fall unevenly
    assert n.relative_variation == pytest.approx(0.649, abs=0.03)
    assert n.relative_flux == pytest.approx((1.08, 1.04), abs=0.03)
    assert report.seams_seconds == pytest.approx((1.0, 3.0), abs=0.01)


def test_examples_say_what_there_is() -> None:
    for example in EXAMPLES:
        assert all(path.is_file() for path in example.paths)
        assert controls_of(*dial_values(example.controls)) == example.controls
        for label in (example.controls.first_label, example.controls.last_label):
            assert label in ("", *model_labels(example.codec))


@pytest.mark.parametrize("kind", [kind for _, kind in kind_choices()])
def test_every_path_ends_at_the_second_sound(kind: str) -> None:
    for rounds in range(9):
        path = InterpolationControls(kind=kind, rounds=rounds).path
        assert path.kind == kind
        assert not path.returns
        assert path.turns in (0, rounds + 0.5)


def test_a_seed_replays_and_the_report_says_how(rain_to_sea: tuple[InterpolationReport, dict], codec: Codec) -> None:
    report, recipe = rain_to_sea
    again, _ = interpolate_sounds(
        RAIN, SEA, codec, InterpolationControls(kind="wander", pace="random:0.8", seconds=1.0), seed=3
    )
    assert torch.equal(again.interpolation.audio, report.interpolation.audio)
    other, _ = interpolate_sounds(
        RAIN, SEA, codec, InterpolationControls(kind="wander", pace="random:0.8", seconds=1.0), seed=4
    )
    assert not torch.equal(other.interpolation.audio, report.interpolation.audio)

    recipe = json.loads(json.dumps(recipe))  # what a visitor downloads is enough
    config = recipe["report"]["interpolation"]
    replayed = interpolation_report(
        codec,
        RAIN,
        SEA,
        path=PathConfig(**config["path"]),
        seed=recipe["seed"],
        from_seconds=recipe["from_seconds"],
        to_seconds=recipe["to_seconds"],
        labels=recipe["labels"],
        **{name: config[name] for name in ("seconds", "context_seconds", "endpoints", "ends", "level_line")},
    )
    assert torch.equal(replayed.interpolation.audio, report.interpolation.audio)


def test_files_hold_the_result_and_no_folder(rain_to_sea: tuple[InterpolationReport, dict], tmp_path: Path) -> None:
    report, recipe = rain_to_sea
    files = write_interpolation(report, recipe, tmp_path)
    assert (files.audio.name, files.report.name) == ("rain_to_sea.flac", "rain_to_sea.json")
    audio, rate = load_audio(files.audio)
    assert rate == report.interpolation.sample_rate
    torch.testing.assert_close(audio, report.interpolation.audio, rtol=0, atol=2**-22)
    text = files.report.read_text()
    assert json.loads(text)["report"]["numbers"] == report.numbers.to_json()
    assert "/" not in text
    assert save_interpolation_picture(report, tmp_path / "path.png").read_bytes().startswith(b"\x89PNG")


def test_a_class_changes_along_the_path() -> None:
    codec = load_codec("notes-spectral")
    labels = model_labels("notes-spectral")
    assert labels == codec.labels
    controls = InterpolationControls(first_label="violin", last_label="flute", seconds=0.5)
    report, _ = interpolate_sounds(clip("violin"), clip("flute"), codec, controls, seed=0)
    weights = report.interpolation.latents[0, -len(labels) :]  # (n_labels, frames)
    violin, flute = weights[labels.index("violin")], weights[labels.index("flute")]
    torch.testing.assert_close(violin + flute, torch.ones(weights.shape[1]))
    torch.testing.assert_close(weights.sum(0), torch.ones(weights.shape[1]))
    assert bool((flute.diff() > 0).all())
    assert flute[0] < 0.1
    assert flute[-1] > 0.9


def test_models_without_classes_have_none() -> None:
    assert model_labels("bundled") == ()
    assert model_labels("../../etc") == ()
    assert len(model_labels("drums-spectral")) == 8


def test_the_table_says_what_silence_leaves_unknown(rain_to_sea: tuple[InterpolationReport, dict]) -> None:
    report, _ = rain_to_sea
    table = numbers_table(report)
    assert f"<td>{report.numbers.trend:.2f}</td>" in table
    assert "–" not in table
    silent = report_of(dataclasses.replace(report.interpolation, audio=torch.zeros_like(report.interpolation.audio)))
    assert "<td>–, – Hz</td>" in numbers_table(silent)
    assert "nan" not in numbers_table(silent)


def test_what_leaves_too_little_to_measure_is_told(tmp_path: Path) -> None:
    short = save_audio(tmp_path / "short.wav", 0.1 * torch.ones(1, 1600), 8000)
    toy = ToyCodec()
    with pytest.raises(ValueError, match=r"rain.flac must sound for at least 0.3 s before it is left, got 0.05 s"):
        interpolate_sounds(RAIN, SEA, toy, InterpolationControls(leave=0.01), seed=0)
    with pytest.raises(ValueError, match=r"sea.flac must sound for at least 0.3 s after it is reached, got 0 s"):
        interpolate_sounds(RAIN, SEA, toy, InterpolationControls(reach=1.0), seed=0)
    with pytest.raises(ValueError, match=r"short.wav must sound for at least 0.3 s before .*or a longer sound"):
        interpolate_sounds(short, SEA, toy, InterpolationControls(leave=1.0), seed=0)
    with pytest.raises(ValueError, match="codec toy has no labels, got label 'violin'"):
        interpolate_sounds(RAIN, SEA, toy, InterpolationControls(first_label="violin"), seed=0)
    with pytest.raises(ValueError, match="kind must be one of"):
        interpolate_sounds(RAIN, SEA, toy, InterpolationControls(kind="zigzag"), seed=0)


def test_the_whole_first_sound_can_be_heard() -> None:
    report, recipe = interpolate_sounds(
        clip("violin"), SEA, ToyCodec(), InterpolationControls(leave=1.0, reach=0.0, seconds=0.5), seed=0
    )
    assert recipe["from_seconds"] is None
    assert recipe["to_seconds"] == 0
    assert report.seams_seconds[0] == pytest.approx(1.0, abs=0.02)


def test_a_visitor_who_leaves_stops_the_work() -> None:
    class Left(Exception):
        pass

    def progress(what: str, done: int, of: int) -> None:
        raise Left

    with pytest.raises(Left):
        interpolate_sounds(RAIN, SEA, ToyCodec(), InterpolationControls(), seed=0, progress=progress)
