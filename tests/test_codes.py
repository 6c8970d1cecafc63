"""Codes of sounds and their files: there and back, what is kept, and bad input of every kind, each in a sentence."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from command_line import CLIPS, done, refused
from narrow_codecs import narrow_networks
from safetensors.torch import save_file
from torch import Tensor

import lgr
from lgr.codecs import CodecInfo, DiscreteCodec, ToyCodec
from lgr.codecs.dac import DacCodec
from lgr.codecs.encodec import Encodec24Codec, Encodec48Codec
from lgr.codecs.soundstream import SoundStreamCodec
from lgr.codes import Codes, codes_of, sound_of
from lgr.errors import ArgumentError, CodebookError, LgrError, ShapeError
from lgr.files import assets_dir
from lgr.measures.reconstruction import si_sdr
from lgr.models.rvq import ResidualQuantizer
from lgr.sound.audio import load_audio, resample, save_audio
from lgr.sound.loudness import integrated_loudness
from lgr.sounds import with_length
from lgr.train.latents import Latents
from lgr.train.quantizer.fit import QuantizerTrainConfig, fit_quantizer

LEVELS, ENTRIES = 4, 64


class CodedToy(ToyCodec):
    """The toy codec with a quantizer."""

    def __init__(self, quantizer: ResidualQuantizer) -> None:
        super().__init__(40, sample_rate=8000, hop_length=80)
        self.quantizer = quantizer

    @property
    def n_codebooks(self) -> int:
        return len(self.quantizer.entries)

    @property
    def code_entries(self) -> int:
        return self.quantizer.entries.shape[1]

    def quantize(self, latents: Tensor) -> Tensor:
        return self.quantizer.quantize(latents)

    def dequantize(self, codes: Tensor) -> Tensor:
        return self.quantizer.dequantize(codes)


def fitted(latents: Tensor, seed: int = 0, entries: int = ENTRIES) -> ResidualQuantizer:
    """A quantizer of ``(lanes, latent_dim, frames)``, made in no time."""
    rows = latents.transpose(1, 2).flatten(0, 1)
    material = Latents(rows.half(), (0,), (len(rows),), ("all",))
    config = QuantizerTrainConfig(steps=25, crops=4, crop_frames=64, keep=0.6, seed=seed)
    return fit_quantizer(material, config, levels=LEVELS, entries=entries)


def clip(name: str, seconds: float, rate: int) -> Tensor:
    audio, _ = load_audio(CLIPS / f"{name}.flac", sample_rate=rate)
    return with_length(audio, round(seconds * rate))


@cache
def toy() -> CodedToy:
    return CodedToy(fitted(ToyCodec(40, sample_rate=8000, hop_length=80).encode(clip("violin", 4, 8000)[None])))


@pytest.fixture(scope="module")
def coded_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the bundled codec's weights with a small quantizer beside them."""
    folder, model = tmp_path_factory.mktemp("coded"), assets_dir() / "models" / "bundled"
    for name in ("config.json", "model.safetensors"):
        (folder / name).symlink_to(model / name)
    latents = lgr.load_codec(folder).encode(clip("violin", 5, 24000)[None])
    save_file(fitted(latents).state_dict(), folder / "quantizer.safetensors")
    return folder


@pytest.fixture
def folder(tmp_path: Path, coded_folder: Path) -> Path:
    """A folder with in.wav, stereo.wav, in.npz of the codec in ``coded_folder``, a second each but for stereo.wav."""
    violin = clip("violin", 1, 44100)
    save_audio(tmp_path / "in.wav", violin, 44100)
    save_audio(tmp_path / "stereo.wav", torch.cat([violin, 0.1 * violin.flip(1)])[:, :20000], 44100)
    codes_of(tmp_path / "in.wav", lgr.load_codec(coded_folder)).save(tmp_path / "in.npz")
    return tmp_path


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
        whole = codes_of((audio, 8000), codec)
        assert torch.equal(whole.codes[:, :levels], codes.codes)
        assert torch.equal(sound_of(whole, codec, levels=levels)[0], back)
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.4 * float(audio.square().mean())


