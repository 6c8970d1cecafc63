"""What all bridges share: coarse latents in, finer latents out, at any length.

Latents go in and come out as the codec has them, ``(batch, latent_dim, frames)``. Inside, they are ``(batch, frames,
latent_dim)``, of mean 0 and turned so that distances are what is heard (``lgr.models.heard``), with a mean variance of
1 over the training material.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from lgr.bridge.config import BridgeConfig
from lgr.errors import ArgumentError, ShapeError

WINDOW = 512  # frames that are worked on at a time, besides the context to either side


class Bridge(nn.Module, ABC):
    """Coarse latents to latents. ``bridge(coarse, given=1)``; a subclass says how.

    Attributes
    ----------
    mean : (latent_dim,), of the codec's latents
    turn, back : (latent_dim, latent_dim), see ``lgr.models.heard.turning``
    """

    kind: ClassVar[str]
    most_steps: ClassVar[int] = 1  # evaluations of the network that can be asked for
    fingerprint: str = ""  # of its weights, where they are from a folder
    mean: Tensor
    turn: Tensor
    back: Tensor

    def __init__(self, config: BridgeConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("mean", torch.zeros(config.latent_dim))
        self.register_buffer("turn", torch.eye(config.latent_dim))
        self.register_buffer("back", torch.eye(config.latent_dim))

    @torch.no_grad()
    def forward(
        self,
        coarse: Tensor,
        *,
        given: int | None = None,
        steps: int | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """What the decoder wants, made from what coarse codes say.

        Parameters
        ----------
        coarse : (batch, latent_dim, frames), dequantised from the first ``given`` levels of the codec's quantizer
        given : by default the config's
        steps : evaluations of the network; by default, and where a kind has no choice, the kind's own
        generator : of the draws, which all items share, so that equal lanes of a sound stay equal; None draws as a
            fresh one of seed 0 would

        Returns
        -------
        latents, shaped as ``coarse``

        Raises
        ------
        ShapeError : other latents than the codec's
        ArgumentError : latents that are no numbers, more levels than were trained, steps out of range
        """
        given = self.config.given if given is None else given
        self.check(coarse, given, steps)
        if coarse.shape[2] == 0:
            return coarse
        generator = torch.Generator(coarse.device).manual_seed(0) if generator is None else generator
        dtype = self.mean.dtype
        x = (coarse.to(self.mean).transpose(1, 2) - self.mean) @ self.turn
        setting = torch.full((len(x),), given - 1, device=x.device)
        found = self.bridged(x, setting, steps, generator).to(dtype)
        return (found @ self.back + self.mean).transpose(1, 2).to(coarse)

    def check(self, coarse: Tensor, given: int, steps: int | None) -> None:
        """Raise what ``forward`` does, before anything is worked out."""
        c = self.config
        if coarse.ndim != 3 or coarse.shape[1] != c.latent_dim:
            raise ShapeError(f"coarse must be (batch, {c.latent_dim}, frames), got {tuple(coarse.shape)}")
        if not bool(torch.isfinite(coarse).all()):
            raise ArgumentError("coarse must be finite numbers, got NaN or infinity")
        self.check_settings(given, steps)

    def check_settings(self, given: int | None, steps: int | None) -> None:
        """Raise ``ArgumentError`` for more levels than were trained, or steps out of range; None is the default."""
        most = self.config.most_given
        if given is not None and not 1 <= given <= most:
            raise ArgumentError(f"levels must be in [1, {most}] for this bridge, got {given}")
        if steps is not None and not 1 <= steps <= self.most_steps:
            raise ArgumentError(f"steps must be in [1, {self.most_steps}] for a {self.kind} bridge, got {steps}")

    @abstractmethod
    def bridged(self, x: Tensor, setting: Tensor, steps: int | None, generator: torch.Generator) -> Tensor:
        """``x`` (batch, frames, latent_dim), turned, to as much; ``setting`` (batch,) is ``given - 1``."""

    @abstractmethod
    def loss(self, batch: "Batch", generator: torch.Generator) -> Tensor:
        """What training minimises."""


@dataclass(frozen=True)
class Batch:
    """What a bridge learns from, turned.

    Attributes
    ----------
    fine : (batch, frames, latent_dim), as the encoder says
    coarse : (batch, frames, latent_dim), of the first ``given`` levels
    codes : (batch, levels, frames) int64
    setting : (batch,) int64, ``given - 1``
    known : (batch, frames) bool, False for padding
    """

    fine: Tensor
    coarse: Tensor
    codes: Tensor
    setting: Tensor
    known: Tensor

    def to(self, device: str) -> "Batch":
        """The same elsewhere."""
        return Batch(*(x.to(device) for x in (self.fine, self.coarse, self.codes, self.setting, self.known)))

    def mean(self, error: Tensor) -> Tensor:
        """The mean of ``error`` (batch, frames, ...) over frames that are no padding."""
        return error.flatten(2).mean(2)[self.known].mean()


def by_windows(network: Callable[..., Tensor], context: int, x: Tensor, *settings: Tensor) -> Tensor:
    """``network(x, *settings)`` by windows, each with the ``context`` frames around it: the same, in less memory."""
    frames = x.shape[1]
    if frames <= WINDOW + 2 * context:
        return network(x, *settings)
    pieces = []
    for start in range(0, frames, WINDOW):
        first, last = max(0, start - context), min(frames, start + WINDOW + context)
        pieces.append(network(x[:, first:last], *settings)[:, start - first :][:, :WINDOW])
    return torch.cat(pieces, 1)
