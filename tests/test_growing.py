"""Rows that grow: always what ``torch.cat`` gives, whatever grows from what, not copied where there is room."""

import threading

import pytest
import torch
from torch import Tensor

from lgr.latents import growing
from lgr.latents.growing import followed, with_room


@pytest.mark.parametrize("dim", [0, 1])
def test_whatever_grows_from_whatever_is_the_concatenation(dim: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growing, "ROOM", 7)
    draw = torch.Generator().manual_seed(dim)
    first = torch.randn(2, 3, 4, generator=draw)
    grown: list[tuple[Tensor, Tensor]] = [(first, first.clone())]  # as it grew, as it must be
    shared = 0
    for step in range(80):
        rows, wanted = grown[int(torch.randint(0, len(grown), (), generator=draw)) if step % 3 else -1]
        shape = list(rows.shape)
        shape[dim] = int(torch.randint(0, 4, (), generator=draw))
        further = torch.randn(shape, generator=draw)
        grown.append((followed(rows, further, dim), torch.cat([wanted, further], dim)))
        shared += grown[-1][0].data_ptr() == rows.data_ptr()
    assert all(torch.equal(rows, wanted) for rows, wanted in grown)
    assert 10 < shared < 70


def test_of_many_threads_one_gets_the_room() -> None:
    rows = with_room(torch.zeros(1), 5).fill_(0.0)
    found: dict[int, Tensor] = {}
    gate = threading.Barrier(8)

    def grow(i: int) -> None:
        gate.wait()
        found[i] = followed(rows, torch.full((3,), float(i)))

    threads = [threading.Thread(target=grow, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(found[i].tolist() == [0.0] * 5 + [float(i)] * 3 for i in range(8))
    assert sum(each.data_ptr() == rows.data_ptr() for each in found.values()) == 1


def test_memory_is_given_back_and_types_are_kept_apart() -> None:
    before = len(growing._memories)
    rows = followed(torch.zeros(2, 3), torch.ones(1, 3))
    assert followed(rows, torch.ones(1, 3).double()).dtype == torch.float64
    with pytest.raises(RuntimeError):
        followed(rows, torch.ones(1, 1))
    with torch.inference_mode():
        made = followed(torch.zeros(2), torch.ones(1))
    assert followed(made, torch.ones(1)).tolist() == [0.0, 0.0, 1.0, 1.0]
    del rows, made
    assert len(growing._memories) == before
