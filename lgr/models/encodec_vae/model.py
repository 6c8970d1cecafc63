"""EnCodec without its quantiser, as a variational autoencoder of audio textures (paper 003, 4.4), for small machines.

The paper's model is ``linear_path=False, n_filters=32``: SEANet to a mean and a log variance a frame and back to audio,
purely causal. From scratch that takes it 200,000 steps on a GPU.

Ours, ``linear_path=True``, starts from a linear codec, and SEANet learns what to add to it. The linear codec is a
lapped transform: frame ``t`` is the MDCT of blocks ``t - 1`` and ``t`` of ``hop_length`` samples, of which the lowest
coefficients are kept. (As many principal components of the training recordings hold no more of rain and thunder never
heard, .4 dB more of the sea, and where they are 128, 6 dB less of thunder.) Each is divided by its standard deviation
over the training recordings (``fit_linear_path``), so that the prior N(0, I) fits it. Its posterior's noise starts in
proportion to the frame's level and alike in all coefficients, 30 dB under the sound or more. The MDCT is orthonormal:
to a linear decoder no encoder could say more. The decoder's network adds to that, as loud as what the frame drops
(``LevelGain``). The overlap asks for the next frame: one hop of look-ahead. A file's very last block has no next frame,
and is only what the last frame says of it.

``noise_levels`` of the latents are not coefficients of the waveform but levels of noise in the place of those that are
dropped (``noise_fill.py``), chosen by the encoder's network, and what the decoder's network adds goes through a filter
with the average colour of the corpus (``colour.py``): both keep hiss out of what is dark.

The paper's weight of the KL term, 30, belongs to a normalisation of its terms that it does not print. With a relative
L1 of weight .5 (``lgr.losses.reconstruction_terms``) and ``beta`` a nat of a latent vector, equal slopes of the two
give a sampling noise of about ``2 * beta * latent_dim * error`` of the sound's energy, ``error`` being that L1: 1e-4
leaves 27 to 33 dB, 1e-3 leaves 17 to 23.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from lgr.errors import ArgumentError, check_shape
from lgr.models.encodec_vae.colour import Colour
from lgr.models.encodec_vae.linear_path import GainState, LevelGain, LinearPath, ramps
from lgr.models.encodec_vae.noise_fill import NoiseFill
from lgr.models.encodec_vae.seanet import States, seanet_decoder, seanet_encoder
from lgr.models.grain_model import GrainModel, GrainModelConfig, Posterior
from lgr.models.grain_timbre import GrainTimbre
from lgr.models.mdct import mdct_basis, overlap_blocks

LOG_VARIANCE_RANGE = (-18.0, 4.0)  # what the KL term and exp() can bear
INAUDIBLE = 1e-6  # amplitude, full scale 1: the least level of a frame's noise
LEVEL_LOG_VARIANCE = -4.0  # of the first posteriors of noise levels, whose own variance is 1


@dataclass(frozen=True, kw_only=True)
class EncodecVAEConfig(GrainModelConfig):
    """Sizes. The paper's: ``n_filters=32``, ``linear_path=False``, ``latent_dim`` 16 or 128.

    With 12 filters and 16 latents the weights are two million numbers. ``strides`` are the encoder's, first layer
    first; their product is ``hop_length``.
    """

    hop_length: int = 320
    latent_dim: int = 16
    n_filters: int = 12
    strides: tuple[int, ...] = (2, 4, 5, 8)
    lstm_layers: int = 2  # 0 leaves the LSTM out
    linear_path: bool = True
    noise_levels: int = 2  # of the latents; 0 leaves the noise out, as a model without a linear path always does

    def __post_init__(self) -> None:
        object.__setattr__(self, "strides", tuple(self.strides))  # JSON has lists only
        super().__post_init__()
        if not isinstance(self.n_filters, int) or self.n_filters < 1:
            raise ArgumentError(f"n_filters must be a whole number >= 1, got {self.n_filters!r}")
        if not isinstance(self.lstm_layers, int) or self.lstm_layers < 0:
            raise ArgumentError(f"lstm_layers must be a whole number >= 0, got {self.lstm_layers!r}")
        whole = all(isinstance(stride, int) and stride >= 1 for stride in self.strides)
        if not whole or math.prod(self.strides) != self.hop_length:
            raise ArgumentError(
                f"strides must be whole numbers whose product is hop_length {self.hop_length}, got {self.strides}"
            )
        if self.linear_path and self.latent_dim > self.hop_length:
            raise ArgumentError(
                f"latent_dim must be at most hop_length {self.hop_length} with linear_path, got {self.latent_dim}"
            )
        most = min(self.latent_dim - 1, self.hop_length // 8)
        if not isinstance(self.noise_levels, int) or self.noise_levels < 0:
            raise ArgumentError(f"noise_levels must be a whole number >= 0, got {self.noise_levels!r}")
        if self.linear_path and self.noise_levels > most:
            raise ArgumentError(
                f"noise_levels must be below latent_dim {self.latent_dim} and at most hop_length / 8, "
                f"got {self.noise_levels}"
            )

    @property
    def n_kept(self) -> int:
        """How many of the latents are coefficients of the waveform: the first ones."""
        return self.latent_dim - self.noise_levels if self.linear_path else 0


class EncodeState(NamedTuple):
    """``pending``: samples of a hop not yet whole; ``previous``: the hop before; ``network``: SEANet's."""

    pending: Tensor
    previous: Tensor | None
    energies: Tensor | None  # of the last frame's bands of noise
    network: States | None


