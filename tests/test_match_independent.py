"""Independent sampling and τ = 0 against brute force over the whole matrix."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare
from torch import Tensor
from torch.nn.functional import normalize

from lgr.errors import ArgumentError, ShapeError
from lgr.matching import MatchConfig, match
from lgr.matching.cells import inverse_cdf


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def unit_rows(n: int, dim: int, seed: int) -> Tensor:
    return normalize(torch.randn(n, dim, generator=seeded(seed)), dim=1)


def softmax(target: Tensor, codebook: Tensor, temperature: float, log_weights: Tensor | float = 0.0) -> Tensor:
    """The exact (N, M) probabilities in float64."""
    return torch.softmax(target.double() @ codebook.double().T / temperature + log_weights, dim=1)


def p_value(index: Tensor, p: Tensor) -> float:
    """Chi-square of drawn indices against probabilities (M,), cells expected under 5 times pooled."""
    observed, expected = torch.bincount(index, minlength=len(p)).double(), p * len(index)
    small = expected < 5
    pooled = [torch.cat([v[~small], v[small].sum()[None]]) for v in (observed, expected)]
    keep = pooled[1] > 0
    assert not pooled[0][~keep].any()  # nothing impossible was drawn
    return float(chisquare(pooled[0][keep].numpy(), pooled[1][keep].numpy()).pvalue)


# Grains in one cell, and in several, the last partly empty. Of 5000 draws a share of 1/7 has a standard error of 0.5 %.
FEW = [(7, temperature, 5000) for temperature in (0.02, 0.3, 2.0)]
MANY = [(grains, temperature, 20_000) for grains in (7, 2500) for temperature in (0.02, 0.3, 2.0)]
IN_MAKE_TEST = (2500, 0.3, 20_000)


@pytest.mark.parametrize(
    ("grains", "temperature", "draws"),
    [*FEW, *(case if case == IN_MAKE_TEST else pytest.param(*case, marks=pytest.mark.slow) for case in MANY)],
)
def test_draws_follow_the_exact_softmax(grains: int, temperature: float, draws: int) -> None:
    codebook, target = unit_rows(grains, 6, 1), unit_rows(1, 6, 2)
    drawn = match(target.expand(draws, -1), codebook, temperature=temperature, generator=seeded(3))
    assert p_value(drawn.index, softmax(target, codebook, temperature)[0]) > 1e-3


def test_probability_entropy_and_similarity_equal_direct_computation() -> None:
    codebook, target = unit_rows(3000, 8, 1), unit_rows(50, 8, 2)
    temperature = torch.linspace(0.01, 3.0, 50)
    drawn = match(target, codebook, temperature=temperature, generator=seeded())
    p = torch.stack([softmax(target[t : t + 1], codebook, float(temperature[t]))[0] for t in range(50)])
    rows = torch.arange(50)
    torch.testing.assert_close(drawn.probability.double(), p[rows, drawn.index], rtol=2e-4, atol=1e-9)
    torch.testing.assert_close(drawn.entropy.double(), torch.special.entr(p).sum(1), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(drawn.similarity, (target * codebook[drawn.index]).sum(1))


@settings(max_examples=15, deadline=None)
@given(block=st.integers(1, 9000), seed=st.integers(0, 1000))
def test_block_size_does_not_change_the_draws(block: int, seed: int) -> None:
    codebook, target = unit_rows(5000, 16, 1), unit_rows(40, 16, 2)
    temperature = torch.tensor([0.0, 0.05, 0.2, 1.0]).repeat(10)
    reference = match(target, codebook, temperature=temperature, generator=seeded(seed))
    config = MatchConfig(block_grains=block)
    other = match(target, codebook, temperature=temperature, generator=seeded(seed), config=config)
    assert torch.equal(other.index, reference.index)


def test_zero_temperature_is_the_nearest_whatever_the_blocks() -> None:
    codebook, target = unit_rows(5000, 16, 1), unit_rows(300, 16, 2)
    expected = (target.double() @ codebook.double().T).argmax(dim=1)
    for block in (1024, 4096):
        config = MatchConfig(block_grains=block)
        found = match(target, codebook, temperature=0.0, generator=seeded(), config=config)
        assert torch.equal(found.index, expected)
        assert bool((found.probability == 1).all())
        assert bool((found.entropy == 0).all())


def test_ties_at_zero_temperature_take_the_lowest_index() -> None:
    once = unit_rows(1500, 16, 1)
    found = match(once[:200], torch.cat([once, once, once]), temperature=0.0, generator=seeded())
    assert torch.equal(found.index, torch.arange(200))


def test_target_rows_within_the_codebook_find_themselves() -> None:
    codebook = unit_rows(3000, 12, 1)
    order = torch.randperm(3000, generator=seeded())
    assert torch.equal(match(codebook[order], codebook, temperature=0.0, generator=seeded()).index, order)


def test_permuting_the_codebook_permutes_the_choices() -> None:
    codebook, target = unit_rows(2000, 12, 1), unit_rows(100, 12, 2)
    order = torch.randperm(2000, generator=seeded())
    plain = match(target, codebook, temperature=0.0, generator=seeded())
    permuted = match(target, codebook[order], temperature=0.0, generator=seeded())
    assert torch.equal(order[permuted.index], plain.index)
    draw = match(target[:1].expand(20_000, -1), codebook[order], temperature=0.1, generator=seeded())
    assert p_value(order[draw.index], softmax(target, codebook, 0.1)[0]) > 1e-3


@pytest.mark.parametrize("temperature", [pytest.param(1e6, marks=pytest.mark.slow), float("inf")])
def test_infinite_temperature_is_uniform(temperature: float) -> None:
    codebook, target = unit_rows(1500, 4, 1), unit_rows(1, 4, 2).expand(30_000, -1)
    drawn = match(target, codebook, temperature=temperature, generator=seeded())
    assert p_value(drawn.index, torch.full((1500,), 1 / 1500, dtype=torch.float64)) > 1e-3
    torch.testing.assert_close(drawn.entropy, torch.full((30_000,), 1500.0).log())


def test_tiny_temperatures_are_finite_and_nearly_nearest() -> None:
    codebook, target = unit_rows(3000, 16, 1), unit_rows(200, 16, 2)
    nearest = match(target, codebook, temperature=0.0, generator=seeded()).index
    for temperature in (1e-4, 1e-7):
        drawn = match(target, codebook, temperature=temperature, generator=seeded())
        assert bool(torch.isfinite(drawn.entropy).all())
        assert bool((drawn.probability > 0).all())
        assert bool((drawn.probability <= 1).all())
        assert float((drawn.index == nearest).float().mean()) > 0.97


@pytest.mark.parametrize("draws", [5000, pytest.param(20_000, marks=pytest.mark.slow)])
def test_weights_shift_frequencies_and_zero_excludes(draws: int) -> None:
    codebook, target = unit_rows(40, 4, 1), unit_rows(1, 4, 2)
    weights = torch.ones(40)
    weights[:20] = 2.0
    weights[30:] = 0.0
    drawn = match(target.expand(draws, -1), codebook, temperature=0.5, generator=seeded(), log_weights=weights.log())
    assert int(drawn.index.max()) < 30
    assert p_value(drawn.index, softmax(target, codebook, 0.5, weights.double().log())[0]) > 1e-3


def test_zero_weight_is_never_nearest_and_other_weights_do_not_matter() -> None:
    codebook = unit_rows(30, 8, 1)
    weights = torch.full((30,), -3.0)
    weights[:10] = -torch.inf
    index = match(codebook, codebook, temperature=0.0, generator=seeded(), log_weights=weights).index
    assert torch.equal(index[10:], torch.arange(10, 30))
    assert int(index.min()) >= 10
    for temperature in (1e-4, 0.1):  # the barred grain is the best of its cell by far
        drawn = match(codebook, codebook, temperature=temperature, generator=seeded(), log_weights=weights)
        assert int(drawn.index.min()) >= 10
        assert bool(torch.isfinite(drawn.entropy).all())


@pytest.mark.parametrize("temperature", [0.0, 0.5])
def test_recording_weights_follow_the_targets_time(temperature: float) -> None:
    codebook, target = unit_rows(1200, 6, 1), unit_rows(400, 6, 2)
    recording = torch.arange(1200) % 3
    wanted = torch.arange(400) % 3
    log_weights = torch.full((400, 3), -torch.inf).scatter(1, wanted[:, None], 0.5)
    drawn = match(
        target,
        codebook,
        temperature=temperature,
        generator=seeded(),
        recording=recording,
        recording_log_weights=log_weights,
    )
    assert torch.equal(recording[drawn.index], wanted)


def test_recording_weights_equal_the_same_weights_by_grain() -> None:
    codebook, target = unit_rows(1500, 6, 1), unit_rows(100, 6, 2)
    recording = torch.arange(1500) // 500
    by_recording = torch.tensor([0.0, 1.0, -2.0])
    by_grain = match(target, codebook, temperature=0.4, generator=seeded(), log_weights=by_recording[recording])
    curve = by_recording.expand(100, 3)
    by_time = match(
        target, codebook, temperature=0.4, generator=seeded(), recording=recording, recording_log_weights=curve
    )
    assert torch.equal(by_grain.index, by_time.index)
    torch.testing.assert_close(by_grain.probability, by_time.probability)


def test_same_seed_same_choices_and_a_grains_draw_ignores_the_others_temperature() -> None:
    codebook, target = unit_rows(1500, 6, 1), unit_rows(100, 6, 2)
    a = match(target, codebook, temperature=0.4, generator=seeded(5))
    b = match(target, codebook, temperature=0.4, generator=seeded(5))
    c = match(target, codebook, temperature=0.4, generator=seeded(6))
    assert torch.equal(a.index, b.index)
    assert not torch.equal(a.index, c.index)
    mixed = match(target, codebook, temperature=torch.tensor([0.0, 0.4]).repeat(50), generator=seeded(5))
    assert torch.equal(mixed.index[1::2], a.index[1::2])


def test_progress_ends_at_the_total() -> None:
    seen: list[tuple[int, int]] = []
    match(
        unit_rows(30, 6, 2),
        unit_rows(5000, 6, 1),
        temperature=torch.tensor([0.0, 0.1, 0.2]).repeat(10),
        generator=seeded(),
        config=MatchConfig(block_grains=1024),
        progress=lambda done, total: seen.append((done, total)),
    )
    assert len(seen) > 5
    assert seen == sorted(seen)
    assert seen[-1] == (150, 150)


def test_inverse_cdf_never_draws_an_empty_column() -> None:
    mass = torch.tensor([[0.0, 1.0, 0.0, 3.0, 0.0]], dtype=torch.float64).expand(4, -1)
    uniform = torch.tensor([0.0, 0.25, 0.5, 1.0 - 2.0**-53], dtype=torch.float64)
    index, rest = inverse_cdf(mass, uniform)
    assert index.tolist() == [1, 3, 3, 3]
    torch.testing.assert_close(rest, torch.tensor([0.0, 0.0, 1 / 3, 1.0], dtype=torch.float64))
    assert bool((rest < 1).all())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"temperature": -0.1}, "temperature must be >= 0, got -0.1"),
        ({"temperature": float("nan")}, "temperature must be >= 0, got nan"),
        ({"temperature": torch.ones(3)}, r"temperature must be a number or \(5,\), got \(3,\)"),
        ({"continuity": 1.0}, r"continuity must be in \[0, 1\), got 1.0"),
        ({"continuity": float("nan")}, "continuity must be in"),
        ({"continuity": 0.5}, "next_grain must be given"),
        ({"continuity": 0.5, "next_grain": torch.full((9,), -1)}, 'continuity must be 0 with sampler "independent"'),
        ({"codebook": torch.zeros(0, 4)}, "codebook must be .* at least one grain"),
        ({"codebook": torch.full((9, 4), torch.nan)}, "codebook must be finite"),
        ({"target": torch.zeros(5, 3)}, r"target must be \(N, 4\)"),
        ({"target": torch.zeros(5, 4).double()}, "target must be float32"),
        ({"target": torch.full((5, 4), torch.inf)}, "target must be finite"),
        ({"log_weights": torch.zeros(8)}, r"log_weights must be \(9,\)"),
        ({"log_weights": torch.full((9,), torch.nan)}, "log_weights must be below infinity"),
        ({"log_weights": torch.full((9,), -torch.inf)}, "got weight 0 for all at target grain 0"),
        ({"recording_log_weights": torch.zeros(5, 2)}, "recording must be given"),
        ({"next_grain": torch.zeros(9, dtype=torch.int64)}, "next_grain must follow each grain at most once"),
        ({"next_grain": torch.full((9,), 9)}, r"next_grain must be int64 in \[-1, 9\)"),
    ],
)
def test_bad_arguments_are_named(change: dict[str, object], message: str) -> None:
    arguments = {"target": unit_rows(5, 4, 1), "codebook": unit_rows(9, 4, 2), "temperature": 0.3} | change
    with pytest.raises(ArgumentError, match=message):
        match(**arguments, generator=seeded())


def test_bad_recordings_and_shapes_are_named() -> None:
    target, codebook = unit_rows(5, 4, 1), unit_rows(9, 4, 2)
    recording = torch.arange(9) % 3
    with pytest.raises(ArgumentError, match=r"recording must be int64 in \[0, 2\)"):
        match(
            target,
            codebook,
            temperature=0.3,
            generator=seeded(),
            recording=recording,
            recording_log_weights=torch.zeros(5, 2),
        )
    weights = torch.zeros(5, 3)
    weights[3] = -torch.inf
    with pytest.raises(ArgumentError, match="at target grain 3"):
        match(target, codebook, temperature=0.3, generator=seeded(), recording=recording, recording_log_weights=weights)
    with pytest.raises(ShapeError, match="codebook must be"):
        match(target, torch.zeros(0, 4), temperature=0.3, generator=seeded())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sampler": "best"}, "sampler must be one of independent, chain, viterbi, online, got 'best'"),
        ({"repetition_penalty": -1.0, "sampler": "online"}, "repetition_penalty must be finite and >= 0, got -1.0"),
        ({"repetition_penalty": 1.0, "sampler": "chain"}, "repetition_penalty must be 0 with sampler 'chain'"),
        ({"repetition_frames": -1}, "repetition_frames must be >= 0"),
        (
            {"repetition_penalty": 0.5, "sampler": "online"},
            "repetition_frames must be >= 1 with repetition_penalty=0.5",
        ),
        ({"block_grains": 0}, "block_grains must be >= 1"),
    ],
)
def test_bad_configurations_are_named(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        MatchConfig(**arguments)
