"""Training losses: zero where nothing differs, oracles where something does, and slopes that stay finite on silence."""

import math

import pytest
import torch
from torch import Tensor

from lgr.errors import ArgumentError, ShapeError
from lgr.losses import MEL_BANDS, WINDOWS, magnitudes, relative_l1, spectral_losses
from lgr.sound.mel import mel_filters

RATE = 24000


def noise(batch: int = 2, samples: int = 4800, seed: int = 0) -> Tensor:
    return 0.1 * torch.randn(batch, samples, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("window", WINDOWS)
def test_a_full_scale_sine_has_magnitude_one(window: int) -> None:
    hz = RATE / window * (window // 8)  # the centre of a bin
    sine = torch.sin(2 * math.pi * hz * torch.arange(RATE) / RATE)[None]
    inner = magnitudes(sine, window)[:, 8:-8]
    assert inner.shape[2] == window // 2 + 1
    torch.testing.assert_close(inner.amax(2), torch.ones(1, inner.shape[1]), rtol=0, atol=1e-3)


def test_nothing_differs_from_itself() -> None:
    audio = noise()
    terms = spectral_losses(audio, audio, RATE)
    assert set(terms) == {"log_mel", "convergence", "linear"}
    assert float(terms["log_mel"]) == 0
    assert float(terms["linear"]) == 0
    assert 0 <= float(terms["convergence"]) < 1e-3
    assert float(relative_l1(audio, audio)) == 0


def test_terms_are_those_of_a_plain_computation() -> None:
    estimate, reference = noise(seed=1), noise(seed=2) * torch.tensor([[1.0], [0.1]])
    window = 256
    est, ref = magnitudes(estimate, window).double(), magnitudes(reference, window).double()
    filters = mel_filters(window, MEL_BANDS[window], RATE).double()
    linear = convergence = 0.0
    logs = []
    for e, r in zip(est, ref, strict=True):
        linear += float((e - r).abs().mean() / (r.mean() + 1e-4)) / 2
        convergence += float((e - r).norm() / math.sqrt(e.numel()) / (r.norm() / math.sqrt(r.numel()) + 1e-4)) / 2
        logs.append((torch.log10(e @ filters.T + 1e-5) - torch.log10(r @ filters.T + 1e-5)).abs().mean())
    terms = spectral_losses(estimate, reference, RATE, (window,), floor=1e-5)
    assert float(terms["linear"]) == pytest.approx(linear, rel=1e-4)
    assert float(terms["convergence"]) == pytest.approx(convergence, rel=1e-4)
    assert float(terms["log_mel"]) == pytest.approx(float(torch.stack(logs).mean()), rel=1e-4)


def test_ten_decibels_are_half_a_decade() -> None:
    loud = 10 * noise()
    terms = spectral_losses(loud, loud * 10**-0.5, RATE)
    assert float(terms["log_mel"]) == pytest.approx(0.5, abs=0.01)


def test_several_windows_are_their_mean() -> None:
    a, b = noise(seed=1), noise(seed=2)
    each = [spectral_losses(a, b, RATE, (w,)) for w in WINDOWS]
    for name, value in spectral_losses(a, b, RATE).items():
        assert float(value) == pytest.approx(sum(float(e[name]) for e in each) / len(WINDOWS), rel=1e-5)


def test_slopes_are_finite_on_silence() -> None:
    for reference in (torch.zeros(1, 4800), noise(1)):
        estimate = torch.zeros(1, 4800, requires_grad=True)
        loss = sum(spectral_losses(estimate, reference, RATE).values(), relative_l1(estimate, reference))
        assert isinstance(loss, Tensor)
        loss.backward()  # type: ignore[no-untyped-call]
        assert math.isfinite(float(loss.detach()))
        assert estimate.grad is not None
        assert bool(estimate.grad.isfinite().all())


def test_waveform_error_is_relative() -> None:
    reference = torch.full((2, 100), 0.5)
    assert float(relative_l1(reference * 1.1, reference)) == pytest.approx(0.05 / 0.501, rel=1e-4)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"estimate must be \(batch, samples\) \(2, 4800\), got \(1, 4800\)"):
        spectral_losses(noise(1), noise(2), RATE)  # would broadcast
    with pytest.raises(ShapeError, match="estimate must be"):
        relative_l1(noise(1), noise(2))
    with pytest.raises(ArgumentError, match="windows must be some of"):
        spectral_losses(noise(), noise(), RATE, (100,))
