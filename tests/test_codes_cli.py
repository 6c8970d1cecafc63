"""``lgr codes``: there and back, and bad input of every kind, each in a sentence."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from coded_toy import clip, fitted
from command_line import done, refused
from narrow_codecs import narrow_networks
from safetensors.torch import save_file

import lgr
from lgr.codecs.encodec import Encodec48Codec
from lgr.codes import codes_of, sound_of
from lgr.files import assets_dir
from lgr.sound.audio import load_audio, save_audio
from lgr.sound.loudness import integrated_loudness


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
    assert abs(integrated_loudness(audio, rate) - integrated_loudness(before, rate)) < 1
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
        ({"loudness_lufs": "loud"}, "loudness_lufs must be one number"),
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