def test_a_gain_changes_no_code() -> None:
    audio = clip("violin", 1, 8000)
    codes, quiet = (codes_of((gain * audio, 8000), toy()) for gain in (1.0, 2.0**-6))
    assert torch.equal(codes.codes, quiet.codes)
    torch.testing.assert_close(sound_of(quiet, toy())[0], sound_of(codes, toy())[0] * 2.0**-6)


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
    for name in ("quantizer", "levels", "entries", "sample_rate", "samples", "gain_db"):
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


def test_the_command_line_opens_such_a_codec_with_its_levels(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(name: str, *, n_levels: int | None = None) -> Encodec48Codec:
        with narrow_networks():
            return Encodec48Codec.random(n_levels=n_levels)

    monkeypatch.setattr("lgr.codecs.registry.load_codec", opened)
    few, out = folder / "few.npz", folder / "out.wav"
    said = done("codes", folder / "in.wav", "--codec", "encodec-48khz", "--levels", 2, "-o", few)
    assert said.endswith("2 levels of encodec-48khz, 150 frames, 4.5 kbit/s\n")
    assert "48000 Hz, stereo, 4.5 kbit/s" in done("codes", few, "-o", out)
    refused(folder, "codes", few, "-o", folder / "x.wav", "--levels", 1, says="codes must be")


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


def test_the_command_line_goes_there_and_back(folder: Path, coded_folder: Path) -> None:
    few, out = folder / "few.npz", folder / "out.wav"
    said = done("codes", folder / "in.wav", "--codec", coded_folder, "--levels", 3, "-o", few)
    assert f"{few}: 1.00 s, 3 levels of {coded_folder}, " in said
    assert said.endswith("frames, 1.35 kbit/s\n")
    said = done("codes", few, "-o", out)
    assert said == f"{out}: 1.00 s, 44100 Hz, mono, 1.35 kbit/s\n"
    audio, rate = load_audio(out)
    assert (audio.shape, rate) == ((1, 44100), 44100)
    codec = lgr.load_codec(coded_folder)
    assert torch.equal(sound_of(codes_of(folder / "in.wav", codec, levels=3), codec)[0], audio)
    done("codes", folder / "in.npz", "-o", folder / "fewer.wav", "--levels", 3)
    assert torch.equal(load_audio(folder / "fewer.wav")[0], audio)
    before, _ = load_audio(folder / "in.wav")
    assert abs(integrated_loudness(audio, rate) - integrated_loudness(before, rate)) < 3
    done("codes", folder / "stereo.wav", "--codec", coded_folder, "-o", few, "--force")
    assert "stereo, 3.6 kbit/s" in done("codes", few, "-o", out, "--force")
    assert load_audio(out)[0].shape == (2, 20000)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--codec", "toy", "-o", "x.npz"], "codec must have codes, got toy, which has none"),
        (["--codec", "CODED", "--levels", "9", "-o", "x.npz"], "levels must be 1 to 4 for "),
        (["--codec", "CODED", "--levels", "0", "-o", "x.npz"], "--levels"),
        (["--codec", "CODED", "--levels", "many", "-o", "x.npz"], "--levels"),
        (["--codec", "nowhere", "-o", "x.npz"], "got 'nowhere'"),
        (["--codec", "CODED", "-o", "x.wav"], "-o must end in .npz (codes)"),
        (["--codec", "CODED", "-o", "in.npz"], "exists"),
    ],
)
def test_writing_codes_refuses(folder: Path, coded_folder: Path, options: list[str], says: str) -> None:
    named = [str(coded_folder) if each == "CODED" else each for each in options]
    refused(folder, "codes", folder / "in.wav", *named[:-1], folder / named[-1], says=says)


