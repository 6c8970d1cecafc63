"""The grains of an exported model: what a codebook is to ``lgr.live``, as plain tensors, and rows to compare with."""

from typing import NamedTuple

import torch
from torch import Tensor

from lgr.codebook import GrainCodebook
from lgr.errors import ArgumentError
from lgr.latents.vectors import METRICS, NOTHING


class Grains(NamedTuple):
    """M grains of F frames; none where M is 0."""

    latents: Tensor  # (F, latent_dim)
    rows: Tensor  # (M, timbre and pitch), as ``lgr.latents.joint.source_rows``
    levels_db: Tensor  # (M, 2), on the whole and of the quietest frame
    log_weights: Tensor  # (M,)
    weighted: bool  # whether any of these is not 0
    starts: Tensor  # (M,): first frame of each
    later: Tensor  # (M,): the grain that plays on, or -1
    whitener: Tensor  # (feature_dim, feature_dim), or (0, 0) where nothing is whitened
    mean: Tensor  # (grain_frames * feature_dim,): taken from every grain
    smallest: float  # norm under which nothing is left of a grain


def no_grains(latent_dim: int, feature_dim: int, grain_frames: int) -> Grains:
    """The grains of silence."""
    size = grain_frames * feature_dim
    return Grains(
        latents=torch.zeros(0, latent_dim),
        rows=torch.zeros(0, size),
        levels_db=torch.zeros(0, 2),
        log_weights=torch.zeros(0),
        weighted=False,
        starts=torch.zeros(0, dtype=torch.int64),
        later=torch.zeros(0, dtype=torch.int64),
        whitener=torch.zeros(0, 0),
        mean=torch.zeros(size),
        smallest=torch.finfo(torch.float32).tiny,
    )


def grains_of(book: GrainCodebook, hop_frames: int) -> Grains:
    """The grains of a codebook that knows pitch and levels.

    Raises
    ------
    ArgumentError : its grains are stereo, not at every frame, compared by a learned embedding, or without levels
    """
    config, levels = book.config, book.levels_db
    faults = {
        "be mono (mix its recordings first)": book.lanes != 1,
        f"have grains at every frame (stride 1), got {config.stride}": config.stride != 1,
        "be compared by features of the codec, got metric 'learned'": config.metric == "learned",
        "know its grains' levels: build it again": levels is None,
    }
    for wanted, wrong in faults.items():
        if wrong:
            raise ArgumentError(f"a codebook that is exported must {wanted}")
    assert levels is not None  # as was just seen
    mean, whitener = book.mean_.reshape(config.grain_frames, -1), book.whitener_
    if METRICS[config.metric].whitened:
        mean = mean @ whitener
    else:
        whitener = torch.zeros(0, 0)
    grains = Grains(
        latents=book.latents_[0].T,
        rows=book.joint_vectors_,
        levels_db=levels,
        log_weights=book.log_weights(),
        weighted=bool((book.log_weights() != 0).any()),
        starts=book.starts_,
        later=book.next_grain(hop_frames),
        whitener=whitener,
        mean=mean.flatten(),
        smallest=max(NOTHING * float(mean.norm()), torch.finfo(torch.float32).tiny),
    )
    # Copies of their own: a codebook may be a mapped file, or a view of much more.
    return Grains._make(each.detach().cpu().clone() if isinstance(each, Tensor) else each for each in grains)


def timbre_rows(windows: Tensor, whitener: Tensor, mean: Tensor, smallest: float) -> Tensor:
    """Unit rows (n, grain_frames * feature_dim) of ``windows`` (n, grain_frames, feature_dim), as the live loop's."""
    if whitener.numel() > 0:
        windows = windows @ whitener
    rows = windows.flatten(1) - mean
    norm = torch.linalg.vector_norm(rows, dim=[1], keepdim=True)
    return rows * torch.where(norm > smallest, 1 / norm, 0.0)


def levels_of(windows_db: Tensor) -> Tensor:
    """Level on the whole and of the quietest frame, (n, 2), of ``windows_db`` (n, grain_frames)."""
    power = torch.pow(10.0, windows_db / 10).mean(1)
    return torch.stack([10 * torch.log10(power.clamp(min=1e-20)), windows_db.amin(1)], 1)
