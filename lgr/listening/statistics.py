"""The statistics of a listening test: each a few lines over plain arrays, or scipy's."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lgr.errors import ArgumentError, check_shape

RESAMPLES = 10_000
AT_ONCE = 2_000_000  # numbers in memory while resampling


def bootstrap_intervals(
    ratings: ArrayLike, *, seed: int, level: float = 0.95, resamples: int = RESAMPLES
) -> dict[str, tuple[float, float]] | None:
    """Percentile bootstrap intervals of the mean and the median of all ratings.

    Listeners are drawn with replacement, each with all of their ratings: a listener's ratings depend on each other, so
    drawing single ratings would make the intervals too narrow (Efron and Tibshirani 1993, chapters 8 and 13).

    Parameters
    ----------
    ratings : (listeners, items)
    seed : the same seed gives the same intervals

    Returns
    -------
    {"mean": (low, high), "median": (low, high)}, or None with a single listener, who says nothing of others
    """
    values = np.asarray(ratings, dtype=np.float64)
    check_shape("ratings", values.shape, "(listeners >= 1, items >= 1)", values.ndim == 2 and values.size > 0)
    listeners = len(values)
    if listeners < 2:
        return None
    drawn = np.random.default_rng(seed).integers(0, listeners, (resamples, listeners))
    parts = np.array_split(drawn, -(-resamples * values.size // AT_ONCE))  # of a large class, not all at once
    each = np.concatenate([_mean_and_median(values[part].reshape(len(part), -1)) for part in parts])  # (resamples, 2)
    ends = (1 - level) / 2, (1 + level) / 2
    low, high = np.quantile(each, ends, axis=0)
    return {name: (float(low[i]), float(high[i])) for i, name in enumerate(("mean", "median"))}


def _mean_and_median(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, numbers) -> (n, 2)"""
    return np.stack([samples.mean(1), np.median(samples, 1)], 1)


def wilcoxon_p(differences: ArrayLike) -> float:
    """Two-sided p of Wilcoxon's signed-rank test that paired differences, one a listener, lie about 0; 1 if all are 0.

    Differences of 0 are left out, as Wilcoxon did (1945). Exact with ties too, which ratings are full of: chances of
    all sums of ranks are built up rank by rank (scipy's test turns to an approximation there).

    Examples
    --------
    >>> from lgr.listening.statistics import wilcoxon_p
    >>> wilcoxon_p([3, 5, 2, 8, 6, 4])
    0.03125
    """
    from scipy.stats import rankdata

    values = np.asarray(differences, dtype=np.float64).round(9)  # means that differ by rounding are tied
    check_shape("differences", values.shape, "(listeners >= 1,)", values.ndim == 1 and values.size > 0)
    values = values[values != 0]
    ranks = np.round(2 * rankdata(np.abs(values))).astype(np.int64)  # doubled: tied ranks may be halves
    chances = np.ones(1)  # of each sum of the ranks with a plus
    for rank in ranks:
        chances = (np.pad(chances, (0, rank)) + np.pad(chances, (rank, 0))) / 2
    away = np.abs(2 * np.arange(len(chances)) - ranks.sum())
    return min(1.0, float(chances[away >= away[ranks[values > 0].sum()]].sum()))


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values for several tests (Holm 1979): the k-th smallest of n, times n - k + 1, never falling, at most 1.

    Examples
    --------
    >>> from lgr.listening.statistics import holm
    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    n = len(p_values)
    corrected, highest = [0.0] * n, 0.0
    for rank, i in enumerate(sorted(range(n), key=lambda i: p_values[i])):
        highest = max(highest, min(1.0, (n - rank) * p_values[i]))
        corrected[i] = highest
    return corrected


def guessing_p(correct: int, trials: int) -> tuple[float, tuple[float, float]]:
    """How likely guesses are to be right ``correct`` times or more, and the exact 95 % interval of the share.

    The exact binomial test, one-sided, with Clopper and Pearson's (two-sided) interval.
    """
    from scipy.stats import binomtest

    if not 0 <= correct <= trials or trials < 1:
        raise ArgumentError(f"correct must be in [0, trials] with trials at least 1, got {correct} of {trials}")
    interval = binomtest(correct, trials).proportion_ci(0.95, method="exact")
    return float(binomtest(correct, trials, alternative="greater").pvalue), (float(interval.low), float(interval.high))


def fails_screening(hidden_reference_ratings: ArrayLike) -> bool:
    """Whether a listener is left out: the hidden reference below 90 in more than 15 % of trials (ITU-R BS.1534-3)."""
    values: NDArray[np.float64] = np.asarray(hidden_reference_ratings, dtype=np.float64)
    return bool((values < 90).mean() > 0.15)
