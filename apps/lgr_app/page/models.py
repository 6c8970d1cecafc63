"""What the models that come with lgr can do, read from their folders without opening them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lgr.codecs.registry import shipped_models
from lgr.files import assets_dir
from lgr.latents.projection import DESCRIPTION
from lgr.models.kinds import kind_controls


def model_folder(name: str) -> Path:
    """The folder of a model of ``shipped_models()``."""
    return assets_dir() / "models" / name


def model_labels(name: str) -> tuple[str, ...]:
    """The classes that a model tells apart; () for one without, and for what is no model of ``shipped_models()``."""
    return tuple(_config(name).get("config", {}).get("labels", ())) if name in shipped_models() else ()


def model_controls(name: str) -> Mapping[str, str]:
    """What can be moved in a model's latents, by name, and in which unit; nothing for what is no shipped model."""
    return kind_controls(_config(name)["model"]) if name in shipped_models() else {}


def models_that_sample() -> list[str]:
    """Models with a temporal embedding, which new one-shots are drawn from."""
    return [name for name in shipped_models() if _config(name).get("temporal")]


def models_with_a_plane() -> list[str]:
    """Models whose training latents were put on a plane that leads back."""
    return [name for name in shipped_models() if (model_folder(name) / DESCRIPTION).is_file()]


def label_choices(labels: tuple[str, ...], none: str) -> list[tuple[str, str]]:
    """(shown, value) for a dropdown: "" first, which is no class, shown as ``none``."""
    return [(none, ""), *((label.replace("_", " "), label) for label in labels)]


def _config(name: str) -> dict[str, Any]:
    return dict(json.loads((model_folder(name) / "config.json").read_text(encoding="utf-8")))
