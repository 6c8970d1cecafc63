"""The numbers of a transition on sounds whose numbers are known, the report made of them, and the picture."""

import json
import math

import numpy as np
import pytest
import torch

from lgr.codecs.toy import ToyCodec
from lgr.errors import ArgumentError, ShapeError
from lgr.interpolation.interpolate import interpolate
from lgr.interpolation.report import interpolation_report, report_of
from lgr.latents.path import PathConfig
from lgr.measures.transition import measure_transition, spectrum
from lgr.plots import PathPanel, plot_paths, save_figure

RATE = 16000
TOY = ToyCodec(sample_rate=RATE, hop_length=160)


def tone(hz: torch.Tensor) -> torch.Tensor:
    """A sine whose frequency is ``hz`` at each sample, its phase unbroken."""
    return 0.5 * torch.sin(2 * math.pi * (hz.double() / RATE).cumsum(0)).float()


def steady(hz: float, seconds: float = 1.0) -> torch.Tensor:
    return torch.full((round(seconds * RATE),), hz)


def glide(start: float, end: float, seconds: float = 1.0) -> torch.Tensor:
    return torch.linspace(start, end, round(seconds * RATE))


def hiss(seconds: float, seed: int, top_hz: float = 8000.0) -> torch.Tensor:
    """Noise, even up to ``top_hz``."""
    n = round(seconds * RATE)
    spectrum = torch.fft.rfft(torch.randn(n, generator=torch.Generator().manual_seed(seed)))
    spectrum[round(top_hz * n / RATE) :] = 0
    return 0.1 * torch.fft.irfft(spectrum, n)


@pytest.mark.parametrize("hz", [300.0, 1000.0, 1234.5, 5000.0])
def test_the_centroid_of_a_sine_is_its_frequency(hz: float) -> None:
    centroid = spectrum(tone(steady(hz)), RATE).centroid_hz
    assert np.abs(centroid - hz).max() < 10


def test_the_centroid_of_even_noise_is_the_middle_of_its_band() -> None:
    assert spectrum(hiss(4, 0, top_hz=4000), RATE).centroid_hz.mean() == pytest.approx(2000, rel=0.03)


def test_the_centroid_follows_time_and_is_nothing_in_silence() -> None:
    seen = spectrum(torch.cat([tone(glide(500, 2500)), torch.zeros(RATE)]), RATE)
    sounding, silent = seen.seconds < 0.98, seen.seconds > 1.02
    expected = 500 + 2000 * seen.seconds
    assert np.abs(seen.centroid_hz - expected)[sounding].max() < 15
    assert np.isnan(seen.centroid_hz[silent]).all()


def test_a_magnitude_is_one_for_a_full_scale_sine_and_channels_are_mixed() -> None:
    sine = 2 * tone(steady(1000))
    assert spectrum(sine, RATE).magnitude.max() == pytest.approx(1, abs=1e-3)
    assert spectrum(torch.stack([sine, -sine]), RATE).magnitude.max() < 1e-6


def test_a_glide_has_a_trend_of_one_and_no_seams() -> None:
    sound = tone(torch.cat([steady(500), glide(500, 2000), steady(2000)]))
    numbers = measure_transition(sound, RATE, (1.0, 2.0))
    assert numbers.trend == pytest.approx(1, abs=1e-3)
    assert numbers.steps_forward == 1
    assert max(numbers.relative_jump) < 1
    assert max(numbers.relative_flux) < 2  # a pure tone that begins to glide does widen; a cut is above 5
    assert numbers.variation_hz_per_second == pytest.approx(1500, rel=0.05)
    falling = measure_transition(sound.flip(0), RATE, (1.0, 2.0))
    assert falling.trend == pytest.approx(1, abs=1e-3)
    assert falling.jump_hz == pytest.approx([-x for x in reversed(numbers.jump_hz)], abs=2)


def test_a_glide_the_wrong_way_is_told_from_a_right_one() -> None:
    sound = tone(torch.cat([steady(500), glide(2000, 500), steady(2000)]))
    numbers = measure_transition(sound, RATE, (1.0, 2.0))
    assert numbers.trend == pytest.approx(-1, abs=1e-3)
    assert numbers.steps_forward == 0


def test_a_cut_jumps_by_the_difference_of_the_sounds() -> None:
    parts = [tone(steady(500)), tone(steady(3000)), tone(steady(1000))]
    numbers = measure_transition(torch.cat(parts), RATE, (1.0, 2.0))
    assert numbers.jump_hz == pytest.approx((2500, -2000), abs=20)
    assert min(numbers.relative_jump) > 100
    assert min(numbers.relative_flux) > 5
    assert numbers.trend == 0


def test_noise_all_through_has_no_seam_anywhere() -> None:
    numbers = [measure_transition(hiss(3, seed), RATE, (1.0, 2.0)) for seed in range(8)]
    assert np.mean([n.relative_jump for n in numbers]) == pytest.approx(1.2, abs=0.5)  # the mean over the median
    assert np.mean([n.relative_flux for n in numbers]) == pytest.approx(1, abs=0.05)
    assert np.mean([n.relative_variation for n in numbers]) == pytest.approx(1, abs=0.15)
    assert abs(np.mean([n.trend for n in numbers])) < 0.3


