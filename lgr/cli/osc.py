"""``lgr osc``: lgr for other music programs, over Open Sound Control."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from lgr.osc.server import Server


def osc(
    folder: Annotated[
        Path,
        typer.Option("--folder", metavar="FOLDER", help="Where clients read and write, and nowhere else."),
    ] = Path(),
    host: Annotated[
        str,
        typer.Option(metavar="ADDRESS", help="Where to listen; 0.0.0.0 lets other machines in, whoever they are."),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(metavar="N", min=0, max=65535, help="Of that address; 0: one that is free.")
    ] = 9123,
) -> None:
    """Serve SuperCollider, Max, Pure Data, Python, or any program that sends OSC over UDP.

    Clients load sounds of the folder, play others with their grains, draw
    new ones, and steer the live loop. /lgr/help answers with the addresses;
    docs/osc.md explains them. Ctrl-C stops it.

    \b
    Example:
      lgr osc --folder sounds/
      lgr osc --folder sounds/ --port 9000
    """
    from lgr.osc.server import serve

    def ready(server: "Server") -> None:
        shown = server.service.session.folder.root
        typer.echo(f"OSC over UDP at {host}:{server.port}, files in {shown} (Ctrl-C stops)")

    serve(folder, host=host, port=port, ready=ready)
