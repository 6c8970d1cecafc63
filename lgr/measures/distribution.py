"""Distributions of sounds: embeddings that need no weights, and the Fréchet distance over any embedding given.

An embedding is a function from audio ``(samples,)`` and its sample rate to rows ``(n, size)``. ``mel_statistics`` and
``mfcc_statistics`` need no weights, ``lgr.evaluation.codec_embedding`` makes one of any codec, and VGGish, CLAP or
another network is whatever function a user brings. Distances are named after their embedding; none of these is "the
FAD", which is VGGish's (Kilgour et al. 2019).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lgr.errors import ArgumentError
from lgr.measures.frechet import Extrapolation, frechet_distance, frechet_extrapolated, mel_statistics
from lgr.measures.timbre import COEFFICIENTS, mfcc_rows

Embedding = Callable[[Tensor, int], Tensor]


def mfcc_statistics(audio: Tensor, sample_rate: int, *, seconds: float = 1.0) -> Tensor:
    """Mean and deviation over time of the cepstra of ``lgr.measures.timbre``, a row a window; windows overlap by half.

    Parameters
    ----------
    audio : (samples,), completed with silence to one window
    seconds : float > 0, of a window

    Returns
    -------
    (windows, 2 COEFFICIENTS); windows of digital silence have no row
    """
    if not seconds > 0:
        raise ArgumentError(f"seconds must be > 0, got {seconds}")
    length = max(1, round(seconds * sample_rate))
    missing = max(0, length - audio.shape[0])
    pieces = torch.nn.functional.pad(audio, (0, missing)).unfold(0, length, max(1, length // 2))
    rows = [mfcc_rows(piece, sample_rate) for piece in pieces]
    found = [torch.cat([x.mean(0), x.std(0, unbiased=False)]) for x in rows if len(x)]
    return torch.stack(found) if found else audio.new_zeros(0, 2 * COEFFICIENTS)


EMBEDDINGS: dict[str, Embedding] = {"mel_statistics": mel_statistics, "mfcc_statistics": mfcc_statistics}
"""Embeddings by name that need nothing but the sound."""


@dataclass(frozen=True, kw_only=True)
class FrechetResult:
    """A Fréchet distance under the name of its embedding.

    Attributes
    ----------
    embedding : its name
    distance : from all rows; too large by what few rows cost
    extrapolation : to infinitely many rows, None where the rows are too few to tell
    rows : how many rows each of the two sets gave
    """

    embedding: str
    distance: float
    extrapolation: Extrapolation | None
    rows: tuple[int, int]

    @property
    def name(self) -> str:
        return f"frechet_{self.embedding}"


def frechet_between(
    a: Sequence[tuple[Tensor, int]],
    b: Sequence[tuple[Tensor, int]],
    embedding: Embedding | str,
    *,
    name: str | None = None,
    seed: int = 0,
) -> FrechetResult:
    """The Fréchet distance of two sets of sounds.

    Parameters
    ----------
    a, b : sounds, each (audio (samples,), sample rate)
    embedding : a name in ``EMBEDDINGS``, or a function
    name : of a function's embedding, its ``__name__`` by default; not asked for where ``embedding`` is a name
    seed : of the subsets of the extrapolation

    Raises
    ------
    ArgumentError, ShapeError : no such embedding; fewer than two rows in a set; rows that are not finite
    """
    if isinstance(embedding, str):
        if embedding not in EMBEDDINGS:
            raise ArgumentError(f"embedding must be one of {', '.join(EMBEDDINGS)} or a function, got {embedding!r}")
        called, embed = embedding, EMBEDDINGS[embedding]
    else:
        called, embed = name or str(getattr(embedding, "__name__", "embedding")), embedding
    if not a or not b:
        raise ArgumentError(f"a and b must hold at least one sound each, got {len(a)} and {len(b)}")
    rows = [torch.cat([embed(audio, rate) for audio, rate in sounds]) for sounds in (a, b)]
    try:
        extrapolation = frechet_extrapolated(rows[0], rows[1], seed=seed)
    except ArgumentError:  # too few rows; what else may be wrong with them the plain distance tells
        extrapolation = None
    return FrechetResult(
        embedding=called,
        distance=frechet_distance(rows[0], rows[1]),
        extrapolation=extrapolation,
        rows=(len(rows[0]), len(rows[1])),
    )
