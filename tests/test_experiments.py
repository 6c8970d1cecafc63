"""The experiments: their measures against brute force, and each of them once, tiny, on bundled clips."""

import json
import math
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from benchmarks.experiments import (
    __main__,
    codebook_size,
    codecs,
    continuity,
    grain_size,
    page,
    pairs,
    round_trip,
    temperature,
    timbre,
)
from benchmarks.experiments.measure import Spread, _yardstick, measure, pareto_front, play, sum_up
from benchmarks.experiments.page import MARK, Result, write
from benchmarks.experiments.pairs import PAIRS, RATE, Pair, clip, clip_names, metrics_for, open_codecs
from lgr.codecs import load_codec
from lgr.errors import WeightsError
from lgr.evaluation import evaluate
from lgr.resynth import resynthesise
from lgr.resynth_config import ResynthConfig

SHORT = Pair("flute", "piano")  # three seconds each


# Measures


def test_every_pair_is_of_two_bundled_clips_of_different_sound() -> None:
    assert len(set(PAIRS)) >= 8
    for pair in PAIRS:
        assert {pair.target_name, pair.source_name} <= set(clip_names())
        assert pair.target_name != pair.source_name


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=12))
def test_the_front_is_what_nothing_dominates(points: list[tuple[int, int]]) -> None:
    front = set(pareto_front(points))
    for i, (x, y) in enumerate(points):
        better = [(a, b) for a, b in points if (a > x and b >= y) or (a >= x and b > y)]
        assert (i in front) == (not better)


def test_numbers_are_summed_up_over_pairs_and_then_over_seeds() -> None:
    rows = [
        {"method": "m", "pair": "a", "seed": 0, "x": 1.0, "y": 1.0, "z": None},
        {"method": "m", "pair": "b", "seed": 0, "x": 3.0, "y": None, "z": None},
        {"method": "m", "pair": "a", "seed": 1, "x": 5.0, "y": 3.0, "z": None},
        {"method": "m", "pair": "b", "seed": 1, "x": 7.0, "y": None, "z": None},
        {"method": "n", "pair": "a", "seed": 0, "x": 2.5, "y": None, "z": None},
    ]
    found = sum_up(rows, "method")
    assert found == {"m": {"x": Spread(4.0, 2.0, 6.0), "y": Spread(2.0, 1.0, 3.0)}, "n": {"x": Spread(2.5, 2.5, 2.5)}}
    assert str(found["m"]["x"]) == "4.00 ± 2.00"
    assert str(found["n"]["x"]) == "2.50"


def test_the_ends_of_the_scale_have_their_numbers() -> None:
    target = measure(SHORT, SHORT.target)
    assert target["distance_left"] == target["frechet_left"] == pytest.approx(1)
    for name in ("onset_f", "flux_correlation", "envelope_correlation"):
        assert target[f"{name}_plain"] == pytest.approx(1)
        assert target[name] == pytest.approx(1, abs=1e-4)
    source = measure(SHORT, SHORT.source[:, : SHORT.target.shape[1]])
    assert source["distance_left"] is not None
    assert source["distance_left"] < 0.2  # not 0: to give it the target's level changes its spectrum a little


def test_at_the_targets_level_numbers_are_those_of_match_loudness() -> None:
    codec = load_codec("bundled")
    made = play(SHORT, codec, seed=3, temperature=0.1)
    config = ResynthConfig(temperature=0.1)
    same = resynthesise(SHORT.target_sound, SHORT.source_sounds, codec=codec, config=config, seed=3)
    assert same.score.source_frame.tolist() == made.score.source_frame.tolist()
    direct = evaluate(SHORT.target_sound, SHORT.source_sounds, same.audio, RATE, score=same.score).numbers
    ours = measure(SHORT, made.audio, made.sample_rate, score=made.score)
    for name in ("adoption", "onset_f", "flux_correlation", "seam_ratio", "distinct_grains"):
        assert ours[name] == pytest.approx(direct[name], abs=1e-4), name
    louder = measure(SHORT, 0.5 * made.audio, made.sample_rate, score=made.score)
    for name in ("adoption", "flux_correlation", "flux_correlation_plain"):
        assert louder[name] == pytest.approx(ours[name], abs=1e-3), name


