"""Level, brightness and noisiness moved by themselves: the package, and the commands that play with them."""

import json
import math
from pathlib import Path

import pytest
import torch
from command_line import done, refused
from test_trained_codec import LABELS, write_folder
from torch import Tensor

from lgr.codecs import load_codec
from lgr.codecs.toy import ToyCodec
from lgr.codecs.trained import TrainedCodec
from lgr.errors import ArgumentError
from lgr.interpolation.interpolate import Interpolation, InterpolationConfig, interpolate
from lgr.interpolation.report import interpolation_report
from lgr.latents.controls import LIMITS, check_controls, codec_controls, steer
from lgr.latents.path import PathConfig
from lgr.sound.audio import load_audio, save_audio
from lgr.steering import steered_sound

RATE = 24_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("models") / "spectral", "spectral", temporal=True)


@pytest.fixture(scope="module")
def codec(folder: Path) -> TrainedCodec:
    opened = load_codec(folder)
    assert isinstance(opened, TrainedCodec)
    return opened


def hiss(seconds: float, seed: int, level: float = 0.05) -> Tensor:
    """Noise that falls towards high frequencies, which leaves octaves to move upwards."""
    n = round(seconds * RATE)
    spectrum = torch.fft.rfft(torch.randn(n, generator=torch.Generator().manual_seed(seed)))
    sound = torch.fft.irfft(spectrum / (1 + torch.arange(len(spectrum)) * RATE / n / 500), n)[None]
    return level * sound / sound.square().mean().sqrt()


@pytest.fixture
def sounds(tmp_path: Path) -> Path:
    """a.wav and b.wav, a second each."""
    for seed, name in enumerate("ab"):
        save_audio(tmp_path / f"{name}.wav", hiss(1, seed), RATE)
    return tmp_path


def octaves(audio: Tensor, other: Tensor) -> float:
    """By how much the power's centroid is higher."""

    def hz(sound: Tensor) -> float:
        power = torch.fft.rfft(sound).abs().square().sum(0)
        return float((power * torch.linspace(0, RATE / 2, len(power))).sum() / power.sum())

    return math.log2(hz(audio) / hz(other))


def louder_db(audio: Tensor, other: Tensor) -> float:
    return 10 * math.log10(float(audio.square().mean() / other.square().mean()))


def halves(audio: Tensor) -> tuple[Tensor, Tensor]:
    middle = audio.shape[1] // 2
    return audio[:, :middle], audio[:, middle:]


# ---- a sound played again -------------------------------------------------------------------------------------------


def test_a_control_moves_one_thing(codec: TrainedCodec) -> None:
    sound = (hiss(1, 0), RATE)
    plain = steered_sound(sound, codec, {"level": 0})
    brighter = steered_sound(sound, codec, {"brightness": -1})
    assert octaves(brighter, plain) == pytest.approx(-1, abs=0.2)
    assert louder_db(brighter, plain) == pytest.approx(0, abs=1)
    quieter = steered_sound(sound, codec, {"level": "-12"})
    torch.testing.assert_close(quieter, plain * 10 ** (-12 / 20), rtol=0, atol=1e-4)
    noisier = steered_sound(sound, codec, {"noisiness": 2})
    assert louder_db(noisier, plain) == pytest.approx(0, abs=1)
    assert float((noisier - plain).norm() / plain.norm()) > 0.5


def test_an_envelope_changes_over_time(codec: TrainedCodec) -> None:
    sound = (hiss(1, 0), RATE)
    plain = halves(steered_sound(sound, codec, {"level": 0}))
    stepped = halves(steered_sound(sound, codec, {"brightness": "0.5:0,0.5:-1", "level": [(0.5, -20), (0.5, 0)]}))
    assert octaves(stepped[0], plain[0]) == pytest.approx(0, abs=0.1)
    assert octaves(stepped[1], plain[1]) == pytest.approx(-1, abs=0.2)
    assert louder_db(stepped[0], plain[0]) == pytest.approx(-20, abs=1)
    assert louder_db(stepped[1], plain[1]) == pytest.approx(0, abs=1)


def test_only_controls_of_a_codec_within_their_limits() -> None:
    assert codec_controls(ToyCodec()) == {}
    with pytest.raises(ArgumentError, match="brightness must be a control of the codec, and toy has none"):
        interpolate([(hiss(1, 0), RATE)] * 2, ToyCodec(), InterpolationConfig(controls={"brightness": 1}))


