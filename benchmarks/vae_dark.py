"""Recordings made as dark as the thunder of paper 003's site must be, so that log-spectral distances compare.

Noise that knows a recording's spectrum exactly has a log-spectral distance of its own (``benchmarks.vae_noise_bound``),
the smaller the darker the recording. The paper's NoiseBand, a noise synthesiser, has 2.3 dB on its clip, so noise with
exactly the right spectrum has 2.3 dB there at most. On ours it has more, on every one. Here a low-pass takes each
recording down to 2.3 dB, which is the least that the paper's own figure asks for: its clip may be darker still.
"""

from dataclasses import replace

import torch

from benchmarks.vae_held_out import HeldOutClip
from benchmarks.vae_noise import independent_noise
from benchmarks.vae_runs import SAMPLE_RATE
from benchmarks.vae_scores import Score

NOISEBAND_LSD = 2.3  # dB, of the paper's NoiseBand on the clip of its site
ORDER = 4  # of the Butterworth filter, which runs forwards and backwards: 48 dB an octave
CUTOFF_HZ = (50.0, 11_900.0)  # the least and the most that is tried
HALVINGS = 8  # of that range on a logarithmic scale: 2 percent


def darkened(clip: HeldOutClip, score: Score, *, lsd: float = NOISEBAND_LSD, seed: int = 0) -> HeldOutClip:
    """The clip behind the highest low-pass for which noise with its spectrum has at most this distance, in dB; as it is
    where it is as dark already.
    """
    if noise_lsd(clip, score, seed) <= lsd:
        return clip
    low, high = CUTOFF_HZ
    for _ in range(HALVINGS):
        middle = (low * high) ** 0.5
        if noise_lsd(low_passed(clip, middle), score, seed) <= lsd:
            low = middle
        else:
            high = middle
    return low_passed(clip, low)


def noise_lsd(clip: HeldOutClip, score: Score, seed: int) -> float:
    """The scorer's log-spectral distance of independent noise with the clip's spectrum."""
    noise = independent_noise(clip.audio, torch.Generator().manual_seed(seed))
    return float(score(clip.audio.numpy(), noise.numpy(), SAMPLE_RATE)["lsd"])


def low_passed(clip: HeldOutClip, cutoff_hz: float) -> HeldOutClip:
    """The clip behind a Butterworth low-pass of no phase."""
    from scipy.signal import butter, sosfiltfilt

    sections = butter(ORDER, cutoff_hz, fs=SAMPLE_RATE, output="sos")
    return replace(clip, audio=torch.from_numpy(sosfiltfilt(sections, clip.audio.double().numpy()).copy()).float())
