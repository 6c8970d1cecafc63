"""The callbacks of the tabs Temperature sweep and Compare codecs on bundled sounds, with golden numbers."""

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_up_uploads import upload

pytest.importorskip("gradio", reason="gradio is not installed: pip install 'lgr[app]'")

from lgr_app.jobs import compare
from lgr_app.jobs.results import measure
from lgr_app.jobs.sweep import Step, retention, save_tradeoff, step_card, sweep, temperatures
from lgr_app.page.codecs import CodecStore
from lgr_app.page.sounds import clip
from lgr_app.page.visitors import Visitor, VisitorLeft, reporter

from lgr.errors import ArgumentError
from lgr.evaluation import Yardstick
from lgr.plots import plot_tradeoff
from lgr.progress import silent

VALUES = (0.01, 0.3, 10.0)


@pytest.fixture(scope="module")
def codecs() -> CodecStore:
    return CodecStore()


@pytest.fixture(scope="module")
def steps(codecs: CodecStore) -> list[Step]:
    """The violin with the grains of the steel pan at three temperatures, each grain drawn alone."""
    options = {"codec": codecs.open("bundled"), "continuity": 0.0, "seed": 1, "progress": silent}
    return list(sweep(clip("violin"), [clip("steel_pan")], VALUES, **options))


def test_temperatures_are_even_on_a_log_scale() -> None:
    found = temperatures(7, 0.01, 10)
    assert (found[0], found[-1], len(found)) == (0.01, 10.0, 7)
    assert np.diff(np.log(found)) == pytest.approx(math.log(1000) / 6, rel=0.05)
    for count, low, high in ((1, 0.01, 10), (10, 0.01, 10), (5, 0, 10), (5, 0.01, 11), (5, 1, 1), (5, math.nan, 1)):
        with pytest.raises(ArgumentError, match=r"emperatures must (be|go)"):
            temperatures(count, low, high)


def test_higher_temperatures_choose_more_freely(steps: list[Step]) -> None:
    assert [step.temperature for step in steps] == list(VALUES)
    entropy = [step.evaluation.numbers["entropy"] for step in steps]
    assert entropy == sorted(entropy)
    # about as many grains as the source has that are loud enough: at τ = 10 the choice is nearly uniform
    assert math.log(0.7 * 4.7 * 75) < entropy[-1] < math.log(4.7 * 75)
    distances = [step.evaluation.numbers["source_distance"] for step in steps]
    assert None not in distances
    assert len({step.result.resynthesis.seed for step in steps}) == 1


def test_golden_numbers_of_the_sweep(steps: list[Step]) -> None:
    for step, golden in zip(steps, GOLDEN_SWEEP, strict=True):
        for name, value in golden.items():
            assert step.evaluation.numbers[name] == pytest.approx(value, abs=0.05, rel=0.1), (step.temperature, name)


GOLDEN_SWEEP: list[dict[str, float]] = [
    {"adoption": 0.823, "source_distance": 0.686, "onset_f": 0.738, "entropy": 1.75, "distinct_grains": 45},
    {"adoption": 0.803, "source_distance": 0.743, "onset_f": 0.711, "entropy": 5.50, "distinct_grains": 110},
    {"adoption": 0.798, "source_distance": 0.839, "onset_f": 0.733, "entropy": 5.73, "distinct_grains": 107},
]


def test_the_sounds_of_a_sweep_are_analysed_once(
    codecs: CodecStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Yardstick] = []

    class Noted(Yardstick):
        def __init__(self, *sounds: Any, **options: Any) -> None:
            super().__init__(*sounds, **options)
            made.append(self)

    for module in ("sweep", "results"):
        monkeypatch.setattr(f"lgr_app.jobs.{module}.Yardstick", Noted)
    sound = upload(tmp_path, "good")
    steps = list(sweep(sound, [sound], VALUES, codec=codecs.open("bundled"), continuity=0.0, seed=1, progress=silent))
    assert len(made) == 1
    assert [step.evaluation for step in steps] == [measure(step.result) for step in steps]


