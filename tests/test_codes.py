"""Codes of sounds and their files: there and back, what is kept, and bad input of every kind, each in a sentence."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from coded_toy import LEVELS, CodedToy, clip, fitted, toy
from narrow_codecs import narrow_networks

from lgr.codecs import CodecInfo, DiscreteCodec, ToyCodec
from lgr.codecs.dac import DacCodec
from lgr.codecs.encodec import Encodec24Codec, Encodec48Codec
from lgr.codecs.soundstream import SoundStreamCodec
from lgr.codes import Codes, codes_of, sound_of
from lgr.errors import ArgumentError, CodebookError, LgrError, ShapeError
from lgr.measures.reconstruction import si_sdr
from lgr.sound.audio import resample
from lgr.sound.loudness import integrated_loudness
from lgr.sounds import with_length


def test_a_sound_goes_to_codes_and_back_as_long_and_as_loud() -> None:
    codec = toy()
    for rate, samples, gain in ((8000, 8000, 1.0), (8000, 7999, 0.01), (44100, 30001, 0.3), (7000, 81, 1.0)):
        audio = gain * clip("violin", 5, rate)[:, 2 * rate : 2 * rate + samples]
        codes = codes_of((audio, rate), codec)
        back, out_rate = sound_of(codes, codec)
        assert out_rate == max(rate, 8000)
        assert back.shape == (1, round(samples * out_rate / rate))
        if samples > 5000:
            limited = with_length(resample(resample(audio, rate, 8000), 8000, rate), samples)
            assert abs(float(back.square().mean() / limited.square().mean()) - 1) < 0.2
            assert si_sdr(limited[0], back[0]) > 3


def test_more_levels_are_nearer_and_no_level_is_lost() -> None:
    codec, audio = toy(), clip("violin", 4, 8000)[:, 8000:]
    errors = []
    for levels in range(1, LEVELS + 1):
        codes = codes_of((audio, 8000), codec, levels=levels)
        assert codes.codes.shape == (1, levels, 300)
        assert codes.kbit_per_second == pytest.approx(levels * 6 * 100 / 1000)
        back, _ = sound_of(codes, codec)
        errors.append(float((back - audio).square().mean()))
        assert abs(integrated_loudness(back, 8000) - integrated_loudness(audio, 8000)) < 0.1
        whole = codes_of((audio, 8000), codec)
        assert torch.equal(whole.codes[:, :levels], codes.codes)
        assert torch.equal(sound_of(whole, codec, levels=levels)[0], back)
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.4 * float(audio.square().mean())


def test_a_gain_changes_no_code() -> None:
    audio = clip("violin", 1, 8000)
    codes, quiet = (codes_of((gain * audio, 8000), toy()) for gain in (1.0, 2.0**-6))
    assert torch.equal(codes.codes, quiet.codes)
    torch.testing.assert_close(sound_of(quiet, toy())[0], sound_of(codes, toy())[0] * 2.0**-6, rtol=1e-3, atol=1e-5)


def test_stereo_is_two_lanes() -> None:
    codec = toy()
    left, right = clip("violin", 1, 8000), clip("rain", 1, 8000)
    codes = codes_of((torch.cat([left, right]), 8000), codec)
    assert codes.codes.shape == (2, LEVELS, 100)
    assert codes.kbit_per_second == pytest.approx(2 * LEVELS * 6 / 10)
    back, _ = sound_of(codes, codec)
    assert back.shape == (2, 8000)
    assert si_sdr(left[0], back[0]) > 5
    assert abs(si_sdr(right[0], back[0])) > 5  # the one lane is not the other
    six = codes_of((torch.cat([left, right] * 3), 8000), codec)
    assert six.codes.shape == (1, LEVELS, 100)


def test_silence_has_codes() -> None:
    back, _ = sound_of(codes_of((torch.zeros(1, 4000), 8000), toy()), toy())
    assert back.shape == (1, 4000)
    assert bool(back.isfinite().all())


def test_files_hold_what_is_said_without_pickles(tmp_path: Path) -> None:
    codes = codes_of((clip("violin", 1, 16000), 16000), toy(), levels=3)
    codes.save(tmp_path / "a.npz")
    codes.save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    with np.load(tmp_path / "a.npz", allow_pickle=False) as held:
        assert held["codes"].dtype == np.uint8
        assert held["codes"].shape == (1, 3, 100)
        assert (str(held["codec_name"]), int(held["sample_rate"]), int(held["samples"])) == ("toy", 16000, 16000)
    again = Codes.load(tmp_path / "a.npz")
    assert torch.equal(again.codes, codes.codes)
    for name in ("quantizer", "levels", "entries", "sample_rate", "samples", "gain_db", "loudness_lufs"):
        assert getattr(again, name) == getattr(codes, name)
    assert torch.equal(sound_of(again, toy())[0], sound_of(codes, toy())[0])
    with pytest.raises(LgrError, match="exists"):
        codes.save(tmp_path / "a.npz")
    with pytest.raises(ArgumentError, match=r"path of codes must end in .npz, got .*c.wav"):
        codes.save(tmp_path / "c.wav")


@pytest.mark.parametrize(("entries", "kind"), [(2, np.uint8), (256, np.uint8), (257, np.uint16), (1024, np.uint16)])
def test_codes_are_kept_in_the_smallest_type(entries: int, kind: Any, tmp_path: Path) -> None:
    made_up(codes=torch.full((1, 1, 10), entries - 1), levels=1, entries=entries).save(tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as held:
        assert held["codes"].dtype == kind
    assert int(Codes.load(tmp_path / "a.npz").codes.max()) == entries - 1


INFO = CodecInfo(name="mine", sample_rate=8000, hop_length=80, channels=1, latent_dim=3)


def made_up(**changes: Any) -> Codes:
    facts: dict[str, Any] = {
        "codes": torch.zeros(1, 2, 10, dtype=torch.int64),
        "codec": INFO,
        "quantizer": "",
        "levels": 2,
        "entries": 8,
        "sample_rate": 8000,
        "samples": 800,
        "gain_db": 0.0,
    }
    return Codes(**(facts | changes))


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ({"codes": torch.zeros(1, 2, 0).long()}, r"codes must be .* 1 frame or more.*, got \(1, 2, 0\)"),
        ({"codes": torch.zeros(1, 0, 10).long()}, r"codes must be .* 1 row or more.*, got \(1, 0, 10\)"),
        ({"codes": torch.zeros(3, 2, 10).long()}, r"codes must be \(1 or 2 lanes.*, got \(3, 2, 10\)"),
        ({"codes": torch.zeros(2, 10).long()}, r"codes must be \(1 or 2 lanes.*, got \(2, 10\)"),
        ({"codes": torch.zeros(1, 2, 1).long()}, "codes must have 10 frames for 800 samples at 8000 Hz, got 1"),
        ({"codes": torch.zeros(1, 2, 11).long()}, "codes must have 10 frames for 800 samples at 8000 Hz, got 11"),
        ({"codes": torch.zeros(1, 2, 10)}, r"codes must be whole numbers \(int64\), got torch.float32"),
        ({"codes": torch.full((1, 2, 10), 8)}, "codes must be 0 to 7, got 8 to 8"),
        ({"codes": torch.full((1, 2, 10), -1)}, "codes must be 0 to 7, got -1 to -1"),
        ({"levels": 3}, "levels must be 1 to the 2 rows of codes, got 3"),
        ({"levels": 0}, "levels must be 1 to the 2 rows of codes, got 0"),
        ({"samples": 0}, "samples at least 1, got 8000 and 0"),
        ({"sample_rate": 10**9}, "sample_rate must be 1 to 1000000 Hz"),
        ({"codec": replace(INFO, hop_length=0)}, "codec must have a rate, a hop and 1 channel.*, a hop of 0"),
        (
            {"codec": replace(INFO, channels=2), "codes": torch.zeros(2, 2, 10).long()},
            "codec must have .* 2 channels and 2 lanes",
        ),
        ({"gain_db": float("nan")}, "gain_db must be finite, got nan"),
    ],
)
def test_what_no_sounds_codes_are_is_refused(bad: dict[str, Any], says: str) -> None:
    with pytest.raises(ArgumentError, match=says):
        made_up(**bad)


def test_one_frame_is_a_sound() -> None:
    codes = codes_of((clip("violin", 2, 8000)[:, 8000:8010], 8000), toy())
    assert codes.codes.shape == (1, LEVELS, 1)
    assert sound_of(codes, toy())[0].shape == (1, 10)


def test_codes_of_another_codec_or_quantizer_are_refused() -> None:
    codes = codes_of((clip("violin", 1, 8000), 8000), toy())
    with pytest.raises(CodebookError, match=r"the file of codes was made with codec 'toy'.*hop 80.*not 'toy'.*hop 320"):
        sound_of(codes, ToyCodec())
    with pytest.raises(ArgumentError, match="codec must have codes, got toy, which has none"):
        sound_of(codes, ToyCodec(40, sample_rate=8000, hop_length=80))
    latents = toy().encode(clip("rain", 2, 8000)[None])
    with pytest.raises(CodebookError, match="codes were made with another quantizer of toy"):
        sound_of(codes, CodedToy(fitted(latents)))
    one_of_its_own = toy().quantizer.fingerprint()
    more = replace(codes, codes=torch.zeros(1, 9, 100).long(), levels=9, quantizer=one_of_its_own)
    with pytest.raises(CodebookError, match="at most 4 rows of 64 entries for toy, got 9 of 64"):
        sound_of(more, toy())
    with pytest.raises(CodebookError, match="at most 4 rows of 64 entries for toy, got 4 of 65"):
        sound_of(replace(codes, entries=65), toy())


def test_levels_that_do_not_exist_are_refused() -> None:
    sound = (clip("violin", 1, 8000), 8000)
    for levels in (0, 5):
        with pytest.raises(ArgumentError, match=f"levels must be 1 to 4 for toy, got {levels}"):
            codes_of(sound, toy(), levels=levels)
    codes = codes_of(sound, toy(), levels=2)
    for levels in (0, 3):
        with pytest.raises(ArgumentError, match=f"levels must be 1 to the 2 that the codes have, got {levels}"):
            sound_of(codes, toy(), levels=levels)
    with pytest.raises(ArgumentError, match="codec must have codes, got toy, which has none"):
        codes_of(sound, ToyCodec())
    with pytest.raises(ShapeError, match="at least 1"):
        codes_of((torch.zeros(1, 0), 8000), toy())


PRETRAINED: dict[str, Callable[..., DiscreteCodec]] = {
    "encodec-24khz": Encodec24Codec.random,
    "encodec-48khz": Encodec48Codec.random,
    "dac-16khz": lambda **options: DacCodec.random("16khz", **options),
}


@pytest.mark.parametrize("name", PRETRAINED)
@pytest.mark.parametrize("levels", [None, 2])
def test_pretrained_codecs_have_codes(name: str, levels: int | None, tmp_path: Path) -> None:
    with narrow_networks():
        codec = PRETRAINED[name](n_levels=levels)
    audio = clip("violin", 0.3, 24000)
    codes = codes_of((audio, 24000), codec, levels=levels)
    assert codes.entries == 1024
    assert codes.codes.shape[1] == codec.n_codebooks
    codes.save(tmp_path / "a.npz")
    back, rate = sound_of(Codes.load(tmp_path / "a.npz"), codec)
    assert back.shape == (codec.info.channels, round(0.3 * rate))
    assert torch.equal(sound_of(codes, codec)[0], back)
    bits = codec.n_codebooks * 10 * codec.info.frame_rate / 1000
    assert codes.kbit_per_second == pytest.approx(bits)


def test_a_loudness_row_is_not_played_without() -> None:
    with narrow_networks():
        codec = Encodec48Codec.random(n_levels=4)
    sound = (clip("violin", 0.2, 48000), 48000)
    with pytest.raises(ArgumentError, match=r"levels of encodec-48khz must be those it was opened with .4., got 2"):
        codes_of(sound, codec, levels=2)
    codes = codes_of(sound, codec)
    assert (codes.levels, codes.codes.shape[1]) == (4, 5)
    with pytest.raises(ShapeError, match="codes must be"):
        sound_of(codes, codec, levels=2)


@pytest.mark.weights
def test_soundstream_has_codes(soundstream_folder: Path) -> None:
    codec = SoundStreamCodec(weights=soundstream_folder)
    audio = clip("speech_reader", 1, 16000)
    codes = codes_of((audio, 16000), codec)
    assert codes.codes.shape == (1, 46, 50)
    assert codes.kbit_per_second == pytest.approx(9.2)
    back, rate = sound_of(codes, codec)
    assert (back.shape, rate) == (audio.shape, 16000)
    levels = [integrated_loudness(each, 16000) for each in (audio, back)]
    assert abs(levels[0] - levels[1]) < 3
    few = codes_of((audio, 16000), codec, levels=8)
    assert torch.equal(few.codes, codes.codes[:, :8])
    sound_of(few, codec)