def test_rank_correlation_is_scipys_with_ties() -> None:
    draw = np.random.default_rng(0)
    a, b = draw.integers(0, 6, (5, 40)).astype(float), draw.integers(0, 6, (5, 40)).astype(float)
    wanted = [spearmanr(x, y).statistic for x, y in zip(a, b, strict=True)]
    assert timbre.spearman(torch.from_numpy(a), torch.from_numpy(b)).tolist() == pytest.approx(wanted)
    constant = timbre.spearman(torch.zeros(1, 4), torch.arange(4.0)[None])
    assert constant.tolist() == [0.0]


def test_intervals_are_of_the_groups_and_of_what_is_in_them() -> None:
    alike = [torch.full((5,), 0.3), torch.full((9,), 0.3)]
    assert timbre.bootstrap_means(alike, 50) == pytest.approx((0.3, 0.3, 0.3))
    apart = timbre.bootstrap_means([torch.full((5,), 0.0), torch.full((9,), 1.0)], 400)
    assert apart == pytest.approx((0.5, 0.0, 1.0))  # a quarter of the draws of two groups are one group twice
    within = timbre.bootstrap_means([torch.linspace(0, 1, 100)], 2000)
    half = 1.96 * float(torch.linspace(0, 1, 100).std(unbiased=False)) / 10
    assert within == pytest.approx((0.5, 0.5 - half, 0.5 + half), abs=0.01)
    line = torch.arange(30.0)
    assert timbre.bootstrap_spearman([(line, 2 * line), (line, line**3)], 50) == pytest.approx((1, 1, 1))
    noisy = [(line, torch.randn(30, generator=torch.Generator().manual_seed(0)))]
    assert timbre.bootstrap_spearman(noisy, 50) == timbre.bootstrap_spearman(noisy, 50)


@pytest.mark.usefixtures("_seconds")
def test_proxies_leave_out_level_and_know_a_grain_again() -> None:
    codec = load_codec("bundled")
    loud, soft = timbre.grains_of(SHORT.target, codec, 4), timbre.grains_of(0.1 * SHORT.target, codec, 4)
    assert loud.starts.tolist() == soft.starts.tolist()
    for name in timbre.PROXIES:
        torch.testing.assert_close(loud.proxies[name], soft.proxies[name], rtol=0, atol=1e-3)
    thin = timbre.Grains(*timbre.thinned(loud, 4))
    assert (thin.starts % 4 == 0).all()
    for metric in timbre.COSINES:
        pair = Pair("flute", "flute")
        similarity = timbre.similarities(codec, "features", metric, pair, thin, loud)
        found = loud.starts[similarity.argmax(1)]
        assert found.tolist() == thin.starts.tolist(), metric


# Codecs


def test_codecs_without_weights_are_named_and_not_downloaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("LGR_WEIGHTS", raising=False)
    monkeypatch.setenv("LGR_CACHE", str(tmp_path))
    opened, missing = open_codecs(["toy", "encodec-24khz", "bundled"])
    assert list(opened) == ["bundled"]
    assert missing == ["encodec-24khz (no weights on this machine)"]


def test_a_codec_without_an_embedding_has_the_other_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(info: object) -> None:
        raise WeightsError("/somewhere/private is not there")

    monkeypatch.setattr("benchmarks.experiments.pairs.load_embedding", refuse)
    metrics, why = metrics_for(load_codec("bundled"))
    assert metrics == ["cosine", "centred", "whitened"]
    assert why == ['metric "learned" of bundled (WeightsError when its embedding was opened)']


# Pages


