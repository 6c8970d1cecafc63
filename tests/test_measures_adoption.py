"""Timbre and adoption against scipy and brute force; adoption at its ends, between them, and at any level."""

import math

import pytest
import torch
from made_up_sounds import RATE, noise, sine, voice

from lgr.errors import ArgumentError, ShapeError
from lgr.measures import adoption as adoption_module
from lgr.measures.adoption import centred_directions, measure_adoption
from lgr.measures.timbre import BANDS, COEFFICIENTS, envelope_rows, mel_frames, mfcc_rows, nearest_distances
from lgr.sound.mel import mel_filters

VIEWS = (mfcc_rows, envelope_rows)


def draws(n: int, size: int, seed: int) -> torch.Tensor:
    return torch.randn(n, size, generator=torch.Generator().manual_seed(seed))


def test_cepstra_are_scipys_cosine_transform_of_the_log_spectrum() -> None:
    from scipy.fft import dct

    audio = noise(0.5, 1, top_hz=5000) + sine(800, 0.5)
    power, _ = mel_frames(audio, 960, 240, RATE, BANDS)
    log = torch.log10(torch.maximum(power, power.amax(1, keepdim=True) * 1e-6)) / 2  # amplitude
    expected = dct(log.double().numpy(), norm="ortho", axis=1)[:, 1 : COEFFICIENTS + 1]
    assert mfcc_rows(audio, RATE).numpy() == pytest.approx(expected, abs=1e-4)


def test_mel_power_is_a_loop_over_windows() -> None:
    audio = noise(0.2, 2)
    power, level = mel_frames(audio, 480, 120, RATE, 20)
    window = torch.hann_window(480)
    for i in (0, 3, power.shape[0] - 1):
        frame = audio[i * 120 : i * 120 + 480]
        spectrum = torch.fft.rfft(frame * window).abs() * 2 / window.sum()
        assert torch.allclose(power[i], mel_filters(480, 20, RATE) @ spectrum.square(), rtol=1e-4)
        assert float(level[i]) == pytest.approx(float(frame.square().mean()), rel=1e-5)
    assert power.shape[0] == (len(audio) - 480) // 120 + 1


def test_an_envelopes_distance_is_the_rms_difference_in_decibels() -> None:
    """A shelf of 6 dB on half of the bands is 3 dB from its mean on all of them."""
    flat = noise(20, 3)
    spectrum = torch.fft.rfft(flat)
    from lgr.sound.mel import mel_edges_hz

    edge = float(mel_edges_hz(BANDS, RATE)[BANDS // 2 + 1])
    spectrum[torch.arange(len(spectrum)) * RATE / len(flat) > edge] *= 10 ** (6 / 20)
    shelved = torch.fft.irfft(spectrum, len(flat))
    a, b = (envelope_rows(x, RATE).mean(0) for x in (flat, shelved))
    assert float((a - b).norm()) == pytest.approx(3, abs=0.2)


@pytest.mark.parametrize("view", VIEWS)
def test_no_gain_changes_a_row(view) -> None:
    audio = noise(0.5, 4, top_hz=6000)
    rows = view(audio, RATE)
    for gain in (1e-3, 0.1, 7.0):
        assert torch.allclose(view(audio * gain, RATE), rows, atol=1e-3)
    swell = torch.linspace(0.05, 1, len(audio))
    assert float((view(audio * swell, RATE) - rows).norm(dim=1).median()) < 0.2


@pytest.mark.parametrize("view", VIEWS)
def test_silence_and_what_lies_far_below_the_sound_have_no_rows(view) -> None:
    assert view(torch.zeros(RATE), RATE).shape[0] == 0
    loud = noise(0.5, 5)
    half = torch.cat([loud, noise(0.5, 6, level=0.1 * 10 ** (-60 / 20))])
    assert view(half, RATE).shape[0] == pytest.approx(view(loud, RATE).shape[0], abs=4)
    assert view(loud[:5], RATE).shape[0] == 1  # completed to a window


def test_nearest_distances_are_the_least_of_all(monkeypatch) -> None:
    monkeypatch.setattr("lgr.measures.timbre.BLOCK", 7)  # several blocks either way
    a, b = draws(20, 5, 0), draws(30, 5, 1)
    expected = [min(math.dist(x.tolist(), y.tolist()) for y in b) for x in a]
    assert nearest_distances(a, b).tolist() == pytest.approx(expected, rel=1e-6)
    assert float(nearest_distances(b[3:9], b).max()) < 1e-6


def test_matrices_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"others must be \(m >= 1, 5\), got \(4, 6\)"):
        nearest_distances(draws(3, 5, 0), draws(4, 6, 0))
    with pytest.raises(ShapeError, match="others must be"):
        measure_adoption(draws(3, 5, 0), draws(0, 5, 0), draws(3, 5, 0))
    with pytest.raises(ArgumentError, match="sample_rate must be at least 200 Hz, got 100"):
        mfcc_rows(torch.zeros(100), 100)


@pytest.mark.parametrize("view", VIEWS)
def test_adoption_is_0_for_the_target_and_1_for_the_source_at_any_level(view) -> None:
    target, source = voice(220, 1.5), noise(1.5, 7)
    for gain in (1.0, 0.03):
        ends = [
            measure_adoption(view(x * gain, RATE), view(source, RATE), view(target, RATE)) for x in (target, source)
        ]
        assert ends[0].adoption == pytest.approx(0, abs=1e-3)
        assert ends[1].adoption == pytest.approx(1, abs=1e-3)
        assert ends[0].target_distance == pytest.approx(0, abs=1e-3)
        assert ends[1].source_distance == pytest.approx(0, abs=1e-3)


def test_adoption_is_the_mean_share_of_the_way() -> None:
    """Points of a line between the two sounds' only moments: the closed form."""
    target, source = torch.zeros(1, 2), torch.tensor([[3.0, 4.0]])
    at = torch.tensor([0.0, 0.2, 0.5, 1.0])[:, None]
    found = measure_adoption(at * source, source, target)
    assert found.adoption == pytest.approx(0.425)
    assert found.source_distance == pytest.approx(2.5)  # the lower of the two in the middle, .8 and .5 of 5
    assert found.target_distance == pytest.approx(1)


def test_a_sound_that_alternates_has_adopted_half() -> None:
    target, source = voice(220, 2), noise(2, 8)
    half = torch.cat([voice(220, 1), source[:RATE]])
    found = measure_adoption(*(mfcc_rows(x, RATE) for x in (half, source, target)))
    assert found.adoption == pytest.approx(0.5, abs=0.05)


def test_a_source_that_is_the_target_says_nothing() -> None:
    rows = draws(10, 4, 0)
    assert measure_adoption(rows, rows, rows).adoption is None


def test_long_results_are_thinned_evenly(monkeypatch) -> None:
    monkeypatch.setattr(adoption_module, "MOST_MOMENTS", 50)
    target, source = draws(20, 3, 0), draws(20, 3, 1) + 2
    result = draws(500, 3, 2) + torch.linspace(0, 2, 500)[:, None]
    thinned = measure_adoption(result, source, target)
    assert thinned == measure_adoption(result[::10], source, target)


def test_centred_directions_measure_the_centred_cosine() -> None:
    a, b, centre = draws(6, 4, 0), draws(5, 4, 1), draws(1, 4, 2)[0]
    distance = torch.cdist(centred_directions(a, centre), centred_directions(b, centre))
    cosine = torch.nn.functional.cosine_similarity((a - centre)[:, None], (b - centre)[None], dim=2)
    assert torch.allclose(distance.square(), 2 * (1 - cosine), atol=1e-5)
