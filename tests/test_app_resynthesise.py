"""The callbacks of the Resynthesise tab on bundled sounds, with golden numbers; no browser, no Gradio objects."""

import json
import math
import re
from html import escape
from pathlib import Path
from typing import Any

import pytest
import torch
from made_up_uploads import upload

pytest.importorskip("gradio", reason="gradio is not installed: pip install 'lgr[app]'")

from lgr_app.jobs.numbers import numbers_table, rows
from lgr_app.jobs.results import Result, measure, play, save_score_picture, shareable, write_result
from lgr_app.jobs.resynthesise import grain_length_text, settings, sounds_to_compare, source_names
from lgr_app.page.codecs import CodecStore
from lgr_app.page.sounds import EXAMPLES, clip
from lgr_app.page.tables import html_table, number_text
from lgr_app.page.visitors import Visitor, VisitorLeft, reporter

from lgr.errors import ArgumentError
from lgr.rendering import render
from lgr.resynth_config import ResynthConfig
from lgr.score import Score
from lgr.sound.audio import load_audio

CONTROLS: dict[str, Any] = {
    "grain_frames": 4,
    "hop_frames": 4,
    "stride": 1,
    "temperature": 0.05,
    "continuity": 0.9,
    "pitch": 0.7,
    "transpose": 0,
    "wet": 1,
    "metric": "centred",
    "match_loudness": True,
}


@pytest.fixture(scope="module")
def codec() -> Any:
    return CodecStore().open("bundled")


@pytest.fixture(scope="module")
def violin(codec: Any) -> Result:
    """The violin's tune with the piano's notes, always the nearest grain."""
    config = settings(**{**CONTROLS, "temperature": 0, "continuity": 0})
    example = EXAMPLES[2]
    return play(example.target_path, example.source_paths, codec=codec, config=config, seed=1)


def test_controls_become_a_configuration() -> None:
    assert settings(**CONTROLS) == ResynthConfig(grain_frames=4, hop_frames=4, temperature=0.05, continuity=0.9)
    assert settings(**{**CONTROLS, "pitch": 0.6}).pitch.minimum == 0.6
    assert settings(**{**CONTROLS, "transpose": 3}).transpose == (-3, 3)
    assert settings(**{**CONTROLS, "hop_frames": 9}).hop == 4
    assert settings(**CONTROLS, weights=[1.0, 1.0]).source_weights == ()
    assert [float(w.minimum) for w in settings(**CONTROLS, weights=[1, 0.5]).source_weights] == [1, 0.5]
    with pytest.raises(ArgumentError, match="multiple of stride=3"):
        settings(**{**CONTROLS, "stride": 3})
    with pytest.raises(ArgumentError, match="metric"):
        settings(**{**CONTROLS, "metric": "nearest"})


def test_the_length_of_a_grain_is_told_for_each_codec() -> None:
    assert "53.3 ms" in grain_length_text("bundled", 4)
    assert "80 ms" in grain_length_text("soundstream", 4)  # without its weights


def test_golden_numbers_of_the_bundled_violin(violin: Result) -> None:
    found = measure(violin).numbers
    for name, value in GOLDEN.items():
        assert found[name] == pytest.approx(value, abs=0.02, rel=0.03), name
    assert violin.seconds == pytest.approx(7.041, abs=0.001)  # the whole of it
    assert violin.real_time_factor == pytest.approx(violin.seconds_spent / violin.seconds)
    assert violin.name == "violin_of_notes_piano"


GOLDEN = {
    "adoption": 0.746,
    "source_distance": 0.585,
    "onset_f": 0.736,
    "envelope_correlation": 0.998,
    "seam_ratio": 1.462,
    "distinct_grains": 28,
    "reuse_max": 29,
    "mean_run_length": 1.0,
}


def test_the_same_seed_plays_the_same_and_another_does_not(codec: Any) -> None:
    target, sources = clip("violin"), [clip("steel_pan")]
    config = settings(**{**CONTROLS, "temperature": 0.3, "continuity": 0})
    a, b, c = (play(target, sources, codec=codec, config=config, seed=seed).resynthesis for seed in (5, 5, 6))
    assert a.score == b.score
    assert torch.equal(a.audio, b.audio)
    assert a.score != c.score


