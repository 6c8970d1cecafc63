"""Sound files: what is written is read back, and every bad file is a sentence."""

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from lgr.errors import ArgumentError, AudioFileError, ShapeError
from lgr.sound.audio import AudioInfo, audio_info, load_audio, resample, save_audio
from lgr.sound.audio_files import audio_files


def tones(channels: int = 1, seconds: float = 0.5, rate: int = 24_000) -> Tensor:
    """A sine of a different pitch in each channel: (channels, samples)."""
    at = torch.arange(int(seconds * rate)) / rate
    return torch.stack([0.4 * torch.sin(2 * torch.pi * 220 * (c + 1) * at) for c in range(channels)])


def noise(samples: int, channels: int = 1) -> Tensor:
    return torch.rand(channels, samples, generator=torch.Generator().manual_seed(0)) - 0.5


# Written and read back


@pytest.mark.parametrize(
    ("suffix", "subtype", "tolerance"),
    [("wav", "FLOAT", 0.0), ("flac", "PCM_24", 2**-23), ("ogg", "VORBIS", 0.05), ("mp3", "MPEG_LAYER_III", 0.05)],
)
@pytest.mark.parametrize("channels", [1, 2])
def test_round_trip(tmp_path: Path, suffix: str, subtype: str, tolerance: float, channels: int) -> None:
    audio, path = tones(channels), tmp_path / f"a.{suffix.upper() if channels == 2 else suffix}"
    assert save_audio(path, audio, 24_000) == path
    loaded, rate = load_audio(path)
    assert rate == 24_000
    assert loaded.dtype == torch.float32
    torch.testing.assert_close(loaded, audio, rtol=0, atol=tolerance)
    info = audio_info(path)
    assert info == AudioInfo(
        path=path, format=suffix.upper(), subtype=subtype, sample_rate=24_000, channels=channels, samples=12_000
    )
    assert info.duration_seconds == 0.5


def test_a_long_ogg(tmp_path: Path) -> None:
    audio = noise(60 * 24_000)  # libsndfile crashes when this is written in one call
    save_audio(tmp_path / "long.ogg", audio, 24_000)
    assert audio_info(tmp_path / "long.ogg").samples == audio.shape[1]


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
@pytest.mark.parametrize("samples", [1, 10])
def test_ten_samples(tmp_path: Path, suffix: str, samples: int) -> None:
    save_audio(tmp_path / f"a.{suffix}", noise(samples), 24_000)
    assert load_audio(tmp_path / f"a.{suffix}")[0].shape == (1, samples)


def test_too_loud(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    audio = torch.tensor([[1.5, -1.5, 1.0, -1.0, 0.5]])
    save_audio(tmp_path / "a.wav", audio, 8_000)
    assert torch.equal(load_audio(tmp_path / "a.wav")[0], audio)
    assert not caplog.records
    with caplog.at_level(logging.WARNING):
        save_audio(tmp_path / "a.flac", audio, 8_000)
    torch.testing.assert_close(load_audio(tmp_path / "a.flac")[0], audio.clamp(-1, 1), rtol=0, atol=2**-23)
    assert "peak 1.500 clipped" in caplog.text


# Rates and channels


@given(st.integers(1, 3_000), st.sampled_from([8_000, 16_000, 22_050, 24_000, 44_100, 48_000, 192_000]))
@settings(max_examples=40, deadline=None)
def test_resampled_length(samples: int, rate: int) -> None:
    for orig, new in ((rate, 24_000), (24_000, rate)):
        assert resample(noise(samples, 2), orig, new).shape == (2, max(1, round(samples * new / orig)))


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000, 192_000])
def test_resampling_keeps_pitch_level_and_time(tmp_path: Path, rate: int) -> None:
    save_audio(tmp_path / "a.wav", tones(2, rate=rate), rate)
    audio, new = load_audio(tmp_path / "a.wav", sample_rate=24_000)
    assert new == 24_000
    middle = slice(2_000, 10_000)  # the ends ring, for the sines start and stop there
    torch.testing.assert_close(audio[:, middle], tones(2)[:, middle], rtol=0, atol=1e-4)


def test_resample_keeps_dtype_and_refuses_nonsense() -> None:
    audio = noise(100)
    assert resample(audio, 8_000, 8_000) is audio
    assert resample(audio.double(), 8_000, 16_000).dtype == torch.float64
    with pytest.raises(ShapeError, match=r"audio must be \(channels, samples\)"):
        resample(audio[0], 8_000, 16_000)
    for rate in (0, -1, 44_100.5, True):
        with pytest.raises(ArgumentError, match="new_rate must be a positive whole number"):
            resample(audio, 8_000, rate)  # type: ignore[arg-type]


