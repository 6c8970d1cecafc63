"""A pattern played with a kit: every hit on its sample, added to what still sounds."""

import torch
from torch import Tensor

from lgr.drums.kit import Kit
from lgr.drums.pattern import MOST_VELOCITY, Pattern
from lgr.errors import ArgumentError
from lgr.sound.level import within_full_scale

FADE_SECONDS = 0.005  # in which a sound that ends early, or is cut off by the model, falls silent
LONGEST_SECONDS = 1800.0


def render_pattern(pattern: Pattern, kit: Kit, loops: int = 1) -> Tensor:
    """The sound of a pattern, ``(1, samples)`` float32 at ``kit.sample_rate``, as long as its last hit rings.

    - A hit begins on the sample ``pattern.onset`` says; where sounds meet they are added.
    - A track has one voice: its next hit ends the one before, which fades over the 5 ms after the new onset. The end of
      a sound fades in the same way. Tracks do not silence each other.
    - Velocity v is a gain of ``(v / 127) ** 2``, 40 log10(v / 127) dB, as in Downloadable Sounds (DLS) Level 1.
    - Voices of several sounds play them in turn and begin with the first at every loop.
    - Nothing passes full scale: where sums would, a limiter turns them down around their peaks.

    Parameters
    ----------
    kit : has a voice of each track's class (``Kit.for_labels``)
    loops : how often the pattern is played, 1 or more, for half an hour at most

    Raises
    ------
    ArgumentError : a track of a class that the kit lacks, or loops outside these
    """
    if isinstance(loops, bool) or not isinstance(loops, int) or loops < 1:
        raise ArgumentError(f"loops must be a whole number >= 1, got {loops!r}")
    rate = kit.sample_rate
    length = pattern.onset(0, rate, loops)
    if length > LONGEST_SECONDS * rate:
        raise ArgumentError(f"loops must keep the result within {LONGEST_SECONDS / 60:g} minutes, got {loops}")
    voices = kit.for_labels(pattern.labels)
    out = torch.zeros(length + max(voice.sounds.shape[1] for voice in voices))
    end = length
    for track, voice in zip(pattern.tracks, voices, strict=True):
        hits = [
            (pattern.onset(step, rate, loop), velocity, voice.sounds[i % len(voice.sounds)])
            for loop in range(loops)
            for i, (step, velocity) in enumerate(track.hits)
        ]
        for i, (onset, velocity, sound) in enumerate(hits):
            until = hits[i + 1][0] if i + 1 < len(hits) else None
            played = faded(sound, rate, None if until is None else until - onset)
            out[onset : onset + len(played)] += played * (velocity / MOST_VELOCITY) ** 2
            end = max(end, onset + len(played))
    return within_full_scale(out[None, :end], rate)


def faded(sound: Tensor, sample_rate: int, cut: int | None = None) -> Tensor:
    """What is heard of ``sound`` (samples,) that is cut off at the sample ``cut``: it ends in a straight fade."""
    fade = max(1, round(FADE_SECONDS * sample_rate))
    kept = sound if cut is None else sound[: cut + fade]
    fade = min(fade, len(kept))
    ramp = torch.ones(len(kept))
    ramp[len(kept) - fade :] = torch.arange(fade, 0, -1) / (fade + 1)
    return kept * ramp
