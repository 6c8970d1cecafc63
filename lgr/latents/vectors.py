"""Grain vectors: what matching compares. One unit row for each grain, so that a dot product is the similarity.

A row is the grain's features, frame after frame: ``(grain_frames * feature_dim,)``, in that order, because a grain is
then one stretch of memory. What is done to it before it is scaled to unit length is the metric's:

- ``cosine``: nothing (paper 000).
- ``centred``: the codebook's mean grain is taken away. Audio features share a large common component, which a raw
  cosine mostly measures.
- ``learned``: centred; what differs is the features, which a learned embedding (``lgr/latents/embedding.py``) then
  reads from the latents in place of the codec.
- ``whitened``: centred, then every frame is multiplied by C^(-1/2), where C is the covariance of one frame's features
  over the codebook, shrunk towards a multiple of the identity. It is estimated per frame, not per grain: it stays
  cheap and well conditioned however long the grains are. (Cosines do not see rotations, so the symmetric square root,
  "ZCA", and the principal axes, "PCA", give the same similarities.)

A grain with nothing left to compare (digital silence, or exactly the mean) has a row of zeros: its similarity with
every grain is 0, neither near nor far, and nothing is ever NaN.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Metric = Literal["cosine", "centred", "whitened", "learned"]


@dataclass(frozen=True, kw_only=True)
class Treatment:
    """What a metric does to a grain before it is scaled to unit length."""

    words: str  # for whoever chooses
    centred: bool = True  # the codebook's mean grain is taken away
    whitened: bool = False  # frames are whitened


#: Every metric by name. A new one is a row here, a name in ``Metric``, and a line in the docstring above.
METRICS: dict[Metric, Treatment] = {
    "cosine": Treatment(words="as in the paper", centred=False),
    "centred": Treatment(words="what makes each grain different from the average"),
    "whitened": Treatment(words="all directions count alike", whitened=True),
    "learned": Treatment(words="what an embedding has learned"),
}

#: Share of the mean variance that is put in place of the covariance: no direction is amplified by more than 10 times
#: what the average one is, so features that hardly vary do not become loud noise.
SHRINKAGE = 0.01

#: What is left of a row is nothing when it is smaller than this share of what was taken away (float32 rounds at 6e-8).
NOTHING = 1e-6

_BLOCK = 8192  # grains or frames at a time: a block and its copy stay in cache, and no second copy of the rows is made


def fit_metric(frames: Tensor, starts: Tensor, grain_frames: int, metric: Metric) -> tuple[Tensor, Tensor]:
    """Mean grain and whitening matrix of a codebook.

    Parameters
    ----------
    frames : Tensor, (total_frames, feature_dim)
    starts : Tensor, (n_grains,), int64; frames that no grain contains have no say

    Returns
    -------
    mean : Tensor, (grain_frames * feature_dim,), zeros for ``cosine``
    whitener : Tensor, (feature_dim, feature_dim), symmetric, the identity unless ``whitened``

    Examples
    --------
    >>> import torch
    >>> from lgr.latents.vectors import fit_metric, unit_rows
    >>> frames = torch.randn(50, 8, generator=torch.Generator().manual_seed(0))
    >>> starts = torch.arange(47)
    >>> mean, whitener = fit_metric(frames, starts, 4, "centred")
    >>> rows = unit_rows(frames, starts, 4, "centred", mean, whitener)
    >>> rows.shape, round(float(rows.norm(dim=1).mean()), 4)
    (torch.Size([47, 32]), 1.0)
    """
    feature_dim = frames.shape[1]
    identity = torch.eye(feature_dim, dtype=frames.dtype, device=frames.device)
    treatment = METRICS[metric]
    if not treatment.centred:
        return frames.new_zeros(grain_frames * feature_dim), identity
    first = torch.bincount(starts, minlength=len(frames)).double()  # how many grains start at each frame
    sums = torch.zeros(grain_frames, feature_dim, dtype=torch.float64, device=frames.device)
    # counts[t, k]: how many grains have frame t at place grain_frames - 1 - k, a view
    counts = torch.cat([first.new_zeros(grain_frames - 1), first]).unfold(0, grain_frames, 1)
    for low in range(0, len(frames), _BLOCK):
        sums += counts[low : low + _BLOCK].mT @ frames[low : low + _BLOCK].double()
    mean = sums.flip(0) / len(starts)
    if not treatment.whitened:
        return mean.flatten().to(frames.dtype), identity
    often = counts.sum(1)  # how many grains each frame is in
    centre = mean.mean(0)
    covariance = torch.zeros(feature_dim, feature_dim, dtype=torch.float64, device=frames.device)
    for low in range(0, len(frames), _BLOCK):
        block = frames[low : low + _BLOCK].double() - centre
        covariance += (block * often[low : low + _BLOCK, None]).mT @ block
    covariance /= often.sum()
    variance = float(covariance.diagonal().mean())
    if variance <= (NOTHING * float(centre.norm())) ** 2:  # a codebook of one and the same frame: nothing to whiten
        return mean.flatten().to(frames.dtype), identity
    shrunk = (1 - SHRINKAGE) * covariance + SHRINKAGE * variance * identity.double()
    values, axes = torch.linalg.eigh(shrunk)
    return mean.flatten().to(frames.dtype), ((axes / values.sqrt()) @ axes.mT).to(frames.dtype)


def unit_rows(
    frames: Tensor, starts: Tensor, grain_frames: int, metric: Metric, mean: Tensor, whitener: Tensor
) -> Tensor:
    """Unit rows of the grains at ``starts``.

    Parameters
    ----------
    frames : Tensor, (total_frames, feature_dim)
    starts : Tensor, (n_grains,), int64, in [0, total_frames - grain_frames]
    mean, whitener : as ``fit_metric`` gives them for the codebook, also where the grains are a target's

    Returns
    -------
    Tensor, (n_grains, grain_frames * feature_dim), of norm 1, or 0 where nothing is left to compare
    """
    feature_dim = frames.shape[1]
    treatment = METRICS[metric]
    if treatment.whitened:
        # Whitening is linear: each frame is whitened once, not once a grain it is in. What the grains share is taken
        # away before, so that the large numbers are gone when float32 multiplies.
        centre = mean.reshape(grain_frames, feature_dim).mean(0)
        frames = (frames - centre) @ whitener
        taken = float((mean.reshape(grain_frames, feature_dim) @ whitener).norm())
        mean = ((mean.reshape(grain_frames, feature_dim) - centre) @ whitener).flatten()
    else:
        taken = float(mean.norm())
    frames = frames.contiguous()
    # Every possible grain as a row of an overlapping view: a row is one stretch of memory.
    windows = frames.as_strided(
        (len(frames) - grain_frames + 1, grain_frames * feature_dim), (feature_dim, 1), frames.storage_offset()
    )
    rows = frames.new_empty(len(starts), grain_frames * feature_dim)
    smallest = max(NOTHING * taken, torch.finfo(frames.dtype).tiny)
    for low in range(0, len(starts), _BLOCK):
        block = rows[low : low + _BLOCK]
        torch.index_select(windows, 0, starts[low : low + _BLOCK], out=block)
        if treatment.centred:
            block -= mean
        norm = block.norm(dim=1, keepdim=True)
        block *= torch.where(norm > smallest, 1 / norm, 0.0)
    return rows
