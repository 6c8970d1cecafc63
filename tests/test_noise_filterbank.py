"""Shaping noise: the filter is a plain convolution; the bank is flat and seamless, its ramps those of a plain loop."""

import math

import pytest
import torch
from torch import Tensor

from lgr.errors import ArgumentError
from lgr.models.noise.base import CEILING, amplitude
from lgr.models.noise.ddsp import filtered_atoms, impulse_responses, overlap_add
from lgr.models.noise.filterbank import band_responses, first_block, noise_bands, noise_blocks, play_bands
from lgr.sound.mel import mel_edges_hz

RATE = 24000


def uniform_hz(n_bins: int) -> Tensor:
    return torch.linspace(0, RATE / 2, n_bins, dtype=torch.float64)


# ---- the filter of DDSPNoiseVAE -----------------------------------------------------------------------------------


def test_filtering_is_a_plain_convolution_in_time() -> None:
    """Every atom's noise, sample by sample through its own impulse response, added where the response is centred."""
    hop, n_bands, frames = 5, 7, 4
    reach = n_bands - 1
    generator = torch.Generator().manual_seed(0)
    magnitudes = torch.rand(1, frames, n_bands, generator=generator, dtype=torch.float64)
    white = torch.rand(1, frames, hop, generator=generator, dtype=torch.float64) - 0.5
    expected = [0.0] * (frames * hop + 2 * reach)
    for t in range(frames):
        h = impulse_responses(magnitudes[0, t])
        for i in range(hop):
            for j in range(2 * reach):
                expected[t * hop + i + j] += float(white[0, t, i] * h[j])
    out = overlap_add(filtered_atoms(magnitudes, white), hop)
    torch.testing.assert_close(out[0], torch.tensor(expected, dtype=torch.float64))


