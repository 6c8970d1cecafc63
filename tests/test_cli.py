"""The command line's good paths, on short crops of the bundled clips."""

import csv
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
import soundfile
import torch
import typer.main
from command_line import CLIPS, done
from safetensors.torch import load_file

from lgr.cli import app
from lgr.cli.info import _level
from lgr.cli.support.tables import seconds_text
from lgr.resynth_config import ResynthConfig
from lgr.score import Score
from lgr.sound.audio import load_audio, save_audio
from lgr.train.codec.config import CodecTrainConfig

SECONDS = 1.2


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """drums.wav, glass.wav and rain.wav (mono, 24 kHz), and stereo.flac (44.1 kHz)."""
    folder = tmp_path_factory.mktemp("sounds")
    for name, clip in (("drums", "drum_loop"), ("glass", "glass"), ("rain", "rain")):
        audio, rate = load_audio(CLIPS / f"{clip}.flac")
        save_audio(folder / f"{name}.wav", audio[:, : int(SECONDS * rate)], rate)
    left, rate = load_audio(CLIPS / "drum_loop.flac", sample_rate=44_100)
    right, _ = load_audio(CLIPS / "violin.flac", sample_rate=44_100)
    save_audio(folder / "stereo.flac", torch.stack([left[0, :50_001], right[0, :50_001]]), rate)
    return folder


