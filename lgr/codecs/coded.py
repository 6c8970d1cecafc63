"""Codecs of a folder that has a quantizer, ``quantizer.safetensors``, beside its weights: they have codes as well.

``lgr train quantizer`` writes that file. Latents are what they are without it.
"""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from lgr.codecs.base import CodecInfo, check_code_rows, check_latents
from lgr.codecs.bundled import BundledCodec
from lgr.codecs.folder import QUANTIZER
from lgr.codecs.sliced import SlicedCodec
from lgr.codecs.trained import TrainedCodec
from lgr.errors import WeightsError
from lgr.models.rvq import ResidualQuantizer


class Coded(SlicedCodec):
    """What is added: a ``DiscreteCodec``."""

    quantizer: ResidualQuantizer

    @classmethod
    def from_folder(cls, folder: str | Path, **options: Any) -> Any:
        """As the codec without codes, and ``WeightsError`` where the quantizer is damaged or another codec's."""
        made: Coded = super().from_folder(folder, **options)  # type: ignore[misc]
        made.quantizer = read_quantizer(Path(folder) / QUANTIZER, made.info).to(made._like.device)
        return made

    @property
    def codes_version(self) -> str:
        """The quantizer's fingerprint: see ``lgr.codecs.base.codes_version``."""
        return self.quantizer.fingerprint()

    @property
    def n_codebooks(self) -> int:
        return len(self.quantizer.entries)

    @property
    def code_entries(self) -> int:
        return self.quantizer.entries.shape[1]

    @torch.no_grad()
    def quantize(self, latents: Tensor) -> Tensor:
        """``(batch, latent_dim, frames)`` to int64 codes ``(batch, n_codebooks, frames)``, coarsest first."""
        check_latents(self._info, latents)
        return self.quantizer.quantize(latents)

    @torch.no_grad()
    def dequantize(self, codes: Tensor) -> Tensor:
        """Codes ``(batch, 1 to n_codebooks, frames)`` to float32 latents ``(batch, latent_dim, frames)``."""
        check_code_rows(self, codes)
        return self.quantizer.dequantize(codes)


class CodedBundled(Coded, BundledCodec):
    """A codec like the bundled one, with codes."""


class CodedTrained(Coded, TrainedCodec):
    """A grain model with codes."""


def read_quantizer(path: Path, codec: CodecInfo) -> ResidualQuantizer:
    """The quantizer in a file, for latents of ``codec``.

    Raises
    ------
    WeightsError : the file is damaged, of latents of another size, or says that it is of other weights
    """
    try:
        with safe_open(path, "pt") as file:
            of = json.loads((file.metadata() or {}).get("codec", "{}"))
            names = file.keys()
            found = {name: file.get_tensor(name) for name in names}
        levels, entries, size = found["entries"].shape
        quantizer = ResidualQuantizer(size, levels=levels, entries=entries)
        quantizer.load_state_dict(found)
        version = of.get("version") or codec.version  # files that do not say it are taken at their word
    except (OSError, SafetensorError, KeyError, ValueError, RuntimeError, AttributeError) as error:
        first = str(error).partition("\n")[0]
        raise WeightsError(f"{path} must hold a quantizer that `lgr train quantizer` wrote: {first}") from error
    if size != codec.latent_dim:
        raise WeightsError(f"{path} must be for latents of {codec.latent_dim}, got a quantizer of {size}")
    if version != codec.version:
        raise WeightsError(
            f"{path} must be for the weights beside it (version {codec.version}), got one for {of.get('name')!r} "
            f"(version {version}): train one with `lgr train quantizer`"
        )
    return quantizer.eval()
