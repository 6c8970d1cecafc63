"""Codecs as scriptable streams: the same weights behind one interface, whose state is a list of tensors.

Of a stream of whole hops ``encode`` gives the latents of frames that are known, ``late_frames`` behind at first, and
``decode`` as much audio as there were frames, ``late_samples`` behind: its first are before the stream, not to be heard.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn

from lgr.codecs.base import Codec, CodecInfo
from lgr.codecs.bundled import BundledCodec
from lgr.codecs.toy import ToyCodec
from lgr.errors import ArgumentError
from lgr.models.bundled.envelope_net import DecodeState, EncodeState, soft_ceiling
from lgr.models.timbre import raise_floor


class Stream(nn.Module):
    """Sizes that every stream has. ``encode``, ``decode`` and ``features`` are a subclass's.

    ``encode(state, audio)``: (batch, whole hops) to latents (batch, latent_dim, frames)
    ``decode(state, latents)``: to audio (batch, frames * hop)
    ``features(latents)``: (batch, feature_dim, frames)

    An empty state begins a stream.
    """

    def __init__(self, info: CodecInfo, *, late_frames: int, late_samples: int) -> None:
        super().__init__()
        self.sample_rate, self.hop, self.latent_dim = info.sample_rate, info.hop_length, info.latent_dim
        self.late_frames, self.late_samples = late_frames, late_samples


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
        return [after.history] + after.blocks, latents.transpose(1, 2)

    @torch.jit.export
    def decode(self, state: list[Tensor], latents: Tensor) -> tuple[list[Tensor], Tensor]:
        before: DecodeState | None = None
        if len(state) > 0:
            before = DecodeState(state[0], int(state[1]), state[2:])
        after, audio = self.net.decode(before, latents.transpose(1, 2))
        return [after.overlap, torch.tensor(after.frame)] + after.blocks, soft_ceiling(audio)

    @torch.jit.export
    def features(self, latents: Tensor) -> Tensor:
        envelope = latents[:, : self.n_bands]
        if not math.isnan(self.floor):
            envelope = raise_floor(envelope, self.floor)
        return self.matrix @ envelope + self.bias[:, None]


def stream_of(codec: Codec) -> Any:
    """The codec as a stream that can be scripted.

    Raises
    ------
    ArgumentError : there is none for codecs of this kind
    """
    if isinstance(codec, BundledCodec):
        return BundledStream(codec)
    if isinstance(codec, ToyCodec) and codec.info.channels == 1:
        return ToyStream(codec)
    raise ArgumentError(f"{codec.info.name} cannot be exported: only codecs of one channel that TorchScript can run can")
