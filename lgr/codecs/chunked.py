"""Convolutional networks on streams: every layer carries what it needs of what was, so a chunk costs a chunk's work.

``stream_of`` reads a network's own modules into layers that run on chunks of any length. A convolution keeps the inputs
that its next output still reads; a transposed one keeps what its last inputs add to the outputs to come; an LSTM keeps
its (h, c); a residual connection keeps what its branch has not answered yet. An output goes out as soon as all that it
depends on has come. A chunk's edge never takes the place of the stream's edge, where each layer's own padding applies.

``step(state, chunk, flush=) -> (state, out)`` is streaming with the state as a value, and ``whole`` is its fold over
chunks: long inputs in bounded memory, with the result of the network on the whole.

Lengths are positions along time, always the last axis of ``(batch, channels, time)``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

State = Any  # each layer's own value; None starts a stream

RESIDUAL = (
    "EncodecResnetBlock",
    "SEANetResnetBlock",
    "DacResidualUnit",
    "ResidualUnit",
)  # classes that add their input
FEW_FRAMES = 4  # up to here PyTorch's LSTM takes longer to lay out its weights than cell after cell takes in all


def fold(step: Callable[..., tuple[State, Tensor]], signal: Tensor, chunk: int) -> Tensor:
    """The outputs of ``step(state, piece, flush=)`` over ``signal``, ``chunk`` >= 1 positions at a time, end to end."""
    state: State = None
    outs = []
    pieces = torch.split(signal, chunk, -1)
    for index, piece in enumerate(pieces):
        state, out = step(state, piece, flush=index == len(pieces) - 1)
        outs.append(out)
    return torch.cat(outs, -1)


class Layer(Protocol):
    """One part of a network. The state is never mutated; a chunk may be empty, ``flush`` says that it is the last."""

    def step(self, state: State, chunk: Tensor, *, flush: bool) -> tuple[State, Tensor]: ...

    def needs(self, outputs: int) -> int:
        """How many inputs must have come for the first ``outputs`` >= 1 outputs, while the stream goes on."""
        ...


@dataclass(frozen=True)
class Pointwise:
    """A layer that looks at one position at a time."""

    module: Callable[[Tensor], Tensor]

    def step(self, state: State, chunk: Tensor, *, flush: bool) -> tuple[State, Tensor]:
        return None, self.module(chunk) if chunk.shape[-1] else chunk

    def needs(self, outputs: int) -> int:
        return outputs


@dataclass(frozen=True)
class ZeroPadded:
    """A convolution that pads with as many zeros on both sides as it says itself."""

    conv: nn.Conv1d

    def step(self, state: State, chunk: Tensor, *, flush: bool) -> tuple[State, Tensor]:
        if state is None and flush and chunk.shape[-1]:
            return None, self.conv(chunk)  # the whole in one chunk: bit for bit the network's own numbers
        padding = int(self.conv.padding[0])
        inputs = F.pad(chunk, (padding, 0)) if state is None else torch.cat([state, chunk], -1)
        return _convolved(self.conv, F.pad(inputs, (0, padding)) if flush else inputs)

    def needs(self, outputs: int) -> int:
        return (outputs - 1) * self.conv.stride[0] + _taps(self.conv) - int(self.conv.padding[0])


@dataclass(frozen=True)
class Mirrored:
    """EnCodec's causal convolution: padded on its left by reflection, its last window filled up by reflection.

    So it waits at first for as many inputs as it mirrors. State: whether it has begun, and inputs.
    """

    wrapper: nn.Module  # of the convolution, with its padding
    conv: nn.Conv1d

    def step(self, state: State, chunk: Tensor, *, flush: bool) -> tuple[State, Tensor]:
        begun, inputs = (False, chunk) if state is None else (state[0], torch.cat([state[1], chunk], -1))
        padding, stride = _taps(self.conv) - self.conv.stride[0], self.conv.stride[0]
        if not begun and inputs.shape[-1] <= padding:
            # a whole stream that is shorter than what would be mirrored is padded by a rule of its own
            whole = flush and inputs.shape[-1] > 0
            return (False, inputs.clone()), self.wrapper(inputs) if whole else _nothing(chunk, self.conv)
        if not begun:
            inputs = F.pad(inputs, (padding, 0), mode="reflect")
        if flush and inputs.shape[-1] % stride != padding % stride:
            inputs = F.pad(inputs, (0, (padding - inputs.shape[-1]) % stride), mode="reflect")
        rest, out = _convolved(self.conv, inputs)
        return (True, rest), out

    def needs(self, outputs: int) -> int:
        stride = self.conv.stride[0]
        padding = _taps(self.conv) - stride
        return max(outputs * stride, padding + 1)


@dataclass(frozen=True)
class Transposed:
    """A transposed convolution, of whose result ``left`` and ``right`` positions are cut off.

    State: what its inputs up to now add to the outputs to come.
    """

    conv: nn.ConvTranspose1d
    left: int
    right: int

    def __post_init__(self) -> None:
        assert self.left <= self.conv.stride[0], "the first input alone must reach what is kept"

    def step(self, state: State, chunk: Tensor, *, flush: bool) -> tuple[State, Tensor]:
        count, stride = chunk.shape[-1], self.conv.stride[0]
        if count == 0:
            sums = state
        else:
            sums = F.conv_transpose1d(chunk, self.conv.weight, None, stride)
            if state is not None:
                sums[..., : state.shape[-1]] += state
        if sums is None:
            return None, _nothing(chunk, self.conv)
        first = self.left if state is None else 0
        end = sums.shape[-1] - self.right if flush else count * stride
        out = sums[..., first:end]
        if self.conv.bias is not None:
            out = out + self.conv.bias[:, None]
        return sums[..., count * stride :].clone(), out

    def needs(self, outputs: int) -> int:
        return -(-(outputs + self.left) // self.conv.stride[0])


@dataclass(frozen=True)
class Lstm:
    """A one-directional LSTM with a skip connection around it, as EnCodec has; the state is (h, c)."""

    lstm: nn.LSTM

    def step(self, state: State, chunk: Tensor, *, flush: bool) -> tuple[State, Tensor]:
        frames = chunk.permute(2, 0, 1)  # (frames, batch, channels)
        if len(frames) == 0:
            return state, chunk
        out, state = self._cells(state, frames) if len(frames) <= FEW_FRAMES else self.lstm(frames, state)
        return state, (out + frames).permute(1, 2, 0)

    def _cells(self, state: State, frames: Tensor) -> tuple[Tensor, State]:
        nothing = frames.new_zeros(self.lstm.num_layers, frames.shape[1], self.lstm.hidden_size)
        hidden, memory = (list(part) for part in (state or (nothing, nothing)))
        outs = []
        for frame in frames:
            for i, weights in enumerate(self.lstm.all_weights):
                hidden[i], memory[i] = torch.lstm_cell(frame, (hidden[i], memory[i]), *weights)
                frame = hidden[i]
            outs.append(frame)
        return torch.stack(outs), (torch.stack(hidden), torch.stack(memory))

    def needs(self, outputs: int) -> int:
        return outputs


@dataclass(frozen=True)
class Residual:
    """A branch, and its input added to what it gives; state: the branch's, and inputs that it has not answered yet."""

    branch: Layer
    shortcut: nn.Module | None  # what the input goes through, a position at a time

    def step(self, state: State, chunk: Tensor, *, flush: bool) -> tuple[State, Tensor]:
        inner, waiting = (None, chunk) if state is None else (state[0], torch.cat([state[1], chunk], -1))
        inner, out = self.branch.step(inner, chunk, flush=flush)
        count = out.shape[-1]
        if count:
            now = waiting[..., :count]
            out = out + (now if self.shortcut is None else self.shortcut(now))
        return (inner, waiting[..., count:].clone()), out

    def needs(self, outputs: int) -> int:
        return self.branch.needs(outputs)


