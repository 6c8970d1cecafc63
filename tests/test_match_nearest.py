"""The nearest grain by its two ways, bfloat16 first and float32 alone, against brute force and against each other."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import normalize

from lgr.errors import ArgumentError
from lgr.matching.cells import CELL
from lgr.matching.coarse import MOST_LEFT, _spread, candidate_peaks, error_bound
from lgr.matching.logits import Logits
from lgr.matching.nearest import SLACK, TIE, nearest
from lgr.matching.problem import Problem


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def unit_rows(n: int, dim: int, seed: int) -> Tensor:
    return normalize(torch.randn(n, dim, generator=seeded(seed)), dim=1)


def cold(target: Tensor, codebook: Tensor, **weights: Tensor) -> Logits:
    return Logits(Problem.build(target, codebook, temperature=0.0, **weights), cold=True)


def both_ways(logits: Logits, block_grains: int = 4096) -> tuple[Tensor, Tensor]:
    def silent(seen: int) -> None:
        """Report to nobody."""

    return tuple(nearest(logits, block_grains, silent, _coarse=coarse) for coarse in (True, False))  # type: ignore[return-value]


def brute_force(logits: Logits) -> Tensor:
    """The lowest index of the largest float64 cosine among the grains that are not barred."""
    exact = logits.target.double() @ logits.codebook.double().T
    if logits.weights is not None:
        exact += logits.weights
    if logits.changing is not None:
        exact += logits.changing[:, logits.recording]
    best = exact.amax(dim=1, keepdim=True)
    return torch.where(exact >= best - TIE, torch.arange(len(logits.codebook)), len(logits.codebook)).amin(dim=1)


def assert_nearest(logits: Logits, chosen: Tensor) -> None:
    """As ``brute_force``, but that ties may chain: of cells in a row, each may be a tie with the one before."""
    exact = logits.target.double() @ logits.codebook.double().T
    best = exact.amax(dim=1, keepdim=True)
    assert bool((exact.gather(1, chosen[:, None]) >= best - 2 * TIE).all())
    surely = torch.where(exact >= best - TIE / 2, torch.arange(len(logits.codebook)), len(logits.codebook))
    assert bool((chosen <= surely.amin(dim=1)).all())


def material(kind: str) -> tuple[Tensor, Tensor]:
    """(target, codebook) that a rounded look could get wrong."""
    target, codebook = unit_rows(70, 24, 1), unit_rows(5 * CELL + 77, 24, 2)
    if kind == "near-duplicates":  # all within bfloat16's rounding of a few rows, and of the target's
        few = unit_rows(7, 24, 3)
        noise = 1e-3 * torch.randn(codebook.shape, generator=seeded(4))
        codebook = normalize(few[torch.arange(len(codebook)) % 7] + noise, dim=1)
        target = normalize(few[torch.arange(70) % 7] + noise[:70].flip(0), dim=1)
    elif kind == "slow drift":  # adjacent frames of a steady note
        angle = torch.linspace(0, 1.5, len(codebook))
        codebook = torch.zeros(len(codebook), 24)
        codebook[:, 0], codebook[:, 1] = angle.cos(), angle.sin()
        target = codebook[torch.randperm(len(codebook), generator=seeded())[:70]]
    elif kind == "tied":
        codebook = codebook[:CELL].repeat(4, 1)
        target = codebook[torch.randperm(CELL, generator=seeded())[:70]]
    elif kind == "identical":
        codebook = codebook[:1].expand(len(codebook), -1).contiguous()
    elif kind == "silence":  # rows of zeros on both sides
        codebook[::3] = 0
        target[::2] = 0
    elif kind == "tiny":  # far below what bfloat16's rounding is used to, down to subnormal numbers
        codebook, target = codebook * 1e-20, target * 10.0 ** -torch.linspace(0, 44, 70)[:, None]
    return target, codebook


KINDS = ["random", "near-duplicates", "slow drift", "tied", "identical", "silence"]


@pytest.mark.parametrize("kind", KINDS)
def test_both_ways_find_what_brute_force_finds(kind: str) -> None:
    logits = cold(*material(kind))
    coarse, float32 = both_ways(logits)
    expected = brute_force(logits)
    assert torch.equal(coarse, expected)
    assert torch.equal(float32, expected)


def test_tiny_rows_give_the_same_both_ways() -> None:
    coarse, float32 = both_ways(cold(*material("tiny")))
    assert torch.equal(coarse, float32)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), spread=st.sampled_from([1.0, 1e-2, 1e-4, 1e-6]), block=st.integers(1, 6000))
def test_both_ways_agree_at_any_spread_and_block(seed: int, spread: float, block: int) -> None:
    centre = unit_rows(1, 16, seed)
    codebook = normalize(centre + spread * torch.randn(2 * CELL + 5, 16, generator=seeded(seed + 1)), dim=1)
    target = normalize(centre + spread * torch.randn(30, 16, generator=seeded(seed + 2)), dim=1)
    logits = cold(target, codebook)
    coarse, float32 = both_ways(logits, block)
    assert torch.equal(coarse, float32)
    assert_nearest(logits, coarse)


def test_grains_of_weight_zero_are_never_found_either_way() -> None:
    target, codebook = material("random")
    target = codebook[:70]  # whose nearest grains, themselves, are barred
    weights = torch.zeros(len(codebook))
    weights[: CELL + 100] = -torch.inf
    changing = torch.zeros(70, 3)
    changing[::2, 1] = -torch.inf
    for logits in (
        cold(target, codebook, log_weights=weights),
        cold(
            target,
            codebook,
            log_weights=weights,
            recording=torch.arange(len(codebook)) % 3,
            recording_log_weights=changing,
        ),
    ):
        coarse, float32 = both_ways(logits)
        assert int(coarse.min()) >= CELL + 100
        assert torch.equal(coarse, float32)
        assert torch.equal(coarse, brute_force(logits))


def adversarial_rows(dim: int) -> tuple[Tensor, Tensor]:
    """Unit rows whose numbers lie half way between two bfloat16 numbers, all rounded the same way, and their match."""
    half = torch.full((dim,), 1 + 2.0**-8 - 2.0**-20)  # just below the middle: rounds down to 1
    up = torch.full((dim,), 1 + 2.0**-8 + 2.0**-20)  # just above: rounds up to 1 + 2^-7
    rows = []
    for row in (half, up):
        scale = 2.0 ** torch.arange(0, -12, -1.0)  # powers of two keep the place between bfloat16 numbers
        norm = float(row.norm())
        # the numbers that fill the row up to norm 1 without moving the others
        body = row * 2.0 ** -float(torch.tensor(norm).log2().ceil())
        left = 1 - float(body.double().square().sum())
        rows.append(torch.cat([body, torch.tensor([max(left, 0.0)]).sqrt()]))
        rows.append(normalize(torch.cat([row * scale[torch.arange(dim) % 12], torch.zeros(1)]), dim=0))
    codebook = torch.stack([*rows, *(-r for r in rows)])
    return codebook.clone(), codebook


@pytest.mark.parametrize("dim", [1, 3, 4, 63, 256, 1000])
def test_the_error_bound_holds_on_rows_made_to_break_it(dim: int) -> None:
    target, codebook = adversarial_rows(dim)
    target = torch.cat([target, unit_rows(200, dim + 1, 5)])
    codebook = torch.cat([codebook, unit_rows(200, dim + 1, 6), target[:50]])
    rounded = target.bfloat16()
    found = torch.mm(codebook.bfloat16(), rounded.T)
    exact = codebook.double() @ target.double().T
    allowed = _spread(found, error_bound(target, rounded)).double()
    wrong = (found.double() - exact).abs()
    assert bool((wrong <= allowed).all())
    assert float(wrong.max()) > 0.3 * float(allowed.max())  # nor is the bound far from what does happen
    assert float(allowed.max()) < 3.1 * 2.0**-8 + 1e-3


def test_a_cell_is_left_out_only_if_it_cannot_hold_the_nearest() -> None:
    logits = cold(*material("random"))
    peaks = candidate_peaks(logits, SLACK, 4096, lambda seen: None, most_left=1.0)
    assert peaks is not None
    exact = logits.target.double() @ logits.codebook.double().T
    best = exact.amax(dim=1)
    for cell in range(peaks.shape[1]):
        true = exact[:, cell * CELL : (cell + 1) * CELL].amax(dim=1)
        kept = peaks[:, cell] > -torch.inf
        assert bool((true < best - SLACK / 2)[~kept].all())
        torch.testing.assert_close(peaks[kept, cell].double(), true[kept], rtol=0, atol=1e-6)
    assert bool((peaks == -torch.inf).any())


@pytest.mark.parametrize("kind", ["identical", "near-duplicates"])
def test_too_many_candidates_give_the_coarse_look_up(kind: str) -> None:
    logits = cold(*material(kind))
    assert candidate_peaks(logits, SLACK, 4096, lambda seen: None, MOST_LEFT) is None


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_given_up_on_is_found_in_float32(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lgr.matching.nearest.worth_it", lambda logits: True)
    logits = cold(*material(kind))
    seen: list[int] = []
    assert torch.equal(nearest(logits, CELL, seen.append), brute_force(logits))
    assert seen == sorted(set(seen))
    assert seen[-1] == len(logits.codebook)


def test_the_coarse_look_is_given_up_early() -> None:
    seen: list[int] = []
    codebook = unit_rows(1, 8, 1).expand(40 * CELL, -1).contiguous()
    assert candidate_peaks(cold(unit_rows(3, 8, 2), codebook), SLACK, 4096, seen.append, MOST_LEFT) is None
    assert max(seen) < 33 * CELL


@pytest.mark.parametrize("coarse", [True, False])
@pytest.mark.parametrize("kind", ["random", "identical"])
def test_progress_never_goes_back_and_ends_at_the_codebooks_size(coarse: bool, kind: str) -> None:
    target, codebook = material(kind)
    seen: list[int] = []
    nearest(cold(target, codebook), CELL, seen.append, _coarse=coarse)
    assert seen == sorted(set(seen))
    assert seen[-1] == len(codebook)


@pytest.mark.parametrize("coarse", [True, False])
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_a_codebook_that_is_not_finite_is_refused_either_way(coarse: bool, value: float) -> None:
    target, codebook = material("random")
    codebook[3000] = value
    with pytest.raises(ArgumentError, match="codebook must be finite"):
        nearest(cold(target, codebook), 4096, lambda seen: None, _coarse=coarse)
