"""A level that moves as it is told to, by slow gains: what a sound does within a quarter of a second stays its own.

A slow level is the mean power under a Hann window of ``LINE_SECONDS``, in dB. ``to_levels`` brings a sound's slow level
to a given one by a gain as slow; hits, drops and tremolo are faster and pass unchanged.
"""

import torch
from torch import Tensor

from lgr.errors import check_shape
from lgr.sound.level import block_powers

LINE_SECONDS = 0.5  # of the window under which a slow level is taken
END_SECONDS = 0.5  # of a sound, next to a path, that say how loud it is there
POINT_SECONDS = 0.01  # between the points of a level, and of a gain
LOWEST_DB = -100.0  # under full scale: a slow level is no lower
MOST_BOOST_DB, MOST_CUT_DB = 48.0, 60.0  # what a gain may do: no silence is turned into the noise of a codec
ROUNDS = 3  # where a gain moves, a slow level gets its mean: again brings the rest, often flattens what is quick


def slow_levels_db(audio: Tensor, sample_rate: int, *, window_seconds: float = LINE_SECONDS) -> Tensor:
    """Slow level of ``audio`` (channels, samples) around the middle of every ``POINT_SECONDS``, dB: ``(points,)``.

    All channels together; a full-scale square wave has 0 dB. Beyond the ends nothing is, and windows leave it out.

    Examples
    --------
    >>> import torch
    >>> from lgr.sound.level_line import slow_levels_db
    >>> slow_levels_db(torch.full((1, 24000), 0.1), 24000).shape, float(slow_levels_db(torch.ones(1, 24000), 24000)[50])
    (torch.Size([100]), 0.0)
    """
    check_shape("audio", audio.shape, "(channels, samples), both at least 1", audio.ndim == 2 and audio.numel() > 0)
    powers = block_powers(audio, sample_rate, step_seconds=POINT_SECONDS).double().mean(0)
    return _db(_windowed(powers, window_seconds))


def to_levels(audio: Tensor, wanted_db: Tensor, sample_rate: int, *, window_seconds: float = LINE_SECONDS) -> Tensor:
    """``audio`` (channels, samples) with the slow level ``wanted_db``.

    Parameters
    ----------
    wanted_db : Tensor, (points,), one every ``POINT_SECONDS`` as ``slow_levels_db`` gives them
    window_seconds : of the slow level

    Returns
    -------
    Tensor like ``audio``: raised by ``MOST_BOOST_DB`` at most and lowered by ``MOST_CUT_DB`` at most, by gains that go
    in straight lines (in dB) from point to point. What is below ``LOWEST_DB`` stays as it is

    Examples
    --------
    >>> import torch
    >>> from lgr.sound.level_line import slow_levels_db, to_levels
    >>> noise = 0.5 * torch.randn(1, 24000, generator=torch.Generator().manual_seed(0))
    >>> wanted = torch.linspace(-30, -20, 100)
    >>> float((slow_levels_db(to_levels(noise, wanted, 24000), 24000) - wanted).abs().max()) < 0.5
    True
    """
    powers = block_powers(audio, sample_rate, step_seconds=POINT_SECONDS).double().mean(0)
    check_shape("wanted_db", wanted_db.shape, f"({len(powers)},)", wanted_db.shape == powers.shape)
    hop = max(1, round(sample_rate * POINT_SECONDS))
    gain_db = torch.zeros_like(powers)
    for _ in range(ROUNDS):
        level = _db(_windowed(powers * 10 ** (gain_db / 10), window_seconds))
        missing = torch.where(level > LOWEST_DB, wanted_db.to(level) - level, 0.0)
        gain_db = (gain_db + missing).clamp(-MOST_CUT_DB, MOST_BOOST_DB)
    at = torch.arange(audio.shape[1], dtype=torch.float64, device=audio.device) + 0.5
    gain: Tensor = 10 ** (between(gain_db, at / hop - 0.5) / 20)
    return audio * gain.to(audio)


def between(values: Tensor, at: Tensor) -> Tensor:
    """``values`` (n,) at places between whole indices, straight lines between them, held beyond the ends."""
    at = at.clamp(0, len(values) - 1)
    left = at.floor().long().clamp(max=max(0, len(values) - 2))
    right = (left + 1).clamp(max=len(values) - 1)
    return torch.lerp(values[left], values[right], at - left)


def _windowed(powers: Tensor, window_seconds: float) -> Tensor:
    """Means of ``powers`` (points,) under a Hann window; where it leaves the sound, of what it holds."""
    reach = max(1, round(window_seconds / POINT_SECONDS / 2))
    window = torch.hann_window(2 * reach + 1, periodic=False, dtype=powers.dtype, device=powers.device)
    both = torch.stack([powers, torch.ones_like(powers)])[:, None]
    total, weight = torch.nn.functional.conv1d(both, window[None, None], padding=reach)[:, 0]
    mean: Tensor = total / weight
    return mean


def _db(powers: Tensor) -> Tensor:
    return 10 * torch.log10(powers.clamp(min=10 ** (LOWEST_DB / 10)))
