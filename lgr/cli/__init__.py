"""The command line: ``lgr resynth``, ``codebook``, ``sweep``, ``render``, ``codecs``, ``info``, ``demo``, ``train``.

Commands parse, call the package and print. Nothing heavier than typer is imported before a command runs, so that
``lgr --help`` answers at once.
"""

from lgr.cli.program import app, main

__all__ = ["app", "main"]