@pytest.fixture(scope="module")
def book(sounds: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("books") / "glass.codebook"
    done("codebook", "build", sounds / "glass.wav", "-o", folder)
    return folder


def test_resynth_writes_everything_it_is_asked_for(sounds: Path, tmp_path: Path) -> None:
    out = {name: tmp_path / f"out.{name}" for name in ("wav", "json", "png", "rpp", "dawproject")}
    said = done(
        *("resynth", sounds / "glass.wav", sounds / "rain.wav", "--target", sounds / "drums.wav", "-o", out["wav"]),
        *("--score", out["json"], "--plot", out["png"], "--reaper", out["rpp"], "--dawproject", out["dawproject"]),
        *("--temperature", "0:0,1:0.1"),
    )
    audio, rate = load_audio(out["wav"])
    assert (tuple(audio.shape), rate) == ((1, int(SECONDS * 24_000)), 24_000)
    assert audio.abs().max() > 0.01
    score = Score.load(out["json"])
    assert [r.name for r in score.recordings] == ["glass", "rain"]
    assert score.made_by["resynth"]["temperature"] == [[0.0, 0.0], [1.0, 0.1]]
    assert out["png"].read_bytes().startswith(b"\x89PNG")
    assert out["rpp"].read_text().startswith("<REAPER_PROJECT")
    assert "project.xml" in ZipFile(out["dawproject"]).namelist()
    assert str(out["wav"]) in said
    assert f"{len(score)} grains" in said
    assert sorted(tmp_path.iterdir()) == sorted(out.values())  # and no temporary file


@pytest.mark.parametrize("suffix", ["json", "csv"])
def test_a_score_renders_to_the_same_samples(suffix: str, sounds: Path, tmp_path: Path) -> None:
    score, first, again = tmp_path / f"s.{suffix}", tmp_path / "a.wav", tmp_path / "b.wav"
    options = ["--wet", "0:0,1:1", "--continuity", "0.5", "--hop-frames", "2", "--augment", "speed=1.1"]
    done("resynth", sounds / "glass.wav", "-t", sounds / "drums.wav", "-o", first, "--score", score, *options)
    done("render", score, "-o", again)
    assert torch.equal(load_audio(first)[0], load_audio(again)[0])


@pytest.mark.weights
def test_a_score_notes_the_codec_options_it_needs(
    sounds: Path, tmp_path: Path, soundstream_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LGR_WEIGHTS", str(soundstream_folder))
    score, first, again = tmp_path / "s.json", tmp_path / "a.wav", tmp_path / "b.wav"
    options = ["--codec", "soundstream", "--space", "quantized", "--levels", "8", "--score", score]
    done("resynth", sounds / "glass.wav", "-t", sounds / "drums.wav", "-o", first, *options)
    assert Score.load(score).render.codec_version == "quantized/8"
    done("render", score, "-o", again)
    assert torch.equal(load_audio(first)[0], load_audio(again)[0])


def test_the_seed_decides(sounds: Path, tmp_path: Path) -> None:
    audio = []
    for i, seed in enumerate((3, 3, 4)):
        out = tmp_path / f"{i}.wav"
        done("resynth", sounds, "-t", sounds / "drums.wav", "-o", out, "--seed", seed, "--temperature", 0.3)
        audio.append(load_audio(out)[0])
    assert torch.equal(audio[0], audio[1])
    assert not torch.equal(audio[0], audio[2])


def test_a_stereo_target_stays_stereo_and_keeps_its_length(sounds: Path, tmp_path: Path) -> None:
    said = done("resynth", sounds / "rain.wav", "-t", sounds / "stereo.flac", "-o", tmp_path / "out.flac")
    audio, rate = load_audio(tmp_path / "out.flac")
    assert (tuple(audio.shape), rate) == ((2, 50_001), 44_100)
    assert not torch.equal(audio[0], audio[1])
    assert "stereo" in said


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
def test_the_format_follows_the_name(suffix: str, sounds: Path, tmp_path: Path) -> None:
    out = tmp_path / f"out.{suffix}"
    done("resynth", sounds / "rain.wav", "-t", sounds / "drums.wav", "-o", out)
    assert soundfile.info(out).format == suffix.upper()
    assert soundfile.info(out).samplerate == 24_000


@pytest.mark.parametrize("spell", [lambda f: f, lambda f: f / "*.wav"], ids=["folder", "pattern"])
def test_sources_may_be_folders_and_patterns(spell: Callable[[Path], Path], sounds: Path, tmp_path: Path) -> None:
    score = tmp_path / "s.json"
    done("resynth", spell(sounds), "-t", sounds / "drums.wav", "-o", tmp_path / "o.wav", "--score", score)
    assert {"drums", "glass", "rain"} <= {r.name for r in Score.load(score).recordings}


def test_weights_go_with_their_sources(sounds: Path, tmp_path: Path) -> None:
    (tmp_path / "both").mkdir()
    for name in ("glass", "drums"):
        (tmp_path / "both" / f"{name}.wav").write_bytes((sounds / f"{name}.wav").read_bytes())
    score = tmp_path / "s.json"
    weights = ["--weight", "0", "--weight", "0:0.1,1:1", "--augment", "gain=-6"]
    sources = [tmp_path / "both", sounds / "rain.wav"]
    done("resynth", *sources, "-t", sounds / "drums.wav", "-o", tmp_path / "o.wav", "--score", score, *weights)
    played = {Score.load(score).recordings[i].name for i in Score.load(score).recording}
    assert played <= {"rain", "rain (gain=-6)"}


def test_a_result_is_replaced_only_with_force(sounds: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    out.write_bytes(b"precious")
    done("resynth", sounds / "rain.wav", "-t", sounds / "drums.wav", "-o", out, "--force")
    assert load_audio(out)[0].shape[1] == int(SECONDS * 24_000)


def test_a_codebook_plays_like_its_recordings(sounds: Path, book: Path, tmp_path: Path) -> None:
    for out, sources in (("a", [sounds / "glass.wav"]), ("b", [book]), ("c", ["--codebook", book])):
        done("resynth", *sources, "-t", sounds / "drums.wav", "-o", tmp_path / f"{out}.wav")
    first, *others = (load_audio(tmp_path / f"{name}.wav")[0] for name in "abc")
    assert all(torch.equal(first, other) for other in others)


def test_a_codebook_brings_its_own_grain_length(sounds: Path, tmp_path: Path) -> None:
    done("codebook", "build", sounds / "rain.wav", "-o", tmp_path / "book", "--grain-frames", 8, "--silence-db", -80)
    score = tmp_path / "s.json"
    out = ["-o", tmp_path / "o.wav", "--score", score, "--hop-frames", 6]
    done("resynth", tmp_path / "book", "-t", sounds / "drums.wav", *out)
    assert (Score.load(score).grain_frames, Score.load(score).hop_frames) == (8, 6)


def test_codebooks_merge_and_tell_what_they_hold(sounds: Path, book: Path, tmp_path: Path) -> None:
    other = tmp_path / "rain.codebook"
    done("codebook", "build", sounds / "rain.wav", "-o", other, "--weight", 2, "--augment", "gain=-6")
    both, direct = tmp_path / "both.codebook", tmp_path / "direct.codebook"
    assert "3 recordings" in done("codebook", "merge", book, other, "-o", both)
    said = done("codebook", "info", both)
    assert said == done("info", both)
    rows = {line.split("  ")[0].strip(): line for line in said.splitlines()}
    assert str(sounds / "glass.wav") in rows["glass"]
    assert all("unchanged" in rows[name] for name in ("glass", "rain", "rain (gain=-6)"))
    # a merged codebook weighs by source: glass 1, rain (and its copy) 0
    score = tmp_path / "s.json"
    weights = ["--weight", "1", "--weight", "0"]
    done("resynth", both, "-t", sounds / "drums.wav", "-o", tmp_path / "o.wav", "--score", score, *weights)
    assert set(Score.load(score).recording.tolist()) == {0}
    # and it is what one made of all the recordings would be
    done("codebook", "build", sounds / "rain.wav", "-o", tmp_path / "plain")
    done("codebook", "merge", book, tmp_path / "plain", "-o", both, "--force")
    done("codebook", "build", sounds / "glass.wav", sounds / "rain.wav", "-o", direct)
    merged, whole = (load_file(folder / "codebook.safetensors") for folder in (both, direct))
    assert merged.keys() == whole.keys()
    assert all(torch.equal(merged[name], whole[name]) for name in merged)


def test_sweep_writes_sounds_scores_a_table_and_a_picture(sounds: Path, tmp_path: Path) -> None:
    folder = tmp_path / "sweep"
    said = done("sweep", sounds / "glass.wav", "-t", sounds / "drums.wav", "-o", folder, "--temperatures", "0,0.5")
    names = {f"temperature_{t}.{s}" for t in ("0", "0.5") for s in ("wav", "json")}
    assert {path.name for path in folder.iterdir()} == names | {"sweep.csv", "sweep.png"}
    with (folder / "sweep.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["temperature"] for row in rows] == ["0.0", "0.5"]
    assert float(rows[0]["mean similarity"]) > float(rows[1]["mean similarity"])
    assert float(rows[0]["mean entropy (nats)"]) == 0 < float(rows[1]["mean entropy (nats)"])
    assert str(folder / "temperature_0.5.wav") in said
    # a result of a sweep is that of resynth at the same temperature
    done("resynth", sounds / "glass.wav", "-t", sounds / "drums.wav", "-o", tmp_path / "o.wav", "--temperature", 0.5)
    assert torch.equal(load_audio(tmp_path / "o.wav")[0], load_audio(folder / "temperature_0.5.wav")[0])


def test_demo_makes_what_it_says(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "demo"
    folder.mkdir(parents=True)
    (folder / "demo.png").write_bytes(b"of an earlier demo")
    said = done("demo", "-o", folder)
    made = sorted(path.name for path in folder.iterdir())
    for suffix in ("wav", "json", "csv", "rpp", "dawproject"):
        assert sum(name.endswith(f".{suffix}") for name in made) == 3
    for name in ("demo.png", "score.png", "sweep.png"):
        assert (folder / name).read_bytes().startswith(b"\x89PNG")
    mentioned = {word for word in said.split() if word.startswith(str(folder)) and word.endswith(".wav")}
    assert {str(folder / name) for name in made if name.endswith(".wav")} < mentioned
    # What it says to try next can be pasted as it stands; one of them is run.
    command = next(line.split() for line in said.splitlines() if line.startswith("  lgr render"))
    done(*command[1:])
    assert (folder / "again.wav").is_file()


def test_info_tells_what_things_are(sounds: Path, tmp_path: Path) -> None:
    save_audio(tmp_path / "tone.wav", torch.full((2, 24_000), 0.5), 24_000)
    said = done("info", tmp_path / "tone.wav")
    for part in ("WAV", "24000 Hz", "2 (stereo)", "1.00 s (24000 samples)", "-6.0 dBFS"):
        assert part in said
    score = tmp_path / "s.csv"
    done("resynth", sounds / "glass.wav", "-t", sounds / "drums.wav", "-o", tmp_path / "o.wav", "--score", score)
    said = done("info", score)
    assert str(sounds / "drums.wav") in said
    assert str(sounds / "glass.wav") in said
    assert "bundled" in said
    assert re.search(r"^sounds +4$", done("info", sounds), re.MULTILINE)
    assert "trained codec" in done("info", CLIPS.parent / "models" / "bundled")


def test_levels_and_durations_read_well() -> None:
    assert _level(0.0) == "digital silence"
    assert _level(0.5) == "-6.0 dBFS"
    assert [seconds_text(x) for x in (0.0123, 5.333, 187.4, 3725.0)] == ["0.0123 s", "5.33 s", "3:07 min", "1:02:05 h"]


def test_codecs_lists_every_codec_and_cuts_nothing_off(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cache = tmp_path / ("a" * 60) / ("b" * 60)
    monkeypatch.setenv("LGR_CACHE", str(cache))
    monkeypatch.delenv("LGR_WEIGHTS", raising=False)
    said = done("codecs")
    rows = {line.split()[0]: line for line in said.splitlines() if line and line[0].isalpha()}
    assert re.search(r"24 .* 75 .* yes .* MIT .*present", rows["bundled"])
    assert re.search(r"44.1 .* 86.13 .* 1024 .* no .* MIT .* missing", rows["dac-44khz"])
    assert f"encodec-24khz: into {cache / 'weights' / 'encodec-24khz'}" in said
    assert "lyragan.tflite from https://" in said
    assert "…" not in said


def test_version_and_help() -> None:
    from lgr.files import lgr_version

    assert done("--version") == f"lgr {lgr_version()}\n"
    assert "resynth" in done()
    assert done() == done("--help")


def test_nothing_heavy_is_imported_before_a_command_runs() -> None:
    heavy = "{'torch', 'numpy', 'scipy', 'rich', 'soundfile'}"
    script = f"import sys, lgr.cli; print(sorted({heavy} & sys.modules.keys()))"
    root = Path(__file__).parents[1]
    command = [sys.executable, "-c", script]
    assert subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout == "[]\n"


def commands() -> dict[str, Any]:
    """Every command by its words, such as ``"codebook build"``."""
    found: dict[str, Any] = {}
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        if command.hidden:  # a former name
            continue
        inner = getattr(command, "commands", None)
        found |= {f"{name} {n}": c for n, c in inner.items()} if inner else {name: command}
    return found


def test_every_command_has_an_example_and_explains_its_options() -> None:
    assert len(commands()) >= 10
    for name, command in commands().items():
        assert re.search(rf"Examples?:\n +lgr {name}", command.help), name
        for parameter in command.params:
            assert parameter.help, (name, parameter.name)


def test_the_defaults_told_are_the_packages_own() -> None:
    """Options of the command line are None unless given; their help says what the package takes then."""
    told = {
        (name, parameter.name): match[1]
        for name in ("resynth", "train codec")
        for parameter in commands()[name].params
        if (match := re.search(r"Default: (.*)\.$", parameter.help or ""))
    }
    assert len(told) > 15
    config, training = ResynthConfig(), CodecTrainConfig()
    words = {"None": {"silence_db": "keep all", "hop_frames": "the grain's length"}}
    elsewhere = {"codec", "space", "levels", "embedding", "weight", "match_loudness", "bridge_levels", "bridge_steps"}
    for (command, name), text in told.items():
        if name in elsewhere:
            continue
        value = str(getattr(config if command == "resynth" else training, name))
        value = value.removeprefix("(").removesuffix(")").replace(", ", ":")  # a pair
        assert words.get(value, {}).get(name, value).removesuffix(".0") == text, name
    assert config.match_loudness
    assert told["resynth", "match_loudness"] == "match-loudness"
