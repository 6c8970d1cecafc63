"""The nearest grains of a large codebook in a small share of the time: an inverted file (IVF).

Rows are sorted into cells around centroids by spherical k-means; a query looks through the cells whose centroids are
nearest. (Sivic and Zisserman 2003, "Video Google"; Jégou et al. 2011, "Product quantization for nearest neighbor
search", section IV.) Of an hour of grains at stride 1, some 270,000, a query then reads some thousands. What it misses
is measured: ``benchmarks/live.py``. Looking through every cell is the exact search.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from lgr.errors import check_shape

ROUNDS = 8  # of k-means
SAMPLE = 128  # rows a cell that k-means looks at
BLOCK = 16384  # rows at a time


@dataclass(frozen=True)
class InvertedFile:
    """Rows by cell. ``rows[k]`` is row ``index[k]`` of what the file was made of; cell ``c`` has those from
    ``offsets[c]`` to ``offsets[c + 1]``.

    Examples
    --------
    >>> import torch
    >>> from lgr.matching.inverted_file import InvertedFile
    >>> rows = torch.nn.functional.normalize(torch.randn(2000, 16, generator=torch.Generator().manual_seed(0)))
    >>> file = InvertedFile.of(rows)
    >>> index, similarity = file.nearest(rows[7], cells=4)
    >>> int(index[similarity.argmax()]), len(index) < 500
    (7, True)
    """

    rows: Tensor  # (M, D) float32
    index: Tensor  # (M,) int64
    centroids: Tensor  # (C, D), of unit length
    offsets: tuple[int, ...]
    place: Tensor  # (M,): where each row is, the inverse of ``index``

    @classmethod
    def of(cls, rows: Tensor, *, cells: int | None = None, seed: int = 0) -> "InvertedFile":
        """Sort ``rows`` (M >= 1, D) float32 into ``cells`` cells, the square root of M by default."""
        check_shape("rows", rows.shape, "(M >= 1, D)", rows.ndim == 2 and len(rows) > 0)
        count = max(1, min(len(rows), round(math.sqrt(len(rows))) if cells is None else cells))
        generator = torch.Generator().manual_seed(seed)
        drawn = torch.randperm(len(rows), generator=generator)[: SAMPLE * count]
        sample = rows[drawn]
        centroids = torch.nn.functional.normalize(sample[:count])
        for _ in range(ROUNDS):
            sums = torch.zeros_like(centroids).index_add_(0, _cells(sample, centroids), sample)
            moved = sums.norm(dim=1, keepdim=True) > 1e-9  # an empty cell stays where it is
            centroids = torch.where(moved, torch.nn.functional.normalize(sums), centroids)
        return cls._sorted(rows, torch.arange(len(rows)), _cells(rows, centroids), centroids)

    @classmethod
    def _sorted(cls, rows: Tensor, index: Tensor, cell: Tensor, centroids: Tensor) -> "InvertedFile":
        order = torch.argsort(cell, stable=True)
        counts = torch.bincount(cell, minlength=len(centroids))
        numbers = index[order]
        return cls(rows[order], numbers, centroids, (0, *counts.cumsum(0).tolist()), torch.argsort(numbers))

    def grown(self, rows: Tensor) -> "InvertedFile":
        """A file with further rows, numbered on from those that are there, in the cells that are there."""
        sizes = torch.tensor(self.offsets).diff()
        cell = torch.cat([torch.repeat_interleave(torch.arange(len(sizes)), sizes), _cells(rows, self.centroids)])
        index = torch.cat([self.index, len(self.index) + torch.arange(len(rows))])
        return self._sorted(torch.cat([self.rows, rows]), index, cell, self.centroids)

    def nearest(self, query: Tensor, cells: int) -> tuple[Tensor, Tensor]:
        """Rows in the ``cells`` cells that are nearest to ``query`` (D,): their numbers, ascending, and their products.

        Both ``(n,)``, n >= 1: where all these cells are empty, the next ones are looked through, too.
        """
        if cells >= len(self.centroids):
            return torch.arange(len(self.rows)), (self.rows @ query)[self.place]
        near = torch.argsort(self.centroids @ query, descending=True).tolist()
        spans = [(self.offsets[c], self.offsets[c + 1]) for c in near[:cells]]
        for c in near[cells:]:
            if any(stop > start for start, stop in spans):
                break
            spans.append((self.offsets[c], self.offsets[c + 1]))
        index = torch.cat([self.index[start:stop] for start, stop in spans])
        similarity = torch.cat([self.rows[start:stop] @ query for start, stop in spans])
        order = torch.argsort(index)
        return index[order], similarity[order]


def _cells(rows: Tensor, centroids: Tensor) -> Tensor:
    """The nearest centroid of each row, ``(n,)``."""
    return torch.cat([(block @ centroids.T).argmax(1) for block in torch.split(rows, BLOCK)])
