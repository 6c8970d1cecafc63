"""Loudness against the standard's own figures, and gains that match it."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lgr.errors import ArgumentError, ShapeError
from lgr.sound.audio import resample
from lgr.sound.level import follow_loudness
from lgr.sound.loudness import (
    CEILING_DB,
    MOST_GAIN_DB,
    as_loud_as,
    gained,
    heard_by_block,
    heard_powers,
    integrated_loudness,
    k_weighting,
    loudness_gain_db,
    matching_gains_db,
    true_peak_db,
)

# ITU-R BS.1770-4, tables 1 and 2: the filters at 48 kHz
TABLES = [
    [1.53512485958697, -2.69169618940638, 1.19839281085285, 1.0, -1.69065929318241, 0.73248077421585],
    [1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621],
]


def sine(seconds: float, dbfs: float = 0.0, hz: float = 997.0, rate: int = 48_000, channels: int = 1) -> torch.Tensor:
    t = torch.arange(round(seconds * rate), dtype=torch.float64) / rate
    return (10 ** (dbfs / 20) * torch.sin(2 * math.pi * hz * t)).repeat(channels, 1)


def pieces(*parts: tuple[float, float]) -> torch.Tensor:
    """Stereo sines at 24 kHz one after another, each (seconds, dBFS), as the EBU's test signals are at 48 kHz."""
    return torch.cat([sine(seconds, dbfs, hz=1000.0, channels=2, rate=24_000) for seconds, dbfs in parts], 1)


def test_the_filters_are_the_standards_at_48_khz() -> None:
    assert np.abs(k_weighting(48_000) - np.array(TABLES)).max() < 1e-8


@pytest.mark.parametrize("rate", [16_000, 22_050, 24_000, 44_100, 48_000, 96_000])
def test_a_full_scale_sine_in_one_channel_reads_what_the_standard_says(rate: int) -> None:
    left_only = torch.cat([sine(5, rate=rate), torch.zeros(1, 5 * rate, dtype=torch.float64)])
    near = 0.01 if rate >= 44_100 else 0.06  # a low rate squeezes the shelf; the standard allows 0.1
    assert integrated_loudness(left_only, rate) == pytest.approx(-3.01, abs=near)
    assert integrated_loudness(sine(5, rate=rate), rate) == pytest.approx(-3.01, abs=near)
    assert integrated_loudness(sine(5, rate=rate, channels=2), rate) == pytest.approx(0.0, abs=near)


# EBU Tech 3341, table 1: test signals 1, 2, 4 and 5 with their loudness, all to be read within 0.1 LU
@pytest.mark.parametrize(
    ("signal", "lufs"),
    [
        ([(20, -23)], -23.0),
        ([(20, -33)], -33.0),
        ([(10, -72), (10, -36), (60, -23), (10, -36), (10, -72)], -23.0),
        ([(20, -26), (20.1, -20), (20, -26)], -23.0),
    ],
)
def test_the_ebus_signals_read_as_they_should(signal: list[tuple[float, float]], lufs: float) -> None:
    assert integrated_loudness(pieces(*signal), 24_000) == pytest.approx(lufs, abs=0.1)


def test_blocks_are_those_of_the_standard_counted_one_by_one() -> None:
    from scipy.signal import sosfilt

    rate, noise = 8_000, torch.randn(2, 20_003, generator=torch.Generator().manual_seed(0)).double() * 0.1
    noise[:, 9_000:] *= 0.01  # some blocks below the relative gate
    y = sosfilt(k_weighting(rate), noise.numpy(), axis=1)
    z = [(y[:, s : s + 3200] ** 2).mean(1).sum() for s in range(0, 20_003 - 3200 + 1, 800)]
    passed = [e for e in z if -0.691 + 10 * math.log10(e) > -70]
    gate = -0.691 + 10 * math.log10(sum(passed) / len(passed)) - 10
    kept = [e for e in passed if -0.691 + 10 * math.log10(e) > gate]
    assert 0 < len(kept) < len(z)
    expected = -0.691 + 10 * math.log10(sum(kept) / len(kept))
    assert integrated_loudness(noise, rate) == pytest.approx(expected, abs=1e-9)


def test_the_rate_does_not_matter() -> None:
    noise = torch.randn(1, 96_000, generator=torch.Generator().manual_seed(1)) * 0.1
    low = resample(resample(noise, 48_000, 16_000), 16_000, 48_000)  # nothing above 8 kHz to differ in
    assert integrated_loudness(resample(low, 48_000, 24_000), 24_000) == pytest.approx(
        integrated_loudness(low, 48_000), abs=0.1
    )


@given(gain=st.floats(-30, 20), rate=st.sampled_from([16_000, 22_050, 44_100]))
@settings(max_examples=20, deadline=None)
def test_a_gain_adds_its_decibels(gain: float, rate: int) -> None:
    noise = torch.randn(1, rate, generator=torch.Generator().manual_seed(2)).double() * 0.05
    louder = integrated_loudness(gained(noise, gain), rate) - integrated_loudness(noise, rate)
    assert louder == pytest.approx(gain, abs=1e-6)