def made_up(**changes: object) -> Result:
    given = {"title": "A title", "data": "no data", "tables": ("| a |\n",), "numbers": {"x": math.nan, "y": 1.5}}
    return Result(**{**given, **changes})  # type: ignore[arg-type]


def test_a_page_keeps_the_remarks_above_its_mark(tmp_path: Path) -> None:
    path = write(made_up(missing=("one codec",)), tmp_path, "trial", 7, (1.0, 2.0))
    first = path.read_text()
    assert first.startswith("# A title\n")
    assert "--only 7" in first
    assert "could not be measured here: one codec" in first
    path.write_text("# Mine\n\nA remark.\n\n" + MARK + first.split(MARK)[1])
    write(made_up(tables=("| b |\n",)), tmp_path, "trial", 7, (1.0, 2.0))
    again = path.read_text()
    assert again.startswith("# Mine\n\nA remark.\n")
    assert again.count(MARK) == 1
    assert "| a |" not in again
    found = json.loads(path.with_suffix(".json").read_text())
    assert found["x"] is None
    assert found["y"] == 1.5
    assert found["commit"] == page.commit()


def test_a_checkout_without_git_has_no_known_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert page.commit() == "unknown"


# The experiments, each once


@pytest.fixture
def _seconds(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Four clips, and of those one second each, in place of all."""

    def cut(name: str) -> torch.Tensor:
        return clip(name)[:, RATE // 2 : RATE // 2 + RATE]

    _yardstick.cache_clear()  # of the whole clips
    for module in (pairs, round_trip, codebook_size):
        monkeypatch.setattr(module, "clip", cut)
    monkeypatch.setattr(codebook_size, "clip_names", lambda: ["flute", "glass", "piano", "rain"])
    yield
    _yardstick.cache_clear()


@pytest.mark.usefixtures("_seconds")
def test_round_trip() -> None:
    result = round_trip.run(clips=["flute"], identity=["flute"], codecs=["bundled"])
    found = result.numbers["identity"]["bundled"][0]
    assert found["own"] == 1
    assert found["near"] > 0.9
    assert found["si_sdr"] > 60
    assert result.numbers["round_trip"]["bundled"]["mstft"] < 0.1
    assert result.numbers["round_trip"]["bundled"]["estoi"] is None  # no speech was asked for
    assert "bundled" in result.tables[0]


@pytest.mark.usefixtures("_seconds")
def test_temperature(tmp_path: Path) -> None:
    result = temperature.run(pairs=[SHORT], seeds=2, temperatures=(0.0, 1.0), particles=3)
    rows = {(row["method"], row["seed"]): row for row in result.numbers["rows"]}
    assert ("centred, τ = 0", 0) in rows
    assert ("centred, τ = 0", 1) not in rows  # nothing is drawn
    assert ("centred, τ = 1", 1) in rows
    for name in ("bare target", *temperature.BASELINES):
        assert (name, 0) in rows
    assert rows["bare target", 0]["distance_left"] == pytest.approx(1)
    assert 0 < rows["centred, τ = 0", 0]["distance_left"] < 1
    assert set(result.numbers["front"]) <= {method for method, _ in rows}
    assert not {"bare target", "unchanged", "source"} & set(result.numbers["front"])
    write(result, tmp_path, "temperature", 2, (0, 0))
    assert (tmp_path / "experiments_temperature.png").stat().st_size > 10_000
    assert all(axis.get_xlabel() and axis.get_ylabel() for axis in result.figure.axes)


@pytest.mark.usefixtures("_seconds")
def test_grain_size() -> None:
    result = grain_size.run(pairs=[SHORT], seeds=1, sizes=(1, 8))
    rows = {row["method"]: row for row in result.numbers["rows"]}
    wanted = {f"{name}, {size}" for name in grain_size.METHODS for size in (1, 8)}
    assert set(rows) == wanted - {"latent, half overlapping, 1"}  # one frame has no half
    assert rows["latent, 8"]["seam_ratio_of_target"] is not None
    assert len(result.figure.axes) == 4


@pytest.mark.usefixtures("_seconds")
def test_codebook_size() -> None:
    result = codebook_size.run(targets=["flute"], seeds=1, strides=(1, 4), sizes=(1, 9), copies=(1,))
    rows = {row["method"]: row for row in result.numbers["rows"]}
    assert set(rows) == {"stride 1", "stride 4", "1 recordings", "3 recordings, 2 speeds"}  # nine there are not
    grains = {name: row["grains"] for name, row in rows.items()}
    assert grains["stride 1"] == 3 * grains["1 recordings"]
    assert grains["stride 4"] == pytest.approx(grains["stride 1"] / 4, abs=4)  # one more at each recording's end
    assert grains["3 recordings, 2 speeds"] == pytest.approx(2 * grains["stride 1"], rel=0.05)
    for row in rows.values():
        assert 1 <= row["distinct"] <= row["grains"]
        assert row["coverage"] == pytest.approx(row["distinct"] / row["grains"], abs=1e-3)
    assert len(result.figure.axes) == 2


@pytest.mark.usefixtures("_seconds")
def test_codecs() -> None:
    result = codecs.run(pairs=[SHORT], seeds=1, codecs=["bundled", "textures-encodec16"])
    rows = {row["method"]: row for row in result.numbers["rows"]}
    assert rows["textures-encodec16"]["adoption_codec"] is not None
    assert rows["bundled"]["adoption_codec"] is None  # SoundStream, which would judge, was not asked for
    assert rows["bundled"]["floor"] < rows["textures-encodec16"]["floor"]


@pytest.mark.usefixtures("_seconds")
def test_continuity() -> None:
    result = continuity.run(pairs=[SHORT], seeds=1, continuities=(0.0, 0.9), particles=(4, 2))
    rows = {row["method"]: row for row in result.numbers["rows"]}
    assert rows["chain, c = 0.9"]["run_ms"] > rows["independent, c = 0"]["run_ms"]
    assert rows["viterbi, c = 0.9"]["run_ms"] > rows["viterbi, c = 0"]["run_ms"]
    assert result.numbers["equal_time_particles"] in (2, 4)
    assert "particle filter, P = 4" in rows
    assert len(result.figure.axes) == 4


def test_the_filter_that_is_nearest_in_time_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(continuity, "timed", lambda pair, call: (None, call()))
    monkeypatch.setattr(continuity, "_filter", lambda pair, codec, seed, count: 2.0 * count)
    equal, times = continuity.at_equal_time(SHORT, load_codec("bundled"), (1000, 30, 8, 1), 50.0)
    assert equal == 30
    assert times == {1000: 2000, 30: 60, 8: 16, 1: 2}


@pytest.mark.usefixtures("_seconds")
def test_timbre() -> None:
    result = timbre.run(pairs=[SHORT], codecs=["bundled"], draws=20)
    found = result.numbers["bundled"]
    assert {"latents, cosine", "features, whitened", "MFCC itself"} <= set(found)
    assert found["MFCC itself"]["ranking MFCC"] == pytest.approx((1, 1, 1))
    assert found["MFCC itself"]["nearest MFCC"][0] == pytest.approx(0)
    for name, numbers in found.items():
        assert all(-1 <= value <= 1 for value in numbers["ranking envelope"]), name
    assert len(result.figure.axes) == 2


def test_the_command_runs_what_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []
    monkeypatch.setattr(
        __main__,
        "import_module",
        lambda name: SimpleNamespace(run=partial(lambda n: asked.append(n) or made_up(), name)),
    )
    __main__.main(["--only", "7", "3", "--out", str(tmp_path)])
    assert asked == ["benchmarks.experiments.timbre", "benchmarks.experiments.grain_size"]
    assert (tmp_path / "experiments_timbre.md").is_file()
    assert "## 7. A title" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        __main__.main(["--only", "9"])
