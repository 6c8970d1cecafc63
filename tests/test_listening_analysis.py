"""The analysis: numbers worked out by hand, listeners who follow a rule, screening, and answers that cannot be read."""

import csv
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import done, refused
from made_up_listening import CONDITIONS, ITEMS, answer, made_test

from lgr.errors import ArgumentError
from lgr.listening.analysis import Analysis, Rating, analyse
from lgr.listening.build import ListeningTest
from lgr.listening.picture import plot_analysis
from lgr.plots import COLOURS

TRUTH = {
    "retention": {"reference": 100, "source": 0, "good": 80, "fair": 50, "poor": 20},
    "adoption": {"reference": 0, "source": 100, "good": 30, "fair": 60, "poor": 90},
}
PAIRS = (("reference", "good"), ("fair", "poor"))


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> ListeningTest:
    return made_test(tmp_path_factory.mktemp("study"), abx=PAIRS, abx_trials=2)


def exactly(shift: float = 0.0) -> Callable[[str, str], float]:
    """A rule: the truth, shifted for the conditions proper."""
    return lambda question, condition: TRUTH[question][condition] + (shift if condition in CONDITIONS else 0)


def rating(found: Analysis, question: str, condition: str) -> Rating:
    return next(each for each in found.ratings if (each.question, each.condition) == (question, condition))


def test_three_listeners_by_hand(study: ListeningTest, tmp_path: Path) -> None:
    files = [answer(study, tmp_path, i, exactly(shift)) for i, shift in enumerate((-6, 0, 9))]
    found = analyse(files, study.key)
    assert found.excluded == ()
    assert len(found.listeners) == 3
    good = rating(found, "retention", "good")
    assert (good.mean, good.median) == (81.0, 80.0)  # of 74, 80, 89, each on two items
    assert good.mean_interval is not None
    assert good.mean_interval == pytest.approx((74, 89), abs=2.1)  # 1 of 27 draws is all 74, one all 89
    assert rating(found, "adoption", "source").mean_interval == (100.0, 100.0)
    differences = {(d.question, d.a, d.b): d for d in found.differences}
    assert set(differences) == {
        (q, a, b) for q in TRUTH for a, b in (("fair", "good"), ("fair", "poor"), ("good", "poor"))
    }
    each = differences["retention", "good", "poor"]
    assert each.mean == 60.0
    assert (each.p, each.p_holm) == (0.25, 0.75)  # 3 listeners agree: 2 of the 8 signs; three pairs
    assert [(c.correct, c.trials, c.share) for c in found.comparisons] == [(6, 6, 1.0)] * 2
    assert found.comparisons[0].p == pytest.approx(1 / 64)
    assert found.comparisons[0].p_holm == pytest.approx(2 / 64)


def test_a_single_listener_has_ratings_and_no_intervals(study: ListeningTest, tmp_path: Path) -> None:
    found = analyse([answer(study, tmp_path, 1, exactly())], study.key)
    assert {r.condition: r.mean for r in found.ratings if r.question == "adoption"} == TRUTH["adoption"]
    assert all(r.mean_interval is None and r.median_interval is None for r in found.ratings)


def test_a_test_without_comparisons_has_a_picture_too(tmp_path: Path) -> None:
    study = made_test(tmp_path, abx_trials=0)
    found = analyse([answer(study, tmp_path, i, exactly(i)) for i in range(2)], study.key)
    assert found.comparisons == ()
    axes = plot_analysis(found).axes
    assert len(axes) == 2  # a panel a question, none for comparisons
    assert [label.get_text() for label in axes[0].get_yticklabels()] == list(found.conditions)
    medians = [line.get_xdata()[0] for line in axes[0].lines if line.get_color() == COLOURS[1]]
    assert sorted(medians) == sorted(r.median for r in found.ratings if r.question == "retention")


