"""Bridges at work: a sound from its coarse codes, results that are polished, scores that play again, wrong input."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from coded_toy import CodedToy, clip, fitted, toy
from command_line import done, refused, two_sounds

from lgr.bridge.base import Bridge
from lgr.bridge.config import BridgeConfig
from lgr.bridge.files import build_bridge, load_bridge, open_bridge, shipped_bridges
from lgr.bridge.polish import coarse_latents, polished
from lgr.codecs.base import Codec
from lgr.codecs.registry import load_codec
from lgr.codecs.toy import ToyCodec
from lgr.codes import codes_of
from lgr.errors import ArgumentError, CodebookError, LgrError, WeightsError
from lgr.files import assets_dir
from lgr.refine import refine
from lgr.rendering import render
from lgr.resynth import resynthesise
from lgr.resynth_config import ResynthConfig
from lgr.score import Score
from lgr.score.render_config import RenderConfig
from lgr.sound.audio import load_audio, save_audio
from lgr.train.bridge.export import write_bridge

RATE = 8000


def small(kind: str, codec: Codec, levels: int = 4, entries: int = 64) -> Bridge:
    """A bridge of weights that nothing has trained, turned as nothing is."""
    sizes = {"latent_dim": codec.info.latent_dim, "levels": levels, "entries": entries}
    torch.manual_seed(0)
    bridge = build_bridge(
        kind, BridgeConfig(**sizes, given=1, most_given=2, width=16, layers=1, heads=2, reach=4, expansion=2)
    )
    with torch.no_grad():
        bridge.encoder.write.weight.normal_(0, 0.1)
    return bridge.eval()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy's bridge in a folder."""
    out = tmp_path_factory.mktemp("bridge")
    bridge = small("schrodinger", toy())
    write_bridge(out, bridge.state_dict(), bridge, toy(), licence="MIT")
    return out