def test_channels(tmp_path: Path) -> None:
    for channels in (1, 2, 6):
        save_audio(tmp_path / f"{channels}.wav", tones(channels), 24_000)
        assert torch.equal(load_audio(tmp_path / f"{channels}.wav")[0], tones(channels))
        assert torch.equal(load_audio(tmp_path / f"{channels}.wav", channels=channels)[0], tones(channels))
        mono = load_audio(tmp_path / f"{channels}.wav", channels=1)[0]
        torch.testing.assert_close(mono, tones(channels).mean(0, keepdim=True))
    assert torch.equal(load_audio(tmp_path / "1.wav", channels=2)[0], tones(1).repeat(2, 1))
    with pytest.raises(ArgumentError, match=r"6 \(as in the file\) .*got 2; mix the file down first"):
        load_audio(tmp_path / "6.wav", channels=2)
    with pytest.raises(ArgumentError, match="got 0"):
        load_audio(tmp_path / "6.wav", channels=0)


# Files that cannot be read


def cut(path: Path, part: float) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])


@pytest.mark.parametrize("part", [0.99, 0.5, 0.01])
def test_truncated_flac(tmp_path: Path, part: float) -> None:
    save_audio(tmp_path / "a.flac", noise(48_000), 24_000)
    cut(tmp_path / "a.flac", part)
    with pytest.raises(AudioFileError, match=r"a\.flac is (cut short or )?damaged"):
        load_audio(tmp_path / "a.flac")


