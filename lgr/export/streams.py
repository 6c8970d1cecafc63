"""Codecs as scriptable streams: the same weights behind one interface, whose state is a list of tensors.

Of a stream of whole hops ``encode`` gives the latents of frames that are known, ``late_frames`` behind at first, and
``decode`` as much audio as there were frames, ``late_samples`` behind: the first of it lies before the stream.
"""

import math

import torch
from torch import Tensor, nn

from lgr.codecs.base import Codec, CodecInfo
from lgr.codecs.bundled import BundledCodec
from lgr.codecs.toy import ToyCodec
from lgr.codecs.trained import NOISE_SEED, TrainedCodec
from lgr.errors import ArgumentError
from lgr.models.bundled.envelope_net import DecodeState, EncodeState, soft_ceiling
from lgr.models.noise.bands import NoiseBandVAE
from lgr.models.noise.filterbank import first_block, play_bands
from lgr.models.timbre import raise_floor
from lgr.sound.level import AMPLITUDE_FLOOR


class Stream(nn.Module):
    """What every stream is. An empty state begins one."""

    def __init__(self, info: CodecInfo, *, late_frames: int, late_samples: int) -> None:
        super().__init__()
        self.sample_rate, self.hop, self.latent_dim = info.sample_rate, info.hop_length, info.latent_dim
        self.late_frames, self.late_samples = late_frames, late_samples

    def encode(self, state: list[Tensor], audio: Tensor) -> tuple[list[Tensor], Tensor]:
        """``(batch, whole hops)`` to latents ``(batch, latent_dim, frames)``."""
        raise NotImplementedError

    def decode(self, state: list[Tensor], latents: Tensor) -> tuple[list[Tensor], Tensor]:
        """Latents to audio ``(batch, frames * hop)``."""
        raise NotImplementedError

    def features(self, latents: Tensor) -> Tensor:
        """What matching reads, ``(batch, feature_dim, frames)``."""
        raise NotImplementedError


class ToyStream(Stream):
    """``ToyCodec``: a product with a matrix."""

    basis: Tensor

    def __init__(self, codec: ToyCodec) -> None:
        super().__init__(codec.info, late_frames=0, late_samples=0)
        self.basis = codec.basis.float()

    @torch.jit.export
    def encode(self, state: list[Tensor], audio: Tensor) -> tuple[list[Tensor], Tensor]:
        blocks = audio.view(audio.shape[0], -1, self.hop)
        return state, (blocks @ self.basis.T).transpose(1, 2)

    @torch.jit.export
    def decode(self, state: list[Tensor], latents: Tensor) -> tuple[list[Tensor], Tensor]:
        return state, (latents.transpose(1, 2) @ self.basis).flatten(1)

    @torch.jit.export
    def features(self, latents: Tensor) -> Tensor:
        return latents


class BundledStream(Stream):
    """``BundledCodec``: its network as it is."""

    matrix: Tensor
    bias: Tensor

    def __init__(self, codec: BundledCodec) -> None:
        super().__init__(codec.info, late_frames=0, late_samples=codec.info.hop_length)
        self.net = codec.net
        self.matrix, self.bias, floor = codec.feature_map
        self.n_bands, self.floor = codec.config.n_bands, math.nan if floor is None else floor

    @torch.jit.export
    def encode(self, state: list[Tensor], audio: Tensor) -> tuple[list[Tensor], Tensor]:
        before: EncodeState | None = None
        if len(state) > 0:
            before = EncodeState(state[0], state[1:])
        after, latents = self.net.encode(before, audio)
        return [after.history] + after.blocks, latents.transpose(1, 2)  # noqa: RUF005 TorchScript unpacks no lists

    @torch.jit.export
    def decode(self, state: list[Tensor], latents: Tensor) -> tuple[list[Tensor], Tensor]:
        before: DecodeState | None = None
        if len(state) > 0:
            before = DecodeState(state[0], int(state[1]), state[2:])
        after, audio = self.net.decode(before, latents.transpose(1, 2))
        return [after.overlap, torch.tensor(after.frame)] + after.blocks, soft_ceiling(audio)  # noqa: RUF005

    @torch.jit.export
    def features(self, latents: Tensor) -> Tensor:
        envelope = latents[:, : self.n_bands]
        if not math.isnan(self.floor):
            envelope = raise_floor(envelope, self.floor)
        return self.matrix @ envelope + self.bias[:, None]


class NoiseBandStream(Stream):
    """``TrainedCodec`` of a ``NoiseBandVAE``: its layers, and what its encoder and decoder do between them."""

    def __init__(self, codec: TrainedCodec, model: NoiseBandVAE) -> None:
        encoder = model.encoder
        super().__init__(codec.info, late_frames=-(-codec.info.lookahead // codec.info.hop_length), late_samples=0)
        self.window, self.filters, self.dct = encoder.window, encoder.filters, encoder.dct
        self.shift, self.scale = encoder.shift.detach(), encoder.gain.detach()
        self.gru, self.head, self.decoder, self.blocks = encoder.gru, encoder.head, model.decoder, model.blocks
        self.frame_length, self.history = encoder.frame_length, encoder.history
        self.n_latent, self.quietest = model.config.latent_dim, AMPLITUDE_FLOOR
        self.start = first_block(NOISE_SEED, len(model.blocks))

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
    def decode(self, state: list[Tensor], latents: Tensor) -> tuple[list[Tensor], Tensor]:
        amplitudes, hidden = self.decoder(latents.transpose(1, 2), state[0] if len(state) > 0 else None)
        before = state[1] if len(state) > 0 else amplitudes[:, 0]
        frame = int(state[2]) if len(state) > 0 else 0
        played: list[Tensor] = []
        for i in range(latents.shape[0]):
            played.append(play_bands(self.blocks, amplitudes[i], before[i], self.start + frame))
        after = [hidden, amplitudes[:, -1], torch.tensor(frame + latents.shape[2])]
        return after, torch.stack(played)

    @torch.jit.export
    def features(self, latents: Tensor) -> Tensor:
        return latents[:, : self.n_latent]


def stream_of(codec: Codec) -> Stream:
    """The codec as a stream that can be scripted.

    Raises
    ------
    ArgumentError : there is none for codecs of this kind
    """
    if isinstance(codec, BundledCodec):
        return BundledStream(codec)
    if isinstance(codec, TrainedCodec) and isinstance(codec.model, NoiseBandVAE):
        return NoiseBandStream(codec, codec.model)
    if isinstance(codec, ToyCodec) and codec.info.channels == 1:
        return ToyStream(codec)
    raise cannot_be_exported(codec.info.name)


def cannot_be_exported(name: str) -> ArgumentError:
    return ArgumentError(
        f"{name} cannot be exported: TorchScript runs the bundled codec, those that `lgr train codec` and "
        "`lgr train noiseband` make, and mono toy ones"
    )
