"""Results that cannot be written, or that are stopped halfway: told before the work, and nothing half done is left."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from command_line import refused, refused_resynth, run, two_sounds

from lgr.cli.support.errors import STOPPED
from lgr.score import Score
from lgr.sound.audio import save_audio


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with target.wav and source.wav, a second each."""
    return two_sounds(tmp_path)


def no_work(*args: Any, **options: Any) -> None:
    raise AssertionError("the outputs must be checked before the work")


SUFFIXES = {"-o": ".wav", "--score": ".json", "--plot": ".png", "--reaper": ".rpp", "--dawproject": ".dawproject"}
PLACES = [
    ("no/such/folder/out", "does not exist"),
    ("target.wav/out", "not a folder"),
    ("taken", "is kept"),
    ("a-folder", "is a folder"),
    ("x" * 300, "too long"),
]
if Path("/proc").is_dir():  # nobody may write there, root included
    PLACES.append(("/proc/out", "choose another folder"))
CASES = [(option, f"{place}{suffix}", says) for option, suffix in SUFFIXES.items() for place, says in PLACES]
CASES += [("-o", name, "must not be a file that is read") for name in ("target.wav", "source.wav")]
CASES += [("-o", name, ".wav, .flac, .ogg or .mp3") for name in ("out.aiff", "out")]


@pytest.mark.parametrize(("option", "place", "says"), CASES, ids=[f"{a} {b[:30]}" for a, b, _ in CASES])
def test_a_place_that_cannot_be_written_is_told_before_the_work(
    option: str, place: str, says: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lgr.resynth.resynthesise", no_work)
    (folder / f"taken{SUFFIXES[option]}").write_bytes(b"precious")
    (folder / f"a-folder{SUFFIXES[option]}").mkdir()
    out = [] if option == "-o" else ["-o", folder / "out.wav"]
    args = ["resynth", folder / "source.wav", "-t", folder / "target.wav", *out, option, folder / place]
    refused(folder, *args, says=[says, place[:30]])
    assert not (folder / "out.wav").exists()


def test_a_rate_that_mp3_does_not_have_is_told_before_the_work(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lgr.resynth.resynthesise", no_work)
    save_audio(folder / "high.wav", torch.full((1, 9600), 0.1), 96_000)
    out = folder / "out.mp3"
    line = refused(
        folder, "resynth", folder / "source.wav", "-t", folder / "high.wav", "-o", out, says=[str(out), "96000"]
    )
    assert ".lgr-" not in line  # the name that was given, not the temporary one


def test_a_sweep_keeps_what_is_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lgr.resynth.resynthesise", no_work)
    (folder / "sweep").mkdir()
    (folder / "sweep" / "temperature_0.json").write_text("precious")
    args = ["sweep", folder / "source.wav", "-t", folder / "target.wav", "-o"]
    refused(folder, *args, folder / "sweep", says=["temperature_0.json", "--force"])
    refused(folder, *args, folder / "no" / "sweep", says="existing folder")
    refused(folder, *args, folder / "target.wav", says="target.wav")


def interrupt(*args: Any, **options: Any) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    "moment",
    ["lgr.sounds.encode_lanes", "lgr.resynth.render_latents", "lgr.score.score.Score.save", "lgr.plots.save_figure"],
)
@pytest.mark.parametrize("force", [True, False])
def test_ctrl_c_at_any_moment_leaves_everything_as_it_was(
    moment: str, force: bool, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, score, plot = folder / "out.wav", folder / "out.json", folder / "out.png"
    if force:
        out.write_bytes(b"precious")
    before = {path: path.read_bytes() for path in folder.iterdir()}
    monkeypatch.setattr(moment, interrupt)
    args = ["resynth", folder / "source.wav", "-t", folder / "target.wav", "-o", out, "--score", score, "--plot", plot]
    result = run(*args, *(["--force"] if force else []))
    assert (result.exit_code, result.stdout) == (STOPPED, "")
    assert result.stderr == "lgr: stopped; nothing was written\n"
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    result = run("sweep", folder / "source.wav", "-t", folder / "target.wav", "-o", folder / "sweep")
    assert result.exit_code == STOPPED
    assert not (folder / "sweep").exists()


def test_a_full_disk_leaves_no_output(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Score, path: Path, force: bool = False) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Score, "save", full)
    refused_resynth(
        folder, folder / "source.wav", folder / "target.wav", "--score", folder / "s.json", says="disk is full"
    )


def test_the_unexpected_is_one_line_too_unless_debugging(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any, **options: Any) -> None:
        raise RuntimeError("two\nlines")

    monkeypatch.delenv("LGR_DEBUG", raising=False)
    monkeypatch.setattr("lgr.resynth.resynthesise", broken)
    args = [folder / "source.wav", folder / "target.wav"]
    refused_resynth(folder, *args, says=["unexpected RuntimeError: two lines", "LGR_DEBUG=1"])
    monkeypatch.setenv("LGR_DEBUG", "1")
    result = run("resynth", args[0], "-t", args[1], "-o", folder / "out.wav")
    assert isinstance(result.exception, RuntimeError)
    assert sorted(path.name for path in folder.iterdir()) == ["source.wav", "target.wav"]


def test_a_missing_matplotlib_is_told_before_the_work(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lgr.cli.support.pictures.find_spec", lambda name: None)
    monkeypatch.setattr("lgr.resynth.resynthesise", no_work)
    args = [folder / "source.wav", folder / "target.wav", "--plot", folder / "p.png"]
    refused_resynth(folder, *args, says=["matplotlib", "pip install 'lgr[explore]'"])


@pytest.mark.slow  # a program of its own, as the interrupted one below is
def test_an_error_as_a_program(folder: Path) -> None:
    command = [sys.executable, "-m", "lgr", "resynth", "nothing.wav", "-t", "target.wav", "-o", "out.wav"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, env=environment())
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("lgr: nothing.wav does not exist")
    assert done.stderr.count("\n") == 1


if sys.platform != "win32":  # where Ctrl-C goes to a whole console, the tests' own included

    @pytest.mark.parametrize("sent", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
    def test_ctrl_c_halfway_through_a_program(sent: signal.Signals, folder: Path) -> None:
        noise = np.random.default_rng(0).uniform(-0.3, 0.3, 900 * 8_000).astype(np.float32)
        soundfile.write(folder / "long.wav", noise, 8_000)  # a quarter of an hour: many seconds of work
        before = sorted(folder.iterdir())
        command = [sys.executable, "-m", "lgr", "resynth", "source.wav", "-t", "long.wav", "-o", "out.wav"]
        program = subprocess.Popen(
            command,
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
            # a test run started in the background (`make test &`) hands down an ignored Ctrl-C
            preexec_fn=lambda: signal.signal(sent, signal.SIG_DFL),
        )
        deadline = time.monotonic() + 60
        while (
            not list(folder.glob(".lgr-*")) and time.monotonic() < deadline
        ):  # its output is claimed: the work goes on
            time.sleep(0.02)
        time.sleep(0.4)
        program.send_signal(sent)
        stdout, stderr = program.communicate(timeout=60)
        assert (program.returncode, stdout) == (STOPPED, "")
        assert stderr == "lgr: stopped; nothing was written\n"
        assert sorted(folder.iterdir()) == before


def environment() -> dict[str, str]:
    """This environment, in which a program finds the package that is tested."""
    root = Path(__file__).parents[1]
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")]), "LGR_DEBUG": ""}
