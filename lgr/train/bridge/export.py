"""What training a bridge leaves: the folder that ``lgr.bridge.files`` opens, and what people should know."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from lgr.bridge.base import Bridge
from lgr.bridge.files import FORMAT, MODEL
from lgr.codecs.base import Codec, CodecInfo, codes_version
from lgr.files import lgr_version, write_whole
from lgr.train.material import Material
from lgr.train.told import CREDITS, data_facts, data_paragraph, write_credits


@dataclass(frozen=True, kw_only=True)
class BridgeReport:
    """What is told of a run in its card and its ``metrics.json``."""

    codec: CodecInfo
    kind: str
    material: Material
    recipe: dict[str, Any]
    figures: dict[str, float]
    seconds: float
    command: Sequence[str]
    licence: str


def write_bridge(out: Path, weights: dict[str, Tensor], net: Bridge, codec: Codec, *, licence: str) -> None:
    """``model.safetensors`` (matrices in float16) and ``config.json``, each whole or not at all."""
    kept = {}
    for name, value in weights.items():
        small = value.detach().cpu().half()
        whole = name in ("turn", "back") or value.ndim < 2
        kept[name] = (small if not whole and bool(small.isfinite().all()) else value.cpu().float()).contiguous()
    described = {
        "model": MODEL,
        "format": FORMAT,
        "kind": net.kind,
        "codec": codec.info.to_json(),
        "codes": codes_version(codec),
        "config": net.config.to_json(),
        "licence": licence,
    }
    write_whole(out / "model.safetensors", save(kept))
    write_whole(out / "config.json", json.dumps(described, indent=2).encode() + b"\n")


def write_report(out: Path, told: BridgeReport, net: Bridge) -> None:
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
    }
    write_whole(out / "metrics.json", json.dumps(metrics, indent=2).encode() + b"\n")
    write_credits(out / CREDITS, material)
    write_whole(out / "README.md", card(told, net).encode())


def card(told: BridgeReport, net: Bridge) -> str:
    """The model card: task, data, command, figures, limits."""
    material, config, codec = told.material, net.config, told.codec
    weights = sum(p.numel() for p in net.parameters())
    most = f" or up to {config.most_given}" if config.most_given > config.given else ""
    lines = [
        f"# Bridge ({told.kind}) for {codec.name}",
        "",
        f"From {config.given}{most} levels of the codes of the codec `{codec.name}`"
        + (f" (version {codec.version})" if codec.version else "")
        + f" to the latents its decoder wants (paper 002): {config.layers} Transformer layers of {config.width}, "
        f"{weights:,} weights, {config.context} frames of context either side.",
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
        f"{told.recipe['steps']} steps of {told.recipe['batch_size']} crops of {told.recipe['crop_frames']} frames; "
        f"{told.seconds / 60:.1f} minutes.",
        "",
        "## Figures",
        "",
        f"Shares of what is heard of held-out latents (`lgr/models/heard.py`), given {config.given} of {config.levels} "
        "levels:",
        "",
        "| what is wrong with | share |",
        "|---|---:|",
        f"| the coarse latents | {told.figures['coarse']:.3f} |",
        f"| the bridge's, in one evaluation | {told.figures['bridged']:.3f} |",
        "",
        "What is heard of that is measured elsewhere: `benchmarks/bridges.py`.",
        "",
        "## Limits",
        "",
        "It knows the sounds it was trained on: voices and instruments that it has not heard become like those it has. "
        "What codes do not say, it makes up.",
        "",
    ]
    return "\n".join(lines)
