"""The score: its statistics by hand, and its files there and back without a bit lost."""

import dataclasses
import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lgr.errors import ArgumentError, CodebookError, LgrError, ShapeError
from lgr.score import Score, ScoreEvent
from lgr.score.render_config import RenderConfig
from lgr.sound.recording import Recording

TARGET = Recording("beat, 1", "/music/beat, 1.wav", 44100, 44100, "ab" * 32, channels=2)
SOURCES = (
    Recording('gläs "one"', "/music/glass.flac", 48000, 96000, "cd" * 32, weight=0.1, augmentation="pitch=-3,gain=6"),
    Recording("rain\nand sea", "", 8000, 16000),
)


def score(**changes: object) -> Score:
    fields: dict[str, object] = {
        "codec": "made-up",
        "sample_rate": 24000,
        "hop_length": 320,
        "grain_frames": 4,
        "hop_frames": 2,
        "seed": 7,
        "target": TARGET,
        "recordings": SOURCES,
        "made_by": {"resynth": {"temperature": [[0.0, 0.1], [1.0, 0.5]], "title": "été # : 1"}},
        "render": RenderConfig(wet="0:0.5,1:1", match_loudness=False, codec_version="quantized/4"),
        "target_frame": [0, 2, 4, 6, 8, 10],
        "recording": [0, 0, 0, 1, 0, 1],
        "source_frame": [5, 7, 9, 11, 5, 13],
        "probability": [0.1, 1.0, 1e-20, 0.5, 0.25, 0.3],
        "similarity": [0.9, -0.1, 1.0, 0.3, 0.9, 0.0],
        "entropy": [0.0, 1.5, 3.25, 10.1, 0.1, 0.2],
    }
    return Score(**{**fields, **changes})


def test_times_follow_from_frames():
    made = score()
    np.testing.assert_allclose(made.target_seconds, np.arange(0, 12, 2) / 75)
    np.testing.assert_allclose(made.source_seconds, np.array([5, 7, 9, 11, 5, 13]) / 75)
    event = list(made.events())[3]
    assert event == ScoreEvent(6, 6 / 75, 1, 11, 11 / 75, 0.5, float(np.float32(0.3)))


def test_runs_play_on_in_one_recording():
    assert score().runs() == [(0, 3), (3, 1), (4, 1), (5, 1)]
    assert score().run_lengths().tolist() == [3, 1, 1, 1]
    assert score().mean_run_length == 1.5


def test_reuse_counts_grains():
    made = score()
    assert made.reuse().tolist() == [2, 1, 1, 1, 1]
    assert made.distinct == 5


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 3)), min_size=1, max_size=12))
def test_statistics_agree_with_each_other(chosen):
    n = len(chosen)
    columns = {"recording": [r for r, _ in chosen], "source_frame": [f for _, f in chosen]}
    made = score(target_frame=range(n), probability=[1] * n, similarity=[1] * n, entropy=[0] * n, **columns)
    assert made.run_lengths().sum() == n == made.reuse().sum()
    assert made.distinct == len(set(chosen))
    assert [first for first, _ in made.runs()] == [
        i for i in range(n) if not i or chosen[i] != (chosen[i - 1][0], chosen[i - 1][1] + 1)
    ]


def test_replacing_a_grain_changes_that_grain_only():
    made = score()
    edited = made.replace(-1, recording=0, source_frame=2)
    assert (edited.recording[5], edited.source_frame[5]) == (0, 2)
    assert math.isnan(edited.probability[5])  # no matcher chose it
    assert math.isnan(edited.similarity[5])
    assert made == score()
    assert edited != made
    assert edited.replace(5, recording=1, source_frame=13, probability=0.3, similarity=0.0, entropy=0.2) == made
    with pytest.raises(ArgumentError, match=r"grain must be in \[0, 6\), got 6"):
        made.replace(6, source_frame=1)
    with pytest.raises(ArgumentError, match=r"recording must be in \[0, 2\), got 0 to 2"):
        made.replace(0, recording=2)


def test_arrays_may_be_tensors_and_are_copied():
    frames = torch.tensor([0, 2, 4, 6, 8, 10])
    made = score(target_frame=frames, probability=torch.tensor([0.1, 1.0, 1e-20, 0.5, 0.25, 0.3]))
    assert made == score()
    frames[0] = 1
    assert made == score()


# Files

floats = st.floats(width=32, allow_infinity=False, allow_nan=False)