def test_an_impulse_response_is_the_windowed_cosine_sum() -> None:
    magnitudes = torch.rand(9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    h = impulse_responses(magnitudes)
    for i in range(16):
        n = i - 8
        total = magnitudes[0] + magnitudes[8] * math.cos(math.pi * n)
        total = total + 2 * sum(magnitudes[k] * math.cos(math.pi * k * n / 8) for k in range(1, 8))
        window = 0.5 + 0.5 * math.cos(math.pi * n / 8)
        assert float(h[i]) == pytest.approx(float(total) / 16 * window, abs=1e-12)


def test_equal_magnitudes_leave_the_noise_as_it_is() -> None:
    white = torch.randn(2, 6, 16, generator=torch.Generator().manual_seed(0))
    out = overlap_add(filtered_atoms(torch.full((2, 6, 9), 0.7), white), 16)
    torch.testing.assert_close(out[:, 8 : 8 + 96], 0.7 * white.flatten(1), rtol=0, atol=1e-5)
    assert float(out[:, :8].abs().max()) < 1e-6


def test_amplitudes_reach_silence_by_decades_and_have_a_ceiling() -> None:
    levels = amplitude(torch.tensor([-9.0, -8.0, -7.0, 40.0], dtype=torch.float64))
    assert float(levels[1] / levels[0]) == pytest.approx(10, rel=0.01)
    assert float(levels[2] / levels[1]) == pytest.approx(10, rel=0.01)
    assert float(levels[0]) == pytest.approx(CEILING * 1e-9, rel=0.01)
    assert float(levels[3]) == pytest.approx(CEILING)


# ---- the bank of NoiseBandVAE ------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_bands", [1, 2, 31, 256])
def test_responses_add_up_to_one_everywhere(n_bands: int) -> None:
    responses = band_responses(n_bands, uniform_hz(16385), RATE)
    assert responses.shape == (n_bands, 16385)
    assert bool((responses >= 0).all())
    torch.testing.assert_close(responses.sum(0), torch.ones(16385, dtype=torch.float64))


def test_a_band_peaks_at_its_centre_and_ends_at_its_neighbours() -> None:
    responses = band_responses(16, uniform_hz(12001), RATE)  # one bin a hertz
    centres = mel_edges_hz(16, RATE)[1:-1]
    for k in range(1, 15):
        assert abs(int(responses[k].argmax()) - float(centres[k])) <= 1
        sounding = responses[k].nonzero().flatten()
        assert float(centres[k - 1]) <= int(sounding[0]) <= float(centres[k - 1]) + 2
        assert float(centres[k + 1]) - 2 <= int(sounding[-1]) <= float(centres[k + 1])
    # linear at the bottom, logarithmic at the top: the mel scale's spacing
    assert float(centres[1] - centres[0]) < 0.4 * float(centres[-1] - centres[-2])


def test_all_bands_together_are_white_noise_of_rms_one() -> None:
    white = noise_bands(64, RATE, 2**13).double().sum(0)
    assert float(white.square().mean()) == pytest.approx(1, abs=1e-5)
    magnitude = torch.fft.rfft(white).abs()[1:]  # no DC
    ripple_db = 20 * math.log10(float(magnitude.max() / magnitude.min()))
    assert ripple_db < 0.001
    assert abs(float(white.mean())) < 1e-6


def test_the_noise_is_noise() -> None:
    white = noise_bands(64, RATE, 2**13).double().sum(0)
    kurtosis = float(white.pow(4).mean() / white.square().mean() ** 2)
    assert kurtosis == pytest.approx(3, abs=0.2)  # Gaussian: its phases are random, no pulse
    correlation = torch.fft.irfft(torch.fft.rfft(white).abs().square())[1:] / 2**13
    assert float(correlation.abs().max()) < 0.01


def test_a_band_is_the_white_noise_through_a_plain_fir() -> None:
    """The oracle: circular convolution, sample by sample, with the band's zero-phase impulse response."""
    n_bands, length = 8, 64
    bands = noise_bands(n_bands, RATE, length).double()
    white = bands.sum(0)
    for k, response in enumerate(band_responses(n_bands, uniform_hz(length // 2 + 1), RATE)):
        bins = [float(response[min(f, length - f)]) for f in range(length)]  # both halves of the spectrum
        fir = [
            sum(h * math.cos(2 * math.pi * f * n / length) for f, h in enumerate(bins)) / length for n in range(length)
        ]
        naive = [sum(fir[i] * float(white[(n - i) % length]) for i in range(length)) for n in range(length)]
        torch.testing.assert_close(bands[k], torch.tensor(naive, dtype=torch.float64), rtol=0, atol=2e-6)


def test_energy_is_the_response_and_distant_bands_are_orthogonal() -> None:
    n_bands, length = 24, 2**12
    bands = noise_bands(n_bands, RATE, length).double()
    gram = bands @ bands.T / length
    responses = band_responses(n_bands, uniform_hz(length // 2 + 1), RATE)
    twice = torch.full((length // 2 + 1,), 2.0, dtype=torch.float64)
    twice[0], twice[-1] = 0, 1  # no DC, one Nyquist
    torch.testing.assert_close(gram, (responses * twice) @ responses.T / (length - 1), rtol=0, atol=1e-6)
    apart = (torch.arange(n_bands)[:, None] - torch.arange(n_bands)).abs() > 1
    assert float(gram[apart].abs().max()) < 1e-6  # floats; neighbours overlap and share energy


def test_loops_have_no_seam() -> None:
    """A band goes round as smoothly as it goes on: no line of a repeated loop lies outside the band."""
    length = 2**12
    bands = noise_bands(24, RATE, length).double()
    twice = torch.fft.rfft(torch.cat([bands, bands], 1)).abs()
    between = twice[:, 1::2]  # lines that only something not periodic in ``length`` has
    assert float(between.max()) < 1e-6 * float(twice.max())
    outside = band_responses(24, uniform_hz(length // 2 + 1), RATE) == 0
    assert float(torch.fft.rfft(bands).abs()[outside].max()) < 1e-5 * float(twice.max())


def test_made_twice_it_is_the_same() -> None:
    assert torch.equal(noise_bands(16, RATE, 1024), noise_bands(16, RATE, 1024))


def test_blocks_are_the_loop_cut_up() -> None:
    bands, blocks = noise_bands(6, RATE, 256), noise_blocks(6, RATE, 256, 32)
    assert blocks.shape == (8, 6, 32)
    assert torch.equal(torch.cat(list(blocks), 1), bands)


def test_seeds_start_everywhere_in_the_loop() -> None:
    starts = [first_block(seed, 16) for seed in range(400)]
    assert set(starts) == set(range(16))
    counts = torch.bincount(torch.tensor(starts), minlength=16)
    assert int(counts.max()) < 3 * int(counts.min())  # 25 each, give or take
    assert first_block(-5, 16) == first_block(-5, 16)


def naive(bands: Tensor, amplitudes: Tensor, before: Tensor, start: int, hop: int) -> list[float]:
    """Per sample, per band: the position on the ramp, times the loop."""
    out = []
    for n in range(amplitudes.shape[0] * hop):
        t, r = n // hop, (n % hop + 1) / hop
        left = before if t == 0 else amplitudes[t - 1]
        total = 0.0
        for k in range(bands.shape[0]):
            level = (1 - r) * float(left[k]) + r * float(amplitudes[t, k])
            total += level * float(bands[k, (start * hop + n) % bands.shape[1]])
        out.append(total)
    return out


@pytest.mark.parametrize(("frames", "start"), [(1, 0), (3, 7), (19, 5), (4, 1003)])
def test_interpolated_amplitudes_are_those_of_a_plain_loop(frames: int, start: int) -> None:
    generator = torch.Generator().manual_seed(frames)
    amplitudes, before = torch.rand(frames, 3, generator=generator), torch.rand(3, generator=generator)
    blocks = noise_blocks(3, RATE, 64, 8)  # 8 blocks: 19 frames go round twice
    played = play_bands(blocks, amplitudes, before, start=start)
    expected = naive(noise_bands(3, RATE, 64), amplitudes, before, start, 8)
    torch.testing.assert_close(played, torch.tensor(expected), rtol=0, atol=1e-5)


def test_equal_amplitudes_play_the_white_noise_itself() -> None:
    bands, blocks = noise_bands(40, RATE, 1024), noise_blocks(40, RATE, 1024, 128)
    played = play_bands(blocks, torch.full((8, 40), 0.5), torch.full((40,), 0.5), start=3)
    torch.testing.assert_close(played, 0.5 * bands.sum(0).roll(-3 * 128), rtol=0, atol=1e-5)


def test_what_cannot_be_a_bank_is_refused() -> None:
    with pytest.raises(ArgumentError, match="n_bands must be >= 1, got 0"):
        noise_bands(0, RATE, 1024)
    with pytest.raises(ArgumentError, match="loop_length must be even and >= 4 samples, got 7"):
        noise_bands(4, RATE, 7)
    with pytest.raises(ArgumentError, match="loop_length must be a multiple of hop_length 100, got 1024"):
        noise_blocks(4, RATE, 1024, 100)
