"""The nearest grains of a large codebook in a small share of the time: an inverted file (IVF) over short rows.

Rows are sorted into cells around centroids by spherical k-means; a query looks through the cells whose centroids are
nearest. (Sivic and Zisserman 2003, "Video Google"; Jégou et al. 2011, "Product quantization for nearest neighbor
search", section IV.) There it reads *short* rows, the first ``AXES`` principal components of the whole ones, and the
whole rows only of what could then be the best (re-ranking, as there): what a short row leaves out of the whole one has
a length, which is kept, and so has what it leaves out of the query. Of an hour of grains at stride 1,
some 270,000, a query reads 25,000 short rows, 5 MB of 246. What it misses is measured: ``benchmarks/live.py``. Looking
through every cell is the exact search, over the whole rows.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from lgr.errors import check_shape
from lgr.latents.growing import followed, with_room

ROUNDS = 8  # of k-means
SAMPLE = 128  # rows a cell that k-means looks at
AXES = 48  # numbers of a short row: a product of two is then .007 off (RMS, an hour of all sorts of recordings)
ALIKE = 0.5  # cosine at most between what short rows leave out of a row and of a query
MOST_CLOSE = 512  # rows that are looked at whole
FEW = 8192  # rows, of which there need be no short ones
MOST_LATE = 4096  # rows that are in no cell yet, and looked at by every search
BLOCK = 16384  # rows at a time


class Found(NamedTuple):
    """Rows that a search looked at."""

    place: Tensor  # (n,) int64: ``file.index[place]`` are their numbers
    product: Tensor  # (n,)
    spans: tuple[tuple[int, int], ...]  # of places, in this order; none where every row was looked at

    def at(self, number: int, place: int) -> int:
        """Where a row is in ``place``, -1 where it was not looked at."""
        if not self.spans:
            return number
        before = 0
        for start, stop in self.spans:
            if start <= place < stop:
                return before + place - start
            before += stop - start
        return -1


@dataclass(frozen=True)
class InvertedFile:
    """Rows by cell. ``rows[k]`` is row ``index[k]`` of what the file was made of; cell ``c`` has those from
    ``offsets[c]`` to ``offsets[c + 1]``, and what has come since lies behind the last.

    Examples
    --------
    >>> import torch
    >>> from lgr.matching.inverted_file import InvertedFile
    >>> rows = torch.nn.functional.normalize(torch.randn(2000, 16, generator=torch.Generator().manual_seed(0)))
    >>> file = InvertedFile.of(rows)
    >>> found = file.nearest(rows[7], cells=4)
    >>> int(file.index[found.place[found.product.argmax()]]), len(found.place) < 1000
    (7, True)
    """

    rows: Tensor  # (M, D) float32
    index: Tensor  # (M,) int64
    centroids: Tensor  # (C, D), of unit length
    offsets: tuple[int, ...]
    place: Tensor  # (M,): where each row is, the inverse of ``index``
    axes: Tensor | None  # (D, AXES), orthonormal; None where rows are few or short as they are
    short: Tensor  # (M, AXES): ``rows @ axes``, or ``rows``
    left_out: Tensor  # (M,): the length of what short rows leave out
    numbers: Tensor  # (M,): 0, 1, 2, ...

    @classmethod
    def of(cls, rows: Tensor, *, cells: int | None = None, seed: int = 0) -> "InvertedFile":
        """Sort ``rows`` (M >= 1, D) float32 into ``cells`` cells, half the square root of M by default."""
        check_shape("rows", rows.shape, "(M >= 1, D)", rows.ndim == 2 and len(rows) > 0)
        count = max(1, min(len(rows), round(math.sqrt(len(rows)) / 2) if cells is None else cells))
        generator = torch.Generator().manual_seed(seed)
        drawn = torch.randperm(len(rows), generator=generator)[: SAMPLE * count]
        sample = rows[drawn]
        centroids = torch.nn.functional.normalize(sample[:count])
        for _ in range(ROUNDS):
            sums = torch.zeros_like(centroids).index_add_(0, _cells(sample, centroids), sample)
            moved = sums.norm(dim=1, keepdim=True) > 1e-9  # an empty cell stays where it is
            centroids = torch.where(moved, torch.nn.functional.normalize(sums), centroids)
        axes = _axes(sample, generator) if len(rows) > FEW and rows.shape[1] > AXES else None
        return cls._sorted(rows, torch.arange(len(rows)), _cells(rows, centroids), centroids, axes)

    @classmethod
    def _sorted(
        cls, rows: Tensor, index: Tensor, cell: Tensor, centroids: Tensor, axes: Tensor | None
    ) -> "InvertedFile":
        order = torch.argsort(cell, stable=True)
        counts = torch.bincount(cell, minlength=len(centroids))
        offsets = (0, *counts.cumsum(0).tolist())
        sorted_rows = torch.index_select(rows.detach(), 0, order, out=with_room(rows, len(rows)))
        short, left_out = _shortened(sorted_rows, axes)
        if axes is not None:
            short = with_room(short, len(short)).copy_(short)
        return cls._of(sorted_rows, index[order], centroids, offsets, axes, short, left_out)

    @classmethod
    def _of(
        cls,
        rows: Tensor,
        index: Tensor,
        centroids: Tensor,
        offsets: tuple[int, ...],
        axes: Tensor | None,
        short: Tensor,
        left_out: Tensor,
    ) -> "InvertedFile":
        numbers = torch.arange(len(rows))
        place = torch.empty_like(index)
        place[index] = numbers
        return cls(rows, index, centroids, offsets, place, axes, short, left_out, numbers)

    def grown(self, rows: Tensor) -> "InvertedFile":
        """A file with further rows, numbered on from those that are there.

        They are written behind the cells, where every search looks, in time that is of theirs alone: a loop plays
        meanwhile (``lgr.live``). From ``MOST_LATE`` on they are put in their cells.
        """
        index = torch.cat([self.index, len(self.index) + torch.arange(len(rows))])
        short, left_out = _shortened(rows, self.axes)
        whole = followed(self.rows, rows)
        short = whole if self.axes is None else followed(self.short, short)
        left_out = torch.cat([self.left_out, left_out])
        file = self._of(whole, index, self.centroids, self.offsets, self.axes, short, left_out)
        return file if len(whole) - self.offsets[-1] <= MOST_LATE else file._settled()

    def _settled(self) -> "InvertedFile":
        """The same, with every row in a cell. What is there is not sorted anew, but copied run by run."""
        end = self.offsets[-1]
        cell = _cells(self.rows[end:], self.centroids)
        order = torch.argsort(cell, stable=True)
        counts = torch.bincount(cell, minlength=len(self.centroids)).tolist()

        def settled(rows: Tensor) -> Tensor:
            new, runs, begun, at = rows[end:][order], [], 0, 0
            for stop, count in zip(self.offsets[1:], counts, strict=True):
                if count:
                    runs += [rows[begun:stop], new[at : at + count]]
                    begun, at = stop, at + count
            return torch.cat([*runs, rows[begun:end]], out=with_room(rows, len(rows)))

        moved = (0, *torch.tensor(counts).cumsum(0).tolist())
        offsets = tuple(old + new for old, new in zip(self.offsets, moved, strict=True))
        whole = settled(self.rows)
        short = whole if self.axes is None else settled(self.short)
        return self._of(whole, settled(self.index), self.centroids, offsets, self.axes, short, settled(self.left_out))

    def nearest(self, query: Tensor, cells: int) -> "Found":
        """Rows in the ``cells`` cells that are nearest to ``query`` (D,), or in the next one where these are empty.

        Products of what is far from the best are those of short rows. Of all cells they are exact, in order of number.
        """
        count = len(self.centroids)
        if cells >= count:
            return Found(self.place, (self.rows @ query)[self.place], ())
        spans = self._spans(torch.topk(self.centroids @ query, cells)[1].tolist())
        if not spans:
            spans = self._spans(torch.argsort(self.centroids @ query, descending=True).tolist())[:1]
        if len(self.rows) > self.offsets[-1]:
            spans.append((self.offsets[-1], len(self.rows)))
        asked = query if self.axes is None else query @ self.axes
        product = torch.cat([torch.mv(self.short[start:stop], asked) for start, stop in spans])
        place = torch.cat([self.numbers[start:stop] for start, stop in spans])
        if self.axes is None:
            return Found(place, product, tuple(spans))
        rest = float((query.square().sum() - asked.square().sum()).clamp(min=0).sqrt())
        most = torch.add(product, self.left_out[place], alpha=ALIKE * rest)
        close = (most >= product.max()).nonzero()[:, 0]
        if len(close) > MOST_CLOSE:
            close = torch.topk(most, MOST_CLOSE)[1]
        product[close] = self.rows[place[close]] @ query
        return Found(place, product, tuple(spans))

    def _spans(self, cells: list[int]) -> list[tuple[int, int]]:
        spans = [(self.offsets[c], self.offsets[c + 1]) for c in cells]
        return [(start, stop) for start, stop in spans if stop > start]


def _cells(rows: Tensor, centroids: Tensor) -> Tensor:
    """The nearest centroid of each row, ``(n,)``."""
    return torch.cat([(block @ centroids.T).argmax(1) for block in torch.split(rows, BLOCK)])


def _shortened(rows: Tensor, axes: Tensor | None) -> tuple[Tensor, Tensor]:
    """Short rows, and the length of what each leaves out."""
    short = rows if axes is None else rows @ axes
    return short, (rows.square().sum(1) - short.square().sum(1)).clamp(min=0).sqrt()


def _axes(rows: Tensor, generator: torch.Generator) -> Tensor:
    """The first ``AXES`` principal axes of ``rows`` (n, D), by subspace iteration: rows may be thousands wide."""
    axes = torch.randn(rows.shape[1], AXES, generator=generator)
    for _ in range(ROUNDS):
        axes = torch.linalg.qr(rows.T @ (rows @ axes))[0]
    return axes
