r"""A Schrödinger bridge from coarse latents to fine ones, any number of evaluations.

Liu, Vahdat, Huang, Theodorou, Nie, Anandkumar: I2SB, Image-to-Image Schrödinger Bridge, ICML 2023. Between pairs of
ends the bridge is Gaussian. With variances :math:`\sigma_t^2 = \int_0^t \beta` gathered from the fine end and
:math:`\bar\sigma_t^2 = \int_t^1 \beta` from the coarse one (their eq. 11),

.. math:: x_t \sim N(\mu_t, \Sigma_t), \quad
    \mu_t = \frac{\bar\sigma_t^2 x_0 + \sigma_t^2 x_1}{\sigma_t^2 + \bar\sigma_t^2}, \quad
    \Sigma_t = \frac{\sigma_t^2 \bar\sigma_t^2}{\sigma_t^2 + \bar\sigma_t^2}.

The network says :math:`x_0` from :math:`x_t`, :math:`x_1` and :math:`t` (theirs says :math:`(x_t - x_0) / \sigma_t`,
the same by a linear map; ours is the regression at :math:`t = 1`). A step from :math:`t` to :math:`s` keeps the
marginals of the bridge between what it says and :math:`x_1` (Zheng, He, Chen, Bao, Zhu: Diffusion Bridge Implicit
Models, 2024):

.. math:: x_s = \mu_s + \sqrt{\Sigma_s - \rho^2}\,\frac{x_t - \mu_t}{\sqrt{\Sigma_t}} + \rho\,\epsilon.

With the largest :math:`\rho` this is I2SB's posterior sampler (their algorithm 2); with :math:`\rho = 0` nothing is
drawn after the first step. :math:`\beta` is theirs, highest in the middle; :math:`\int_0^1 \beta` is ``noise`` squared.
"""

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

from lgr.bridge.base import Batch, Bridge, by_windows
from lgr.bridge.config import BridgeConfig
from lgr.bridge.encoder import Encoder

Says = Callable[[Tensor, float], Tensor]

LOWEST = 0.1  # of the square root of beta at the ends, in that of its middle
STEPS = 8  # by default: more make what is drawn too lively (docs/results.md)
LEAST_WEIGHT_AT = 0.05  # times of the noise: below, errors do not count for more


class SchrodingerBridge(Bridge):
    """See the module. ``stochastic`` 1: a new draw a step; 0: one draw at the first step, then none."""

    kind = "schrodinger"
    most_steps = 64
    stochastic = 1.0

    def __init__(self, config: BridgeConfig) -> None:
        super().__init__(config)
        self.encoder = Encoder(config, 2 * config.latent_dim, config.latent_dim, config.most_given, timed=True)

    def says(self, x: Tensor, coarse: Tensor, setting: Tensor, time: Tensor, known: Tensor | None = None) -> Tensor:
        """The fine end, as the network has it, from ``x`` (batch, frames, latent_dim) at ``time`` (batch,)."""
        both = torch.cat([x, coarse], 2)
        if known is not None:
            out: Tensor = self.encoder(both, setting, time, known)
            return coarse + out
        return coarse + by_windows(self.encoder, self.config.context, both, setting, time)

    def bridged(self, x: Tensor, setting: Tensor, steps: int | None, generator: torch.Generator) -> Tensor:
        steps = STEPS if steps is None else steps

        def says(now: Tensor, time: float) -> Tensor:
            return self.says(now, x, setting, torch.full((len(x),), time, dtype=x.dtype, device=x.device))

        return walked(says, x, steps, self.config.noise, self.stochastic, generator)

    def loss(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Squared error of the fine end, weighted by how far away it is: small errors matter near it."""
        time = torch.rand(len(batch.fine), generator=generator).to(batch.fine)
        a, b, deviation = marginal(time, self.config.noise)
        drawn = torch.randn(batch.fine.shape, generator=generator).to(batch.fine)
        x = a[:, None, None] * batch.fine + b[:, None, None] * batch.coarse + deviation[:, None, None] * drawn
        out = self.says(x, batch.coarse, batch.setting, time, batch.known)
        weight = 1 / (variances(time, 1.0)[0].sqrt() + LEAST_WEIGHT_AT)
        return batch.mean((out - batch.fine).square() * weight[:, None, None])


def variances(time: Tensor, noise: float) -> tuple[Tensor, Tensor]:
    """What has gathered from the fine and from the coarse end, at ``time`` in [0, 1]: together ``noise ** 2``."""

    def gathered(t: Tensor) -> Tensor:  # the integral of (LOWEST + (1 - LOWEST) 2 t) ** 2 up to t <= 1/2
        root = LOWEST + (1 - LOWEST) * 2 * t
        return (root**3 - LOWEST**3) / (6 * (1 - LOWEST))

    half = gathered(torch.full_like(time, 0.5))
    first = torch.where(time <= 0.5, gathered(time.clamp(max=0.5)), 2 * half - gathered((1 - time).clamp(max=0.5)))
    share = first / (2 * half)
    return noise**2 * share, noise**2 * (1 - share)


def marginal(time: Tensor, noise: float) -> tuple[Tensor, Tensor, Tensor]:
    """Of the bridge at ``time``: the share of the fine end, that of the coarse end, and the standard deviation."""
    fine, coarse = variances(time, noise)
    return coarse / (fine + coarse), fine / (fine + coarse), (fine * coarse / (fine + coarse)).sqrt()


def walked(
    says: Says, coarse: Tensor, steps: int, noise: float, stochastic: float, generator: torch.Generator
) -> Tensor:
    """From the coarse end to the fine one in equal steps of time; ``says(x, time)``: the fine end, seen from there."""
    x, times = coarse, torch.linspace(1, 0, steps + 1, dtype=torch.float64)
    for now, then in pairwise(times):
        end = says(x, float(now))
        if then == 0:
            return end
        a, b, deviation = (float(v) for v in marginal(now, noise))
        c, d, after = (float(v) for v in marginal(then, noise))
        far, near = (float(variances(t, noise)[0]) for t in (now, then))
        fresh = (near * (far - near) / far) ** 0.5 * (stochastic if deviation > 0 else 1.0)
        kept = max(0.0, after**2 - fresh**2) ** 0.5 / deviation if deviation > 0 else 0.0
        drawn = torch.randn(x.shape[1:], generator=generator, dtype=x.dtype, device=x.device)  # of all items
        x = c * end + d * coarse + kept * (x - a * end - b * coarse) + fresh * drawn
    return x
