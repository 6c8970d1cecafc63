"""The extrapolated Fréchet distance is without bias, and distances carry the name of their embedding."""

import pytest
import torch
from made_up_sounds import RATE, noise, voice

from lgr.errors import ArgumentError, ShapeError
from lgr.measures.distribution import EMBEDDINGS, frechet_between, mfcc_statistics
from lgr.measures.frechet import frechet_distance, frechet_extrapolated
from lgr.measures.timbre import COEFFICIENTS, mfcc_rows


def draws(n: int, size: int, seed: int) -> torch.Tensor:
    return torch.randn(n, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


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


def test_mfcc_statistics_are_means_and_deviations_of_each_window() -> None:
    audio = noise(2.5, 1, top_hz=4000)
    rows = mfcc_statistics(audio, RATE)
    assert rows.shape == (4, 2 * COEFFICIENTS)
    window = mfcc_rows(audio[RATE // 2 : RATE // 2 + RATE], RATE)
    assert torch.allclose(rows[1], torch.cat([window.mean(0), window.std(0, unbiased=False)]))
    assert mfcc_statistics(audio[:100], RATE).shape[0] == 1
    assert mfcc_statistics(torch.zeros(RATE), RATE).shape == (0, 2 * COEFFICIENTS)
    with pytest.raises(ArgumentError, match="seconds must be > 0, got 0"):
        mfcc_statistics(audio, RATE, seconds=0)


@pytest.mark.parametrize("name", list(EMBEDDINGS))
def test_sets_of_one_timbre_are_nearer_than_sets_of_two(name: str) -> None:
    white = [[(noise(3, seed), RATE) for seed in seeds] for seeds in ((0, 1), (2, 3))]
    tones = [(voice(hz, 3), RATE) for hz in (200, 300)]
    same, other = frechet_between(*white, name), frechet_between(white[0], tones, name)
    assert same.name == f"frechet_{name}"
    assert same.rows == (10, 10)
    assert same.extrapolation is None  # ten rows of so many numbers tell nothing of their limit
    assert same.distance < 0.1 * other.distance


def test_any_function_is_an_embedding() -> None:
    def levels(audio: torch.Tensor, sample_rate: int) -> torch.Tensor:
        return audio.view(-1, sample_rate // 100).square().mean(1).log10()[:, None]

    loud, quiet = [(noise(3, 0, level=0.1), RATE)], [(noise(3, 1, level=0.01), RATE)]
    found = frechet_between(loud, quiet, levels)
    assert found.name == "frechet_levels"
    assert found.distance == pytest.approx(4, rel=0.02)  # two decades of power between the means
    assert found.extrapolation is not None
    assert found.extrapolation.distance == pytest.approx(4, rel=0.02)
    assert frechet_between(loud, quiet, levels, name="clap").name == "frechet_clap"


def test_what_cannot_be_embedded_is_refused() -> None:
    with pytest.raises(ArgumentError, match="embedding must be one of mel_statistics, mfcc_statistics or a function"):
        frechet_between([(noise(1), RATE)], [(noise(1), RATE)], "vggish")
    with pytest.raises(ArgumentError, match="at least one sound each, got 0 and 1"):
        frechet_between([], [(noise(1), RATE)], "mel_statistics")
    with pytest.raises(ShapeError, match="a must be"):
        frechet_between([(noise(0.5), RATE)], [(noise(3), RATE)], "mel_statistics")
