"""The least distance of independent noise: the closed form on white noise, nothing under the floor, replays."""

import math

import pytest
import torch

from benchmarks.vae_noise_bound import APART_DB, WINDOW, audible_share, expected_power, independent_noise


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
