"""Long inputs through convolutional networks in bounded memory, chunk by chunk, with the result of the whole.

A convolution stack has a finite receptive field, so what an output position reads is known before anything is computed:
``reach`` walks the network's own layers backwards from the output. A ``ConvStage`` keeps just that much of the past,
holds back the outputs whose future has not arrived, and so runs on chunks of any length; a chunk's edge never takes the
place of the file's edge, where the network's own padding applies. An ``LstmStage`` carries its (h, c). A ``Pipeline``
chains stages: ``step`` is streaming with the state as a value, and ``whole`` is the fold of ``step`` over the chunks.

Lengths are positions along time, always the last axis of ``(batch, channels, time)``. One *frame* is ``in_hop`` input
positions and ``out_hop`` output positions of a stage.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

State = Any  # each stage's own frozen value; None starts a stream


def fold(step: Callable[..., tuple[State, Tensor]], signal: Tensor, chunk: int) -> Tensor:
    """The outputs of ``step(state, piece, flush=)`` over ``signal``, ``chunk`` >= 1 positions at a time, end to end."""
    state: State = None
    outs = []
    pieces = torch.split(signal, chunk, -1)
    for index, piece in enumerate(pieces):
        state, out = step(state, piece, flush=index == len(pieces) - 1)
        outs.append(out)
    return torch.cat(outs, -1)


@dataclass(frozen=True)
class Conv:
    """Which positions one layer reads.

    Parameters
    ----------
    kernel : positions from the first to the last tap, dilation included
    stride : of the input (a convolution) or of the output (``transposed``)
    left, total : padding before the input and on both sides together; for ``transposed`` what is cut off the output
    reflect : padding repeats the input mirrored (so an edge reads further in), and the last window is filled up
    """

    kernel: int
    stride: int
    left: int
    total: int
    transposed: bool
    reflect: bool

    def output_length(self, length: int) -> int:
        """Positions this layer gives for ``length`` positions."""
        if self.transposed:
            return (length - 1) * self.stride + self.kernel - self.total
        steps = length + self.total - self.kernel
        return (-(-steps // self.stride) if self.reflect else steps // self.stride) + 1

    def reads(self, first: int, last: int, length: int | None) -> tuple[int, int]:
        """First and last of the layer's ``length`` inputs (None: more will come) that outputs ``first..last`` read."""
        if self.transposed:
            low = -(-(first + self.left - self.kernel + 1) // self.stride)
            high = (last + self.left) // self.stride
        else:
            low = first * self.stride - self.left
            high = last * self.stride - self.left + self.kernel - 1
        mirrored_low, mirrored_high = low, high
        if self.reflect and low < 0:
            mirrored_high = max(high, -low)
        if self.reflect and length is not None and high >= length:
            mirrored_low = min(low, 2 * (length - 1) - high)
        return max(mirrored_low, 0), mirrored_high if length is None else min(mirrored_high, length - 1)


def convolutions(network: nn.Module) -> list[Conv]:
    """The layers of ``network`` that look along time, in the order they run, which is that of their registration.

    Plain PyTorch layers pad with zeros by their own ``padding``. EnCodec's wrappers (of transformers and of the
    original package alike) say ``causal`` and pad by reflection, all of it on the left where causal.
    """
    found: list[Conv] = []
    wrapper: Any = None  # EnCodec's, whose own attributes say how it pads
    for module in network.modules():
        if hasattr(module, "causal"):
            wrapper = module
        if not isinstance(module, nn.Conv1d | nn.ConvTranspose1d):
            continue
        transposed = isinstance(module, nn.ConvTranspose1d)
        kernel, stride = (module.kernel_size[0] - 1) * module.dilation[0] + 1, module.stride[0]
        if wrapper is None:
            left = int(module.padding[0])
            found.append(Conv(kernel, stride, left, 2 * left, transposed, reflect=False))
            continue
        total = kernel - stride
        right = total // 2
        if wrapper.causal:
            right = math.ceil(total * wrapper.trim_right_ratio) if transposed else 0
        found.append(Conv(kernel, stride, total - right, total, transposed, reflect=not transposed))
        wrapper = None
    return found


def reach(convs: Sequence[Conv], first: int, last: int, length: int | None = None) -> tuple[int, int]:
    """First and last input positions that outputs ``first..last`` of the whole stack read.

    ``length`` is the input's, or None where its end is not known yet; the result lies within it.
    """
    lengths: list[int | None] = [length]
    for conv in convs:
        lengths.append(None if lengths[-1] is None else conv.output_length(lengths[-1]))
    for conv, layer_length in zip(reversed(convs), reversed(lengths[:-1]), strict=True):
        first, last = conv.reads(first, last, layer_length)
    return first, last


class Stage(Protocol):
    """One part of a ``Pipeline``. The state is never mutated; an input chunk may be empty."""

    def step(self, state: State, chunk: Tensor, *, flush: bool) -> tuple[State, Tensor]: ...


@dataclass(frozen=True)
class ConvState:
    """What a ``ConvStage`` remembers: input from frame ``start`` on, and how many frames went out."""

    buffer: Tensor
    start: int
    done: int


@dataclass(frozen=True)
class ConvStage:
    """A convolution stack that runs on chunks.

    Parameters
    ----------
    function : the network, ``(batch, channels, time)`` to ``(batch, out_channels, frames * out_hop)``
    convs : its layers, from ``convolutions``
    in_hop, out_hop : input and output positions of one frame
    out_channels : of what ``function`` returns
    """

    function: Callable[[Tensor], Tensor]
    convs: tuple[Conv, ...]
    in_hop: int
    out_hop: int
    out_channels: int

    def step(self, state: State, chunk: Tensor, *, flush: bool) -> tuple[State, Tensor]:
        """All frames that can be had once ``chunk`` has come; ``flush`` says that nothing follows it."""
        state = state or ConvState(chunk[..., :0], 0, 0)
        buffer = torch.cat([state.buffer, chunk], -1)
        received = state.start * self.in_hop + buffer.shape[-1]
        end = -(-received // self.in_hop) if flush else self._ready(state.done, received)
        out = chunk.new_zeros(chunk.shape[0], self.out_channels, 0)
        if end > state.done:
            length = received if flush else None
            first = self._input_frame(state.done, end, length)
            assert first >= state.start, "a stage dropped input that it needs"
            out = self.function(buffer[..., (first - state.start) * self.in_hop :])
            out = out[..., (state.done - first) * self.out_hop : (end - first) * self.out_hop]
        keep = max(self._input_frame(end, end + 1, None), state.start)
        # a copy, so that the state does not hold on to the whole chunk
        rest = buffer[..., (keep - state.start) * self.in_hop :].clone()
        return ConvState(rest, keep, end), out

    def _input_frame(self, first: int, end: int, length: int | None) -> int:
        """The frame in which the first input of output frames ``first .. end - 1`` lies."""
        return reach(self.convs, first * self.out_hop, end * self.out_hop - 1, length)[0] // self.in_hop

    def _ready(self, done: int, received: int) -> int:
        """The frame up to which every output's input has been received."""
        end = received // self.in_hop
        while end > done and reach(self.convs, done * self.out_hop, end * self.out_hop - 1)[1] >= received:
            end -= 1
        return end


@dataclass(frozen=True)
class LstmStage:
    """A one-directional LSTM with a skip connection around it, as EnCodec has; the state is (h, c)."""

    lstm: nn.LSTM

    def step(self, state: State, chunk: Tensor, *, flush: bool) -> tuple[State, Tensor]:
        """``(batch, channels, frames)`` to the same shape."""
        if chunk.shape[-1] == 0:
            return state, chunk
        frames_first = chunk.permute(2, 0, 1)  # (frames, batch, channels)
        out, state = self.lstm(frames_first, state)
        return state, (out + frames_first).permute(1, 2, 0)


@dataclass(frozen=True)
class Pipeline:
    """Stages one after the other."""

    stages: tuple[Stage, ...]

    def step(self, state: State, chunk: Tensor, *, flush: bool = False) -> tuple[State, Tensor]:
        """Feed one chunk; the outputs of all steps, put end to end, are those of the whole for any chunking."""
        states = []
        for stage, stage_state in zip(self.stages, state or (None,) * len(self.stages), strict=True):
            stage_state, chunk = stage.step(stage_state, chunk, flush=flush)
            states.append(stage_state)
        return tuple(states), chunk

    def whole(self, signal: Tensor, chunk: int) -> Tensor:
        """All of ``signal``, ``chunk`` input positions at a time.

        Equal to one pass over everything within rounding (tested: no position differs by more than 1e-4 of the output's
        RMS in float32, 1e-11 in float64); a signal of at most ``chunk`` positions is one pass.
        """
        return fold(self.step, signal, chunk)


def lookahead(encoder: Sequence[Conv], decoder: Sequence[Conv], hop_length: int) -> int:
    """Samples beyond the end of its own hop that an output sample depends on, encoded and decoded.

    The larger of two places: the start of a file, where reflected padding reads ahead (and a recurrent layer hands what
    was read there to all that follows), and far inside it.
    """
    furthest = 0
    for frame in (0, 1 << 20):
        last_frame = reach(decoder, frame * hop_length, (frame + 1) * hop_length - 1)[1]
        # at the start a recurrent layer has the encoder's outputs from 0 on
        last_sample = reach(encoder, min(frame, last_frame), last_frame)[1]
        furthest = max(furthest, last_sample + 1 - (frame + 1) * hop_length)
    return furthest
