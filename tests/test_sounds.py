"""Sounds to latents: what is read, at which length, and what augmentations do."""

import math
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from lgr.codebook import CodebookConfig
from lgr.codecs import ToyCodec
from lgr.errors import ArgumentError, CodebookError, MissingPackageError, ShapeError
from lgr.sound.audio import resample, save_audio
from lgr.sound.recording import Recording
from lgr.sounds import describe, encode_lanes, frame_levels_db, lane_features, read, with_length
from lgr.sources import build_codebook

RATE = 8000
CODEC = ToyCodec(latent_dim=40, sample_rate=RATE, hop_length=80)


def noise(channels: int, samples: int, seed: int = 0) -> Tensor:
    return 0.1 * torch.randn(channels, samples, generator=torch.Generator().manual_seed(seed))


def tone(hz: float, samples: int = RATE) -> Tensor:
    return 0.3 * torch.sin(2 * math.pi * hz * torch.arange(samples) / RATE)[None]


def pitch_hz(audio: Tensor) -> float:
    """The strongest frequency of the middle half."""
    middle = audio[0, audio.shape[1] // 4 : -audio.shape[1] // 4]
    spectrum = torch.fft.rfft(middle * torch.hann_window(len(middle))).abs()
    return float(spectrum.argmax()) * RATE / len(middle)


def test_a_file_is_known_again(tmp_path: Path) -> None:
    path = save_audio(tmp_path / "rain.wav", noise(2, 1000), 44100)
    recording = describe(path)
    assert (recording.name, recording.path) == ("rain", str(path.resolve()))
    assert (recording.sample_rate, recording.samples, recording.channels) == (44100, 1000, 2)
    assert len(recording.sha256) == 64
    assert describe(str(path)) == recording
    assert describe((noise(2, 1000), 44100), name="source 1") == Recording("source 1", "", 44100, 1000, channels=2)


def test_pairs_that_are_no_sound_are_refused() -> None:
    for bad in (float("nan"), float("inf")):
        audio = noise(1, 100)
        audio[0, 7] = bad
        with pytest.raises(ArgumentError, match="target must be finite, got NaN or infinite samples"):
            describe((audio, RATE), name="target")
    for shape in ((100,), (1, 0), (0, 100), (1, 1, 100)):
        with pytest.raises(ShapeError, match=r"target must be .channels, samples., both at least 1"):
            describe((torch.zeros(shape), RATE), name="target")
    with pytest.raises(ArgumentError, match=r"target must be floating point in \[-1, 1\], got torch.int16"):
        describe((torch.zeros(1, 100, dtype=torch.int16), RATE), name="target")
    with pytest.raises(
        ArgumentError, match=r"must be a file or \(audio Tensor, sample rate in Hz\), got \(ndarray, int"
    ):
        describe((noise(1, 100).numpy(), RATE))  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match=r"got .Tensor, float"):
        describe((noise(1, 100), 8000.0))  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="sample_rate > 0"):
        describe((noise(1, 100), 0))


@pytest.mark.parametrize("rate", [8000, 8001, 22050, 44100, 192000])
@pytest.mark.parametrize("samples", [1, 2, 1001])
def test_read_gives_the_codecs_rate_and_the_described_length(tmp_path: Path, rate: int, samples: int) -> None:
    audio = noise(2, samples)
    path = save_audio(tmp_path / "x.wav", audio, rate)
    got = read(path, CODEC)
    assert got.shape == (2, max(1, round(samples * RATE / rate)))
    assert torch.equal(got, read((audio, rate), CODEC))
    assert torch.equal(got, resample(audio, rate, RATE))


def test_an_mp3_whose_header_only_estimates_keeps_the_described_length(tmp_path: Path) -> None:
    whole = save_audio(tmp_path / "whole.mp3", noise(1, 3 * 44100), 44100).read_bytes()
    cut = tmp_path / "cut.mp3"
    cut.write_bytes(whole[:-1000])
    recording = describe(cut)
    assert read(cut, CODEC).shape[1] == round(recording.samples * RATE / 44100)


def test_channels() -> None:
    six = noise(6, 100)
    torch.testing.assert_close(read((six, RATE), CODEC), six.mean(0, keepdim=True))
    stereo = ToyCodec(latent_dim=40, sample_rate=RATE, hop_length=80, channels=2)
    mono = noise(1, 100)
    assert torch.equal(read((mono, RATE), stereo), mono.repeat(2, 1))
    assert read((six, RATE), stereo).shape == (2, 100)
    assert encode_lanes(noise(2, 160), CODEC).shape == (2, 40, 2)
    assert encode_lanes(noise(2, 160), stereo).shape == (1, 40, 2)
    assert encode_lanes(noise(1, 160), CODEC, extra=1).shape == (1, 40, 3)
    latents = encode_lanes(noise(2, 160), CODEC)
    torch.testing.assert_close(lane_features(latents, CODEC), latents.mean(0))


def test_with_length() -> None:
    audio = noise(2, 10)
    assert torch.equal(with_length(audio, 7), audio[:, :7])
    longer = with_length(audio, 12)
    assert torch.equal(longer[:, :10], audio)
    assert bool((longer[:, 10:] == 0).all())


def test_frame_levels() -> None:
    audio = torch.cat([torch.full((2, 80), 0.1), torch.zeros(2, 80), torch.full((2, 40), 1.0)], 1)
    levels = frame_levels_db(audio, CODEC, 3)
    torch.testing.assert_close(levels, torch.tensor([-20.0, -200.0, 10 * math.log10(0.5)]), rtol=0, atol=1e-3)


