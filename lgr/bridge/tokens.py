"""Bridges that say codes, not latents: all levels in one pass, or some levels after the other.

Both take the codebooks of the codec's quantizer, ``(levels, entries, latent_dim)``, whose entries add up to latents
(``level_codebooks`` reads them off any codec): what is said is what these codes dequantise to.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from lgr.bridge.base import Batch, Bridge, by_windows
from lgr.bridge.config import BridgeConfig
from lgr.bridge.encoder import Encoder


class CodeBridge(Bridge):
    """What the two share: logits of every level, codes that add up.

    Attributes
    ----------
    codebooks : (levels, entries, latent_dim), normalised as latents are; the first level's have the mean taken away
    """

    codebooks: Tensor
    temperature = 1.0

    def __init__(self, config: BridgeConfig, settings: int) -> None:
        super().__init__(config)
        self.register_buffer("codebooks", torch.zeros(config.levels, config.entries, config.latent_dim))
        self.encoder = Encoder(config, config.latent_dim, config.levels * config.entries, settings, timed=False)

    def logits(self, x: Tensor, setting: Tensor) -> Tensor:
        """``(batch, frames, levels, entries)``."""
        return by_windows(self.encoder, self.config.context, x, setting).unflatten(2, (self.config.levels, -1))

    def added(self, codes: Tensor, first: int) -> Tensor:
        """What codes ``(batch, frames, n)`` of the levels from ``first`` on say: ``(batch, frames, latent_dim)``."""
        found = [self.codebooks[first + i][codes[..., i]] for i in range(codes.shape[-1])]
        return torch.stack(found).sum(0)

    def cross_entropy(self, batch: Batch, x: Tensor, setting: Tensor, wanted: Tensor) -> Tensor:
        """Nats a code, over the levels that are ``wanted``, ``(batch, levels)`` bool."""
        logits = self.encoder(x, setting, known=batch.known).unflatten(2, (self.config.levels, -1))
        nats = F.cross_entropy(logits.movedim(3, 1), batch.codes.transpose(1, 2), reduction="none")
        counted = batch.known[:, :, None] & wanted[:, None]
        return (nats * counted).sum() / counted.sum().clamp(min=1)


class TokenBridge(CodeBridge):
    """One pass to the most probable codes of all levels that are not given: paper 002's discrete one-step regression."""

    kind = "tokens"

    def __init__(self, config: BridgeConfig) -> None:
        super().__init__(config, config.most_given)

    def bridged(self, x: Tensor, setting: Tensor, steps: int | None, generator: torch.Generator) -> Tensor:
        given = int(setting[0]) + 1
        return x + self.added(self.logits(x, setting)[:, :, given:].argmax(3), given)

    def loss(self, batch: Batch, generator: torch.Generator) -> Tensor:
        wanted = torch.arange(self.config.levels, device=batch.fine.device) > batch.setting[:, None]
        return self.cross_entropy(batch, batch.coarse, batch.setting, wanted)


class CoarseToFineBridge(CodeBridge):
    """Level after level, each drawn given all before it, ``a_pass`` of them at a time (paper 002's coarse-to-fine)."""

    kind = "coarse-to-fine"

    def __init__(self, config: BridgeConfig) -> None:
        super().__init__(config, config.levels)

    def bridged(self, x: Tensor, setting: Tensor, steps: int | None, generator: torch.Generator) -> Tensor:
        for first in range(int(setting[0]) + 1, self.config.levels, self.config.a_pass):
            level = torch.full_like(setting, first - 1)
            logits = self.logits(x, level)[:, :, first : first + self.config.a_pass]
            if self.temperature > 0:
                chances = torch.softmax(logits.double() / self.temperature, -1)
                codes = torch.multinomial(chances.flatten(0, -2), 1, generator=generator).view(logits.shape[:-1])
            else:
                codes = logits.argmax(-1)
            x = x + self.added(codes, first)
        return x

    def loss(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Of the pass after a drawn number of levels, whose codes are the true ones."""
        c = self.config
        passes = -(-(c.levels - c.given) // c.a_pass)
        drawn = torch.randint(passes, (len(batch.fine),), generator=generator).to(batch.fine.device)
        known_levels = c.given + drawn * c.a_pass
        at = torch.arange(c.levels, device=batch.fine.device)
        wanted = (at >= known_levels[:, None]) & (at < known_levels[:, None] + c.a_pass)
        x = torch.stack([self.added(batch.codes[i, :n].T, 0) for i, n in enumerate(known_levels.tolist())])
        return self.cross_entropy(batch, x, known_levels - 1, wanted)
