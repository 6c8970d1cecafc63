"""Brightness and noisiness as coordinates of a latent, each moving one thing and leaving the others.

They act on decoded spectra, like the level, so nothing has to be unlearned: a tilt is found that moves the centroid
by exactly the octaves asked for, power moves between tone and noise by a shift of its logit, and the frame keeps its
power.

TorchScript runs all of it (``lgr.export``). It sees no globals, so the constants are arguments.
"""

import math

import torch
from torch import Tensor

CONTROLS = 2
OCTAVES = 3.0  # of brightness, at most, either way
NATS = 2 * math.log(10)  # of the logit of noise's share, for one of noisiness
LEAST_SHARE = 1e-4  # of noise, and of tone, that noisiness begins from
STEEPEST = 8.0  # exponent of frequency: 24 dB an octave of amplitude
LOWEST_HZ = 60.0  # below, the tilt is level
HALVINGS = 24


def controlled(
    log_power: Tensor,
    share: Tensor,
    controls: Tensor,
    counted: Tensor,
    sample_rate: int,
    most: float = OCTAVES,
    nats: float = NATS,
    least: float = LEAST_SHARE,
) -> tuple[Tensor, Tensor]:
    """Spectra under their controls, at the same level; as they came where the controls are 0.

    Parameters
    ----------
    log_power, share : (batch, latents, 2, bins), nats, and the share of noise in it
    controls : (batch, latents, 2): octaves of the power's centroid, and noisiness (1 is a decade of amplitude)
    counted : (bins,), what a bin's power counts in the level
    """
    octaves, noisiness = controls[..., :1].clamp(-most, most), controls[..., 1:]
    if bool((noisiness != 0).any()):
        share = torch.sigmoid(torch.logit(share, eps=least) + nats * noisiness[..., None])
    if bool((octaves != 0).any()):
        log_power = torch.where(octaves[..., None] != 0, tilted(log_power, octaves, counted, sample_rate), log_power)
    return log_power, share


def tilted(
    log_power: Tensor,
    octaves: Tensor,
    counted: Tensor,
    sample_rate: int,
    steepest: float = STEEPEST,
    lowest_hz: float = LOWEST_HZ,
    halvings: int = HALVINGS,
) -> Tensor:
    """A power law of frequency over both spectra of a latent that moves their common centroid by ``octaves``."""
    bins = log_power.shape[-1]
    hz = torch.linspace(0, sample_rate / 2, bins, device=log_power.device, dtype=log_power.dtype)
    line = torch.log(hz.clamp(min=lowest_hz) / 1000)
    weighed = log_power + torch.log(counted)
    zero = torch.zeros_like(octaves)
    wanted = _centroid(weighed, hz) + math.log(2) * octaves
    low, high = zero - steepest, zero + steepest
    for _ in range(halvings):
        middle = (low + high) / 2
        short = _centroid(weighed + middle[..., None] * line, hz) < wanted
        low, high = torch.where(short, middle, low), torch.where(short, high, middle)
    moved = weighed + (low + high)[..., None] / 2 * line
    change = torch.logsumexp(weighed, (2, 3), keepdim=True) - torch.logsumexp(moved, (2, 3), keepdim=True)
    return moved + change - torch.log(counted)


def _centroid(log_power: Tensor, hz: Tensor) -> Tensor:
    """Of both spectra of a latent together, log Hz: ``(batch, latents, 2, bins)`` to ``(batch, latents, 1)``."""
    shares = torch.softmax(log_power.flatten(2), -1).view(log_power.shape)
    return torch.log((shares @ hz).sum(-1, keepdim=True).clamp(min=1e-3))
