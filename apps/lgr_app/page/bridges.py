"""Bridges (paper 002) that come with lgr: which codecs have any, and what a visitor may choose of them."""

import json

from lgr.bridge.files import bridges_dir, shipped_bridges
from lgr.errors import ArgumentError
from lgr_app.page.choices import Choices
from lgr_app.page.codecs import label, shown_names

TITLES = {"schrodinger": "Schrödinger bridge", "regression": "Regression"}
OFF = "Off"


def bridges_of(codec: str) -> list[str]:
    """Kinds of bridge that the app offers for a codec."""
    shipped = shipped_bridges(codec)
    return [kind for kind in TITLES if kind in shipped]


def codecs_with_bridges() -> list[str]:
    """Codecs of the app that have at least one."""
    return [name for name in shown_names() if bridges_of(name)]


def bridged_codec_choices() -> Choices:
    """(label, name) of these, for a dropdown."""
    return [(label(name), name) for name in codecs_with_bridges()]


def levels_of(codec: str) -> tuple[int, int]:
    """Levels of codes that all bridges of a codec can be given: how many by default, and at most."""
    sizes = [
        json.loads((bridges_dir() / f"{codec}-{kind}" / "config.json").read_text(encoding="utf-8"))["config"]
        for kind in bridges_of(codec)
    ]
    return min(each["given"] for each in sizes), min(each["most_given"] for each in sizes)


def polish_choices() -> Choices:
    """What may polish a result: nothing, and each kind that some codec of the app has."""
    had = {kind for name in codecs_with_bridges() for kind in bridges_of(name)}
    return [(OFF, ""), *((title, kind) for kind, title in TITLES.items() if kind in had)]


def check_polish(codec: str, kind: str) -> None:
    """``ArgumentError`` unless ``kind`` may polish results of the codec; "" is none.

    A folder on the server, for one, is not a visitor's to choose.
    """
    have = bridges_of(codec)
    if kind and kind not in have:
        raise ArgumentError(
            f"Polish must be off or a bridge that {codec} has ({', '.join(have) or 'it has none'}), got {kind!r}"
        )
