"""What codecs in a folder share: one channel, results in the input's type, files of any length worked on in slices.

A slice is a step of the codec's own stream, so the slices carry the network's state, memory is bounded, and where one
ends cannot be heard or measured.
"""

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor

from lgr.codecs.base import CodecInfo, check_audio, check_latents
from lgr.codecs.chunked import fold
from lgr.errors import ShapeError


class SlicedCodec(ABC):
    """Base of ``BundledCodec`` and ``TrainedCodec``; a ``StreamingCodec``.

    Parameters
    ----------
    info : what the codec is, of one channel
    like : a tensor of the network, whose device and type the network computes in
    slice_frames : int >= 1, latent frames that are worked on at once
    """

    def __init__(self, info: CodecInfo, like: Tensor, slice_frames: int) -> None:
        self._info = info
        self._like = like
        self._slice_frames = slice_frames

    @property
    def info(self) -> CodecInfo:
        return self._info

    @torch.no_grad()
    def encode(self, audio: Tensor) -> Tensor:
        """``(batch, 1, samples)`` to ``(batch, latent_dim, ceil(samples / hop_length))``."""
        check_audio(self._info, audio)
        return fold(self.encode_step, audio, self._slice_frames * self._info.hop_length)

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """``(batch, latent_dim, frames)`` to ``(batch, 1, frames * hop_length)``."""
        check_latents(self._info, latents)
        return fold(self.decode_step, latents, self._slice_frames)

    @abstractmethod
    def features(self, latents: Tensor) -> Tensor: ...

    @abstractmethod
    def encode_step(self, state: Any, audio: Tensor, *, flush: bool = False) -> tuple[Any, Tensor]: ...

    @abstractmethod
    def decode_step(self, state: Any, latents: Tensor, *, flush: bool = False) -> tuple[Any, Tensor]: ...

    def _to_net(self, x: Tensor) -> Tensor:
        return x.to(self._like)

    def _check_audio_step(self, audio: Tensor) -> None:
        if audio.ndim != 3 or audio.shape[1] != 1:
            raise ShapeError(f"audio must be (batch, 1, samples), got {tuple(audio.shape)}")

    def _check_latents_step(self, latents: Tensor) -> None:
        if latents.ndim != 3 or latents.shape[1] != self._info.latent_dim:
            raise ShapeError(f"latents must be (batch, {self._info.latent_dim}, frames), got {tuple(latents.shape)}")
