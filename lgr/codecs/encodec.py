"""EnCodec (Défossez et al. 2022, arXiv:2210.13438) at 24 kHz (mono, streaming) and 48 kHz (stereo, in segments).

Latents are the encoder's output before quantisation, 128 numbers a frame.

**24 kHz.** Convolutions that look back only, around an LSTM; they run on chunks of any length. They pad by reflection,
so at the very start of a file the first frames read ahead; that is the whole of the declared look-ahead. A stream that
is given silence first waits for nothing.

**48 kHz.** The model divides each one-second segment by its loudness and normalises over time within it. The published
segments overlap by 1 % of a second, 1.5 frames, and keep both latents there, more than one a frame. Here segments start
on whole frames and overlap by 2, where latents and audio are cross-faded (see ``segments``); a file of up to one second
is coded as published. The loudness travels with the latents: their last, 129th number is the natural logarithm of the
scale that the decoder's output is multiplied by, so blending latents and moving grains blends and moves loudness too.
``features`` leaves it out; the last row of codes holds it in steps of 1/8 dB from -100 dB.
"""

import math
import re
import warnings
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lgr.codecs.base import LOADERS, CodecInfo, check_latents
from lgr.codecs.checkpoints import (
    StateDict,
    check_choice,
    find_checkpoint,
    load_plain,
    random_state,
    read_checkpoint,
)
from lgr.codecs.chunked import lookahead, stream_of
from lgr.codecs.pretrained import CODEBOOK_SIZE, PipelineCodec, PretrainedCodec
from lgr.codecs.reference import import_reference
from lgr.codecs.segments import Segments
from lgr.codecs.weights import WeightFile, hub_file
from lgr.errors import MissingPackageError, ShapeError

CODE_DIM = 128
HOP_LENGTH = 320
LEVELS = {"24khz": 32, "48khz": 16}
SEGMENT_FRAMES = 150  # 48 kHz: one second
SEGMENT_STRIDE = 148  # the overlap nearest to the published 1 % that is whole frames
SCALE_FLOOR_DB = -100.0  # of the loudness codes
SCALE_STEP_DB = 1 / 8

# what is known without building the models; a test holds the look-aheads equal to what the models' layers say
CARDS = {
    "encodec-24khz": CodecInfo(
        name="encodec-24khz",
        sample_rate=24_000,
        hop_length=HOP_LENGTH,
        channels=1,
        latent_dim=CODE_DIM,
        lookahead=1_920,
        causal=True,
        licence="MIT",
    ),
    "encodec-48khz": CodecInfo(
        name="encodec-48khz",
        sample_rate=48_000,
        hop_length=HOP_LENGTH,
        channels=2,
        latent_dim=CODE_DIM + 1,
        # a sample where a segment fades in hears the whole of that segment and of the next one's latents
        lookahead=(SEGMENT_STRIDE + SEGMENT_FRAMES - 1) * HOP_LENGTH,
        causal=False,
        licence="MIT",
    ),
}

_RELEASES = "https://dl.fbaipublicfiles.com/encodec/v0/"
_RELEASED = {"24khz": "encodec_24khz-d7cc33bc.th", "48khz": "encodec_48khz-7e698e3e.th"}

WEIGHTS = {
    "encodec-24khz": (hub_file("facebook/encodec_24khz", "c1dbe2ae3f1de713481a3b3e7c47f357092ee040"),),
    "encodec-48khz": (hub_file("facebook/encodec_48khz", "c3def8e7185ac8c8efdce6eb8c4a651e487a503e"),),
}
# the authors' own checkpoints, used where a local folder holds them; their names carry the start of their SHA-256
ORIGINALS = {f"encodec-{v}": (WeightFile(file, _RELEASES + file),) for v, file in _RELEASED.items()}


def transformers_name(name: str) -> str:
    """Transformers' name for a tensor of the original package (``encoder.model.0.conv.conv.bias``, ...)."""
    name = re.sub(r"^(encoder|decoder)\.model\.", r"\1.layers.", name)
    name = re.sub(r"\.conv(tr)?\.(conv(?:tr)?|norm)\.", lambda m: f".{m[2].removesuffix('tr')}.", name)
    return name.replace("quantizer.vq.layers.", "quantizer.layers.").replace("._codebook.", ".codebook.")


