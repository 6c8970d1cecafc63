"""More sounds than a corpus has: its clips at other speeds, two at once, and tones that no recording holds.

A general model must know tones of every pitch and sounds on top of each other; a corpus of an hour has few.
"""

import math

import torch
from torch import Tensor

LONGER = 1.5  # how much longer than a crop a clip is read, so that it may be played faster
SPEED_SHARE, MIX_SHARE, TONE_SHARE = 0.5, 0.1, 0.2  # of a batch's clips
SEMITONES = 7.0  # either way
HARMONICS = 24
SINES = 0.6  # of the tones
ANYWHERE = 0.4  # of the tones: sines as likely at 10 kHz as at 1 kHz, where few instruments are


def augmented(audio: Tensor, samples: int, sample_rate: int, generator: torch.Generator) -> Tensor:
    """Clips ``(batch, LONGER * samples)`` to ``(batch, samples)``, each perhaps changed."""
    clips = [_at_other_speed(clip, samples, generator) for clip in audio]
    for i in range(len(clips)):
        draw = float(torch.rand((), generator=generator))
        if draw < TONE_SHARE:
            clips[i] = tones(samples, sample_rate, generator)
        elif draw < TONE_SHARE + MIX_SHARE:
            other = clips[int(torch.randint(len(clips), (), generator=generator))]
            gain = 10 ** (-float(torch.rand((), generator=generator)))
            clips[i] = 0.5 * (clips[i] + gain * other)
    return torch.stack(clips)


def _at_other_speed(clip: Tensor, samples: int, generator: torch.Generator) -> Tensor:
    """The clip's beginning, or a piece of it resampled (by its transform) to another speed and pitch."""
    if float(torch.rand((), generator=generator)) >= SPEED_SHARE:
        return clip[:samples]
    semitones = SEMITONES * (2 * float(torch.rand((), generator=generator)) - 1)
    needed = min(clip.shape[0], math.ceil(samples * 2 ** (semitones / 12)))
    spectrum = torch.fft.rfft(clip[:needed])
    bins = samples // 2 + 1
    kept = torch.nn.functional.pad(spectrum[:bins], (0, max(0, bins - spectrum.shape[0])))
    played: Tensor = torch.fft.irfft(kept, n=samples) * (samples / needed)
    return played


def tones(samples: int, sample_rate: int, generator: torch.Generator) -> Tensor:
    """A sine or a harmonic tone, steady, gliding, trembling or dying away, perhaps in noise: ``(samples,)``."""
    u = torch.rand(12, generator=generator).tolist()
    time = torch.arange(samples) / sample_rate
    if u[0] < SINES:
        pitch = 60.0 * 150.0 ** u[1] if u[0] >= ANYWHERE else 1000.0 + (0.46 * sample_rate - 1000.0) * u[1]
    else:
        pitch = 50.0 * 40.0 ** u[1]
    octaves = (u[2] - 0.5) * 2 * (time - 0.5) if u[3] < 0.3 else torch.zeros(())
    if u[4] < 0.3:
        octaves = octaves + 0.03 * u[5] * torch.sin(2 * math.pi * (3 + 5 * u[6]) * time)
    phase = 2 * math.pi * torch.cumsum(pitch * 2.0 ** (octaves + torch.zeros(samples)), 0) / sample_rate
    count = 1 if u[0] < SINES else max(1, min(HARMONICS, int(0.45 * sample_rate / (2 * pitch))))
    starts = 2 * math.pi * torch.rand(count, generator=generator)
    slope = 2 * u[7]
    loud = 10 ** (-torch.rand(count, generator=generator)) * torch.arange(1, count + 1) ** -slope
    wave = torch.zeros(samples)
    for k in range(count):
        wave += loud[k] * torch.sin((k + 1) * phase + starts[k])
    if u[8] < 0.5:
        at = 0.4 * u[9] if u[8] < 0.3 else 0.0
        wave = wave * torch.exp(-(time - at).clamp(min=0) * 10 ** (2 * u[10] - 1)) * (time >= at)
    noise = 10 ** (-4 * u[11] - 0.5) * torch.randn(samples, generator=generator)
    whole = wave / wave.abs().max().clamp(min=1e-3) + noise
    tone: Tensor = 0.5 * whole / whole.abs().max().clamp(min=1e-3)
    return tone
