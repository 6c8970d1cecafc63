"""What every trainable grain model is: a variational autoencoder whose latent vector decodes to one atom of audio.

Tensors inside models are ``(batch, samples)`` and ``(batch, frames, size)``; the codec around them
(``lgr.codecs.trained``) turns these into the protocol's shapes. A model is conditioned on *label weights*, one number a
label in [0, 1], at every frame: one-hot as in paper 001 (eq. 10), all zeros for "unknown" (training hides the label of
some clips, so every model also works without), anything between on the way from one label to another.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from lgr.errors import ArgumentError


@dataclass(frozen=True, kw_only=True)
class GrainModelConfig:
    """Sizes that every model has. Each model's own config adds to them, JSON-round-trippable.

    ``hop_length`` is the audio that one latent vector stands for, in samples at ``sample_rate``.
    """

    sample_rate: int = 24000
    hop_length: int = 256
    latent_dim: int = 96
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", tuple(self.labels))  # JSON has lists only
        for name in ("sample_rate", "hop_length", "latent_dim"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ArgumentError(f"{name} must be a whole number >= 1, got {value!r}")
        if len(set(self.labels)) != len(self.labels):
            raise ArgumentError(f"labels must be different from each other, got {self.labels}")


class Posterior(NamedTuple):
    """``N(mean, exp(log_variance))`` of every latent: both ``(batch, frames, latent_dim)``."""

    mean: Tensor
    log_variance: Tensor

    def sample(self, generator: torch.Generator) -> Tensor:
        """``mean + eps * sigma`` (paper 001, eq. 6; paper 003 prints sigma squared, which is not the density's)."""
        noise = torch.randn(self.mean.shape, generator=generator).to(self.mean)
        return self.mean + noise * torch.exp(0.5 * self.log_variance)


class GrainModel(nn.Module, ABC):
    """A trainable model of grains. ``causal`` and ``lookahead`` (samples) are those of ``CodecInfo``.

    ``generates``: a latent that is held goes on sounding, see ``lgr.codecs.base.generates``.
    """

    config: GrainModelConfig
    causal: bool
    lookahead: int
    generates: bool = False
    controls: Mapping[str, str] = MappingProxyType({})  # what ``steered`` can move, and in which unit

    def steered(self, latents: Tensor, control: str, amounts: Tensor) -> Tensor:
        """Latents ``(batch, frames, latent_dim)`` with one of ``controls`` moved by ``amounts``, ``(frames,)``."""
        raise NotImplementedError(f"{type(self).__name__} has no control {control}")

    @abstractmethod
    def posterior(self, audio: Tensor) -> Posterior:
        """``(batch, samples)`` of any length >= 1 to ``ceil(samples / hop_length)`` frames; differentiable."""

    @abstractmethod
    def render(self, latents: Tensor, labels: Tensor, *, seeds: Sequence[int], first_frame: int = 0) -> Tensor:
        """``(batch, frames, latent_dim)`` to ``(batch, frames * hop_length)``; differentiable.

        Parameters
        ----------
        labels : (batch, frames, n_labels), label weights; ``n_labels`` may be 0
        seeds : one a batch item, of its noise, which is a function of the seed and the absolute frame
        first_frame : absolute index of the first frame
        """

    def features(self, latents: Tensor) -> Tensor:
        """What matching reads: ``(batch, frames, latent_dim)`` to ``(batch, frames, n_features)``, frame by frame."""
        return latents

    def heard_form(self) -> Tensor | None:
        """How far apart latents sound (``lgr.models.heard``), ``(latent_dim, latent_dim)``; None: all count alike."""
        return None

    def objective(
        self, audio: Tensor, latents: Tensor, labels: Tensor, generator: torch.Generator | None = None
    ) -> dict[str, Tensor]:
        """Reconstruction terms of a model that is not trained on the audio it renders: none here.

        Parameters
        ----------
        audio : (batch, samples), and ``latents`` of it, (batch, frames, latent_dim)
        labels : (batch, n_labels)
        generator : of what training draws in a step; None in a test
        """
        return {}

    @abstractmethod
    def encode_step(self, state: Any, audio: Tensor, *, flush: bool = False) -> tuple[Any, Tensor]:
        """Means of the frames that are now complete. The fold over any chunking equals ``posterior(whole).mean``.

        State is a value: None starts a stream, it is never mutated. ``flush`` marks the last chunk, maybe empty.
        """

    @abstractmethod
    def decode_step(
        self, state: Any, latents: Tensor, labels: Tensor, *, seed: int, flush: bool = False
    ) -> tuple[Any, Tensor]:
        """Audio that is now complete; the fold equals ``render(whole, ..., seeds=[seed] * batch)``."""
