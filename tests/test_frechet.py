"""The Fréchet distance against closed forms and scipy's matrix square root; what its offline embedding sees."""

import math

import numpy as np
import pytest
import torch

from lgr.errors import ArgumentError, ShapeError
from lgr.measures.frechet import frechet_distance, frechet_extrapolated, mel_statistics


def draws(n: int, size: int, seed: int) -> torch.Tensor:
    return torch.randn(n, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_equal_sets_are_at_distance_zero() -> None:
    x = draws(50, 8, 0)
    assert frechet_distance(x, x[torch.randperm(50)]) == pytest.approx(0, abs=1e-9)


def test_a_shift_gives_its_squared_length() -> None:
    x = draws(50, 3, 1)
    assert frechet_distance(x, x + torch.tensor([1.0, -2.0, 2.0])) == pytest.approx(9, rel=1e-9)


def test_a_scale_gives_the_closed_form() -> None:
    """Commuting covariances S and k² S: the distance is (k - 1)² tr S plus that of the means."""
    x = draws(60, 4, 2)
    x = x - x.mean(0)
    assert frechet_distance(x, 3 * x) == pytest.approx(4 * float(torch.cov(x.T).trace()), rel=1e-9)


@pytest.mark.parametrize("rows", [5, 200])  # fewer rows than columns: singular covariances
def test_against_scipys_matrix_root(rows: int) -> None:
    from scipy.linalg import sqrtm

    a, b = draws(rows, 12, 3), draws(rows + 7, 12, 4) @ draws(12, 12, 5) + 0.3
    cov_a, cov_b = np.cov(a.numpy().T), np.cov(b.numpy().T)
    jitter = np.eye(12) * 1e-10  # scipy's root needs full rank
    cross = np.trace(sqrtm((cov_a + jitter) @ (cov_b + jitter)).real)
    expected = np.sum((a.mean(0) - b.mean(0)).numpy() ** 2) + np.trace(cov_a) + np.trace(cov_b) - 2 * cross
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-3)
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-6)  # roots of rounding errors


def test_what_cannot_be_measured_is_refused() -> None:
    with pytest.raises(ShapeError, match="b must be"):
        frechet_distance(draws(5, 3, 0), draws(5, 4, 0))
    with pytest.raises(ShapeError, match="a must be"):
        frechet_distance(draws(1, 3, 0), draws(5, 3, 0))
    with pytest.raises(ArgumentError, match="finite"):
        frechet_distance(draws(5, 3, 0) * math.nan, draws(5, 3, 0))
    with pytest.raises(ArgumentError, match="seconds"):
        mel_statistics(torch.zeros(100), 24000, seconds=0)


def test_the_embedding_sees_timbre_and_not_which_noise() -> None:
    """White noise is nearer to other white noise than to the same noise made dull."""
    white = [torch.randn(24000 * 6, generator=torch.Generator().manual_seed(s)) * 0.1 for s in (0, 1)]
    dull = torch.nn.functional.conv1d(white[0][None, None], torch.ones(1, 1, 16) / 16)[0, 0]
    rows = [mel_statistics(x, 24000) for x in (*white, dull)]
    assert rows[0].shape == (11, 64)
    assert frechet_distance(rows[0], rows[1]) < 0.02 * frechet_distance(rows[0], rows[2])


def test_a_short_sound_is_padded_to_one_window() -> None:
    assert mel_statistics(torch.ones(10), 24000).shape == (1, 64)


def test_extrapolation_takes_away_what_few_rows_cost() -> None:
    """Pairs of samples of one Gaussian: the plain distance is never near 0, the extrapolated one is on average."""
    plain, limit = [], []
    for seed in range(12):
        a, b = draws(300, 10, 2 * seed), draws(300, 10, 2 * seed + 1)
        plain.append(frechet_distance(a, b))
        limit.append(frechet_extrapolated(a, b, seed=seed).distance)
    assert min(plain) > 0.15
    assert sum(limit) / 12 == pytest.approx(0, abs=0.04)


def test_extrapolation_of_a_known_distance() -> None:
    """N(0, I) against N(shift, 4 I): |shift|² + tr (1 - 2)² I."""
    expected = 6 * 0.5**2 + 6 * 1.0
    a, b = draws(2000, 6, 1), 2 * draws(2000, 6, 2) + 0.5
    found = frechet_extrapolated(a, b)
    assert found.distance == pytest.approx(expected, rel=0.05)
    assert 0 < found.spread < 0.2
    assert abs(found.distance - expected) < abs(frechet_distance(a, b) - expected) + 0.1


def test_extrapolation_replays_from_its_seed() -> None:
    a, b = draws(200, 4, 3), draws(150, 4, 4)
    assert frechet_extrapolated(a, b, seed=5) == frechet_extrapolated(a, b, seed=5)
    assert frechet_extrapolated(a, b, seed=5) != frechet_extrapolated(a, b, seed=6)


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(ArgumentError, match="at least 40 rows of 10 numbers each, got 39"):
        frechet_extrapolated(draws(39, 10, 0), draws(100, 10, 0))
    with pytest.raises(ArgumentError, match="sizes and draws must be at least 2, got 1 and 5"):
        frechet_extrapolated(draws(100, 3, 0), draws(100, 3, 0), sizes=1)
