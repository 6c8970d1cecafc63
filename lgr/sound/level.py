"""Level: make one sound follow another's, attacks and all, and keep it from clipping, without pumping.

A level is taken over ``WINDOW_SECONDS``, long enough not to follow the periods of low tones. Across an attack such a
window would see what is to come, and lift what is before it; so it ends where the sound jumps. That is a bilateral
filter (Tomasi and Manduchi 1998) of power over time, whose range term is the height of the jumps between two moments.
"""

import math

import torch
from torch import Tensor

from lgr.errors import ArgumentError, check_shape

AMPLITUDE_FLOOR = 1e-6  # -120 dBFS: counts as silence; what models hear is counted in decades above it
MAX_BOOST_DB = 36.0
WINDOW_SECONDS = 0.028  # of a Blackman window: the shortest that does not see the periods of 60 Hz
STEP_SECONDS = 0.001  # between points of a level; gains are drawn as lines between them
SIDE_SECONDS = 0.01  # the sound just before and just after a moment, whose levels tell a jump
JUMP_DB = 6.0  # smaller changes over ``SIDE_SECONDS`` are no jump: low tones beat by so much
SHARPNESS = 1.5  # how much faster than the jump's own height a window falls off behind it
FLOOR_POWER = 1e-9  # -90 dB full scale: below, nothing jumps
LIMITER_SECONDS = 0.005  # how long before and after a peak the gain moves
COMMON_DB = -20.0  # RMS at which every recording is encoded and compared, unless its peaks then passed full scale
SPAN_DB, SPAN_SECONDS = 20.0, 0.05  # a recording's level is that of its moments within so much of the loudest
PIECE = 1 << 22  # samples that are worked on at a time: an hour takes no more memory than some minutes
_TINY_POWER = 1e-12


def block_powers(audio: Tensor, sample_rate: int, *, step_seconds: float = STEP_SECONDS) -> Tensor:
    """Mean squares of blocks of ``step_seconds``, ``(channels, blocks)``; the last one is completed with silence."""
    hop = max(1, round(sample_rate * step_seconds))
    missing = -audio.shape[1] % hop
    return torch.nn.functional.pad(audio, (0, missing)).square().view(audio.shape[0], -1, hop).mean(2)


def levelling_gain_db(audio: Tensor, sample_rate: int) -> float:
    """The gain that brings a recording to ``COMMON_DB`` or its peak to full scale, whichever is lower; 0 for silence.

    It is all that a recording's own gain changes, so recordings that differ by a gain alone are then alike.

    Examples
    --------
    >>> import torch
    >>> from lgr.sound.level import levelling_gain_db
    >>> tone = torch.sin(2 * torch.pi * 440 * torch.arange(24000) / 24000)[None]
    >>> round(levelling_gain_db(tone, 24000)), round(levelling_gain_db(0.001 * tone, 24000))
    (-17, 43)
    """
    peak = float(audio.abs().max())
    if not peak > 0:
        return 0.0
    powers = block_powers(audio / peak, sample_rate, step_seconds=SPAN_SECONDS).mean(0).double()
    level = float(powers[powers >= powers.max() * 10 ** (-SPAN_DB / 10)].mean())
    return min(COMMON_DB - 10 * math.log10(level), 0.0) - 20 * math.log10(peak)


def gained(audio: Tensor, gain_db: float) -> Tensor:
    """``audio`` times a gain given in decibels."""
    return audio * torch.tensor(10 ** (gain_db / 20), dtype=audio.dtype)


