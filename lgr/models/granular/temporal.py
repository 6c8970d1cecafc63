"""The temporal embedding of paper 001, section 3.4: a whole series of grain latents as one vector ``e``.

A recurrent encoder reads a series ``(batch, frames, latent_dim)`` of grain latents and gives ``q(e)``; a recurrent
decoder plays a series out of ``e``. Drawing ``e`` gives a one-shot, a drum's or a note, and moving ``e``
turns one into another (5.3, figure 3). Labels condition both ends: one weight vector for the whole series.

The decoder is told the time at every step, as slow and fast sinusoids and as exponential decays from the start: a
one-shot's attack is one frame long, and a recurrent state alone would have to count its way to it.
"""

import math
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from lgr.errors import ArgumentError, check_shape
from lgr.models.grain_model import Posterior
from lgr.models.granular.encoder import ResidualDense
from lgr.models.granular.prior import EmbeddingPrior

N_CLOCKS = 8  # periods of 4 ... 512 frames, decays of 1 ... 128 frames


@dataclass(frozen=True, kw_only=True)
class TemporalConfig:
    """Sizes, JSON-round-trippable. ``embedding_dim`` is the paper's d_e, ``frames`` the length it was trained on (g).

    ``latent_dim`` and ``labels`` are the grain model's.
    """

    latent_dim: int = 96
    frames: int = 96
    embedding_dim: int = 256
    encoder_width: int = 192
    decoder_width: int = 256
    prior_rank: int = 16  # directions in which a label's draws vary, once a prior is fitted
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", tuple(self.labels))  # JSON has lists only
        for name in ("latent_dim", "frames", "embedding_dim", "encoder_width", "decoder_width", "prior_rank"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ArgumentError(f"{name} must be a whole number >= 1, got {value!r}")
        if len(set(self.labels)) != len(self.labels):
            raise ArgumentError(f"labels must be different from each other, got {self.labels}")


def clocks(frames: int) -> Tensor:
    """The time index as features, ``(frames, 3 * N_CLOCKS)``: sines, cosines and decays. A frame's do not depend on
    how many follow it.
    """
    time = torch.arange(frames, dtype=torch.float32)[:, None]
    scale = 2.0 ** torch.arange(N_CLOCKS)
    phase = time * (2 * math.pi / 4) / scale
    return torch.cat([torch.sin(phase), torch.cos(phase), torch.exp(-time / scale)], 1)


class TemporalVAE(nn.Module):
    """Series of grain latents to an embedding and back. Both ends speak the grain model's latents as they are:
    the corpus' mean and standard deviation are buffers, saved with the weights, 0 and 1 until they are set.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, config: TemporalConfig) -> None:
        super().__init__()
        self.config = c = config
        n_labels = len(c.labels)
        self.register_buffer("mean", torch.zeros(c.latent_dim))
        self.register_buffer("std", torch.ones(c.latent_dim))
        self.prior = EmbeddingPrior(n_labels, c.embedding_dim, c.prior_rank)
        self.reader = nn.GRU(c.latent_dim + n_labels, c.encoder_width, batch_first=True)
        self.to_posterior = nn.Linear(2 * c.encoder_width, 2 * c.embedding_dim)
        nn.init.constant_(self.to_posterior.bias[c.embedding_dim :], -3.0)  # begin nearly deterministic
        self.start = nn.Linear(c.embedding_dim + n_labels, c.decoder_width)
        self.player = nn.GRU(c.embedding_dim + n_labels + 3 * N_CLOCKS, c.decoder_width, batch_first=True)
        self.outlet = nn.Sequential(ResidualDense(c.decoder_width), nn.Linear(c.decoder_width, c.latent_dim))

    def set_statistics(self, mean: Tensor, std: Tensor) -> None:
        """Mean and standard deviation ``(latent_dim,)`` of the corpus' latents; training sets them once, first.

        A dimension that hardly varies (the VAE left it unused) is not blown up: ``std`` is held at 1e-3 or above.
        """
        size = (self.config.latent_dim,)
        check_shape("mean", mean.shape, f"(latent_dim,) {size}", mean.shape == size)
        check_shape("std", std.shape, f"(latent_dim,) {size}", std.shape == size)
        if not bool((std >= 0).all() and torch.isfinite(std).all() and torch.isfinite(mean).all()):
            raise ArgumentError("mean and std must be finite, std >= 0, got values that are not")
        self.mean.copy_(mean)
        self.std.copy_(std.clamp(min=1e-3))

    def normalise(self, series: Tensor) -> Tensor:
        """The grain model's latents ``(..., latent_dim)`` to zero mean and unit variance; training compares these."""
        return (series - self.mean) / self.std

    def denormalise(self, series: Tensor) -> Tensor:
        """The inverse of ``normalise``."""
        return series * self.std + self.mean

    def posterior(self, series: Tensor, labels: Tensor) -> Posterior:
        """``(batch, frames, latent_dim)``, label weights ``(batch, n_labels)`` to mean and log variance of ``e``,
        both ``(batch, embedding_dim)``.
        """
        size = self.config.latent_dim
        ok = series.ndim == 3 and series.shape[2] == size and series.shape[1] > 0
        check_shape("series", series.shape, f"(batch, frames >= 1, {size})", ok)
        self._check_labels(labels, series.shape[0])
        spread = labels.to(series)[:, None].expand(-1, series.shape[1], -1)
        states, last = self.reader(torch.cat([self.normalise(series), spread], 2))
        summary = torch.cat([states.mean(1), last[0]], 1)  # what was in it, and how it ended
        mean, log_variance = self.to_posterior(summary).split(self.config.embedding_dim, 1)
        return Posterior(mean, log_variance.clamp(-14.0, 4.0))

    def render(self, embedding: Tensor, labels: Tensor, frames: int) -> Tensor:
        """``(batch, embedding_dim)``, label weights ``(batch, n_labels)`` to latents ``(batch, frames, latent_dim)``.

        ``frames`` may be any number >= 1; the first ``k`` frames do not depend on how many follow.
        """
        size = self.config.embedding_dim
        check_shape(
            "embedding", embedding.shape, f"(batch, {size})", embedding.ndim == 2 and embedding.shape[1] == size
        )
        self._check_labels(labels, embedding.shape[0])
        if frames < 1:
            raise ArgumentError(f"frames must be >= 1, got {frames}")
        given = torch.cat([embedding, labels.to(embedding)], 1)
        time = clocks(frames).to(embedding).expand(given.shape[0], -1, -1)
        inputs = torch.cat([given[:, None].expand(-1, frames, -1), time], 2)
        states, _ = self.player(inputs, torch.tanh(self.start(given))[None])
        return self.denormalise(cast(Tensor, self.outlet(states)))

    def draw(self, n: int, labels: Tensor, generator: torch.Generator) -> Tensor:
        """``n`` new embeddings ``(n, embedding_dim)``; label weights ``(n, n_labels)``.

        Drawn from ``e ~ N(0, I)`` as in the paper or, once training has fitted it, from ``lgr.models.granular.prior``.

        Item ``i`` is the same however many are drawn: each takes its own draw from ``generator``.
        """
        if n < 1:
            raise ArgumentError(f"n must be >= 1, got {n}")
        draws = [torch.randn(self.config.embedding_dim, generator=generator) for _ in range(n)]
        self._check_labels(labels, n)
        return self.prior.place(torch.stack(draws).to(self.mean), labels)

    def sample(self, n: int, labels: Tensor, frames: int, generator: torch.Generator) -> Tensor:
        """``n`` new series ``(n, frames, latent_dim)``: ``draw`` rendered."""
        return self.render(self.draw(n, labels, generator), labels, frames)

    def _check_labels(self, labels: Tensor, batch: int) -> None:
        expected = (batch, len(self.config.labels))
        check_shape("labels", labels.shape, f"(batch, n_labels) {expected}", labels.shape == expected)
