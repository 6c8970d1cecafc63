"""Fitting codebooks to latents that stay as they are: level after level, by k-means in batches.

A level begins as rows drawn from the material, is improved by exponential moving averages of what is nearest to each
entry (van den Oord et al. 2017, appendix A.1), and entries that nothing is near to begin again as rows of the batch
(Zeghidour et al. 2022). Quantiser dropout, which teaches a decoder to live with fewer levels, has nothing to teach
here: the decoder is not trained, and a level is fitted and rounded before the next begins.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from lgr.errors import ArgumentError
from lgr.models.heard import turning
from lgr.models.rvq import ENTRIES, LEVELS, ResidualQuantizer, nearest
from lgr.progress import Progress, silent
from lgr.train.latents import Latents


@dataclass(frozen=True, kw_only=True)
class QuantizerTrainConfig:
    """The recipe."""

    steps: int = 300  # of each level
    crops: int = 128  # in a step
    crop_frames: int = 64
    keep: float = 0.95  # of the averages, a step
    fewest: float = 0.5  # rows a step, on the mean, below which an entry begins again
    settle: float = 0.2  # share of the steps, at the end, in which no entry begins again
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "crops", "crop_frames"):
            if getattr(self, name) < 1:
                raise ArgumentError(f"{name} must be >= 1, got {getattr(self, name)}")
        if not 0 <= self.settle <= 1:
            raise ArgumentError(f"settle must be from 0 to 1, got {self.settle}")
        if not 0 < self.keep < 1:
            raise ArgumentError(f"keep must be above 0 and below 1, got {self.keep}")


def fit_quantizer(
    latents: Latents,
    config: QuantizerTrainConfig,
    *,
    form: Tensor | None = None,
    levels: int = LEVELS,
    entries: int = ENTRIES,
    progress: Progress = silent,
) -> ResidualQuantizer:
    """A quantizer of ``latents``.

    Parameters
    ----------
    form : how far apart latents sound (``lgr.models.heard``); None: their plain distance
    """
    quantizer = ResidualQuantizer(latents.frames.shape[1], levels=levels, entries=entries)
    frames = latents.frames.float()
    quantizer.mean.copy_(frames.mean(0))
    if form is not None:
        quantizer.turn, quantizer.back = turning(form, torch.cov(frames.T))
    for level in range(levels):
        book: Tensor | None = None
        count = sums = torch.zeros(())
        for step in range(config.steps):
            progress("fitting", level * config.steps + step, levels * config.steps)
            generator = torch.Generator().manual_seed((config.seed * 1_000_003 + level) * 1_000_003 + step)
            crops = latents.draw(config.crops, config.crop_frames, generator)
            rows = torch.cat([latents.frames[start : start + n].float() for start, n in crops])
            rows = quantizer.turned(rows)
            for before in range(level):
                known = quantizer.codebook(before)
                rows = rows - known[nearest(rows, known)]
            drawn = torch.randint(len(rows), (entries,), generator=generator)
            if book is None:
                book = rows[drawn].clone()
                count, sums = torch.ones(entries), book.clone()
            found = nearest(rows, book)
            count = config.keep * count + (1 - config.keep) * torch.bincount(found, minlength=entries)
            sums = config.keep * sums + (1 - config.keep) * torch.zeros_like(book).index_add_(0, found, rows)
            book = sums / count[:, None].clamp(min=1e-6)
            dead = count < config.fewest
            if step < (1 - config.settle) * config.steps:
                book[dead], sums[dead], count[dead] = rows[drawn[dead]], rows[drawn[dead]], 1.0
        assert book is not None
        quantizer.set_codebook(level, book)
    return quantizer