@pytest.fixture(scope="module")
def of_spectral(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("spectral_bridge")
    codec = load_codec("spectral")
    bridge = small("schrodinger", codec, 8, 1024)
    write_bridge(out, bridge.state_dict(), bridge, codec, licence="")
    return out


def test_a_folder_gives_the_bridge_back(folder: Path) -> None:
    bridge = load_bridge(folder, toy())
    latents = toy().encode(clip("violin", 1, RATE)[None])
    kept = small("schrodinger", toy())
    torch.testing.assert_close(
        polished(latents, toy(), bridge, levels=1, steps=2, seed=3),
        polished(latents, toy(), kept, levels=1, steps=2, seed=3),
        rtol=2e-2,
        atol=2e-2,  # matrices are kept in half precision
    )
    assert load_bridge(f"{folder}@{bridge.fingerprint}", toy()).fingerprint == bridge.fingerprint


@pytest.mark.parametrize("kind", ["schrodinger", "regression", None])
@pytest.mark.parametrize("seconds", [0.7, 10 / RATE])
def test_a_sound_comes_back_as_long_at_its_level(kind: str | None, seconds: float) -> None:
    sound = clip("violin", seconds, RATE)
    bridge = None if kind is None else small(kind, toy())
    made = refine((sound, RATE), codec=toy(), bridge=bridge, levels=2)
    assert made.audio.shape == sound.shape
    assert made.sample_rate == RATE
    assert made.kbit_s == pytest.approx(2 * 6 * 100 / 1000)
    assert bool(made.audio.isfinite().all())
    if kind is None:
        quiet = refine((0.01 * sound, RATE), codec=toy(), bridge=None, levels=2)
        torch.testing.assert_close(quiet.audio, 0.01 * made.audio, rtol=1e-3, atol=1e-5)


def test_it_says_where_it_is() -> None:
    told: list[str] = []
    sound, bridge = (clip("violin", 0.2, RATE), RATE), small("regression", toy())
    refine(sound, codec=toy(), bridge=bridge, progress=lambda what, done, of: told.append(what))
    assert told == ["encoding", "bridging", "decoding"]


def test_stereo_stays_stereo_and_equal_sides_stay_equal() -> None:
    sound = clip("violin", 0.5, RATE)
    bridge = small("schrodinger", toy())
    both = refine((sound.expand(2, -1), RATE), codec=toy(), bridge=bridge, steps=4)
    torch.testing.assert_close(both.audio[0], both.audio[1])
    one = refine((sound, RATE), codec=toy(), bridge=bridge, steps=4)
    torch.testing.assert_close(both.audio[:1], one.audio)
    assert both.kbit_s == pytest.approx(2 * one.kbit_s)  # of both channels, as `lgr codes` says it
    assert both.kbit_s == pytest.approx(codes_of((sound.expand(2, -1), RATE), toy(), levels=1).kbit_per_second)


def test_silence_and_another_rate_come_back() -> None:
    """Silence brought back is no louder than -120 dBFS; a sound at 8 kHz comes back at the codec's rate."""
    codec = load_codec("spectral")
    for kind in (None, *shipped_bridges("spectral")):
        silent = refine((torch.zeros(2, 24000), 24000), codec=codec, bridge=kind)
        assert silent.audio.shape == (2, 24000)
        assert float(silent.audio.abs().max()) < 1e-6
        slow = refine((clip("violin", 0.5, RATE), RATE), codec=codec, bridge=kind)
        assert (slow.audio.shape, slow.sample_rate) == ((1, 12000), 24000)
        assert float(slow.audio.abs().max()) > 0.01


def test_a_louder_sound_comes_back_as_much_louder() -> None:
    """Bridges hear every sound at one level, so a gain goes through them as it came."""
    sound, bridge = 0.05 * clip("violin", 0.5, RATE), small("schrodinger", toy())  # below what is limited
    one, quiet = (refine((gain * sound, RATE), codec=toy(), bridge=bridge, steps=4).audio for gain in (1, 0.01))
    torch.testing.assert_close(quiet, 0.01 * one, rtol=1e-3, atol=1e-5)


def test_more_levels_say_more() -> None:
    latents = toy().encode(clip("violin", 2, RATE)[None])
    errors = [float((coarse_latents(latents, toy(), n) - latents).square().mean()) for n in (1, 2, 3, 4)]
    assert errors == sorted(errors, reverse=True)
    assert errors[3] < 0.7 * errors[0]


def test_a_polished_result_is_another_and_its_score_plays_it_again(folder: Path, tmp_path: Path) -> None:
    save_audio(tmp_path / "t.wav", clip("drum_loop", 0.6, RATE), RATE)
    save_audio(tmp_path / "s.wav", clip("violin", 1, RATE), RATE)
    plain = resynthesise(tmp_path / "t.wav", [tmp_path / "s.wav"], codec=toy(), seed=1)
    config = ResynthConfig(bridge=str(folder), bridge_levels=2, bridge_steps=3)
    made = resynthesise(tmp_path / "t.wav", [tmp_path / "s.wav"], codec=toy(), config=config, seed=1)
    assert made.audio.shape == plain.audio.shape
    assert not torch.allclose(made.audio, plain.audio, atol=1e-3)
    assert (made.score.source_frame == plain.score.source_frame).all()  # what is chosen stays
    made.score.save(tmp_path / "score.json")
    read = Score.load(tmp_path / "score.json")
    assert read.render == made.score.render
    assert read.render.bridge == f"{folder}@{load_bridge(folder, toy()).fingerprint}"
    assert torch.equal(render(read, codec=toy())[0], made.audio)
    assert "bridge" not in json.dumps(plain.score.render.to_json())  # as scores were before
    other = replace(read, render=replace(read.render, bridge=f"{folder}@{'0' * 12}"))
    with pytest.raises(CodebookError, match="has other weights"):
        render(other, codec=toy())


# ---- wrong input


def test_what_does_not_belong_together_is_told(
    folder: Path, of_spectral: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    latents = toy().encode(clip("rain", 2, RATE)[None])
    sound = clip("rain", 1, RATE), RATE
    with pytest.raises(CodebookError, match="was trained with other codes"):
        load_bridge(folder, CodedToy(fitted(latents)))
    with pytest.raises(CodebookError, match="was made with codec 'spectral'"):
        load_bridge(of_spectral, toy())
    with pytest.raises(ArgumentError, match="codec must be one that has codes, got toy"):
        refine(sound, codec=ToyCodec(40, sample_rate=RATE, hop_length=80))
    with pytest.raises(WeightsError, match=r"bridge must be a kind that lgr has for codec 'toy' \(none\) or a folder"):
        refine(sound, codec=toy(), bridge="schrodinger")
    for levels in (0, 5):
        with pytest.raises(ArgumentError, match=rf"levels must be in \[1, 4\] for toy, got {levels}"):
            refine(sound, codec=toy(), bridge=None, levels=levels)
    with pytest.raises(ArgumentError, match="steps are of a bridge, and there is none, got 4"):
        refine(sound, codec=toy(), bridge=None, steps=4)
    bridge = load_bridge(folder, toy())
    with pytest.raises(ArgumentError, match=r"levels must be in \[1, 2\] for this bridge, got 3"):
        refine(sound, codec=toy(), bridge=bridge, levels=3)
    with pytest.raises(ArgumentError, match="must be finite numbers"):
        polished(torch.full((1, 40, 3), torch.nan), toy(), bridge, levels=1, steps=1, seed=0)
    with monkeypatch.context() as unheard:  # settings are refused before a long sound is read
        unheard.setattr("lgr.refine.read", lambda *_: pytest.fail("was read"))
        for wrong in ({"bridge": bridge, "levels": 3}, {"bridge": None, "levels": 5}, {"bridge": None, "steps": 4}):
            with pytest.raises(ArgumentError):
                refine(sound, codec=toy(), **wrong)  # type: ignore[arg-type]
    assert polished(latents[:, :, :0], toy(), bridge, levels=1, steps=1, seed=0).shape == (1, 40, 0)
    assert polished(latents[:, :, :1], toy(), bridge, levels=1, steps=4, seed=0).shape == (1, 40, 1)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("config.json", "{"),
        ("config.json", '{"model": "bridge", "format": 2}'),
        ("model.safetensors", "short"),
        ("config.json", None),
    ],
)
def test_a_damaged_folder_is_told(folder: Path, tmp_path: Path, file: str, content: str | None) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    if content is None:
        (copy / file).unlink()
    else:
        (copy / file).write_text(content)
    with pytest.raises(WeightsError):
        load_bridge(copy, toy())


