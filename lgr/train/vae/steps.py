"""One training step of a grain model, and its test on held-out sound: pure functions of weights, batch and step.

The objective is the beta-VAE's (paper 001, eqs. 3 and 9; paper 003, eq. 1): reconstruction terms plus beta times the KL
divergence, in nats a latent vector. The temporal embedding (001, 3.4) is trained on series of grain latents, frozen
first, then end to end together with the grains.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from lgr.losses import TERMS, kl_divergence, reconstruction_terms, relative_mstft
from lgr.models.grain_model import GrainModel
from lgr.train.vae.config import VaeTrainConfig


class Parts(nn.Module):
    """What is trained: a grain model and, for one-shots, the temporal embedding over its latents (else None)."""

    def __init__(self, model: GrainModel, temporal: Any = None) -> None:
        super().__init__()
        self.model = model
        self.temporal = temporal


@dataclass(frozen=True)
class Batch:
    """Audio ``(batch, samples)`` and label weights ``(batch, n_labels)``; ``series`` are grain latents where known."""

    audio: Tensor
    labels: Tensor
    series: Tensor | None = None  # (batch, frames, latent_dim)


class Losses(NamedTuple):
    """Terms as tensors, and the estimate ``(batch, samples)`` that the reconstruction terms are of."""

    reconstruction: dict[str, Tensor]
    divergence: dict[str, Tensor]
    estimate: Tensor | None
    target: Tensor | None


def step_generator(config: VaeTrainConfig, step: int) -> torch.Generator:
    """The generator of all that is drawn in a step, but for the batch."""
    return torch.Generator().manual_seed(config.seed * 7_000_003 + step)


def windows_of(config: VaeTrainConfig, step: int) -> tuple[int, ...]:
    """The STFT windows of a step: every other one in turn, or all."""
    if config.alternate_windows and len(config.windows) > 1:
        return config.windows[step % 2 :: 2]
    return config.windows


def grain_losses(parts: Parts, batch: Batch, config: VaeTrainConfig, step: int) -> Losses:
    """Encode, sample, decode, compare."""
    model, generator = parts.model, step_generator(config, step)
    with _autocast(batch.audio, config):
        posterior = model.posterior(batch.audio)
        latents = posterior.sample(generator)
        terms = model.objective(batch.audio, latents, batch.labels, generator)
        estimate = None if terms else _render(model, latents, batch.labels, step)
    if estimate is not None:
        estimate = estimate.float()[:, : batch.audio.shape[1]]
        terms = _terms(estimate, batch.audio, model, config, windows_of(config, step))
    divergence = {"kl": kl_divergence(posterior.mean.float(), posterior.log_variance.float())}
    return Losses(terms, divergence, estimate, batch.audio)


def series_losses(parts: Parts, batch: Batch, config: VaeTrainConfig, step: int) -> Losses:
    """Series of frozen grain latents to an embedding and back, in units of the latents' standard deviations."""
    assert batch.series is not None
    terms, divergence, _ = _series_terms(parts, batch.series, batch.labels, config, step)
    return Losses(terms, divergence, None, None)


def together_losses(parts: Parts, batch: Batch, config: VaeTrainConfig, step: int) -> Losses:
    """End to end: audio, grain latents, embedding, grain latents, audio; and the grains alone, so they stay codes."""
    model, generator = parts.model, step_generator(config, step)
    with _autocast(batch.audio, config):
        posterior = model.posterior(batch.audio)
        latents = posterior.sample(generator)
    terms, divergence, series = _series_terms(parts, posterior.mean.float(), batch.labels, config, step)
    with _autocast(batch.audio, config):
        own = [model.objective(batch.audio, each, batch.labels) for each in (latents, series)]
        played = [] if own[0] else [_render(model, each, batch.labels, step) for each in (latents, series)]
    if played:
        both = torch.cat(played).float()[:, : batch.audio.shape[1]]
        terms |= _terms(both, torch.cat([batch.audio, batch.audio]), model, config, windows_of(config, step))
    else:
        terms |= {name: (own[0][name] + own[1][name]) / 2 for name in own[0]}
    divergence["kl"] = kl_divergence(posterior.mean.float(), posterior.log_variance.float())
    return Losses(terms, divergence, None, None)


