"""What the wrappers of pretrained codecs share: device and dtype, the latent space, RVQ levels, streaming.

A wrapper gives ``_encode``, ``_decode``, ``_quantize`` and ``_dequantize``, which see checked tensors on the model's
device; the public methods here check, move, cast and switch the autograd graph off. Networks run in the model's
``dtype``; codebook search always in float32, where a near tie is not decided by rounding.
"""

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor

from lgr.codecs.base import SPACES, CodecInfo, check_audio, check_code_rows, check_latents
from lgr.codecs.checkpoints import check_choice
from lgr.codecs.chunked import Pipeline
from lgr.errors import ArgumentError, ShapeError

DTYPES = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
CODEBOOK_SIZE = 1024  # of every codec here
QUANTIZE_FRAMES = 4096  # a block of codebook search: its distance matrix is this times CODEBOOK_SIZE


class PretrainedCodec(ABC):
    """Base of EnCodec and DAC.

    Parameters
    ----------
    info : what the codec is
    space : "latent" for pre-quantisation latents, "quantized" for what ``n_levels`` of RVQ leave of them
    n_levels : RVQ levels of ``quantize``, 1 to ``max_levels``; None for all
    max_levels : levels the model has
    device, dtype : where and in what the networks run; results come back on the input's device, in its dtype
    chunk_seconds : audio worked on at once; memory grows with it, results do not depend on it
    """

    def __init__(
        self,
        info: CodecInfo,
        *,
        space: str,
        n_levels: int | None,
        max_levels: int,
        device: str | torch.device,
        dtype: torch.dtype,
        chunk_seconds: float,
    ) -> None:
        check_choice("space", space, SPACES)
        n_levels = max_levels if n_levels is None else n_levels
        if not 1 <= n_levels <= max_levels:
            raise ArgumentError(f"n_levels must be 1 to {max_levels} for {info.name}, got {n_levels}")
        if dtype not in DTYPES:
            raise ArgumentError(f"dtype must be one of {', '.join(map(str, DTYPES))}, got {dtype}")
        if not chunk_seconds > 0:
            raise ArgumentError(f"chunk_seconds must be above 0, got {chunk_seconds}")
        self._info = info.in_space(space, n_levels)
        self.space = space
        self.n_levels = n_levels
        self.device = torch.device(device)
        self.dtype = dtype
        # whole frames, so that chunks of audio and of latents cover the same time
        self._chunk_frames = max(1, round(chunk_seconds * info.frame_rate))

    @property
    def info(self) -> CodecInfo:
        """Rates, sizes and look-ahead."""
        return self._info

    @property
    def n_codebooks(self) -> int:
        """Rows of ``quantize``'s codes."""
        return self.n_levels

    @property
    def code_entries(self) -> int:
        """Of every level."""
        return CODEBOOK_SIZE

    @torch.no_grad()
    def encode(self, audio: Tensor) -> Tensor:
        """Audio ``(batch, channels, samples)`` to latents ``(batch, latent_dim, ceil(samples / hop_length))``."""
        check_audio(self.info, audio)
        return self._to_space(self._encode(self._mine(audio))).to(audio)

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Latents ``(batch, latent_dim, frames)`` to audio ``(batch, channels, frames * hop_length)``."""
        check_latents(self.info, latents)
        return self._decode(self._mine(latents)).to(latents)

    def features(self, latents: Tensor) -> Tensor:
        """What matching reads: the latents themselves."""
        check_latents(self.info, latents)
        return latents

    @torch.no_grad()
    def quantize(self, latents: Tensor) -> Tensor:
        """Latents ``(batch, latent_dim, frames)`` to int64 codes ``(batch, n_codebooks, frames)``, coarsest first."""
        check_latents(self.info, latents)
        blocks = torch.split(latents.to(self.device, torch.float32), QUANTIZE_FRAMES, -1)
        return torch.cat([self._quantize(block) for block in blocks], -1).to(latents.device)

    @torch.no_grad()
    def dequantize(self, codes: Tensor) -> Tensor:
        """Codes ``(batch, 1 to n_codebooks, frames)``, each 0 to 1023, to float32 latents that ``decode`` accepts."""
        check_code_rows(self, codes)
        return self._dequantize(codes.to(self.device)).to(codes.device)

    def _mine(self, signal: Tensor) -> Tensor:
        return signal.to(self.device, self.dtype)

    def _to_space(self, latents: Tensor) -> Tensor:
        """Pre-quantisation latents to those of ``space``."""
        if self.space == "latent" or latents.shape[-1] == 0:
            return latents
        return self.dequantize(self.quantize(latents)).to(latents)

    @abstractmethod
    def _encode(self, audio: Tensor) -> Tensor: ...

    @abstractmethod
    def _decode(self, latents: Tensor) -> Tensor: ...

    @abstractmethod
    def _quantize(self, latents: Tensor) -> Tensor: ...

    @abstractmethod
    def _dequantize(self, codes: Tensor) -> Tensor: ...


class PipelineCodec(PretrainedCodec):
    """A pretrained codec whose networks run on chunks, and which therefore streams: a step costs what is new in it.

    The first chunks of a stream may give nothing back: a frame goes out once all it depends on has come, which is at
    most ``info.lookahead`` samples after its own last sample.
    """

    _encoder: Pipeline
    _decoder: Pipeline

    @torch.no_grad()
    def encode_step(self, state: Any, audio: Tensor, *, flush: bool = False) -> tuple[Any, Tensor]:
        """Encode the next ``(batch, channels, samples >= 0)`` of a stream; ``state`` is None at its start."""
        _check_chunk("audio", audio, self.info.channels)
        state, latents = self._encoder.step(state, self._mine(audio), flush=flush)
        return state, self._to_space(latents).to(audio)

    @torch.no_grad()
    def decode_step(self, state: Any, latents: Tensor, *, flush: bool = False) -> tuple[Any, Tensor]:
        """Decode the next ``(batch, latent_dim, frames >= 0)`` of a stream; ``state`` is None at its start."""
        _check_chunk("latents", latents, self.info.latent_dim)
        state, audio = self._decoder.step(state, self._mine(latents), flush=flush)
        return state, audio.to(latents)

    def _encode(self, audio: Tensor) -> Tensor:
        return self._encoder.whole(audio, self._chunk_frames * self.info.hop_length)

    def _decode(self, latents: Tensor) -> Tensor:
        return self._decoder.whole(latents, self._chunk_frames)


def _check_chunk(name: str, chunk: Tensor, rows: int) -> None:
    if chunk.ndim != 3 or chunk.shape[0] == 0 or chunk.shape[1] != rows or not chunk.is_floating_point():
        raise ShapeError(
            f"{name} must be a floating (batch, {rows}, length >= 0), got {tuple(chunk.shape)} {chunk.dtype}"
        )
