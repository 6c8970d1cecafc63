"""Training grain models: one resumable command a kind (``lgr train granular`` and the like), on CPU or GPU.

A run goes through stages (one, or three with a temporal embedding), each with its share of the budget. A stage ends
when its share is spent or when held-out sound has not come out better for a while; what did best goes on. Draws,
schedules and tests are functions of the step and of what a checkpoint holds, so a resumed run is the unbroken one.
"""

import sys
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import torch

from lgr.codecs.folder import read_folder
from lgr.errors import ArgumentError
from lgr.models.grain_model import GrainModelConfig
from lgr.models.kinds import build_model, config_class, config_values
from lgr.train.material import choose_clips, gather
from lgr.train.resume import check_resumed
from lgr.train.vae import config as vae_config
from lgr.train.vae.adversary import Adversary
from lgr.train.vae.batches import Batches
from lgr.train.vae.config import VaeTrainConfig
from lgr.train.vae.export import RunReport
from lgr.train.vae.projection import write_projection
from lgr.train.vae.state import TrainingState, read_checkpoint
from lgr.train.vae.steps import Parts
from lgr.train.vae.trainer import Report, Trainer

FIT_BATCHES = 32  # of crops, for what is fitted before the first step


def train_model(
    kind: str,
    data: Path,
    out: Path,
    *,
    config: VaeTrainConfig | None = None,
    model_config: GrainModelConfig | None = None,
    temporal: dict[str, Any] | None = None,
    labels: bool = False,
    categories: Sequence[str] = (),
    classes: Sequence[str] = (),
    redistributable_only: bool = True,
    always_held_out: frozenset[str] = frozenset(),
    resume: bool = False,
    init: Path | None = None,
    device: str = "cpu",
    minutes: float | None = None,
    cache: Path | None = None,
    licence: str = "",
    report: Report | None = None,
) -> Path:
    """Train, checkpoint, export; returns ``out``, which ``load_codec`` then opens.

    Parameters
    ----------
    kind : a name in ``lgr.models.kinds.MODELS``
    data : an audio file, a folder of audio, a folder of a folder per class, or a manifest.csv
    out : folder for ``checkpoint.pt``, ``log.jsonl``, the model (``config.json``, ``model.safetensors``), its card
        ``README.md``, ``metrics.json``, ``training_data.csv``, a projection of the corpus's latents and pictures
    config : the recipe; None is the kind's own
    model_config : sizes; its ``labels`` are filled in from the data where ``labels`` is true
    temporal : settings of the temporal embedding (``TemporalConfig``) where the recipe trains one
    labels : condition the model on the classes of the data
    categories, classes : use these alone
    redistributable_only : leave out a manifest's recordings whose weights may not be shipped
    resume : go on from ``out/checkpoint.pt``
    init : a folder of a trained model of this kind whose weights to begin with; labels may differ
    minutes : a budget of training time, in place of the recipe's
    report : called with every log row, and with ``{"note": sentence}``

    Raises
    ------
    ArgumentError : data, sizes or recipe that cannot work; a folder that holds a run already, or none to resume
    LgrError : the loss is NaN (the last checkpoint is kept), or the disk is full
    """
    config = vae_config.with_budget(config or vae_config.recipe(kind), minutes)
    checkpoint = out / "checkpoint.pt"
    if resume and not checkpoint.exists():
        raise ArgumentError(f"out must hold a checkpoint to resume from, got none in {out}")
    if not resume and (checkpoint.exists() or (out / "model.safetensors").exists()):
        raise ArgumentError(f"out already holds a training run: resume it, or choose another folder than {out}")
    sizes = model_config or config_class(kind)()
    notes: list[str] = []

    def note(sentence: str) -> None:
        notes.append(sentence)
        if report is not None:
            report({"note": sentence})

    clips = choose_clips(data, categories=categories, classes=classes, redistributable_only=redistributable_only)
    out.mkdir(parents=True, exist_ok=True)
    material = gather(
        clips,
        sample_rate=sizes.sample_rate,
        cache=cache or out / "cache",
        shortest=sizes.hop_length * 4,
        always_held_out=always_held_out,
        report=note,
    )
    if labels:
        if len(material.labels) < 2:
            raise ArgumentError(f"labels need two classes or more to tell apart, got {', '.join(material.labels)}")
        sizes = replace(sizes, labels=material.labels)
    saved = read_checkpoint(checkpoint, device) if resume else None
    if saved is not None:
        check_run(saved, kind, sizes, config)
    with torch.random.fork_rng(devices=[]):  # initial weights only; every draw afterwards has its own generator
        torch.manual_seed(config.seed)
        parts = build_parts(kind, sizes, config, temporal).to(device)
    batches = Batches(material, sizes, config, device, parts.temporal.config.frames if config.temporal else None)
    if saved is None:
        prepare(kind, parts, batches)
        if init is not None:
            begin_with(parts, kind, init)
    state = TrainingState.start(parts, config, build_adversary(config, device))
    if saved is not None:
        state.restore(saved)
    run = RunReport(
        kind=kind,
        recipe=vae_config.config_values(config),
        material=material,
        command=["lgr", *(Path(word).name for word in sys.argv[1:])]
        if sys.argv[1:2] == ["train"]
        else ["lgr", "train", kind, "--data", data.name],
        licence=licence,
        notes=notes,
    )
    Trainer(state, config, batches, run, out, report).run()
    write_projection(out, material, seed=config.seed)
    return out


