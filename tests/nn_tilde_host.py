"""nn~ as a program of Python: what the external of Max and Pd asks a file for, in its order, and nothing else.

Written from what the external is seen to call. Samples come in signal vectors of 64 and are collected into buffers, as
in the external without a thread of its own; values come as words, as messages do.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

VECTOR = 64


class RefusedError(Exception):
    """What the external prints in the console."""


class Host:
    """An object ``[nn~ FILE METHOD BUFFER]``."""

    def __init__(self, path: Path, method: str = "forward", buffer: int = 4096, *, rate: int | None = None) -> None:
        self.model = torch.jit.load(str(path)).eval()  # type: ignore[no-untyped-call]
        self.method = method
        self.methods = list(self.model.get_methods())
        self.params = {name: [int(n) for n in getattr(self.model, f"{name}_params")] for name in self.methods}
        assert method in self.methods
        assert all(len(four) == 4 for four in self.params.values())
        self.attributes = list(self.model.get_attributes())
        self.types = {name: [int(n) for n in getattr(self.model, f"{name}_params")] for name in self.attributes}
        self.buffers = list(self.model.get_buffer_attributes())
        self.buffer = max([buffer, *(max(four[1], four[3]) for four in self.params.values())])
        assert self.buffer & (self.buffer - 1) == 0
        if rate is not None:
            self.model.set_sample_rate(rate)

    def again(self, buffer: int, rate: int) -> None:
        """A new stream in buffers of another size, at ``rate``."""
        self.buffer = buffer
        self.model.set_sample_rate(2 * rate)
        self.model.set_sample_rate(rate)

    def labels(self) -> tuple[list[str], list[str]]:
        """Of inlets and outlets."""
        inlets, outlets = (getattr(self.model, f"{self.method}_{way}_labels") for way in ("input", "output"))
        return list(inlets), list(outlets)

    @torch.inference_mode()
    def perform(self, audio: Tensor) -> Tensor:
        """One buffer: ``(channels in, buffer)`` to ``(channels out, buffer)``, both at the host's rate."""
        channels_in, ratio_in, channels_out, ratio_out = self.params[self.method]
        assert audio.shape == (channels_in, self.buffer)
        inputs = audio.reshape(channels_in, 1, -1, ratio_in)[..., -1].permute(1, 0, 2)
        out = getattr(self.model, self.method)(inputs)
        played: Tensor = out.repeat_interleave(ratio_out).reshape(1, channels_out, -1)
        assert played.shape[2] == self.buffer
        return played[0]

    def play(self, audio: Tensor) -> Tensor:
        """``(channels in, samples)``, through vectors and buffers; what is left of a buffer is not heard."""
        size = self.buffer
        vectors = torch.split(audio, min(VECTOR, size), 1)
        waiting, outs = audio[:, :0], []
        for vector in vectors:
            waiting = torch.cat([waiting, vector], 1)
            while waiting.shape[1] >= size:
                outs.append(self.perform(waiting[:, :size]))
                waiting = waiting[:, size:]
        return torch.cat(outs, 1)

    def get(self, name: str) -> str:
        """The message ``get name``."""
        values = getattr(self.model, f"get_{name}")()
        assert isinstance(values, list | tuple)
        assert len(values) == len(self.types[name])
        kinds = (bool, int, float, str, Tensor, str)
        for value, kind in zip(values, self.types[name], strict=True):
            assert type(value) is kinds[kind]
        return " ".join(str(value) for value in values)

    def set(self, name: str, *words: str, sounds: Sequence[tuple[Tensor, int]] = ()) -> None:
        """The message ``set name words``; of buffers the words are names, whose ``sounds`` are given beside them."""
        if name not in self.attributes or len(words) != len(self.types[name]):
            raise RefusedError(f"no attribute {name} with {len(words)} values")
        values: list[bool | int | float | str] = []
        for i, (word, kind) in enumerate(zip(words, self.types[name], strict=True)):
            if kind == 0:
                values.append(word.lower() == "true")
            elif kind == 1:
                values.append(int(float(word)))
            elif kind == 2:
                values.append(float(word))
            elif kind == 3:
                values.append(word)
            else:
                assert kind == 5
                element = f"{name}#{i}"
                assert element in self.buffers
                sound, rate = sounds[i]
                self.model.set_buffer_attribute(element, sound, rate)  # what it returns is not looked at
                values.append(element)
        if getattr(self.model, f"set_{name}")(*values) != 0:
            raise RefusedError(f"setter of {name} returned another number than 0")