def random_weights(variant: str = "24khz", seed: int = 0) -> StateDict:
    """Seeded random weights, for the ``state`` of the variant's codec; the networks' sizes are the real ones."""
    check_choice("variant", variant, list(LEVELS))
    with torch.device("meta"):
        model = _build(variant, "transformers")
    return random_state(model, 1.5, torch.Generator().manual_seed(seed))


class EncodecCodec(PretrainedCodec):
    """What EnCodec's two variants share: loading, and the quantizer.

    Parameters
    ----------
    weights : a checkpoint file, or a folder with ``model.safetensors`` or the original ``.th``; None to look in
        ``LGR_WEIGHTS`` and the caches, and to download otherwise
    loader : "transformers", or "reference" for the package ``encodec``
    space, n_levels, device, dtype, chunk_seconds : see ``PretrainedCodec``
    state : a state dict in transformers' names, instead of ``weights`` (``random_weights`` makes one)

    Raises
    ------
    ArgumentError, WeightsError, MissingPackageError
    """

    variant: ClassVar[str]

    def __init__(
        self,
        *,
        weights: str | Path | None = None,
        loader: str = "transformers",
        space: str = "latent",
        n_levels: int | None = None,
        device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.float32,
        chunk_seconds: float = 10.0,
        state: Mapping[str, Tensor] | None = None,
    ) -> None:
        check_choice("loader", loader, LOADERS)
        card = CARDS[f"encodec-{self.variant}"]
        super().__init__(
            card,
            space=space,
            n_levels=n_levels,
            max_levels=LEVELS[self.variant],
            device=device,
            dtype=dtype,
            chunk_seconds=chunk_seconds,
        )
        if state is None:
            path = find_checkpoint(card.name, WEIGHTS[card.name], ORIGINALS[card.name], weights)
            state = read_checkpoint(path, transformers_name)
        model: Any = _build(self.variant, loader)
        load_plain(model, state, transformers_name)
        model.eval().requires_grad_(False).to(self.device)
        self.quantizer: Any = model.quantizer.to(torch.float32)
        self._levels = (self.quantizer if loader == "transformers" else self.quantizer.vq).layers
        self._set_networks(model.encoder.to(dtype), model.decoder.to(dtype))

    @classmethod
    def random(cls, *, seed: int = 0, **options: Any) -> Self:
        """The variant with ``random_weights``."""
        return cls(state=random_weights(cls.variant, seed), **options)

    @abstractmethod
    def _set_networks(self, encoder: nn.Module, decoder: nn.Module) -> None:
        """Take the two halves; each variant works through a file in its own way."""

    def _quantize(self, latents: Tensor) -> Tensor:
        residual, codes = latents, []
        for level in self._levels[: self.n_levels]:
            codes.append(level.encode(residual))
            residual = residual - level.decode(codes[-1])
        return torch.stack(codes, 1)

    def _dequantize(self, codes: Tensor) -> Tensor:
        latents: Tensor = self.quantizer.decode(codes.transpose(0, 1))
        return latents


class Encodec24Codec(PipelineCodec, EncodecCodec):
    """EnCodec at 24 kHz: convolutions, an LSTM, convolutions, each way. It can stream."""

    variant = "24khz"

    def _set_networks(self, encoder: nn.Module, decoder: nn.Module) -> None:
        self._encoder, self._decoder = stream_of(encoder), stream_of(decoder)
        self._info = replace(self._info, lookahead=lookahead(self._encoder, self._decoder, HOP_LENGTH))


