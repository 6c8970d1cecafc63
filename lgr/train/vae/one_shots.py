"""One-shots for the temporal embedding: short recordings aligned at their onset, all of one length and one level.

What paper 001 (3.4) embeds is a series of grains; for a series to begin with the sound, as a sampled one should,
every recording is cut from just before its onset and filled up with silence.
"""

from collections import defaultdict
from dataclasses import dataclass

import torch
from torch import Tensor

from lgr.errors import ArgumentError
from lgr.train.data import AudioCache, Clip

PEAK = 0.7
ONSET = 0.02  # of the peak: -34 dB
BEFORE_SECONDS = 0.003  # kept before the onset, so that an attack is not cut
FADE_SECONDS = 0.02  # where a recording is longer than a series


def one_shot(audio: Tensor, samples: int, sample_rate: int) -> Tensor:
    """``(any,)`` to ``(samples,)``: from 3 ms before the onset on, peak 0.7, faded out where it is cut."""
    peak = audio.abs().max()
    onset = int((audio.abs() >= ONSET * peak).to(torch.uint8).argmax())  # the first
    cut = audio[max(0, onset - int(BEFORE_SECONDS * sample_rate)) :]
    fade = min(samples, int(FADE_SECONDS * sample_rate))
    longer = cut.shape[0] > samples
    cut = torch.nn.functional.pad(cut[:samples], (0, max(0, samples - cut.shape[0])))
    if longer and fade:
        cut = torch.cat([cut[: samples - fade], cut[samples - fade :] * torch.linspace(1, 0, fade)])
    return cut * (PEAK / peak.clamp(min=1e-6))


@dataclass(frozen=True)
class OneShots:
    """The one-shots of some clips. ``draw(step)`` is a pure function of seed and step, classes drawn alike often."""

    cache: AudioCache
    clips: tuple[Clip, ...]
    samples: int
    seed: int

    def __post_init__(self) -> None:
        if not self.clips:
            raise ArgumentError("clips must hold one-shots to train on, got none")

    def draw(self, step: int, n: int) -> list[int]:
        """Indices of ``n`` clips."""
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + step)
        by_label: dict[str, list[int]] = defaultdict(list)
        for i, clip in enumerate(self.clips):
            by_label[clip.label].append(i)
        groups = [by_label[label] for label in sorted(by_label)]
        drawn = []
        for _ in range(n):
            group = groups[int(torch.randint(len(groups), (), generator=generator))]
            drawn.append(group[int(torch.randint(len(group), (), generator=generator))])
        return drawn

    def audio(self, indices: list[int]) -> Tensor:
        """``(len(indices), samples)``."""
        rate = self.cache.sample_rate
        return torch.stack([one_shot(self.cache.audio(self.clips[i]), self.samples, rate) for i in indices])
