"""A grain model of a few hundred weights, for tests of training and of codecs: a linear map of every hop and back."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor, nn

from lgr.codecs.folder import FOLDER_KINDS
from lgr.codecs.trained import TrainedCodec
from lgr.models.grain_model import GrainModel, GrainModelConfig, Posterior
from lgr.models.granular.temporal import TemporalConfig, TemporalVAE
from lgr.models.kinds import MODELS, Kind
from lgr.models.seeded_noise import frame_noise
from lgr.train.vae.config import RECIPES
from lgr.train.vae.export import write_model
from lgr.train.vae.steps import Parts

RATE = 8000


@dataclass(frozen=True, kw_only=True)
class TinyConfig(GrainModelConfig):
    sample_rate: int = RATE
    hop_length: int = 64
    latent_dim: int = 6
    noisiness: float = 1e-3


class TinyModel(GrainModel):
    config: TinyConfig
    causal = True
    lookahead = 0

    def __init__(self, config: TinyConfig) -> None:
        super().__init__()
        self.config = config
        self.inlet = nn.Linear(config.hop_length, 2 * config.latent_dim)
        self.outlet = nn.Linear(config.latent_dim + len(config.labels), config.hop_length)

    def posterior(self, audio: Tensor) -> Posterior:
        hop = self.config.hop_length
        blocks = nn.functional.pad(audio, (0, -audio.shape[1] % hop)).unflatten(1, (-1, hop))
        mean, log_variance = self.inlet(blocks).chunk(2, 2)
        return Posterior(mean, log_variance - 4)

    def render(self, latents: Tensor, labels: Tensor, *, seeds: Sequence[int], first_frame: int = 0) -> Tensor:
        frames, hop = latents.shape[1], self.config.hop_length
        noise = torch.stack([frame_noise(first_frame, frames, hop, seed) for seed in seeds]).to(latents)
        return (self.outlet(torch.cat([latents, labels.to(latents)], 2)) + self.config.noisiness * noise).flatten(1)

    def encode_step(self, state: Any, audio: Tensor, *, flush: bool = False) -> tuple[Any, Tensor]:
        audio = audio if state is None else torch.cat([state, audio], 1)
        whole = audio.shape[1] if flush else audio.shape[1] // self.config.hop_length * self.config.hop_length
        if whole == 0:
            return audio, audio.new_zeros(audio.shape[0], 0, self.config.latent_dim)
        return audio[:, whole:], self.posterior(audio[:, :whole]).mean

    def decode_step(
        self, state: Any, latents: Tensor, labels: Tensor, *, seed: int, flush: bool = False
    ) -> tuple[Any, Tensor]:
        first = state or 0
        if latents.shape[1] == 0:
            return first, latents.new_zeros(latents.shape[0], 0)
        out = self.render(latents, labels, seeds=[seed] * latents.shape[0], first_frame=first)
        return first + latents.shape[1], out


def register(patch: pytest.MonkeyPatch) -> None:
    """Make "tiny" a kind of model, as if lgr had it."""
    patch.setitem(MODELS, "tiny", Kind("tiny_grain_model", "TinyModel", "TinyConfig"))
    patch.setitem(RECIPES, "tiny", {})
    patch.setitem(FOLDER_KINDS, "tiny", ("lgr.codecs.trained", "TrainedCodec"))


def write_sounds(folder: Path, n: int = 4, seconds: float = 0.4) -> Path:
    """Two classes of ``n`` short sounds each: decaying tones in ``bell/``, decaying noises in ``hiss/``."""
    for kind in ("bell", "hiss"):
        (folder / kind).mkdir(parents=True)
        for i in range(n):
            t = np.arange(int(seconds * RATE) + 50 * i) / RATE
            random = np.random.default_rng(i)
            wave = np.sin(2 * np.pi * 220 * (i + 1) * t) if kind == "bell" else random.uniform(-1, 1, len(t))
            soundfile.write(folder / kind / f"{i}.wav", 0.5 * wave * np.exp(-8 * t), RATE)
    return folder


def _parts(labels: Sequence[str], seed: int) -> Parts:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = TinyModel(TinyConfig(labels=tuple(labels)))
        sizes = TemporalConfig(
            latent_dim=model.config.latent_dim, labels=tuple(labels), frames=7, embedding_dim=3, decoder_width=16
        )
        return Parts(model, TemporalVAE(sizes))


def tiny_sampler(labels: Sequence[str], seed: int = 0) -> TrainedCodec:
    """A tiny codec with a temporal embedding, that draws one-shots of 7 frames; its random weights are of ``seed``."""
    parts = _parts(labels, seed)
    return TrainedCodec(parts.model, parts.temporal, name="tiny", version=f"seed {seed}")


def write_sampler(folder: Path, labels: Sequence[str], seed: int = 0) -> Path:
    """The same in a folder, to be opened where "tiny" is registered."""
    parts = _parts(labels, seed)
    folder.mkdir(parents=True)
    write_model(folder, "tiny", parts, parts.state_dict(), licence="CC0-1.0", with_temporal=True)
    return folder
