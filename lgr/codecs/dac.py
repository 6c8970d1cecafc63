"""Descript Audio Codec (Kumar et al. 2023, arXiv:2306.06546) at 16, 24 and 44.1 kHz: mono, not causal, MIT.

Latents are the encoder's output before quantisation, 1024 numbers a frame. The encoder pads nothing itself: like the
original, the wrapper fills the last frame up with zeros. Where a stride is odd (16 and 24 kHz) the decoder returns
8 samples fewer than its frames stand for; the wrapper appends them as zeros.
"""

import re
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn

from lgr.codecs.base import LOADERS, CodecInfo
from lgr.codecs.checkpoints import (
    StateDict,
    check_choice,
    find_checkpoint,
    load_plain,
    random_state,
    read_checkpoint,
)
from lgr.codecs.chunked import Pipeline, WholeFrames, lookahead, stream_of
from lgr.codecs.pretrained import PipelineCodec
from lgr.codecs.reference import import_reference
from lgr.codecs.weights import WeightFile, hub_file
from lgr.errors import MissingPackageError

LATENT_DIM = 1024
STRIDES = {"16khz": (2, 4, 5, 8), "24khz": (2, 4, 5, 8), "44khz": (2, 4, 8, 8)}  # of the encoder; the decoder reverses
LEVELS = {"16khz": 12, "24khz": 32, "44khz": 9}
SAMPLE_RATES = {"16khz": 16_000, "24khz": 24_000, "44khz": 44_100}


def _card(variant: str, hop_length: int, lookahead: int) -> CodecInfo:
    return CodecInfo(
        name=f"dac-{variant}",
        sample_rate=SAMPLE_RATES[variant],
        hop_length=hop_length,
        channels=1,
        latent_dim=LATENT_DIM,
        lookahead=lookahead,
        causal=False,
        licence="MIT",
    )


# what is known without building the model; a test holds the look-ahead equal to what the model's layers say
CARDS = {
    "dac-16khz": _card("16khz", 320, 5_693),
    "dac-24khz": _card("24khz", 320, 5_693),
    "dac-44khz": _card("44khz", 512, 8_853),
}

_RELEASES = "https://github.com/descriptinc/descript-audio-codec/releases/download/"
_RELEASED = {"16khz": "0.0.5/weights_16khz.pth", "24khz": "0.0.4/weights_24khz.pth", "44khz": "0.0.1/weights.pth"}

WEIGHTS = {
    "dac-16khz": (hub_file("descript/dac_16khz", "7c2fc5e759f1f501aefc6e7a0265cc57f5d17ba7"),),
    "dac-24khz": (hub_file("descript/dac_24khz", "6ba020b5ba7d9d8076fb90db7e67f27e31980f6e"),),
    "dac-44khz": (hub_file("descript/dac_44khz", "c1bc521685adf9cfe247bc39a5ca58917eda1ac4"),),
}
# the authors' own checkpoints, used where a local folder holds them
ORIGINALS = {f"dac-{v}": (WeightFile(file.split("/")[1], _RELEASES + file),) for v, file in _RELEASED.items()}


def transformers_name(name: str) -> str:
    """Transformers' name for a tensor of the original package (``encoder.block.1.block.4.bias``, ...)."""
    part, _, rest = name.partition(".")
    if part not in ("encoder", "decoder"):
        return name
    index, rest = re.fullmatch(r"(?:block|model)\.(\d+)\.(.*)", rest).groups()  # type: ignore[union-attr]
    outer = {"0": "conv1", "5": "snake1", "6": "conv2"}  # four blocks of strides lie between
    if index in outer:
        return f"{part}.{outer[index]}.{rest}"
    inner = ["res_unit1", "res_unit2", "res_unit3", "snake1", "conv1"]
    if part == "decoder":
        inner = ["snake1", "conv_t1", "res_unit1", "res_unit2", "res_unit3"]
    _, position, rest = rest.split(".", 2)
    layer = inner[int(position)]
    if layer.startswith("res_unit"):
        _, position, rest = rest.split(".", 2)
        layer += "." + ["snake1", "conv1", "snake2", "conv2"][int(position)]
    return f"{part}.block.{int(index) - 1}.{layer}.{rest}"


