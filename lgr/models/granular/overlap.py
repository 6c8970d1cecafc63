"""Grains out of audio and back: centred windows at 75 % overlap, and overlap-add normalised by the windows present.

Grain ``i`` covers samples ``[i * hop - 1.5 * hop, i * hop + 2.5 * hop)``, four hops centred on its own; outside the
file there is silence. On the way back the sum of windowed grains is divided by the sum of the windows that reach each
sample, so grains that agree give back exactly what they agree on, at a file's first and last samples too.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

HOPS = 4  # hops a grain: an overlap of 75 % (paper 001, section 4.1)
LEAST = 1e-6  # of a sum of windows: where no grain reaches, silence and not a division by zero


def before(hop: int) -> int:
    """Samples by which a grain starts before its own hop."""
    return 3 * hop // 2


def grain_window(hop: int) -> Tensor:
    """Hann window of a grain, ``(4 * hop,)``, sampled between the grid points: nowhere zero, four of them sum to 2."""
    phase = (torch.arange(HOPS * hop, dtype=torch.float64) + 0.5) / (HOPS * hop)
    return (torch.sin(torch.pi * phase) ** 2).float()


def cut_grains(audio: Tensor, hop: int) -> Tensor:
    """All grains of ``(batch, samples)``: ``(batch, ceil(samples / hop), 4 * hop)``."""
    samples = audio.shape[1]
    frames = -(-samples // hop)
    padded = functional.pad(audio, (before(hop), (frames - 1 + HOPS) * hop - before(hop) - samples))
    return padded.unfold(1, HOPS * hop, hop)


class Overlap(NamedTuple):
    """Sums over the samples that a stream's next grains still reach: the windowed grains and the windows."""

    grains: Tensor  # (batch, 3 * hop)
    windows: Tensor  # (3 * hop,)


def add_grains(state: Overlap | None, grains: Tensor, window: Tensor) -> tuple[Overlap, Tensor]:
    """Overlap-add ``(batch, frames, 4 * hop)`` onto what came before.

    Parameters
    ----------
    window : (4 * hop,), by which grains are multiplied and by whose sum over the grains a sample is divided

    Returns
    -------
    state : Overlap, for ``add_grains`` with the grains that follow, or for ``last_samples``
    audio : (batch, frames * hop): finished samples, of which the first begins where the first grain does
    """
    batch, frames, length = grains.shape
    hop = length // HOPS
    total = frames * hop + (HOPS - 1) * hop
    if state is None:
        state = Overlap(grains.new_zeros(batch, (HOPS - 1) * hop), grains.new_zeros((HOPS - 1) * hop))
    if frames == 0:
        return state, grains.new_zeros(batch, 0)
    sums = _shifted_sum(grains * window, hop)
    windows = _shifted_sum(window.expand(1, frames, length), hop)[0]
    rest = total - state.windows.shape[0]
    sums = sums + functional.pad(state.grains, (0, rest))
    windows = windows + functional.pad(state.windows, (0, rest))
    done = frames * hop
    return Overlap(sums[:, done:], windows[done:]), sums[:, :done] / windows[:done].clamp(min=LEAST)


def last_samples(state: Overlap) -> Tensor:
    """What the last grains reach beyond the finished samples, ``(batch, 3 * hop)``: a file's end."""
    return state.grains / state.windows.clamp(min=LEAST)


def overlap_add(grains: Tensor, window: Tensor) -> Tensor:
    """All grains of a file to its audio: ``(batch, frames, 4 * hop)`` to ``(batch, frames * hop)``."""
    hop = grains.shape[-1] // HOPS
    state, audio = add_grains(None, grains, window)
    return torch.cat([audio, last_samples(state)], 1)[:, before(hop) : before(hop) + grains.shape[1] * hop]


def _shifted_sum(grains: Tensor, hop: int) -> Tensor:
    """``(batch, frames, 4 * hop)`` to ``(batch, (frames + 3) * hop)``: grain ``i`` is added at ``i * hop``."""
    batch, frames, _ = grains.shape
    parts = torch.unflatten(grains, 2, (HOPS, hop))  # quarter k of grain i lands on hop i + k
    padded = [functional.pad(parts[:, :, k], (0, 0, k, HOPS - 1 - k)) for k in range(HOPS)]
    return torch.stack(padded).sum(0).reshape(batch, (frames + HOPS - 1) * hop)