def test_a_weight_of_zero_silences_a_source(codec: Any) -> None:
    target, sources = clip("violin"), [clip("steel_pan"), clip("piano")]
    result = play(target, sources, codec=codec, config=settings(**CONTROLS, weights=[0, 1]), seed=1)
    assert set(result.resynthesis.score.recording.tolist()) == {1}
    with pytest.raises(ArgumentError, match="source_weights must be above 0"):
        play(target, sources, codec=codec, config=settings(**CONTROLS, weights=[0, 0]), seed=1)


@pytest.mark.parametrize(("kind", "rate"), [("fast", 192_000), ("surround", 24_000)])
def test_unusual_sounds_play(kind: str, rate: int, codec: Any, tmp_path: Path) -> None:
    result = play(upload(tmp_path, kind), [clip("piano")], codec=codec, config=settings(**CONTROLS), seed=1)
    assert result.resynthesis.sample_rate == rate
    assert tuple(result.resynthesis.audio.shape) == (1, rate)


def test_what_is_written_is_what_was_played_and_names_no_folder(violin: Result, tmp_path: Path) -> None:
    files = write_result(violin, tmp_path)
    audio, rate = load_audio(files.audio)
    assert rate == violin.resynthesis.sample_rate
    assert torch.allclose(audio, violin.resynthesis.audio, atol=2**-22)
    assert str(violin.target.parent) not in files.score.read_text()
    assert Score.load(files.score) == shareable(violin.resynthesis.score)


def test_the_downloaded_score_plays_again_beside_its_sounds(
    violin: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    score = write_result(violin, tmp_path).score
    for path in (violin.target, *violin.sources):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.chdir(tmp_path)
    again, _ = render(Score.load(score))
    assert torch.equal(again, violin.resynthesis.audio)


def test_the_picture_and_the_table_show_the_result(violin: Result, tmp_path: Path) -> None:
    from PIL import Image

    with Image.open(save_score_picture(violin.resynthesis.score, tmp_path / "score.png")) as picture:
        assert picture.size[0] == 810
        assert len(picture.convert("RGB").getcolors(1 << 20) or ()) > 50
    found = measure(violin)
    table = numbers_table(violin, found)
    for what, number, meaning in rows(found):
        assert {escape(what), escape(number), escape(meaning)} <= set(re.split("<[^>]+>", table))
    assert "Real-time factor" in table


def test_numbers_read_well() -> None:
    assert [number_text(x) for x in (None, 0.123456, 151.0, 1.0, -0.5)] == ["–", "0.12", "151", "1.00", "-0.50"]
    assert "<b>" not in html_table([("<b>", "1", "<b>")])
    assert not math.isnan(float(number_text(0.1)))


def test_the_switch_has_the_result_before_only_where_it_is_still_there(tmp_path: Path) -> None:
    result, target, source = tmp_path / "r.flac", tmp_path / "t.wav", tmp_path / "s.wav"
    result.write_bytes(b"x")
    labels = ["A: this result", "Target", "Source: s"]
    assert [label for label, _ in sounds_to_compare(result, None, target, [source])] == labels
    assert [label for label, _ in sounds_to_compare(result, str(tmp_path / "gone"), target, [source])] == labels
    with_b = sounds_to_compare(result, str(result), target, [source])
    assert [label for label, _ in with_b] == ["A: this result", "B: the one before", "Target", "Source: s"]
    assert source_names(["/x/a.wav", "b.flac"]) == ["a", "b"]


def test_a_visitor_who_leaves_stops_the_job(codec: Any) -> None:
    visitor = Visitor()
    said_: list[str] = []
    report = reporter(visitor, None)

    def leaves(what: str, done: int, of: int) -> None:
        said_.append(what)
        if what == "matching":
            visitor.leave()
        report(what, done, of)

    with pytest.raises(VisitorLeft):
        play(clip("violin"), [clip("piano")], codec=codec, config=settings(**CONTROLS), seed=1, progress=leaves)
    assert said_[-1] == "matching"
    assert "decoding" not in said_
    assert json.dumps(said_)
