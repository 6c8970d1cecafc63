"""What training the spectral model minimises: how likely magnitudes are, given a tone and noise in every bin.

A bin ``T e^{i phi} + N w`` with unknown ``phi`` and ``w`` complex Gaussian of power 1 has a magnitude ``r`` with a Rice
distribution, ``-log p = 2 log N - log 2 r + (r - T)^2 / N^2 - log i0e(2 r T / N^2)``. Training by it is maximum
likelihood: what is certain becomes a tone, what is not becomes noise, and nothing is blurred in between.
"""

import math

import torch
from torch import Tensor

CAP = 20.0  # nats: above, the likelihood grows by its logarithm only; one odd bin must not drown a batch
LEAST = 3e-4  # a magnitude, 70 dB under the frame's level: what is below counts as that much
LEAST_SHARE = 1e-2  # of noise in a bin's power: with less, a few pure tones pull harder than all else


# Abramowitz and Stegun 9.8.1 (in (x / 3.75)^2, up to 3.75) and 9.8.2 (in 3.75 / x, beyond): I0, and sqrt(x) i0e.
NEAR = (1.0, 3.5156229, 3.0899424, 1.2067492, 0.2659732, 0.0360768, 0.0045813)
FAR = (
    0.39894228,
    0.01328592,
    0.00225319,
    -0.00157565,
    0.00916281,
    -0.02057706,
    0.02635537,
    -0.01647633,
    0.00392377,
)


def log_i0e(x: Tensor) -> Tensor:
    """``log(exp(-x) I0(x))`` for ``x >= 0``, to 1e-6; several times faster than ``torch.special.i0e``."""
    small, large = x.clamp(max=3.75), x.clamp(min=3.75)
    near = torch.log(_polynomial((small / 3.75).square(), NEAR)) - small
    return torch.where(x < 3.75, near, torch.log(_polynomial(3.75 / large, FAR)) - 0.5 * torch.log(large))


def _polynomial(x: Tensor, coefficients: tuple[float, ...]) -> Tensor:
    total = torch.full_like(x, coefficients[-1])
    for c in reversed(coefficients[:-1]):
        total = total * x + c
    return total


def rice_nats(magnitude: Tensor, log_power: Tensor, tonal: Tensor) -> Tensor:
    """``-log p`` of every bin's log magnitude, capped, any shape.

    Parameters
    ----------
    magnitude : >= 0, in units of the frame's level
    log_power : nats, of ``T^2 + N^2``
    tonal : logit of ``T^2 / (T^2 + N^2)``
    """
    r = magnitude.clamp(min=LEAST)
    share = torch.sigmoid(-tonal).clamp(min=LEAST_SHARE)
    log_noise = (log_power + torch.log(share)).clamp(min=2 * math.log(LEAST))
    noise = torch.exp(log_noise)
    tone = torch.exp(0.5 * (log_power + torch.nn.functional.logsigmoid(tonal)))
    distance = (r - tone).square() / noise - log_i0e(2 * r * tone / noise)
    nats = log_noise - torch.log(2 * r.square()) + distance
    return torch.where(nats > CAP, CAP + torch.log1p(torch.relu(nats - CAP)), nats)
