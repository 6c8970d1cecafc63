"""Grains: a few consecutive latent vectors, cut out of a sequence and joined back into one.

Conventions: latents ``(..., latent_dim, frames)``, grains ``(..., n_grains, latent_dim, grain_frames)``, where ``...``
is nothing or one axis of lanes. Lengths and starts are frames.

``join(cut(x))`` is ``x``: exactly where grains do not overlap, to float rounding where they do.
"""

from typing import Literal

import torch
from torch import Tensor

from lgr.errors import ArgumentError, check_shape

Tail = Literal["shift", "pad"]


def grain_starts(frames: int, grain_frames: int, stride: int, tail: Tail = "shift") -> Tensor:
    """First frame of each grain of a sequence.

    Parameters
    ----------
    frames : int > 0, length of the sequence
    grain_frames : int > 0
    stride : int > 0, from one grain to the next; more than ``grain_frames`` leaves frames out
    tail : what becomes of a last grain that would run over the end: "shift" starts it earlier, so that it ends at the
        last frame (codebooks: every grain is real sound; needs ``frames >= grain_frames``), "pad" lets it run over
        (targets: grains stay on their grid)

    Returns
    -------
    Tensor, (n_grains,), int64, increasing; at least one

    Examples
    --------
    >>> from lgr.latents.grains import grain_starts
    >>> grain_starts(10, grain_frames=4, stride=4)
    tensor([0, 4, 6])
    >>> grain_starts(10, grain_frames=4, stride=4, tail="pad")
    tensor([0, 4, 8])
    """
    for name, value in (("frames", frames), ("grain_frames", grain_frames), ("stride", stride)):
        if value < 1:
            raise ArgumentError(f"{name} must be >= 1, got {value}")
    if tail == "pad":
        reached = -(-max(frames - grain_frames, 0) // stride) + 1  # as many as it takes for one to reach the end ...
        inside = -(-frames // stride)  # ... but none that starts after it, where grains are further apart than long
        return torch.arange(min(reached, inside)) * stride
    if tail != "shift":
        raise ArgumentError(f"tail must be 'shift' or 'pad', got {tail!r}")
    if frames < grain_frames:
        raise ArgumentError(f"frames must be >= grain_frames ({grain_frames}) for tail='shift', got {frames}")
    last = frames - grain_frames
    starts = torch.arange(0, last + 1, stride)
    return starts if starts[-1] == last else torch.cat([starts, torch.tensor([last])])


def cut(latents: Tensor, grain_frames: int, stride: int | None = None, tail: Tail = "shift") -> Tensor:
    """Cut a latent sequence into grains, at ``grain_starts(frames, grain_frames, stride, tail)``.

    Parameters
    ----------
    latents : Tensor, (latent_dim, frames) or (lanes, latent_dim, frames)
    stride : None means ``grain_frames``: grains end to end
    tail : see ``grain_starts``; "pad" repeats the last frame where a grain runs over the end

    Returns
    -------
    Tensor, (n_grains, latent_dim, grain_frames), with a leading lanes axis where ``latents`` has one; a view of
    ``latents`` where no grain had to be shifted or padded

    Examples
    --------
    >>> import torch
    >>> from lgr.latents.grains import cut
    >>> latents = torch.arange(12.0).view(2, 6)  # (latent_dim, frames)
    >>> cut(latents, grain_frames=3).shape
    torch.Size([2, 2, 3])
    >>> cut(latents, grain_frames=3)[1]
    tensor([[ 3.,  4.,  5.],
            [ 9., 10., 11.]])
    """
    check_shape("latents", latents.shape, "(latent_dim, frames) or (lanes, latent_dim, frames)", latents.ndim in (2, 3))
    stride = grain_frames if stride is None else stride
    starts = grain_starts(latents.shape[-1], grain_frames, stride, tail)
    over = int(starts[-1]) + grain_frames - latents.shape[-1]
    if over > 0:
        latents = repeat_last(latents, over)
    if int(starts[-1]) == (starts.numel() - 1) * stride:  # no grain was shifted: a view
        return latents.unfold(-1, grain_frames, stride).movedim(-2, -3)
    every = latents.unfold(-1, grain_frames, 1)  # a grain at every frame: (..., latent_dim, frames', grain_frames)
    return every.index_select(-2, starts.to(latents.device)).movedim(-2, -3)


def repeat_last(latents: Tensor, frames: int) -> Tensor:
    """``latents`` (..., frames) with its last frame repeated ``frames`` times at the end."""
    return torch.cat([latents, latents[..., -1:].expand(*latents.shape[:-1], frames)], dim=-1)


def cross_fade(starts: Tensor, grain_frames: int, frames: int) -> Tensor:
    """Weight of every frame of every grain, such that the weights over each frame of the sequence sum to one.

    A grain's weight is a triangle over its length, divided by the sum of the triangles there. Where two grains overlap
    by up to half their length this is a linear cross-fade over the overlap; a frame under one grain only has weight 1.

    Parameters
    ----------
    starts : Tensor, (n_grains,), int64, the first frame of each grain; together they must cover [0, frames)

    Returns
    -------
    Tensor, (n_grains, grain_frames), float64, in (0, 1]
    """
    ramp = torch.arange(grain_frames, dtype=torch.float64, device=starts.device) + 0.5
    triangle = torch.minimum(ramp, ramp.flip(0))
    at = starts[:, None] + torch.arange(grain_frames, device=starts.device)  # (n_grains, grain_frames)
    total = torch.zeros(int(at.max()) + 1, dtype=torch.float64, device=starts.device)
    total.index_add_(0, at.flatten(), triangle.repeat(starts.numel()))
    covered = total[:frames]
    if covered.numel() < frames or not bool((covered > 0).all()):
        raise ArgumentError(f"starts must leave no frame of [0, {frames}) without a grain of {grain_frames} frames")
    return triangle / total[at]


def join(grains: Tensor, hop_frames: int | Tensor, frames: int) -> Tensor:
    """Place grains in time and cross-fade them where they overlap.

    Parameters
    ----------
    grains : Tensor, (n_grains, latent_dim, grain_frames) or (lanes, n_grains, latent_dim, grain_frames)
    hop_frames : int in [1, grain_frames], one grain every so many frames from frame 0; or the start of each grain as a
        Tensor, (n_grains,), int64, >= 0
    frames : int > 0, length of the result; what runs over it is cut off, and grains must reach it

    Returns
    -------
    Tensor, (latent_dim, frames), with a leading lanes axis where ``grains`` has one

    Examples
    --------
    >>> import torch
    >>> from lgr.latents.grains import cut, grain_starts, join
    >>> latents = torch.randn(8, 20, generator=torch.Generator().manual_seed(0))
    >>> starts = grain_starts(20, grain_frames=4, stride=2)
    >>> joined = join(cut(latents, 4, stride=2), starts, frames=20)
    >>> torch.allclose(joined, latents, atol=1e-6)
    True
    """
    expected = "(n_grains, latent_dim, grain_frames) or (lanes, n_grains, latent_dim, grain_frames)"
    check_shape("grains", grains.shape, expected, grains.ndim in (3, 4) and 0 not in grains.shape)
    n_grains, latent_dim, grain_frames = grains.shape[-3:]
    if frames < 1:
        raise ArgumentError(f"frames must be >= 1, got {frames}")
    if isinstance(hop_frames, Tensor):
        check_shape("starts", hop_frames.shape, f"({n_grains},)", hop_frames.shape == (n_grains,))
        starts = hop_frames.to(grains.device)
        if int(starts.min()) < 0:
            raise ArgumentError(f"starts must be >= 0, got {int(starts.min())}")
    else:
        if not 1 <= hop_frames <= grain_frames:
            raise ArgumentError(f"hop_frames must be in [1, grain_frames={grain_frames}], got {hop_frames}")
        starts = torch.arange(n_grains, device=grains.device) * hop_frames
    weights = cross_fade(starts, grain_frames, frames).to(grains.dtype)
    joined = grains.new_zeros(*grains.shape[:-3], latent_dim, int(starts.max()) + grain_frames)
    for k in range(grain_frames):  # frame k of every grain at once: no two of them meet, so the sum's order is fixed
        joined.index_add_(-1, starts + k, (grains[..., k] * weights[:, k, None]).transpose(-1, -2))
    return joined[..., :frames]


def grain_levels_db(levels_db: Tensor, starts: Tensor, grain_frames: int) -> Tensor:
    """Level of each grain on the whole, and of its quietest frame, ``(n_grains, 2)`` in dB, from ``(frames,)``.

    Frames beyond the end are left out.

    Examples
    --------
    >>> import torch
    >>> from lgr.latents.grains import grain_levels_db
    >>> grain_levels_db(torch.tensor([-10.0, -10.0, -20.0, -20.0]), torch.tensor([0, 2, 3]), grain_frames=2)
    tensor([[-10., -10.],
            [-20., -20.],
            [-20., -20.]])
    """
    padded = torch.nn.functional.pad(levels_db.float(), (0, grain_frames), value=torch.inf)
    grains = padded.unfold(0, grain_frames, 1)[starts]  # (n_grains, grain_frames)
    inside = grains < torch.inf
    power = torch.where(inside, 10 ** (grains / 10), 0.0).sum(1) / inside.sum(1)
    return torch.stack([10 * torch.log10(power.clamp(min=1e-20)), grains.amin(1)], 1)


def grain_level_db(levels_db: Tensor) -> Tensor:
    """``grain_levels_db`` of one grain, (2,), from the levels of its frames, (grain_frames,)."""
    power = (10 ** (levels_db / 10)).mean()
    return torch.stack([10 * torch.log10(power.clamp(min=1e-20)), levels_db.amin()])
