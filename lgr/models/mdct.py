"""The modified discrete cosine transform as two matrix products (Princen, Johnson and Bradley 1987).

Frame ``t`` covers blocks ``t - 1`` and ``t`` of ``hop_length`` samples under the window of Vorbis, whose halves'
squares sum to one. The transform is orthonormal and critically sampled: block ``t`` is whole again once frames ``t``
and ``t + 1`` are overlap-added.
"""

import math

import torch
from torch import Tensor


def mdct_basis(hop_length: int) -> Tensor:
    """The windowed basis ``(2 * hop_length, hop_length)``, columns orthonormal: ``coefs = frame @ basis``, back by its
    transpose.
    """
    n = torch.arange(2 * hop_length, dtype=torch.float64)
    k = torch.arange(hop_length, dtype=torch.float64)
    window = torch.sin(math.pi / 2 * torch.sin(math.pi / (2 * hop_length) * (n + 0.5)) ** 2)
    phase = math.pi / hop_length * (n[:, None] + 0.5 + hop_length / 2) * (k[None] + 0.5)
    return (window[:, None] * torch.cos(phase) * math.sqrt(2 / hop_length)).float()


def overlap_blocks(frames: Tensor) -> tuple[Tensor, Tensor]:
    """Overlap-add windowed frames by half.

    Parameters
    ----------
    frames : Tensor, (batch, n_frames, 2 * hop_length)

    Returns
    -------
    blocks : Tensor, (batch, n_frames, hop_length): block ``t - 1`` at position ``t``: the first row is the first
        frame's left half, to which the caller adds what an earlier frame left over
    rest : Tensor, (batch, hop_length): the last frame's right half
    """
    hop = frames.shape[-1] // 2
    left, right = frames[..., :hop], frames[..., hop:]
    blocks = torch.cat([left[:, :1], left[:, 1:] + right[:, :-1]], 1)
    return blocks, right[:, -1]
