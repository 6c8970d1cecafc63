"""Onsets, curves, beats and pitch of sounds that have them at known places, and None where there are none."""

import numpy as np
import pytest
import torch
from made_up_sounds import RATE, clicks, noise, sine, voice

from lgr.errors import ShapeError
from lgr.measures.onsets import HOP_SECONDS, beat, onset_curve, onset_seconds
from lgr.measures.retention import correlation, pitch_hz, retention

TIMES = [0.3, 0.71, 1.13, 1.6, 2.2, 2.45]
SILENCE = torch.zeros(3 * RATE)


def test_clicks_are_found_where_they_are() -> None:
    for gain in (1.0, 0.01):
        assert onset_seconds(gain * clicks(3, TIMES), RATE).tolist() == pytest.approx(TIMES, abs=0.015)
    in_noise = clicks(3, TIMES) + noise(3, 1, level=1e-4)
    assert onset_seconds(in_noise, RATE).tolist() == pytest.approx(TIMES, abs=0.015)


def test_what_begins_at_once_begins_at_0() -> None:
    assert onset_seconds(sine(440, 1), RATE)[0] == pytest.approx(0, abs=0.015)


def test_librosa_finds_the_same_clicks() -> None:
    librosa = pytest.importorskip("librosa")
    found = librosa.onset.onset_detect(y=clicks(3, TIMES).numpy(), sr=RATE, hop_length=120, units="time")
    assert onset_seconds(clicks(3, TIMES), RATE).tolist() == pytest.approx(found, abs=0.03)


def test_the_onset_curve_is_flux_within_0_and_1() -> None:
    curve = onset_curve(clicks(1, [0.5]), RATE)
    assert float(curve.min()) >= 0
    assert float(curve.max()) == 1
    assert int(curve.argmax()) * HOP_SECONDS == pytest.approx(0.5, abs=0.015)
    assert not onset_curve(torch.zeros(RATE), RATE).any()


@pytest.mark.parametrize(("late", "f"), [(0.0, 1.0), (0.03, 1.0), (-0.03, 1.0), (0.08, 0.0)])
def test_the_onset_f_measure_forgives_50_ms(late: float, f: float) -> None:
    pytest.importorskip("mir_eval")
    shifted = clicks(3, [at + late for at in TIMES], seed=4)
    assert retention("onset_f", clicks(3, TIMES), shifted, RATE) == f


def test_the_onset_f_measure_counts_misses_and_extras() -> None:
    pytest.importorskip("mir_eval")
    found = retention("onset_f", clicks(3, TIMES), clicks(3, [*TIMES[:3], 2.8]), RATE)
    assert found == pytest.approx(2 * 0.75 * 0.5 / (0.75 + 0.5))  # precision 3/4, recall 3/6


def test_onsets_of_silence() -> None:
    pytest.importorskip("mir_eval")
    assert retention("onset_f", clicks(3, TIMES), SILENCE, RATE) == 0
    assert retention("onset_f", SILENCE, clicks(3, TIMES), RATE) is None


def test_correlation_is_numpys() -> None:
    a, b = (torch.randn(50, generator=torch.Generator().manual_seed(s)) for s in (0, 1))
    assert correlation(a, b) == pytest.approx(np.corrcoef(a, b)[0, 1], rel=1e-6)
    assert correlation(a, 3 - 2 * a) == pytest.approx(-1)
    assert correlation(a, torch.ones(50)) is None
    assert correlation(a[:1], b[:1]) is None


