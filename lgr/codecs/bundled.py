"""The codec in the box: 24 kHz, 75 frames a second, causal, streaming, trained by this project (see its card).

A latent is ``[envelope | detail]`` (see ``lgr.models.bundled.envelope_net``). Matching reads only the envelope: there,
cosine means timbre.
"""

import copy
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

import torch
from torch import Tensor, nn

from lgr.codecs.base import CodecInfo, check_latents
from lgr.codecs.folder import NoFirstWeights, read_folder
from lgr.codecs.sliced import SlicedCodec
from lgr.errors import WeightsError
from lgr.files import sha256
from lgr.models.bundled.envelope_net import DecodeState, EncodeState, EnvelopeNet, EnvelopeNetConfig
from lgr.models.timbre import raise_floor

OF_DETAIL = 1.0  # square nepers: what a wrong detail, companded, counts beside a wrong envelope
WARM = 4  # steps after which TorchScript has done with optimising
SLICE_FRAMES = 1500  # 20 seconds at a time


@dataclass(frozen=True)
class BundledEncodeState:
    """What a stream of audio has left over: the network's state and samples that do not yet fill a hop."""

    net: EncodeState | None
    samples: Tensor  # (batch, fewer than hop_length)


@dataclass(frozen=True)
class BundledDecodeState:
    net: DecodeState | None


class _Encoding(nn.Module):
    def __init__(self, net: EnvelopeNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, state: EncodeState | None, audio: Tensor) -> tuple[EncodeState, Tensor]:
        return self.net.encode(state, audio)


class _Decoding(nn.Module):
    def __init__(self, net: EnvelopeNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, state: DecodeState | None, latents: Tensor) -> tuple[DecodeState, Tensor]:
        return self.net.decode(state, latents)


