"""Noise as a pure function of a seed and of the absolute frame: no chunking and no batching can change it.

A counter-based generator (splitmix64's finaliser; Steele et al. 2014, "Fast splittable pseudorandom number
generators"): number ``j`` of frame ``t`` is a hash of ``(seed, t, j)``, so it can be computed anywhere, in any order.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

_INCREMENT = -7046029254386353131  # the golden-ratio increment, modulo 2**64


def _mix(counter: Tensor, increment: int = _INCREMENT) -> Tensor:
    """splitmix64's finaliser on int64, all but its last shift-and-xor, which the top bits do not need."""
    x = counter * increment
    x = (x ^ ((x >> 30) & 0x3FFFFFFFF)) * -4658895280553007687
    return (x ^ ((x >> 27) & 0x1FFFFFFFFF)) * -7723592293110705685


def stream(seed: int) -> int:
    """Where the counters of a seed begin; apart from the rest, as TorchScript has no whole numbers beyond 64 bits."""
    return seed * 0x632BE59BD9B4E019 % 2**61 + 1


def _counters(first: int, frames: int, width: int, begin: int) -> Tensor:
    return torch.arange(first * width, (first + frames) * width, dtype=torch.int64) + begin


def frame_noise(first: int, frames: int, width: int, seed: int) -> Tensor:
    """Random signs ``(frames, width)`` of frames ``first …``, float32.

    Signs, not Gaussians: every frame of noise then has exactly the energy that a decoder asked for.
    """
    return signs(first, frames, width, stream(seed))


def signs(first: int, frames: int, width: int, begin: int) -> Tensor:
    """``frame_noise`` of the seed whose ``stream`` is ``begin``; scriptable."""
    x = _mix(_counters(first, frames, width, begin))
    return ((x < 0).float() * 2 - 1).view(frames, width)  # the top bit is the best mixed


def uniform_draw(key: int) -> Tensor:
    """One number in [0, 1), ``(1,)`` float64, that is a function of ``key``; scriptable."""
    x = _mix(_mix(torch.full((1,), key, dtype=torch.int64)))  # twice: keys may differ by a bit
    return (x >> 11 & 0x1FFFFFFFFFFFFF).double() * 2.0**-53


def uniform_noise(first: int, frames: int, width: int, seeds: Sequence[int]) -> Tensor:
    """Uniform noise in [-1, 1), ``(len(seeds), frames, width)`` float32, of frames ``first …`` of each seed's stream.

    The excitation of paper 001 (eq. 7) and of paper 003's noise synthesisers.
    """
    return torch.stack([uniforms(first, frames, width, stream(seed)) for seed in seeds])


def uniforms(first: int, frames: int, width: int, begin: int) -> Tensor:
    """``uniform_noise`` of the one seed whose ``stream`` is ``begin``, ``(frames, width)``; scriptable."""
    x = _mix(_counters(first, frames, width, begin))
    return (x >> 39).float().mul_(2.0**-24).view(frames, width)  # the top 25 bits, sign included
