"""What training a quantizer leaves: the file that goes beside a codec's weights, and what people should know."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import save

from lgr.codecs.base import CodecInfo
from lgr.codecs.folder import QUANTIZER
from lgr.files import lgr_version, write_whole
from lgr.models.rvq import ResidualQuantizer
from lgr.train.material import Material
from lgr.train.told import data_paragraph, write_credits

CARD, CREDITS = "quantizer.md", "quantizer_data.csv"


@dataclass(frozen=True, kw_only=True)
class QuantizerReport:
    """What is told of a run in its card.

    Attributes
    ----------
    table : of each level (share of variance left, perplexity, entries used), on held-out latents
    frames : of training and held-out latents
    """

    codec: CodecInfo
    material: Material
    recipe: dict[str, Any]
    table: Sequence[tuple[float, float, int]]
    frames: tuple[int, int]
    seconds: float
    command: Sequence[str]
    licence: str


def write_quantizer(out: Path, quantizer: ResidualQuantizer, codec: CodecInfo) -> None:
    """``quantizer.safetensors``, whole or not at all; it says whose latents it is for."""
    tensors = {name: value.detach().cpu().contiguous() for name, value in quantizer.state_dict().items()}
    # one key alone: safetensors writes several in no particular order, and the same seed is to give the same bytes
    write_whole(out / QUANTIZER, save(tensors, {"codec": json.dumps(codec.to_json(), sort_keys=True)}))


def write_report(out: Path, told: QuantizerReport, quantizer: ResidualQuantizer) -> None:
    """``quantizer_data.csv`` and the card."""
    write_credits(out / CREDITS, told.material)
    write_whole(out / CARD, card(told, quantizer).encode())


def card(told: QuantizerReport, quantizer: ResidualQuantizer) -> str:
    """The card: task, data, command, figures, limits."""
    material, codec, recipe = told.material, told.codec, told.recipe
    levels, entries, _ = quantizer.entries.shape
    bits = (entries - 1).bit_length()
    heard = "what is heard of latents (`lgr/models/heard.py`)" if recipe["heard"] else "those of latents as they are"
    lines = [
        f"# Codes of {codec.name}'s latents",
        "",
        f"A residual quantizer of latents of the codec `{codec.name}`"
        + (f" (version {codec.version})" if codec.version else "")
        + f": {levels} levels of {entries:,} entries, {bits * codec.frame_rate / 1000:.3g} kbit/s a level. "
        f"`{QUANTIZER}` goes into the codec's folder; the codec then has codes, and `lgr codes` writes and plays them.",
        "",
        f"Licence of the quantizer: {told.licence or 'not stated'}.",
        "",
        "## Data",
        "",
        data_paragraph(
            material,
            f"Training reads {told.frames[0]:,} frames, in {recipe['copies']} copies of which all but the first are "
            f"quieter; the figures are of {told.frames[1]:,}. No labels were used.",
            credits=CREDITS,
        ),
        "",
        *(f"- {note}." for note in material.notes),
        *([""] if material.notes else []),
        "## Training",
        "",
        f"    {shlex.join(told.command)}",
        "",
        f"{recipe['steps']} steps a level of {recipe['batch_size']:,} frames out of {recipe['frames']:,} that were "
        f"drawn, categories alike, level after level (`lgr/train/quantizer/fit.py`); {told.seconds / 60:.1f} minutes "
        f"with reading and, unless the cache had them, encoding. Distances are {heard}. The codec stays as it is. lgr "
        f"{lgr_version()}.",
        "",
        "## Figures",
        "",
        "On held-out recordings: the share of the latents' variance, as distances are taken, that is left; how many "
        "entries occur; and their perplexity (so many entries, used alike, would say as much).",
        "",
        "| levels | kbit/s | variance left | entries used of the last | perplexity of the last |",
        "|---:|---:|---:|---:|---:|",
        *(
            f"| {i} | {i * bits * codec.frame_rate / 1000:.3g} | {left:.3f} | {used} | {perplexity:.0f} |"
            for i, (left, perplexity, used) in enumerate(told.table, 1)
        ),
        "",
        "## Limits",
        "",
        "The decoder was trained without codes and is not trained here, so what few levels leave out is heard as it "
        "falls. Sounds unlike those of the training may be said badly. Frames are said one by one: what changes slowly "
        "costs as much as what changes fast.",
        "",
    ]
    return "\n".join(lines)
