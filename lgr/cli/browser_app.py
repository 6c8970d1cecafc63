"""``lgr app``: the browser app, served from this machine."""

from importlib.util import find_spec
from typing import Annotated, Any

import typer

from lgr.errors import MissingPackageError


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
    """``lgr_app.app.serve``, from the package ``lgr_app`` that is installed with ``lgr``.

    Raises
    ------
    MissingPackageError : Gradio or the app is not installed
    """
    if find_spec("gradio") is None:
        raise MissingPackageError("the app needs gradio: pip install 'lgr[app,explore,measures]'")
    if find_spec("lgr_app") is None:
        raise MissingPackageError(
            "the app is not installed: pip install -e '.[app,explore,measures]' in a checkout of lgr"
        )
    from lgr_app.app import serve

    return serve
