"""Finding the nearest grains: every cell is the exact search, few cells find nearly all, growing loses nothing."""

import pytest
import torch
from torch import Tensor

from lgr.errors import ShapeError
from lgr.matching import inverted_file
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
    place, product, _ = file.nearest(query, len(file.centroids))
    assert torch.equal(file.index[place], torch.arange(count))
    torch.testing.assert_close(product, book[file.index[place]] @ query)


def test_few_cells_find_nearly_all_and_read_little() -> None:
    book, queries = rows(20_000), rows(200, seed=5)
    file = InvertedFile.of(book)
    found = [file.nearest(query, 12) for query in queries]
    best = [int(file.index[place[product.argmax()]]) for place, product, _ in found]
    right = sum(number == int((book @ query).argmax()) for number, query in zip(best, queries, strict=True))
    assert right >= 190
    assert sum(len(place) for place, _, _ in found) / len(found) < 0.4 * len(book)


def test_the_best_of_a_few_cells_is_exact_and_the_others_nearly_so() -> None:
    book, queries = rows(20_000, size=96), rows(20, size=96, seed=5)
    file = InvertedFile.of(book)
    for query in queries:
        place, product, _ = found = file.nearest(query, 12)
        assert len(place.unique()) == len(place)
        assert [found.at(-1, int(p)) for p in place[::97]] == list(range(len(place)))[::97]
        assert found.at(-1, next(p for p in range(len(book)) if not bool((place == p).any()))) == -1
        exact = book[file.index[place]] @ query
        assert int(product.argmax()) == int(exact.argmax())
        assert float(product.max()) == pytest.approx(float(exact.max()), abs=1e-5)
        assert float((product - exact).square().mean().sqrt()) < 0.1


def test_growing_is_numbered_on() -> None:
    book, more = rows(1000), rows(300, seed=3)
    file = InvertedFile.of(book).grown(more)
    query = rows(1, seed=5)[0]
    place, product, _ = file.nearest(query, len(file.centroids))
    assert torch.equal(file.index[place], torch.arange(1300))
    torch.testing.assert_close(product, torch.cat([book, more])[file.index[place]] @ query)
    assert torch.equal(file.index[file.place], torch.arange(1300))


@pytest.mark.parametrize("size", [24, 96])
def test_what_grew_piece_by_piece_is_found_as_what_grew_at_once(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    book, queries = rows(9000, size=size), rows(20, size=size, seed=5)
    pieces = [rows(40, size=size, seed=7 + i) for i in range(8)]
    every = torch.cat([book, *pieces])
    file = first = InvertedFile.of(book)
    kept = first.rows.clone()
    monkeypatch.setattr(inverted_file, "MOST_LATE", 100)
    late, shared = [], 0
    for piece in pieces:
        before, file = file, file.grown(piece)
        shared += file.rows.data_ptr() == before.rows.data_ptr()
        late.append(len(file.rows) - file.offsets[-1])
        assert torch.equal(file.rows, every[file.index])
        assert torch.equal(file.index[file.place], torch.arange(len(file.rows)))
        for query in queries:  # what has just come is looked at, wherever it lies
            found = file.nearest(query, 3)
            assert len(found.place.unique()) == len(found.place)
            assert set(found.place.tolist()) >= set(range(file.offsets[-1], len(file.rows)))
            assert found.at(0, int(found.place[-1])) == len(found.place) - 1
            if size == 24:
                torch.testing.assert_close(found.product, every[file.index[found.place]] @ query)
    assert late == [40, 80, 0, 40, 80, 0, 40, 80]  # and then put in its cell
    assert shared == 6
    assert torch.equal(first.rows, kept)
    cells = torch.repeat_interleave(torch.arange(len(file.centroids)), torch.tensor(file.offsets).diff())
    nearest = (file.rows[: len(cells)] @ file.centroids.T).max(1).values
    torch.testing.assert_close((file.rows[: len(cells)] * file.centroids[cells]).sum(1), nearest)


def test_the_same_rows_and_seed_give_the_same_file() -> None:
    a, b = InvertedFile.of(rows(2000), seed=1), InvertedFile.of(rows(2000), seed=1)
    assert torch.equal(a.index, b.index)
    assert a.offsets == b.offsets


def test_rows_that_are_nothing() -> None:
    file = InvertedFile.of(torch.zeros(50, 8))
    place, product, _ = file.nearest(torch.ones(8), 1)
    assert len(place) >= 1
    assert bool((product == 0).all())
    with pytest.raises(ShapeError, match=r"rows must be \(M >= 1, D\)"):
        InvertedFile.of(torch.zeros(0, 8))