# ---- augmentations -------------------------------------------------------------------------------------------------


def test_augmentations_are_made_from_the_originals_only() -> None:
    sounds = [(noise(1, 4000, seed=i), RATE) for i in range(2)]
    changes = ("gain=-6", "speed=2", "speed=0.5,gain=3")
    codebook = build_codebook(sounds, CODEC, augmentations=changes)
    assert [r.augmentation for r in codebook.recordings_] == ["", "", *(c for c in changes for _ in range(2))]
    assert [r.name for r in codebook.recordings_[2:4]] == ["source 1 (gain=-6)", "source 2 (gain=-6)"]
    latents = torch.split(codebook.latents_, list(codebook.frames_), -1)
    for i, recording in enumerate(codebook.recordings_):
        original = sounds[i % 2][0]
        expected = original if recording.speed == 1 else resample(original, round(RATE * recording.speed), RATE)
        assert recording.level_gain_db == codebook.recordings_[i % 2].level_gain_db  # a louder copy stays louder
        expected = encode_lanes(expected * 10 ** ((recording.gain_db + recording.level_gain_db) / 20), CODEC)
        torch.testing.assert_close(latents[i], expected, rtol=1e-5, atol=1e-6)


def test_speed_changes_pitch_and_duration_together() -> None:
    sound = (tone(400), RATE)
    fast = read(sound, CODEC, Recording("x", "", RATE, RATE, augmentation="speed=2"))
    slow = read(sound, CODEC, Recording("x", "", RATE, RATE, augmentation="speed=0.5"))
    assert (fast.shape[1], slow.shape[1]) == (RATE // 2, 2 * RATE)
    assert pitch_hz(fast) == pytest.approx(800, abs=5)
    assert pitch_hz(slow) == pytest.approx(200, abs=5)
    # what a slowed file has above the codec's band comes down into it: resampled once, from the file's own rate
    high = 0.3 * torch.sin(2 * math.pi * 6000 * torch.arange(32000) / 32000)[None]
    slowed = read((high, 32000), CODEC, Recording("x", "", 32000, 32000, augmentation="speed=0.5"))
    assert pitch_hz(slowed) == pytest.approx(3000, abs=5)


def test_pitch_keeps_the_duration() -> None:
    up = read((tone(400), RATE), CODEC, Recording("x", "", RATE, RATE, augmentation="pitch=12"))
    assert up.shape == (1, RATE)
    assert pitch_hz(up) == pytest.approx(800, abs=10)
    short = read((tone(400, 1000), RATE), CODEC, Recording("x", "", RATE, 1000, augmentation="pitch=12"))
    assert short.shape == (1, 1000)  # and without a warning from librosa
    assert pitch_hz(short) == pytest.approx(800, abs=40)


def test_augmentations_that_cannot_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = (tone(400), RATE)
    with pytest.raises(ArgumentError, match=r"speed must be in \[0.125, 8.0\], got 0.0001"):
        build_codebook([sound], CODEC, augmentations=["speed=0.0001"])
    with pytest.raises(ArgumentError, match="augmentation of recording"):
        build_codebook([sound], CODEC, augmentations=["louder=2"])
    monkeypatch.setitem(sys.modules, "librosa", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'lgr\[explore\]'"):
        build_codebook([sound], CODEC, augmentations=["pitch=3"])


# ---- codebooks -----------------------------------------------------------------------------------------------------


def test_the_silence_gate_leaves_out_what_is_silent() -> None:
    audio = torch.cat([noise(1, 1600), torch.zeros(1, 1600)], 1)  # frames 0 to 19 sound, 20 to 39 do not
    gated = build_codebook([(audio, RATE)], CODEC, CodebookConfig(grain_frames=2, silence_db=-60))
    assert gated.source_frame_.tolist() == list(range(20))  # the last one's first frame still sounds
    every = build_codebook([(audio, RATE)], CODEC, CodebookConfig(grain_frames=2))
    assert len(every) == 39
    with pytest.raises(CodebookError, match="leaves no grain"):
        build_codebook([(audio, RATE)], CODEC, CodebookConfig(silence_db=20.0))


def test_weights_and_progress() -> None:
    seen: list[tuple[str, int, int]] = []
    sounds = [(noise(1, 800, seed=i), RATE) for i in range(2)]
    codebook = build_codebook(sounds, CODEC, weights=[1, 0.5], progress=lambda *step: seen.append(step))
    assert [r.weight for r in codebook.recordings_] == [1, 0.5]
    assert seen == [("encoding sources", k, 2) for k in range(3)]


def test_sources_that_make_no_codebook() -> None:
    sound = (noise(1, 800), RATE)
    with pytest.raises(ArgumentError, match="sources must name at least one recording, got none"):
        build_codebook([], CODEC)
    with pytest.raises(ArgumentError, match="sources must be a list of sounds"):
        build_codebook("glass.wav", CODEC)
    with pytest.raises(ArgumentError, match="weights must be one number for each of 1 sources, got 2"):
        build_codebook([sound], CODEC, weights=[1, 2])
    with pytest.raises(ArgumentError, match="digital silence in every recording"):
        build_codebook([(torch.zeros(1, 800), RATE)] * 2, CODEC)
    with pytest.raises(CodebookError, match="'source 2' is shorter than one grain: it has 3 frames"):
        build_codebook([sound, (noise(1, 240), RATE)], CODEC)
    with pytest.raises(ArgumentError, match="source 1 must be finite"):
        build_codebook([(noise(1, 800) * math.inf, RATE)], CODEC)
