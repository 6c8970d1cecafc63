"""A codec with codes that is made in no time, for tests of codes."""

from functools import cache

from command_line import CLIPS
from torch import Tensor

from lgr.codecs import ToyCodec
from lgr.models.rvq import ResidualQuantizer
from lgr.sound.audio import load_audio
from lgr.sounds import with_length
from lgr.train.latents import Latents
from lgr.train.quantizer.fit import QuantizerTrainConfig, fit_quantizer

LEVELS, ENTRIES = 4, 64


class CodedToy(ToyCodec):
    """The toy codec with a quantizer."""

    def __init__(self, quantizer: ResidualQuantizer) -> None:
        super().__init__(40, sample_rate=8000, hop_length=80)
        self.quantizer = quantizer

    @property
    def n_codebooks(self) -> int:
        return len(self.quantizer.entries)

    @property
    def code_entries(self) -> int:
        return self.quantizer.entries.shape[1]

    @property
    def codes_version(self) -> str:
        return self.quantizer.fingerprint()

    def quantize(self, latents: Tensor) -> Tensor:
        return self.quantizer.quantize(latents)

    def dequantize(self, codes: Tensor) -> Tensor:
        return self.quantizer.dequantize(codes)


def fitted(latents: Tensor, seed: int = 0, entries: int = ENTRIES) -> ResidualQuantizer:
    """A quantizer of ``(lanes, latent_dim, frames)``, made in no time."""
    rows = latents.transpose(1, 2).flatten(0, 1)
    material = Latents(rows.half(), (0,), (len(rows),), ("all",))
    config = QuantizerTrainConfig(steps=25, frames=4096, batch_size=256, crop_frames=64, keep=0.6, seed=seed)
    return fit_quantizer(material, config, levels=LEVELS, entries=entries)


def clip(name: str, seconds: float, rate: int) -> Tensor:
    audio, _ = load_audio(CLIPS / f"{name}.flac", sample_rate=rate)
    return with_length(audio, round(seconds * rate))


@cache
def toy() -> CodedToy:
    return CodedToy(fitted(ToyCodec(40, sample_rate=8000, hop_length=80).encode(clip("violin", 4, 8000)[None])))