class BundledCodec(SlicedCodec):
    """``EnvelopeNet`` behind the codec protocol; also a ``StreamingCodec`` one hop behind.

    Computes in float32 (or the ``dtype`` it was made with); input of another type is converted, and so is the output.

    Parameters
    ----------
    net : the network; it is put in evaluation mode
    features, bias : Tensors, (feature_dim, n_bands) and (feature_dim,) or None, the map from the envelope to what
        matching reads (``lgr.models.timbre``)
    floor : of the envelope before that map, in decades above -120 dBFS; None leaves it as it is
    """

    def __init__(
        self,
        net: EnvelopeNet,
        features: Tensor,
        bias: Tensor | None = None,
        *,
        floor: float | None = None,
        name: str = "bundled",
        version: str = "",
        licence: str = "MIT",
    ) -> None:
        self._net = net.eval().requires_grad_(False)
        self._encode: Callable[..., tuple[EncodeState, Tensor]] = self._net.encode
        self._decode: Callable[..., tuple[DecodeState, Tensor]] = self._net.decode
        self._twin: BundledCodec | None = None
        self._features = features
        self._bias = features.new_zeros(features.shape[0]) if bias is None else bias
        self._floor = floor
        c = net.config
        info = CodecInfo(
            name=name,
            sample_rate=c.sample_rate,
            hop_length=c.hop_length,
            channels=1,
            latent_dim=c.latent_dim,
            lookahead=c.hop_length,
            causal=True,
            licence=licence,
            version=version,
        )
        super().__init__(info, features, SLICE_FRAMES)

    @classmethod
    def from_folder(
        cls,
        folder: str | Path,
        *,
        name: str | None = None,
        device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> "BundledCodec":
        """Open a folder written by ``lgr train codec``: ``config.json`` and ``model.safetensors``.

        ``name`` is the folder as it was given, unless told otherwise, so that ``load_codec(info.name)`` finds it again.

        Raises
        ------
        WeightsError : a file is missing or damaged, or the two do not fit each other
        ArgumentError : ``dtype`` is half precision: the envelope of quiet sound is below what float16 can hold
        """
        folder = Path(folder)
        described, weights = read_folder(folder, dtype)
        if not isinstance(described, dict) or described.get("format", 1) != 1:
            raise WeightsError(f"{folder / 'config.json'} must describe a bundled codec of format 1, got {described!r}")
        known = {f.name for f in fields(EnvelopeNetConfig)}
        try:
            with NoFirstWeights():
                net = EnvelopeNet(EnvelopeNetConfig(**{k: v for k, v in described.items() if k in known}))
            features = weights.pop("features", torch.eye(net.config.n_bands))
            bias = weights.pop("features_bias", torch.zeros(features.shape[0]))
            floor = weights.pop("features_floor", None)
            net.load_state_dict({k: v.float() for k, v in weights.items()})
        except (RuntimeError, TypeError) as error:
            raise WeightsError(f"{folder}: the weights do not fit config.json: {error}") from error
        if features.ndim != 2 or features.shape[1] != net.config.n_bands or bias.shape != features.shape[:1]:
            raise WeightsError(f"{folder}: features must be (n, {net.config.n_bands}), got {tuple(features.shape)}")
        return cls(
            net.to(device=device, dtype=dtype),
            features.to(device=device, dtype=dtype),
            bias.to(device=device, dtype=dtype),
            floor=None if floor is None else float(floor),
            name=str(folder) if name is None else name,
            version=sha256(folder / "model.safetensors")[:12],
        )

    def stepping(self) -> "BundledCodec":
        """The same codec with its network compiled, for streams: steps of a frame or two take a quarter less time.

        Compiling takes about a second.
        """
        if self._twin is None:
            twin = copy.copy(self)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # of TorchScript
                twin._encode = torch.jit.script(_Encoding(self._net).eval())
                twin._decode = torch.jit.script(_Decoding(self._net).eval())
            ahead: BundledEncodeState | None = None
            behind: BundledDecodeState | None = None
            for _ in range(WARM):
                ahead, latents = twin.encode_step(ahead, self._like.new_zeros(1, 1, self._info.hop_length))
                behind, _ = twin.decode_step(behind, latents)
            self._twin = twin
        return self._twin

    def heard_form(self) -> Tensor:
        """How far apart latents sound (``lgr.models.heard``): the envelope's bands, in nepers, and the detail."""
        c = self._net.config
        bands = torch.full((c.n_bands,), math.log(10) ** 2 / c.n_bands)
        return torch.diag(torch.cat([bands, torch.full((c.n_detail,), OF_DETAIL / c.n_detail)]))

    @property
    def config(self) -> EnvelopeNetConfig:
        return self._net.config

    @property
    def net(self) -> EnvelopeNet:
        return self._net

    @property
    def feature_map(self) -> tuple[Tensor, Tensor, float | None]:
        """Matrix, bias and floor of ``features``."""
        return self._features, self._bias, self._floor

    @torch.no_grad()
    def features(self, latents: Tensor) -> Tensor:
        """The envelope part, through a fixed map: ``(batch, feature_dim, frames)``."""
        check_latents(self._info, latents)
        envelope = self._to_net(latents[:, : self.config.n_bands])
        if self._floor is not None:
            envelope = raise_floor(envelope, self._floor)
        return (self._features @ envelope + self._bias[:, None]).to(latents)

    @torch.no_grad()
    def encode_step(
        self, state: BundledEncodeState | None, audio: Tensor, *, flush: bool = False
    ) -> tuple[BundledEncodeState, Tensor]:
        """Latents of the hops that are now full; ``flush`` fills the last one with silence."""
        self._check_audio_step(audio)
        hop = self._info.hop_length
        samples = self._to_net(audio[:, 0])
        if state is not None:
            samples = torch.cat([state.samples, samples], 1)
        frames = -(-samples.shape[1] // hop) if flush else samples.shape[1] // hop
        missing = frames * hop - samples.shape[1]
        samples = torch.nn.functional.pad(samples, (0, max(0, missing)))
        net_state = None if state is None else state.net
        if frames == 0:
            latents = samples.new_zeros(samples.shape[0], 0, self._info.latent_dim)
        else:
            net_state, latents = self._encode(net_state, samples[:, : frames * hop])
        return BundledEncodeState(net_state, samples[:, frames * hop :]), latents.transpose(1, 2).to(audio)

    @torch.no_grad()
    def decode_step(
        self, state: BundledDecodeState | None, latents: Tensor, *, flush: bool = False
    ) -> tuple[BundledDecodeState, Tensor]:
        """Audio up to one hop behind the latents; ``flush`` gives that last hop too."""
        self._check_latents_step(latents)
        net_state = None if state is None else state.net
        audio = latents.new_zeros(latents.shape[0], 0)
        if latents.shape[2]:
            first = net_state is None
            net_state, audio = self._decode(net_state, self._to_net(latents.transpose(1, 2)))
            audio = audio[:, self._info.hop_length if first else 0 :]  # block -1 lies before the file
        if flush and net_state is not None:
            audio = torch.cat([audio, net_state.overlap], 1)
            net_state = None
        return BundledDecodeState(net_state), self._net.output(audio).unsqueeze(1).to(latents)
