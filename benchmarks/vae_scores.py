"""How reconstructions are measured, and how figures are summed up and printed.

Paper 001 names "spectrogram reconstruction scores", RMSE and LSD, and defines neither the spectrograms nor the sums.
Here, of magnitudes ``A`` (reference) and ``B`` (estimate) of one clip, Hann windows as long as a grain, hop a quarter,
plain sums over the window (so that its floor eps = 5e-3 means what it does in the loss):

- RMSE: root of the mean over bins and frames of ``(A - B)^2``
- LSD: mean over frames of the root of the mean over bins of ``(log(eps + A^2) - log(eps + B^2))^2``, natural logarithm

Their size is not comparable with the paper's; their order among models is.
"""

import importlib.util
import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.vae_held_out import HeldOutClip
from lgr.codecs.trained import TrainedCodec
from lgr.errors import ArgumentError
from lgr.losses import POWER_FLOOR, magnitudes

Score = Callable[..., dict[str, float]]
Figures = dict[str, dict[str, float]]


def load_scorer(path: Path | None) -> Score:
    """The function ``score(reference, estimate, sample_rate)`` of a Python file."""
    if path is None or not path.is_file():
        raise ArgumentError(f"--scorer must be a Python file with score(reference, estimate, sample_rate), got {path}")
    spec = importlib.util.spec_from_file_location("scorer", path)
    assert spec is not None
    assert spec.loader is not None
    scorer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(scorer)
    found: Score = scorer.score
    return found


def spectral_scores(reference: Tensor, estimate: Tensor, window_length: int) -> dict[str, float]:
    """``rmse`` and ``lsd_paper`` (see the module) of two ``(samples,)``."""
    a, b = (magnitudes(x[None].double(), window_length)[0] * (window_length / 4) for x in (reference, estimate))
    logs = torch.log(POWER_FLOOR + a.square()) - torch.log(POWER_FLOOR + b.square())
    return {"rmse": float((a - b).square().mean().sqrt()), "lsd_paper": float(logs.square().mean(1).sqrt().mean())}


def reconstruct(codec: TrainedCodec, audio: Tensor, label: str | None = None) -> Tensor:
    """``(samples,)`` through the codec, whole; silence at the end lets look-ahead finish. ``label`` where it has it."""
    padded = torch.nn.functional.pad(audio, (0, codec.info.lookahead))
    latents = codec.encode(padded[None, None])
    if label in codec.labels:
        latents = codec.condition(latents, label)
    return codec.decode(latents)[0, 0, : audio.shape[0]]


def variants(codec: TrainedCodec) -> list[tuple[str, bool]]:
    """Ways to test a model: (what to call it, whether it is told the class)."""
    if not codec.labels:
        return [(codec.info.name, False)]
    return [(f"{codec.info.name}, class told", True), (f"{codec.info.name}, class not told", False)]


def measure(
    codec: TrainedCodec, clips: Iterable[HeldOutClip], score: Score, window_length: int = 2048, *, told: bool = False
) -> list[dict[str, float]]:
    """The scorer's figures and ``spectral_scores`` of every clip."""
    rows = []
    for clip in clips:
        estimate = reconstruct(codec, clip.audio, clip.label if told else None)
        found = score(clip.audio.numpy(), estimate.numpy(), codec.info.sample_rate)
        row = {name: float(value) for name, value in found.items()}
        rows.append({**row, **spectral_scores(clip.audio, estimate, window_length)})
    return rows


def summary(rows: Sequence[dict[str, float]]) -> Figures:
    """Mean, standard deviation and median over clips of every figure, those that are not numbers left out."""
    found: Figures = {}
    for name in rows[0] if rows else ():
        values = np.array([row[name] for row in rows])
        values = values[np.isfinite(values)]
        if len(values):
            found[name] = {
                "mean": float(values.mean()),
                "sd": float(values.std(ddof=1)) if len(values) > 1 else 0.0,
                "median": float(np.median(values)),
            }
    return found


def markdown(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table; numbers as they are given in words, None as nothing."""
    lines = ["| " + " | ".join(header) + " |", "|---|" + "---:|" * (len(header) - 1)]
    lines += ["| " + " | ".join("" if cell is None else str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def number(value: float | None, digits: int = 2) -> str:
    """A number in words; nothing for None and NaN."""
    return "" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def of(figures: Figures, name: str, what: str = "median", digits: int = 2) -> str:
    """One figure of a summary in words."""
    return number(figures.get(name, {}).get(what), digits)


def plain(value: Any) -> Any:
    """For JSON: no NaN and infinity, which it does not have."""
    if isinstance(value, dict):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
