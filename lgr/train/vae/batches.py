"""Batches of a training run: crops for the grains, one-shots and their series for the temporal embedding."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from lgr.models.grain_model import GrainModel, GrainModelConfig
from lgr.models.labels import label_weights
from lgr.train.data import Clip, CropSampler
from lgr.train.material import Material
from lgr.train.vae.augment import LONGER, augmented
from lgr.train.vae.config import VaeTrainConfig
from lgr.train.vae.one_shots import OneShots
from lgr.train.vae.steps import Batch

PROBES = 4  # held-out batches of 8 crops
PROBE_SIZE = 8
LONG_SECONDS, HEARD_SECONDS, MOST_RECORDINGS = 1.5, 8.0, 300  # of recordings that are heard whole
LEAST_STD = 0.05  # of a latent dimension over the corpus: one that the KL term has emptied must not be blown up


class Batches:
    """``of(stage, step)`` is a pure function of the recipe's seed and the step, on ``device``.

    Parameters
    ----------
    frames : length of a series, or None where no temporal embedding is trained
    """

    def __init__(
        self, material: Material, sizes: GrainModelConfig, config: VaeTrainConfig, device: str, frames: int | None
    ) -> None:
        self.material, self.sizes, self._config, self._device = material, sizes, config, device
        hop = sizes.hop_length
        self.crop = max(1, round(config.crop_seconds * sizes.sample_rate / hop)) * hop  # samples
        cache, seed = material.cache, config.seed
        read = math.ceil(LONGER * self.crop) if config.augment else self.crop
        self._crops = CropSampler(cache, material.training, crop=read, batch_size=config.batch_size, seed=seed)
        probe = CropSampler(cache, material.held_out, crop=self.crop, batch_size=PROBE_SIZE, seed=seed + 1)
        self._probes = [self._crop_batch(*probe.batch_with_clips(i)) for i in range(PROBES)]
        self._shots: OneShots | None = None
        self._held_out_shots: OneShots | None = None
        self._series: Tensor | None = None
        self._held_out_series: Tensor | None = None
        if frames is not None:
            samples = frames * hop
            self._shots = OneShots(cache, tuple(material.training), samples, seed)
            self._held_out_shots = OneShots(cache, tuple(material.held_out), samples, seed + 1)

    def of(self, stage: str, step: int) -> Batch:
        """The batch of a step: crops, or one-shots (in the stage "series" with their latents in place of audio)."""
        dropout = self._config.label_dropout
        generator = torch.Generator().manual_seed(self._config.seed * 9_000_011 + step)
        if stage == "grains":
            audio, clips = self._crops.batch_with_clips(step)
            if self._config.augment:
                audio = augmented(audio, self.crop, self.sizes.sample_rate, generator)
            return self._crop_batch(audio, clips, dropout=dropout, generator=generator)
        assert self._shots is not None
        drawn = self._shots.draw(step, self._config.batch_size)
        weights = self._labels([self._shots.clips[i] for i in drawn], dropout, generator)
        if stage == "series":
            assert self._series is not None
            series = self._series[drawn].to(self._device)
            return Batch(series.new_zeros(len(drawn), 0), weights, series)
        return Batch(self._shots.audio(drawn).to(self._device), weights)

    def seconds(self, stage: str) -> float:
        """Seconds of audio in a batch of this stage."""
        samples = self.crop if stage == "grains" or self._shots is None else self._shots.samples
        return self._config.batch_size * samples / self.sizes.sample_rate

    def probes(self, stage: str) -> list[Batch]:
        """Held-out batches, always the same."""
        if stage == "grains" or self._held_out_shots is None:
            return self._probes
        shots, found = self._held_out_shots, []
        for i in range(PROBES):
            drawn = shots.draw(i, PROBE_SIZE)
            weights = self._labels([shots.clips[j] for j in drawn])
            series = None if self._held_out_series is None else self._held_out_series[drawn].to(self._device)
            found.append(Batch(shots.audio(drawn).to(self._device), weights, series))
        return found

    @torch.no_grad()
    def read_series(self, model: GrainModel) -> tuple[Tensor, Tensor]:
        """Encode every one-shot with a frozen model; the mean and standard deviation of its latents, ``(latent_dim,)``.

        Grains in silence count as well: they are part of every series.
        """
        assert self._shots is not None
        assert self._held_out_shots is not None
        self._series, self._held_out_series = (self._encode(model, s) for s in (self._shots, self._held_out_shots))
        flat = self._series.flatten(0, 1)
        return flat.mean(0), flat.std(0).clamp(min=LEAST_STD)

    def recordings(self) -> Iterator[Tensor]:
        """Beginnings of training recordings of some length, ``(samples,)``, spread over the corpus."""
        rate = self.sizes.sample_rate
        long = [clip for clip in self.material.training if clip.samples >= LONG_SECONDS * rate]
        for clip in long[:: max(1, len(long) // MOST_RECORDINGS)]:
            yield self.material.cache.audio(clip, 0, int(HEARD_SECONDS * rate)).to(self._device)

    @torch.no_grad()
    def embeddings(self, parts: Any) -> tuple[Tensor, Tensor]:
        """The temporal embeddings ``(n, embedding_dim)`` of all training one-shots, and their label weights."""
        assert self._shots is not None
        series = self._encode(parts.model, self._shots).to(self._device)
        labels = self._labels(self._shots.clips)
        return parts.temporal.posterior(series, labels).mean, labels

    def _encode(self, model: GrainModel, shots: OneShots) -> Tensor:
        pieces = []
        for start in range(0, len(shots.clips), 16):
            audio = shots.audio(list(range(start, min(start + 16, len(shots.clips))))).to(self._device)
            pieces.append(model.posterior(audio).mean.float().cpu())
        return torch.cat(pieces)

    def _crop_batch(self, audio: Tensor, clips: list[Clip], **more: Any) -> Batch:
        return Batch(audio.to(self._device), self._labels(clips, **more))

    def _labels(self, clips: Sequence[Clip], dropout: float = 0.0, generator: torch.Generator | None = None) -> Tensor:
        weights = label_weights([clip.label for clip in clips], self.sizes.labels)
        if dropout > 0 and generator is not None:
            weights = hidden_labels(weights, dropout, generator)
        return weights.to(self._device)


def hidden_labels(weights: Tensor, dropout: float, generator: torch.Generator) -> Tensor:
    """Label weights ``(n, n_labels)``, a share ``dropout`` of the rows made zeros: a model must also work without."""
    return weights * (torch.rand(weights.shape[0], 1, generator=generator) >= dropout)
