"""``lgr app``: the browser app, served from this machine."""

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from lgr.errors import LgrError, MissingPackageError


def app_command(
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Where to listen; 0.0.0.0 lets other machines in.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="N", min=1, max=65535, help="Of that address.")] = 7860,
    share: Annotated[
        bool, typer.Option("--share", help="Also get a public address for 72 hours, through Gradio's servers.")
    ] = False,
) -> None:
    """Open the app in a browser.

    Limits on what visitors may upload are set by the environment variables
    LGR_APP_MAX_SECONDS (60), LGR_APP_MAX_SOURCE_SECONDS (600), LGR_APP_MAX_MB
    (50) and LGR_APP_CONCURRENCY (2, jobs at once). Ctrl-C stops it.

    \b
    Example:
      lgr app
      lgr app --port 8000
    """
    serve = find_app()
    typer.echo(f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}  (Ctrl-C stops)")
    serve(host=host, port=port, share=share)


def find_app() -> Any:
    """``apps.app.serve`` of a checkout or of an installed lgr.

    Raises
    ------
    MissingPackageError : Gradio is not installed
    LgrError : there is no app beside this package
    """
    if find_spec("gradio") is None:
        raise MissingPackageError("the app needs gradio: pip install 'lgr[app,explore,metrics]'")
    package = Path(__file__).resolve().parents[1]
    places = (package / "browser", package.parent)  # where a wheel has the app, and a checkout
    place = next((place for place in places if (place / "apps" / "app.py").is_file()), None)
    if place is None:
        raise LgrError(f"the app is not in {places[1] / 'apps'}: run it from a checkout of lgr, or install lgr again")
    # another project's folder may be called apps too, so ours goes first
    sys.path.insert(0, str(place))
    return import_module("apps.app").serve