def test_a_class_that_follows_a_rule_is_read_back(study: ListeningTest, tmp_path: Path) -> None:
    """Twelve listeners with noise of their own: truths lie in the intervals, real differences are found, others not."""
    chance = random.Random(3)

    def noisy(question: str, condition: str) -> float:
        if condition not in CONDITIONS:
            return TRUTH[question][condition]
        true = {"good": 70, "fair": 70, "poor": 30}[condition] if question == "retention" else 50
        return min(100.0, max(0.0, chance.gauss(true, 6)))

    def hears(a: str, b: str) -> bool:
        return a == "fair" or chance.random() < 0.5  # the reference and good only by guessing

    found = analyse([answer(study, tmp_path, i, noisy, hears) for i in range(12)], study.key)
    for condition, true in (("good", 70), ("fair", 70), ("poor", 30)):
        interval = rating(found, "retention", condition).mean_interval
        assert interval is not None
        assert interval[0] < true < interval[1]
        assert interval[1] - interval[0] < 10
    p = {(d.question, d.a, d.b): d.p_holm for d in found.differences}
    assert p["retention", "good", "poor"] < 0.01
    assert p["retention", "fair", "poor"] < 0.01
    assert p["retention", "fair", "good"] > 0.05
    assert min(p["adoption", a, b] for a, b in (("fair", "good"), ("fair", "poor"), ("good", "poor"))) > 0.05
    guessed, told = found.comparisons
    assert (told.correct, told.trials) == (24, 24)
    assert told.p_holm < 1e-6
    assert guessed.p_holm > 0.05
    assert guessed.interval[0] < 0.5 < guessed.interval[1]


def test_listeners_who_miss_the_hidden_reference_are_left_out_of_ratings_only(
    study: ListeningTest, tmp_path: Path
) -> None:
    def careless(question: str, condition: str) -> float:
        return 89 if (question, condition) == ("adoption", "source") else TRUTH[question][condition]  # in 2 of 4 trials

    files = [answer(study, tmp_path, 1, exactly()), answer(study, tmp_path, 2, careless, lambda a, b: False)]
    found = analyse(files, study.key)
    assert found.excluded == (f"{2:016x}",)
    assert len(found.scores) == 1
    assert rating(found, "adoption", "source").mean == 100
    assert [(c.correct, c.trials) for c in found.comparisons] == [(2, 4)] * 2
    with pytest.raises(ArgumentError, match="answers must be by a listener who passes the screening, got 1 who"):
        analyse(files[1:], study.key)


def test_the_order_of_files_and_trials_changes_nothing_and_the_seed_replays(
    study: ListeningTest, tmp_path: Path
) -> None:
    files = [answer(study, tmp_path, i, exactly(shift)) for i, shift in enumerate((-6, 0, 9))]
    first = analyse(files, study.key, seed=1)
    assert analyse(files, study.key, seed=1).to_json() == first.to_json()
    data = json.loads(files[0].read_text())
    data["trials"].reverse()
    files[0].write_text(json.dumps(data))
    again = analyse(files, study.key, seed=1)
    assert again.to_json() == first.to_json()
    np.testing.assert_array_equal(again.scores, first.scores)
    backwards = analyse(files[::-1], study.key, seed=1)
    assert backwards.differences == first.differences
    assert [(r.mean, r.median) for r in backwards.ratings] == [(r.mean, r.median) for r in first.ratings]