@pytest.mark.parametrize("suffix", [".json", ".csv", ".CSV"])
def test_a_score_survives_saving(tmp_path, suffix):
    made = score().replace(2, source_frame=0)  # with NaN in it
    path = made.save(tmp_path / f"score{suffix}")
    assert Score.load(path) == made
    with pytest.raises(LgrError, match="exists"):
        score().save(path)
    assert Score.load(path) == made
    score().save(path, force=True)
    assert Score.load(path) == score()
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("suffix", [".json", ".csv"])
@given(values=st.lists(st.tuples(st.floats(0, 1, width=32), floats, floats), min_size=1, max_size=8))
@settings(deadline=None, max_examples=40)
def test_every_float32_survives_saving(tmp_path_factory, suffix, values):
    probability, similarity, entropy = (list(column) for column in zip(*values, strict=True))
    frames = {"target_frame": range(len(values)), "recording": [0] * len(values), "source_frame": [2**40] * len(values)}
    made = score(**frames, probability=probability, similarity=similarity, entropy=entropy)
    folder = tmp_path_factory.mktemp("scores")
    assert Score.load(made.save(folder / f"score{suffix}")) == made


def test_json_is_strict_json(tmp_path):
    path = score().replace(0, source_frame=1).save(tmp_path / "score.json")

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    assert json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)["grains"]["probability"][:2] == [
        None,
        1.0,
    ]


def test_csv_has_columns_a_person_can_read(tmp_path):
    lines = score().save(tmp_path / "score.csv").read_text(encoding="utf-8").splitlines()
    table = [line for line in lines if not line.startswith("#")]
    assert table[0].startswith("target_frame,recording,source_frame,probability,similarity,entropy,target_seconds")
    assert table[1] == '0,0,5,0.1,0.9,0.0,0.000000,"gläs ""one""",0.066667'
    assert '# codec: "made-up"' in lines


@pytest.mark.parametrize(
    ("suffix", "damage", "message"),
    [
        (".json", lambda text: text[:-30], "is damaged"),
        (".csv", lambda text: text[:-30], "is damaged: a row has more or fewer values"),
        (".json", lambda text: text.replace('"version": 1', '"version": 99'), "format version 99"),
        (".csv", lambda text: text.replace("# version: 1", "# version: 99"), "format version 99"),
        (".json", lambda text: text.replace('"source_frame"', '"frame"'), "'source_frame' is missing"),
        (".csv", lambda text: text.replace("source_frame", "frame"), "'source_frame' is missing"),
        (".csv", lambda text: text.replace("# seed: 7\r\n", ""), "'seed' is missing"),
        (".json", lambda text: text.replace('"weight"', '"wait"'), "not the description of a recording"),
        (".csv", lambda text: text.replace("0,0,5,", "0,0,5.5,"), "is damaged"),
        (".csv", lambda text: text.replace("0,0,5,", "0,9,5,"), r"recording must be in \[0, 2\), got 0 to 9"),
        (".json", lambda text: "[1, 2]", "not one"),
        (".csv", lambda text: "a,b\r\n1,2\r\n", "not one"),
        (".csv", lambda text: "", "not one"),
    ],
)
def test_a_damaged_score_says_so(tmp_path, suffix, damage, message):
    path = score().save(tmp_path / f"score{suffix}")
    text = path.read_bytes().decode()
    assert damage(text) != text
    path.write_bytes(damage(text).encode())
    with pytest.raises(CodebookError, match=message):
        Score.load(path)


def test_missing_and_unknown_files_are_refused(tmp_path):
    with pytest.raises(CodebookError, match="cannot be read"):
        Score.load(tmp_path / "none.json")
    with pytest.raises(ArgumentError, match=r"must end in \.json or \.csv, got .*score\.txt"):
        score().save(tmp_path / "score.txt")
    with pytest.raises(LgrError, match="does not exist"):
        score().save(tmp_path / "missing" / "score.json")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"recording": [0] * 5}, r"recording must be \(n_grains,\).*got \(5,\)"),
        ({"target_frame": [0, 2, 4, 4, 8, 10]}, "target_frame must be >= 0 and increase"),
        ({"source_frame": [-1] * 6}, "source_frame must be >= 0, got -1"),
        ({"source_frame": [0.5] * 6}, "source_frame must be int64, got float64"),
        ({"similarity": [math.inf] * 6}, "similarity must be finite"),
        ({"probability": [1.5] * 6}, r"probability must be in \[0, 1\]"),
        ({"hop_frames": 0}, "hop_frames must be >= 1, got 0"),
        ({"made_by": {"path": object()}}, "made_by must be plain JSON values"),
    ],
)
def test_what_does_not_fit_is_named(changes, message):
    with pytest.raises((ArgumentError, ShapeError), match=message):
        score(**changes)


def test_scores_with_other_headers_differ():
    assert score() == score()
    assert score() != score(seed=8)
    assert score() != score(target=dataclasses.replace(TARGET, sha256=""))
    assert score() != "a score"


@pytest.mark.parametrize(
    "changes", [{"weight": -1.0}, {"weight": math.nan}, {"augmentation": "pitsch=2"}, {"augmentation": "speed=0"}]
)
def test_wrong_recordings_are_refused(changes):
    with pytest.raises(ArgumentError, match=f"{next(iter(changes))} of recording 'beat, 1' must be"):
        dataclasses.replace(TARGET, **changes)
