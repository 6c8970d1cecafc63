"""How likely log magnitudes are, and what of a bin is noise: the network says for every bin a power and a spread.

A log magnitude has a Laplace density about what was decoded, as wide as the spread. What is known to a few percent is
a tone; noise, whose magnitudes have a Rayleigh distribution, is known to about a half, whatever is told of it, and the
spread learns that. Training by this density is maximum likelihood and has no traps. (The Rice distribution, of a tone
in noise, has one: at no tone at all its slope is zero, a few odd bins drive everything there, and it never came back.)
"""

import math

import torch
from torch import Tensor

LEAST = 3e-4  # a magnitude, 70 dB under the frame's level: what is below counts as that much
LEAST_SPREAD, MOST_SPREAD = 0.03, 1.5  # nepers
TONE_SPREAD, NOISE_SPREAD = 0.15, 0.4  # up to the first all is tone, from the second on all is noise
MEDIAN = -0.5 * math.log(math.log(2))  # nepers by which noise's median magnitude lies under its root mean square


def spread_of(raw: Tensor) -> Tensor:
    """A network's output, any number, as a spread in nepers."""
    low, high = math.log(LEAST_SPREAD), math.log(MOST_SPREAD)
    return torch.exp(low + (high - low) * torch.sigmoid(raw))


def noise_share(spread: Tensor) -> Tensor:
    """The share of a bin's power that is noise, in [0, 1], rising smoothly with its spread."""
    x = ((spread - TONE_SPREAD) / (NOISE_SPREAD - TONE_SPREAD)).clamp(0, 1)
    return x.square() * (3 - 2 * x)


def surprise(magnitude: Tensor, log_power: Tensor, spread: Tensor) -> Tensor:
    """Nats of every bin's log magnitude, any shape.

    Parameters
    ----------
    magnitude : >= 0, in units of the frame's level
    log_power : nats, of what was decoded
    spread : nepers
    """
    median = 0.5 * log_power - MEDIAN * noise_share(spread.detach())
    log = 0.5 * torch.log(magnitude.square() + LEAST**2)
    return (log - median).abs() / spread + torch.log(2 * spread)