def test_weights_of_another_config_are_told(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    described = json.loads((copy / "config.json").read_text())
    described["config"]["width"] = 32
    (copy / "config.json").write_text(json.dumps(described))
    with pytest.raises(WeightsError, match="damaged or do not fit"):
        open_bridge(copy)


def test_settings_of_no_bridge_are_told() -> None:
    with pytest.raises(ArgumentError, match="bridge_steps is of a bridge, and there is none, got 4"):
        RenderConfig(bridge_steps=4)
    for bad in (0, True, 1.5):
        with pytest.raises(LgrError, match="bridge_levels must be a whole number >= 1"):
            RenderConfig(bridge="x", bridge_levels=bad)  # type: ignore[arg-type]


def test_the_command_line_brings_back_and_polishes(
    of_spectral: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A score with a bridge plays again, from any folder, as the very samples that it came with."""
    two_sounds(tmp_path)
    shutil.copytree(of_spectral, tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    said = done("refine", "target.wav", "--levels", 2, "--bridge", "mine", "--steps", 2, "-o", "out.wav")
    assert "from 1.5 kbit/s" in said
    assert load_audio("out.wav")[0].shape[1] == load_audio("target.wav")[0].shape[1]
    bridged = ("--codec", "spectral", "--bridge", "mine", "--bridge-levels", 1, "--bridge-steps", 2)
    done("resynth", "source.wav", "-t", "target.wav", "-o", "a.wav", "--score", "a.json", *bridged)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    Score.load("../a.json").save("a.csv")
    for score in ("../a.json", "a.csv"):
        done("render", score, "-o", "b.wav", "--force")
        assert torch.equal(load_audio("b.wav")[0], load_audio("../a.wav")[0])
    done("evaluate", "../a.json", "--json", "heard.json")
    done("evaluate", "../a.json", "--json", "played.json", "--render")
    assert Path("played.json").read_text() == Path("heard.json").read_text()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--levels", 9, "--bridge", "none"), "levels must be in [1, 8] for spectral, got 9"),
        (("--levels", 0, "--bridge", "none"), "--levels"),
        (("--steps", 0), "--steps"),
        (("--bridge", "brigde"), "bridge must be a kind that lgr has for codec 'spectral'"),
        (("--codec", "toy"), "codec must be one that has codes, got toy"),
    ],
)
def test_the_command_line_refuses(options: tuple[object, ...], says: str, tmp_path: Path) -> None:
    two_sounds(tmp_path)
    refused(tmp_path, "refine", tmp_path / "target.wav", "-o", tmp_path / "out.wav", *options, says=says)


def spoiled(folder: Path, out: Path, how: str) -> Path:
    """A copy of a bridge's folder with something wrong."""
    shutil.copytree(folder, out)
    described = json.loads((out / "config.json").read_text())
    if how == "other codes":
        described["codes"] = "0" * 16
    elif how == "other codec":
        described["codec"] |= {"name": "bundled", "version": "0" * 12}
    elif how == "other sizes":
        described["config"]["width"] = 32
    elif how == "cut short":
        weights = (out / "model.safetensors").read_bytes()
        (out / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    (out / "config.json").write_text(json.dumps(described))
    return out


@pytest.mark.parametrize(
    ("how", "options", "says"),
    [
        ("other codes", (), "was trained with other codes (0000000000000000) than 'spectral' now has"),
        ("other codec", (), "was made with codec 'bundled'"),
        ("other sizes", (), "damaged or do not fit"),
        ("cut short", (), "must hold config.json and model.safetensors of a bridge"),
        ("", ("--levels", 3), "levels must be in [1, 2] for this bridge, got 3"),
        ("", ("--steps", 0), "steps"),
        ("", ("--steps", 65), "steps"),
        ("", ("--codec", "toy"), "toy"),
    ],
)
def test_both_commands_refuse_alike(
    how: str, options: tuple[object, ...], says: str, of_spectral: Path, tmp_path: Path
) -> None:
    two_sounds(tmp_path)
    mine = spoiled(of_spectral, tmp_path / "mine", how)
    out, target = tmp_path / "out.wav", tmp_path / "target.wav"
    given = ("--bridge", mine, "-o", out, "--codec", "spectral")
    refused(tmp_path, "refine", target, *given, *options, says=says)
    of_bridge = [f"--bridge-{str(each)[2:]}" if each in ("--levels", "--steps") else each for each in options]
    refused(tmp_path, "resynth", tmp_path / "source.wav", "-t", target, *given, *of_bridge, says=says)


def test_settings_without_a_bridge_are_refused(tmp_path: Path) -> None:
    two_sounds(tmp_path)
    play = ("resynth", tmp_path / "source.wav", "-t", tmp_path / "target.wav", "-o", tmp_path / "out.wav")
    for name in ("levels", "steps"):
        refused(tmp_path, *play, f"--bridge-{name}", 2, says=f"bridge_{name} is of a bridge, and there is none, got 2")


def check_shipped(codec: Codec, kind: str) -> None:
    """What it makes of the fewest levels of codes is nearer to the encoder's latents than they are (some sounds)."""
    bridge = load_bridge(kind, codec)
    errors = torch.zeros(2)
    for name in ("speech_reader", "rain", "violin", "drum_loop"):
        latents = codec.encode(clip(name, 2, codec.info.sample_rate)[None])
        coarse = coarse_latents(latents, codec, bridge.config.given)
        for i, made in enumerate((coarse, bridge(coarse, steps=1))):
            errors[i] += ((made - latents).transpose(1, 2) @ bridge.turn).square().mean()
    assert float(errors[1]) < 0.95 * float(errors[0])


@pytest.mark.parametrize("kind", ["schrodinger", "regression"])
def test_bridges_that_ship_for_spectral(kind: str) -> None:
    assert kind in shipped_bridges("spectral")
    check_shipped(load_codec("spectral"), kind)


@pytest.mark.weights
@pytest.mark.parametrize("kind", ["schrodinger", "regression"])
def test_bridges_that_ship_for_soundstream(kind: str, soundstream_folder: Path) -> None:
    assert kind in shipped_bridges("soundstream")
    check_shipped(load_codec("soundstream", weights=soundstream_folder), kind)


def test_what_ships_is_small() -> None:
    models = assets_dir() / "models"
    bridges = sum(file.stat().st_size for file in models.glob("bridges/*/model.safetensors"))
    quantizers = sum(file.stat().st_size for file in models.glob("*/quantizer.safetensors"))
    assert 0 < bridges <= 16 << 20
    assert 0 < quantizers <= 6 << 20
