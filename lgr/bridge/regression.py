"""One pass to the continuous latents: what, on the mean, belongs to these codes (paper 002's one-step regression)."""

import torch
from torch import Tensor

from lgr.bridge.base import Batch, Bridge, by_windows
from lgr.bridge.config import BridgeConfig
from lgr.bridge.encoder import Encoder


class RegressionBridge(Bridge):
    """Minimises the squared error: so it says the mean of all that is possible, which is duller than any of it."""

    kind = "regression"

    def __init__(self, config: BridgeConfig) -> None:
        super().__init__(config)
        self.encoder = Encoder(config, config.latent_dim, config.latent_dim, config.most_given, timed=False)

    def bridged(self, x: Tensor, setting: Tensor, steps: int | None, generator: torch.Generator) -> Tensor:
        return x + by_windows(self.encoder, self.config.context, x, setting)

    def loss(self, batch: Batch, generator: torch.Generator) -> Tensor:
        out = batch.coarse + self.encoder(batch.coarse, batch.setting, known=batch.known)
        return batch.mean((out - batch.fine).square())
