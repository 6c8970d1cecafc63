"""The grain models' losses: oracles, the project's scorer, closed forms, and schedules."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import stft
from torch import Tensor

from lgr.errors import ArgumentError, ShapeError
from lgr.losses import (
    GRAIN_WINDOWS,
    TERMS,
    beta_at,
    kl_divergence,
    reconstruction_terms,
    relative_mstft,
)
from lgr.sound.mel import mel_filters

RATE = 16000


def noise(batch: int = 2, samples: int = 5000, seed: int = 0) -> Tensor:
    return 0.1 * torch.randn(batch, samples, generator=torch.Generator().manual_seed(seed))


def test_nothing_differs_from_itself() -> None:
    terms = reconstruction_terms(noise(), noise(), RATE)
    assert set(terms) == set(TERMS)
    assert all(float(value) == 0 for value in terms.values())
    assert bool((relative_mstft(noise(), noise()) == 0).all())


def test_log_power_is_paper_001s() -> None:
    """``log(eps + |STFT|^2)`` of plain sums, linear and mel, against numpy-like loops over frames."""
    a, b, window = noise(1, seed=1)[0], noise(1, seed=2)[0], 256
    hann = torch.hann_window(window, dtype=torch.float64)
    logs = []
    for audio in (a, b):
        padded = torch.nn.functional.pad(audio.double(), (window // 2, window // 2))
        frames = [padded[i : i + window] * hann for i in range(0, audio.shape[0] + 1, window // 4)]
        magnitude = torch.stack([torch.fft.rfft(frame).abs() for frame in frames])
        mel = magnitude @ mel_filters(window, 40, RATE).double().T
        logs.append([torch.log(5e-3 + x.square()) for x in (magnitude, mel)])
    expected = sum(float((x - y).abs().mean()) for x, y in zip(*logs, strict=True)) / 2
    got = reconstruction_terms(a[None], b[None], RATE, (window,), ("log_power",))["log_power"]
    assert float(got) == pytest.approx(expected, rel=1e-3)


def test_the_floor_of_log_power_hides_what_is_below_it() -> None:
    quiet = 1e-6 * noise(1)
    terms = reconstruction_terms(quiet, torch.zeros_like(quiet), RATE, terms=("log_power",))
    assert float(terms["log_power"]) < 1e-4


def test_magnitude_terms_do_not_depend_on_the_level() -> None:
    a, b = noise(seed=1), noise(seed=2)
    loud, soft = (reconstruction_terms(a * g, b * g, RATE, terms=("magnitude",))["magnitude"] for g in (8.0, 1.0))
    assert float(loud) == pytest.approx(float(soft), rel=0.02)
    ten = reconstruction_terms(a, 10 * a, RATE, terms=("log_magnitude",))["log_magnitude"]
    assert float(ten) == pytest.approx(math.log(10), rel=0.02)


@pytest.mark.parametrize("windows", [GRAIN_WINDOWS, (1024, 512, 256, 128, 64, 32)])  # paper 001, at 22 and at 16 kHz
def test_terms_are_means_over_windows_and_only_those_asked_for(windows: tuple[int, ...]) -> None:
    a, b = noise(seed=1), noise(seed=2)
    each = [reconstruction_terms(a, b, RATE, (w,)) for w in windows]
    whole = reconstruction_terms(a, b, RATE, windows)
    for name in TERMS:
        assert float(whole[name]) == pytest.approx(sum(float(e[name]) for e in each) / len(windows), rel=1e-4)
        alone = reconstruction_terms(a, b, RATE, windows, (name,))
        assert set(alone) == {name}
        assert torch.equal(alone[name], whole[name])


def test_slopes_are_finite_on_silence() -> None:
    for reference in (torch.zeros(1, 5000), noise(1)):
        estimate = torch.zeros(1, 5000, requires_grad=True)
        torch.stack(list(reconstruction_terms(estimate, reference, RATE).values())).sum().backward()  # type: ignore[no-untyped-call]
        assert estimate.grad is not None
        assert bool(estimate.grad.isfinite().all())


@pytest.mark.parametrize("samples", [1000, 2048, 5000])
def test_relative_mstft_is_the_scorers(samples: int) -> None:
    a, b = noise(2, samples, seed=1), noise(2, samples, seed=2)
    expected = []
    for x, y in zip(a, b, strict=True):
        total = 0.0
        for w in GRAIN_WINDOWS:
            # the scorer's files are longer than a window: here silence makes them so
            pads = [torch.nn.functional.pad(z, (0, max(0, w - samples))).numpy() for z in (x, y)]
            ref, est = (abs(stft(z, nperseg=w, noverlap=w - w // 4, boundary=None)[2]) for z in pads)
            total += abs(ref - est).mean() / ref.mean()
        expected.append(total / len(GRAIN_WINDOWS))
    torch.testing.assert_close(relative_mstft(b, a), torch.tensor(expected, dtype=torch.float32), rtol=1e-4, atol=0)
    assert relative_mstft(torch.zeros_like(a), a) == pytest.approx(1)


def test_the_divergence_is_the_closed_form() -> None:
    generator = torch.Generator().manual_seed(0)
    mean, log_variance = torch.randn(2, 3, 4, 5, generator=generator)
    q = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
    p = torch.distributions.Normal(torch.zeros_like(mean), torch.ones_like(mean))
    expected = torch.distributions.kl_divergence(q, p).sum(-1).mean()
    torch.testing.assert_close(kl_divergence(mean, log_variance), expected)
    assert float(kl_divergence(torch.zeros(1, 3), torch.zeros(1, 3))) == 0


def test_beta_waits_rises_and_stays() -> None:
    schedule = {"target": 2.0, "silent": 0.1, "ramp": 0.2}
    assert [beta_at(p, **schedule) for p in (0.0, 0.05, 0.0999)] == [0, 0, 0]
    assert beta_at(0.2, **schedule) == pytest.approx(1.0)
    assert [beta_at(p, **schedule) for p in (0.31, 0.7, 1.0)] == [2, 2, 2]
    assert beta_at(0.1, target=2.0, silent=0.1, ramp=0) == 2


@given(a=st.floats(0, 1), b=st.floats(0, 1), silent=st.floats(0, 1), ramp=st.floats(0, 1))
def test_beta_never_falls(a: float, b: float, silent: float, ramp: float) -> None:
    low, high = (beta_at(p, target=1.0, silent=silent, ramp=ramp) for p in sorted((a, b)))
    assert 0 <= low <= high <= 1


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"estimate must be \(batch, samples\) \(2, 5000\), got \(1, 5000\)"):
        reconstruction_terms(noise(1), noise(2), RATE)
    with pytest.raises(ShapeError, match="estimate must be"):
        relative_mstft(noise(1), noise(2))
    with pytest.raises(ArgumentError, match="windows must be some of"):
        reconstruction_terms(noise(), noise(), RATE, (100,))
    with pytest.raises(ArgumentError, match=r"terms must be some of log_power, .*, got pitch"):
        reconstruction_terms(noise(), noise(), RATE, terms=("pitch",))
    with pytest.raises(ShapeError, match="log_variance must be"):
        kl_divergence(torch.zeros(2, 3), torch.zeros(2, 4))
