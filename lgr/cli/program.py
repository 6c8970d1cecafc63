"""The program ``lgr``: its commands, and what it does without one."""

import signal
from typing import Annotated

import typer

from lgr.cli.baseline import baseline
from lgr.cli.browser_app import app_command
from lgr.cli.codebook import codebook_app
from lgr.cli.codecs import codecs
from lgr.cli.codes import codes
from lgr.cli.demo import demo
from lgr.cli.drums import drums
from lgr.cli.evaluate import evaluate
from lgr.cli.export import export_app
from lgr.cli.info import info
from lgr.cli.interpolate import interpolate
from lgr.cli.judges import judges
from lgr.cli.latency import latency
from lgr.cli.listening import listening_analysis, listening_test
from lgr.cli.live import live
from lgr.cli.osc import osc
from lgr.cli.refine import refine
from lgr.cli.render import render
from lgr.cli.resynth import resynth
from lgr.cli.sample import sample
from lgr.cli.steer import steer
from lgr.cli.support.errors import OneLineErrors
from lgr.cli.sweep import sweep
from lgr.cli.train import train_app

app = typer.Typer(
    name="lgr",
    cls=OneLineErrors,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(resynth)
app.add_typer(codebook_app, name="codebook")
app.command()(sweep)
app.command()(render)
app.command()(baseline)
app.command()(interpolate)
app.command("path", hidden=True, deprecated=True)(interpolate)
app.command()(sample)
app.command()(drums)
app.command()(steer)
app.command()(refine)
app.command()(live)
app.command()(latency)
app.add_typer(export_app, name="export")
app.command()(osc)
app.command()(evaluate)
app.command()(judges)
app.command()(codecs)
app.command()(codes)
app.command()(info)
app.command(name="app")(app_command)
app.command()(demo)
app.command()(listening_test)
app.command()(listening_analysis)
app.add_typer(train_app, name="train")


def _print_version(wanted: bool) -> None:
    if wanted:
        from lgr.files import lgr_version

        typer.echo(f"lgr {lgr_version()}")
        raise typer.Exit()


@app.callback(invoke_without_command=True)
def lgr(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Play one sound with the grains of another, in the latent space of a neural audio codec.

    \b
    Example:
      lgr demo
      lgr resynth glass.wav rain/ --target drums.wav -o out.wav

    lgr COMMAND --help explains a command. Errors are one line each;
    with LGR_DEBUG=1 in the environment they show where they came from.
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main() -> None:
    """The console script ``lgr``."""
    # A closed terminal or a plain `kill` stops as Ctrl-C does: tidily, leaving no half-written file.
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.default_int_handler)
    app(prog_name="lgr")
