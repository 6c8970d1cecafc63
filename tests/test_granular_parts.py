"""The parts of the granular VAE: grains and overlap-add, spectral filtering, post-processing, level and companding."""

import cmath
import math

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from lgr.models.granular.decoders import filter_noise
from lgr.models.granular.encoder import compand
from lgr.models.granular.levels import BANDS, GrainLevels
from lgr.models.granular.overlap import before, cut_grains, grain_window, overlap_add
from lgr.models.granular.post_filter import PostFilter
from lgr.models.level_latent import latent_to_level, level_to_latent

HOP = 128


def audio(samples: int, batch: int = 2) -> Tensor:
    return 0.2 * torch.randn(batch, samples, generator=torch.Generator().manual_seed(0))


# ---- grains and overlap-add --------------------------------------------------------------------------------------


@pytest.mark.parametrize("samples", [1, HOP - 1, HOP, HOP + 1, 3 * HOP, 3 * HOP + 1, 9 * HOP + 17])
def test_grains_are_centred_and_silent_outside(samples: int) -> None:
    x = audio(samples)
    grains = cut_grains(x, HOP)
    frames = -(-samples // HOP)
    assert grains.shape == (2, frames, 4 * HOP)
    for i in range(frames):
        for j in range(0, 4 * HOP, 37):
            n = i * HOP - 3 * HOP // 2 + j
            assert grains[1, i, j] == (x[1, n] if 0 <= n < samples else 0)


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 9])
def test_grains_that_agree_give_back_the_audio_to_the_first_and_last_sample(frames: int) -> None:
    x = audio(frames * HOP)
    assert_close(overlap_add(cut_grains(x, HOP), grain_window(HOP)), x)


def test_overlap_add_is_the_sum_over_grains_divided_by_the_sum_of_windows() -> None:
    grains, window = torch.randn(1, 5, 4 * HOP, generator=torch.Generator().manual_seed(1)), grain_window(HOP)
    total, windows = torch.zeros(5 * HOP), torch.zeros(5 * HOP)
    for i in range(5):
        for j in range(4 * HOP):
            n = i * HOP - before(HOP) + j
            if 0 <= n < 5 * HOP:
                total[n] += window[j] * grains[0, i, j]
                windows[n] += window[j]
    assert_close(overlap_add(grains, window)[0], total / windows)
    assert_close(windows[2 * HOP : 3 * HOP], torch.full((HOP,), 2.0))  # where all four are present


# ---- equations 7 and 8, post-processing, level --------------------------------------------------------------------


def test_filtering_is_equations_7_and_8() -> None:
    n = 16
    generator = torch.Generator().manual_seed(0)
    noise, h = torch.rand(n, generator=generator) * 2 - 1, torch.rand(n // 2 + 1, generator=generator)
    full = [float(h[min(k, n - k)]) for k in range(n)]  # Hermitian: the mirror of the positive frequencies
    dft = [sum(float(noise[m]) * cmath.exp(-2j * cmath.pi * k * m / n) for m in range(n)) for k in range(n)]
    filtered = [full[k] * dft[k] for k in range(n)]
    naive = [sum(filtered[k] * cmath.exp(2j * cmath.pi * k * m / n) for k in range(n)) / n for m in range(n)]
    assert max(abs(x.imag) for x in naive) < 1e-12
    assert_close(filter_noise(h, noise), torch.tensor([x.real for x in naive], dtype=torch.float32))
    assert_close(filter_noise(torch.ones(n // 2 + 1), noise), noise)


def test_post_processing_starts_as_the_identity_and_is_a_sum_of_filters() -> None:
    post, x = PostFilter((3, 9)), audio(50)
    assert_close(post(x), x)
    with torch.no_grad():
        for taps in post.filters:
            taps.normal_(generator=torch.Generator().manual_seed(taps.shape[0]))
    slow = x.clone()
    for taps in post.filters:
        half = taps.shape[0] // 2
        for n in range(50):
            for k in range(taps.shape[0]):
                m = n + half - k
                if 0 <= m < 50:
                    slow[:, n] += taps[k].detach() * x[:, m]
    assert_close(post(x), slow, rtol=1e-4, atol=1e-5)


def test_level_has_an_inverse_and_companding_is_odd_and_steepest_at_zero() -> None:
    rms = torch.tensor([0.0, 1e-7, 1e-5, 1e-3, 0.3, 1.0])
    assert_close(latent_to_level(level_to_latent(rms)), rms, rtol=1e-3, atol=1e-11)
    assert latent_to_level(torch.tensor([-50.0, 50.0])).tolist() == [0.0, pytest.approx(10**0.5, rel=1e-3)]
    x = torch.linspace(-100, 100, 401)
    assert_close(compand(-x), -compand(x))
    slopes = compand(x).diff() / x.diff()
    assert bool((slopes > 0).all())
    assert int(slopes.argmax()) in (199, 200)


def test_levels_are_the_cepstrum_of_the_bands_log_power() -> None:
    """By sums of cosines, band by band; with fewer levels than bands the curve is the smooth part of it."""
    grain = GrainLevels(grain_window(HOP), 5, 8000)
    x = audio(4 * HOP)
    unit = x / x.square().mean(1, keepdim=True).sqrt()
    logs = torch.log(torch.fft.rfft(unit * grain.window, norm="ortho").abs().square() + 1e-9) + 0.5772
    for i, clip in enumerate(logs):
        means = [float((clip * weights).sum()) for weights in grain.bands.T]
        assert len(means) == BANDS
        for k in range(5):
            cosines = [math.cos(math.pi * k * (b + 0.5) / BANDS) for b in range(BANDS)]
            sum_ = sum((m + 10) / 2 * c for m, c in zip(means, cosines, strict=True))
            expected = sum_ * (1 if k == 0 else 2) / BANDS
            assert float(grain(unit)[i, k]) == pytest.approx(expected, abs=1e-3)
