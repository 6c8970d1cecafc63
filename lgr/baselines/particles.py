"""Particles: guesses at which windows of a corpus sound now; moved on, weighed and drawn anew at every hop.

From the equations of Tralie and Cantil, "The Concatenator: A Bayesian Approach To Real Time Concatenative Musaicing"
(ISMIR 2024, arXiv 2411.04366). Each of P particles is a guess at the p corpus windows that sound now. At every hop

- each of its p windows moves on to the next of its recording with probability p_d, else jumps anywhere (eq. 6);
- its windows are fitted to the target's spectrum (``lgr.baselines.kl_fit``), which leaves a divergence d_i;
- its weight is multiplied by exp(-τ d_i), and all weights are normalised (eq. 8);
- the best tenth of the particles vote, each with its weight, for p windows to play; what was played in the last r hops
  is passed over;
- where 1 / Σ w² falls under P / 10, particles are drawn anew by their weights and all weigh the same again.

The windows voted for are fitted once more. What a hop costs does not depend on the length of the corpus. Where the
paper leaves a choice: the vote comes before particles are drawn anew (after it, all weigh the same); a window counts
once for every particle that holds it, whatever its activation there; voters who hold nothing but what was just played
are heard all the same; fits start at activations of 1; a window is quiet by its RMS. Left out: pitch-shifted copies
of the corpus, and the option to boost windows that follow on those just played.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from lgr.baselines.corpus_windows import CorpusWindows
from lgr.baselines.kl_fit import kl_fit
from lgr.errors import ArgumentError

QUIET_DB = -50.0  # windows below are kept from being turned up without end
QUIET_PENALTY = 0.1


@dataclass(frozen=True, kw_only=True)
class ParticleConfig:
    """The paper's parameters, at the values of its evaluation."""

    particles: int = 1000  # P
    activations: int = 5  # p: windows that sound together
    advance: float = 0.95  # p_d: probability of playing on, per window and hop
    inverse_temperature: float = 10.0  # the paper's τ, which multiplies: higher follows the target more closely
    iterations: int = 10  # L: of each fit
    repeat_hops: int = 3  # r: for how long a window is not played again
    voters: float = 0.1  # share of the particles that vote
    resample_below: float = 0.1  # of P: the effective number of particles under which they are drawn anew
    max_hz: float = 8000.0  # spectra are compared up to here

    def __post_init__(self) -> None:
        for name in ("particles", "activations", "iterations"):
            if getattr(self, name) < 1:
                raise ArgumentError(f"{name} must be >= 1, got {getattr(self, name)}")
        for name in ("advance", "voters", "resample_below"):
            if not 0 <= getattr(self, name) <= 1:
                raise ArgumentError(f"{name} must be in [0, 1], got {getattr(self, name)}")
        if not 0 <= self.inverse_temperature < math.inf:
            raise ArgumentError(f"inverse_temperature must be >= 0 and finite, got {self.inverse_temperature}")
        if self.repeat_hops < 0:
            raise ArgumentError(f"repeat_hops must be >= 0, got {self.repeat_hops}")
        if not self.max_hz > 0:
            raise ArgumentError(f"max_hz must be > 0, got {self.max_hz}")


@dataclass(frozen=True, kw_only=True, eq=False)
class Particles:
    """The filter between two hops.

    Parameters
    ----------
    windows : Tensor int64 (particles, activations), indices into the corpus
    log_weights : Tensor float64 (particles,), normalised
    played : what was played in the last ``repeat_hops`` hops, newest last
    """

    windows: Tensor
    log_weights: Tensor
    played: tuple[Tensor, ...] = ()

    @classmethod
    def scatter(cls, corpus: CorpusWindows, config: ParticleConfig, generator: torch.Generator) -> "Particles":
        """Anywhere in the corpus, all of one weight."""
        windows = torch.randint(len(corpus), (config.particles, config.activations), generator=generator)
        return cls(windows=windows, log_weights=_even(config.particles))

    @property
    def weights(self) -> Tensor:
        """Posterior probabilities ``(particles,)``, float64; they sum to one."""
        return self.log_weights.exp()