def held(path: Path, **changes: Any) -> Path:
    """A copy of a file of codes with some entries other than they were; None takes one out."""
    with np.load(path) as found:
        entries = {name: found[name] for name in found.files} | changes
    np.savez(path.parent / "changed.npz", **{name: value for name, value in entries.items() if value is not None})
    return path.parent / "changed.npz"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"codes": np.zeros((1, 4, 0), np.uint8)}, "1 frame or more), got (1, 4, 0)"),
        ({"codes": np.zeros((1, 4, 1), np.uint8)}, "frames for 44100 samples at 44100 Hz, got 1"),
        ({"codes": np.zeros((1, 4, 76), np.float32)}, "codes must be whole numbers, got float32"),
        ({"codes": np.full((1, 4, 76), 200, np.uint8)}, "codes must be 0 to 63, got 200 to 200"),
        ({"codes": None}, "must hold codes, and does not"),
        ({"codec_version": "another"}, "was made with codec"),
        ({"quantizer": "another"}, "codes were made with another quantizer"),
        ({"levels": 9}, "levels must be 1 to the 4 rows of codes, got 9"),
        ({"levels": 2.5}, "levels must be one whole number, got an array of shape () of float64"),
        ({"samples": [1, 2]}, "samples must be one whole number, got an array of shape (2,)"),
        ({"codec_name": 3}, "codec_name must be a word"),
        ({"codec_version": "quantized/x"}, "invalid literal"),
        ({"gain_db": np.inf}, "gain_db must be finite, got inf"),
        ({"format_version": 2}, "must be of format version 1, got 2"),
        ({"format_version": [1, 1]}, "damaged or holds no codes"),
        ({"format": "other"}, "must be a file of codes that `lgr codes` wrote, got another one"),
        ({"quantizer": np.array({"a": 1}, dtype=object)}, "damaged or holds no codes"),
    ],
)
def test_playing_codes_refuses(folder: Path, changes: dict[str, Any], says: str) -> None:
    refused(folder, "codes", held(folder / "in.npz", **changes), "-o", folder / "x.wav", says=says)


def test_playing_refuses_what_is_no_file_of_codes(folder: Path) -> None:
    whole = (folder / "in.npz").read_bytes()
    for name, content in {
        "empty": b"",
        "text": b"version https://git-lfs.github.com/spec/v1\n",
        "half": whole[: len(whole) // 2],
        "flipped": whole[:200] + bytes(b ^ 255 for b in whole[200:260]) + whole[260:],
        "sound": (folder / "in.wav").read_bytes(),
    }.items():
        (folder / f"{name}.npz").write_bytes(content)
        refused(folder, "codes", folder / f"{name}.npz", "-o", folder / "x.wav", says=[f"{name}.npz", "codes"])
    np.savez(folder / "other.npz", weights=np.zeros(3))
    refused(folder, "codes", folder / "other.npz", "-o", folder / "x.wav", says="got another one")
    with (folder / "array.npz").open("wb") as file:
        np.save(file, np.zeros(3))
    refused(folder, "codes", folder / "array.npz", "-o", folder / "x.wav", says="got another one")
    refused(folder, "codes", folder / "none.npz", "-o", folder / "x.wav", says="none.npz does not exist")
    (folder / "folder.npz").mkdir()
    refused(folder, "codes", folder / "folder.npz", "-o", folder / "x.wav", says="folder.npz is damaged")


def test_playing_refuses_options_that_do_not_fit(folder: Path) -> None:
    given = ["codes", folder / "in.npz"]
    refused(folder, *given, "-o", folder / "x.npz", says="-o must end in .wav")
    refused(folder, *given, "-o", folder / "x.wav", "--levels", 5, says="levels must be 1 to the 4 that the codes have")
    refused(folder, *given, "-o", folder / "x.wav", "--codec", "toy", says=["was made with codec", "not 'toy'"])
    lost = held(folder / "in.npz", codec_name="nowhere")
    refused(folder, "codes", lost, "-o", folder / "x.wav", says="was made with codec 'nowhere', which is not here")