def test_a_tone_between_noises_is_too_still_and_two_levels_of_noise_jump() -> None:
    between = torch.cat([hiss(1, 1), tone(steady(4000)), hiss(1, 2)])
    assert measure_transition(between, RATE, (1.0, 2.0)).relative_variation < 0.1
    bright = torch.cat([hiss(1, 1, 2000), hiss(1, 2, 8000), hiss(1, 3, 2000)])
    numbers = measure_transition(bright, RATE, (1.0, 2.0))
    assert min(numbers.relative_jump) > 5
    assert np.allclose(numbers.jump_hz, (3000, -3000), rtol=0.1)


def test_silence_has_no_numbers_rather_than_wrong_ones() -> None:
    numbers = measure_transition(torch.zeros(3 * RATE), RATE, (1.0, 2.0)).to_json()
    assert numbers["trend"] is None
    assert numbers["jump_hz"] == [None, None]
    json.dumps(numbers, allow_nan=False)


@pytest.mark.parametrize("seams", [(0.1, 2.0), (1.0, 1.2), (1.0, 2.9), (2.0, 1.0)])
def test_parts_too_short_for_their_numbers_are_refused(seams: tuple[float, float]) -> None:
    with pytest.raises(ArgumentError, match=r"must leave 0\.3 s before, between and after"):
        measure_transition(hiss(3, 0), RATE, seams)


def test_a_sound_shorter_than_a_window_is_refused() -> None:
    with pytest.raises(ShapeError, match="at least 640 samples, got"):
        spectrum(torch.zeros(600), RATE)


def made(kind: str = "linear", **options):
    a, b = hiss(2, 1, 1500)[None], hiss(2, 2, 6000)[None]
    return interpolation_report(TOY, (a, RATE), (b, RATE), path=PathConfig(kind=kind), names=("low", "high"), **options)


def test_a_report_is_of_the_real_sounds_and_the_path() -> None:
    report = made(seconds=0.8, context_seconds=0.5)
    assert report.seams_seconds == (0.5, 1.3)
    assert report.interpolation.audio.shape == (1, round(1.8 * RATE))
    assert report.numbers == measure_transition(report.interpolation.audio, RATE, report.seams_seconds)
    assert report.numbers.trend > 0.9
    centroid = report.spectrum.centroid_hz
    assert centroid[report.spectrum.seconds < 0.5].mean() < centroid[report.spectrum.seconds > 1.3].mean()


def test_a_report_is_json() -> None:
    report = made(kind="slerp").to_json()
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert report["sounds"] == ["low", "high"]
    assert report["interpolation"]["path"]["kind"] == "slerp"
    assert report["seams_seconds"] == [1.0, 2.0]
    assert len(report["centroid"]["hz"]) == len(report["centroid"]["seconds"]) > 100
    assert set(report["numbers"]) >= {"jump_hz", "relative_jump", "trend", "relative_flux"}


def test_a_path_without_the_real_sounds_cannot_be_reported() -> None:
    sound = (hiss(2, 1)[None], RATE)
    with pytest.raises(ArgumentError, match=r"must leave 0\.3 s before"):
        report_of(interpolate([sound, sound], TOY))


def panel(**changes) -> PathPanel:
    sound = torch.cat([hiss(1, 1, 2000), hiss(1, 2, 4000), hiss(1, 3, 8000)])
    seen = spectrum(sound, RATE)
    facts = {
        "title": "codec, linear",
        "audio": sound.numpy(),
        "sample_rate": RATE,
        "seams_seconds": (1.0, 2.0),
        "centroid_seconds": seen.seconds,
        "centroid_hz": seen.centroid_hz,
        "names": ("rain", "sea"),
        "note": "trend 1.00",
    }
    return PathPanel(**(facts | changes))


def test_figure_1_shows_spectrograms_seams_and_centroids(tmp_path) -> None:
    pytest.importorskip("matplotlib")
    figure = plot_paths([panel(), panel(title="other")], title="rain to sea")
    above, below = figure.axes[0], figure.axes[2]
    assert above.get_title() == "codec, linear"
    assert [line.get_xdata()[0] for line in above.lines] == [1.0, 2.0]
    curve, path = below.lines[:2]
    assert np.array_equal(curve.get_ydata(), panel().centroid_hz)
    drawn = np.isfinite(path.get_ydata())
    assert np.array_equal(drawn, (panel().centroid_seconds >= 1) & (panel().centroid_seconds <= 2))
    assert [text.get_text() for text in below.texts] == ["rain", "path", "sea"]
    assert below.get_ylabel() == "spectral centroid (Hz)"
    assert "trend 1.00" in below.get_xlabel()
    assert below.get_ylim() == figure.axes[3].get_ylim()
    save_figure(figure, tmp_path / "one.png")
    assert (tmp_path / "one.png").stat().st_size > 10_000


def test_figure_1_of_silence_and_of_nothing(tmp_path) -> None:
    pytest.importorskip("matplotlib")
    silence = panel(audio=np.zeros(3 * RATE), centroid_hz=np.full_like(panel().centroid_seconds, np.nan))
    save_figure(plot_paths([silence]), tmp_path / "silence.png")
    with pytest.raises(ArgumentError, match="at least one panel, got none"):
        plot_paths([])
    with pytest.raises(ShapeError, match="centroid_hz must be"):
        plot_paths([panel(centroid_hz=np.zeros(3))])
