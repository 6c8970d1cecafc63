"""Rain, sea, thunder, fire and clinking glass, made of filtered noise, short bursts and decaying partials.

Each is drawn from a generator with a fixed seed, so that it comes out the same every time.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

Audio = NDArray[np.float64]  # (samples,)

RATE = 24_000
GLASS_MODES = (1.0, 2.32, 4.25, 6.63, 9.38)  # a wine glass: partials grow with the square of the number of nodes


def band(audio: Audio, low: float, high: float, order: int = 2) -> Audio:
    """What lies between two frequencies, in Hz."""
    filtered: Audio = sosfilt(butter(order, (low, high), "bandpass", fs=RATE, output="sos"), audio)
    return filtered


def level(audio: Audio) -> Audio:
    """``audio`` at a root mean square of 1."""
    return audio / np.sqrt(np.mean(audio**2))


def noise(rng: np.random.Generator, seconds: float, low: float, high: float, order: int = 2) -> Audio:
    """A band of noise at a root mean square of 1."""
    return level(band(rng.standard_normal(round(seconds * RATE)), low, high, order))


def wander(rng: np.random.Generator, seconds: float, per_second: float, depth_db: float) -> Audio:
    """A smooth random gain that turns ``per_second`` times a second and strays by some ``depth_db``."""
    points = rng.normal(0, depth_db, round(seconds * per_second) + 3)
    samples = np.arange(round(seconds * RATE)) * per_second / RATE
    start, share = samples.astype(int), samples % 1
    share = (1 - np.cos(np.pi * share)) / 2
    return 10 ** (((1 - share) * points[start] + share * points[start + 1]) / 20)


def add(mix: Audio, sound: Audio, at: float) -> None:
    """Put ``sound`` into ``mix`` at ``at`` seconds; what would stick out at the end is left away."""
    start = round(at * RATE)
    mix[start : start + len(sound)] += sound[: max(0, len(mix) - start)]


def ping(hertz: float, decay: float, glide: float = 0.0, attack: float = 0.0003) -> Audio:
    """A decaying sine: ``decay`` seconds to 1/e, its pitch rising by the factor ``1 + glide`` in that time."""
    t = np.arange(round(7 * decay * RATE)) / RATE
    phase = 2 * np.pi * hertz * (t + glide * t**2 / (2 * decay))
    return np.sin(phase) * np.exp(-t / decay) * np.minimum(1, t / attack)


def burst(rng: np.random.Generator, hertz: float, decay: float, order: int = 1) -> Audio:
    """A decaying burst of noise of some two octaves around ``hertz``, at a peak of 1."""
    t = np.arange(round(7 * decay * RATE) + 48) / RATE
    sound = band(rng.standard_normal(len(t)), hertz / 2, min(2 * hertz, 0.48 * RATE), order) * np.exp(-t / decay)
    return sound / np.abs(sound).max()


def heavy(rng: np.random.Generator, exponent: float, largest: float) -> float:
    """A level between 1 and ``largest``, as a power law has them: most are small, few are large."""
    return float(min(1 + rng.pareto(exponent), largest))


def rain(seconds: float = 5.0) -> Audio:
    """A shower on leaves and puddles: gusts of fine drops, near drops, and now and then a bubble that plinks."""
    rng = np.random.default_rng(1)
    gusts = wander(rng, seconds, 1.2, 3.0)
    mix = gusts * (0.009 * noise(rng, seconds, 900, 4000, 1) + 0.009 * noise(rng, seconds, 3500, 10500, 1))
    for at in rng.uniform(0, seconds, round(420 * seconds)):
        if rng.random() < gusts[int(at * RATE)] / 2:
            size = 0.02 * heavy(rng, 1.5, 14)
            add(mix, size * burst(rng, rng.uniform(1800, 6500), rng.uniform(0.0008, 0.003)), at)
    for at in rng.uniform(0, seconds, round(9 * seconds)):
        size = 0.025 * heavy(rng, 1.6, 9)
        add(mix, size * ping(rng.uniform(700, 3400), rng.uniform(0.004, 0.015), glide=rng.uniform(0.02, 0.25)), at)
        add(mix, 1.2 * size * burst(rng, 3500, 0.0015), max(0, at - 0.004))
    return mix


def wave(rng: np.random.Generator, rise: float, run: float) -> Audio:
    """A wave: it swells for ``rise`` seconds, breaks, and its foam hisses away for ``run`` seconds."""
    seconds = rise + run
    t = np.arange(round(seconds * RATE)) / RATE
    before, after = np.clip(t / rise, 0, 1), np.clip((t - rise) / run, 0, 1)
    swell = before**2.5 * (1 - after) ** 2.2
    crash = np.where(t < rise, np.clip(1 - (rise - t) / 0.45, 0, 1) ** 2, np.exp(-(t - rise) / (0.3 * run)))
    foam = np.where(t < rise, 0.25 * before**6, np.clip((t - rise) / 0.25, 0, 1) * (1 - after) ** 1.3)
    mix = 0.5 * swell * noise(rng, seconds, 60, 420) * wander(rng, seconds, 4, 1.5)
    mix += 0.75 * crash * noise(rng, seconds, 250, 2200, 1) * wander(rng, seconds, 9, 2.5)
    mix += 0.22 * foam * noise(rng, seconds, 2000, 9500, 1) * wander(rng, seconds, 14, 2.0)
    for at in rise + run * rng.beta(1.2, 2.5, round(70 * run)):  # bubbles that burst in the foam
        bubble = ping(rng.uniform(900, 4500), rng.uniform(0.002, 0.008), glide=0.1)
        add(mix, 0.25 * heavy(rng, 2.0, 4) * (1 - (at - rise) / run) * bubble, at)
    return mix


def sea(seconds: float = 6.2) -> Audio:
    """Three waves on a beach over the far surf."""
    rng = np.random.default_rng(2)
    mix = 0.05 * noise(rng, seconds, 120, 900, 1) * wander(rng, seconds, 0.8, 3.0)
    for at, rise, run, size in ((-0.6, 1.5, 2.3, 0.75), (1.7, 1.7, 3.2, 1.0), (4.6, 1.4, 2.6, 0.6)):
        sound = size * wave(rng, rise, run)
        add(mix, sound[round(max(0.0, -at) * RATE) :], max(0.0, at))
    return mix


def thunder(seconds: float = 6.5) -> Audio:
    """A near strike: a tearing crack, then claps that come later, duller and softer, rolling away."""
    rng = np.random.default_rng(3)
    mix = np.zeros(round(seconds * RATE))
    for at in np.cumsum(rng.exponential(0.022, 16)):  # the channel's near parts, one after another
        add(mix, rng.uniform(0.25, 0.9) * np.exp(-at / 0.3) * burst(rng, rng.uniform(500, 3200), 0.02), 0.1 + at)
    add(mix, 1.6 * burst(rng, 140, 0.16), 0.12)
    claps = 0.25 + (seconds - 2.0) * np.sort(rng.beta(1.0, 1.7, 22))
    for at in claps:
        far = at / seconds
        size = rng.uniform(0.3, 1.0) * np.exp(-2.2 * far)
        decay = rng.uniform(0.12, 0.3) + 0.3 * far
        clap = burst(rng, (60 + 240 * rng.random()) * (1 - 0.7 * far), decay, order=2)
        softened = np.minimum(1, np.arange(len(clap)) / (RATE * (0.015 + 0.15 * far)))
        add(mix, size * clap * softened, at)
    fading = np.exp(-np.arange(len(mix)) / (2.6 * RATE)) * np.minimum(1, np.arange(len(mix)) / (0.25 * RATE))
    mix += 0.20 * fading * noise(rng, seconds, 28, 160) * wander(rng, seconds, 3.5, 5.0)
    mix += 0.035 * fading**1.6 * noise(rng, seconds, 300, 1500, 1) * wander(rng, seconds, 6, 6.0)
    ending = np.clip((seconds - np.arange(len(mix)) / RATE) / 1.5, 0, 1)
    return np.tanh(1.3 * mix) * ending


def fire(seconds: float = 5.5) -> Audio:
    """A wood fire: a fluttering rumble, a little hiss, crackles that come in clusters, and a few pops."""
    rng = np.random.default_rng(4)
    flutter = wander(rng, seconds, 9, 3.5)
    mix = 0.030 * flutter * noise(rng, seconds, 45, 260) * wander(rng, seconds, 1.5, 3.0)
    mix += 0.003 * wander(rng, seconds, 3, 4.0) * noise(rng, seconds, 1500, 7000, 1)
    for centre in rng.uniform(0, seconds, round(8 * seconds)):
        for at in centre + np.cumsum(rng.exponential(0.018, 1 + rng.geometric(0.16))):
            size = 0.02 * heavy(rng, 1.1, 28)
            if at < seconds - 0.01:
                add(mix, size * burst(rng, rng.uniform(1200, 5500), rng.uniform(0.0006, 0.004)), at)
    for at in rng.uniform(0.2, seconds - 0.3, 7):
        size = rng.uniform(0.25, 0.7)
        add(mix, size * burst(rng, rng.uniform(350, 900), rng.uniform(0.008, 0.02)), at)
        add(mix, 0.7 * size * burst(rng, 4000, 0.002), at)
    return mix


def clink(rng: np.random.Generator, hertz: float, ring: float) -> Audio:
    """A glass that is struck: its partials, each as two that beat slowly, and the tap."""
    mix = np.zeros(round(7 * ring * RATE))
    for number, ratio in enumerate(GLASS_MODES):
        partial = hertz * ratio * rng.uniform(0.985, 1.015)
        if partial < 0.45 * RATE:
            decay = ring / (1 + 0.9 * number)
            size = rng.uniform(0.5, 1.0) / (1 + 0.45 * number)
            for detuned in (partial, partial * (1 + rng.uniform(0.0008, 0.002))):
                add(mix, size / 2 * ping(detuned, decay), 0)
    add(mix, 0.5 * burst(rng, 5500, 0.002), 0)
    return mix


def clinking(seconds: float = 2.4) -> Audio:
    """Glasses of several sizes struck one after another."""
    rng = np.random.default_rng(5)
    mix = np.zeros(round(seconds * RATE))
    struck = (
        (0.0, 1050, 0.22, 0.8),
        (0.42, 1480, 0.16, 0.6),
        (0.62, 1490, 0.10, 0.4),
        (1.05, 880, 0.25, 0.9),
        (1.50, 2050, 0.12, 0.5),
        (1.62, 1320, 0.15, 0.6),
    )
    for at, hertz, ring, size in struck:
        add(mix, size * clink(rng, hertz, ring), at)
    return mix


def breaking(seconds: float = 1.6) -> Audio:
    """A glass that breaks: a crash, and shards that fall ever more rarely."""
    rng = np.random.default_rng(6)
    mix = np.zeros(round(seconds * RATE))
    add(mix, 0.8 * burst(rng, 2800, 0.035), 0)
    add(mix, 0.5 * burst(rng, 6500, 0.08), 0)
    for at in np.minimum(rng.exponential(0.28, 46), seconds - 0.2):
        size = 0.5 * rng.uniform(0.15, 1) ** 2 * np.exp(-at / 0.8)
        add(mix, size * clink(rng, rng.uniform(1700, 5200), rng.uniform(0.008, 0.05)), at)
    return mix
