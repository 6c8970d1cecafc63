"""The other side of adversarial training: discriminators that learn, and a balancer of the generator's losses.

A training step is ``discriminator_step(real, fake)``, then ``generator_terms(real, fake)`` with the reconstruction
terms into ``balancer.backward``, then the generator's own optimiser. Défossez et al. 2022 (EnCodec), sections 3.4 and
3.5; the weights are paper 003's, 5.1.2.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lgr.errors import ArgumentError, check_shape
from lgr.losses import discriminator_hinge, feature_matching, generator_hinge
from lgr.models.encodec_vae.discriminators import SCALES, MultiScaleDiscriminator

# Shares of the gradient: lambda_t, lambda_f, lambda_g and lambda_ft of paper 003 (EnCodec's own).
BALANCE = {"waveform": 0.1, "spectrum": 1.0, "adversarial": 3.0, "feature_matching": 3.0}


@dataclass(frozen=True, kw_only=True)
class AdversaryConfig:
    """EnCodec: 32 channels, a rate of 3e-4, Adam with these betas, averages of decay 0.999.

    ``crop`` is what is judged of each clip at a step, in samples, at a place that moves from step to step; None is all
    of it, as in EnCodec. On a CPU the discriminators take several times as long as the model.
    """

    window_lengths: tuple[int, ...] = SCALES
    channels: int = 8
    crop: int | None = 8192
    learning_rate: float = 3e-4
    betas: tuple[float, float] = (0.5, 0.9)
    clip_norm: float = 10.0
    balance_decay: float = 0.999
    total_norm: float = 1.0

    def __post_init__(self) -> None:
        for name in ("window_lengths", "betas"):
            object.__setattr__(self, name, tuple(getattr(self, name)))  # JSON has lists only
        if self.crop is not None and (not isinstance(self.crop, int) or self.crop < 1):
            raise ArgumentError(f"crop must be a whole number of samples >= 1 or None, got {self.crop!r}")
        for name in ("learning_rate", "clip_norm"):
            if not 0 < getattr(self, name) < math.inf:
                raise ArgumentError(f"{name} must be above 0, got {getattr(self, name)}")


class LossBalancer:
    """Makes each loss's share of the gradient what its weight says, whatever the loss's own scale (EnCodec, 3.5).

    The gradient of each term with respect to the generator's *output* is divided by a moving average of its norm and
    multiplied by ``total_norm * weight / sum of weights``; the sum of these goes on into the network. Norms are taken
    clip by clip and averaged over the batch.
    """

    def __init__(self, *, decay: float = 0.999, total_norm: float = 1.0) -> None:
        if not 0 <= decay < 1:
            raise ArgumentError(f"decay must be from 0 to below 1, got {decay}")
        if not 0 < total_norm < math.inf:
            raise ArgumentError(f"total_norm must be above 0, got {total_norm}")
        self.decay, self.total_norm = decay, total_norm
        # Sums of norms and of their weights: the quotient is the average, unbiased from the first step on.
        self._sums: dict[str, tuple[float, float]] = {}

    def backward(
        self, terms: Mapping[str, Tensor], weights: Mapping[str, float], output: Tensor, extra: Tensor | None = None
    ) -> dict[str, float]:
        """Add the balanced gradients to the parameters behind ``output``; no other parameter gets any.

        Parameters
        ----------
        terms : scalar losses that depend on ``output``
        weights : one a term, >= 0 and not all 0; only the ratios matter
        output : (batch, ...), the generator's audio, on the graph
        extra : a scalar that does not go through ``output`` (the KL term times beta), added as it is

        Returns
        -------
        dict : the norm of each term's gradient before balancing, for a log

        Raises
        ------
        ArgumentError : terms and weights of different names, weights below 0, or all 0
        """
        if terms.keys() != weights.keys():
            raise ArgumentError(f"weights must be those of {sorted(terms)}, got {sorted(weights)}")
        total = sum(weights.values())
        if not (total > 0 and min(weights.values()) >= 0):
            raise ArgumentError(f"weights must be 0 or more and not all 0, got {dict(weights)}")
        norms, balanced = {}, torch.zeros_like(output)
        for name, term in terms.items():
            (gradient,) = torch.autograd.grad(term, output, retain_graph=True)
            norms[name] = norm = float(gradient.flatten(1).norm(dim=1).mean())
            if not math.isfinite(norm):  # one bad batch must not spoil the averages
                continue
            average = self._average(name, norm)
            if average > 0:
                balanced += gradient * (self.total_norm * weights[name] / total / average)
        if extra is None:
            output.backward(balanced)  # type: ignore[no-untyped-call]
        else:
            torch.autograd.backward([output, extra], [balanced, torch.ones_like(extra)])
        return norms

    def _average(self, name: str, norm: float) -> float:
        value, count = self._sums.get(name, (0.0, 0.0))
        value, count = self.decay * value + norm, self.decay * count + 1
        self._sums[name] = (value, count)
        return value / count

    def state_dict(self) -> dict[str, Any]:
        return {name: list(sums) for name, sums in self._sums.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._sums = {name: (float(value), float(count)) for name, (value, count) in state.items()}


class Adversary:
    """Discriminators, their optimiser, and the balancer. First weights come from PyTorch's global generator."""

    def __init__(self, config: AdversaryConfig | None = None, *, device: str | torch.device = "cpu") -> None:
        self.config = c = config or AdversaryConfig()
        self.discriminators = MultiScaleDiscriminator(c.window_lengths, c.channels).to(device)
        self.optimiser = torch.optim.Adam(self.discriminators.parameters(), lr=c.learning_rate, betas=c.betas)
        self.balancer = LossBalancer(decay=c.balance_decay, total_norm=c.total_norm)
        self._steps = 0

    def discriminator_step(self, real: Tensor, fake: Tensor) -> dict[str, float]:
        """One step of the discriminators on audio ``(batch, samples)``; ``fake`` gets no gradient.

        Returns
        -------
        dict : ``discriminator`` (the hinge loss, 2 where nothing is told apart, 0 where everything is) and
            ``gradient`` (its norm; a step with one that is not finite is left out)
        """
        _check_alike(real, fake)
        self._steps += 1
        real, fake = self._crop(real, fake)
        # One pass over both: half the overhead.
        logits = self.discriminators(torch.cat([real, fake.detach().to(real)])).logits
        halves = [x.float().chunk(2) for x in logits]
        loss = discriminator_hinge([r for r, _ in halves], [f for _, f in halves])
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        norm = float(torch.nn.utils.clip_grad_norm_(self.discriminators.parameters(), self.config.clip_norm))
        if math.isfinite(norm):
            self.optimiser.step()
        self.optimiser.zero_grad()
        return {"discriminator": float(loss.detach()), "gradient": norm}

    def generator_terms(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        """``adversarial`` and ``feature_matching`` of ``fake`` (batch, samples): scalars, differentiable in ``fake``.

        The discriminators' parameters are taken as constants. The crop is that of the last discriminator step.
        """
        _check_alike(real, fake)
        real, fake = self._crop(real, fake)
        self.discriminators.requires_grad_(False)
        try:
            with torch.no_grad():
                wanted = self.discriminators(real)
            judged = self.discriminators(fake)
        finally:
            self.discriminators.requires_grad_(True)
        return {
            "adversarial": generator_hinge([x.float() for x in judged.logits]),
            "feature_matching": feature_matching(
                [[x.float() for x in layers] for layers in wanted.features],
                [[x.float() for x in layers] for layers in judged.features],
            ),
        }

    def _crop(self, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        room = real.shape[1] - (self.config.crop or real.shape[1])
        if room <= 0:
            return real, fake
        # A function of the step alone, so that a resumed run judges what the unbroken one does.
        start = int(torch.randint(room + 1, (), generator=torch.Generator().manual_seed(self._steps)))
        end = start + real.shape[1] - room
        return real[:, start:end], fake[:, start:end]

    def state_dict(self) -> dict[str, Any]:
        """All that an exact resume needs, as ``torch.load(weights_only=True)`` can read it."""
        return {
            "discriminators": self.discriminators.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "balancer": self.balancer.state_dict(),
            "steps": self._steps,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.discriminators.load_state_dict(state["discriminators"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.balancer.load_state_dict(state["balancer"])
        self._steps = int(state["steps"])


def _check_alike(real: Tensor, fake: Tensor) -> None:
    check_shape("real", real.shape, "(batch, samples)", real.ndim == 2)
    check_shape("fake", fake.shape, f"(batch, samples) {tuple(real.shape)}", fake.shape == real.shape)
