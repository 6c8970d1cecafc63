"""What training an embedding leaves: the folder that ``lgr.latents.embedding`` opens, and what people should know."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from lgr.codecs.base import CodecInfo
from lgr.files import lgr_version, write_whole
from lgr.latents.embedding import FORMAT, MODEL
from lgr.models.timbre_embedding import TimbreEmbedding
from lgr.train.material import Material
from lgr.train.told import CREDITS, data_facts, data_paragraph, write_credits


@dataclass(frozen=True, kw_only=True)
class EmbeddingReport:
    """What is told of a run in its card and its ``metrics.json``."""

    codec: CodecInfo
    material: Material
    recipe: dict[str, Any]
    losses: list[dict[str, float]]
    figures: dict[str, float]
    seconds: float
    command: Sequence[str]
    licence: str


def write_embedding(out: Path, net: TimbreEmbedding, codec: CodecInfo, *, licence: str) -> None:
    """``model.safetensors`` (float16, where it can hold the numbers) and ``config.json``, each whole or not at all."""
    kept = {}
    for name, value in net.state_dict().items():
        small = value.detach().cpu().half()
        kept[name] = (small if value.ndim >= 2 and bool(small.isfinite().all()) else value.cpu().float()).contiguous()
    described = {
        "model": MODEL,
        "format": FORMAT,
        "codec": codec.to_json(),
        "config": net.config.to_json(),
        "licence": licence,
    }
    write_whole(out / "model.safetensors", save(kept))
    write_whole(out / "config.json", json.dumps(described, indent=2).encode() + b"\n")


def write_report(out: Path, told: EmbeddingReport, net: TimbreEmbedding) -> None:
    """``metrics.json``, ``training_data.csv`` and the card."""
    material = told.material
    metrics = {
        "codec": told.codec.name,
        "codec_version": told.codec.version,
        "lgr": lgr_version(),
        "torch": torch.__version__.partition("+")[0],
        "seconds": round(told.seconds, 1),
        "held_out": told.figures,
        **data_facts(material),
        "notes": list(material.notes),
        "recipe": told.recipe,
        "losses": told.losses,
    }
    write_whole(out / "metrics.json", json.dumps(metrics, indent=2).encode() + b"\n")
    write_credits(out / CREDITS, material)
    write_whole(out / "README.md", card(out, told, net).encode())


def card(out: Path, told: EmbeddingReport, net: TimbreEmbedding) -> str:
    """The model card: task, data, command, figures, limits."""
    material, config, codec = told.material, net.config, told.codec
    weights = sum(p.numel() for p in net.parameters())
    invariant = "gain, phase, tilt, noise" + (" and pitch" if told.recipe["pitch_invariant"] else "")
    last = told.losses[-1]
    lines = [
        f"# Embedding of {codec.name}'s latents",
        "",
        f"What `--metric learned` reads of latents of the codec `{codec.name}`"
        + (f" (version {codec.version})" if codec.version else "")
        + f": {config.context_frames} latents of {config.latent_dim} become {config.feature_dim} features a frame, "
        f"{config.cepstra} mel cepstra (by a linear map) and {config.contrast} numbers that tell recordings apart (by "
        f"an MLP). {weights:,} weights. Trained to overhear {invariant}. Causal.",
        "",
        f"Licence of the weights: {told.licence or 'not stated'}.",
        "",
        "## Data",
        "",
        data_paragraph(material, "No labels were used."),
        "",
        *(f"- {note}." for note in material.notes),
        *([""] if material.notes else []),
        "## Training",
        "",
        f"    {shlex.join(told.command)}",
        "",
        f"{told.recipe['steps']} steps; {told.seconds / 60:.1f} minutes with reading and, unless the cache had it, "
        f"encoding. The MLP's losses at the end: contrast {last['contrast']:.3f} nats, cepstra {last['cepstra']:.3f} "
        "of their variance.",
        "",
        "## Figures",
        "",
        f"Share of held-out grains whose nearest among {2 * min(64, len(material.held_out)) - 1} others (two grains of "
        "each recording, differently changed) is of their own recording:",
        "",
        "| compared by | share |",
        "|---|---:|",
        f"| these features | {told.figures['features']:.3f} |",
        f"| the unchanged sounds' own cepstra | {told.figures['cepstra']:.3f} |",
        "",
        "## Limits",
        "",
        "Grains of one recording are called alike, whatever changes within it, and recordings of one instrument are "
        "told apart like any others: what a person calls the same timbre was not asked. Sounds unlike those of the "
        "training may be compared badly.",
        "",
    ]
    return "\n".join(lines)
