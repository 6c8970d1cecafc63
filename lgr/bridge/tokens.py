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

LEVELS_A_STEP = 3  # that one step of training asks for


class CodeBridge(Bridge):
    """What the two share: logits of every level, codes that add up.

    Attributes
    ----------
    codebooks : (levels, entries, latent_dim), turned as latents are; the first level's have the mean taken away
    """

    codebooks: Tensor
    temperature = 1.0

    def __init__(self, config: BridgeConfig, settings: int) -> None:
        super().__init__(config)
        self.register_buffer("codebooks", torch.zeros(config.levels, config.entries, config.latent_dim))
        self.encoder = Encoder(config, config.latent_dim, config.levels * config.entries, settings, timed=False)

    def logits(self, hidden: Tensor, first: int, last: int) -> Tensor:
        """Of the levels from ``first`` to before ``last``: ``(batch, frames, levels, entries)``."""
        rows = slice(first * self.config.entries, last * self.config.entries)
        write = self.encoder.write
        return F.linear(hidden, write.weight[rows], write.bias[rows]).view(*hidden.shape[:-1], last - first, -1)

    def hidden(self, x: Tensor, setting: Tensor) -> Tensor:
        """Of a whole sound: ``(batch, frames, width)``."""
        return by_windows(self.encoder.hidden, self.config.context, x, setting)

    def added(self, codes: Tensor, first: int) -> Tensor:
        """What codes ``(batch, frames, n)`` of the levels from ``first`` on say: ``(batch, frames, latent_dim)``."""
        found = [self.codebooks[first + i][codes[..., i]] for i in range(codes.shape[-1])]
        return torch.stack(found).sum(0)

    def cross_entropy(self, hidden: Tensor, batch: Batch, levels: list[tuple[int, Tensor]]) -> Tensor:
        """Nats a code, of levels each with the items of the batch, ``(n,)``, whose codes are asked for."""
        nats, count = torch.zeros((), device=hidden.device), torch.zeros((), device=hidden.device)
        for level, items in levels:
            known = batch.known[items]
            logits = self.logits(hidden[items][known], level, level + 1)[..., 0, :]
            nats = nats + F.cross_entropy(logits.float(), batch.codes[items, level][known], reduction="sum")
            count = count + known.sum()
        return nats / count.clamp(min=1)


class TokenBridge(CodeBridge):
    """One pass to the likeliest codes of all levels that are not given: paper 002's discrete one-step regression."""

    kind = "tokens"

    def __init__(self, config: BridgeConfig) -> None:
        super().__init__(config, config.most_given)

    def bridged(self, x: Tensor, setting: Tensor, steps: int | None, generator: torch.Generator) -> Tensor:
        hidden, found = self.hidden(x, setting), x
        for level in range(int(setting[0]) + 1, self.config.levels):
            found = found + self.added(self.logits(hidden, level, level + 1).argmax(3), level)
        return found

    def loss(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Over ``LEVELS_A_STEP`` drawn levels: on the mean as over all, in less time."""
        order = torch.randperm(self.config.levels - 1, generator=generator)[:LEVELS_A_STEP] + 1
        asked = [(level, torch.nonzero(batch.setting < level)[:, 0]) for level in order.tolist()]
        return self.cross_entropy(self.encoder.hidden(batch.coarse, batch.setting, known=batch.known), batch, asked)


class CoarseToFineBridge(CodeBridge):
    """Level after level, each drawn given all before it, ``a_pass`` of them at a time (paper 002's coarse-to-fine)."""

    kind = "coarse-to-fine"

    def __init__(self, config: BridgeConfig) -> None:
        super().__init__(config, config.levels)

    def bridged(self, x: Tensor, setting: Tensor, steps: int | None, generator: torch.Generator) -> Tensor:
        c = self.config
        for first in range(int(setting[0]) + 1, c.levels, c.a_pass):
            last = min(first + c.a_pass, c.levels)
            logits = self.logits(self.hidden(x, torch.full_like(setting, first - 1)), first, last)
            if self.temperature > 0:  # the largest of logits and Gumbel's noise is a draw from their softmax
                uniform = torch.rand(logits.shape[1:], generator=generator, device=x.device).clamp(min=1e-20)
                logits = logits / self.temperature - torch.log(-torch.log(uniform))
            x = x + self.added(logits.argmax(-1), first)
        return x

    def loss(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Of the pass after a drawn number of levels, whose codes are the true ones."""
        c = self.config
        drawn = torch.randint(-(-(c.levels - c.given) // c.a_pass), (len(batch.fine),), generator=generator)
        firsts = (c.given + drawn * c.a_pass).to(batch.fine.device)
        x = torch.stack([self.added(batch.codes[i, :n].T, 0) for i, n in enumerate(firsts.tolist())])
        asked = []
        for first in sorted(set(firsts.tolist())):
            items = torch.nonzero(firsts == first)[:, 0]
            asked += [(level, items) for level in range(first, min(first + c.a_pass, c.levels))]
        return self.cross_entropy(self.encoder.hidden(x, firsts - 1, known=batch.known), batch, asked)
