"""``lgr drums``: a beat at once, its files played again, every change of a voice, and everything that is refused."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from command_line import done, refused, run
from tiny_grain_model import RATE, register, write_sampler

from lgr.codecs import load_codec
from lgr.codecs.trained import TrainedCodec
from lgr.drums import (
    Kit,
    default_pattern,
    draw_kit,
    load_kit,
    load_pattern,
    morph_voice,
    render_pattern,
    resample_voice,
    sample_path,
    save_pattern,
    series_voice,
)
from lgr.sound.audio import load_audio

LABELS = ["Kick", "Hat", "Pad"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        register(patch)
        yield write_sampler(tmp_path_factory.mktemp("models") / "mine", LABELS)


@pytest.fixture
def codec(model: Path) -> TrainedCodec:
    codec = load_codec(model)
    assert isinstance(codec, TrainedCodec)
    return codec


def sound(path: Path) -> torch.Tensor:
    audio, rate = load_audio(path)
    assert rate == RATE
    return audio


def test_one_command_gives_a_beat_and_all_its_files(model: Path, codec: TrainedCodec, tmp_path: Path) -> None:
    wav, kit, midi, json = (tmp_path / name for name in ("beat.wav", "kit.zip", "beat.mid", "beat.json"))
    said = done("drums", "--model", model, "--seed", 3, "-o", wav, "--kit", kit, "--midi", midi, "--json", json)
    beat = "3 tracks of 16 steps, 120 beats a minute"
    assert said == f"{wav}: 2.00 s, {beat}\n{kit}: the kit\n{midi}: {beat}\n{json}: {beat}\n"
    pattern = default_pattern(LABELS)
    assert load_pattern(midi) == load_pattern(json) == pattern
    assert torch.equal(sound(wav), render_pattern(pattern, draw_kit(codec, LABELS, 3)))
    for i, again in enumerate(
        [(midi, "--seed", 3), (json, "--seed", 3), ("--from-kit", kit), (json, "--from-kit", kit)]
    ):
        out = tmp_path / f"again{i}.wav"
        done("drums", *again, "--model", model, "-o", out)
        assert torch.equal(sound(out), sound(wav))
    first = kit.read_bytes()
    done("drums", "--model", model, "--seed", 3, "--kit", kit, "--force")
    assert kit.read_bytes() == first


def test_a_kit_plays_without_its_model(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done("drums", "--model", model, "--kit", tmp_path / "kit.zip")
    monkeypatch.setattr("lgr.codecs.registry.load_codec", None)
    done("drums", "--from-kit", tmp_path / "kit.zip", "-o", tmp_path / "beat.wav", "--json", tmp_path / "beat.json")
    done("drums", tmp_path / "beat.json", "--midi", tmp_path / "beat.mid", "--tempo", 90, "--swing", 0.6)
    pattern = load_pattern(tmp_path / "beat.mid")
    assert (pattern.tempo, pattern.swing) == (90, 0.6)


def test_every_change_of_a_voice(model: Path, codec: TrainedCodec, tmp_path: Path) -> None:
    pattern = default_pattern(LABELS)
    drawn = draw_kit(codec, LABELS, 0)
    made: dict[tuple[str, ...], Kit] = {
        ("--resample", "2=17"): resample_voice(drawn, codec, 1, 17),
        ("--path", "3=4"): drawn.with_voice(2, sample_path(codec, "Pad", 4)),
        ("--morph", "1=3:.25"): morph_voice(drawn, codec, 0, 2, 0.25),
        ("--series", "1=2"): series_voice(drawn, codec, 0, 1, len(pattern.tracks[0].hits)),
        ("--series", "2=3", "--resample", "3=1"): series_voice(
            resample_voice(drawn, codec, 2, 1), codec, 1, 2, len(pattern.tracks[1].hits)
        ),
    }
    for i, (options, kit) in enumerate(made.items()):
        out, zip_ = tmp_path / f"{i}.wav", tmp_path / f"{i}.zip"
        done("drums", "--model", model, "-o", out, "--kit", zip_, "--loops", 2, *options)
        assert torch.equal(sound(out), render_pattern(pattern, kit, 2))
        assert not torch.equal(sound(out), render_pattern(pattern, drawn, 2))
        for saved, expected in zip(load_kit(zip_).voices, kit.voices, strict=True):
            assert torch.equal(saved.sounds, expected.sounds)
    done("drums", "--from-kit", tmp_path / "0.zip", "-o", tmp_path / "back.wav", "--resample", "2=0")
    assert torch.equal(sound(tmp_path / "back.wav"), render_pattern(pattern, drawn))
    done("drums", "--model", model, "--frames", 9, "--kit", tmp_path / "long.zip")
    assert load_kit(tmp_path / "long.zip").voices[0].sounds.shape == (1, 9 * 64)


def test_what_cannot_be_is_refused_in_one_line(model: Path, tmp_path: Path) -> None:
    kit, beat = tmp_path / "kit.zip", tmp_path / "beat.json"
    done("drums", "--model", model, "--kit", kit, "--json", beat)
    save_pattern(default_pattern(["Gong"]), tmp_path / "gong.json")
    (tmp_path / "text.mid").write_text("no MIDI at all, this is a text")

    def no(*args: object, says: str | list[str]) -> None:
        refused(tmp_path, "drums", "--model", model, *args, says=says)

    out = ("-o", tmp_path / "out.wav")
    no(says="what to write must be said by -o, --kit, --midi or --json, got none")
    no("-o", tmp_path / "out.aiff", says="-o must end in .wav, .flac, .ogg or .mp3")
    no("--kit", tmp_path / "kit.rar", says="--kit must end in .zip (kit), got")
    no("--midi", tmp_path / "beat.wav", says="--midi must end in .mid or .midi (MIDI file), got")
    no("--json", tmp_path / "beat.mid", says="--json must end in .json (pattern), got")
    no("--kit", kit, says="kit.zip exists and is kept")
    no(beat, "--json", beat, "--force", says="--json must not be a file that is read")
    no("--from-kit", kit, "--kit", kit, "--force", says="--kit must not be a file that is read")
    no(*out, "--from-kit", kit, "--seed", 3, says="--from-kit must go without --seed and --frames")
    no(tmp_path / "none.json", *out, says="none.json cannot be read")
    no(tmp_path / "beat.txt", *out, says="must end in .json or .mid")
    no(tmp_path / "text.mid", *out, says="must be a MIDI file")
    no(tmp_path / "gong.json", *out, says="(Kick, Hat, Pad), got 'Gong'")
    no(tmp_path / "gong.json", *out, "--from-kit", kit, says="one that the kit has (Kick, Hat, Pad), got 'Gong'")
    no(*out, "--from-kit", beat, says="kit must be a zip that lgr wrote")
    no(*out, "--tempo", 500, says="tempo must be 20 to 400 beats a minute, got 500")
    no(*out, "--swing", 0.9, says="swing must be 0.5 to 0.75")
    no(*out, "--loops", 1000, says="loops must keep the result within 30 minutes, got 1000")
    no(*out, "--frames", 100000, says="frames must be 1 to 3750 (30 s), got 100000")
    for option, value in (
        ("resample", "2"), ("resample", "0=3"), ("resample", "a=3"), ("path", "1=-1"), ("path", ""),
        ("morph", "1=2"), ("morph", "1=2:x"), ("series", "1=2:0.5"), ("series", "=2"),
    ):  # fmt: skip
        no(*out, f"--{option}", value, says=[f"--{option} must be N=", f"got {value!r}"])
    no(*out, "--resample", "4=1", says="a voice must be one of the kit's 3, got number 4")
    no(*out, "--morph", "1=0:0.5", says="a voice must be one of the kit's 3, got number 0")
    no(*out, "--morph", "1=2:1.5", says="amount must be 0 to 1, got 1.5")
    no(*out, "--series", "3=9", says="a voice must be one of the kit's 3, got number 9")
    refused(tmp_path, "drums", "--model", "toy", *out, says="must have a temporal embedding")
    refused(tmp_path, "drums", "--model", "drum", *out, says="codec must be a folder or one of")
    refused(
        tmp_path, "drums", "--model", "drums-spectral", "--from-kit", kit, "--resample", "1=1", *out, says="that drew"
    )
    assert not (tmp_path / "out.wav").exists()


def test_a_series_needs_two_hits(model: Path, tmp_path: Path) -> None:
    pattern = default_pattern(["Kick", "Crash"])
    beat = save_pattern(pattern, tmp_path / "beat.json")
    text = beat.read_text().replace("Kick", "Pad").replace("Crash", "Hat")
    beat.write_text(text)
    out = tmp_path / "out.wav"
    refused(tmp_path, "drums", beat, "--model", model, "-o", out, "--series", "2=1", says="two hits or more, got 1")


def test_its_help_has_examples() -> None:
    text = run("drums", "--help").stdout
    assert "lgr drums -o beat.wav" in text
    assert text.count("lgr drums") >= 5


@pytest.mark.slow
def test_the_shipped_model_needs_no_options(tmp_path: Path) -> None:
    said = done("drums", "-o", tmp_path / "beat.wav")
    assert "8 tracks of 16 steps, 120 beats a minute" in said