def test_a_step_is_shown_with_its_files(steps: list[Step], tmp_path: Path) -> None:
    shown = step_card(steps[0], tmp_path)
    assert shown.title == "τ = 0.01"
    assert [path.is_file() for path in (shown.audio, shown.picture)] == [True, True]
    assert dict(shown.facts)["Different grains"] == f"{steps[0].result.resynthesis.score.distinct} of 133"


def test_the_curves_are_drawn_against_what_the_target_has(steps: list[Step], tmp_path: Path) -> None:
    title, values = retention(steps)
    assert len(values) == len(steps)
    assert title == "onsets kept (F-measure)" or None in [step.evaluation.numbers["onset_f"] for step in steps]
    assert save_tradeoff(steps, tmp_path / "curve.png").stat().st_size > 10_000


def test_the_plot_has_a_point_a_temperature_and_a_log_axis() -> None:
    tau = [0.01, 0.1, 1.0]
    figure = plot_tradeoff(
        tau, ("kept", [0.9, 0.8, float("nan")]), {"gain": [0.1, 0.2, 0.3]}, {"entropy (nats)": [1, 2, 3]}
    )
    above, below = figure.axes
    assert np.array_equal(above.lines[0].get_ydata(), [0.1, 0.2, 0.3])
    assert [text.get_text() for text in above.texts] == ["0.01", "0.1"]  # none where nothing was measured
    assert below.get_xscale() == "log"
    assert np.array_equal(below.lines[0].get_xdata(), tau)
    for bad in ([0.0, 1.0, 2.0], [], [math.nan] * 3):
        with pytest.raises(ArgumentError, match="temperatures must be above 0"):
            plot_tradeoff(bad, ("kept", [1, 2, 3]), {"gain": [1, 2, 3]}, {"entropy": [1, 2, 3]})
    with pytest.raises(ArgumentError, match="one number a temperature"):
        plot_tradeoff(tau, ("kept", [1, 2]), {"gain": [1, 2, 3]}, {"entropy": [1, 2, 3]})


def test_a_visitor_who_leaves_stops_the_sweep(codecs: CodecStore) -> None:
    visitor = Visitor()
    codec = codecs.open("bundled")
    running = sweep(
        clip("violin"), [clip("piano")], VALUES, codec=codec, continuity=0.0, seed=1, progress=reporter(visitor, None)
    )
    assert next(running).temperature == VALUES[0]
    visitor.leave()
    with pytest.raises(VisitorLeft):
        next(running)


# Compare codecs


@pytest.mark.parametrize("name", ["bundled", "textures-encodec16"])
def test_each_codec_plays_the_same_seed_with_about_the_same_grain(
    name: str, codecs: CodecStore, tmp_path: Path
) -> None:
    codec = codecs.open(name)
    result = compare.play_through(
        codec, clip("violin"), clip("steel_pan"), grain_ms=53, temperature=0.05, continuity=0.9, seed=4
    )
    score = result.resynthesis.score
    assert (score.codec, score.seed) == (name, 4)
    assert abs(score.grain_frames * score.frame_seconds - 0.053) <= score.frame_seconds / 2
    numbers = compare.facts(result, measure(result))
    assert len(dict(numbers)) == len(numbers) == len(compare.COLUMNS) + 2
    shown = compare.codec_card(name, result, numbers, tmp_path)
    assert shown.audio is not None
    assert name in shown.audio.name
    table = compare.codecs_table([(name, numbers)])
    assert len(re.findall("<tr>", table)) == 2
    assert all(head in table for head in compare.COLUMNS.values())


def test_a_grain_is_at_least_one_frame(codecs: CodecStore) -> None:
    codec = codecs.open("bundled")
    assert [compare.grain_frames(codec, ms) for ms in (1, 13, 53, 500)] == [1, 1, 4, 38]
