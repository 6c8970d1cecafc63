"""The codec protocol: audio to a sequence of latent vectors and back.

Conventions: audio ``(batch, channels, samples)`` in [-1, 1]; latents ``(batch, latent_dim, frames)``; codes
``(batch, n_codebooks, frames)``. Latents are continuous and pre-quantisation unless a codec was made with
``space="quantized"``. Device and dtype follow the input. Nothing here knows of grains.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol, Self, runtime_checkable

import torch
from torch import Tensor

from lgr.errors import ArgumentError, CodebookError, ShapeError

SPACES = ("latent", "quantized")
LOADERS = ("transformers", "reference")  # whose model classes run a checkpoint: the original packages' are the second


@dataclass(frozen=True, kw_only=True)
class CodecInfo:
    """What a codec is. Lengths are samples at ``sample_rate``.

    ``lookahead`` is how many samples beyond the end of its own hop an output sample may depend on when audio is
    encoded and decoded (0 for a strictly causal codec); it is the algorithmic delay of streaming on top of one hop.
    ``causal`` says that this look-ahead is the whole of it: output sample ``n`` never depends on input samples at or
    after ``(n // hop_length + 1) * hop_length + lookahead``. For a codec that is not causal, ``lookahead`` is the
    reach of its receptive field into the future.

    ``space`` says whether latents are taken before quantisation ("latent") or after it ("quantized"), and ``n_levels``
    how many levels of the quantizer are left in them (None before it).

    ``version`` tells latents apart that only look alike, in files too: a fingerprint of trained weights, or, where none
    is given, what ``space`` and ``n_levels`` say. Codebooks and scores remember it.

    Examples
    --------
    >>> import lgr
    >>> info = lgr.CodecInfo(name="mine", sample_rate=24000, hop_length=320, channels=1, latent_dim=128)
    >>> info.frame_rate, info.frames(24001)
    (75.0, 76)
    """

    name: str
    sample_rate: int
    hop_length: int
    channels: int
    latent_dim: int
    lookahead: int = 0
    causal: bool = True
    licence: str = ""
    version: str = ""
    space: str = "latent"
    n_levels: int | None = None

    def __post_init__(self) -> None:
        if self.space not in SPACES or (self.space == "latent") != (self.n_levels is None):
            raise ArgumentError(
                f'n_levels must be given with space="quantized" and only there, got {self.space!r} and {self.n_levels}'
            )
        if self.space == "quantized" and not self.version:
            object.__setattr__(self, "version", f"quantized/{self.n_levels}")

    def in_space(self, space: str, n_levels: int) -> Self:
        """What the codec is when asked for the latents of ``space``, ``n_levels`` of its quantizer being used."""
        return replace(self, version="", space=space, n_levels=n_levels if space == "quantized" else None)

    @property
    def options(self) -> dict[str, Any]:
        """The options of ``load_codec`` that give such latents."""
        return {"space": self.space, "n_levels": self.n_levels} if self.space == "quantized" else {}

    def to_json(self) -> dict[str, Any]:
        """As files hold it: ``version`` says what ``space`` and ``n_levels`` do."""
        return {name: value for name, value in asdict(self).items() if name not in ("space", "n_levels")}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The inverse of ``to_json``; ``TypeError`` or ``ValueError`` for what it did not write."""
        return cls(**data, **version_options(str(data.get("version", ""))))

    @property
    def frame_rate(self) -> float:
        """Latent frames a second, unrounded (DAC at 44.1 kHz: 86.13)."""
        return self.sample_rate / self.hop_length

    def frames(self, samples: int) -> int:
        """Number of latent frames of ``samples`` samples: ``ceil(samples / hop_length)``."""
        return -(-samples // self.hop_length)


def version_options(version: str) -> dict[str, Any]:
    """The ``load_codec`` options behind a ``version`` that was read from a file; for a fingerprint there are none."""
    space, _, levels = version.partition("/")
    return {"space": space, "n_levels": int(levels)} if space == "quantized" else {}


def same_latents(a: CodecInfo, b: CodecInfo) -> bool:
    """Whether the two codecs' latents may be mixed. The same trained weights may go by the names of two folders."""
    shapes = [(c.sample_rate, c.hop_length, c.channels, c.latent_dim, c.version) for c in (a, b)]
    return shapes[0] == shapes[1] and (a.name == b.name or bool(a.version))


def check_same_codec(what: str, made_by: CodecInfo, codec: CodecInfo) -> None:
    """Raise ``CodebookError`` unless ``what`` was made with this codec, weights and space included."""
    if same_latents(made_by, codec):
        return
    said = []
    for c in (made_by, codec):
        facts = [f"{c.sample_rate} Hz", f"hop {c.hop_length}", f"latent size {c.latent_dim}", c.version]
        said.append(f"{c.name!r} ({', '.join(filter(None, facts))})")
    raise CodebookError(
        f"{what} was made with codec {said[0]}, not {said[1]}; use that codec and version, or build it "
        "again with this one"
    )


@runtime_checkable
class Codec(Protocol):
    """What every operation of lgr asks of a codec. ``encode`` and ``decode`` never build an autograd graph.

    Examples
    --------
    >>> import lgr, torch
    >>> codec = lgr.load_codec("toy")
    >>> isinstance(codec, lgr.Codec)
    True
    >>> latents = codec.encode(torch.zeros(1, 1, 24000))
    >>> latents.shape, codec.decode(latents).shape
    (torch.Size([1, 320, 75]), torch.Size([1, 1, 24000]))
    """

    @property
    def info(self) -> CodecInfo: ...

    def encode(self, audio: Tensor) -> Tensor:
        """``(batch, channels, samples)`` to ``(batch, latent_dim, ceil(samples / hop_length))``."""
        ...

    def decode(self, latents: Tensor) -> Tensor:
        """``(batch, latent_dim, frames)`` to ``(batch, channels, frames * hop_length)``."""
        ...

    def features(self, latents: Tensor) -> Tensor:
        """What matching reads: ``(batch, latent_dim, frames)`` to ``(batch, feature_dim, frames)``, often equal."""
        ...


def generates(codec: Codec) -> bool:
    """Whether the codec's decoder makes new sound for every frame of a latent that is held, rather than copy a wave.

    A codec says so by an attribute ``generates``; one that has none copies waveforms, and hums at its frame rate when a
    latent is held. Models of noise, and of spectra whose phases run on, generate.

    Examples
    --------
    >>> import lgr
    >>> from lgr.codecs.base import generates
    >>> generates(lgr.load_codec("toy")), generates(lgr.load_codec("textures-noiseband"))
    (False, True)
    """
    return bool(getattr(codec, "generates", False))


def heard_form(codec: Codec) -> Tensor | None:
    """How far apart the codec's latents sound (``lgr.models.heard``), ``(latent_dim, latent_dim)``.

    A codec says so by a method ``heard_form``; None where it has none: all its latents' numbers count alike.
    """
    says = getattr(codec, "heard_form", None)
    form: Tensor | None = None if says is None else says()
    return form


def codes_version(codec: Codec) -> str:
    """Tells codes apart that only look alike: the fingerprint of a quantizer that has a file of its own, else ""."""
    return str(getattr(codec, "codes_version", ""))


@runtime_checkable
class DiscreteCodec(Codec, Protocol):
    """A codec whose latents can be turned into integer codes, by a residual quantizer: the first level is the coarsest.

    Attributes
    ----------
    n_codebooks : levels of the codes that ``quantize`` gives
    code_entries : of each level; codes are below it
    """

    @property
    def n_codebooks(self) -> int: ...

    @property
    def code_entries(self) -> int: ...

    def quantize(self, latents: Tensor) -> Tensor:
        """``(batch, latent_dim, frames)`` to int64 codes ``(batch, n_codebooks, frames)``."""
        ...

    def dequantize(self, codes: Tensor) -> Tensor:
        """Codes ``(batch, n_codebooks, frames)`` to latents that ``decode`` accepts.

        The first rows alone, at least one, give what these levels say; where a codec cannot, it raises ``ShapeError``.
        """
        ...


def check_code_rows(codec: DiscreteCodec, codes: Tensor) -> None:
    """Raise unless ``codes`` is int64 ``(batch, 1 to n_codebooks, frames)`` of entries that there are.

    Raises
    ------
    ShapeError : another shape, or nothing in it
    ArgumentError : another type, or entries that do not exist
    """
    name, levels, entries = codec.info.name, codec.n_codebooks, codec.code_entries
    if codes.ndim != 3 or not 1 <= codes.shape[1] <= levels or 0 in codes.shape:
        raise ShapeError(f"codes must be (batch, 1 to {levels} levels, frames) for {name}, got {tuple(codes.shape)}")
    if codes.dtype != torch.int64 or not 0 <= int(codes.min()) <= int(codes.max()) < entries:
        raise ArgumentError(
            f"codes must be int64 from 0 to {entries - 1} for {name}, got {codes.dtype} from {codes.min().item()} to "
            f"{codes.max().item()}"
        )


@runtime_checkable
class StreamingCodec(Codec, Protocol):
    """A codec that can work chunk by chunk. State is a value: ``None`` starts a stream, and it is never mutated.

    The concatenated outputs of the steps, plus the flush, equal the offline result for any chunking.
    ``flush=True`` marks the last chunk (which may be empty).

    Examples
    --------
    >>> import torch
    >>> from lgr.codecs import StreamingCodec, ToyCodec
    >>> codec, audio = ToyCodec(), torch.randn(1, 1, 1000, generator=torch.Generator().manual_seed(0))
    >>> isinstance(codec, StreamingCodec)
    True
    >>> state, first = codec.encode_step(None, audio[..., :500])
    >>> state, rest = codec.encode_step(state, audio[..., 500:], flush=True)
    >>> torch.allclose(torch.cat([first, rest], 2), codec.encode(audio), atol=1e-5)
    True
    """

    def encode_step(self, state: Any, audio: Tensor, *, flush: bool = False) -> tuple[Any, Tensor]: ...

    def decode_step(self, state: Any, latents: Tensor, *, flush: bool = False) -> tuple[Any, Tensor]: ...


def check_audio(info: CodecInfo, audio: Tensor) -> None:
    """Raise ``ShapeError`` unless ``audio`` is a non-empty floating ``(batch, channels, samples)`` for this codec."""
    if audio.ndim != 3 or audio.shape[1] != info.channels:
        raise ShapeError(f"audio must be (batch, {info.channels}, samples) for {info.name}, got {tuple(audio.shape)}")
    if audio.shape[0] == 0 or audio.shape[2] == 0:
        raise ShapeError(f"audio must have at least one sample, got {tuple(audio.shape)}")
    if not torch.is_floating_point(audio):
        raise ArgumentError(f"audio must be floating point in [-1, 1], got {audio.dtype}")


def check_latents(info: CodecInfo, latents: Tensor) -> None:
    """Raise ``ShapeError`` unless ``latents`` is a non-empty floating ``(batch, latent_dim, frames)`` of this codec."""
    if latents.ndim != 3 or latents.shape[1] != info.latent_dim:
        raise ShapeError(
            f"latents must be (batch, {info.latent_dim}, frames) for {info.name}, got {tuple(latents.shape)}"
        )
    if latents.shape[0] == 0 or latents.shape[2] == 0:
        raise ShapeError(f"latents must have at least one frame, got {tuple(latents.shape)}")
    if not torch.is_floating_point(latents):
        raise ArgumentError(f"latents must be floating point, got {latents.dtype}")
