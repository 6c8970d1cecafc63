"""Running the command line in the tests' own process, and what a refusal must be like."""

import sys
from pathlib import Path
from typing import Any
from unittest import mock

import typer.main
import typer.testing

from lgr.cli import app
from lgr.sound.audio import load_audio, save_audio

CLIPS = Path(__file__).parents[1] / "assets" / "audio"


COMMAND = typer.main.get_command(app)


def run(*args: object) -> Any:
    # as CliRunner().invoke(app, ...), which would put together every command and option anew at each call
    with mock.patch.object(typer.testing, "_get_command", return_value=COMMAND):
        return typer.testing.CliRunner().invoke(app, [str(each) for each in args])


def done(*args: object) -> str:
    """Run a command that must succeed, and say nothing on stderr; returns what it printed."""
    result = run(*args)
    assert (result.exit_code, result.stderr) == (0, "")
    return str(result.stdout)


def refused(folder: Path, *args: object, says: str | list[str]) -> str:
    """Run a command that must be refused, in one line that ``says`` these words, leaving ``folder`` as it was."""
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    result = run(*args)
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("lgr: ")
    assert result.stdout == ""
    for words in [says] if isinstance(says, str) else says:
        assert words in result.stderr
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    return str(result.stderr)


def refused_resynth(folder: Path, source: object, target: object, *options: object, says: str | list[str]) -> str:
    out = folder / "out.wav"
    line = refused(folder, "resynth", source, "-t", target, "-o", out, *options, says=says)
    assert not out.exists()
    return line


def two_sounds(folder: Path) -> Path:
    """Put target.wav and source.wav, a second each, into ``folder``."""
    for name, clip in (("target", "drum_loop"), ("source", "glass")):
        audio, rate = load_audio(CLIPS / f"{clip}.flac")
        save_audio(folder / f"{name}.wav", audio[:, :rate], rate)
    return folder


def interruptible(*args: object) -> list[str]:
    """A command line that Ctrl-C ends even where these tests run in the background, in which it would be ignored."""
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    return [sys.executable, "-c", f"{heed}; from lgr.cli import main; main()", *map(str, args)]