def random_weights(variant: str = "44khz", seed: int = 0) -> StateDict:
    """Seeded random weights, for the ``state`` of the variant's codec; the networks' sizes are the real ones."""
    check_choice("variant", variant, list(STRIDES))
    model = _build(variant, "transformers")
    return random_state(model, 0.5, torch.Generator().manual_seed(seed))


class DacCodec(PipelineCodec):
    """Descript Audio Codec.

    Parameters
    ----------
    variant : "16khz", "24khz" or "44khz"
    weights : a checkpoint file, or a folder with ``model.safetensors`` or the original ``.pth``; None to look in
        ``LGR_WEIGHTS`` and the caches, and to download otherwise
    loader : "transformers", or "reference" for the package ``descript-audio-codec``
    space, n_levels, device, dtype, chunk_seconds : see ``PretrainedCodec``
    state : a state dict in transformers' names, instead of ``weights`` (``random_weights`` makes one)

    Raises
    ------
    ArgumentError, WeightsError, MissingPackageError
    """

    def __init__(
        self,
        variant: str = "44khz",
        *,
        weights: str | Path | None = None,
        loader: str = "transformers",
        space: str = "latent",
        n_levels: int | None = None,
        device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.float32,
        chunk_seconds: float = 5.0,
        state: Mapping[str, Tensor] | None = None,
    ) -> None:
        check_choice("variant", variant, list(STRIDES))
        check_choice("loader", loader, LOADERS)
        card = CARDS[f"dac-{variant}"]
        super().__init__(
            card,
            space=space,
            n_levels=n_levels,
            max_levels=LEVELS[variant],
            device=device,
            dtype=dtype,
            chunk_seconds=chunk_seconds,
        )
        if state is None:
            path = find_checkpoint(card.name, WEIGHTS[card.name], ORIGINALS[card.name], weights)
            state = read_checkpoint(path, transformers_name)
        model: Any = _build(variant, loader)
        load_plain(model, state, transformers_name)
        model.eval().requires_grad_(False).to(self.device)
        encoder, decoder = model.encoder.to(dtype), model.decoder.to(dtype)
        self.quantizer: nn.Module = model.quantizer.to(torch.float32)
        frames = WholeFrames(card.hop_length)
        self._encoder = Pipeline((frames, stream_of(encoder)))
        self._decoder = Pipeline((stream_of(decoder), replace(frames, held=True)))
        self._info = replace(self._info, lookahead=lookahead(self._encoder, self._decoder, card.hop_length))

    @classmethod
    def random(cls, variant: str = "44khz", *, seed: int = 0, **options: Any) -> Self:
        """A variant with ``random_weights``."""
        return cls(variant, state=random_weights(variant, seed), **options)

    def _quantize(self, latents: Tensor) -> Tensor:
        codes: Tensor = self.quantizer(latents, self.n_levels)[1]
        return codes

    def _dequantize(self, codes: Tensor) -> Tensor:
        blocks = torch.split(codes, self._chunk_frames, -1)
        return torch.cat([self.quantizer.from_codes(block)[0] for block in blocks], -1)  # type: ignore[operator]


def _build(variant: str, loader: str) -> nn.Module:
    """The model with its weights still to come (on the meta device, where initialising 74 million of them is free)."""
    rate, strides, levels = SAMPLE_RATES[variant], list(STRIDES[variant]), LEVELS[variant]
    model: nn.Module
    if loader == "reference":
        package = import_reference("dac.model.dac", ("torchaudio", "audiotools"), "descript-audio-codec==1.0.0")
        with torch.device("meta"), warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # the package's weight_norm is deprecated in PyTorch
            model = package.DAC(
                encoder_rates=strides, decoder_rates=strides[::-1], n_codebooks=levels, sample_rate=rate
            )
        return model
    try:
        from transformers import DacConfig, DacModel
    except ImportError as error:
        raise MissingPackageError(
            f"{CARDS[f'dac-{variant}'].name} needs transformers: pip install 'lgr[codecs]'"
        ) from error
    with torch.device("meta"):
        # DacConfig's own defaults are 16 kHz with the strides of 44.1 kHz
        model = DacModel(DacConfig(downsampling_ratios=strides, n_codebooks=levels, sampling_rate=rate))
    return model
