"""The folder of a training run: what is said when the run ends, or is stopped."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from lgr.cli.support.outputs import result_folder


@contextmanager
def run_folder(out: Path) -> Iterator[None]:
    """Make ``out`` for a run with checkpoints; say how to go on where it is stopped, or how to try the codec."""
    try:
        with result_folder(out, "--out", parents=True):
            yield
    except KeyboardInterrupt as stop:
        kept = (out.expanduser() / "checkpoint.pt").exists()
        after = "go on from its last checkpoint with --resume" if kept else "there is no checkpoint yet"
        raise KeyboardInterrupt(f"training in {out} stopped; {after}") from stop
    typer.echo(f"{out}: trained; try it with --codec {out}")
