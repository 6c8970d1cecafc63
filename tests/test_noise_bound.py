"""Bounds: independent noise against the closed form, exact numbers against Parseval; recordings made dark."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmarks.vae_dark import darkened, low_passed, noise_lsd
from benchmarks.vae_held_out import HeldOutClip
from benchmarks.vae_noise import APART_DB, WINDOW, audible_share, expected_power, independent_noise
from benchmarks.vae_noise_bound import HOP, exact_numbers, kept


def white(samples: int = 48_000, seed: int = 0) -> torch.Tensor:
    return 0.1 * torch.randn(samples, generator=torch.Generator().manual_seed(seed))


def decibels(audio: torch.Tensor) -> torch.Tensor:
    spectrum = torch.stft(audio, WINDOW, WINDOW // 4, window=torch.hann_window(WINDOW), return_complex=True)
    return 20 * torch.log10(spectrum.abs()[1:-1, 4:-4])


def test_two_white_noises_are_as_far_apart_as_the_closed_form_says() -> None:
    assert pytest.approx(7.88, abs=0.005) == APART_DB
    apart = (decibels(white()) - decibels(white(seed=1))).square().mean().sqrt()
    assert float(apart) == pytest.approx(APART_DB, rel=0.03)


def test_independent_noise_has_the_level_and_the_colour_of_the_recording_and_not_its_phases() -> None:
    audio = white().cumsum(0) * 0.05 + white(seed=2) * torch.linspace(0.1, 1, 48_000)
    made = independent_noise(audio, torch.Generator().manual_seed(3))
    levels = [10 * torch.log10(expected_power(x)[:, 5:-5].reshape(41, 25, -1).mean((1, 2))) for x in (audio, made)]
    assert float((levels[0] - levels[1])[2:].abs().max()) < 1.0
    assert (
        abs(float(torch.corrcoef(torch.stack([decibels(audio)[60:].flatten(), decibels(made)[60:].flatten()]))[0, 1]))
        < 0.9
    )
    again = independent_noise(audio, torch.Generator().manual_seed(3))
    assert torch.equal(made, again)


def test_what_lies_under_the_floor_is_not_audible() -> None:
    tone = torch.sin(2 * math.pi * 100 / WINDOW * torch.arange(48_000))
    assert audible_share(white()) > 0.99
    assert audible_share(tone + 1e-6 * white()) < 0.1


# ---- exact numbers ---------------------------------------------------------------------------------------------------


def brown(samples: int = 48_000) -> torch.Tensor:
    return 0.02 * white(samples).cumsum(0) + 0.01 * white(samples, seed=1)


def test_all_numbers_give_the_recording_back_and_the_largest_lose_the_least() -> None:
    audio = brown(HOP * 40 + 17)
    torch.testing.assert_close(kept(audio, HOP, largest=False), audio, rtol=0, atol=1e-5)
    lost = {}
    for largest in (False, True):
        part = kept(audio, 16, largest=largest)
        rest = audio - part
        assert abs(float((part * rest).sum())) < 1e-3 * float(audio.square().sum())  # a projection
        lost[largest] = float(rest.square().sum() / audio.square().sum())
    assert lost[True] < 0.8 * lost[False] < 0.8


def test_exact_numbers_are_told_with_noise_and_without() -> None:
    audio = brown()
    found = exact_numbers(audio, score, torch.Generator().manual_seed(0))
    assert set(found) == {
        f"{n} {which}{how}" for n in (16, 128) for which in ("lowest", "largest") for how in ("", " and noise")
    }
    assert found["16 lowest and noise"]["lsd"] < found["16 lowest"]["lsd"]
    assert found["16 lowest and noise"]["sisdr"] < found["16 lowest"]["sisdr"] < found["128 lowest"]["sisdr"]


# ---- dark recordings -------------------------------------------------------------------------------------------------


def score(a: np.ndarray, b: np.ndarray, sample_rate: int) -> dict[str, float]:
    """The log-spectral distance as the project's scorer has it, and the plain waveform's error."""
    assert sample_rate == 24000
    a, b = (torch.from_numpy(x) for x in (a, b))
    window = torch.hann_window(WINDOW)
    magnitudes = [
        torch.stft(x, WINDOW, WINDOW // 4, window=window, center=False, return_complex=True).abs() for x in (a, b)
    ]
    decibels = [20 * torch.log10(x + 1e-4 * magnitudes[0].max()) for x in magnitudes]
    lsd = (decibels[0] - decibels[1]).square().mean(0).sqrt().mean()
    return {
        "lsd": float(lsd),
        "mstft": 0.0,
        "sisdr": float(10 * torch.log10(a.square().sum() / (a - b).square().sum())),
    }


def test_a_recording_is_made_as_dark_as_asked_and_no_darker() -> None:
    clip = HeldOutClip("a.wav", "thunderstorm", "a", white(seed=5))  # not the seed of the noise that it is tested with
    clip = replace(clip, audio=low_passed(clip, 300).audio + 0.01 * clip.audio)  # a rumble in rain
    assert noise_lsd(clip, score, 0) > 6
    dark = darkened(clip, score, lsd=2.3)
    assert 2.2 < noise_lsd(dark, score, 0) <= 2.3
    assert (dark.path, dark.audio.shape, dark.audio.dtype) == ("a.wav", clip.audio.shape, torch.float32)
    assert darkened(dark, score, lsd=2.4) is dark  # dark enough
    assert audible_share(dark.audio) < 0.5 * audible_share(clip.audio)


def test_a_low_pass_moves_nothing_and_leaves_what_is_low() -> None:
    t = torch.arange(24_000) / 24_000
    low, high = (torch.sin(2 * math.pi * hz * t) for hz in (100, 6000))
    passed = low_passed(HeldOutClip("a.wav", "x", "a", low + high), 2000.0).audio
    torch.testing.assert_close(passed[2000:-2000], low[2000:-2000], rtol=0, atol=1e-3)