def test_the_command_prints_and_writes_everything(study: ListeningTest, tmp_path: Path) -> None:
    files = [answer(study, tmp_path, i, exactly(shift)) for i, shift in enumerate((-6, 0, 9))]
    said = done("listening-analysis", *files, "--key", study.key, "-o", tmp_path / "out")
    assert "3 listeners; 3 rated the hidden reference 90 or more" in said
    assert "81.0" in said
    assert "reference / good" in said
    written = json.loads((tmp_path / "out" / "analysis.json").read_text())
    assert written == json.loads(json.dumps(analyse(files, study.key).to_json()))
    assert (tmp_path / "out" / "analysis.png").read_bytes().startswith(b"\x89PNG")
    with (tmp_path / "out" / "ratings.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3 * 2 * len(ITEMS) * (2 + len(CONDITIONS))
    chosen = [float(r["rating"]) for r in rows if (r["question"], r["condition"]) == ("retention", "good")]
    assert sorted(chosen) == [74, 74, 80, 80, 89, 89]
    assert {r["item"] for r in rows} == set(ITEMS)
    again = ("listening-analysis", *files, "--key", study.key, "-o", tmp_path / "out")
    refused(tmp_path, *again, says="exists and is kept")
    done(*again, "--force")


Change = Callable[[dict[str, Any]], Any]


def set_to(name: str, value: Any) -> Change:
    return lambda data: data.update({name: value})


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (set_to("test", "0123456789abcdef"), "answers another test: its test is '0123456789abcdef'"),
        (set_to("format", "lgr-listening-key"), "must be a listener's answers, but says nothing of"),
        (set_to("version", 7), "has format version 7, and this lgr reads version 1"),
        (set_to("trials", 3), "is damaged"),
        (lambda data: data.pop("listener"), "is damaged: KeyError('listener')"),
        (lambda data: data["trials"].pop(0), "is incomplete: it has 15 of 20 ratings"),
        (lambda data: data["trials"].pop(), "is incomplete: it has 1 of 2 comparisons of fair and poor"),
        (lambda data: data["trials"].append(data["trials"][0]), "is rated twice"),
        (lambda data: data["trials"][0]["ratings"][0].update(rating=101), "a rating must be in [0, 100], got 101"),
        (
            lambda data: data["trials"][0]["ratings"][0].update(rating="high"),
            "a rating must be in [0, 100], got 'high'",
        ),
        (lambda data: data["trials"][0]["ratings"][0].update(rating=float("nan")), "in [0, 100], got nan"),
        (lambda data: data["trials"][0]["ratings"][0].update(sound="f" * 16), "is damaged: KeyError("),
        (lambda data: data["trials"][0].update(item=data["trials"][1]["item"]), "is not of item"),
        (lambda data: data["trials"][0].update(question="beauty"), "there is no question 'beauty'"),
        (lambda data: data["trials"][0].update(kind="essay"), "there is no kind of trial 'essay'"),
        (lambda data: data["trials"][-1].update(answer="x"), "must answer 'a' or 'b'"),
        (lambda data: data["trials"][-1].update(b=data["trials"][-2]["b"]), "are not compared in this test"),
    ],
)
def test_answers_that_cannot_be_read_are_refused_in_a_sentence(
    change: Change, says: str, study: ListeningTest, tmp_path: Path
) -> None:
    path = answer(study, tmp_path, 1, exactly())
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))
    refused(
        tmp_path, "listening-analysis", path, "--key", study.key, "-o", tmp_path / "out", says=["answers-1.json", says]
    )
    assert not (tmp_path / "out").exists()


def test_files_that_are_no_answers_and_no_key_are_refused(study: ListeningTest, tmp_path: Path) -> None:
    path = answer(study, tmp_path, 1, exactly())

    def refuse(*line: object, says: str) -> None:
        refused(tmp_path, "listening-analysis", *line, "-o", tmp_path / "out", says=says)

    twice = tmp_path / "again.json"
    twice.write_text(path.read_text())
    refuse(path, twice, "--key", study.key, says="is by listener 0000000000000001, as")
    (tmp_path / "half.json").write_text(path.read_text()[:100])
    refuse(tmp_path / "half.json", "--key", study.key, says="half.json must be a listener's answers, but is not JSON")
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\x00")
    refuse(tmp_path / "bytes.json", "--key", study.key, says="bytes.json must be a listener's answers, but is not JSON")
    refuse(tmp_path / "none.json", "--key", study.key, says="cannot be read: No such file")
    refuse(path, "--key", path, says="must be the key of a listening test (key.json), but says nothing of")
    key = json.loads(study.key.read_text())
    del key["items"]
    (tmp_path / "key.json").write_text(json.dumps(key))
    refuse(path, "--key", tmp_path / "key.json", says="key.json is damaged: KeyError('items')")
    key = json.loads(study.key.read_text())
    key["items"][0]["sounds"].pop()
    (tmp_path / "key.json").write_text(json.dumps(key))
    refuse(path, "--key", tmp_path / "key.json", says="its items must have a sound for each condition")
    key = json.loads(study.key.read_text()) | {"abx": [["good", "bad"]]}
    (tmp_path / "key.json").write_text(json.dumps(key))
    refuse(path, "--key", tmp_path / "key.json", says="its comparisons must be of its conditions")