def _jumps(powers: Tensor, side: int) -> Tensor:
    """Height of the jump between each block and the next, in nepers of power, 0 where there is none: ``(channels, n)``.

    A jump stands at one place: where the sound just after a moment differs most from the sound just before it.
    """
    kernel = torch.hann_window(2 * side + 1, dtype=powers.dtype, device=powers.device)[side:-1]  # falls from here on
    kernel = (kernel / kernel.sum()).view(1, 1, -1)
    padded = torch.nn.functional.pad(powers[:, None], (side, side))
    after = torch.nn.functional.conv1d(padded, kernel)[:, 0]  # of the blocks from i - side to i - 1
    before = torch.nn.functional.conv1d(padded, kernel.flip(2))[:, 0]
    n = powers.shape[1]
    rise = torch.log(after[:, side + 1 : side + 1 + n] + FLOOR_POWER) - torch.log(before[:, 1 : 1 + n] + FLOOR_POWER)
    height = rise.abs()
    top = torch.nn.functional.max_pool1d(height[:, None], 2 * (side // 2) + 1, 1, side // 2)[:, 0]
    least = JUMP_DB / 10 * 2.302585
    return torch.where((height == top) & (height > least), height, 0.0)


def level_powers(audio: Tensor, sample_rate: int, *, window_seconds: float = WINDOW_SECONDS) -> Tensor:
    """Mean power around the middle of each ``STEP_SECONDS``, ``(channels, points)``, that does not look across jumps.

    ``audio`` is (channels, samples); beyond its ends is silence, which a window leaves out.
    """
    hop = max(1, round(sample_rate * STEP_SECONDS))
    powers = block_powers(audio, sample_rate)
    reach = max(1, round(window_seconds * sample_rate / hop / 2))
    along = torch.nn.functional.pad(_jumps(powers, max(2, round(SIDE_SECONDS * sample_rate / hop))).cumsum(1), (1, 0))
    along = SHARPNESS * along[:, :-1]  # height of all jumps before each point
    window = torch.blackman_window(2 * reach + 1, periodic=False, dtype=powers.dtype, device=powers.device)
    total, weight = torch.zeros_like(powers), torch.zeros_like(powers)
    n = powers.shape[1]
    for k in range(-reach + 1, reach):
        here, there = slice(max(0, -k), min(n, n - k)), slice(max(0, k), min(n, n + k))
        if here.start >= here.stop:
            continue
        w = window[k + reach] * torch.exp(-(along[:, here] - along[:, there]).abs())
        total[:, here] += w * powers[:, there]
        weight[:, here] += w
    return total / weight


def follow_loudness(
    audio: Tensor, reference: Tensor, sample_rate: int, *, window_seconds: float = WINDOW_SECONDS
) -> Tensor:
    """``audio`` with the level of ``reference``, channel by channel.

    Parameters
    ----------
    audio : Tensor, (channels, samples)
    reference : Tensor, (channels or 1, samples); a mono reference leads every channel alike, by their mean power
    window_seconds : float > 0, over which levels are compared, but for attacks, which are followed within 2 ms. Steady
        tones from 60 Hz up get side bands of less than -60 dB.

    Returns
    -------
    Tensor like ``audio``; silent where the reference is silent, and never raised by more than ``MAX_BOOST_DB``
    """
    check_shape("audio", audio.shape, "(channels, samples), both at least 1", audio.ndim == 2 and audio.numel() > 0)
    channels, samples = audio.shape
    fits = reference.ndim == 2 and reference.shape[0] in (1, channels) and reference.shape[1] == samples
    check_shape("reference", reference.shape, f"(1 or {channels}, {samples})", fits)
    if not window_seconds > 0:
        raise ArgumentError(f"window_seconds must be > 0, got {window_seconds}")
    wanted = level_powers(reference, sample_rate, window_seconds=window_seconds)
    present = level_powers(audio, sample_rate, window_seconds=window_seconds)
    if reference.shape[0] < channels:
        present = present.mean(0, keepdim=True)  # the sound's own stereo image stays
    gain = (wanted / present.clamp(min=_TINY_POWER)).sqrt().clamp(max=10 ** (MAX_BOOST_DB / 20))
    return audio * _lines(gain, samples, max(1, round(sample_rate * STEP_SECONDS)))


def _lines(gain: Tensor, samples: int, hop: int) -> Tensor:
    """Gains of blocks of ``hop`` samples, ``(channels, points)``, as lines: ``(channels, samples)``.

    Lines meet between blocks, at the lower of the two gains: so one rises when an attack begins, and not before it.
    """
    left, right = torch.cat([gain[:, :1], gain], 1), torch.cat([gain, gain[:, -1:]], 1)
    points = torch.minimum(left, right)
    ramp = torch.arange(hop, dtype=gain.dtype, device=gain.device) / hop
    return torch.lerp(points[:, :-1, None], points[:, 1:, None], ramp).flatten(1)[:, :samples]


def within_full_scale(audio: Tensor, sample_rate: int, ceiling: float = 0.999) -> Tensor:
    """``audio`` (channels, samples), turned down only around peaks that pass ``ceiling``: a limiter that looks ahead.

    All channels get the same gain, and it moves over ``LIMITER_SECONDS`` before and after a peak.
    """
    if not audio.numel() or float(audio.abs().max()) <= ceiling:
        return audio
    reach = max(1, round(sample_rate * LIMITER_SECONDS / 2))
    margin = 4 * reach  # on which a gain depends to either side
    out = torch.empty_like(audio)
    for start in range(0, audio.shape[1], PIECE):
        stop = min(start + PIECE, audio.shape[1])
        first = max(0, start - margin)
        gain = _limiter_gain(audio[:, first : stop + margin], reach, ceiling)[start - first :][: stop - start]
        out[:, start:stop] = (audio[:, start:stop] * gain).clamp(-ceiling, ceiling)
    return out


def _limiter_gain(audio: Tensor, reach: int, ceiling: float) -> Tensor:
    """Gains ``(samples,)`` that keep every channel below ``ceiling``."""
    from scipy.ndimage import minimum_filter1d, uniform_filter1d

    needed = (ceiling / audio.detach().abs().amax(0).clamp(min=1e-12)).clamp(max=1.0).cpu().numpy()
    lowest = minimum_filter1d(needed, 4 * reach + 1, mode="nearest")
    # A mean of gains that are all low enough for the peak in the middle is low enough for it; twice: no corners.
    held = uniform_filter1d(1 - lowest, 2 * reach + 1, mode="nearest")
    return 1 - torch.from_numpy(uniform_filter1d(held, 2 * reach + 1, mode="nearest")).to(audio)
