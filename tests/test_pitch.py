"""The pitch descriptor: alike for one note whatever plays it, blind to gain, nothing for noise; held to librosa."""

import math

import numpy as np
import pytest
import torch
from scipy.fft import next_fast_len
from torch import Tensor

from lgr.errors import ArgumentError, ShapeError
from lgr.sound.pitch import (
    BINS,
    BINS_PER_OCTAVE,
    FILTERS,
    GAMMA_HZ,
    LOWEST_HZ,
    POOLED,
    constant_q,
    fft_size,
    look_ahead,
    pitch_frames,
    pitch_step,
    pitchedness,
    reach,
)

RATE, HOP = 24000, 320


def note(hz: float, slope: float = 1.0, seconds: float = 0.6, rate: int = RATE) -> Tensor:
    """A harmonic tone whose n-th partial has amplitude ``n ** -slope``."""
    time = torch.arange(round(seconds * rate), dtype=torch.float64) / rate
    partials = range(1, int(0.45 * rate / hz) + 1)
    sound = sum(torch.sin(2 * math.pi * hz * n * time + n * n) * n**-slope for n in partials)
    return 0.1 * torch.as_tensor(sound).float()


def noise(seconds: float = 1.0, seed: int = 0) -> Tensor:
    return 0.1 * torch.randn(round(seconds * RATE), generator=torch.Generator().manual_seed(seed))


def middle(audio: Tensor, rate: int = RATE, hop: int = HOP) -> Tensor:
    """The mean descriptor of a steady sound, ``(BINS,)``, without its ends."""
    return pitch_frames(audio, rate, hop)[:, 8:-8].mean(1)


def alike(a: Tensor, b: Tensor) -> float:
    return float(torch.nn.functional.cosine_similarity(a, b, dim=0))


@pytest.mark.parametrize("rate", [16000, 24000, 44100])
def test_the_constant_q_spectrum_is_librosas(rate: int) -> None:
    """But for librosa's factor, which is the length of each filter: a sine is as strong in any octave here."""
    import librosa

    audio = note(220.0, 1.0, 1.0, rate) + 0.5 * note(311.1, 0.5, 1.0, rate)
    hop = rate // 100
    bank = {"fmin": LOWEST_HZ, "n_bins": FILTERS, "bins_per_octave": BINS_PER_OCTAVE, "gamma": GAMMA_HZ}
    theirs = np.abs(librosa.vqt(audio.numpy(), sr=rate, hop_length=hop, scale=False, sparsity=0.0, **bank))
    hz = LOWEST_HZ * 2 ** (np.arange(FILTERS) / BINS_PER_OCTAVE)
    theirs /= librosa.filters.wavelet_lengths(freqs=hz, sr=rate, gamma=GAMMA_HZ)[0][:, None]
    ours = constant_q(audio, rate, hop)[:FILTERS].numpy()
    a, b = (np.log1p(each[:, 20:80].mean(1) / (0.01 * each.max())) for each in (ours, theirs))
    assert np.quantile(np.abs(a - b), 0.98) < 0.1  # librosa halves the rate for low octaves, which moves a bin or two
    assert np.corrcoef(a, b)[0, 1] > 0.999


@pytest.mark.parametrize("midi", [45, 57, 60, 69, 81])
def test_the_peak_is_at_the_fundamental(midi: int) -> None:
    hz = 440 * 2 ** ((midi - 69) / 12)
    expected = (BINS_PER_OCTAVE * math.log2(hz / LOWEST_HZ) - (POOLED - 1) / 2) / POOLED
    for slope in (0.5, 1.0, 2.0):
        assert int(middle(note(hz, slope)).argmax()) == pytest.approx(expected, abs=1.0)


@pytest.mark.parametrize("midi", [52, 60, 67, 76])
def test_a_note_is_known_whatever_plays_it_and_its_neighbours_are_not_it(midi: int) -> None:
    hz = 440 * 2 ** ((midi - 69) / 12)
    bright, dark = middle(note(hz, 0.5)), middle(note(hz, 2.0))
    others = [middle(note(hz * 2 ** (k / 12), 2.0)) for k in (-5, -2, 2, 3, 7)]
    assert alike(bright, dark) > 0.5
    assert max(alike(bright, each) for each in others) < alike(bright, dark) - 0.15