class DecodeState(NamedTuple):
    """``overlap``: the right half of the last frame, ``(batch, hop)``, None without a linear path."""

    overlap: Tensor | None
    gain: GainState | None
    noise: Tensor | None  # of the network that refines the levels
    history: Tensor | None  # of the colour's filter
    network: States
    frame: int  # absolute index of the next frame


class EncodecVAE(GrainModel):
    """See the module's text. ``fit_linear_path`` comes before training where there is a linear path."""

    config: EncodecVAEConfig
    dropped: Tensor
    causal = True

    def __init__(self, config: EncodecVAEConfig) -> None:
        super().__init__()
        self.config = c = config
        self.lookahead = c.hop_length if c.linear_path else 0
        width = 4 * c.n_filters  # EnCodec's 128 at 32 filters
        self.encoder = seanet_encoder(c.n_filters, c.strides, c.lstm_layers, width)
        self.to_mean = nn.Linear(width, c.latent_dim - c.n_kept) if c.latent_dim > c.n_kept else None
        self.to_log_variance = nn.Linear(width, c.latent_dim)
        self.decoder = seanet_decoder(
            c.latent_dim + len(c.labels), c.n_filters, c.strides, c.lstm_layers, zero=c.linear_path
        )
        self.linear: LinearPath | None = None
        self.noise: NoiseFill | None = None
        self.colour: Colour | None = None
        if c.linear_path:
            self.linear = LinearPath(c.hop_length, c.n_kept)
            self.gain = LevelGain()
        self.timbre = GrainTimbre(c.hop_length, c.sample_rate) if c.linear_path else None
        if c.linear_path and c.noise_levels:
            self.colour = Colour()
            self.noise = NoiseFill(c.sample_rate, c.hop_length, c.noise_levels, c.n_kept + 1 + len(c.labels))
            dropped = mdct_basis(c.hop_length)
            dropped[:, : c.n_kept] = 0  # all coefficients but those that are kept
            self.register_buffer("dropped", dropped, persistent=False)
        nn.init.zeros_(self.to_log_variance.weight)
        nn.init.zeros_(self.to_log_variance.bias)
        if self.linear is None:
            nn.init.constant_(self.to_log_variance.bias, -4.0)  # start by learning to reconstruct
        elif self.to_mean is not None:
            nn.init.zeros_(self.to_mean.weight)
            nn.init.zeros_(self.to_mean.bias)

    # ---- audio to latents --------------------------------------------------------------------------------------------

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
        c, hop = self.config, self.config.hop_length
        pending, previous, energies, network = state or EncodeState(audio[:, :0], None, None, None)
        audio = torch.cat([pending, audio], 1)
        if flush:
            audio = nn.functional.pad(audio, (0, -audio.shape[1] % hop))
        frames = audio.shape[1] // hop
        whole, pending = audio[:, : frames * hop], audio[:, frames * hop :]
        if frames == 0:
            none = audio.new_zeros(audio.shape[0], 0, c.latent_dim)
            return EncodeState(pending, previous, energies, network), Posterior(none, none)
        features, network = self.encoder(whole[:, None], network)
        features = features.transpose(1, 2)  # (batch, frames, width)
        log_variance = self.to_log_variance(features).to(audio)
        mean = audio.new_zeros(audio.shape[0], frames, 0)
        if self.to_mean is not None:
            mean = self.to_mean(features).to(audio)
        if self.linear is not None:
            if previous is None:
                previous = audio.new_zeros(audio.shape[0], hop)
            both = torch.cat([previous, whole], 1).unfold(1, 2 * hop, hop)  # (batch, frames, 2 * hop)
            with torch.autocast(audio.device.type, enabled=False):  # the waveform itself passes here
                direct, level = self.linear.encode(both)
                first = (self.linear.log_variance + level).expand_as(direct)
                if self.noise is not None:
                    levels, energies = self.noise.encode(both @ self.dropped, energies)
                    mean = mean + levels
                    first = torch.cat([first, torch.full_like(levels, LEVEL_LOG_VARIANCE)], 2)
                mean, log_variance = torch.cat([direct, mean], 2), first + log_variance
        # A copy: a view would keep the whole chunk alive.
        state = EncodeState(pending.clone(), whole[:, -hop:].clone(), energies, network)
        return state, Posterior(mean, log_variance.clamp(*LOG_VARIANCE_RANGE))

    def features(self, latents: Tensor) -> Tensor:
        """See ``lgr.models.grain_timbre``; the latents themselves where there is no linear path to read them by."""
        if self.linear is None or self.timbre is None:
            return latents
        kept = latents[..., : self.config.n_kept] * self.linear.scale
        waveform = nn.functional.pad(kept, (0, self.config.hop_length - kept.shape[-1]))
        noise = torch.zeros_like(waveform)
        if self.noise is not None:
            noise = self.noise.power(latents[..., self.config.n_kept :])
            noise = torch.cat([torch.zeros_like(kept), noise[..., kept.shape[-1] :]], -1)
        return cast(Tensor, self.timbre(noise, waveform))

    # ---- latents to audio --------------------------------------------------------------------------------------------

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
        c, hop = self.config, self.config.hop_length
        ok = latents.ndim == 3 and latents.shape[2] == c.latent_dim
        check_shape("latents", latents.shape, f"(batch, frames, {c.latent_dim})", ok)
        expected = (*latents.shape[:2], len(c.labels))
        check_shape("labels", labels.shape, f"(batch, frames, n_labels) {expected}", labels.shape == expected)
        labels = labels.to(latents)
        sounding = latents.shape[1]  # frames
        after = first_frame + sounding
        if flush and self.linear is not None and (state is not None or sounding > 0):
            # The frame after the last is silent: it ends the last hop.
            latents, labels = (nn.functional.pad(x, (0, 0, 0, 1)) for x in (latents, labels))
        if latents.shape[1] == 0:
            return state, latents.new_zeros(latents.shape[0], 0)
        network = None if state is None else state.network
        if self.linear is None:
            audio, network = self.decoder(torch.cat([latents, labels], 2).transpose(1, 2), network)
            return DecodeState(None, None, None, None, network, after), audio[:, 0].to(latents)
        # Frame t completes block t - 1, in the network as in the overlap.
        waveform, levels = latents[..., : c.n_kept], latents[..., c.n_kept :]
        noise_state = None if state is None else state.noise
        with torch.autocast(latents.device.type, enabled=False):
            gain_state = None if state is None else state.gain
            level = loudness = self.gain.loudness(waveform, gain_state)
            relative = torch.asinh(waveform / loudness)  # of one size at any level
            frames = self.linear.decode(waveform)
            if self.noise is not None:
                level = torch.full_like(loudness, INAUDIBLE)  # until there is noise
            if self.noise is not None and sounding > 0:
                noise, noise_state = self.noise.decode(
                    levels[:, :sounding],
                    torch.cat([relative, loudness.log(), labels], 2)[:, :sounding],
                    seeds=seeds,
                    first_frame=first_frame,
                    hidden=noise_state,
                )
                silence = (0, 0, 0, frames.shape[1] - sounding)
                frames = frames + nn.functional.pad(noise @ self.dropped.T, silence)
                power = noise[..., c.n_kept :].square().mean(2, keepdim=True)
                level = (level.square() + nn.functional.pad(power, silence)).sqrt()
            log_gains, gain = self.gain(level, waveform, gain_state)
            blocks, rest = overlap_blocks(frames)
        if state is not None and state.overlap is not None:
            blocks = torch.cat([blocks[:, :1] + state.overlap[:, None], blocks[:, 1:]], 1)
        correction, network = self.decoder(torch.cat([relative, levels, labels], 2).transpose(1, 2), network)
        corrected = correction[:, 0].to(latents) * ramps(log_gains, hop)
        history = None if state is None else state.history
        if self.colour is not None:
            with torch.autocast(latents.device.type, enabled=False):
                corrected, history = self.colour(corrected, history)
        audio = blocks.flatten(1) + corrected
        state_after = DecodeState(rest.clone(), gain, noise_state, history, network, after)
        return state_after, audio[:, hop:] if state is None else audio