def build_parts(
    kind: str, sizes: GrainModelConfig, config: VaeTrainConfig, temporal: dict[str, Any] | None = None
) -> Parts:
    """An untrained model and, where the recipe trains one, a temporal embedding over its latents."""
    model = build_model(kind, sizes)
    if not config.temporal:
        return Parts(model)
    from lgr.models.granular.temporal import TemporalConfig, TemporalVAE

    settings: dict[str, Any] = {"latent_dim": sizes.latent_dim, "labels": sizes.labels, **(temporal or {})}
    unknown = settings.keys() - {field.name for field in fields(TemporalConfig)}
    if unknown:
        raise ArgumentError(f"a temporal embedding has no setting {', '.join(sorted(unknown))}")
    return Parts(model, TemporalVAE(TemporalConfig(**settings)))


def begin_with(parts: Parts, kind: str, folder: Path) -> None:
    """Give a model the weights of a trained one; what a label adds to a layer's inputs begins at nothing.

    Raises
    ------
    ArgumentError : the folder's model is of another kind or of other sizes
    WeightsError : it cannot be read
    """
    described, weights = read_folder(folder.expanduser(), torch.float32)
    own, wrong = parts.model.state_dict(), described.get("model") != kind
    for name, value in own.items():
        given = weights.get(f"model.{name}")
        if given is None or given.ndim != value.ndim or wrong:
            wrong = True
            break
        part = tuple(slice(0, n) for n in given.shape)
        grown = value.clone().zero_()
        if given.shape[:1] != value.shape[:1] or grown[part].shape != given.shape:
            wrong = True
            break
        grown[part] = given.to(value)
        own[name] = grown
    if wrong:
        raise ArgumentError(f"init must hold a {kind} model of the same sizes, got {folder}")
    parts.model.load_state_dict(own)


def check_run(saved: dict[str, Any], kind: str, sizes: GrainModelConfig, config: VaeTrainConfig) -> None:
    """Raise ``ArgumentError`` unless a checkpoint is of this kind, these sizes and this recipe."""
    recipe = vae_config.config_values(config)
    was_recipe = {name: value for name, value in saved["recipe"].items() if name in recipe}  # not what has since gone
    check_resumed(recipe, was_recipe, vae_config.FREE_ON_RESUME)
    given = config_values(sizes)
    changed = [name for name, value in saved["sizes"].items() if given.get(name) != value]
    if saved["kind"] != kind or changed:
        was = ", ".join([saved["kind"], *(f"{name}={saved['sizes'][name]}" for name in changed)])
        raise ArgumentError(
            f"the model must be that of the run being resumed ({was}), got another; has the data changed?"
        )


def prepare(kind: str, parts: Parts, batches: Batches) -> None:
    """What a model takes from the corpus before its first step.

    ``encodec-vae``: scales, noise and colour; ``spectral``: principal components.
    """
    if kind == "spectral":
        from lgr.models.spectral.fit import fit_components
        from lgr.models.spectral.model import SpectralVAE

        assert isinstance(parts.model, SpectralVAE)
        fit_components(parts.model, (batches.of("grains", step).audio for step in range(FIT_BATCHES)))
    if kind != "encodec-vae":
        return
    from lgr.models.encodec_vae.fit import fit_linear_path
    from lgr.models.encodec_vae.linear_path_vae import LinearPathVAE

    if isinstance(parts.model, LinearPathVAE):
        fit_linear_path(parts.model, [batches.of("grains", step).audio for step in range(FIT_BATCHES)])


def build_adversary(config: VaeTrainConfig, device: str) -> Adversary | None:
    """The discriminators, where the recipe has them; their first weights come from the recipe's seed."""
    if not config.adversarial:
        return None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed + 1)
        return Adversary(device=device)
