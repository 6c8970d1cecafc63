"""The learned matcher's network: a light MLP from a few consecutive latents to a timbre space.

Paper 000 leaves a learned similarity open and names a light MLP. This one reads ``context_frames`` latents, the present
one and those before it, so it is causal and its features can be streamed.

The features are ``[cepstra | contrast]``: first the mel cepstra of the frame, as well as a linear map tells them; then
numbers by which an MLP was trained to tell recordings apart (``lgr.train.embedding.steps``). The two err in different
ways, and together they do better than either. ``balance`` scales them, so that one cosine weighs both.
"""

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from lgr.errors import ArgumentError


@dataclass(frozen=True, kw_only=True)
class TimbreEmbeddingConfig:
    """Sizes of the network. ``cepstra + contrast`` is the number of features a frame."""

    latent_dim: int
    context_frames: int = 4  # latents that one frame's features read: the present one and those before it
    hidden: int = 256
    layers: int = 2  # hidden ones
    cepstra: int = 20  # mel cepstra, from the second on (the first is the level)
    contrast: int = 32  # numbers that tell recordings apart

    def __post_init__(self) -> None:
        for name, least in (
            ("latent_dim", 1),
            ("context_frames", 1),
            ("hidden", 1),
            ("layers", 1),
            ("cepstra", 1),
            ("contrast", 1),
        ):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise ArgumentError(f"{name} must be an integer >= {least}, got {value!r}")

    @property
    def feature_dim(self) -> int:
        return self.cepstra + self.contrast

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; ``TimbreEmbeddingConfig(**data)`` is the way back."""
        return asdict(self)


class TimbreEmbedding(nn.Module):
    """Latents ``(batch, latent_dim, frames)`` to features ``(batch, feature_dim, frames)``.

    Buffers
    -------
    mean, scale : (latent_dim,), what latents are standardised with
    balance : (feature_dim,), what the outputs are multiplied by
    """

    mean: Tensor
    scale: Tensor
    balance: Tensor

    def __init__(self, config: TimbreEmbeddingConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("mean", torch.zeros(config.latent_dim))
        self.register_buffer("scale", torch.ones(config.latent_dim))
        self.register_buffer("balance", torch.ones(config.feature_dim))
        self.linear = nn.Conv1d(config.latent_dim, config.cepstra, config.context_frames)
        self.first = nn.Conv1d(config.latent_dim, config.hidden, config.context_frames)
        self.others = nn.ModuleList(nn.Conv1d(config.hidden, config.hidden, 1) for _ in range(config.layers - 1))
        self.last = nn.Conv1d(config.hidden, config.contrast, 1)

    def standardised(self, latents: Tensor) -> Tensor:
        """Latents with every number of about the same size, same shape."""
        return (latents - self.mean[:, None]) / self.scale[:, None]

    def hidden(self, standardised: Tensor) -> Tensor:
        """``(batch, latent_dim, context_frames - 1 + frames)``, standardised, to ``(batch, hidden, frames)``."""
        hidden: Tensor = nn.functional.gelu(self.first(standardised))
        for layer in self.others:
            hidden = hidden + nn.functional.gelu(layer(hidden))
        return hidden

    def raw(self, standardised: Tensor) -> Tensor:
        """The outputs before ``balance``: ``(batch, feature_dim, frames)``."""
        return torch.cat([self.linear(standardised), self.last(self.hidden(standardised))], 1)

    def forward(self, latents: Tensor, before: Tensor | None = None) -> Tensor:
        """Features of ``latents``.

        Parameters
        ----------
        latents : (batch, latent_dim, frames)
        before : (batch, latent_dim, context_frames - 1), the latents that precede them; None at the beginning of a
            sound, where the first latent stands for what was before
        """
        if before is None:
            before = latents[..., :1].expand(-1, -1, self.config.context_frames - 1)
        return self.raw(self.standardised(torch.cat([before, latents], 2))) * self.balance[:, None]
