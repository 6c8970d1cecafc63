"""A sound that goes on playing around a place in it: a walk over its own frames, drawn by the exact chain sampler.

At each step the walk plays on to the frame that follows, or jumps to one that sounds as the place does; about every
``RUN_SECONDS`` it jumps. What a frame sounds like is told over ``BLUR_SECONDS``: a texture's grains differ from each
other, and it is their company that is sought, so that drops, hits and vibrato stay. Of frames near the place in time
and in level there are more.

A walk that leaves the sound begins at the place, as though the sound played on; one that arrives ends there; one that
passes is free. No frame is played twice in a row.
"""

import math
from typing import Literal

import torch
from torch import Tensor

from lgr.errors import ArgumentError, check_shape
from lgr.matching import MatchConfig, match

RUN_SECONDS = 0.4  # that the walk plays on for, on the average
BLUR_SECONDS = 0.3  # over which a frame's features and level are means: what it sounds like among its neighbours
PLACE_SECONDS = 0.5  # of the sound next to the place that say how it sounds there
REACH_SECONDS = 1.5  # how far the walk strays from the place in its sound, one standard deviation
FAR_SECONDS = 4 * REACH_SECONDS  # further out nothing is played
LEVEL_SPAN_DB = 6.0  # how far it strays in level, one standard deviation
LEAST_FRAMES = 4  # of a sound that can be walked in
FADE_SECONDS = 0.04  # of latents over which a jump is made: both runs play on in the meantime
Side = Literal["leave", "arrive", "pass"]


def walk(
    features: Tensor,
    levels_db: Tensor,
    n: int,
    place: int,
    *,
    side: Side,
    frame_rate: float,
    generator: torch.Generator,
) -> Tensor:
    """``n`` frames of a sound, around one of them.

    Parameters
    ----------
    features : Tensor, (feature_dim, frames), what matching reads of the sound
    levels_db : Tensor, (frames,)
    n : int >= 1
    place : int in [0, frames), where the walk begins ("leave"), ends ("arrive") or is drawn to ("pass")
    frame_rate : in Hz
    generator : CPU

    Returns
    -------
    Tensor, (n,) int64, of frames; none follows itself

    Raises
    ------
    ArgumentError : fewer than ``LEAST_FRAMES`` frames, or a place that is not among them

    Examples
    --------
    >>> import torch
    >>> from lgr.interpolation.walk import walk
    >>> draw = torch.Generator().manual_seed(0)
    >>> walk(torch.ones(3, 200), torch.zeros(200), 6, 20, side="leave", frame_rate=75.0, generator=draw)
    tensor([20, 21, 22, 23, 24, 25])
    """
    check_shape("features", features.shape, "(feature_dim, frames)", features.ndim == 2)
    frames = features.shape[1]
    check_shape("levels_db", levels_db.shape, f"({frames},)", levels_db.shape == (frames,))
    if frames < LEAST_FRAMES:
        raise ArgumentError(f"a sound must have at least {LEAST_FRAMES} frames to go on playing, got {frames}")
    if not 0 <= place < frames:
        raise ArgumentError(f"place must be in [0, {frames}), got {place}")
    blur = max(1, round(BLUR_SECONDS * frame_rate / 2))
    rows = _blurred(features.detach().cpu().double(), blur)
    powers = _blurred(10 ** (levels_db.detach().cpu().double()[None] / 10), blur)[0].clamp(min=1e-12)
    near = round(PLACE_SECONDS * frame_rate)
    low, high = max(0, place - near), min(frames, place + near + 1)
    low, high = {"leave": (low, place + 1), "arrive": (place, high), "pass": (low, high)}[side]
    rows = torch.nn.functional.normalize(rows - rows.mean(1, keepdim=True), dim=0).T.float()  # (frames, feature_dim)
    target = torch.nn.functional.normalize(rows[low:high].mean(0), dim=0)
    # As bold as the place itself is varied: half of its frames are within the distance that e-folds the chance.
    spread = float((1 - rows[low:high] @ target).median())
    strayed = (torch.arange(frames, dtype=torch.float64) - place) / (REACH_SECONDS * frame_rate)
    louder = 10 * torch.log10(powers / powers[low:high].mean()) / LEVEL_SPAN_DB
    weights = (-0.5 * (strayed.square() + louder.square())).float()

    anchored = torch.zeros(frames, dtype=torch.int64)
    anchored[place] = 1
    allowed = torch.zeros(n, 2)
    if side != "pass":
        allowed[0 if side == "leave" else -1, 0] = -math.inf  # there it is the place and no other
    following = torch.arange(1, frames + 1)
    following[-1] = -1
    drawn = match(
        target.expand(n, -1).contiguous(),
        rows.contiguous(),
        temperature=max(spread, 0.01),
        generator=generator,
        config=MatchConfig(sampler="chain"),
        continuity=max(0.0, 1 - 1 / (RUN_SECONDS * frame_rate)),
        log_weights=weights,
        recording=anchored,
        recording_log_weights=allowed,
        next_grain=following,
    )
    return _moving(drawn.index.cpu(), frames, backwards=side == "arrive")


def walk_latents(latents: Tensor, index: Tensor, *, frame_rate: float) -> Tensor:
    """The latents ``(lanes, latent_dim, n)`` that a walk plays of a sound's ``(lanes, latent_dim, frames)``.

    Around a jump, for ``FADE_SECONDS``, the run that ends plays on while the one that begins comes in from before its
    first frame, in weights that sum to one. The first frame and the last are always the walk's own.
    """
    played = latents[:, :, index].clone()
    frames, n = latents.shape[2], len(index)
    half = max(1, round(FADE_SECONDS * frame_rate / 2))
    jumps = ((index.diff() != 1).nonzero()[:, 0] + 1).tolist()
    for jump in jumps:
        for t in range(max(1, jump - half), min(n - 1, jump + half)):
            # the other run, at this moment: the one that is to come, or the one that is over
            other = int(index[jump] - (jump - t)) if t < jump else int(index[jump - 1] + 1 + (t - jump))
            if 0 <= other < frames:
                new = (t - (jump - half) + 0.5) / (2 * half)
                weight = new if t < jump else 1 - new
                played[:, :, t] = torch.lerp(played[:, :, t], latents[:, :, other], weight)
    return played


def _moving(index: Tensor, frames: int, *, backwards: bool) -> Tensor:
    """``index`` in which a frame that would follow itself is the next one instead (the one before, at the end).

    ``backwards`` goes from the last to the first, which then keeps the last.
    """
    steps = index.tolist()
    if backwards:
        steps = [frames - 1 - i for i in reversed(steps)]
    for t in range(1, len(steps)):
        if steps[t] == steps[t - 1]:
            steps[t] = steps[t - 1] + 1 if steps[t - 1] + 1 < frames else steps[t - 1] - 1
    if backwards:
        steps = [frames - 1 - i for i in reversed(steps)]
    return torch.tensor(steps, dtype=torch.int64)


def _blurred(rows: Tensor, reach: int) -> Tensor:
    """Means of ``rows`` (k, frames) over ``2 reach + 1`` frames; at the ends over those that there are."""
    kernel = torch.ones(1, 1, 2 * reach + 1, dtype=rows.dtype)
    total = torch.nn.functional.conv1d(rows[:, None], kernel, padding=reach)[:, 0]
    count = torch.nn.functional.conv1d(torch.ones_like(rows[:1])[:, None], kernel, padding=reach)[:, 0]
    return total / count
