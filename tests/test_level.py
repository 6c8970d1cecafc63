"""Following a level: against a plain loop, on its limits, and by what is heard (attacks followed, tones left alone)."""

import math

import pytest
import torch
from torch import Tensor

from lgr.errors import ArgumentError, ShapeError
from lgr.sound import level
from lgr.sound.level import (
    COMMON_DB,
    LIMITER_SECONDS,
    MAX_BOOST_DB,
    SHARPNESS,
    STEP_SECONDS,
    WINDOW_SECONDS,
    block_powers,
    follow_loudness,
    gained,
    level_powers,
    levelling_gain_db,
    within_full_scale,
)

RATE = 8000
CEILING = float(torch.tensor(0.999))


def noise(channels: int, samples: int, seed: int = 0) -> Tensor:
    return 0.1 * torch.randn(channels, samples, generator=torch.Generator().manual_seed(seed))


def tone(hz: float, seconds: float = 2.0, rate: int = RATE) -> Tensor:
    return 0.3 * torch.sin(2 * math.pi * hz * torch.arange(int(rate * seconds)).double() / rate).float()[None]


def level_db(audio: Tensor) -> Tensor:
    """Level of each channel over the whole sound."""
    return 10 * torch.log10(audio.square().mean(-1))


@pytest.mark.parametrize("samples", [1, 7, 8, 9, 1003])
def test_a_level_is_that_of_a_plain_loop(samples: int) -> None:
    """Without jumps a level is a windowed mean; across a jump, blocks count by how far down the jump they are."""
    audio = noise(1, samples)
    audio[:, samples // 2 :] *= 100.0
    powers = block_powers(audio, RATE)[0].double()
    hop = round(RATE * STEP_SECONDS)
    assert len(powers) == -(-samples // hop)
    jumps = level._jumps(powers[None].float(), 10)[0].double()
    reach = round(WINDOW_SECONDS * RATE / hop / 2)
    window = torch.blackman_window(2 * reach + 1, periodic=False, dtype=torch.float64).clamp(min=0)
    expected = []
    for i in range(len(powers)):
        total = weight = 0.0
        for j in range(max(0, i - reach), min(len(powers), i + reach + 1)):
            between = float(jumps[min(i, j) : max(i, j)].sum())  # a jump stands between its block and the next
            w = float(window[j - i + reach]) * math.exp(-SHARPNESS * between)
            total, weight = total + w * float(powers[j]), weight + w
        expected.append(total / weight)
    torch.testing.assert_close(
        level_powers(audio, RATE)[0].double(), torch.tensor(expected).double(), rtol=1e-3, atol=0
    )


@pytest.mark.parametrize("at", [0.5, 0.5004, 0.7131])
def test_a_level_does_not_see_what_is_to_come(at: float) -> None:
    """Noise that rises by 60 dB: to within a block of the jump, its level is that of its own side."""
    rate, k = 24000, round(24000 * at)
    audio = noise(1, rate)
    audio[:, :k] *= 1e-3
    found = 10 * torch.log10(level_powers(audio, rate)[0])
    block = k // round(rate * STEP_SECONDS)
    assert float(found[:block].max()) == pytest.approx(-80, abs=2.5)
    assert float(found[block + 1 :].min()) == pytest.approx(-20, abs=2.5)


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


@pytest.mark.parametrize("hz", [60.0, 73.4, 82.4, 146.8, 440.0, 1000.0])
@pytest.mark.parametrize("other_hz", [60.0, 97.0, 1000.0])
def test_a_steady_tone_gets_no_side_bands(hz: float, other_hz: float) -> None:
    rate = 24000
    got = follow_loudness(tone(hz, 4.0, rate), tone(other_hz, 4.0, rate), rate)[0, rate // 2 : -rate // 2].double()
    n = torch.arange(len(got)) * (2 * math.pi / len(got))
    window = 0.35875 - 0.48829 * n.cos() + 0.14128 * (2 * n).cos() - 0.01168 * (3 * n).cos()  # Blackman-Harris
    spectrum = torch.fft.rfft(got * window).abs()
    beside = (torch.fft.rfftfreq(len(got), 1 / rate) - hz).abs() > 3
    side_bands_db = 20 * math.log10(float(spectrum[beside].max() / spectrum[~beside].max()) + 1e-12)
    assert side_bands_db < -60


def test_what_is_before_an_attack_is_not_lifted() -> None:
    """Hits out of near silence, played with steady noise: the 10 ms before each stay as quiet as in the target."""
    rate, starts = 24000, [7000, 20011, 33333, 50000]
    target = 1e-4 * noise(1, 3 * rate, seed=1)
    for k in starts:
        decay = torch.exp(-torch.arange(4800) / 1200)
        target[0, k : k + 4800] += 3 * noise(1, 4800, seed=k)[0] * decay
    followed = follow_loudness(noise(1, 3 * rate), target, rate)
    for sound in (target, followed):
        before = torch.stack([sound[0, k - 240 : k] for k in starts]).square().mean()
        after = torch.stack([sound[0, k : k + 240] for k in starts]).square().mean()
        assert 10 * math.log10(float(before / after)) < -18


@pytest.mark.parametrize("gain", [1e-4, 0.03, 1.0, 7.0])
def test_recordings_that_differ_by_a_gain_are_levelled_to_one(gain: float) -> None:
    audio = torch.cat([noise(1, RATE), 0.05 * noise(1, RATE, seed=1)], 1)
    common = gained(audio, levelling_gain_db(audio, RATE))
    torch.testing.assert_close(
        gained(gain * audio, levelling_gain_db(gain * audio, RATE)), common, rtol=1e-4, atol=1e-6
    )
    loud = common[:, : common.shape[1] // 2]  # what is 26 dB below has no say
    assert 10 * math.log10(float(loud.square().mean())) == pytest.approx(COMMON_DB, abs=0.1)


def test_levelling_passes_no_peak_and_leaves_silence() -> None:
    click = torch.zeros(1, RATE)
    click[0, RATE // 2] = 0.3
    assert float(gained(click, levelling_gain_db(click, RATE)).abs().max()) == pytest.approx(1.0)
    assert levelling_gain_db(torch.zeros(1, 100), RATE) == 0


def test_a_peak_is_turned_down_where_it_is() -> None:
    audio = noise(2, 24000)
    assert within_full_scale(audio, 24000) is audio
    loud = audio.clone()
    loud[0, 12000] = 4.0
    kept = within_full_scale(loud, 24000)
    assert float(kept.abs().max()) == pytest.approx(0.999, abs=0.01)
    assert float(kept.abs().max()) <= CEILING
    gains = kept / loud
    torch.testing.assert_close(gains[0], gains[1], rtol=1e-4, atol=1e-5)  # the image stays
    reach = round(24000 * LIMITER_SECONDS)
    assert torch.equal(kept[:, : 12000 - 2 * reach], loud[:, : 12000 - 2 * reach])
    assert torch.equal(kept[:, 12000 + 2 * reach + 1 :], loud[:, 12000 + 2 * reach + 1 :])
    assert float((gains[0, 1:] - gains[0, :-1]).abs().max()) < 0.02  # no click


@pytest.mark.parametrize("samples", [1, 3, 100, 5000])
def test_nothing_passes_the_ceiling(samples: int) -> None:
    loud = 30 * noise(1, samples)
    assert float(within_full_scale(loud, 24000).abs().max()) <= CEILING
    assert bool(within_full_scale(loud, 24000).isfinite().all())


def test_pieces_leave_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    audio = 8 * noise(2, 5000) * (1 + (torch.arange(5000) % 700 < 40))
    whole = within_full_scale(audio, RATE)
    monkeypatch.setattr(level, "PIECE", 333)
    torch.testing.assert_close(within_full_scale(audio, RATE), whole, rtol=0, atol=1e-6)


def test_wrong_shapes_are_refused() -> None:
    audio = noise(2, 100)
    for reference in (noise(3, 100), noise(2, 99), noise(2, 100)[0]):
        with pytest.raises(ShapeError, match=r"reference must be \(1 or 2, 100\)"):
            follow_loudness(audio, reference, RATE)
    with pytest.raises(ShapeError, match="audio must be"):
        follow_loudness(audio[0], audio, RATE)
    with pytest.raises(ArgumentError, match="window_seconds must be > 0, got 0"):
        follow_loudness(audio, audio, RATE, window_seconds=0)