@pytest.mark.parametrize(
    ("controls", "says"),
    [
        ({"colour": 1}, "colour must be a control of the codec, and .* has level, brightness, noisiness, intensity"),
        ({"brightness": 3.1}, "brightness must be from -3 to 3, got 3.1"),
        ({"brightness": "0:0,1:-4"}, "brightness must be from -3 to 3, got -4"),
        ({"noisiness": 1e30}, r"noisiness must be from -3 to 3, got 1e\+30"),
        ({"level": -121}, "level must be from -120 to 24, got -121"),
        ({"level": math.nan}, "level: envelope points must be finite numbers, got 0.0:nan"),
        ({"level": 10**400}, "level: int too large"),
        ({"noisiness": "much"}, "noisiness: envelope must be a number or seconds:value pairs"),
        ({"noisiness": None}, "noisiness: envelope must be a number, text"),
    ],
)
def test_what_cannot_be_steered(codec: TrainedCodec, controls: dict, says: str) -> None:
    with pytest.raises(ArgumentError, match=says):
        steer(codec, torch.zeros(1, codec.info.latent_dim, 4), controls)
    with pytest.raises(ArgumentError, match=says):
        check_controls(codec, controls)


def test_limits_are_of_controls_that_there_are(codec: TrainedCodec) -> None:
    assert set(LIMITS) == set(codec_controls(codec))
    latents = torch.zeros(1, codec.info.latent_dim, 4)
    for name, ends in LIMITS.items():
        for amount in ends:
            assert codec.decode(steer(codec, latents, {name: amount})).isfinite().all()


# ---- a path between two sounds --------------------------------------------------------------------------------------


def between(codec: TrainedCodec, seconds: float = 1.0, **options: object) -> Interpolation:
    config = InterpolationConfig(seconds=seconds, **options)  # type: ignore[arg-type]
    return interpolate([(hiss(1, 0), RATE), (hiss(1, 1), RATE)], codec, config)


@pytest.mark.parametrize("level_line", [True, False])
@pytest.mark.parametrize("ends", ["held", "moving"])
def test_a_path_is_steered_over_its_own_time(codec: TrainedCodec, level_line: bool, ends: str) -> None:
    plain = between(codec, level_line=level_line, ends=ends)
    level = between(codec, level_line=level_line, ends=ends, controls={"level": "0.5:-20,0.5:0"})
    gain = torch.where(torch.arange(plain.audio.shape[1]) < 0.5 * RATE, 0.1, 1.0)
    torch.testing.assert_close(level.audio, plain.audio * gain, rtol=1e-4, atol=1e-6)  # the line does not undo it
    bright = between(codec, level_line=level_line, ends=ends, controls={"brightness": "0.5:-1,0.5:0", "noisiness": 1})
    first, last = (octaves(*pair) for pair in zip(halves(bright.audio), halves(plain.audio), strict=True))
    assert first == pytest.approx(-1, abs=0.25)
    assert last == pytest.approx(0, abs=0.25)
    assert louder_db(bright.audio, plain.audio) == pytest.approx(0, abs=1.5)
    unmoved = between(codec, level_line=level_line, ends=ends, controls={"level": 0, "brightness": 0})
    assert torch.equal(unmoved.audio, plain.audio)


def test_a_path_that_wanders_can_be_brighter_than_its_sounds(codec: TrainedCodec) -> None:
    way = PathConfig(kind="circle")
    plain, bright = (between(codec, path=way, controls=each) for each in ({}, {"brightness": 1}))
    moved = bright.latents - plain.latents
    torch.testing.assert_close(moved[:, 1], torch.ones_like(moved[:, 1]))
    assert float(moved.abs().sum(1).max()) == pytest.approx(1)


def test_the_sounds_around_a_path_are_left_alone(codec: TrainedCodec) -> None:
    plain = between(codec, context_seconds=0.4)
    moved = between(codec, context_seconds=0.4, controls={"level": -20, "brightness": -1})
    assert moved.seams == plain.seams
    (start, end), fade = plain.seams, round(0.05 * RATE)
    assert torch.equal(moved.audio[:, : start - fade], plain.audio[:, : start - fade])
    assert torch.equal(moved.audio[:, end + fade :], plain.audio[:, end + fade :])
    assert louder_db(moved.audio[:, start:end], plain.audio[:, start:end]) == pytest.approx(-20, abs=1.5)


def test_a_report_carries_controls_and_plays_again(codec: TrainedCodec) -> None:
    pair = (hiss(1, 0), RATE), (hiss(1, 1), RATE)
    controls = {"brightness": "0:-1,1:0.5", "level": -6}
    made = interpolation_report(codec, *pair, context_seconds=0.5, controls=controls)
    told = json.loads(json.dumps(made.to_json()))["interpolation"]["controls"]
    assert told == {"brightness": [[0, -1], [1, 0.5]], "level": -6}
    again = interpolation_report(codec, *pair, context_seconds=0.5, controls=told)
    assert torch.equal(again.interpolation.audio, made.interpolation.audio)
    assert InterpolationConfig().to_json()["controls"] == {}


