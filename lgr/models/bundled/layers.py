"""Causal ConvNeXt blocks over frames, with their streaming state as a value.

Tensors are ``(batch, frames, width)``: the pointwise layers, where nearly all the time goes, are then plain matrix
products. Liu et al. 2022 (ConvNeXt), made causal by padding on the left only.
"""

import torch
from torch import Tensor, nn

FEW = 3  # frames
BlockState = Tensor  # (batch, kernel_size - 1, width): the inputs that the next step's convolution still needs


class CausalBlock(nn.Module):
    """Depthwise causal convolution, layer norm, a two-layer perceptron, and a residual connection."""

    def __init__(self, width: int, kernel_size: int, expansion: int) -> None:
        super().__init__()
        self.kernel_size, self.few = kernel_size, FEW
        self.depthwise = nn.Parameter(torch.randn(kernel_size, width) / kernel_size**0.5)
        self.norm = nn.LayerNorm(width)
        self.expand = nn.Linear(width, width * expansion)
        self.contract = nn.Linear(width * expansion, width)
        self.scale = nn.Parameter(torch.full((width,), 0.1))

    def forward(self, state: BlockState | None, x: Tensor) -> tuple[BlockState, Tensor]:
        """The state for the frames that follow, and ``(batch, frames, width)`` as it came."""
        if state is None:
            state = x.new_zeros((x.shape[0], self.kernel_size - 1, x.shape[2]))
        padded = torch.cat([state.to(x), x], 1)
        frames = x.shape[1]
        if frames <= self.few:  # a stream's step: setting up a convolution takes longer than the convolution
            y = torch.stack([(padded[:, i : i + self.kernel_size] * self.depthwise).sum(1) for i in range(frames)], 1)
        else:
            # (batch, frames, width) is a channels-last image of height 1: no transposes, the fast depthwise kernel.
            image = padded.transpose(1, 2).unsqueeze(2)  # (batch, width, 1, frames)
            y = nn.functional.conv2d(image, self.depthwise.T[:, None, None], groups=x.shape[2])
            y = y.squeeze(2).transpose(1, 2)
        y = self.contract(torch.relu_(self.expand(self.norm(y))))
        return padded[:, frames:], x + self.scale * y


class CausalStack(nn.Module):
    """Linear in, ``n_blocks`` causal blocks, norm, linear out; the last layer starts at zero: a correction of nothing.

    It sees frames up to the present one only.
    """

    def __init__(
        self, in_dim: int, out_dim: int, *, width: int, n_blocks: int, kernel_size: int, expansion: int
    ) -> None:
        super().__init__()
        self.inlet = nn.Linear(in_dim, width)
        self.blocks = nn.ModuleList(CausalBlock(width, kernel_size, expansion) for _ in range(n_blocks))
        self.norm = nn.LayerNorm(width)
        self.outlet = nn.Linear(width, out_dim)
        nn.init.zeros_(self.outlet.weight)
        nn.init.zeros_(self.outlet.bias)

    def forward(self, state: list[Tensor] | None, x: Tensor) -> tuple[list[Tensor], Tensor]:
        """``(batch, frames, in_dim)`` to the state of every block, and ``(batch, frames, out_dim)``."""
        y = self.inlet(x)
        states: list[Tensor] = []
        for i, block in enumerate(self.blocks):
            after, y = block(None if state is None else state[i], y)
            states.append(after)
        return states, self._last(y)

    def _last(self, y: Tensor) -> Tensor:
        # nothing is trained there
        if torch.jit.is_scripting():  # type: ignore[attr-defined]
            return nn.functional.linear(self.norm(y), self.outlet.weight, self.outlet.bias)
        with torch.autocast(y.device.type, enabled=False):  # eight bits of mantissa are too few for what comes out
            y = y.float() if y.dtype == torch.bfloat16 else y
            return nn.functional.linear(self.norm(y), self.outlet.weight, self.outlet.bias)
