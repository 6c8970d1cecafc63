"""An EnCodec VAE for small machines: a linear codec, and SEANet learns what to add to it.

The linear codec is a lapped transform: frame ``t`` is the MDCT of blocks ``t - 1`` and ``t`` of ``hop_length`` samples,
of which the lowest coefficients are kept. Each is divided by its standard deviation over the training recordings
(``fit_linear_path``), so that the prior N(0, I) fits it. Its posterior's noise starts in proportion to the frame's
level and alike in all coefficients, 30 dB under the sound or more. The MDCT is orthonormal: to a linear decoder no
encoder could say more. The decoder's network adds to that, as loud as what the frame drops (``LevelGain``). The overlap
asks for the next frame: one hop of look-ahead. A file's very last block has no next frame, and is only what the last
frame says of it.

``noise_levels`` of the latents are not coefficients of the waveform but levels of noise in the place of those that are
dropped (``noise_fill.py``), chosen by the encoder's network, and what the decoder's network adds goes through a filter
with the average colour of the corpus (``colour.py``): both keep hiss out of what is dark.
"""

from collections.abc import Sequence
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from lgr.models.encodec_vae.base import EncodecVAE
from lgr.models.encodec_vae.colour import Colour
from lgr.models.encodec_vae.config import EncodecVAEConfig
from lgr.models.encodec_vae.linear_path import GainState, LevelGain, LinearPath, ramps
from lgr.models.encodec_vae.noise_fill import NoiseFill
from lgr.models.encodec_vae.seanet import States
from lgr.models.grain_model import Posterior
from lgr.models.grain_timbre import GrainTimbre
from lgr.models.mdct import mdct_basis, overlap_blocks

INAUDIBLE = 1e-6  # amplitude, full scale 1: the least level of a frame's noise
LEVEL_LOG_VARIANCE = -4.0  # of the first posteriors of noise levels, whose own variance is 1


class HopState(NamedTuple):
    """``previous``: the hop before, ``(batch, hop_length)``; ``energies``: of the last frame's bands of noise."""

    previous: Tensor
    energies: Tensor | None
    network: States


class FrameState(NamedTuple):
    """``overlap``: the right half of the last frame, ``(batch, hop_length)``."""

    overlap: Tensor
    gain: GainState
    noise: Tensor | None  # of the network that refines the levels
    history: Tensor | None  # of the colour's filter
    network: States


