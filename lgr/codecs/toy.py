"""A codec with no weights: the orthonormal cosine transform of each block of samples.

Its latents can be read (dimension k is the level of a cosine with k half-periods a block), whole latents give the audio
back exactly, and a smaller ``latent_dim`` is a low-pass filter. Tests and teaching use it where a real codec would do.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from lgr.codecs.base import CodecInfo, check_audio, check_latents
from lgr.errors import ArgumentError, ShapeError


@dataclass(frozen=True)
class ToyState:
    """Samples that do not fill a block yet, ``(batch, channels, 0 .. hop_length - 1)``."""

    pending: Tensor


class ToyCodec:
    """Blocks of ``hop_length`` samples to their first DCT-II coefficients and back. Causal, with no look-ahead.

    Parameters
    ----------
    latent_dim : int, a multiple of ``channels`` up to ``hop_length * channels``; the default keeps everything
    sample_rate, hop_length, channels : int; each channel's coefficients follow one another along the latent axis

    Examples
    --------
    >>> import torch
    >>> from lgr.codecs import ToyCodec
    >>> audio = torch.randn(1, 1, 3200, generator=torch.Generator().manual_seed(0))
    >>> codec = ToyCodec()
    >>> torch.allclose(codec.decode(codec.encode(audio)), audio, atol=1e-6)
    True
    >>> ToyCodec(16).encode(audio).shape  # the lowest 16 of 320 coefficients: a low-pass filter
    torch.Size([1, 16, 10])
    """

    def __init__(
        self,
        latent_dim: int | None = None,
        *,
        sample_rate: int = 24_000,
        hop_length: int = 320,
        channels: int = 1,
    ) -> None:
        from scipy.fft import dct

        whole = hop_length * channels
        latent_dim = whole if latent_dim is None else latent_dim
        if not 1 <= latent_dim <= whole or latent_dim % channels:
            raise ArgumentError(f"latent_dim must be a multiple of {channels} from 1 to {whole}, got {latent_dim}")
        self._info = CodecInfo(
            name="toy",
            sample_rate=sample_rate,
            hop_length=hop_length,
            channels=channels,
            latent_dim=latent_dim,
            licence="MIT",
        )
        basis = torch.from_numpy(dct(torch.eye(hop_length, dtype=torch.float64).numpy(), norm="ortho", axis=0))
        self._basis = basis[: latent_dim // channels]  # (coefficients, hop_length), orthonormal rows

    @property
    def info(self) -> CodecInfo:
        return self._info

    @property
    def basis(self) -> Tensor:
        """Orthonormal rows ``(latent_dim / channels, hop_length)``, float64."""
        return self._basis

    @torch.no_grad()
    def encode(self, audio: Tensor) -> Tensor:
        """``(batch, channels, samples)`` to ``(batch, latent_dim, ceil(samples / hop_length))``; zeros fill the end."""
        check_audio(self.info, audio)
        return self._analyse(self._padded(audio))

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """``(batch, latent_dim, frames)`` to ``(batch, channels, frames * hop_length)``."""
        check_latents(self.info, latents)
        return self._synthesise(latents)

    def features(self, latents: Tensor) -> Tensor:
        """The latents themselves."""
        check_latents(self.info, latents)
        return latents.detach()

    @torch.no_grad()
    def encode_step(self, state: ToyState | None, audio: Tensor, *, flush: bool = False) -> tuple[ToyState, Tensor]:
        """Encode a chunk of any length, 0 included; what does not fill a block waits for the next chunk or flush."""
        if audio.ndim != 3 or audio.shape[1] != self.info.channels:
            raise ShapeError(f"audio must be (batch, {self.info.channels}, samples), got {tuple(audio.shape)}")
        samples = audio if state is None else torch.cat([state.pending, audio], dim=2)
        if flush:
            samples = self._padded(samples)
        whole = samples.shape[2] - samples.shape[2] % self.info.hop_length
        return ToyState(samples[:, :, whole:].clone()), self._analyse(samples[:, :, :whole])

    @torch.no_grad()
    def decode_step(
        self, state: ToyState | None, latents: Tensor, *, flush: bool = False
    ) -> tuple[ToyState | None, Tensor]:
        """Decode a chunk of frames, 0 included; a block needs no other, so there is no state to keep."""
        if latents.ndim != 3 or latents.shape[1] != self.info.latent_dim:
            raise ShapeError(f"latents must be (batch, {self.info.latent_dim}, frames), got {tuple(latents.shape)}")
        return None, self._synthesise(latents)

    def _padded(self, audio: Tensor) -> Tensor:
        return torch.nn.functional.pad(audio, (0, -audio.shape[2] % self.info.hop_length))

    def _analyse(self, audio: Tensor) -> Tensor:
        batch, channels, samples = audio.shape
        frames = samples // self.info.hop_length
        blocks = audio.reshape(batch, channels, frames, self.info.hop_length)
        coefficients = blocks @ self._basis.T.to(audio)  # (batch, channels, frames, latent_dim / channels)
        return coefficients.transpose(2, 3).reshape(batch, self.info.latent_dim, frames)

    def _synthesise(self, latents: Tensor) -> Tensor:
        batch, latent_dim, frames = latents.shape
        channels = self.info.channels
        coefficients = latents.reshape(batch, channels, latent_dim // channels, frames).transpose(2, 3)
        blocks = coefficients @ self._basis.to(latents)  # (batch, channels, frames, hop_length)
        return blocks.reshape(batch, channels, frames * self.info.hop_length)
