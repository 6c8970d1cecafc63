"""Whether a path hums, holds, lives and keeps its level: on sounds whose numbers are known."""

import math

import pytest
import torch

from lgr.errors import ArgumentError
from lgr.measures.life import (
    comb_share,
    held_correlation,
    level_off_line_db,
    middle_off_mean_db,
    modulation_distance_db,
    modulation_levels_db,
)

RATE, HOP = 24000, 320


def noise(seconds: float, seed: int = 0) -> torch.Tensor:
    return 0.1 * torch.randn(1, round(seconds * RATE), generator=torch.Generator().manual_seed(seed))


def test_a_held_frame_is_a_comb_that_repeats_itself_and_noise_is_not() -> None:
    held = noise(HOP / RATE).repeat(1, 150)
    assert comb_share(held, RATE, RATE / HOP) > 0.99
    assert held_correlation(held, RATE, HOP) > 0.99
    assert comb_share(noise(2), RATE, RATE / HOP) == pytest.approx(0.08, abs=0.01)
    assert abs(held_correlation(noise(2), RATE, HOP)) < 0.02


def test_a_tone_between_the_teeth_is_no_comb() -> None:
    tone = torch.sin(2 * math.pi * 1087.5 * torch.arange(2 * RATE) / RATE)[None]  # 14.5 times 75 Hz
    assert comb_share(tone, RATE, 75.0) < 1e-3
    assert held_correlation(tone, RATE, HOP) == pytest.approx(-1, abs=0.01)


def test_silence_has_no_numbers() -> None:
    assert math.isnan(comb_share(torch.zeros(1, RATE), RATE, 75.0))
    assert math.isnan(held_correlation(torch.zeros(1, RATE), RATE, HOP))


def test_modulation_is_found_at_its_rate() -> None:
    time = torch.arange(4 * RATE) / RATE
    moved = noise(4) * (1 + 0.9 * torch.sin(2 * math.pi * 6 * time))
    rise = modulation_levels_db(moved, RATE) - modulation_levels_db(noise(4), RATE)
    assert rise.mean(0).argmax() == 2  # of 1 to 2, 2 to 4, 4 to 8, 8 to 16, 16 to 32 Hz
    assert float(rise.mean(0)[2]) > 10
    slope = noise(4) * 10 ** torch.linspace(0, -1, 4 * RATE)  # a path moves: that is no modulation
    assert float((modulation_levels_db(slope, RATE) - modulation_levels_db(noise(4), RATE)).abs().mean()) < 1


def test_sounds_alike_are_near_and_a_frozen_one_is_far() -> None:
    real = [noise(3, 1), noise(3, 2)]
    frozen = noise(HOP / RATE).repeat(1, 225)
    assert modulation_distance_db(noise(3, 3), real, RATE) < 3
    assert modulation_distance_db(frozen, real, RATE) > 15
    with pytest.raises(ArgumentError, match="at least 1 s"):
        modulation_distance_db(noise(0.5), real, RATE)
    with pytest.raises(ArgumentError, match="sounds must hold at least one"):
        modulation_distance_db(noise(3), [], RATE)


def test_what_is_between_is_nearer_the_mean_than_a_cross_fade() -> None:
    spectrum = torch.fft.rfft(noise(3, 5))
    tilt = torch.linspace(-20, 20, spectrum.shape[1])  # dB, over the whole range
    dark, even, bright = (torch.fft.irfft(spectrum * 10 ** (s * tilt / 20)) for s in (-1, 0, 1))
    assert middle_off_mean_db(even, dark, bright, RATE) < 0.5
    assert middle_off_mean_db(dark / dark.std() + bright / bright.std(), dark, bright, RATE) > 3
    with pytest.raises(ArgumentError, match="at least 1024 samples to tell its spectrum, got 500"):
        middle_off_mean_db(even, dark, bright[:, :500], RATE)


def test_the_line_is_in_decibels() -> None:
    falling = noise(1) * 10 ** torch.linspace(0, -2, RATE)  # 40 dB in a second, at an even pace
    whole = torch.cat([noise(1, 1), falling, 0.01 * noise(1, 2)], 1)
    assert float(level_off_line_db(whole, RATE, (1.0, 2.0)).abs().max()) < 2
    hole = torch.cat([noise(1, 1), 0.1 * noise(1, 4), noise(1, 2)], 1)
    assert float(level_off_line_db(hole, RATE, (1.0, 2.0)).mean()) == pytest.approx(-20, abs=0.5)
    with pytest.raises(ArgumentError, match="seams_seconds must leave some sound before and after"):
        level_off_line_db(whole, RATE, (1.0, 1.2))
