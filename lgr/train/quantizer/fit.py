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
from lgr.models.rvq import ENTRIES, LEVELS, PIECE, ResidualQuantizer, nearest
from lgr.progress import Progress, silent
from lgr.train.latents import Latents


@dataclass(frozen=True, kw_only=True)
class QuantizerTrainConfig:
    """The recipe."""

    frames: int = 1 << 17  # that are drawn from the material, categories alike
    crop_frames: int = 64  # of a recording, at a time
    steps: int = 150  # of each level
    batch_size: int = 8192  # frames in a step
    keep: float = 0.95  # of the averages, a step
    fewest: float = 0.5  # rows a step, on the mean, below which an entry begins again
    settle: float = 0.2  # share of the steps, at the end, in which no entry begins again
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("frames", "crop_frames", "steps", "batch_size"):
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
    draws = torch.Generator().manual_seed(config.seed)
    crops = latents.draw(-(-config.frames // config.crop_frames), config.crop_frames, draws)
    rows = quantizer.turned(torch.cat([latents.frames[start : start + n].float() for start, n in crops]))
    for level in range(levels):
        book: Tensor | None = None
        count = sums = torch.zeros(())
        for step in range(config.steps):
            progress("fitting", level * config.steps + step, levels * config.steps)
            batch = rows[torch.randint(len(rows), (config.batch_size,), generator=draws)]
            fresh = batch[torch.randint(len(batch), (entries,), generator=draws)]
            if book is None:
                book, count, sums = fresh.clone(), torch.ones(entries), fresh.clone()
            found = nearest(batch, book)
            count = config.keep * count + (1 - config.keep) * torch.bincount(found, minlength=entries)
            sums = config.keep * sums + (1 - config.keep) * torch.zeros_like(book).index_add_(0, found, batch)
            book = sums / count[:, None].clamp(min=1e-6)
            dead = count < config.fewest
            if step < (1 - config.settle) * config.steps:
                book[dead], sums[dead], count[dead] = fresh[dead], fresh[dead], 1.0
        assert book is not None
        quantizer.set_codebook(level, book)
        known = quantizer.codebook(level)
        rows = torch.cat([piece - known[nearest(piece, known)] for piece in torch.split(rows, PIECE)])
    return quantizer
