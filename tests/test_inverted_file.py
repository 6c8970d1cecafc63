"""Finding the nearest grains: every cell is the exact search, few cells find nearly all, growing loses nothing."""

import pytest
import torch
from torch import Tensor

from lgr.errors import ShapeError
from lgr.matching.inverted_file import InvertedFile


def rows(count: int, size: int = 24, groups: int = 40, seed: int = 0) -> Tensor:
    """Rows of unit length around some centres, as sounds are."""
    draw = torch.Generator().manual_seed(seed)
    centres = torch.randn(groups, size, generator=torch.Generator().manual_seed(99))
    chosen = centres[torch.randint(groups, (count,), generator=draw)]
    return torch.nn.functional.normalize(chosen + 0.7 * torch.randn(count, size, generator=draw))


@pytest.mark.parametrize("count", [1, 2, 7, 500, 3000])
def test_every_cell_is_the_exact_search(count: int) -> None:
    book = rows(count)
    file = InvertedFile.of(book)
    query = rows(1, seed=5)[0]
    index, similarity = file.nearest(query, len(file.centroids))
    assert torch.equal(index, torch.arange(count))
    torch.testing.assert_close(similarity, book @ query)


def test_few_cells_find_nearly_all_and_read_little() -> None:
    book, queries = rows(20_000), rows(200, seed=5)
    file = InvertedFile.of(book)
    found = [file.nearest(query, 12) for query in queries]
    right = sum(
        int(index[s.argmax()]) == int((book @ query).argmax()) for (index, s), query in zip(found, queries, strict=True)
    )
    assert right >= 190
    assert sum(len(index) for index, _ in found) / len(found) < 0.2 * len(book)


def test_growing_is_numbered_on() -> None:
    book, more = rows(1000), rows(300, seed=3)
    file = InvertedFile.of(book).grown(more)
    query = rows(1, seed=5)[0]
    index, similarity = file.nearest(query, len(file.centroids))
    assert torch.equal(index, torch.arange(1300))
    torch.testing.assert_close(similarity, torch.cat([book, more]) @ query)
    assert torch.equal(file.index[file.place], torch.arange(1300))


def test_the_same_rows_and_seed_give_the_same_file() -> None:
    a, b = InvertedFile.of(rows(2000), seed=1), InvertedFile.of(rows(2000), seed=1)
    assert torch.equal(a.index, b.index)
    assert a.offsets == b.offsets


def test_rows_that_are_nothing() -> None:
    file = InvertedFile.of(torch.zeros(50, 8))
    index, similarity = file.nearest(torch.ones(8), 1)
    assert len(index) >= 1
    assert bool((similarity == 0).all())
    with pytest.raises(ShapeError, match=r"rows must be \(M >= 1, D\)"):
        InvertedFile.of(torch.zeros(0, 8))
