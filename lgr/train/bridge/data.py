"""What bridges learn from: crops of latents with their codes, turned."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from lgr.bridge.base import Batch
from lgr.bridge.codebooks import level_codebooks
from lgr.bridge.config import BridgeConfig
from lgr.codecs.base import DiscreteCodec, heard_form
from lgr.models.heard import turning
from lgr.progress import Progress
from lgr.train.bridge.config import BridgeTrainConfig
from lgr.train.latents import Latents

PIECE = 8192  # frames that are quantised at a time


@dataclass(frozen=True)
class Pairs:
    """Latents, their codes, and what the codes' entries add up to.

    Attributes
    ----------
    codes : (frames, levels) int16
    codebooks : (levels, entries, latent_dim), turned, with the mean taken from the first level's
    mean, turn, back : of the latents that train, see ``Bridge``
    """

    latents: Latents
    codes: Tensor
    codebooks: Tensor
    mean: Tensor
    turn: Tensor
    back: Tensor

    def batch(self, crops: list[tuple[int, int]], given: Tensor, crop_frames: int) -> Batch:
        """The crops (first frame, frames), each given so many levels, ``(batch,)``."""
        size = self.latents.frames.shape[1]
        fine = torch.zeros(len(crops), crop_frames, size)
        codes = torch.zeros(len(crops), crop_frames, self.codes.shape[1], dtype=torch.int64)
        known = torch.zeros(len(crops), crop_frames, dtype=torch.bool)
        for i, (start, length) in enumerate(crops):
            fine[i, :length] = (self.latents.frames[start : start + length].float() - self.mean) @ self.turn
            codes[i, :length] = self.codes[start : start + length].long()
            known[i, :length] = True
        coarse = torch.zeros_like(fine)
        for level in range(int(given.max())):
            says = self.codebooks[level][codes[..., level]]
            coarse += says * (level < given)[:, None, None]
        return Batch(fine, coarse, codes.transpose(1, 2), given - 1, known)


def pairs_of(latents: Latents, codec: DiscreteCodec, like: Pairs | None, progress: Progress) -> Pairs:
    """Quantise ``latents``; turned as ``like`` is, the training material, None where this is it."""
    pieces = torch.split(latents.frames, PIECE)
    codes = []
    for i, piece in enumerate(pieces):
        progress("quantising", i, len(pieces))
        codes.append(codec.quantize(piece.float().T[None])[0].T.to(torch.int16))
    if like is not None:
        return replace(like, latents=latents, codes=torch.cat(codes))
    frames = latents.frames.float()
    mean = frames.mean(0)
    form = heard_form(codec)
    turn, back = turning(torch.eye(len(mean)) if form is None else form, torch.cov(frames.T))
    codebooks = level_codebooks(codec)
    codebooks[0] -= mean
    return Pairs(latents, torch.cat(codes), codebooks @ turn, mean, turn, back)


def draw(pairs: Pairs, network: BridgeConfig, config: BridgeTrainConfig, generator: torch.Generator) -> Batch:
    """A batch: crops drawn, most given ``network.given`` levels, some more, up to ``most_given``."""
    crops = pairs.latents.draw(config.batch_size, config.crop_frames, generator)
    given = torch.full((config.batch_size,), network.given)
    more = torch.randint(network.given, network.most_given + 1, given.shape, generator=generator)
    given = torch.where(torch.rand(given.shape, generator=generator) < config.more_given, more, given)
    return pairs.batch(crops, given, config.crop_frames)
