"""Bad input through the command line: exit code 2, one line on stderr that names what is wrong, and no output."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from command_line import refused, refused_resynth, run, two_sounds

from lgr.resynth import resynthesise
from lgr.sound.audio import load_audio, save_audio

RATE = 24_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with target.wav and source.wav, a second each."""
    return two_sounds(tmp_path)


def damaged(folder: Path, kind: str) -> Path:
    """A file that is not the sound its name promises."""
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, RATE).astype(np.float32)
    path = folder / f"{kind}.wav"
    if kind == "text":
        path.write_text("version https://git-lfs.github.com/spec/v1\n")
    elif kind == "zero-bytes":
        path.write_bytes(b"")
    elif kind == "truncated":
        path = path.with_suffix(".flac")
        soundfile.write(path, noise, RATE)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif kind in ("nan", "inf"):
        noise[100] = float(kind)
        soundfile.write(path, noise, RATE, subtype="FLOAT")
    elif kind == "missing":
        pass
    elif kind == "folder":
        path = folder / "no-audio-here"
        path.mkdir()
    elif kind == "silence":
        soundfile.write(path, np.zeros(RATE), RATE)
    return path


DAMAGE = {
    "missing": "does not exist",
    "folder": "",
    "text": "holds text, not audio",
    "zero-bytes": "is empty (0 bytes)",
    "truncated": "cut short",
    "nan": "NaN or infinite",
    "inf": "NaN or infinite",
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_bad_source_is_named(kind: str, folder: Path) -> None:
    bad = damaged(folder, kind)
    refused_resynth(folder, bad, folder / "target.wav", says=[bad.name, DAMAGE[kind]])


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_bad_target_is_named(kind: str, folder: Path) -> None:
    bad = damaged(folder, kind)
    refused_resynth(folder, folder / "source.wav", bad, says=[bad.name, DAMAGE[kind]])


@pytest.mark.parametrize("kind", [kind for kind in DAMAGE if kind != "folder"])
def test_info_on_a_bad_file_names_it(kind: str, folder: Path) -> None:
    bad = damaged(folder, kind)
    refused(folder, "info", bad, says=[bad.name, DAMAGE[kind]])


def test_one_bad_source_among_good_ones_is_named(folder: Path) -> None:
    bad = damaged(folder, "nan")
    refused_resynth(folder, folder, folder / "target.wav", says=[bad.name, "cut that part out"])


def test_silence_is_refused_as_the_only_source_and_as_target(folder: Path) -> None:
    silent = damaged(folder, "silence")
    refused_resynth(folder, silent, folder / "target.wav", says=["sources must hold some sound", "silence"])
    refused_resynth(folder, folder / "source.wav", silent, says=["target must hold some sound", "silence"])
    # beside a sound it is harmless
    assert run("resynth", folder, "-t", folder / "target.wav", "-o", folder / "o.wav").exit_code == 0


def test_ten_samples_are_a_target_but_no_source(folder: Path) -> None:
    short, out = folder / "short.wav", folder / "o.wav"
    soundfile.write(short, np.full(10, 0.3), RATE)
    assert run("resynth", folder / "source.wav", "-t", short, "-o", out).exit_code == 0
    assert load_audio(out)[0].shape == (1, 10)
    refused_resynth(folder, short, folder / "target.wav", says=["'short'", "shorter than one grain", "shorter grains"])


def test_a_source_shorter_than_a_grain_among_longer_ones_is_named(folder: Path) -> None:
    soundfile.write(folder / "blip.wav", np.full(500, 0.3), RATE)
    refused_resynth(folder, folder, folder / "target.wav", says=["'blip'", "shorter than one grain"])


@pytest.mark.parametrize("rate", [8_000, 192_000])
def test_unusual_rates_work_both_ways(rate: int, folder: Path) -> None:
    audio, _ = load_audio(folder / "source.wav", sample_rate=rate)
    save_audio(folder / "odd.wav", audio, rate)
    assert run("resynth", folder / "odd.wav", "-t", folder / "target.wav", "-o", folder / "a.wav").exit_code == 0
    assert load_audio(folder / "a.wav")[0].shape == (1, RATE)
    assert run("resynth", folder / "source.wav", "-t", folder / "odd.wav", "-o", folder / "b.wav").exit_code == 0
    result, out_rate = load_audio(folder / "b.wav")
    assert out_rate == max(rate, RATE)
    assert result.shape[1] == max(rate, RATE)  # a second


def test_six_channels_are_mixed_to_one(folder: Path) -> None:
    audio, _ = load_audio(folder / "source.wav")
    six = audio * torch.linspace(0.1, 1, 6)[:, None]
    save_audio(folder / "six.wav", six, RATE)
    save_audio(folder / "mix.wav", six.mean(0, keepdim=True), RATE)
    for name in ("six", "mix"):
        done = run("resynth", folder / f"{name}.wav", "-t", folder / "target.wav", "-o", folder / f"from_{name}.wav")
        assert done.exit_code == 0
        done = run("resynth", folder / "source.wav", "-t", folder / f"{name}.wav", "-o", folder / f"to_{name}.wav")
        assert done.exit_code == 0
    for way in ("from", "to"):
        assert torch.equal(load_audio(folder / f"{way}_six.wav")[0], load_audio(folder / f"{way}_mix.wav")[0])


OPTIONS = [
    (["--temperature", "-1"], ["temperature must be >= 0", "-1"]),
    (["--temperature", "0:0.1,2:-0.5"], ["temperature must be >= 0"]),
    (["--temperature", "nan"], ["--temperature", "finite"]),
    (["--temperature", "warm"], ["--temperature", "'warm'", "0:0.1,5:1.0"]),
    (["--continuity", "1"], ["continuity", "below 1"]),
    (["--stride", "0"], ["stride must be >= 1", "0"]),
    (["--grain-frames", "0"], ["grain_frames must be >= 1"]),
    (["--grain-frames", "two"], ["--grain-frames", "integer"]),
    (["--hop-frames", "9"], ["hop_frames", "9"]),
    (["--wet", "1.5"], ["wet must stay within 0 and 1", "1.5"]),
    (["--codec", "encodec"], ["'encodec'", "did you mean encodec-"]),
    (["--metric", "manhattan"], ["metric", "centred", "'manhattan'"]),
    (["--sampler", "dice"], ["sampler", "viterbi", "'dice'"]),
    (["--sampler", "independent", "--continuity", "0.5"], ["continuity must be 0", "independent"]),
    (["--silence-db", "nan"], ["silence_db"]),
    (["--silence-db", "20"], ["silence_db=20", "no grain"]),
    (["--weight", "1", "--weight", "2"], ["--weight", "once for each SOURCE (1)", "2"]),
    (["--weight", "-1"], ["source_weights must be >= 0", "-1"]),
    (["--weight", "0"], ["source_weights must be above 0", "at 0 s"]),
    (["--weight", "0:1,0.5:0"], ["source_weights must be above 0", "at 0.533333 s"]),
    (["--augment", "reverse=1"], ["augmentation", "reverse=1", "speed"]),
    (["--space", "quantized"], ["bundled", "space"]),
    (["--levels", "0"], ["--levels"]),
    (["--seed", "-1"], ["--seed"]),
    (["--repetition-penalty", "0.1", "--sampler", "chain"], ["repetition_penalty", "online"]),
    (["--repetition-penalty", "0.1"], ["repetition_frames must be >= 1"]),
    (["--continuity", "0.5", "--stride", "3"], ["multiple of stride=3"]),
    (["--score", "score.txt"], ["--score must end in .json or .csv", "score.txt"]),
    (["--plot", "picture.gif"], ["--plot must end in .png", "picture.gif"]),
    (["--reaper", "session.als"], ["--reaper must end in .rpp", "session.als"]),
    (["--dawproject", "session.als"], ["--dawproject must end in .dawproject", "session.als"]),
    (["--colour", "red"], ["--colour"]),
]


@pytest.mark.parametrize(("options", "says"), OPTIONS, ids=[" ".join(options) for options, _ in OPTIONS])
def test_a_bad_option_is_named(options: list[str], says: list[str], folder: Path) -> None:
    refused_resynth(folder, folder / "source.wav", folder / "target.wav", *options, says=says)


@pytest.mark.parametrize(
    ("text", "says"), [("0,-1", "0 or more"), ("0,nan", "0 or more"), ("0;1", "numbers"), ("0,0.0", "differ")]
)
def test_bad_temperatures_of_a_sweep_leave_no_folder(text: str, says: str, folder: Path) -> None:
    args = ["sweep", folder / "source.wav", "-t", folder / "target.wav", "-o", folder / "sweep"]
    refused(folder, *args, "--temperatures", text, says=["--temperatures", says])
    assert not (folder / "sweep").exists()


def test_missing_arguments_are_named(folder: Path) -> None:
    refused(folder, "resynth", folder / "source.wav", "-o", folder / "out.wav", says="--target")
    refused(folder, "resynth", folder / "source.wav", "-t", folder / "target.wav", says="--out")
    refused(folder, "resynth", "-t", folder / "target.wav", "-o", folder / "out.wav", says="SOURCE")
    refused(folder, "resynht", says="resynth")
    refused(folder, "codebook", says="Missing command")
    refused(folder, "train", "codec", "--data", folder / "nothing.csv", "--out", folder / "run", says="nothing.csv")
    assert not (folder / "run").exists()


def test_a_codebook_whose_recordings_moved_still_plays_but_its_scores_do_not(folder: Path) -> None:
    (folder / "recordings").mkdir()
    moved = folder / "recordings" / "source.wav"
    shutil.copy(folder / "source.wav", moved)
    assert run("codebook", "build", folder / "recordings", "-o", folder / "book").exit_code == 0
    moved.rename(folder / "recordings" / "elsewhere.wav")
    score = folder / "score.json"
    args = ["resynth", folder / "book", "-t", folder / "target.wav", "-o", folder / "a.wav", "--score", score]
    assert run(*args).exit_code == 0
    assert " gone " in run("codebook", "info", folder / "book").stdout
    refused(folder, "render", score, "-o", folder / "b.wav", says=[str(moved), "is gone", "put it back"])
    shutil.copy(folder / "target.wav", moved)
    assert " changed " in run("codebook", "info", folder / "book").stdout
    refused(folder, "render", score, "-o", folder / "b.wav", says=[str(moved), "has changed"])
    shutil.copy(folder / "source.wav", moved)
    assert run("render", score, "-o", folder / "b.wav").exit_code == 0
    assert torch.equal(load_audio(folder / "a.wav")[0], load_audio(folder / "b.wav")[0])


def test_codebooks_refuse_what_does_not_fit(folder: Path) -> None:
    book, target, out = folder / "book", folder / "target.wav", folder / "out.wav"
    assert run("codebook", "build", folder / "source.wav", "-o", book).exit_code == 0
    play = ["resynth", book, "-t", target, "-o", out]
    refused(folder, *play, "--grain-frames", 8, says=["--grain-frames", "codebook", "(4)"])
    refused(folder, *play, "--augment", "gain=3", says=["--augment", "codebook"])
    refused(folder, *play, "--space", "quantized", says="--space")
    refused(folder, *play, "--codec", "toy", says=["bundled", "toy"])
    refused(folder, *play, "--codec", "dac-44khz", says=["made with codec 'bundled'", "not 'dac-44khz'"])  # no download
    refused(folder, *play, "--weight", 1, "--weight", 2, says=["--weight", "(1)"])
    refused(folder, *play, "--codebook", book, says=["--codebook", str(book)])
    refused(folder, "resynth", book, folder / "source.wav", "-t", target, "-o", out, says="lgr codebook merge")
    refused(folder, "resynth", "--codebook", folder / "none", "-t", target, "-o", out, says=["codebook", "none"])
    refused(folder, "codebook", "info", folder, says=["saved codebook", str(folder)])
    refused(folder, "codebook", "build", book, "-o", folder / "new", says=["recordings", str(book)])
    refused(folder, "codebook", "build", folder / "source.wav", "-o", book, says=[str(book), "--force"])
    refused(folder, "codebook", "build", folder / "source.wav", "-o", folder / "x" / "y", says="existing folder")
    refused(folder, "codebook", "build", folder / "source.wav", "-o", target / "y", says=str(target))
    refused(folder, "codebook", "build", folder / "source.wav", "-o", folder, says=["choose another name", str(folder)])
    refused(folder, "codebook", "merge", book, "-o", folder / "new", says="two saved codebooks")
    refused(folder, "codebook", "merge", book, book, "-o", book, "--force", says="must not be one of the codebooks")
    refused(folder, "codebook", "merge", book, book, "-o", folder / "new", says=["'source'", "both"])
    assert run("codebook", "build", target, "-o", folder / "long", "--grain-frames", 8).exit_code == 0
    refused(folder, "codebook", "merge", book, folder / "long", "-o", folder / "new", says="same codec and config")
    assert not (folder / "new").exists()


@pytest.mark.parametrize("text", ["{}", "not json", "", '{"format": "lgr-score", "version": 99}'])
def test_a_file_that_is_no_score_is_named(text: str, folder: Path) -> None:
    (folder / "score.json").write_text(text)
    refused(folder, "render", folder / "score.json", "-o", folder / "out.wav", says="score.json")
    refused(folder, "info", folder / "score.json", says="score.json")


def test_a_sound_is_no_score(folder: Path) -> None:
    refused(folder, "render", folder / "source.wav", "-o", folder / "out.wav", says="must be a score that lgr wrote")


def test_the_library_refuses_alike(folder: Path) -> None:
    """The messages are the package's: what the command line says, a notebook says too."""
    silent = damaged(folder, "silence")
    with pytest.raises(ValueError, match="target must hold some sound"):
        resynthesise(silent, [folder / "source.wav"])