def test_gain_changes_nothing_and_silence_is_nothing() -> None:
    audio = note(220.0)
    torch.testing.assert_close(
        pitch_frames(0.01 * audio, RATE, HOP), pitch_frames(audio, RATE, HOP), rtol=1e-3, atol=1e-3
    )
    assert not bool(pitch_frames(torch.zeros(5000), RATE, HOP).any())
    assert not bool(pitch_frames(torch.full((5000,), 1e-7), RATE, HOP).any())


def test_notes_are_pitched_and_noise_is_not() -> None:
    assert float(pitchedness(middle(note(220.0))[None])) == 1
    hiss = pitch_frames(noise(), RATE, HOP)
    grains = hiss[:, : hiss.shape[1] // 4 * 4].reshape(BINS, -1, 4).mean(2).T
    assert float(pitchedness(grains).mean()) < 0.1


@pytest.mark.parametrize("samples", [1, 319, 320, 321, 5000])
def test_there_is_a_frame_a_hop_and_every_number_is_finite(samples: int) -> None:
    found = pitch_frames(noise()[:samples], RATE, HOP)
    assert found.shape == (BINS, -(-samples // HOP))
    assert bool(found.isfinite().all())


def test_a_frame_depends_on_a_window_around_its_hop_alone() -> None:
    audio = torch.cat([note(220.0), note(330.0)])
    whole, at = pitch_frames(audio, RATE, HOP), 20
    reach = fft_size(RATE) // 2
    changed = audio.clone()
    changed[at * HOP + HOP // 2 + reach :] = noise(3.0)[: len(audio) - (at * HOP + HOP // 2 + reach)]
    torch.testing.assert_close(pitch_frames(changed, RATE, HOP)[:, : at + 1], whole[:, : at + 1])
    assert not torch.allclose(pitch_frames(changed, RATE, HOP)[:, at + 20], whole[:, at + 20])


@pytest.mark.parametrize("rate", [8000, 11025, 96000])
def test_other_rates_give_the_same_kind_of_frames(rate: int) -> None:
    hop = round(rate / 75)
    assert alike(middle(note(220.0, 1.0, 0.6, rate), rate, hop), middle(note(220.0))) > 0.9


@pytest.mark.parametrize(("rate", "hop"), [(RATE, HOP), (RATE, 75), (8000, 2000), (44100, 512)])
@pytest.mark.parametrize("size", [7, 333, 5000])
def test_a_stream_gives_the_same_frames_each_as_soon_as_it_can(rate: int, hop: int, size: int) -> None:
    audio = note(330, rate=rate, seconds=0.2)
    state, found = None, []
    for i, chunk in enumerate(torch.split(audio, size)):
        state, frames = pitch_step(state, chunk, rate, hop)
        found.append(frames)
        heard = min((i + 1) * size, len(audio))
        given = sum(each.shape[1] for each in found)
        if look_ahead(rate, hop):  # else the end of a long hop is not even read
            assert given == max(0, (heard - look_ahead(rate, hop)) // hop)
        assert len(state.samples) <= reach(rate) + hop  # no more is kept than is read again
    _, last = pitch_step(state, audio[:0], rate, hop, flush=True)
    torch.testing.assert_close(torch.cat([*found, last], 1), pitch_frames(audio, rate, hop), rtol=0, atol=1e-5)


@pytest.mark.parametrize("rate", [1, 20, 8000, 11025, 22050, 24000, 44100, 48000, 96001])
def test_the_ffts_length_is_scipys(rate: int) -> None:
    assert fft_size(rate) == next_fast_len(reach(rate), real=True)


def test_the_look_ahead_is_what_is_said() -> None:
    assert look_ahead(24000, 320) / 24000 == pytest.approx(0.018, abs=5e-4)


def test_what_is_no_sound_is_refused() -> None:
    with pytest.raises(ShapeError, match="audio must be"):
        pitch_frames(torch.zeros(1, 100), RATE, HOP)
    with pytest.raises(ArgumentError, match="hop and sample_rate must be >= 1, got 0 and 24000"):
        constant_q(torch.zeros(100), RATE, 0)
