"""The granular VAE of paper 001: one latent vector a grain, decoded to a grain, overlap-added at 75 %.

Decoders, by ``GranularConfig.decoder`` (the paper's, table 1):

- ``tr``, ``up``: transposed convolutions; upsampling and convolutions
- ``fi``: spectral filtering of uniform noise; ``fi+pp``: and learned FIR post-processing of the assembled signal

Every decoder's grains are scaled by the level that latent 0 carries (``lgr.models.granular.encoder``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

import torch
from torch import Tensor

from lgr.errors import ArgumentError, check_shape
from lgr.models.grain_model import GrainModel, GrainModelConfig, Posterior
from lgr.models.grain_timbre import GrainTimbre
from lgr.models.granular.decoders import ConvDecoder, FilterDecoder
from lgr.models.granular.encoder import GrainEncoder
from lgr.models.granular.overlap import (
    HOPS,
    Overlap,
    add_grains,
    before,
    cut_grains,
    grain_window,
    last_samples,
    overlap_add,
)
from lgr.models.granular.post_filter import PostFilter
from lgr.models.level_latent import latent_to_level
from lgr.models.seeded_noise import uniform_noise

DECODERS = ("tr", "up", "fi", "fi+pp")
# What is left of the power of uniform noise, 1/3 itself, under four Hann windows that are divided by their sum.
NOISE_POWER = 0.375 / 3


@dataclass(frozen=True, kw_only=True)
class GranularConfig(GrainModelConfig):
    """Sizes. A grain is ``4 * hop_length`` samples (the paper's d_x: 1024, or 2048 for notes)."""

    decoder: str = "fi+pp"
    n_bands: int = 96  # cosine and sine pairs that the encoder starts from
    encoder_channels: tuple[int, int] = (128, 192)
    encoder_width: int = 256
    decoder_width: int = 384
    decoder_blocks: int = 2
    conv_channels: int = 192  # of the decoders "tr" and "up", where they are widest
    post_taps: tuple[int, ...] = (15, 63, 255)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "encoder_channels", tuple(self.encoder_channels))  # JSON has lists only
        object.__setattr__(self, "post_taps", tuple(self.post_taps))
        if self.decoder not in DECODERS:
            raise ArgumentError(f"decoder must be one of {', '.join(DECODERS)}, got {self.decoder!r}")
        if self.grain_length not in (512, 1024, 2048, 4096):
            raise ArgumentError(f"hop_length must be 128, 256, 512 or 1024, got {self.hop_length}")
        if self.latent_dim < 2:
            raise ArgumentError(f"latent_dim must be >= 2 (the first is the level), got {self.latent_dim}")

    @property
    def grain_length(self) -> int:
        """Samples a grain: the paper's d_x."""
        return HOPS * self.hop_length


class EncodeState(NamedTuple):
    samples: Tensor  # (batch, n): from the start of the next frame's grain on
    ahead: int  # how many samples have come since the start of the next frame's own hop


class DecodeState(NamedTuple):
    overlap: Overlap
    frame: int  # absolute index of the next frame: the noise is a function of it
    skip: int  # samples before the file's first that the next output still begins with
    tail: Tensor  # (batch, n): assembled samples that post-processing still reads


