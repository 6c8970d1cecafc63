"""How likely log magnitudes are, and what of a bin is noise: the network says for every bin a power and a spread.

A log magnitude has a Laplace density about what was decoded, as wide as the spread. What is known to a few percent is
a tone; noise, whose magnitudes have a Rayleigh distribution, is known to about a half, whatever is told of it, and the
spread learns that. Training by this density is maximum likelihood and has no traps. (The Rice distribution, of a tone
in noise, has one: at no tone at all its slope is zero, a few odd bins drive everything there, and it never came back.)

TorchScript runs what decodes (``lgr.export``). It sees no globals, so the constants are arguments there.
"""

import math

import torch
from torch import Tensor

LEAST = 3e-4  # a magnitude, 70 dB under the frame's level: what is below counts as that much
LEAST_SPREAD, MOST_SPREAD = 0.03, 1.5  # nepers
TONE_SPREAD, NOISE_SPREAD = 0.15, 0.4  # up to the first all is tone, from the second on all is noise
PEAK_DB, CLEAR_DB = 12.0, 24.0  # above its surroundings: from here on a narrow peak is partly a tone, and wholly
SIDE = 4  # bins from a peak to its surroundings: the main lobe of a Hann window ends two from its middle
MEDIAN = -0.5 * math.log(math.log(2))  # nepers by which noise's median magnitude lies under its root mean square


def spread_of(raw: Tensor, least: float = LEAST_SPREAD, most: float = MOST_SPREAD) -> Tensor:
    """A network's output, any number, as a spread in nepers."""
    low, high = math.log(least), math.log(most)
    return torch.exp(low + (high - low) * torch.sigmoid(raw))


def noise_share(spread: Tensor, tone: float = TONE_SPREAD, noise: float = NOISE_SPREAD) -> Tensor:
    """The share of a bin's power that is noise, in [0, 1], rising smoothly with its spread."""
    x = ((spread - tone) / (noise - tone)).clamp(0, 1)
    return x.square() * (3 - 2 * x)


def peak_share(log_power: Tensor, peak_db: float = PEAK_DB, clear_db: float = CLEAR_DB, side: int = SIDE) -> Tensor:
    """How much of a tone's peak every bin is in, in [0, 1]: ``(..., bins)`` log powers to as many.

    A peak as narrow as the window's own lobe, well above what is around it, is a tone, however badly its height is
    known: noise, of which the mean is decoded, has none. (A sine at 8 kHz was decoded within 1 dB, and yet was noise,
    for its spread was large.)
    """
    beyond = torch.nn.functional.pad(log_power, (side + 1, side + 1), value=-math.inf)
    n = log_power.shape[-1]
    around = torch.stack([beyond[..., at : at + n] for at in [0, 1, 2 * side + 1, 2 * side + 2]]).amax(0)
    height = 10 / math.log(10) * (log_power - around)
    top = log_power >= _widest(log_power, side - 1)
    x = ((height - peak_db) / (clear_db - peak_db)).clamp(0, 1) * top
    return _widest(x * x * (3 - 2 * x), 2)


def _widest(values: Tensor, reach: int) -> Tensor:
    """The largest of the bins around each, up to ``reach`` either way."""
    flat = torch.nn.functional.max_pool1d(values.reshape(-1, 1, values.shape[-1]), 2 * reach + 1, 1, reach)
    return flat.view(values.shape)


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
