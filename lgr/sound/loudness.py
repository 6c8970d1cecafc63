"""Loudness as broadcasters measure it, and the gains that make sounds equally loud.

Recommendation ITU-R BS.1770-4: two filters ("K": a shelf for the head, a high-pass for the ear's lower end), mean
squares over blocks of 0.4 s that overlap by three quarters, channels added, and a mean over the blocks that pass two
gates. In LUFS; differences are LU, which are decibels.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lgr.errors import ArgumentError, check_shape
from lgr.sound.audio import resample
from lgr.sound.level import follow_loudness, gained

BLOCK_SECONDS, STEPS_PER_BLOCK = 0.4, 4
ABSOLUTE_GATE_LUFS, RELATIVE_GATE_LU = -70.0, -10.0
OFFSET_LU = -0.691  # so that a full-scale sine of 997 Hz in one channel reads -3.01 LUFS
LEVEL_LUFS = -23.0  # EBU R 128: a level that nearly all sounds reach unclipped
MOST_GAIN_DB = 6.0  # beyond, what cannot be heard (a DC offset, a rumble) would be lifted
FFT, CONTEXT_SECONDS = 1 << 18, 0.25  # samples that are filtered at a time; after so long the filters are silent
LOWEST_RATE = 8000  # Hz, at which the filters still work
CEILING_DB = -1.0  # of the true peak, EBU R 128

# The recommendation gives coefficients at 48 kHz only; they are bilinear transforms of these analogue filters.
SHELF_HZ, SHELF_Q, SHELF_GAIN, SHELF_MIDDLE = (
    1681.974450955533,
    0.7071752369554196,
    1.584864701130855,
    1.258720930232562,
)
HIGHPASS_HZ, HIGHPASS_Q = 38.13547087602444, 0.5003270373238773


def k_weighting(sample_rate: int) -> NDArray[np.float64]:
    """The two filters at any rate, as second-order sections ``(2, 6)``; at 48 kHz the recommendation's own."""

    def section(hz: float, q: float, zeros: tuple[float, float, float]) -> NDArray[np.float64]:
        w = math.tan(math.pi * hz / sample_rate)  # bent so that the corner stays where it is
        both = [
            (x + y * w + z * w * w, 2 * (z * w * w - x), x - y * w + z * w * w) for x, y, z in (zeros, (1, 1 / q, 1))
        ]  # bilinear transforms of x s^2 + y s + z
        return np.concatenate(both) / both[1][0]

    shelf = section(SHELF_HZ, SHELF_Q, (SHELF_GAIN, SHELF_MIDDLE / SHELF_Q, 1.0))
    highpass = section(HIGHPASS_HZ, HIGHPASS_Q, (1.0, 0.0, 0.0))
    # The recommendation's numerator is 1, -2, 1: a gain of .04 dB at 48 kHz, kept at every rate.
    k = math.tan(math.pi * HIGHPASS_HZ / 48_000)
    highpass[:3] *= 1 + k / HIGHPASS_Q + k * k
    return np.stack([shelf, highpass])


class HeardByBlock(NamedTuple):
    """K-weighting of a stream in blocks of one length, as linear maps: both filters at once, exactly. All float64.

    With the block ``x`` and the state ``s`` (4,) before it, ``x @ forced + s @ free`` is what is heard of the block,
    and ``x @ taken + s @ kept`` the state after it.
    """

    forced: Tensor  # (size, size)
    free: Tensor  # (4, size)
    taken: Tensor  # (size, 4)
    kept: Tensor  # (4, 4)


@lru_cache(maxsize=8)
def heard_by_block(size: int, sample_rate: int) -> HeardByBlock:
    """The maps for blocks of ``size`` samples. Below 8000 Hz the filters are those of 8000 Hz."""
    sections = k_weighting(max(sample_rate, LOWEST_RATE))
    # A sample in, through both sections in transposed direct form II: what comes out, and the four numbers kept.
    step = np.zeros((5, 5))  # (numbers kept, sample in) -> (numbers kept, sample out), column by column
    for column, (s0, s1, s2, s3, value) in enumerate(np.eye(5)):
        kept: list[float] = []
        for (b0, b1, b2, _, a1, a2), (first, second) in zip(sections, ((s0, s1), (s2, s3)), strict=True):
            out = b0 * value + first
            kept += [b1 * value - a1 * out + second, b2 * value - a2 * out]
            value = out  # goes into the next section
        step[:, column] = (*kept, value)
    a, b, c, d = step[:4, :4], step[:4, 4], step[4, :4], step[4, 4]
    powers = [np.linalg.matrix_power(a, n) for n in range(size + 1)]
    response = [d, *(float(c @ power @ b) for power in powers[: size - 1])]
    forced = np.array([[response[n - k] if n >= k else 0.0 for n in range(size)] for k in range(size)])
    free = np.stack([c @ power for power in powers[:size]], 1)
    taken = np.stack([power @ b for power in powers[:size]][::-1])
    return HeardByBlock(*(torch.from_numpy(np.ascontiguousarray(x)) for x in (forced, free, taken, powers[size].T)))


