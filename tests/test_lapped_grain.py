"""The lapped transform of grains: whole again where nothing is left out, noise of the right spectrum where it is."""

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from lgr.models.granular.lapped import LappedGrain
from lgr.models.granular.model import GranularConfig, GranularVAE
from lgr.models.granular.overlap import cut_grains, grain_window, overlap_add

RATE = 8000
HOP = 128


def lapped(n_waveform: int = 40, n_levels: int = 8) -> LappedGrain:
    return LappedGrain(grain_window(HOP), n_waveform, n_levels, RATE)


def audio(samples: int, seed: int = 0) -> Tensor:
    return torch.randn(2, samples, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("samples", [1, HOP - 1, HOP, HOP + 1, 3 * HOP, 7 * HOP + 50])
def test_all_coefficients_give_the_file_back_to_its_first_and_last_sample(samples: int) -> None:
    grain, x = lapped(), audio(samples)
    grains = cut_grains(x, HOP)
    frames = grain.frames(torch.stack([grain.coefficients(each) for each in grains]))
    back = overlap_add(frames, torch.ones(4 * HOP), grain.weights())
    assert_close(back[:, :samples], x, rtol=0, atol=1e-4)


def test_the_squared_window_sums_to_one() -> None:
    weights = lapped().weights().view(4, HOP)
    assert_close(weights.sum(0), torch.ones(HOP), rtol=0, atol=1e-5)
    assert weights[0].abs().max() == weights[3].abs().max() == 0


def test_levels_are_the_cepstrum_of_the_bands_log_power() -> None:
    """By sums of cosines, band by band; with fewer levels than bands the curve is the smooth part of it."""
    grain = lapped(40, 5)
    x = audio(4 * HOP)
    unit = x / x.square().mean(1, keepdim=True).sqrt()
    logs = torch.log(torch.fft.rfft(unit * grain.window, norm="ortho").abs().square() + 1e-9) + 0.5772
    n_bands = grain.bands.shape[1]
    for i, clip in enumerate(logs):
        means = [float((clip * weights).sum()) for weights in grain.bands.T]
        for k in range(5):
            cosines = [math.cos(math.pi * k * (b + 0.5) / n_bands) for b in range(n_bands)]
            sum_ = sum((m + 10) / 2 * c for m, c in zip(means, cosines, strict=True))
            expected = sum_ * (1 if k == 0 else 2) / n_bands
            assert float(grain.levels(unit)[i, k]) == pytest.approx(expected, abs=1e-3)


def untrained(**changes: object) -> GranularVAE:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        sizes = {"sample_rate": RATE, "hop_length": HOP, "decoder": "lapped+pp", "latent_dim": 60} | changes
        return GranularVAE(GranularConfig(**sizes)).eval()


def through(model: GranularVAE, x: Tensor) -> Tensor:
    with torch.no_grad():
        mean = model.posterior(x).mean
        return model.render(mean, torch.zeros(x.shape[0], mean.shape[1], 0), seeds=range(x.shape[0]))[:, : x.shape[1]]


@pytest.mark.parametrize("level", [1e-3, 0.3])
def test_an_untrained_model_is_exact_below_the_edge(level: float) -> None:
    time = torch.arange(12 * HOP) / RATE
    tones = torch.stack([torch.sin(2 * torch.pi * hz * time + hz) for hz in (110.0, 440.0, 900.0)])
    x = level * tones.sum(0)[None] * torch.hann_window(12 * HOP)
    out = through(untrained(), x)
    assert float((out - x).square().sum() / x.square().sum()) < 1e-4  # 40 dB


def test_an_untrained_model_puts_noise_of_the_right_level_above_the_edge() -> None:
    x = 0.1 * audio(200 * HOP, seed=3)
    kernel = torch.tensor([[[1.0, -0.9]]])  # brighter than white
    x = torch.nn.functional.conv1d(x[:, None], kernel)[:, 0]
    out = through(untrained(), x)
    powers = [torch.fft.rfft(y[:, : 190 * HOP]).abs().square() for y in (x, out)]
    edges = torch.linspace(0, 1, 13)[5:]  # above 47 latents of 128
    for low, high in pairwise(edges):
        part = slice(int(low * powers[0].shape[1]), int(high * powers[0].shape[1]))
        ratio = float(powers[1][:, part].sum() / powers[0][:, part].sum())
        assert 0.8 < ratio < 1.25, (float(low), ratio)


@pytest.mark.parametrize(("latent_dim", "waveform", "levels"), [(2, 1, 0), (6, 4, 1), (60, 47, 12), (300, 96, 12)])
def test_latents_are_shared_out(latent_dim: int, waveform: int, levels: int) -> None:
    model = untrained(latent_dim=latent_dim)
    assert model.encoder.lapped is not None
    assert (model.encoder.lapped.n_waveform, model.encoder.lapped.n_levels) == (waveform, levels)
    assert torch.isfinite(through(model, audio(5 * HOP))).all()
