"""The statistics of listening tests against enumeration, closed forms and textbook numbers."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lgr.errors import ArgumentError, ShapeError
from lgr.listening.statistics import bootstrap_intervals, fails_screening, guessing_p, holm, wilcoxon_p


def test_intervals_are_those_of_all_resamples() -> None:
    """Three listeners can be drawn in 27 ways; the interval's ends are quantiles of those."""
    ratings = np.array([[10.0, 30.0], [50.0, 40.0], [90.0, 80.0]])
    every = [ratings[list(drawn)] for drawn in itertools.product(range(3), repeat=3)]
    found = bootstrap_intervals(ratings, seed=1, resamples=60_000)
    assert found is not None
    for name, statistic in (("mean", np.mean), ("median", np.median)):
        expected = np.quantile([statistic(each) for each in every], [0.025, 0.975], method="inverted_cdf")
        assert found[name] == pytest.approx(tuple(expected), abs=0.2)


def test_the_mean_has_the_interval_of_the_central_limit() -> None:
    ratings = np.random.default_rng(0).normal(60, 12, (400, 1))
    found = bootstrap_intervals(ratings, seed=0)
    assert found is not None
    half = 1.96 * ratings.std() / 20
    assert found["mean"] == pytest.approx((ratings.mean() - half, ratings.mean() + half), abs=0.15)


def test_a_listeners_ratings_are_drawn_together() -> None:
    """Each listener gives one number to 50 items: 50 copies of it are not 50 opinions."""
    opinions = np.random.default_rng(1).normal(50, 10, (20, 1))
    many, one = (bootstrap_intervals(np.repeat(opinions, n, 1), seed=3) for n in (50, 1))
    assert many is not None
    assert one is not None
    for name in ("mean", "median"):
        assert many[name] == pytest.approx(one[name])


def test_intervals_replay_from_their_seed_and_need_two_listeners() -> None:
    ratings = np.random.default_rng(2).uniform(0, 100, (7, 3))
    assert bootstrap_intervals(ratings, seed=4) == bootstrap_intervals(ratings, seed=4)
    assert bootstrap_intervals(ratings, seed=4) != bootstrap_intervals(ratings, seed=5)
    assert bootstrap_intervals(ratings[:1], seed=4) is None
    with pytest.raises(ShapeError, match=r"ratings must be \(listeners >= 1, items >= 1\), got \(3,\)"):
        bootstrap_intervals([1.0, 2.0, 3.0], seed=0)


@pytest.mark.parametrize(
    "values", [[3.0], [3, -1, 4.5, 2], [3, -1, 4.5, 2, 6, -5, 9], [2, 2, 2, -2, 5], [1, 1, 1, 1, 1, 1, 1, -1.5]]
)
def test_wilcoxon_is_exact_with_ties_too(values: list[float]) -> None:
    """Against all 2^n signs of the ranks, which ties share."""
    sizes = np.abs(values)
    ranks = np.array([(sizes < each).sum() + ((sizes == each).sum() + 1) / 2 for each in sizes])
    observed = ranks[np.array(values) > 0].sum()
    sums = [sum(itertools.compress(ranks, signs)) for signs in itertools.product([0, 1], repeat=len(values))]
    middle = ranks.sum() / 2
    expected = np.mean([abs(each - middle) >= abs(observed - middle) for each in sums])
    assert wilcoxon_p(values) == pytest.approx(expected)


@pytest.mark.parametrize("n", [12, 40])
def test_wilcoxon_agrees_with_scipy_without_ties(n: int) -> None:
    from scipy.stats import wilcoxon

    values = np.random.default_rng(n).normal(0.4, 1, n)
    assert wilcoxon_p(values) == pytest.approx(wilcoxon(values, method="exact").pvalue)


def test_wilcoxon_passes_over_no_difference() -> None:
    assert wilcoxon_p([0.0, 0.0, 0.0]) == 1.0
    assert wilcoxon_p([0.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]) == pytest.approx(2 / 2**6)


def test_holm_on_a_worked_example() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.7, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_rejects_where_its_steps_do(p_values: list[float]) -> None:
    """The step-down procedure itself: go on while the smallest left is at most level / how many are left."""
    level = 0.05
    rejected = set()
    for rank, i in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        if p_values[i] * (len(p_values) - rank) > level:
            break
        rejected.add(i)
    assert {i for i, p in enumerate(holm(p_values)) if p <= level} == rejected


@pytest.mark.parametrize(("correct", "trials"), [(0, 1), (5, 10), (9, 10), (14, 20), (60, 100)])
def test_guessing_is_a_sum_of_binomials(correct: int, trials: int) -> None:
    p, (low, high) = guessing_p(correct, trials)
    assert p == pytest.approx(sum(math.comb(trials, k) for k in range(correct, trials + 1)) / 2**trials)

    # Clopper and Pearson: at the interval's ends, as much or as little as this happens with probability .025
    def at_least(k: int, share: float) -> float:
        return sum(math.comb(trials, j) * share**j * (1 - share) ** (trials - j) for j in range(k, trials + 1))

    assert low == 0 if correct == 0 else at_least(correct, low) == pytest.approx(0.025)
    assert 1 - at_least(correct + 1, high) == pytest.approx(0.025)


def test_impossible_counts_are_refused() -> None:
    with pytest.raises(ArgumentError, match=r"correct must be in \[0, trials\] .* got 3 of 2"):
        guessing_p(3, 2)
    with pytest.raises(ArgumentError, match="got 0 of 0"):
        guessing_p(0, 0)


@pytest.mark.parametrize(
    ("ratings", "fails"),
    [([100] * 20, False), ([89] * 3 + [90] * 17, False), ([89] * 4 + [90] * 16, True), ([89.5], True), ([90], False)],
)
def test_the_screening_is_above_fifteen_percent_below_ninety(ratings: list[float], fails: bool) -> None:
    assert fails_screening(ratings) is fails
