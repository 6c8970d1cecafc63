"""Training a quantizer of a codec's latents: ``quantizer.safetensors``, which beside the weights gives it codes."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from lgr.codecs.base import Codec, heard_form
from lgr.codecs.folder import QUANTIZER
from lgr.codecs.registry import load_codec
from lgr.errors import ArgumentError
from lgr.models.rvq import ENTRIES, LEVELS, PIECE, ResidualQuantizer
from lgr.progress import Progress, silent
from lgr.train.data import read_manifest
from lgr.train.latents import Latents, latents_of
from lgr.train.material import gather
from lgr.train.quantizer.export import QuantizerReport, write_quantizer, write_report
from lgr.train.quantizer.fit import QuantizerTrainConfig, fit_quantizer

COPIES = 2  # of every recording that trains: as loud as lgr encodes, and quieter
MOST_LEVELS, MOST_ENTRIES = 64, 1 << 16


@dataclass(frozen=True)
class LevelUse:
    """What a level does for latents that it was not fitted to.

    Attributes
    ----------
    left : share of their variance, as distances are taken, that this level and those before it leave, >= 0
    perplexity : 2 to the power of the entropy of its codes in bits: so many entries, used alike, would say as much
    used : entries that occur
    """

    left: float
    perplexity: float
    used: int


def train_quantizer(
    data: str | Path,
    out: str | Path,
    *,
    codec: str | Path | Codec = "bundled",
    config: QuantizerTrainConfig | None = None,
    levels: int = LEVELS,
    entries: int = ENTRIES,
    redistributable_only: bool = True,
    always_held_out: frozenset[str] = frozenset(),
    licence: str = "",
    command: Sequence[str] = (),
    force: bool = False,
    report: Callable[[str], None] | None = None,
    progress: Progress | None = None,
) -> ResidualQuantizer:
    """Fit a quantizer to ``codec``'s latents of recordings, and write it into the folder ``out``.

    Parameters
    ----------
    data : a folder of recordings or a manifest.csv; an eighth or so of the sources is held out to test on
    out : gets ``quantizer.safetensors``, ``quantizer.md`` (a card), ``quantizer_data.csv`` and ``cache/`` with the
        latents, which may be deleted
    levels : int, 1 to 64
    entries : int, 2 to 65536, of each level
    always_held_out : source groups that never train
    force : replace a quantizer that ``out`` already holds
    report : called with sentences about the data and the result
    progress : called with (what, done, of)

    Raises
    ------
    ArgumentError, AudioFileError, WeightsError : data that cannot be used, a setting out of range, a codec not there
    """
    config = QuantizerTrainConfig() if config is None else config
    data, out = Path(data), Path(out)
    for name, value, least, most in (("levels", levels, 1, MOST_LEVELS), ("entries", entries, 2, MOST_ENTRIES)):
        if not least <= value <= most:
            raise ArgumentError(f"{name} must be {least} to {most}, got {value}")
    if not force and (out / QUANTIZER).exists():
        raise ArgumentError(
            f"out already holds a quantizer, and it is kept: choose another folder than {out}, or replace it with "
            "--force (force=True)"
        )
    codec = load_codec(codec) if isinstance(codec, str | Path) else codec
    show = progress if progress is not None else silent
    started = time.perf_counter()
    material = gather(
        read_manifest(data, redistributable_only=redistributable_only),
        sample_rate=codec.info.sample_rate,
        cache=out / "cache",
        shortest=codec.info.hop_length,
        always_held_out=always_held_out,
        report=report,
    )
    training = latents_of(material.cache, material.training, codec, out / "cache", show, copies=COPIES)
    held_out = latents_of(material.cache, material.held_out, codec, out / "cache", show)
    if len(training.frames) < entries:
        raise ArgumentError(
            f"data must hold as many latent frames as a level has entries ({entries}), got {len(training.frames)}: add "
            "recordings, or ask for fewer entries"
        )
    form = heard_form(codec)
    quantizer = fit_quantizer(training, config, form=form, levels=levels, entries=entries, progress=show)
    uses = measure(quantizer, held_out)
    write_quantizer(out, quantizer, codec.info)
    told = QuantizerReport(
        codec=codec.info,
        material=material,
        recipe={**asdict(config), "copies": COPIES, "heard": form is not None},
        table=[(use.left, use.perplexity, use.used) for use in uses],
        frames=(len(training.frames), len(held_out.frames)),
        seconds=time.perf_counter() - started,
        command=command or ("lgr", "train", "quantizer", "--codec", codec.info.name, "--data", data.name),
        licence=licence,
    )
    write_report(out, told, quantizer)
    if report is not None:
        last = uses[-1]
        report(
            f"held out: {levels} levels leave {last.left:.3f} of the latents' variance; {last.used} of {entries} "
            f"entries of the last level are used (perplexity {last.perplexity:.0f})"
        )
    return quantizer


@torch.no_grad()
def measure(quantizer: ResidualQuantizer, latents: Latents) -> list[LevelUse]:
    """``LevelUse`` of each level, in their order, on ``latents``."""
    levels, entries = quantizer.entries.shape[:2]
    left, whole = torch.zeros(levels, dtype=torch.float64), 0.0
    counts = torch.zeros(levels, entries, dtype=torch.int64)
    for piece in torch.split(latents.frames, PIECE):
        codes = quantizer.quantize(piece.float().T[None])[0]
        rows = quantizer.turned(piece.float())
        whole += float(rows.double().square().sum())
        for level in range(levels):
            rows = rows - quantizer.codebook(level)[codes[level]]
            left[level] += rows.double().square().sum()
            counts[level] += torch.bincount(codes[level], minlength=entries)
    shares = counts.double() / counts.sum(1, keepdim=True)
    bits = -(shares * shares.clamp(min=1e-300).log2()).sum(1)
    return [
        LevelUse(float(left[i]) / max(whole, 1e-12), float(2 ** bits[i]), int((counts[i] > 0).sum()))
        for i in range(levels)
    ]
