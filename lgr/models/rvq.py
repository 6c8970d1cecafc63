"""Residual vector quantisation: a latent as entries of codebooks, each saying what the ones before left unsaid.

Zeghidour, Luebs, Omran, Skoglund, Tagliasacchi: SoundStream, IEEE/ACM TASLP 30, 2022, section III-C. Latents are turned
first, so that distances are what is heard (``lgr.models.heard``). Codebooks are kept in eight bits: a number for each
entry, times one for each level and dimension.
"""

import hashlib

import torch
from torch import Tensor, nn

LEVELS, ENTRIES = 8, 1024  # paper 002: 10 bits a level
PIECE = 8192  # frames at a time: what is looked through has PIECE * ENTRIES distances


class ResidualQuantizer(nn.Module):
    """Codes of latents, and latents of codes.

    Attributes
    ----------
    mean : (latent_dim,), taken from a latent
    turn, back : (latent_dim, latent_dim), what the rest is multiplied with, and the inverse
    entries : (levels, entries, latent_dim) int8
    steps : (levels, latent_dim), of the entries' numbers
    """

    mean: Tensor
    turn: Tensor
    back: Tensor
    entries: Tensor
    steps: Tensor

    def __init__(self, latent_dim: int, *, levels: int = LEVELS, entries: int = ENTRIES) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(latent_dim))
        self.register_buffer("turn", torch.eye(latent_dim))
        self.register_buffer("back", torch.eye(latent_dim))
        self.register_buffer("entries", torch.zeros(levels, entries, latent_dim, dtype=torch.int8))
        self.register_buffer("steps", torch.ones(levels, latent_dim))

    def fingerprint(self) -> str:
        """16 hexadecimal digits that tell quantizers apart: codes of one mean nothing to another."""
        digest = hashlib.sha256()
        for name, value in sorted(self.state_dict().items()):
            digest.update(f"{name}{tuple(value.shape)}".encode() + value.cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()[:16]

    def codebook(self, level: int) -> Tensor:
        """``(entries, latent_dim)``, of turned latents."""
        return self.entries[level].to(self.steps.dtype) * self.steps[level]

    def set_codebook(self, level: int, rows: Tensor) -> None:
        """Keep ``rows`` (entries, latent_dim) as the codebook of a level, in eight bits."""
        steps = rows.abs().amax(0).clamp(min=1e-8) / 127
        self.steps[level] = steps
        self.entries[level] = (rows / steps).round().to(torch.int8)

    @torch.no_grad()
    def quantize(self, latents: Tensor) -> Tensor:
        """``(batch, latent_dim, frames)`` to int64 codes ``(batch, levels, frames)``: level by level the nearest."""
        batch, size, frames = latents.shape
        rows = self.turned(latents.to(self.mean).transpose(1, 2).reshape(-1, size))
        codes = torch.cat([self._codes(piece) for piece in torch.split(rows, PIECE)])
        return codes.view(batch, frames, -1).transpose(1, 2).to(latents.device)

    @torch.no_grad()
    def dequantize(self, codes: Tensor) -> Tensor:
        """``(batch, 1 to levels, frames)`` to ``(batch, latent_dim, frames)``."""
        rows = torch.zeros(codes.shape[0], codes.shape[2], len(self.mean), dtype=self.mean.dtype)
        for level in range(codes.shape[1]):
            rows += self.codebook(level)[codes[:, level].to(self.mean.device)]
        return (rows @ self.back + self.mean).transpose(1, 2).to(codes.device)

    def turned(self, rows: Tensor) -> Tensor:
        """Latents ``(n, latent_dim)`` as distances are taken of them."""
        return (rows - self.mean) @ self.turn

    def _codes(self, rows: Tensor) -> Tensor:
        """``(n, latent_dim)``, normalised, to ``(n, levels)``."""
        codes = []
        for level in range(len(self.entries)):
            book = self.codebook(level)
            found = nearest(rows, book)
            rows = rows - book[found]
            codes.append(found)
        return torch.stack(codes, 1)


def nearest(rows: Tensor, book: Tensor) -> Tensor:
    """The entry of ``book`` (entries, size) that is nearest to each of ``rows`` (n, size): ``(n,)`` int64."""
    return (book.square().sum(1) - 2 * rows @ book.T).argmin(1)