def test_silence_has_no_loudness_and_short_sounds_none_that_can_be_measured() -> None:
    assert integrated_loudness(torch.zeros(1, 48_000), 48_000) == -math.inf
    assert integrated_loudness(sine(2, -80), 48_000) == -math.inf
    with pytest.raises(ArgumentError, match=r"audio must last 0.4 s or more .* got 0.3 s"):
        integrated_loudness(sine(0.3), 48_000)
    with pytest.raises(ShapeError, match=r"audio must be \(1 or 2 channels, samples\), got \(6, 48000\)"):
        integrated_loudness(sine(1, channels=6), 48_000)
    with pytest.raises(ArgumentError, match="sample_rate must be 8000 Hz or more"):
        integrated_loudness(sine(1), 4_000)


def test_a_peak_between_samples_is_seen() -> None:
    t = torch.arange(4_000, dtype=torch.float64)
    between = torch.sin(math.pi * t / 2 + math.pi / 4)[None]  # every sample at -3 dB, the wave at 0 dB
    assert float(between.abs().max()) == pytest.approx(math.sqrt(0.5))
    assert true_peak_db(between[:, 500:3500], 8_000) == pytest.approx(0.0, abs=0.3)


def test_matching_makes_all_equally_loud_and_none_too_high() -> None:
    noise = torch.randn(1, 48_000, generator=torch.Generator().manual_seed(3)) * 0.02
    clicks = torch.zeros(2, 88_200)
    clicks[:, ::8_000] = 0.9
    sounds = [(sine(2, -6).float(), 48_000), (noise, 24_000), (clicks, 44_100)]
    gains, level = matching_gains_db(sounds)
    for (audio, rate), gain in zip(sounds, gains, strict=True):
        made = gained(audio, gain)
        assert integrated_loudness(made, rate) == pytest.approx(level, abs=0.01)
        assert true_peak_db(made, rate) <= CEILING_DB + 1e-6
    assert level < -23  # the clicks forbid more, and all follow them
    assert true_peak_db(gained(clicks, gains[2]), 44_100) == pytest.approx(CEILING_DB, abs=1e-4)
    assert matching_gains_db(sounds[:2])[1] == -23
    with pytest.raises(ArgumentError, match=r"sounds\[1\] must be louder than -70 LUFS, got \(nearly\) silence"):
        matching_gains_db([sounds[0], (torch.zeros(1, 48_000), 48_000)])


def hiss(channels: int = 1, seed: int = 0) -> torch.Tensor:
    return 0.05 * torch.randn(channels, 48_000, generator=torch.Generator().manual_seed(seed))


def test_a_result_is_as_loud_as_its_reference() -> None:
    """Dark noise played at the level of bright noise is quieter to the ear: it gets a gain, on both sides the same."""
    dark = torch.nn.functional.avg_pool1d(hiss(2, 1)[None], 9, 1, 4)[0]
    for reference in (hiss(1), hiss(2)):
        heard = as_loud_as(dark, reference, 24_000)
        wanted = integrated_loudness(reference, 24_000) + 10 * math.log10(2 / reference.shape[0])
        assert integrated_loudness(heard, 24_000) == pytest.approx(wanted, abs=0.05)
        followed = follow_loudness(dark, reference, 24_000)
        gains = heard / followed
        torch.testing.assert_close(gains, gains[:1, :1].expand_as(gains), rtol=1e-3, atol=1e-3)


def test_what_cannot_be_heard_is_not_lifted_without_end() -> None:
    offset = torch.full((1, 48_000), 0.2)
    assert loudness_gain_db(offset, hiss(), 24_000) <= MOST_GAIN_DB
    for silent in (torch.zeros(1, 48_000), hiss()[:, :5000]):  # nothing to measure
        assert loudness_gain_db(silent, hiss(), 24_000) == 0
        assert loudness_gain_db(hiss(), silent, 24_000) == 0
    assert loudness_gain_db(hiss(), 2 * hiss(), 4_000) == 0


@pytest.mark.parametrize(("rate", "size"), [(8_000, 1), (16_000, 7), (24_000, 40), (44_100, 64), (48_000, 40)])
def test_what_is_heard_of_a_stream_is_what_the_whole_would_be(rate: int, size: int) -> None:
    from scipy.signal import sosfilt

    count = rate // 2 // size
    noise = np.random.default_rng(0).standard_normal((2, count * size)) + 0.5
    whole = np.square(sosfilt(k_weighting(rate), noise)).reshape(2, count, size).mean((0, 2))
    blocks, by_block = torch.from_numpy(noise).view(2, count, size), heard_by_block(size, rate)
    _, at_once = heard_powers(by_block, None, blocks, count)
    np.testing.assert_allclose(at_once, whole, rtol=1e-8)
    state, parts = None, []
    for start in range(0, count, 30):  # and blocks that are only looked at change nothing
        own = min(30, count - start)
        state, powers = heard_powers(by_block, state, blocks[:, start : start + own + 5], own)
        parts += powers[:own]
    np.testing.assert_allclose(parts, whole, rtol=1e-8)
