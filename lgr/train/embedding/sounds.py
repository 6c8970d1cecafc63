"""The sounds an embedding learns from: changes that timbre does not hear, and the cepstra it is to predict."""

import math

import torch
from torch import Tensor

from lgr.sound.audio import resample
from lgr.sound.mel import MEL_AMPLITUDE_FLOOR, mel_filters

WINDOW_SECONDS = 0.053  # of the cepstra's spectra
MEL_BANDS = 64
QUIETEST_DB = -40.0  # that a copy's peak may have
TILT_DB = 1.5  # an octave, up or down
ALL_PASSES = 4  # second-order sections in a row
NOISE_SHARE, NOISE_DB = 0.3, (-80.0, -50.0)  # how many copies get white noise, and its level under full scale
SEMITONES = 5.0  # that a pitch-changed copy is played faster or slower by, at most


def uniform(low: float, high: float, generator: torch.Generator) -> float:
    """One number in [low, high)."""
    return low + (high - low) * float(torch.rand((), generator=generator))


def normalised(audio: Tensor) -> Tensor:
    """``audio`` (samples,) with a peak of 1; what is nearly silent stays quiet."""
    return audio / audio.abs().max().clamp(min=1e-3)


def at_another_speed(audio: Tensor, sample_rate: int, generator: torch.Generator) -> Tensor:
    """``audio`` (samples,) played up to ``SEMITONES`` faster or slower, as a tape."""
    speed = 2 ** (uniform(-SEMITONES, SEMITONES, generator) / 12)
    return resample(audio[None], round(sample_rate * speed), sample_rate)[0]


def changed(audio: Tensor, sample_rate: int, generator: torch.Generator) -> Tensor:
    """``audio`` (samples,) with another gain, polarity, phase (random all-passes) and tilt, and sometimes noise."""
    n_fft = 1 << (2 * audio.shape[0] - 1).bit_length()  # room for the filters' tail, which is then cut off
    hz = torch.linspace(0, sample_rate / 2, n_fft // 2 + 1)
    tilt_db = uniform(-TILT_DB, TILT_DB, generator) * torch.log2(hz.clamp(min=50) / 1000)
    response = (10 ** (tilt_db / 20)).to(torch.complex64)
    delay = torch.exp(-2j * math.pi * hz / sample_rate)  # one sample's
    for _ in range(ALL_PASSES):
        angle = 2 * math.pi * uniform(100, 0.4 * sample_rate, generator) / sample_rate
        radius = uniform(0.5, 0.95, generator)
        a, b = -2 * radius * math.cos(angle), radius * radius
        response = response * (b + a * delay + delay**2) / (1 + a * delay + b * delay**2)
    filtered = torch.fft.irfft(torch.fft.rfft(audio, n_fft) * response, n_fft)[: audio.shape[0]]
    sign = 1.0 if uniform(0, 1, generator) < 0.5 else -1.0
    result = sign * 10 ** (uniform(QUIETEST_DB, 0, generator) / 20) * normalised(filtered)
    if uniform(0, 1, generator) < NOISE_SHARE:
        result = result + 10 ** (uniform(*NOISE_DB, generator) / 20) * torch.randn(result.shape, generator=generator)
    return result


def log_mel(audio: Tensor, hop_length: int, sample_rate: int) -> Tensor:
    """log10 mel amplitude ``(frames, MEL_BANDS)`` of ``audio`` (samples,); a frame's window ends with its hop."""
    window = max(round(WINDOW_SECONDS * sample_rate), hop_length)
    n_fft = 1 << (window - 1).bit_length()
    frames = -(-audio.shape[0] // hop_length)
    padded = torch.nn.functional.pad(audio, (window - hop_length, frames * hop_length - audio.shape[0]))
    hann = torch.hann_window(window)
    power = torch.fft.rfft(padded.unfold(0, window, hop_length) * hann * (2 / hann.sum()), n_fft).abs().square()
    return 0.5 * torch.log10(power @ mel_filters(n_fft, MEL_BANDS, sample_rate).T + MEL_AMPLITUDE_FLOOR**2)


def cepstra(spectra: Tensor, count: int) -> Tensor:
    """Cepstral coefficients 1 to ``count`` (orthonormal DCT-II) of log-mel spectra ``(frames, MEL_BANDS)``.

    Coefficient 0, the level, is left out: a gain changes nothing else, but where it meets the floor.
    """
    bands = spectra.shape[1]
    order = torch.arange(1, count + 1)
    basis = math.sqrt(2 / bands) * torch.cos(math.pi / bands * (torch.arange(bands)[:, None] + 0.5) * order)
    return spectra @ basis