STAGE_LOSSES = {"grains": grain_losses, "series": series_losses, "together": together_losses}


def total_loss(losses: Losses, config: VaeTrainConfig, beta: float, series_beta: float) -> Tensor:
    """The weighted sum: ``beta`` for the grains' KL, ``series_beta`` for the embedding's."""
    weights = {**config.weights(), "series": 1.0}
    found = [weights[name] * value for name, value in losses.reconstruction.items()]
    betas = {"kl": beta, "series_kl": series_beta}
    found += [betas[name] * value for name, value in losses.divergence.items()]
    return torch.stack(found).sum()


@torch.no_grad()
def validate(parts: Parts, batches: Sequence[Batch], config: VaeTrainConfig, stage: str) -> dict[str, float]:
    """Held-out terms, means of the posterior taken for its samples, with the final betas in ``loss``.

    ``mstft`` is the project's relative mSTFT of the grains' reconstruction; in the stage "series", where the grains are
    frozen, it is left out.
    """
    sums: dict[str, float] = {}
    for batch in batches:
        model, found = parts.model, {}
        terms: dict[str, Tensor] = {}
        divergence: dict[str, Tensor] = {}
        series = batch.series
        if stage != "series":
            posterior = model.posterior(batch.audio)
            estimate = _render(model, posterior.mean, batch.labels, 0)[:, : batch.audio.shape[1]]
            terms |= model.objective(batch.audio, posterior.mean, batch.labels)
            if not terms:
                terms |= _terms(estimate, batch.audio, model, config, config.windows)
            divergence["kl"] = kl_divergence(posterior.mean, posterior.log_variance)
            found["mstft"] = float(relative_mstft(estimate, batch.audio).mean())
            series = posterior.mean
        if stage != "grains":
            assert series is not None
            of_series = _series_terms(parts, series, batch.labels, config, None)
            terms |= of_series[0]
            divergence |= of_series[1]
        found["loss"] = float(
            total_loss(Losses(terms, divergence, None, None), config, config.beta, config.series_beta)
        )
        found |= {name: float(value) for name, value in {**terms, **divergence}.items()}
        for name, value in found.items():
            sums[name] = sums.get(name, 0.0) + value / len(batches)
    return sums


def _autocast(audio: Tensor, config: VaeTrainConfig) -> torch.autocast:
    return torch.autocast(audio.device.type, torch.bfloat16, enabled=config.bfloat16)


def _render(model: GrainModel, latents: Tensor, labels: Tensor, step: int) -> Tensor:
    """``(batch, frames, latent_dim)`` to audio, each item with noise of its own in every step."""
    batch, frames = latents.shape[:2]
    held = labels[:, None].expand(batch, frames, labels.shape[1])
    return model.render(latents, held, seeds=[step * batch + i for i in range(batch)])


def _terms(
    estimate: Tensor, audio: Tensor, model: GrainModel, config: VaeTrainConfig, windows: tuple[int, ...]
) -> dict[str, Tensor]:
    names = tuple(name for name in config.weights() if name in TERMS)
    return reconstruction_terms(estimate, audio, model.config.sample_rate, windows, names, config.log_power_floor)


def _series_terms(
    parts: Parts, series: Tensor, labels: Tensor, config: VaeTrainConfig, step: int | None
) -> tuple[dict[str, Tensor], dict[str, Tensor], Tensor]:
    """Terms, divergence and the series rendered; ``step`` None takes the mean embedding."""
    temporal = parts.temporal
    posterior = temporal.posterior(series, labels)
    # not the generator of the grains' step: its first draws went there
    embedding = posterior.mean if step is None else posterior.sample(step_generator(config, -1 - step))
    rendered = temporal.render(embedding, labels, series.shape[1])
    # The target is taken as given: end to end, grains must not become dull so as to be easily foretold.
    error = (temporal.normalise(rendered) - temporal.normalise(series.detach())).square().mean()
    return {"series": error}, {"series_kl": kl_divergence(posterior.mean, posterior.log_variance)}, rendered
