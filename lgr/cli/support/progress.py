"""Progress of long work: a bar on a terminal, nothing anywhere else."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from lgr.progress import Progress, silent


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """Yield a function of (what, done, of), a ``Progress``; the bar is gone when the block ends."""
    if not sys.stderr.isatty():
        yield silent
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description:<18}"),
        BarColumn(),
        TextColumn("{task.fields[share]}"),
        TimeElapsedColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=None, share="")

        def report(what: str, done: int, of: int) -> None:
            # One step is no progress to measure: the bar then only moves to and fro.
            share = f"{100 * done / of:.0f} %" if of > 1 else ""
            bar.update(task, description=what, completed=done, total=of if of > 1 else None, share=share)
            if of <= 1:
                bar.tasks[0].total = None  # `update` takes None for "as it was"

        yield report
