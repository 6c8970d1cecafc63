"""Codecs as scriptable streams (``lgr.export.stream``): the same weights, and which codecs there are streams for."""

import math

import torch
from torch import Tensor

from lgr.codecs.base import Codec
from lgr.codecs.bundled import BundledCodec
from lgr.codecs.toy import ToyCodec
from lgr.codecs.trained import TrainedCodec
from lgr.errors import ArgumentError
from lgr.export.noise import DDSPNoiseStream, NoiseBandStream
from lgr.export.spectral import SpectralStream
from lgr.export.stream import Stream
from lgr.models.bundled.envelope_net import DecodeState, EncodeState, soft_ceiling
from lgr.models.noise.bands import NoiseBandVAE
from lgr.models.noise.ddsp import DDSPNoiseVAE
from lgr.models.spectral.model import SpectralVAE
from lgr.models.timbre import raise_floor


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


def stream_of(codec: Codec) -> Stream:
    """The codec as a stream that can be scripted.

    Raises
    ------
    ArgumentError : there is none for codecs of this kind
    """
    if isinstance(codec, BundledCodec):
        return BundledStream(codec)
    if isinstance(codec, TrainedCodec):
        if isinstance(codec.model, SpectralVAE):
            return SpectralStream(codec, codec.model)
        if isinstance(codec.model, NoiseBandVAE):
            return NoiseBandStream(codec, codec.model)
        if isinstance(codec.model, DDSPNoiseVAE):
            return DDSPNoiseStream(codec, codec.model)
    if isinstance(codec, ToyCodec) and codec.info.channels == 1:
        return ToyStream(codec)
    raise cannot_be_exported(codec.info.name)


def cannot_be_exported(name: str) -> ArgumentError:
    return ArgumentError(
        f"{name} cannot be exported: TorchScript runs the bundled codec, spectral, drums-spectral, notes-spectral and "
        "textures-noiseband, what `lgr train codec|spectral|noiseband|ddsp-noise` makes, and mono toy codecs"
    )
