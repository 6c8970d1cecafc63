"""``lgr train``: train models on one's own recordings."""

import typer

from lgr.cli.train_bridge import bridge
from lgr.cli.train_codec import codec
from lgr.cli.train_embedding import embedding
from lgr.cli.train_models import HELP, model_command
from lgr.cli.train_quantizer import quantizer

train_app = typer.Typer(help="Train models on your own recordings.")
for kind in HELP:
    train_app.command(kind)(model_command(kind))
train_app.command("embedding")(embedding)
train_app.command("bridge")(bridge)
train_app.command("quantizer")(quantizer)
train_app.command("codec")(codec)


@train_app.callback()
def _group() -> None:
    """Train models on your own recordings."""