class GranularVAE(GrainModel):
    """See the module. Causal but for its ``lookahead``: half of the grains that reach a sample start after it."""

    config: GranularConfig
    causal = True

    def __init__(self, config: GranularConfig) -> None:
        super().__init__()
        self.config = c = config
        self.window: Tensor
        self.register_buffer("window", grain_window(c.hop_length), persistent=False)  # rebuilt, never saved
        self.encoder = GrainEncoder(
            hop_length=c.hop_length,
            latent_dim=c.latent_dim,
            sample_rate=c.sample_rate,
            n_bands=c.n_bands,
            channels=c.encoder_channels,
            width=c.encoder_width,
        )
        in_dim = c.latent_dim + len(c.labels)
        self.generates = c.decoder.startswith("fi")  # noise is filtered; the others make waveforms
        self.decoder: FilterDecoder | ConvDecoder
        if self.generates:
            self.decoder = FilterDecoder(in_dim, c.grain_length, width=c.decoder_width, n_blocks=c.decoder_blocks)
        else:
            transposed = c.decoder == "tr"
            self.decoder = ConvDecoder(in_dim, c.grain_length, channels=c.conv_channels, transposed=transposed)
        self.timbre = GrainTimbre(c.hop_length, c.sample_rate)
        self.post = PostFilter(c.post_taps) if c.decoder.endswith("+pp") else None
        self._reach = 0 if self.post is None else self.post.reach
        # A hop's last sample is reached by grains that start up to there, and the last of these has to be read to its
        # end. Frames and samples are counted from that hop on.
        last_frame = (c.hop_length - 1 + self._reach + before(c.hop_length)) // c.hop_length
        self.lookahead = last_frame * c.hop_length - before(c.hop_length) + c.grain_length - c.hop_length

    # ---- audio to latents ------------------------------------------------------------------------------------------

    def posterior(self, audio: Tensor) -> Posterior:
        check_shape("audio", audio.shape, "(batch, samples), samples >= 1", audio.ndim == 2 and audio.shape[1] > 0)
        return self._posterior(cut_grains(audio, self.config.hop_length))

    def _posterior(self, grains: Tensor) -> Posterior:
        batch, frames, length = grains.shape
        mean, log_variance = self.encoder(grains.reshape(batch * frames, length))
        return Posterior(mean.view(batch, frames, -1), log_variance.view(batch, frames, -1))

    def encode_step(
        self, state: EncodeState | None, audio: Tensor, *, flush: bool = False
    ) -> tuple[EncodeState, Tensor]:
        check_shape("audio", audio.shape, "(batch, samples)", audio.ndim == 2)
        hop, length = self.config.hop_length, self.config.grain_length
        if state is None:
            state = EncodeState(audio.new_zeros(audio.shape[0], before(hop)), 0)
        samples, ahead = torch.cat([state.samples, audio], 1), state.ahead + audio.shape[1]
        frames = max(0, (samples.shape[1] - length) // hop + 1)
        if flush:
            frames = max(0, -(-ahead // hop))
            missing = max(0, (frames - 1) * hop + length - samples.shape[1])
            samples = torch.nn.functional.pad(samples, (0, missing))
        after = EncodeState(samples[:, frames * hop :], ahead - frames * hop)
        if frames == 0:
            return after, audio.new_zeros(audio.shape[0], 0, self.config.latent_dim)
        return after, self._posterior(samples[:, : (frames - 1) * hop + length].unfold(1, length, hop)).mean

    # ---- latents to audio ------------------------------------------------------------------------------------------

    def render(self, latents: Tensor, labels: Tensor, *, seeds: Sequence[int], first_frame: int = 0) -> Tensor:
        audio = overlap_add(self.grains(latents, labels, seeds=seeds, first_frame=first_frame), self.window)
        return audio if self.post is None else self.post(audio)

    def grains(self, latents: Tensor, labels: Tensor, *, seeds: Sequence[int], first_frame: int = 0) -> Tensor:
        """The grains before they are overlap-added, ``(batch, frames, grain_length)``; arguments as for ``render``."""
        self._check(latents, labels, seeds)
        batch, frames, _ = latents.shape
        c = self.config
        if self.generates:
            noise = uniform_noise(first_frame, frames, c.grain_length, seeds).to(latents)
        else:
            noise = latents.new_zeros(1, 1, 1).expand(batch, frames, c.grain_length)  # the baselines use none
        inputs = torch.cat([latents, labels.to(latents)], -1)
        return cast(Tensor, self.decoder(inputs, noise)) * latent_to_level(latents[..., :1])

    def features(self, latents: Tensor) -> Tensor:
        """See ``lgr.models.grain_timbre``, labels unknown; the latents themselves where a decoder has no spectra."""
        if isinstance(self.decoder, ConvDecoder):
            return latents
        unknown = latents.new_zeros(*latents.shape[:2], len(self.config.labels))
        filters = self.decoder.spectra(torch.cat([latents, unknown], -1))
        power = (filters * latent_to_level(latents[..., :1])).square() * NOISE_POWER
        noise = 0.25 * power[..., :-1:2] + 0.5 * power[..., 1::2] + 0.25 * power[..., 2::2]  # a hop's bins of twice
        return cast(Tensor, self.timbre(noise))

    def decode_step(
        self, state: DecodeState | None, latents: Tensor, labels: Tensor, *, seed: int, flush: bool = False
    ) -> tuple[DecodeState, Tensor]:
        self._check(latents, labels, [seed] * latents.shape[0])
        batch, frames, _ = latents.shape
        hop, reach = self.config.hop_length, self._reach
        if state is None:
            nothing = latents.new_zeros(batch, (HOPS - 1) * hop)
            overlap = Overlap(nothing, nothing.new_zeros((HOPS - 1) * hop))
            state = DecodeState(overlap, 0, before(hop), latents.new_zeros(batch, reach))  # post reads silence
        overlap, done = state.overlap, latents.new_zeros(batch, 0)
        if frames:
            grains = self.grains(latents, labels, seeds=[seed] * batch, first_frame=state.frame)
            overlap, done = add_grains(overlap, grains, self.window)
        if flush and state.frame + frames:  # as far as the file goes
            done = torch.cat([done, last_samples(overlap)], 1)[:, : done.shape[1] + before(hop)]
        skip = min(state.skip, done.shape[1])
        assembled = torch.cat([state.tail, done[:, skip:]], 1)
        if self.post is None:
            tail, audio = assembled[:, assembled.shape[1] :], assembled
        else:
            if flush:
                assembled = torch.nn.functional.pad(assembled, (0, reach))
            ready = max(0, assembled.shape[1] - 2 * reach)
            tail = assembled[:, ready:]
            audio = self.post.valid(assembled) if ready else assembled[:, :0]
        return DecodeState(overlap, state.frame + frames, state.skip - skip, tail), audio

    def _check(self, latents: Tensor, labels: Tensor, seeds: Sequence[int]) -> None:
        size = self.config.latent_dim
        check_shape(
            "latents", latents.shape, f"(batch, frames, {size})", latents.ndim == 3 and latents.shape[2] == size
        )
        expected = (*latents.shape[:2], len(self.config.labels))
        check_shape("labels", labels.shape, f"(batch, frames, n_labels) {expected}", labels.shape == expected)
        if len(seeds) != latents.shape[0]:
            raise ArgumentError(f"seeds must be one a batch item, {latents.shape[0]}, got {len(seeds)}")