class Encodec48Codec(EncodecCodec):
    """EnCodec at 48 kHz: segments of one second, each with its own loudness."""

    variant = "48khz"

    def _set_networks(self, encoder: nn.Module, decoder: nn.Module) -> None:
        self.encoder, self.decoder = encoder, decoder

    @property
    def n_codebooks(self) -> int:
        """Rows of ``quantize``'s codes: the RVQ levels and the loudness."""
        return self.n_levels + 1

    def features(self, latents: Tensor) -> Tensor:
        """What matching reads: ``(batch, 128, frames)``, the latents without their loudness."""
        check_latents(self.info, latents)
        return latents[:, :CODE_DIM]

    def _mine(self, signal: Tensor) -> Tensor:
        # the loudness is taken out, and segments are put together, in no smaller type than float32
        return signal.to(self.device, torch.promote_types(self.dtype, torch.float32))

    def _encode(self, audio: Tensor) -> Tensor:
        segments = Segments(self.info.frames(audio.shape[-1]), SEGMENT_FRAMES, SEGMENT_STRIDE)
        out = audio.new_zeros(audio.shape[0], CODE_DIM + 1, segments.frames)
        for group in self._groups(segments, audio.shape[-1]):
            pieces = [audio[..., s * HOP_LENGTH : (s + SEGMENT_FRAMES) * HOP_LENGTH] for s in group.values()]
            piece = torch.cat(pieces)  # (segments * batch, channels, samples)
            scale = piece.mean(1, keepdim=True).square().mean(-1, keepdim=True).sqrt() + 1e-8
            latents = self.encoder((piece / scale).to(self.dtype)).to(piece)
            latents = torch.cat([latents, scale.log().expand(-1, -1, latents.shape[-1])], 1)
            _cross_fade(out, segments, group, latents, 1)
        return out

    def _decode(self, latents: Tensor) -> Tensor:
        segments = Segments(latents.shape[-1], SEGMENT_FRAMES, SEGMENT_STRIDE)
        out = latents.new_zeros(latents.shape[0], self.info.channels, segments.frames * HOP_LENGTH)
        for group in self._groups(segments, segments.frames * HOP_LENGTH):
            piece = torch.cat([latents[..., s : s + SEGMENT_FRAMES] for s in group.values()])
            # from frame centres to samples: a change of loudness between frames is a ramp, not a step
            gain = F.interpolate(piece[:, CODE_DIM:], scale_factor=float(HOP_LENGTH), mode="linear").exp()
            audio = self.decoder(piece[:, :CODE_DIM].to(self.dtype)).to(piece) * gain
            _cross_fade(out, segments, group, audio, HOP_LENGTH)
        return out

    def _groups(self, segments: Segments, samples: int) -> list[dict[int, int]]:
        """Index to first frame of the segments to run together: one chunk of audio, all of one length."""
        size = max(1, self._chunk_frames // SEGMENT_FRAMES)
        items = list(enumerate(segments.starts))
        # the last one's last frame may be only partly there
        ragged = [items.pop()] if samples % HOP_LENGTH else []
        groups = [dict(items[first : first + size]) for first in range(0, len(items), size)]
        return groups + [dict(ragged)] * bool(ragged)

    def _quantize(self, latents: Tensor) -> Tensor:
        level_db = latents[:, CODE_DIM:] * (20 / math.log(10))
        scale = ((level_db - SCALE_FLOOR_DB) / SCALE_STEP_DB).round().clamp(0, CODEBOOK_SIZE - 1).long()
        return torch.cat([super()._quantize(latents[:, :CODE_DIM]), scale], 1)

    def _dequantize(self, codes: Tensor) -> Tensor:
        if codes.shape[1] != self.n_codebooks:  # the last row is the loudness
            raise ShapeError(f"codes must be (batch, {self.n_codebooks}, frames), got {tuple(codes.shape)}")
        level_db = codes[:, -1:] * SCALE_STEP_DB + SCALE_FLOOR_DB
        return torch.cat([super()._dequantize(codes[:, :-1]), level_db * (math.log(10) / 20)], 1)


def _cross_fade(out: Tensor, segments: Segments, group: dict[int, int], parts: Tensor, per_frame: int) -> None:
    """Add the segments of ``group``, stacked along the batch in ``parts``, into ``out``."""
    for (index, start), part in zip(group.items(), torch.split(parts, out.shape[0]), strict=True):
        where = slice(start * per_frame, start * per_frame + part.shape[-1])
        out[..., where] += part * segments.weight(index, per_frame).to(out)


def _build(variant: str, loader: str) -> nn.Module:
    """The variant's model with weights that are still to be loaded."""
    model: nn.Module
    if loader == "reference":
        package = import_reference("encodec.model", ("torchaudio",), "encodec==0.1.1")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # the package's weight_norm is deprecated in PyTorch
            model = getattr(package.EncodecModel, f"encodec_model_{variant}")(pretrained=False)
        return model
    try:
        from transformers import EncodecConfig, EncodecModel
    except ImportError as error:
        raise MissingPackageError(f"encodec-{variant} needs transformers: pip install 'lgr[codecs]'") from error
    if variant == "24khz":
        return EncodecModel(EncodecConfig())
    return EncodecModel(
        EncodecConfig(
            target_bandwidths=[3.0, 6.0, 12.0, 24.0],
            sampling_rate=48_000,
            audio_channels=2,
            normalize=True,
            chunk_length_s=1.0,
            overlap=0.01,
            norm_type="time_group_norm",
            use_causal_conv=False,
        )
    )