def test_envelopes_follow_level_and_nothing_else() -> None:
    level = 10 ** (-1.5 * torch.rand(300, generator=torch.Generator().manual_seed(2)))
    curve = level.repeat_interleave(RATE // 100)
    a, b = noise(3, 3) * curve, noise(3, 4, top_hz=3000) * curve
    assert retention("envelope_correlation", a, b, RATE) > 0.97
    assert retention("envelope_correlation", a, noise(3, 5), RATE) == pytest.approx(0, abs=0.2)
    other = noise(3, 6) * curve.flip(0)
    energies = [np.log10((x.numpy().astype(np.float64).reshape(-1, 240) ** 2).mean(1) + 1e-8) for x in (a, other)]
    assert retention("envelope_correlation", a, other, RATE) == pytest.approx(np.corrcoef(*energies)[0, 1], abs=1e-6)
    assert retention("envelope_correlation", a, SILENCE, RATE) is None


def test_flux_correlates_with_the_same_rhythm_at_any_level_and_with_no_other() -> None:
    mine, same, other = clicks(3, TIMES), clicks(3, TIMES, seed=5), clicks(3, [0.1, 0.5, 0.95, 1.4, 1.9, 2.7])
    assert retention("flux_correlation", mine, 0.02 * same, RATE) > 0.95
    assert abs(retention("flux_correlation", mine, other, RATE)) < 0.1
    assert retention("flux_correlation", mine, SILENCE, RATE) is None


def pulse(bpm: float, seconds: float = 6, seed: int = 0) -> torch.Tensor:
    return clicks(seconds, np.arange(0.05, seconds - 0.1, 60 / bpm).tolist(), seed=seed)


@pytest.mark.parametrize("bpm", [84.0, 100.0, 127.3, 160.0])
def test_a_pulse_has_its_tempo(bpm: float) -> None:
    found = beat(pulse(bpm), RATE)
    assert found is not None
    assert found.bpm == pytest.approx(bpm, rel=0.01)
    assert 0.5 < found.pulse <= 1


def test_what_has_no_beat() -> None:
    assert beat(noise(6, 1), RATE) is None
    assert beat(noise(6, 1) * torch.hann_window(6 * RATE), RATE) is None  # one swell
    assert beat(torch.zeros(6 * RATE), RATE) is None
    assert beat(pulse(120, 2.5), RATE) is None  # too short to tell
    assert retention("tempo_agreement", noise(6, 1), pulse(120), RATE) is None


def test_a_result_keeps_the_pulse_or_loses_it() -> None:
    assert retention("tempo_agreement", pulse(120), pulse(120), RATE) == 1
    assert retention("tempo_agreement", pulse(120), pulse(120, seed=9), RATE) > 0.95
    assert retention("tempo_agreement", pulse(120), pulse(240), RATE) > 0.9  # twice as fast keeps the beat
    assert retention("tempo_agreement", pulse(120), pulse(97), RATE) < 0.3
    assert retention("tempo_agreement", pulse(120), torch.zeros(6 * RATE), RATE) == 0


@pytest.mark.parametrize("hz", [110.0, 330.0, 880.0])
def test_pitch_is_that_of_the_partials(hz: float) -> None:
    pytest.importorskip("librosa")
    found = pitch_hz(voice(hz, 1), RATE)
    assert 12 * abs(np.log2(np.median(found[found > 0]) / hz)) < 0.15


@pytest.mark.parametrize(("cents", "agreement"), [(0, 1.0), (25, 1.0), (100, 0.0), (1200, 0.0)])
def test_pitch_agrees_within_half_a_semitone(cents: float, agreement: float) -> None:
    pytest.importorskip("librosa")
    pytest.importorskip("mir_eval")
    found = retention("pitch_agreement", voice(220, 1), 0.1 * voice(220 * 2 ** (cents / 1200), 1), RATE)
    assert found == pytest.approx(agreement, abs=0.05)


def test_pitch_where_there_is_none() -> None:
    pytest.importorskip("librosa")
    pytest.importorskip("mir_eval")
    assert retention("pitch_agreement", noise(1, 3), voice(220, 1), RATE) is None
    assert retention("pitch_agreement", voice(220, 1), noise(1, 3), RATE) < 0.1
    assert retention("pitch_agreement", voice(220, 1), torch.zeros(RATE), RATE) == 0
    assert retention("pitch_agreement", voice(220, 0.08), voice(220, 0.08), RATE) is None


def test_audio_of_another_shape_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"result must be \(samples >= 1,\), got \(1, 24000\)"):
        retention("flux_correlation", noise(1), noise(1)[None], RATE)