def heard_powers(
    by_block: HeardByBlock, state: Tensor | None, blocks: Tensor, count: int
) -> tuple[Tensor, list[float]]:
    """Mean power, as heard, of every block of a stream; scriptable.

    Parameters
    ----------
    state : (channels, 4), after the block before; None at the beginning
    blocks : (channels, n >= count, size)
    count : blocks after which the next call goes on; those behind them are only looked at

    Returns
    -------
    state after ``count`` blocks, n powers: means over samples and channels
    """
    x = blocks.double()
    now = torch.zeros(x.shape[0], 4, dtype=x.dtype) if state is None else state
    taken = x @ by_block.taken
    states = [now]
    for i in range(x.shape[1]):
        now = now @ by_block.kept + taken[:, i]
        states.append(now)
    heard = x @ by_block.forced + torch.stack(states[:-1], 1) @ by_block.free
    powers: list[float] = heard.square().mean((0, 2)).tolist()
    return states[count], powers


def integrated_loudness(audio: Tensor, sample_rate: int) -> float:
    """Integrated, gated loudness in LUFS; minus infinity where no block passes the gate at -70 LUFS.

    Within 0.01 LU of the recommendation from 44.1 kHz up, within its tolerance of 0.1 LU from 16 kHz.

    Parameters
    ----------
    audio : Tensor, (1 or 2 channels, samples), at least 0.4 s
    sample_rate : int, Hz, at least 8000

    Raises
    ------
    ArgumentError : shorter than a block, or a rate too low for the filters

    Examples
    --------
    >>> import torch
    >>> from lgr.sound.loudness import integrated_loudness
    >>> tone = torch.sin(2 * torch.pi * 997 * torch.arange(48000 * 2) / 48000)[None]
    >>> round(integrated_loudness(tone, 48000), 1)  # LUFS: full scale on one channel, as BS.1770 says
    -3.0
    """
    check_shape("audio", audio.shape, "(1 or 2 channels, samples)", audio.ndim == 2 and audio.shape[0] in (1, 2))
    if sample_rate < LOWEST_RATE:
        raise ArgumentError(f"sample_rate must be 8000 Hz or more to measure loudness, got {sample_rate}")
    block = round(BLOCK_SECONDS * sample_rate)
    if audio.shape[1] < block:
        raise ArgumentError(
            f"audio must last 0.4 s or more to measure loudness, got {audio.shape[1] / sample_rate:.3g} s"
        )
    # A rate that four does not divide has steps of unequal length, by a sample.
    count = (audio.shape[1] - block) * STEPS_PER_BLOCK // block + 1
    starts = np.round(np.arange(count) * block / STEPS_PER_BLOCK).astype(np.int64)
    at = np.unique(np.concatenate([starts, starts + block]))
    energy = _energy_before(audio, k_weighting(sample_rate), at, min(round(CONTEXT_SECONDS * sample_rate), FFT // 2))
    power = (energy[np.searchsorted(at, starts + block)] - energy[np.searchsorted(at, starts)]) / block
    power = power[power > _power(ABSOLUTE_GATE_LUFS)]
    if not len(power):
        return -math.inf
    return _lufs(float(power[power > power.mean() * 10 ** (RELATIVE_GATE_LU / 10)].mean()))


def _energy_before(
    audio: Tensor, sections: NDArray[np.float64], at: NDArray[np.int64], context: int
) -> NDArray[np.float64]:
    """Energy of the filtered audio before each of the samples ``at`` (ascending), all channels together.

    Channels count alike: left, right or mono. The audio is filtered piece by piece, so that an hour takes no more
    memory than a minute, and in the frequency domain: each piece with the ``context`` samples before it, over which the
    filters have forgotten. (``scipy.signal`` would filter as well, and takes a second to import.)
    """
    numerator, denominator = (
        torch.from_numpy(np.fft.rfft(part, FFT)).prod(0) for part in np.split(sections, 2, axis=1)
    )
    response = numerator / denominator
    energy, total = np.zeros(len(at)), 0.0
    piece = FFT - context
    for start in range(0, audio.shape[1], piece):
        stop = min(start + piece, audio.shape[1])
        heard = audio[:, max(0, start - context) : stop].detach().cpu().double()
        heard = torch.nn.functional.pad(heard, (max(0, context - start), FFT - context - (stop - start)))
        weighted = torch.fft.irfft(torch.fft.rfft(heard) * response, FFT)[:, context : context + stop - start]
        summed = np.concatenate([[total], total + np.cumsum(weighted.square().sum(0).numpy())])
        here = slice(*np.searchsorted(at, [start, stop + 1]))
        energy[here] = summed[at[here] - start]
        total = summed[-1]
    return energy


def true_peak_db(audio: Tensor, sample_rate: int) -> float:
    """The highest peak, between samples too, in dB of full scale: at four times the rate (BS.1770, annex 2)."""
    peak = max(float(audio.abs().max()), float(resample(audio, sample_rate, 4 * sample_rate).abs().max()))
    return 20 * math.log10(peak) if peak > 0 else -math.inf


def matching_gains_db(
    sounds: Sequence[tuple[Tensor, int]], *, level_lufs: float = LEVEL_LUFS
) -> tuple[list[float], float]:
    """Gains that make all sounds equally loud, none of them with a true peak above ``CEILING_DB``.

    Where a sound would pass the ceiling at ``level_lufs``, all of them become quieter together: a limiter would change
    what is to be judged.

    Parameters
    ----------
    sounds : of (audio (1 or 2 channels, samples), sample_rate)

    Returns
    -------
    gains_db : one a sound
    level_lufs : the loudness that all then have

    Raises
    ------
    ArgumentError : a sound is silent, or below -70 LUFS throughout
    """
    loudness = [integrated_loudness(audio, rate) for audio, rate in sounds]
    for i, each in enumerate(loudness):
        if not math.isfinite(each):
            raise ArgumentError(f"sounds[{i}] must be louder than {ABSOLUTE_GATE_LUFS:g} LUFS, got (nearly) silence")
    room = [CEILING_DB - true_peak_db(audio, rate) for audio, rate in sounds]
    level = min([level_lufs, *(each + gain for each, gain in zip(loudness, room, strict=True))])
    return [level - each for each in loudness], level


def loudness_gain_db(audio: Tensor, reference: Tensor, sample_rate: int) -> float:
    """The gain that makes ``audio`` as loud as ``reference``, at most ``MOST_GAIN_DB`` either way.

    Both are (1 or 2 channels, samples). A mono reference of a stereo sound counts as if it played on both sides, as
    loud as in the middle. 0 where loudness cannot be measured: under 0.4 s, below 8 kHz, in silence.
    """
    if min(audio.shape[1], reference.shape[1]) < BLOCK_SECONDS * sample_rate + 1 or sample_rate < LOWEST_RATE:
        return 0.0
    wanted, have = integrated_loudness(reference, sample_rate), integrated_loudness(audio, sample_rate)
    if not (math.isfinite(wanted) and math.isfinite(have)):
        return 0.0
    channels = 10 * math.log10(audio.shape[0] / reference.shape[0])
    return max(-MOST_GAIN_DB, min(MOST_GAIN_DB, wanted + channels - have))


def as_loud_as(audio: Tensor, reference: Tensor, sample_rate: int) -> Tensor:
    """``audio`` with the level of ``reference`` at every moment (``follow_loudness``), and as loud as it on the whole.

    Sounds of one level are not equally loud where their spectra differ. Shapes as for ``follow_loudness``.
    """
    followed = follow_loudness(audio, reference, sample_rate)
    return gained(followed, loudness_gain_db(followed, reference, sample_rate))


def _lufs(power: float) -> float:
    return OFFSET_LU + 10 * math.log10(power)


def _power(lufs: float) -> float:
    return float(10 ** ((lufs - OFFSET_LU) / 10))
