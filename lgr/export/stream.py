"""What a codec is as a scriptable stream: the same weights behind one interface, whose state is a list of tensors.

Of a stream of whole hops ``encode`` gives the latents of frames that are known, ``late_frames`` behind at first, and
``decode`` as much audio as there were frames, ``late_samples`` behind: the first of it lies before the stream.
"""

from torch import Tensor, nn

from lgr.codecs.base import CodecInfo


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