class LinearPathVAE(EncodecVAE):
    """``linear_path=True``; see the module's text. ``fit_linear_path`` comes before training.

    ``noise`` and ``colour`` are None without ``noise_levels``.
    """

    dropped: Tensor

    def __init__(self, config: EncodecVAEConfig) -> None:
        super().__init__(config)
        c = config
        self.lookahead = c.hop_length
        self.linear = LinearPath(c.hop_length, c.n_kept)
        self.gain = LevelGain()
        self.timbre = GrainTimbre(c.hop_length, c.sample_rate)
        self.colour = Colour() if c.noise_levels else None
        self.noise: NoiseFill | None = None
        if c.noise_levels:
            self.noise = NoiseFill(c.sample_rate, c.hop_length, c.noise_levels, c.n_kept + 1 + len(c.labels))
            dropped = mdct_basis(c.hop_length)
            dropped[:, : c.n_kept] = 0  # all coefficients but those that are kept
            self.register_buffer("dropped", dropped, persistent=False)
        if self.to_mean is not None:
            nn.init.zeros_(self.to_mean.weight)
            nn.init.zeros_(self.to_mean.bias)

    # ---- audio to latents --------------------------------------------------------------------------------------------

    def encode_hops(self, state: HopState | None, hops: Tensor) -> tuple[HopState, Posterior]:
        hop = self.config.hop_length
        network, features = self.encoder(None if state is None else state.network, hops[:, None])
        features = features.transpose(1, 2)  # (batch, frames, width)
        log_variance = self.to_log_variance(features).to(hops)
        said = None if self.to_mean is None else self.to_mean(features).to(hops)  # of the noise, by the network
        previous = hops.new_zeros(hops.shape[0], hop) if state is None else state.previous
        energies = None if state is None else state.energies
        both = torch.cat([previous, hops], 1).unfold(1, 2 * hop, hop)  # (batch, frames, 2 * hop)
        with torch.autocast(hops.device.type, enabled=False):  # the waveform itself passes here
            mean, level = self.linear.encode(both)
            first = (self.linear.log_variance + level).expand_as(mean)
            if self.noise is not None and said is not None:
                energies, levels = self.noise.encode(energies, both @ self.dropped)
                mean = torch.cat([mean, said + levels], 2)
                first = torch.cat([first, torch.full_like(levels, LEVEL_LOG_VARIANCE)], 2)
        # A copy: a view would keep the whole chunk alive.
        return HopState(hops[:, -hop:].clone(), energies, network), Posterior(mean, first + log_variance)

    def features(self, latents: Tensor) -> Tensor:
        """See ``lgr.models.grain_timbre``."""
        kept = latents[..., : self.config.n_kept] * self.linear.scale
        waveform = nn.functional.pad(kept, (0, self.config.hop_length - kept.shape[-1]))
        noise = torch.zeros_like(waveform)
        if self.noise is not None:
            noise = self.noise.power(latents[..., self.config.n_kept :])
            noise = torch.cat([torch.zeros_like(kept), noise[..., kept.shape[-1] :]], -1)
        return cast(Tensor, self.timbre(noise, waveform))

    # ---- latents to audio --------------------------------------------------------------------------------------------

    def decode_frames(
        self,
        state: FrameState | None,
        latents: Tensor,
        labels: Tensor,
        *,
        seeds: Sequence[int],
        first_frame: int,
        flush: bool,
    ) -> tuple[FrameState | None, Tensor]:
        c, hop, sounding = self.config, self.config.hop_length, latents.shape[1]  # frames
        if flush and (state is not None or sounding > 0):
            # The frame after the last is silent: it ends the last hop.
            latents, labels = (nn.functional.pad(x, (0, 0, 0, 1)) for x in (latents, labels))
        if latents.shape[1] == 0:
            return state, latents.new_zeros(latents.shape[0], 0)
        # Frame t completes block t - 1, in the network as in the overlap.
        waveform, levels = latents[..., : c.n_kept], latents[..., c.n_kept :]
        before = None if state is None else state.gain
        noise_state = None if state is None else state.noise
        with torch.autocast(latents.device.type, enabled=False):
            loudness = self.gain.loudness(before, waveform)
            relative = torch.asinh(waveform / loudness)  # of one size at any level
            frames, level = self.linear.decode(waveform), loudness
            if self.noise is not None:
                context = torch.cat([relative, loudness.log(), labels], 2)[:, :sounding]
                noise_state, frames, level = self._add_noise(
                    self.noise, noise_state, frames, levels[:, :sounding], context, seeds, first_frame
                )
            gain, log_gains = self.gain(before, level, waveform)
            blocks, rest = overlap_blocks(frames)
        if state is not None:
            blocks = torch.cat([blocks[:, :1] + state.overlap[:, None], blocks[:, 1:]], 1)
        network = None if state is None else state.network
        network, correction = self.decoder(network, torch.cat([relative, levels, labels], 2).transpose(1, 2))
        corrected = correction[:, 0].to(latents) * ramps(log_gains, hop)
        history = None if state is None else state.history
        if self.colour is not None:
            with torch.autocast(latents.device.type, enabled=False):
                history, corrected = self.colour(history, corrected)
        audio = blocks.flatten(1) + corrected
        after = FrameState(rest.clone(), gain, noise_state, history, network)
        return after, audio[:, hop:] if state is None else audio

    def _add_noise(
        self,
        fill: NoiseFill,
        state: Tensor | None,
        frames: Tensor,
        levels: Tensor,
        context: Tensor,
        seeds: Sequence[int],
        first_frame: int,
    ) -> tuple[Tensor | None, Tensor, Tensor]:
        """Windowed frames with noise in them, and each frame's level ``(batch, frames, 1)``: that of its noise.

        ``levels`` and ``context`` end before a last silent frame, which has no noise.
        """
        level = frames.new_full((*frames.shape[:2], 1), INAUDIBLE)  # until there is noise
        if levels.shape[1] == 0:
            return state, frames, level
        state, noise = fill.decode(state, levels, context, seeds=seeds, first_frame=first_frame)
        silence = (0, 0, 0, frames.shape[1] - levels.shape[1])
        power = noise[..., self.config.n_kept :].square().mean(2, keepdim=True)
        level = (level.square() + nn.functional.pad(power, silence)).sqrt()
        return state, frames + nn.functional.pad(noise @ self.dropped.T, silence), level
