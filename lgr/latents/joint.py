"""Timbre and pitch in one row, so that one dot product weighs both: ``(1 - w) s_timbre + w s_pitch``.

A codebook's row is ``[timbre, pitch] / sqrt(2)``, both of unit length; a target's is
``sqrt(2) [(1 - w) timbre, w pitch]``. Only the target's side carries the weight, so it may be another at every grain,
at no cost. It is scaled by how much of a pitch the target's grain has: rain is compared by timbre alone, and so are
drums, but for those that ring.
"""

import math

import torch
from torch import Tensor

from lgr.errors import check_shape
from lgr.sound.pitch import pitchedness

_BLOCK = 8192  # grains at a time


def pitch_rows(frames: Tensor, starts: Tensor, grain_frames: int) -> tuple[Tensor, Tensor]:
    """Unit rows of grains' pitch, ``(n_grains, bins)``, and how much of a pitch each has, ``(n_grains,)`` in [0, 1].

    Parameters
    ----------
    frames : Tensor, (total_frames, bins), descriptors of ``lgr.sound.pitch``; half precision will do
    starts : Tensor, (n_grains,), int64, in [0, total_frames - grain_frames]

    A grain's pitch is the mean over its frames; one without any has a row of zeros, alike to nothing.
    """
    check_shape("frames", frames.shape, "(total_frames, bins)", frames.ndim == 2)
    rows = frames.new_empty(len(starts), frames.shape[1], dtype=torch.float32)
    pitched = rows.new_empty(len(starts))
    within = torch.arange(grain_frames, device=frames.device)
    for low in range(0, len(starts), _BLOCK):
        high = min(low + _BLOCK, len(starts))
        mean = frames[starts[low:high, None] + within].float().mean(1)
        pitched[low:high] = pitchedness(mean)
        norm = mean.norm(dim=1, keepdim=True)
        rows[low:high] = mean * torch.where(norm > 1e-6, 1 / norm, 0.0)
    return rows, pitched


def source_rows(timbre: Tensor, pitch: Tensor) -> Tensor:
    """A codebook's rows: ``(n_grains, timbre and pitch)``, of unit length where both are."""
    return torch.cat([timbre, pitch], 1).mul_(1 / math.sqrt(2))


def target_rows(timbre: Tensor, pitch: Tensor, weight: Tensor) -> Tensor:
    """A target's rows; ``weight`` (n_grains,) in [0, 1] is how much pitch counts. Their products are similarities."""
    w = weight[:, None].to(timbre)
    return torch.cat([(1 - w) * timbre, w * pitch], 1).mul_(math.sqrt(2))