def test_truncated_flac_of_which_libsndfile_returns_less(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Some versions of libsndfile return what there is instead of an error; the header still tells.
    save_audio(tmp_path / "a.flac", noise(48_000), 24_000)
    whole = soundfile.SoundFile.read
    monkeypatch.setattr(soundfile.SoundFile, "read", lambda self, **kwargs: whole(self, **kwargs)[:24_000])
    with pytest.raises(AudioFileError, match="cut short after 1 s; export or download it again"):
        load_audio(tmp_path / "a.flac")


@pytest.mark.parametrize("suffix", ["wav", "mp3"])
def test_truncated_wav_and_mp3(tmp_path: Path, suffix: str) -> None:
    save_audio(tmp_path / f"a.{suffix}", noise(48_000), 24_000)
    cut(tmp_path / f"a.{suffix}", 0.5)
    with pytest.raises(AudioFileError, match="cut short after"):
        load_audio(tmp_path / f"a.{suffix}")


def test_flac_from_a_pipe_does_not_know_its_length(tmp_path: Path) -> None:
    save_audio(tmp_path / "a.flac", noise(48_000), 24_000)
    data = bytearray((tmp_path / "a.flac").read_bytes())
    data[21] &= 0xF0  # the 36-bit length of STREAMINFO, 0 = unknown
    data[22:26] = bytes(4)
    (tmp_path / "a.flac").write_bytes(data)
    with pytest.raises(AudioFileError, match="does not say how long it is; rewrite it"):
        load_audio(tmp_path / "a.flac")


@pytest.mark.parametrize("read", [load_audio, audio_info])
@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("text.wav", b"hello\n" * 100, "text.wav holds text, not audio"),
        ("page.mp3", b"<!DOCTYPE html><html></html>", "holds text"),
        ("empty.wav", b"", r"is empty \(0 bytes\)"),
        ("video.m4a", b"\0\0\0\x20ftypM4A " + bytes(range(256)), "convert it to wav, flac, ogg or mp3"),
        ("junk.raw", bytes(range(256)), "convert it"),
    ],
)
def test_not_audio(tmp_path: Path, read: Callable[..., object], name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(AudioFileError, match=message):
        read(tmp_path / name)


@pytest.mark.parametrize("read", [load_audio, audio_info])
def test_missing_folder_or_without_samples(tmp_path: Path, read: Callable[..., object]) -> None:
    save_audio(tmp_path / "piano.wav", noise(10), 8_000)
    with pytest.raises(AudioFileError, match=r"pianoo\.wav does not exist; did you mean piano\.wav\?"):
        read(tmp_path / "pianoo.wav")
    with pytest.raises(AudioFileError, match="does not exist in the folder"):
        read(tmp_path / "violoncello.flac")
    with pytest.raises(AudioFileError, match="there is no folder"):
        read(tmp_path / "nowhere" / "a.wav")
    with pytest.raises(AudioFileError, match="is a folder; name an audio file in it"):
        read(tmp_path)
    soundfile.write(tmp_path / "none.wav", np.zeros((0, 1)), 8_000)
    with pytest.raises(AudioFileError, match="holds no samples"):
        read(tmp_path / "none.wav")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers(tmp_path: Path, value: float) -> None:
    data = np.zeros((16_000, 2), dtype=np.float32)
    data[[6_000, 7_000], 1] = value
    soundfile.write(tmp_path / "a.wav", data, 8_000, subtype="FLOAT")
    with pytest.raises(AudioFileError, match=r"2 NaN or infinite samples, the first at 0\.75 s"):
        load_audio(tmp_path / "a.wav")
    with pytest.raises(ArgumentError, match=r"audio must be finite.*first at 0\.75 s"):
        save_audio(tmp_path / "b.wav", torch.from_numpy(data.T.copy()), 8_000)
    assert not (tmp_path / "b.wav").exists()


# Files that cannot be written


@pytest.mark.parametrize("name", ["a.aiff", "a", "a.wav.txt"])
def test_unknown_suffix(tmp_path: Path, name: str) -> None:
    with pytest.raises(AudioFileError, match=r"must end in \.wav, \.flac, \.ogg or \.mp3"):
        save_audio(tmp_path / name, noise(10), 8_000)


@pytest.mark.parametrize("shape", [(10,), (1, 1, 10), (0, 10), (1, 0)])
def test_wrong_shape(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="audio must be"):
        save_audio(tmp_path / "a.wav", torch.zeros(shape), 8_000)


def test_wrong_type_rate_or_format(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"floating point.*int16"):
        save_audio(tmp_path / "a.wav", torch.zeros(1, 10, dtype=torch.int16), 8_000)
    with pytest.raises(ArgumentError, match="sample_rate must be a positive whole number of Hz, got 0"):
        save_audio(tmp_path / "a.wav", noise(10), 0)
    with pytest.raises(AudioFileError, match=r"mp3 has 1 or 2 channels.*got 6 channels at 48000 Hz"):
        save_audio(tmp_path / "a.mp3", noise(10, 6), 48_000)
    with pytest.raises(AudioFileError, match=r"192000 Hz; write \.wav or \.flac"):
        save_audio(tmp_path / "a.mp3", noise(10), 192_000)
    with pytest.raises(AudioFileError, match="cannot write"):
        save_audio(tmp_path / "a.flac", noise(10, 9), 48_000)  # FLAC ends at 8 channels
    assert list(tmp_path.iterdir()) == []


def test_existing_file_and_missing_folder(tmp_path: Path) -> None:
    path = save_audio(tmp_path / "a.wav", noise(10), 8_000)
    with pytest.raises(AudioFileError, match="exists and is kept"):
        save_audio(path, noise(20), 8_000)
    assert audio_info(path).samples == 10
    save_audio(path, noise(20), 8_000, force=True)
    assert audio_info(path).samples == 20
    with pytest.raises(AudioFileError, match="does not exist; create it first"):
        save_audio(tmp_path / "nowhere" / "a.wav", noise(10), 8_000)
    with pytest.raises(AudioFileError, match="not a folder"):
        save_audio(path / "b.wav", noise(10), 8_000)


def test_ctrl_c_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, calls = soundfile.SoundFile.write, []

    def interrupted(self: soundfile.SoundFile, data: np.ndarray) -> None:
        write(self, data)
        calls.append(len(data))
        if len(calls) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(soundfile.SoundFile, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save_audio(tmp_path / "a.wav", noise(200_000), 8_000)
    assert calls == [65_536, 65_536]
    assert list(tmp_path.iterdir()) == []


# Finding files


def test_audio_files(tmp_path: Path) -> None:
    for name in ("a10.wav", "a2.WAV", "b/c.flac", "b/._c.flac", "notes.txt", "z[1].ogg", "b/deep/d.mp3"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    def found(*paths: str | Path) -> list[str]:
        return [file.relative_to(tmp_path).as_posix() for file in audio_files(paths)]

    everything = ["a2.WAV", "a10.wav", "b/c.flac", "b/deep/d.mp3", "z[1].ogg"]
    assert found(tmp_path) == everything
    assert found(f"{tmp_path}/**/*") == everything
    assert found(f"{tmp_path}/a*") == ["a2.WAV", "a10.wav"]
    assert found(f"{tmp_path}/?") == ["b/c.flac", "b/deep/d.mp3"]  # a folder that a pattern finds
    assert found(tmp_path / "z[1].ogg") == ["z[1].ogg"]  # a name that looks like a pattern
    assert found(tmp_path / "a10.wav", tmp_path) == ["a10.wav", "a2.WAV", *everything[2:]]  # each once
    assert [file.name for file in audio_files(str(tmp_path / "b"))] == ["c.flac", "d.mp3"]


def test_audio_files_not_found(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    (tmp_path / "empty").mkdir()
    with pytest.raises(AudioFileError, match=r"b\.wav does not exist; did you mean a\.wav\?"):
        audio_files([tmp_path / "a.wav", tmp_path / "b.wav"])
    for nothing in (tmp_path / "empty", f"{tmp_path}/*.flac"):
        with pytest.raises(AudioFileError, match="no wav, flac, ogg or mp3 file found in"):
            audio_files([tmp_path / "a.wav", nothing])
    with pytest.raises(AudioFileError, match="no audio file given"):
        audio_files([])
