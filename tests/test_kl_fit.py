"""KL fits of a few spectra: against the printed formula, a general solver, and what may never happen."""

import math

import pytest
import torch
from scipy.optimize import minimize

from lgr.baselines.kl_fit import kl_divergence, kl_fit


def draws(seed=0):
    return torch.Generator().manual_seed(seed)


def test_divergence_is_the_printed_formula_and_zero_only_at_the_target():
    target, model = torch.rand(5, 7, generator=draws()) + 0.1, torch.rand(5, 7, generator=draws(1)) + 0.1
    by_hand = [
        sum(v * math.log(v / m) - v + m for v, m in zip(*rows, strict=True))
        for rows in zip(target.tolist(), model.tolist(), strict=True)
    ]
    torch.testing.assert_close(kl_divergence(target, model), torch.tensor(by_hand), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(kl_divergence(target, target), torch.zeros(5), rtol=0, atol=1e-6)
    assert (kl_divergence(target, model) > 0.01).all()
    torch.testing.assert_close(kl_divergence(torch.zeros(7), model[0]), model[0].sum())  # silence costs what is added
    assert torch.isfinite(kl_divergence(target[0], torch.zeros(7)))


def test_fit_finds_what_a_solver_finds():
    generator = draws(3)
    templates = torch.rand(4, 3, 8, generator=generator).double() + 0.05
    target = torch.rand(8, generator=generator).double() + 0.05
    h, d = kl_fit(target, templates, iterations=5000)
    for i in range(4):
        best = minimize(
            lambda x, w=templates[i]: float(kl_divergence(target, torch.from_numpy(x) @ w)),
            [0.5] * 3,
            bounds=[(1e-9, None)] * 3,
            method="L-BFGS-B",
            options={"ftol": 1e-14, "gtol": 1e-10, "maxiter": 2000},
        )
        assert float(d[i]) == pytest.approx(best.fun, rel=1e-4)
        torch.testing.assert_close(h[i] @ templates[i], torch.from_numpy(best.x) @ templates[i], rtol=1e-2, atol=1e-3)


def test_updates_never_raise_the_divergence():
    generator = draws(4)
    templates, target = (
        torch.rand(20, 5, 30, generator=generator).double(),
        torch.rand(30, generator=generator).double(),
    )
    divergences = torch.stack([kl_fit(target, templates, iterations=n)[1] for n in range(1, 30)])
    assert (divergences.diff(dim=0) <= 1e-12).all()
    assert (divergences[-1] < divergences[0]).all()


def test_one_template_is_fitted_at_once():
    """With p = 1 the optimum is the ratio of the sums, whatever the shapes."""
    template, target = torch.rand(6, 1, 9, generator=draws(5)), torch.rand(9, generator=draws(6))
    h, _ = kl_fit(target, template, iterations=1)
    torch.testing.assert_close(h[:, 0], target.sum() / template[:, 0].sum(1))


def test_penalty_holds_quiet_templates_down_and_silence_stays_finite():
    quiet, target = torch.full((1, 1, 6), 1e-4), torch.ones(6)
    free, _ = kl_fit(target, quiet, iterations=10)
    held, _ = kl_fit(target, quiet, iterations=10, penalty=torch.full((1, 1), 0.1))
    assert float(free) == pytest.approx(1e4, rel=1e-3)
    assert float(held) < 100
    for templates in (torch.zeros(1, 2, 6), quiet.expand(1, 2, 6)):
        for goal in (target, torch.zeros(6)):
            h, d = kl_fit(goal, templates, iterations=10, penalty=torch.full((1, 2), 0.1))
            assert torch.isfinite(torch.cat([h.flatten(), d])).all()
