"""One-shots out of a model's temporal embedding: drawn, morphed one into another, played in a row (paper 001, 5.3).

A one-shot is ``[e | label weights]``, one row ``(embedding_dim + n_labels,)``: the embedding of a whole series of
latents and what class it is said to be. So a path between two one-shots (``lgr.latents.path``) takes the class along,
like a path between latents.
"""

import torch
from torch import Tensor

from lgr.codecs.base import Codec
from lgr.codecs.trained import TrainedCodec
from lgr.errors import ArgumentError, check_shape
from lgr.latents.path import PathConfig, path
from lgr.models.granular.temporal import TemporalVAE


def temporal_of(codec: Codec) -> TemporalVAE:
    """A codec's temporal embedding; ``ArgumentError`` where it has none."""
    temporal = codec.temporal if isinstance(codec, TrainedCodec) else None
    if not isinstance(temporal, TemporalVAE):
        raise ArgumentError(
            f"codec must have a temporal embedding (lgr train spectral --temporal), {codec.info.name} has none"
        )
    return temporal


def draw_one_shots(codec: TrainedCodec, label: str | None, n: int, seed: int) -> Tensor:
    """``n`` one-shots ``(n, embedding_dim + n_labels)``: those that ``codec.sample`` plays for the same arguments.

    Parameters
    ----------
    label : a class, in any case, or None for no class in particular
    n : int >= 1
    seed : of the draws; the first of eight is the one that ``n=1`` gives

    Examples
    --------
    >>> from lgr import load_codec
    >>> from lgr.one_shots import draw_one_shots, one_shot_latents
    >>> codec = load_codec("drums-spectral")
    >>> snares = draw_one_shots(codec, "snare", 2, seed=3)
    >>> codec.decode(one_shot_latents(codec, snares)).shape[:2]
    torch.Size([2, 1])
    """
    temporal = temporal_of(codec)
    labels = codec.label_weights(label).expand(max(n, 0), -1)
    with torch.no_grad():
        embeddings = temporal.draw(n, labels, torch.Generator().manual_seed(seed))
    return torch.cat([embeddings, labels], 1)


def morph_one_shots(codec: TrainedCodec, a: Tensor, b: Tensor, n: int, config: PathConfig | None = None) -> Tensor:
    """``n`` one-shots, 2 or more, evenly from ``a`` to ``b``, both ends included and ``(embedding_dim + n_labels,)``.

    ``config`` is the kind of path, a straight line by default.

    Examples
    --------
    >>> import torch
    >>> from lgr import load_codec
    >>> from lgr.one_shots import draw_one_shots, morph_one_shots
    >>> codec = load_codec("drums-spectral")
    >>> (kick,), (snare,) = draw_one_shots(codec, "kick", 1, seed=0), draw_one_shots(codec, "snare", 1, seed=0)
    >>> steps = morph_one_shots(codec, kick, snare, 5)
    >>> len(steps), torch.equal(steps[0], kick), torch.equal(steps[-1], snare)
    (5, True, True)
    """
    return path([a, b], n, config, n_labels=len(codec.labels)).T


def one_shot_latents(codec: TrainedCodec, one_shots: Tensor, frames: int | None = None) -> Tensor:
    """Latents ``(n, latent_dim, frames)`` for ``codec.decode`` of one-shots ``(n, embedding_dim + n_labels)``.

    ``frames`` is their length, 1 or more; by default that of the series the embedding was trained on.
    """
    temporal = temporal_of(codec)
    size = temporal.config.embedding_dim
    width = size + len(codec.labels)
    ok = one_shots.ndim == 2 and one_shots.shape[1] == width
    check_shape("one_shots", one_shots.shape, f"(n, {width})", ok)
    frames = temporal.config.frames if frames is None else frames
    labels = one_shots[:, size:]
    with torch.no_grad():
        series = temporal.render(one_shots[:, :size], labels, frames)  # (n, frames, latent_dim)
    return torch.cat([series, labels[:, None].expand(-1, frames, -1)], 2).transpose(1, 2)


def in_a_row(sounds: Tensor, every: int) -> Tensor:
    """Sounds ``(n, samples)`` one after the other, a new one every so many samples, 1 or more, the old ones ringing on.

    Returns ``((n - 1) * every + samples,)``; where sounds meet they are added.

    Examples
    --------
    >>> import torch
    >>> from lgr.one_shots import in_a_row
    >>> in_a_row(torch.tensor([[1.0, 1.0, 1.0], [2.0, 2.0, 2.0]]), every=2)
    tensor([1., 1., 3., 2., 2.])
    """
    check_shape("sounds", sounds.shape, "(n, samples), both at least 1", sounds.ndim == 2 and sounds.numel() > 0)
    if every < 1:
        raise ArgumentError(f"every must be >= 1 sample, got {every}")
    n, samples = sounds.shape
    row = sounds.new_zeros((n - 1) * every + samples)
    for i, sound in enumerate(sounds):
        row[i * every : i * every + samples] += sound
    return row
