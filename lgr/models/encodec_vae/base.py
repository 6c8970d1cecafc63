"""EnCodec without its quantiser, as a VAE of audio textures (paper 003, 4.4): what its two kinds share.

SEANet reads audio frame by frame, purely causal, and SEANet plays it. Here are the networks, the cutting of a stream
into whole hops, the counting of frames and the checks; ``seanet_vae.py`` and ``linear_path_vae.py`` say what a hop
becomes, and what becomes of a latent.

The paper's weight of the KL term, 30, belongs to a normalisation of its terms that it does not print. With a relative
L1 of weight .5 (``lgr.losses.reconstruction_terms``) and ``beta`` a nat of a latent vector, equal slopes of the two
give a sampling noise of about ``2 * beta * latent_dim * error`` of the sound's energy, ``error`` being that L1
(docs/results.md has figures).
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from lgr.errors import ArgumentError, check_shape
from lgr.models.encodec_vae.config import EncodecVAEConfig
from lgr.models.encodec_vae.seanet import seanet_decoder, seanet_encoder
from lgr.models.grain_model import GrainModel, Posterior

LOG_VARIANCE_RANGE = (-18.0, 4.0)  # what the KL term and exp() can bear


class EncodeState(NamedTuple):
    """``pending``: samples ``(batch, less than hop_length)`` of a hop not yet whole; ``hops``: of ``encode_hops``."""

    pending: Tensor
    hops: Any


class DecodeState(NamedTuple):
    """``frame``: absolute index of the next frame; ``frames``: of ``decode_frames``."""

    frame: int
    frames: Any


class EncodecVAE(GrainModel):
    """SEANet at both ends. ``to_mean`` is None where no part of the mean is the network's to say."""

    config: EncodecVAEConfig
    causal = True

    def __init__(self, config: EncodecVAEConfig) -> None:
        super().__init__()
        self.config = c = config
        width = 4 * c.n_filters  # EnCodec's 128 at 32 filters
        self.encoder = seanet_encoder(c.n_filters, c.strides, c.lstm_layers, width)
        self.to_mean = nn.Linear(width, c.latent_dim - c.n_kept) if c.latent_dim > c.n_kept else None
        self.to_log_variance = nn.Linear(width, c.latent_dim)
        self.decoder = seanet_decoder(
            c.latent_dim + len(c.labels), c.n_filters, c.strides, c.lstm_layers, zero=c.linear_path
        )
        nn.init.zeros_(self.to_log_variance.weight)
        nn.init.zeros_(self.to_log_variance.bias)

    @abstractmethod
    def encode_hops(self, state: Any, hops: Tensor) -> tuple[Any, Posterior]:
        """Whole hops ``(batch, frames * hop_length)``, at least one, to their frames; None begins a stream."""

    @abstractmethod
    def decode_frames(
        self, state: Any, latents: Tensor, labels: Tensor, *, seeds: Sequence[int], first_frame: int, flush: bool
    ) -> tuple[Any, Tensor]:
        """Frames, maybe none, of shapes that were checked, to the audio that is now complete; see ``render``."""

    def posterior(self, audio: Tensor) -> Posterior:
        """``(batch, samples >= 1)`` to ``ceil(samples / hop_length)`` frames; ``ShapeError`` otherwise."""
        check_shape("audio", audio.shape, "(batch, samples >= 1)", audio.ndim == 2 and audio.shape[1] > 0)
        return self._encode(None, audio, flush=True)[1]

    def encode_step(
        self, state: EncodeState | None, audio: Tensor, *, flush: bool = False
    ) -> tuple[EncodeState, Tensor]:
        check_shape("audio", audio.shape, "(batch, samples)", audio.ndim == 2)
        state, posterior = self._encode(state, audio, flush=flush)
        return state, posterior.mean

    def _encode(self, state: EncodeState | None, audio: Tensor, *, flush: bool) -> tuple[EncodeState, Posterior]:
        hop = self.config.hop_length
        pending, before = state or EncodeState(audio[:, :0], None)
        audio = torch.cat([pending, audio], 1)
        if flush:
            audio = nn.functional.pad(audio, (0, -audio.shape[1] % hop))
        whole = audio.shape[1] // hop * hop
        if whole == 0:
            none = audio.new_zeros(audio.shape[0], 0, self.config.latent_dim)
            return EncodeState(audio, before), Posterior(none, none)
        after, (mean, log_variance) = self.encode_hops(before, audio[:, :whole])
        # A copy: a view would keep the whole chunk alive.
        return EncodeState(audio[:, whole:].clone(), after), Posterior(mean, log_variance.clamp(*LOG_VARIANCE_RANGE))

    def render(self, latents: Tensor, labels: Tensor, *, seeds: Sequence[int], first_frame: int = 0) -> Tensor:
        if len(seeds) != latents.shape[0]:
            raise ArgumentError(f"seeds must be one a batch item ({latents.shape[0]}), got {len(seeds)}")
        return self._decode(None, latents, labels, seeds=seeds, first_frame=first_frame, flush=True)[1]

    def decode_step(
        self, state: DecodeState | None, latents: Tensor, labels: Tensor, *, seed: int, flush: bool = False
    ) -> tuple[DecodeState | None, Tensor]:
        first_frame = 0 if state is None else state.frame
        return self._decode(
            state, latents, labels, seeds=[seed] * latents.shape[0], first_frame=first_frame, flush=flush
        )

    def _decode(
        self,
        state: DecodeState | None,
        latents: Tensor,
        labels: Tensor,
        *,
        seeds: Sequence[int],
        first_frame: int,
        flush: bool,
    ) -> tuple[DecodeState | None, Tensor]:
        c = self.config
        ok = latents.ndim == 3 and latents.shape[2] == c.latent_dim
        check_shape("latents", latents.shape, f"(batch, frames, {c.latent_dim})", ok)
        expected = (*latents.shape[:2], len(c.labels))
        check_shape("labels", labels.shape, f"(batch, frames, n_labels) {expected}", labels.shape == expected)
        after, audio = self.decode_frames(
            None if state is None else state.frames,
            latents,
            labels.to(latents),
            seeds=seeds,
            first_frame=first_frame,
            flush=flush,
        )
        # A stream of nothing has not begun.
        return None if after is None else DecodeState(first_frame + latents.shape[1], after), audio
