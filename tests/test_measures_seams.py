"""Seams of sounds that have them and of sounds that have none; use against counting by hand."""

import math
from collections import Counter

import numpy as np
import pytest
import torch
from made_up import recording
from made_up_sounds import RATE, noise

from lgr.errors import ArgumentError, ShapeError
from lgr.measures.seams import seam_ratio, seam_samples, spectral_flux
from lgr.measures.use import use_numbers
from lgr.score import Score

HOP = 320


def score(recordings: list[int], frames: list[int], *, grain_frames: int = 4, entropy: float = 1.0) -> Score:
    n = len(frames)
    return Score(
        codec="made-up",
        sample_rate=RATE,
        hop_length=HOP,
        grain_frames=grain_frames,
        hop_frames=grain_frames,
        seed=0,
        target=recording(0),
        recordings=(recording(1), recording(2), recording(3)),
        target_frame=np.arange(n) * grain_frames,
        recording=recordings,
        source_frame=frames,
        probability=np.ones(n),
        similarity=np.ones(n),
        entropy=np.full(n, entropy),
    )


def seams_every(samples: int, seconds: float) -> torch.Tensor:
    return torch.arange(samples, round(seconds * RATE), samples)


def spliced(pieces: list[torch.Tensor], length: int, n: int) -> torch.Tensor:
    return torch.cat([pieces[i % len(pieces)][i * length : (i + 1) * length] for i in range(n)])


def test_untouched_noise_has_no_seams() -> None:
    ratios = [seam_ratio(noise(4, seed), seams_every(4 * HOP, 4), RATE, HOP) for seed in range(4)]
    assert np.mean(ratios) == pytest.approx(1, abs=0.02)


def test_pieces_of_two_sounds_have_seams_where_they_meet() -> None:
    pieces = [noise(4, 1, level=0.3, top_hz=2000), noise(4, 2, level=0.3)]
    audio = spliced(pieces, 4 * HOP, 70)
    assert seam_ratio(audio, seams_every(4 * HOP, 3.7), RATE, HOP) > 1.3
    between = seams_every(4 * HOP, 3.6) + 2 * HOP
    assert seam_ratio(audio, between, RATE, HOP) < 0.9  # at the wrong places the real seams are "elsewhere"


def test_the_ratio_is_a_loop_over_positions() -> None:
    audio, seams = noise(1, 3), torch.tensor([2000, 5000, 5100, 17000])
    flux = spectral_flux(audio, RATE, HOP)
    at, away = [], []
    for i, value in enumerate(flux.tolist()):
        distance = min(abs(i * (HOP // 4) - 120 + HOP // 2 - int(s)) for s in seams)
        if distance <= HOP // 4:
            at.append(value)
        elif distance > 0.75 * HOP:
            away.append(value)
    assert seam_ratio(audio, seams.flip(0), RATE, HOP) == pytest.approx(np.mean(at) / np.mean(away), rel=1e-5)


def test_flux_is_the_change_of_log_spectra_over_a_hop(monkeypatch) -> None:
    audio = noise(0.2, 4)
    whole = spectral_flux(audio, RATE, HOP)
    monkeypatch.setattr("lgr.measures.seams.BLOCK", 5)
    assert torch.equal(spectral_flux(audio, RATE, HOP), whole)
    padded = torch.nn.functional.pad(audio, (240, 240))

    def log(i: int) -> torch.Tensor:
        return torch.log10(torch.fft.rfft(padded[i : i + 240] * torch.hann_window(240)).abs() + 1e-3)

    assert float(whole[7]) == pytest.approx(float((log(7 * 80 + 320) - log(7 * 80)).abs().mean()), rel=1e-4)


def test_where_there_is_no_ratio() -> None:
    every_frame = seams_every(HOP, 1)
    for audio, seams in ((noise(1), torch.tensor([])), (noise(1), every_frame), (torch.zeros(RATE), every_frame[::4])):
        assert math.isnan(seam_ratio(audio, seams, RATE, HOP))


def test_only_grains_that_jump_have_seams() -> None:
    """Recording 0 from frame 10 plays on for two grains, jumps, changes recording at the very frame that plays on."""
    played = score([0, 0, 0, 1, 1], [10, 14, 30, 34, 38])
    assert seam_samples(played).tolist() == [8 * HOP, 12 * HOP]
    assert seam_samples(score([0], [3])).tolist() == []


def test_flux_of_no_audio_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"audio must be \(samples >= 1,\), got \(1, 24000\)"):
        spectral_flux(noise(1)[None], RATE, HOP)
    with pytest.raises(ArgumentError, match="hop_length must be at least 4, got 3"):
        spectral_flux(noise(1), RATE, 3)


def test_use_is_what_one_counts_by_hand() -> None:
    generator = np.random.default_rng(0)
    recordings, frames = generator.integers(0, 2, 40).tolist(), generator.integers(0, 6, 40).tolist()
    played = score(recordings, frames, grain_frames=1, entropy=0.7)
    counts = Counter(zip(recordings, frames, strict=True))
    jumps = sum((recordings[i], frames[i]) != (recordings[i - 1], frames[i - 1] + 1) for i in range(1, 40))
    assert use_numbers(played) == pytest.approx(
        {
            "distinct_grains": len(counts),
            "reuse_max": max(counts.values()),
            "reuse_mean": 40 / len(counts),
            "mean_run_length": 40 / (jumps + 1),
            "entropy": 0.7,
            "recordings_used": 2,
        }
    )


def test_a_score_that_a_person_wrote_has_no_entropy() -> None:
    assert use_numbers(score([0, 1], [0, 0], entropy=math.nan))["entropy"] is None
