"""Errors for people: one line on stderr and exit code 2, Ctrl-C one line and 130, a traceback only with LGR_DEBUG."""

import os
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from lgr.errors import LgrError

FAILED = 2
STOPPED = 130  # what shells report of a program that was interrupted


class Stopped(Exception):
    """Ctrl-C, after everything unfinished was cleaned away; typer would end the program without a word."""


class OneLineErrors(TyperGroup):
    """A group whose errors are a line each, however it is run: as a program or by typer's ``CliRunner``."""

    def main(self, *args: Any, **extra: Any) -> Any:
        try:
            code = super().main(*args, **{**extra, "standalone_mode": False})
        except Exception as error:
            if os.environ.get("LGR_DEBUG") and not isinstance(error, Stopped):
                raise
            typer.echo(f"lgr: {one_line(error)}", err=True)
            code = STOPPED if isinstance(error, Stopped) else FAILED
        # Commands return nothing; typer returns the code of an Exit.
        sys.exit(code if isinstance(code, int) else 0)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            raise Stopped(str(stop) or "stopped; nothing was written") from stop


def one_line(error: Exception) -> str:
    """What to tell a person about an error, without a line break."""
    if isinstance(error, LgrError | Stopped):
        text = str(error)
    elif hasattr(error, "format_message"):  # wrong usage: typer's own errors
        text = f"{error.format_message()} (see --help)"
    else:
        text = f"unexpected {type(error).__name__}: {error} (LGR_DEBUG=1 shows where; please report it)"
    return " ".join(text.split())
