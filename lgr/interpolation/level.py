"""The level of a path: the straight line, in dB, between the levels of the sounds that it joins.

Two latents' mean is quieter than the mean of their levels: waveforms that have nothing in common cancel, and a hit
mixed with a pause is neither. And what a circle passes may be a hundred times as loud as its ends. So the path is given
a level: slowly, that of the line (``lgr.sound.level_line``), so that what a texture does within a moment stays. Between
ends that move, what is within a moment is first made that of both sounds: their own playing, mixed by power.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from lgr.sound.level import follow_loudness
from lgr.sound.level_line import LINE_SECONDS, POINT_SECONDS, between, to_levels

SHORTEST = 0.5  # of a path: the level of a short one is taken over no more than this share of it


def on_the_line(
    decoded: Tensor,
    shares: Tensor,
    levels_db: Tensor,
    hop_length: int,
    sample_rate: int,
    *,
    margin: int = 0,
    playing_db: Sequence[Tensor] = (),
) -> Tensor:
    """``decoded`` with its level on the line.

    Parameters
    ----------
    decoded : Tensor, (channels, margin + n * hop_length + margin)
    shares : Tensor, (sounds, n), of each sound in each frame of the path (``lgr.latents.path.shares``)
    levels_db : Tensor, (sounds,), of the sounds where the path meets them
    margin : samples before and after the path, which are given the gain of its ends
    playing_db : (n,) each, of every sound's own playing in the meantime; () where nothing plays

    Returns
    -------
    Tensor like ``decoded``
    """
    samples = decoded.shape[1]
    shares = shares.to(decoded.device)
    if playing_db:
        powers = 10 ** (torch.stack(list(playing_db)).to(shares) / 10)
        led = (shares * powers).sum(0).sqrt().to(decoded)
        led = torch.nn.functional.pad(led.repeat_interleave(hop_length)[None, None], (margin, margin), mode="replicate")
        decoded = follow_loudness(decoded, led[0], sample_rate)
    line = (shares * levels_db.to(shares)[:, None]).sum(0)
    point = max(1, round(sample_rate * POINT_SECONDS))
    middle = (torch.arange(-(-samples // point), dtype=torch.float64, device=decoded.device) + 0.5) * point - margin
    window = min(LINE_SECONDS, SHORTEST * samples / sample_rate)
    return to_levels(decoded, between(line, middle / hop_length - 0.5), sample_rate, window_seconds=window)
