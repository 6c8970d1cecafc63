"""Overlapping segments of a timeline that are worked on apart and cross-faded into one.

EnCodec at 48 kHz normalises over time within one-second segments, so its segments are part of what it is. Here they
start on whole frames, so that a file has one latent a frame: segments of ``length`` frames, each ``stride`` after the
one before, the last moved back to end with the file so that it is as long as the others. Wherever two overlap, one
gives way to the other over ``length - stride`` frames in the middle of the overlap.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Segments:
    """The segments of a file of ``frames`` frames, and their weights, which sum to one everywhere."""

    frames: int
    length: int
    stride: int

    @property
    def starts(self) -> list[int]:
        """First frame of each segment."""
        last = max(self.frames - self.length, 0)
        return [*range(0, last, self.stride), last]

    def weight(self, index: int, per_frame: int) -> Tensor:
        """Weights of segment ``index`` at each of its frames (``per_frame`` 1) or samples (the hop length).

        Returns
        -------
        Tensor, (min(length, frames) * per_frame,), float32, 0 to 1
        """
        starts = self.starts
        end = min(starts[index] + self.length, self.frames)
        times = (torch.arange(starts[index] * per_frame, end * per_frame) + 0.5) / per_frame
        weight = torch.ones(len(times))
        if index > 0:
            weight = self._rise(index, times)
        if index + 1 < len(starts):
            weight = weight - self._rise(index + 1, times)
        return weight

    def _rise(self, index: int, times: Tensor) -> Tensor:
        """0 to 1 where segment ``index`` takes over from the one before; ``times`` in frames."""
        starts = self.starts
        fade = self.length - self.stride
        middle = (starts[index] + starts[index - 1] + self.length) / 2
        return ((times - middle) / fade + 0.5).clamp(0, 1).float()