@dataclass(frozen=True)
class WholeFrames:
    """Zeros fill up the stream's last frame of ``size`` positions.

    Where ``held``, only whole frames go on; otherwise everything at once, and the state counts what was of the last.
    """

    size: int
    held: bool = False

    def step(self, state: State, chunk: Tensor, *, flush: bool) -> tuple[State, Tensor]:
        if not self.held:
            count = ((state or 0) + chunk.shape[-1]) % self.size
            return count, F.pad(chunk, (0, -count % self.size)) if flush else chunk
        waiting = chunk if state is None else torch.cat([state, chunk], -1)
        if flush:
            waiting = F.pad(waiting, (0, -waiting.shape[-1] % self.size))
        whole = waiting.shape[-1] // self.size * self.size
        return waiting[..., whole:].clone(), waiting[..., :whole]

    def needs(self, outputs: int) -> int:
        return -(-outputs // self.size) * self.size if self.held else outputs


@dataclass(frozen=True)
class Pipeline:
    """Layers one after the other."""

    layers: tuple[Layer, ...]

    def step(self, state: State, chunk: Tensor, *, flush: bool = False) -> tuple[State, Tensor]:
        """Feed one chunk; the outputs of all steps, put end to end, are those of the whole for any chunking."""
        states = []
        for layer, layer_state in zip(self.layers, state or (None,) * len(self.layers), strict=True):
            layer_state, chunk = layer.step(layer_state, chunk, flush=flush)
            states.append(layer_state)
        return tuple(states), chunk

    def needs(self, outputs: int) -> int:
        """How many inputs must have come for the first ``outputs`` >= 1 outputs, while the stream goes on."""
        for layer in reversed(self.layers):
            outputs = layer.needs(outputs)
        return outputs

    def whole(self, signal: Tensor, chunk: int) -> Tensor:
        """All of ``signal``, ``chunk`` input positions at a time.

        Equal to the network on everything within rounding (tested: no position differs by more than 1e-4 of the
        output's RMS in float32, 1e-11 in float64).
        """
        return fold(self.step, signal, chunk)


def stream_of(network: nn.Module) -> Pipeline:
    """``network`` as layers, in the order they run, which is that of their registration.

    Plain PyTorch convolutions pad with zeros by their own ``padding``. EnCodec's wrappers (of transformers and of the
    original package alike) say ``causal`` and pad by reflection, all of it on the left.
    """
    return Pipeline(tuple(_layer(module) for module in network.children()))


def _layer(module: nn.Module) -> Layer:
    if hasattr(module, "causal"):
        assert module.causal, "reflection on the right is not known to streams"
        conv = next(part for part in module.modules() if isinstance(part, nn.Conv1d | nn.ConvTranspose1d))
        if isinstance(conv, nn.Conv1d):
            return Mirrored(module, conv)
        return Transposed(conv, 0, conv.kernel_size[0] - conv.stride[0])
    if isinstance(module, nn.Conv1d):
        return ZeroPadded(module)
    if isinstance(module, nn.ConvTranspose1d):
        return Transposed(module, int(module.padding[0]), int(module.padding[0]))
    if isinstance(lstm := getattr(module, "lstm", None), nn.LSTM):
        return Lstm(lstm)
    if type(module).__name__ in RESIDUAL:
        return Residual(stream_of(getattr(module, "block", module)), getattr(module, "shortcut", None))
    return stream_of(module) if any(module.children()) else Pointwise(module)


def lookahead(encoder: Layer, decoder: Layer, hop_length: int) -> int:
    """Samples beyond the end of its own hop that an output sample depends on, encoded and decoded.

    The larger of two places: the start of a file, where reflected padding reads ahead, and far inside it.
    """
    ends = (hop_length, (1 << 20) * hop_length)
    return max(encoder.needs(decoder.needs(end)) - end for end in ends)


def _taps(conv: nn.Conv1d) -> int:
    """Positions from the first tap to the last."""
    return (conv.kernel_size[0] - 1) * conv.dilation[0] + 1


def _convolved(conv: nn.Conv1d, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Inputs that the next output reads, and the outputs that there are."""
    count = max(0, (inputs.shape[-1] - _taps(conv)) // conv.stride[0] + 1)
    rest = inputs[..., count * conv.stride[0] :].clone()  # so that the state does not hold on to the whole chunk
    if count == 0:
        return rest, _nothing(inputs, conv)
    return rest, F.conv1d(inputs, conv.weight, conv.bias, conv.stride, 0, conv.dilation)


def _nothing(like: Tensor, conv: nn.Conv1d | nn.ConvTranspose1d) -> Tensor:
    return like.new_zeros(like.shape[0], conv.out_channels, 0)