def test_stereo_paths_are_steered_on_both_sides(codec: TrainedCodec) -> None:
    stereo = torch.cat([hiss(1, 0), 0.5 * hiss(1, 2)])
    plain, quiet = (
        interpolate([(stereo, RATE), (hiss(1, 1), RATE)], codec, InterpolationConfig(controls=each)).audio
        for each in ({}, {"level": -12})
    )
    assert plain.shape[0] == 2
    torch.testing.assert_close(quiet, plain * 10 ** (-12 / 20), rtol=1e-4, atol=1e-6)


# ---- the command line -----------------------------------------------------------------------------------------------


def heard(path: Path) -> Tensor:
    return load_audio(path)[0]


def test_the_command_steers(sounds: Path, folder: Path) -> None:
    out = sounds / "out.wav"
    heard_with = []
    for options in (["--level", "0"], ["--level", "-12"], ["--brightness", "0.5:0,0.5:-1"], ["--noisiness", "2"]):
        said = done("steer", sounds / "a.wav", "-o", out, "--codec", folder, "--force", *options)
        assert said == f"{out}: 1.00 s\n"
        heard_with.append(heard(out))
    plain, quiet, dull, noisy = heard_with
    assert louder_db(quiet, plain) == pytest.approx(-12, abs=0.2)
    assert octaves(halves(dull)[0], halves(plain)[0]) == pytest.approx(0, abs=0.1)
    assert octaves(halves(dull)[1], halves(plain)[1]) == pytest.approx(-1, abs=0.2)
    assert louder_db(noisy, plain) == pytest.approx(0, abs=1)


def test_the_command_samples_steered(tmp_path: Path, folder: Path) -> None:
    name = f"{LABELS[0].lower()}-seed0-1.wav"
    for out, options in (("plain", []), ("quiet", ["--level", "-12"]), ("dull", ["--brightness", "-1"])):
        done("sample", folder, "--class", LABELS[0], "--n", 1, "--frames", 90, "-o", tmp_path / out, *options)
    plain, quiet, dull = (heard(tmp_path / out / name) for out in ("plain", "quiet", "dull"))
    assert louder_db(quiet, plain) == pytest.approx(-12, abs=0.2)
    assert octaves(dull, plain) < -0.5


def test_the_command_interpolates_steered(sounds: Path, folder: Path) -> None:
    def go(*options: object) -> str:
        ends = [sounds / "a.wav", sounds / "b.wav", "-o", sounds / "out.wav", "--force"]
        return done("interpolate", *ends, "--codec", folder, *options)

    go()
    plain = heard(sounds / "out.wav")
    report = sounds / "r.json"
    said = go("--level", "-12", "--brightness", "0.5:-1,0.5:0", "--report", report)
    assert ", ends moving, level -12, brightness 0.5:-1,0.5:0; made in " in said
    moved = heard(sounds / "out.wav")
    assert louder_db(moved, plain) == pytest.approx(-12, abs=1.5)
    assert octaves(halves(moved)[0], halves(plain)[0]) == pytest.approx(-1, abs=0.25)
    told = json.loads(report.read_text())["interpolation"]["controls"]
    assert told == {"level": -12, "brightness": [[0.5, -1], [0.5, 0]]}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--codec", "toy", "--brightness", "1"], "brightness must be a control of the codec, and toy has none"),
        (["--brightness", "4"], "brightness must be from -3 to 3, got 4"),
        (["--level", "1e9"], "level must be from -120 to 24, got 1e+09"),
        (["--noisiness", "0:nan"], "--noisiness: envelope points must be finite numbers, got 0.0:nan"),
        (["--level", "loud"], "--level: envelope must be a number or seconds:value pairs"),
    ],
)
def test_what_commands_refuse(sounds: Path, folder: Path, options: list[str], says: str) -> None:
    out = ["-o", sounds / "out.wav", "--codec", folder]
    refused(sounds, "steer", sounds / "a.wav", *out, *options, says=says)
    refused(sounds, "interpolate", sounds / "a.wav", sounds / "b.wav", *out, *options, says=says)
    if "toy" not in options:
        refused(sounds, "sample", folder, "-o", sounds / "shots", *options, says=says)
        assert not (sounds / "shots").exists()


def test_what_has_no_controls_and_what_asks_for_none(sounds: Path, folder: Path) -> None:
    plain = write_folder(sounds / "plain", "granular", temporal=True)
    out = sounds / "out.wav"
    says = "controls must hold at least one of those that"
    refused(sounds, "steer", sounds / "a.wav", "-o", out, "--codec", folder, says=says)
    says = f"level must be a control of the codec, and {plain} has none"
    refused(sounds, "sample", plain, "-o", sounds / "shots", "--level", "1", says=says)