def transition(windows: Tensor, following: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    """Move each of ``windows`` on with a probability, else to any other window, all others alike (eq. 6).

    Where a recording ends there is nothing to move on to, and every window of the corpus is as likely.
    """
    ahead = following[windows]
    draws = torch.rand(2, *windows.shape, dtype=torch.float64, generator=generator)
    moves = (draws[0] < probability) & (ahead >= 0)
    others = torch.where(ahead >= 0, len(following) - 1, len(following))
    # counted from the one after ``ahead``, round the end of the corpus: so all but ``ahead`` itself can be reached
    jump = (ahead + 1 + (draws[1] * others).long()).remainder(len(following))
    return torch.where(moves, ahead, jump)


def effective_particles(weights: Tensor) -> float:
    """1 / Σ w²: how many particles of equal weight would be worth as much; between 1 and their number."""
    return 1 / float(weights.square().sum())


def systematic_resample(weights: Tensor, generator: torch.Generator) -> Tensor:
    """As many indices ``(particles,)`` as there are weights; each occurs ``particles * weight`` times on average.

    One draw places a comb of equal spacing on the cumulative weights, so a count is never off by one or more
    (Kitagawa 1996; the paper's stochastic universal sampling).
    """
    n = len(weights)
    comb = (torch.arange(n, dtype=torch.float64) + torch.rand(1, dtype=torch.float64, generator=generator)) / n
    edges = weights.double().cumsum(0)
    return torch.searchsorted(edges / edges[-1], comb, right=True).clamp(max=n - 1)


def vote(particles: Particles, config: ParticleConfig) -> Tensor:
    """The windows to play ``(n,)``, 1 <= n <= ``activations``, by the weight of the particles that hold them.

    Fewer than ``activations`` where the voters hold no more that were not just played.
    """
    log_weights, best = particles.log_weights.topk(max(1, round(config.voters * config.particles)))
    candidates, ballots = torch.unique(particles.windows[best], return_inverse=True)
    ballots = ballots.flatten()
    weights = log_weights.repeat_interleave(config.activations)
    # In logarithms: weights fall by hundreds of powers of ten, and the second best must still be told from the third.
    most = torch.full(candidates.shape, -math.inf, dtype=torch.float64).scatter_reduce(0, ballots, weights, "amax")
    votes = most + torch.zeros_like(most).index_add_(0, ballots, (weights - most[ballots]).exp()).log()
    if particles.played:
        fresh = ~torch.isin(candidates, torch.cat(particles.played))
        if bool(fresh.any()):
            candidates, votes = candidates[fresh], votes[fresh]
    elected: Tensor = candidates[votes.topk(min(config.activations, len(votes))).indices]
    return elected


def filter_hop(
    particles: Particles, spectrum: Tensor, corpus: CorpusWindows, config: ParticleConfig, generator: torch.Generator
) -> tuple[Particles, tuple[Tensor, Tensor]]:
    """One hop of the filter.

    Parameters
    ----------
    particles : never changed
    spectrum : Tensor (bins,), the target's, as ``magnitudes`` gives it
    generator : CPU; two draws a window of each particle, and one more where particles are drawn anew

    Returns
    -------
    (Particles, (windows (n,), activations (n,))), as ``vote`` chose them
    """
    windows = transition(particles.windows, corpus.following, config.advance, generator)
    _, divergence = _fit(windows, spectrum, corpus, config)
    log_weights = torch.log_softmax(particles.log_weights - config.inverse_temperature * divergence.double(), 0)
    moved = Particles(windows=windows, log_weights=log_weights, played=particles.played)
    chosen = vote(moved, config)
    activations = _fit(chosen[None], spectrum, corpus, config)[0][0]
    played = (*particles.played, chosen)[-config.repeat_hops :] if config.repeat_hops else ()
    if effective_particles(moved.weights) < config.resample_below * config.particles:
        windows, log_weights = windows[systematic_resample(moved.weights, generator)], _even(config.particles)
    return Particles(windows=windows, log_weights=log_weights, played=played), (chosen, activations)


def _fit(windows: Tensor, spectrum: Tensor, corpus: CorpusWindows, config: ParticleConfig) -> tuple[Tensor, Tensor]:
    """Activations and divergences of sets of corpus windows ``(sets, size)``."""
    flat = windows.flatten()
    # tens of times faster than spectra[windows]
    templates = corpus.spectra.index_select(0, flat).view(*windows.shape, -1)
    penalty = torch.where(corpus.level_db[flat] < QUIET_DB, QUIET_PENALTY, 0.0).view(windows.shape)
    return kl_fit(spectrum, templates, iterations=config.iterations, penalty=penalty)


def _even(particles: int) -> Tensor:
    return torch.full((particles,), -math.log(particles), dtype=torch.float64)
