"""Adoption: how far the timbre of a result has moved from the target's to the source's.

A row describes one moment of a sound (``lgr.measures.timbre``: cepstra, spectral envelopes; or any codec's features).
With ``s`` the distance of a moment of the result to the nearest moment of the source, and ``t`` that to the nearest of
the target,

    adoption = mean over moments of t / (s + t)

so the untouched target has 0, the source itself 1, and a moment as near to the one as to the other .5. A sound far from
both is somewhere about .5, so ``source_distance`` belongs beside it. Of two sounds equally alike, the longer one has
nearer moments: compare adoption among results of one target and one source.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from lgr.measures.timbre import nearest_distances

MOST_MOMENTS = 5000  # of a result that are looked at, evenly spaced: 50 s of ``lgr.measures.timbre`` are not thinned
SAME = 1e-6  # distance below which single precision does not tell rows apart


@dataclass(frozen=True, kw_only=True)
class Adoption:
    """What ``measure_adoption`` found.

    Attributes
    ----------
    adoption : float in [0, 1], None where every moment of the result is both the source's and the target's
    source_distance : median distance of the result's moments to the nearest of the source, in units of the rows
    target_distance : the same to the nearest of the target
    """

    adoption: float | None
    source_distance: float
    target_distance: float


def measure_adoption(result: Tensor, source: Tensor, target: Tensor) -> Adoption:
    """Adoption over rows ``(moments >= 1, size)`` of the three sounds.

    Raises
    ------
    ShapeError : not three matrices of one width with at least a row each

    Examples
    --------
    >>> import torch
    >>> from lgr.measures.adoption import measure_adoption
    >>> source, target = torch.tensor([[0.0, 0.0]]), torch.tensor([[4.0, 0.0]])
    >>> measure_adoption(torch.tensor([[1.0, 0.0]]), source, target)
    Adoption(adoption=0.75, source_distance=1.0, target_distance=3.0)
    >>> measure_adoption(target, source, target).adoption
    0.0
    """
    result = result[:: -(-result.shape[0] // MOST_MOMENTS) or 1]
    pairs = (nearest_distances(result, source), nearest_distances(result, target))
    from_source, from_target = (torch.where(distance < SAME, 0.0, distance) for distance in pairs)
    both = from_source + from_target
    known = both > 0
    share = (from_target[known] / both[known]).mean()
    return Adoption(
        adoption=float(share) if bool(known.any()) else None,
        source_distance=float(from_source.median()),
        target_distance=float(from_target.median()),
    )


def centred_directions(rows: Tensor, centre: Tensor) -> Tensor:
    """``rows`` (n, size) less ``centre`` (size,), the mean of the source's rows, as unit vectors.

    The squared distance of two of them is ``2 (1 - centred cosine)``: with them, adoption is measured on a codec's
    features as matching reads them.
    """
    return torch.nn.functional.normalize(rows - centre, dim=1)
