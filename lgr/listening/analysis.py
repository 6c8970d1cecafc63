"""What the answers of a listening test say: ratings of each condition, differences between them, and who could tell.

Ratings are those of listeners who passed the screening; comparisons (A/B/X) are everybody's. Intervals are 95 %
bootstrap intervals over listeners, differences are tested by Wilcoxon's signed-rank test on listeners' means over the
items, comparisons by the exact binomial test; p-values are Holm's, over the pairs of one question and over all
comparisons.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lgr.errors import ArgumentError
from lgr.listening.answers import Answers, read_answers
from lgr.listening.key import QUESTIONS, Key
from lgr.listening.statistics import bootstrap_intervals, fails_screening, guessing_p, holm, wilcoxon_p

Interval = tuple[float, float] | None  # None where a single listener allows none


@dataclass(frozen=True, kw_only=True)
class Rating:
    """What one question's answers say of one condition, over listeners and items, 0 to 100."""

    question: str
    condition: str
    mean: float
    mean_interval: Interval
    median: float
    median_interval: Interval


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How much higher ``a`` was rated than ``b``, and how likely that is by chance, corrected by Holm's method."""

    question: str
    a: str
    b: str
    mean: float
    p: float
    p_holm: float


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """How often two conditions were told apart; ``p``: of as many right answers by guessing."""

    a: str
    b: str
    correct: int
    trials: int
    share: float
    interval: tuple[float, float]
    p: float
    p_holm: float


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """The result; ``scores`` are the ratings it rests on, (listeners, questions, items, conditions)."""

    test: str
    listeners: tuple[str, ...]
    excluded: tuple[str, ...]
    conditions: tuple[str, ...]
    items: tuple[str, ...]
    ratings: tuple[Rating, ...]
    differences: tuple[Difference, ...]
    comparisons: tuple[Comparison, ...]
    seed: int
    scores: NDArray[np.float64] = field(compare=False)

    def to_json(self) -> dict[str, Any]:
        """Everything but ``scores`` as plain JSON values."""
        data = asdict(self)
        del data["scores"]
        return data

    def score_rows(self) -> list[tuple[str, str, str, str, float]]:
        """Every rating that counts: (listener, question, item, condition, rating)."""
        kept = [each for each in self.listeners if each not in self.excluded]
        return [
            (kept[i], QUESTIONS[q].name, self.items[k], self.conditions[c], float(self.scores[i, q, k, c]))
            for i, q, k, c in np.ndindex(*self.scores.shape)
        ]


def analyse(answers: Sequence[str | Path], key: str | Path, *, seed: int = 0) -> Analysis:
    """Analyse listeners' files.

    Parameters
    ----------
    answers : the files, one a listener
    key : ``key.json`` of the test
    seed : of the bootstrap

    Raises
    ------
    ArgumentError : a file is not what it should be (see ``read_answers``), or no listener passes the screening
    """
    opened = Key.load(key)
    sessions = read_answers(answers, opened)
    everybody = _scores(sessions, opened)
    about = [opened.conditions.index(question.about) for question in QUESTIONS]
    hidden = everybody[
        :, range(len(about)), :, about
    ]  # (questions, listeners, items): numpy puts the paired axis first
    failed = [fails_screening(hidden[:, i]) for i in range(len(sessions))]
    scores = everybody[[not each for each in failed]]
    if not len(scores):
        raise ArgumentError(
            f"answers must be by a listener who passes the screening, got {len(sessions)} who rated the hidden "
            "reference below 90 in more than 15 % of trials"
        )
    return Analysis(
        test=opened.test,
        listeners=tuple(session.listener for session in sessions),
        excluded=tuple(s.listener for s, out in zip(sessions, failed, strict=True) if out),
        conditions=opened.conditions,
        items=tuple(opened.items.values()),
        ratings=tuple(_ratings(scores, opened, seed)),
        differences=tuple(_differences(scores, opened)),
        comparisons=tuple(_comparisons(sessions, opened)),
        seed=seed,
        scores=scores,
    )


def _scores(sessions: Sequence[Answers], key: Key) -> NDArray[np.float64]:
    """(listeners, questions, items, conditions)"""
    return np.array(
        [
            [
                [
                    [session.ratings[question.name, item, condition] for condition in key.conditions]
                    for item in key.items
                ]
                for question in QUESTIONS
            ]
            for session in sessions
        ]
    )


def _ratings(scores: NDArray[np.float64], key: Key, seed: int) -> list[Rating]:
    found = []
    for q, question in enumerate(QUESTIONS):
        for c, condition in enumerate(key.conditions):
            values = scores[:, q, :, c]
            intervals = bootstrap_intervals(values, seed=seed)
            found.append(
                Rating(
                    question=question.name,
                    condition=condition,
                    mean=float(values.mean()),
                    mean_interval=None if intervals is None else intervals["mean"],
                    median=float(np.median(values)),
                    median_interval=None if intervals is None else intervals["median"],
                )
            )
    return found


def _differences(scores: NDArray[np.float64], key: Key) -> list[Difference]:
    """All pairs of conditions proper: the target and the source are there to be recognised."""
    means = scores.mean(2)  # (listeners, questions, conditions)
    found = []
    for q, question in enumerate(QUESTIONS):
        pairs = list(combinations(range(2, len(key.conditions)), 2))
        differences = [means[:, q, a] - means[:, q, b] for a, b in pairs]
        p_values = [wilcoxon_p(each) for each in differences]
        for (a, b), difference, p, corrected in zip(pairs, differences, p_values, holm(p_values), strict=True):
            found.append(
                Difference(
                    question=question.name,
                    a=key.conditions[a],
                    b=key.conditions[b],
                    mean=float(difference.mean()),
                    p=p,
                    p_holm=corrected,
                )
            )
    return found


def _comparisons(sessions: Sequence[Answers], key: Key) -> list[Comparison]:
    counts = [
        [right for session in sessions for answered, right in session.pairs if answered == pair] for pair in key.abx
    ]
    tests = [guessing_p(sum(each), len(each)) for each in counts]
    return [
        Comparison(
            a=a,
            b=b,
            correct=sum(each),
            trials=len(each),
            share=sum(each) / len(each),
            interval=interval,
            p=p,
            p_holm=corrected,
        )
        for (a, b), each, (p, interval), corrected in zip(
            key.abx, counts, tests, holm([p for p, _ in tests]), strict=True
        )
    ]
