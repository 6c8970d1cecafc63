"""The models that the tables compare: trained once into a work folder, shipped ones opened, none trained twice."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lgr.codecs.trained import TrainedCodec
from lgr.errors import ArgumentError
from lgr.files import assets_dir
from lgr.models.kinds import config_values, model_config
from lgr.train.data import shipped_groups
from lgr.train.material import short_name
from lgr.train.vae.config import VaeTrainConfig, recipe
from lgr.train.vae.config import config_values as recipe_values
from lgr.train.vae.train import train_model

SAMPLE_RATE = 24_000
NEVER = 1_000_000_000  # steps: no test before the end, so held-out sound does not choose the weights


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What all tables share.

    Parameters
    ----------
    data : a manifest.csv with the categories drums8, notes and textures
    work : folder of trained models and of the cache
    models : folder of the shipped models; those that are not there are left out
    minutes, steps : budget of each model, whichever ends first; ``steps`` is for trying things out
    minutes_of : other budgets, by the names of runs
    clips : held-out clips of a category, or of each class of textures, at most
    training : False leaves out models that the work folder does not have
    """

    data: Path
    work: Path
    scorer: Path | None = None
    models: Path = field(default_factory=lambda: assets_dir() / "models")
    minutes: float = 10.0
    minutes_of: Mapping[str, float] = field(default_factory=dict)
    steps: int | None = None
    clips: int = 120
    seed: int = 0
    device: str = "cpu"
    training: bool = True
    thunder_clips: tuple[Path, ...] = ()

    @property
    def always_held_out(self) -> frozenset[str]:
        """Groups of the clips that come with the package, which no model hears."""
        return shipped_groups(assets_dir() / "audio" / "credits.csv")


@dataclass(frozen=True, kw_only=True)
class Run:
    """A model of a table: its folder's name, what it is, and what it is trained on."""

    name: str
    kind: str
    category: str
    classes: tuple[str, ...] = ()
    sizes: dict[str, Any] = field(default_factory=dict)
    changes: dict[str, Any] = field(default_factory=dict)  # of the kind's recipe

    def config(self, setup: Setup) -> VaeTrainConfig:
        """The recipe: the budget alone ends it, so that every model of a table is trained for the same time."""
        minutes = setup.minutes_of.get(self.name, setup.minutes)
        budget = {"minutes": minutes, "steps": setup.steps, "seed": setup.seed}
        return recipe(self.kind, **{"validate_every": NEVER, **budget, **self.changes})


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A model, and how long it was trained."""

    codec: TrainedCodec
    steps: int
    seconds: float


def trained(run: Run, setup: Setup) -> Trained | None:
    """The model of a run: trained now, or continued, or opened where that is done; None where it may not be trained.

    Raises
    ------
    ArgumentError : the work folder's model had another recipe or other sizes
    """
    folder, config = setup.work / run.name, run.config(setup)
    done = folder / "metrics.json"  # written when a run ends
    if not done.is_file():
        if not setup.training:
            return None
        train_model(
            run.kind,
            setup.data,
            folder,
            config=config,
            model_config=model_config(run.kind, run.sizes),
            categories=[run.category],
            classes=run.classes,
            always_held_out=setup.always_held_out,
            resume=(folder / "checkpoint.pt").is_file(),
            device=setup.device,
            cache=setup.work / "cache",
            report=lambda row: _tell(run.name, row),
        )
    metrics = json.loads(done.read_text(encoding="utf-8"))
    codec = TrainedCodec.from_folder(folder, name=run.name)
    _check_same(run, folder, recipe_values(config), metrics["recipe"])
    _check_same(run, folder, config_values(model_config(run.kind, run.sizes)), config_values(codec.config))
    return Trained(codec=codec, steps=metrics["steps"], seconds=metrics["seconds"])


def shipped(name: str, setup: Setup, device: str = "cpu") -> TrainedCodec | None:
    """A model that comes with the package, or None where it is not there."""
    folder = setup.models / name
    if not (folder / "config.json").is_file():
        print(f"{name}: not in {setup.models}, left out", flush=True)
        return None
    return TrainedCodec.from_folder(folder, name=name, device=device)


def check_never_heard(folder: Path, paths: Sequence[str]) -> None:
    """``ArgumentError`` where a model's own list (``training_data.csv``) says that it was trained on one of these."""
    listed = folder / "training_data.csv"
    if not listed.is_file():
        print(f"{folder.name}: no training_data.csv, so what it was trained on cannot be checked", flush=True)
        return
    with listed.open(newline="", encoding="utf-8") as lines:
        heard = {row["name"] for row in csv.DictReader(lines) if row["use"] == "training"}
    known = sorted(heard & {short_name(path) for path in paths})
    if known:
        raise ArgumentError(f"{folder} must not have been trained on held-out clips, got {', '.join(known[:3])}")


def _check_same(run: Run, folder: Path, wanted: dict[str, Any], found: dict[str, Any]) -> None:
    different = sorted(name for name, value in wanted.items() if found.get(name) != value)
    if different:
        told = ", ".join(f"{name} {found.get(name)!r} and not {wanted[name]!r}" for name in different)
        raise ArgumentError(f"{folder} holds another {run.kind} ({told}): remove it, or choose another --work")


def _tell(name: str, row: dict[str, Any]) -> None:
    from lgr.cli.train_models import told

    if "note" in row or "held_out" in row or row["step"] % 200 == 0:
        print(f"{name}: {told(row)}", flush=True)
