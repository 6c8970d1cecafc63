"""Reconstruction against numpy and scipy written again from the definitions, auraloss, and closed forms."""

import math

import numpy as np
import pytest
import torch
from made_up_sounds import RATE, noise, sine, voice

from lgr.errors import ShapeError
from lgr.measures.reconstruction import align, estoi, lsd, mel_distance, mel_mstft, mstft, rmse, si_sdr, si_snr

REFERENCE = voice(300, 1.3) * torch.linspace(0.1, 1, round(1.3 * RATE))
ESTIMATE = 0.8 * REFERENCE + noise(1.3, 1, level=0.02)


def spectrum(audio: torch.Tensor, window: int) -> np.ndarray:
    """Magnitudes (bins, frames) by scipy, as the project's scorer takes them."""
    from scipy.signal import stft

    return np.abs(stft(audio.numpy(), nperseg=window, noverlap=window - window // 4, boundary=None)[2])


def triangles(bands: int) -> np.ndarray:
    def hz(mel: np.ndarray) -> np.ndarray:
        return 700 * (10 ** (mel / 2595) - 1)

    edges = hz(np.linspace(0, 2595 * math.log10(1 + RATE / 2 / 700), bands + 2))
    return np.stack([np.interp(np.arange(1025) * RATE / 2048, edges[i : i + 3], [0, 1, 0]) for i in range(bands)])


def test_mstft_is_the_relative_l1_of_scipys_magnitudes() -> None:
    pairs = [(spectrum(REFERENCE, w), spectrum(ESTIMATE, w)) for w in (2048, 1024, 512, 256, 128)]
    expected = np.mean([np.abs(a - b).mean() / a.mean() for a, b in pairs])
    assert mstft(REFERENCE, ESTIMATE) == pytest.approx(expected, rel=1e-5)


def test_lsd_is_the_rms_over_bins_of_decibels() -> None:
    a, b = spectrum(REFERENCE, 2048), spectrum(ESTIMATE, 2048)
    floor = a.max() * 1e-4
    difference = 20 * np.log10((a + floor) / (b + floor))
    assert lsd(REFERENCE, ESTIMATE) == pytest.approx(np.sqrt((difference**2).mean(0)).mean(), rel=1e-4)


def test_mel_distance_is_the_l1_of_log_bands() -> None:
    a, b = (np.log10(triangles(80) @ spectrum(x, 2048) + 1e-5) for x in (REFERENCE, ESTIMATE))
    assert mel_distance(REFERENCE, ESTIMATE, RATE) == pytest.approx(np.abs(a - b).mean(), rel=1e-4)


def test_auralosss_sisdr_agrees() -> None:
    freq = pytest.importorskip("auraloss")
    expected = -float(freq.time.SISDRLoss(zero_mean=False)(ESTIMATE[None, None], REFERENCE[None, None]))
    assert si_sdr(REFERENCE, ESTIMATE) == pytest.approx(expected, abs=1e-3)


def test_si_snr_is_si_sdr_of_sounds_without_their_means() -> None:
    freq = pytest.importorskip("auraloss")
    expected = -float(freq.time.SISDRLoss(zero_mean=True)((ESTIMATE + 0.1)[None, None], (REFERENCE - 0.2)[None, None]))
    assert si_snr(REFERENCE - 0.2, ESTIMATE + 0.1) == pytest.approx(expected, abs=1e-3)
    assert si_snr(REFERENCE, ESTIMATE.roll(3), max_lag=8) == pytest.approx(si_snr(REFERENCE, ESTIMATE), abs=0.1)


@pytest.mark.parametrize("decibels", [-10.0, 0.0, 25.0])
def test_si_sdr_of_known_noise(decibels: float) -> None:
    """Noise orthogonal to the sound and so many dB below it, at any gain."""
    disturbance = noise(1.3, 2).double()
    a = REFERENCE.double()
    disturbance = disturbance - (disturbance @ a) / (a @ a) * a
    disturbance *= a.norm() / disturbance.norm() * 10 ** (-decibels / 20)
    for gain in (1.0, 0.05):
        assert si_sdr(a, gain * (a + disturbance)) == pytest.approx(decibels, abs=1e-3)


def test_si_sdr_finds_the_lag_if_it_is_asked_to() -> None:
    late = torch.cat([torch.zeros(17), ESTIMATE])[: len(ESTIMATE)]
    assert si_sdr(REFERENCE, late, max_lag=64) == pytest.approx(si_sdr(REFERENCE, ESTIMATE), abs=0.05)
    assert si_sdr(REFERENCE, late) < 5


@pytest.mark.parametrize("lag", [-64, -5, 0, 1, 64])
def test_a_known_lag_is_undone(lag: int) -> None:
    long = noise(0.5, 3)
    a, b = long[100 : 100 + 8000], long[100 - lag : 100 - lag + 8000]
    aligned_a, aligned_b, found = align(a, b)
    assert found == lag
    assert len(aligned_a) == 8000 - abs(lag)
    assert torch.equal(aligned_a, aligned_b)


def test_alignment_of_short_sounds_and_of_sounds_of_two_lengths() -> None:
    a, b, lag = align(noise(0.01, 4), noise(0.02, 4))
    assert (len(a), len(b), lag) == (240, 240, 0)
    a, b, lag = align(noise(0.5, 4), noise(0.4, 5))
    assert len(a) == len(b) == 9600 - abs(lag)


@pytest.mark.parametrize("gain", [0.5, 0.9, 2.0])
def test_a_gain_has_closed_forms(gain: float) -> None:
    flat = noise(1, 6, level=0.3)
    assert mstft(flat, gain * flat) == pytest.approx(abs(1 - gain), rel=1e-4)
    assert mel_mstft(flat, gain * flat, RATE) == pytest.approx(abs(1 - gain), rel=1e-4)
    assert lsd(flat, gain * flat) == pytest.approx(abs(20 * math.log10(gain)), rel=0.02)
    assert mel_distance(flat, gain * flat, RATE) == pytest.approx(abs(math.log10(gain)), rel=0.05)
    assert rmse(flat, gain * flat) == pytest.approx(abs(1 - gain) * float(flat.square().mean().sqrt()), rel=1e-4)


def test_an_exact_copy_and_silence() -> None:
    silence = torch.zeros_like(REFERENCE)
    for measure in (mstft, lsd, rmse):
        assert measure(REFERENCE, REFERENCE) == 0
    assert mstft(REFERENCE, silence) == pytest.approx(1, rel=1e-5)
    assert si_sdr(REFERENCE, REFERENCE) > 100
    assert all(
        math.isfinite(m) for m in (si_sdr(silence, REFERENCE), si_sdr(REFERENCE, silence), lsd(silence, silence))
    )


def test_mel_bands_see_less_of_which_noise_than_bins_do() -> None:
    """Two draws of one noise differ in every bin, and less in bands."""
    a, b = noise(2, 7), noise(2, 8)
    assert mel_mstft(a, b, RATE) < 0.7 * mstft(a, b)


def test_estoi_falls_with_noise_and_is_none_where_too_little_is_heard() -> None:
    pytest.importorskip("pystoi")
    bursts = voice(150, 3) * (torch.sin(torch.arange(3 * RATE) / RATE * 2 * math.pi * 4) > 0)
    found = [estoi(bursts, bursts + noise(3, 9, level=level), RATE) for level in (0.0, 0.05, 1.0)]
    assert found[0] == pytest.approx(1, abs=1e-3)
    assert found[0] > found[1] > found[2]
    assert estoi(sine(300, 0.2), sine(300, 0.2), RATE) is None


def test_lengths_that_differ_are_refused() -> None:
    for measure in (mstft, lsd, rmse, si_sdr):
        with pytest.raises(ShapeError, match=r"estimate must be \(31200,\), got \(31199,\)"):
            measure(REFERENCE, ESTIMATE[:-1])
