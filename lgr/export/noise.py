"""The noise synthesisers as scriptable streams: their layers, and what encoder and decoders do between them."""

import math

import torch
from torch import Tensor, nn

from lgr.codecs.trained import NOISE_SEED, TrainedCodec
from lgr.export.stream import Stream
from lgr.models.noise.bands import NoiseBandVAE
from lgr.models.noise.base import NoiseVAE
from lgr.models.noise.ddsp import UNIT, DDSPNoiseVAE, filtered_atoms, overlap_add
from lgr.models.noise.filterbank import first_block, play_bands
from lgr.models.seeded_noise import stream, uniforms
from lgr.sound.level import AMPLITUDE_FLOOR


class NoiseStream(Stream):
    """What both share: they encode alike."""

    def __init__(self, codec: TrainedCodec, model: NoiseVAE, *, late_samples: int) -> None:
        encoder = model.encoder
        needed = encoder.frame_length - encoder.history  # samples, from its own hop's first on
        super().__init__(codec.info, late_frames=-(-needed // codec.info.hop_length) - 1, late_samples=late_samples)
        self.window, self.filters, self.dct = encoder.window, encoder.filters, encoder.dct
        self.shift, self.scale = encoder.shift.detach(), encoder.gain.detach()
        self.gru, self.head, self.decoder = encoder.gru, encoder.head, model.decoder
        self.frame_length, self.history = encoder.frame_length, encoder.history
        self.n_latent, self.quietest = model.config.latent_dim, AMPLITUDE_FLOOR

    @torch.jit.export
    def encode(self, state: list[Tensor], audio: Tensor) -> tuple[list[Tensor], Tensor]:
        before = state[0] if len(state) > 0 else audio.new_zeros((audio.shape[0], self.history))
        samples = torch.cat([before, audio], 1)
        frames = max(0, (samples.shape[1] - self.frame_length) // self.hop + 1)
        if frames == 0:
            return [samples] + state[1:], audio.new_zeros((audio.shape[0], self.latent_dim, 0))  # noqa: RUF005
        spectrum = torch.fft.rfft(samples.unfold(1, self.frame_length, self.hop)[:, :frames] * self.window)
        power = spectrum.real.square() + spectrum.imag.square()
        levels = 0.5 * torch.log10(power @ self.filters.T + self.quietest**2) - math.log10(self.quietest)
        features = (levels @ self.dct.T - self.shift) * self.scale
        outputs, hidden = self.gru(features, state[1] if len(state) > 1 else None)
        means = self.head(torch.cat([outputs, features], -1))[..., : self.n_latent].transpose(1, 2)
        latents = nn.functional.pad(means, [0, 0, 0, self.latent_dim - self.n_latent])  # the labels: unknown
        return [samples[:, frames * self.hop :], hidden], latents

    @torch.jit.export
    def features(self, latents: Tensor) -> Tensor:
        return latents[:, : self.n_latent]


class NoiseBandStream(NoiseStream):
    """``TrainedCodec`` of a ``NoiseBandVAE``."""

    def __init__(self, codec: TrainedCodec, model: NoiseBandVAE) -> None:
        super().__init__(codec, model, late_samples=0)
        self.blocks = model.blocks
        self.start = first_block(NOISE_SEED, len(model.blocks))

    @torch.jit.export
    def decode(self, state: list[Tensor], latents: Tensor) -> tuple[list[Tensor], Tensor]:
        amplitudes, hidden = self.decoder(latents.transpose(1, 2), state[0] if len(state) > 0 else None)
        before = state[1] if len(state) > 0 else amplitudes[:, 0]
        frame = int(state[2]) if len(state) > 0 else 0
        played: list[Tensor] = []
        for i in range(latents.shape[0]):
            played.append(play_bands(self.blocks, amplitudes[i], before[i], self.start + frame))
        after = [hidden, amplitudes[:, -1], torch.tensor(frame + latents.shape[2])]
        return after, torch.stack(played)


class DDSPNoiseStream(NoiseStream):
    """``TrainedCodec`` of a ``DDSPNoiseVAE``. Its state: the GRU's, what atoms have left to sound, and a count."""

    def __init__(self, codec: TrainedCodec, model: DDSPNoiseVAE) -> None:
        super().__init__(codec, model, late_samples=model.config.reach)
        self.reach, self.unit, self.begin = model.config.reach, UNIT, stream(NOISE_SEED)

    @torch.jit.export
    def decode(self, state: list[Tensor], latents: Tensor) -> tuple[list[Tensor], Tensor]:
        batch, frames = latents.shape[0], latents.shape[2]
        magnitudes, hidden = self.decoder(latents.transpose(1, 2), state[0] if len(state) > 0 else None)
        tail = state[1] if len(state) > 0 else latents.new_zeros((batch, 2 * self.reach))
        frame = int(state[2]) if len(state) > 0 else 0
        noise = self.unit * uniforms(frame, frames, self.hop, self.begin)
        audio = overlap_add(filtered_atoms(magnitudes, noise.expand(batch, -1, -1)), self.hop)
        audio = torch.cat([audio[:, : 2 * self.reach] + tail, audio[:, 2 * self.reach :]], 1)
        complete = frames * self.hop
        return [hidden, audio[:, complete:].clone(), torch.tensor(frame + frames)], audio[:, :complete]
