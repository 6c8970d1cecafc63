"""Rows that grow at their end: further ones are written behind those that are there, which are not copied.

As lists grow in most languages, but the result is a value: it and what it grew from are views of the same memory, of
which each sees its own rows alone. Where these are not the last that were given away (two things grew from one), or
where there is no room left, all is copied to new memory with room for more.
"""

import threading
import weakref

import torch
from torch import Tensor

ROOM = 8192  # rows


class _Memory:
    """``whole``, of whose rows along ``dim`` the first ``used`` have been given away."""

    def __init__(self, whole: Tensor, dim: int, used: int) -> None:
        self.whole, self.dim, self.used = whole, dim, used
        self._lock = threading.Lock()

    def rows(self, count: int) -> Tensor:
        rows = self.whole.narrow(self.dim, 0, count)
        _memories[id(rows)] = self
        weakref.finalize(rows, _memories.pop, id(rows), None).atexit = False
        return rows

    def takes(self, count: int, further: Tensor) -> bool:
        """Give away the place behind the first ``count`` rows, if it can be had; to one of several that ask."""
        wanted, got = list(further.shape), list(self.whole.shape)
        wanted[self.dim] = got[self.dim] = 0
        if wanted != got or (further.dtype, further.device) != (self.whole.dtype, self.whole.device):
            return False
        if self.whole.is_inference() and not torch.is_inference_mode_enabled():  # cannot be written to
            return False
        after = count + further.shape[self.dim]
        with self._lock:
            if self.used != count or after > self.whole.shape[self.dim]:
                return False
            self.used = after
        return True


_memories: dict[int, _Memory] = {}  # of the tensors that ``with_room`` and ``followed`` gave, by their id


def with_room(like: Tensor, count: int, dim: int = 0) -> Tensor:
    """Rows to be written: ``count`` along ``dim``, otherwise as ``like``'s, with room for ``ROOM`` more behind them."""
    shape = list(like.shape)
    shape[dim] = count + ROOM
    return _Memory(like.new_empty(shape), dim, count).rows(count)


def followed(rows: Tensor, further: Tensor, dim: int = 0) -> Tensor:
    """``torch.cat([rows, further], dim)`` without gradients, in the time of ``further`` alone where there is room.

    Examples
    --------
    >>> import torch
    >>> from lgr.latents.growing import followed
    >>> few = followed(torch.zeros(2, 3), torch.ones(1, 3))
    >>> more = followed(few, torch.full((1, 3), 2.0))
    >>> more[:, 0].tolist(), few[:, 0].tolist(), more.data_ptr() == few.data_ptr()
    ([0.0, 0.0, 1.0, 2.0], [0.0, 0.0, 1.0], True)
    """
    rows, further, memory = rows.detach() if rows.requires_grad else rows, further.detach(), _memories.get(id(rows))
    count = rows.shape[dim]
    after = count + further.shape[dim]
    if memory is None or memory.dim != dim or not memory.takes(count, further):
        if (rows.dtype, rows.device) != (further.dtype, further.device):
            return torch.cat([rows, further], dim)
        return torch.cat([rows, further], dim, out=with_room(rows, after, dim))
    memory.whole.narrow(dim, count, after - count).copy_(further)
    return memory.rows(after)
