"""What a training run leaves: the model that ``load_codec`` opens, and what a person should know of it.

``config.json`` and ``model.safetensors`` are written with every checkpoint; the card (``README.md``), ``metrics.json``,
``training_data.csv`` and the pictures when the run ends.
"""

import json
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from lgr.files import write_whole
from lgr.models.kinds import config_values
from lgr.train.material import Material, counts
from lgr.train.told import CREDITS, data_facts, data_paragraph, write_credits
from lgr.train.vae.steps import Parts


@dataclass
class RunReport:
    """What is told of a run in its card and its ``metrics.json``."""

    kind: str
    recipe: dict[str, Any]
    material: Material
    command: Sequence[str]
    licence: str
    steps: int = 0
    seconds: float = 0.0
    reason: str = ""
    held_out: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def write_model(
    out: Path,
    kind: str,
    parts: Parts,
    weights: dict[str, Tensor],
    *,
    licence: str,
    with_temporal: bool,
    dtype: torch.dtype = torch.float16,
) -> None:
    """``model.safetensors`` and ``config.json``, each whole or not at all.

    Matrices are kept in ``dtype`` unless a number is too large for it; vectors (scales, means) in float32.
    """
    kept = {}
    for name, value in weights.items():
        if name.startswith("temporal.") and not with_temporal:
            continue
        value = value.detach().cpu().contiguous()
        if value.is_floating_point():
            small = value.to(dtype) if value.ndim >= 2 else value.float()
            value = small if bool(small.isfinite().all()) else value.float()
        kept[name] = value.clone()
    temporal = config_values(parts.temporal.config) if with_temporal else None
    config = {"model": kind, "format": 1, "config": config_values(parts.model.config), "temporal": temporal}
    # As bytes first: safetensors does not tell a full disk from other failures.
    write_whole(out / "model.safetensors", save(kept))
    write_whole(out / "config.json", json.dumps({**config, "licence": licence}, indent=2).encode() + b"\n")


def write_report(out: Path, run: RunReport, parts: Parts) -> None:
    """``metrics.json``, ``training_data.csv`` and the model card."""
    material = run.material
    metrics = {
        "model": run.kind,
        "stopped": run.reason,
        "steps": run.steps,
        "seconds": round(run.seconds, 1),
        "held_out": run.held_out,
        **data_facts(material),
        "notes": run.notes,
        "recipe": run.recipe,
    }
    write_whole(out / "metrics.json", json.dumps(metrics, indent=2).encode() + b"\n")
    write_credits(out / CREDITS, material, classes=True)
    write_whole(out / "README.md", card(out, run, parts).encode())


def card(out: Path, run: RunReport, parts: Parts) -> str:
    """The model card: task, data, command, figures, limits."""
    material, config = run.material, parts.model.config
    weights = sum(p.numel() for p in parts.parameters())
    rows = [f"| {name} | {value:.4g} |" for name, value in sorted(run.held_out.items())]
    classes = ", ".join(f"{label} {n}" for label, n in counts(material.training).items())
    lines = [
        f"# {out.name}",
        "",
        f"A `{run.kind}` model: {config.sample_rate} Hz, hop {config.hop_length}, latents of {config.latent_dim}"
        + (f" and {len(config.labels)} label weights" if config.labels else "")
        + (", with a temporal embedding for one-shots" if parts.temporal is not None else "")
        + f"; {weights:,} weights. Task: encode sound to latents and decode any sequence of such latents.",
        "",
        f"Licence of the weights: {run.licence or 'not stated'}.",
        "",
        "## Data",
        "",
        data_paragraph(material),
        "",
        f"Classes: {classes}.",
        "",
        *(f"- {note}." for note in run.notes),
        *([""] if run.notes else []),
        "## Training",
        "",
        f"    {shlex.join(run.command)}",
        "",
        f"{run.steps} steps, {run.seconds / 60:.1f} minutes; {run.reason}." + _commit(),
        "",
        "## Figures",
        "",
        "On held-out crops, each at a level of its own; `mstft` is the relative multi-scale STFT distance (0 is "
        "perfect, 1 is what silence scores), `kl` nats a latent vector.",
        "",
        "| term | value |",
        "|---|---:|",
        *rows,
        "",
        "## Limits",
        "",
        "It knows the sounds it was trained on: others come out in their manner. The held-out crops also chose the "
        "weights that were kept, so the figures are a little too good.",
        "",
    ]
    return "\n".join(lines)


def draw_pictures(
    out: Path, log: list[dict[str, Any]], pairs: list[tuple[str, Tensor, Tensor]], sample_rate: int
) -> str:
    """``loss.png`` and ``reconstructions.png``; says what is missing where matplotlib is, else "".

    ``pairs`` are (title, original, reconstruction), both ``(samples,)``.
    """
    if find_spec("matplotlib") is None:
        return "no pictures: they need matplotlib (pip install 'lgr[explore]')"
    from lgr.plots import save_figure
    from lgr.plots.training import plot_losses, plot_reconstructions

    save_figure(plot_losses(log), out / "loss.png", force=True)
    arrays = [(title, original.numpy(), estimate.numpy()) for title, original, estimate in pairs]
    save_figure(plot_reconstructions(arrays, sample_rate), out / "reconstructions.png", force=True)
    return ""


def read_log(path: Path, up_to: int) -> list[dict[str, Any]]:
    """The rows of ``log.jsonl`` up to a step; a row cut short by a kill is left out."""
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if row.get("step", 0) <= up_to:
            rows.append(row)
    return rows


def _commit() -> str:
    """The commit of lgr's own checkout, as a sentence; nothing where it is no checkout or git is not there."""
    here = Path(__file__).resolve().parents[3]
    if not (here / ".git").exists():
        return ""
    try:
        found = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], cwd=here, capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return f" Commit of lgr: {found.stdout.strip()}."
