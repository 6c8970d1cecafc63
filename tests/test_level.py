"""Following a level: against a plain loop, on its limits, and by what is heard (attacks followed, tones left alone)."""

import math

import pytest
import torch
from torch import Tensor

from lgr.errors import ArgumentError, ShapeError
from lgr.sound.level import MAX_BOOST_DB, OVERLAP, follow_loudness, within_full_scale

RATE = 8000


def noise(channels: int, samples: int, seed: int = 0) -> Tensor:
    return 0.1 * torch.randn(channels, samples, generator=torch.Generator().manual_seed(seed))


def tone(hz: float, seconds: float = 2.0, rate: int = RATE) -> Tensor:
    return 0.3 * torch.sin(2 * math.pi * hz * torch.arange(int(rate * seconds)).double() / rate).float()[None]


def level_db(audio: Tensor) -> Tensor:
    """Level of each channel over the whole sound."""
    return 10 * torch.log10(audio.square().mean(-1))


@pytest.mark.parametrize("samples", [1, 39, 40, 41, 1003])
def test_gain_is_that_of_a_plain_loop(samples: int) -> None:
    audio, reference = noise(1, samples), 2 * noise(1, samples, seed=1)
    hop = 10
    window = torch.hann_window(OVERLAP * hop, dtype=torch.float64)

    def power(x: Tensor, at: int) -> float:
        total = 0.0
        for k in range(OVERLAP * hop):
            i = at - OVERLAP * hop // 2 + k
            if 0 <= i < samples:
                total += float(window[k] / window.sum()) * float(x[0, i]) ** 2
        return total

    gains = [math.sqrt(power(reference, p) / max(power(audio, p), 1e-12)) for p in range(0, samples + hop, hop)]
    expected = torch.empty(1, samples)
    for i in range(samples):
        left, along = divmod(i, hop)
        gain = gains[left] if along == 0 else gains[left] + (gains[left + 1] - gains[left]) * along / hop
        expected[0, i] = audio[0, i] * gain
    got = follow_loudness(audio, reference, RATE, window_seconds=OVERLAP * hop / RATE)
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-6)


def test_the_same_level_changes_nothing() -> None:
    audio = noise(2, 5000)
    torch.testing.assert_close(follow_loudness(audio, audio, RATE), audio, rtol=1e-5, atol=0)


def test_steps_of_level_are_followed_in_time() -> None:
    steps = torch.tensor([0.01, 1.0, 0.1, 0.5]).repeat_interleave(RATE // 2)
    got = follow_loudness(noise(1, len(steps)), noise(1, len(steps), seed=1) * steps, RATE)
    inside = [level_db(got[:, k * RATE // 2 + 400 : (k + 1) * RATE // 2 - 400]) for k in range(4)]
    expected = 20 * torch.log10(0.1 * torch.tensor([0.01, 1.0, 0.1, 0.5]))
    torch.testing.assert_close(torch.cat(inside), expected, rtol=0, atol=0.5)


def test_silence_stays_and_becomes_silent_and_boost_is_limited() -> None:
    audio, silence = noise(1, 4000), torch.zeros(1, 4000)
    assert bool((follow_loudness(audio, silence, RATE) == 0).all())
    assert bool((follow_loudness(silence, audio, RATE) == 0).all())
    quiet = 1e-4 * audio
    raised = follow_loudness(quiet, audio, RATE)
    torch.testing.assert_close(raised, quiet * 10 ** (MAX_BOOST_DB / 20))


def test_channels_follow_their_own_reference_and_keep_their_image_under_a_mono_one() -> None:
    audio = noise(2, RATE) * torch.tensor([[1.0], [0.25]])
    reference = noise(2, RATE, seed=1) * torch.tensor([[0.1], [2.0]])
    torch.testing.assert_close(level_db(follow_loudness(audio, reference, RATE)), level_db(reference), rtol=0, atol=0.3)
    led = follow_loudness(audio, reference[:1], RATE)
    torch.testing.assert_close(led[1] / led[0], audio[1] / audio[0], rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(level_db(led.flatten()), level_db(reference[0]), rtol=0, atol=0.3)


@pytest.mark.parametrize(("hz", "other_hz"), [(100.0, 1000.0), (1000.0, 100.0), (82.4, 440.0), (60.0, 1000.0)])
def test_a_steady_tone_gets_no_side_bands(hz: float, other_hz: float) -> None:
    rate = 24000
    got = follow_loudness(tone(hz, 4.0, rate), tone(other_hz, 4.0, rate), rate)[0, rate // 2 : -rate // 2].double()
    n = torch.arange(len(got)) * (2 * math.pi / len(got))
    window = 0.35875 - 0.48829 * n.cos() + 0.14128 * (2 * n).cos() - 0.01168 * (3 * n).cos()  # Blackman-Harris
    spectrum = torch.fft.rfft(got * window).abs()
    beside = (torch.fft.rfftfreq(len(got), 1 / rate) - hz).abs() > 3
    side_bands_db = 20 * math.log10(float(spectrum[beside].max() / spectrum[~beside].max()) + 1e-12)
    assert side_bands_db < (-120 if hz in (100.0, 1000.0) else -45)


def test_full_scale_is_kept_with_one_gain() -> None:
    audio = noise(2, 1000)
    assert within_full_scale(audio) is audio
    loud = 50 * audio
    kept = within_full_scale(loud)
    assert float(kept.abs().max()) == pytest.approx(0.999)
    gains = kept / loud
    torch.testing.assert_close(gains, gains[:1, :1].expand_as(gains))


def test_wrong_shapes_are_refused() -> None:
    audio = noise(2, 100)
    for reference in (noise(3, 100), noise(2, 99), noise(2, 100)[0]):
        with pytest.raises(ShapeError, match=r"reference must be \(1 or 2, 100\)"):
            follow_loudness(audio, reference, RATE)
    with pytest.raises(ShapeError, match="audio must be"):
        follow_loudness(audio[0], audio, RATE)
    with pytest.raises(ArgumentError, match="window_seconds must be > 0, got 0"):
        follow_loudness(audio, audio, RATE, window_seconds=0)
