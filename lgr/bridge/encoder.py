"""The network all bridges share: a Transformer encoder over frames, whose layers attend to the frames around.

Rotary positions (Su et al. 2021) and attention to ``reach`` frames on either side make it the same at every place of a
sound, so a long sound can be worked on window by window without a trace of it. What holds for a whole sound (time on
the bridge, how many levels are given) shifts, scales and gates every layer (Peebles and Xie 2023, adaLN; one map for
all layers, each with an offset of its own: Chen et al. 2023, adaLN-single).
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lgr.bridge.config import BridgeConfig

SIX = 6  # shift, scale and gate, for attention and for the layers between
LONGEST_WAVE = 1000.0  # frames, of the rotary positions
TIME_WAVES = 16  # sines and cosines of the time


class Encoder(nn.Module):
    """``(batch, frames, size in)`` to ``(batch, frames, size out)``, of first ``0``.

    Parameters
    ----------
    settings : kinds of sound-wide setting, an embedding each (numbers of levels, say)
    timed : whether there is a time in [0, 1] as well
    """

    def __init__(self, config: BridgeConfig, size_in: int, size_out: int, settings: int, *, timed: bool) -> None:
        super().__init__()
        width = config.width
        self.config = config
        self.read = nn.Linear(size_in, width)
        self.settings = nn.Embedding(settings, width)
        self.time = (
            nn.Sequential(nn.Linear(2 * TIME_WAVES, width), nn.SiLU(), nn.Linear(width, width)) if timed else None
        )
        self.modulate = nn.Linear(width, SIX * width)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(width)
        self.write = nn.Linear(width, size_out)
        nn.init.normal_(self.settings.weight, std=0.02)
        for zero in (self.modulate, self.write):
            nn.init.zeros_(zero.weight)
            nn.init.zeros_(zero.bias)

    def forward(self, x: Tensor, setting: Tensor, time: Tensor | None = None, known: Tensor | None = None) -> Tensor:
        """``setting`` (batch,) int64, ``time`` (batch,), ``known`` (batch, frames) bool: False for padding."""
        out: Tensor = self.write(self.hidden(x, setting, time, known))
        return out

    def hidden(self, x: Tensor, setting: Tensor, time: Tensor | None = None, known: Tensor | None = None) -> Tensor:
        """What ``write`` reads: ``(batch, frames, width)``."""
        frames = x.shape[1]
        said = self.settings(setting)
        if self.time is not None:
            assert time is not None
            said = said + self.time(waves(time))
        shared = self.modulate(F.silu(said)).view(-1, 1, SIX, self.config.width)
        at = torch.arange(frames, device=x.device)
        near = (at[:, None] - at).abs() <= self.config.reach
        mask = (
            near
            if known is None
            else near & (known[:, None, None] | torch.eye(frames, dtype=torch.bool, device=x.device))
        )
        turn = rotation(frames, self.config.width // self.config.heads, x)
        x = self.read(x)
        for layer in self.layers:
            x = layer(x, shared, mask, turn)
        out: Tensor = self.norm(x)
        return out


class Layer(nn.Module):
    def __init__(self, config: BridgeConfig) -> None:
        super().__init__()
        width = config.width
        self.heads = config.heads
        self.own = nn.Parameter(torch.zeros(SIX, width))
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.wide = nn.Linear(width, config.expansion * width)
        self.narrow = nn.Linear(config.expansion * width, width)
        with torch.no_grad():
            self.own[2] = self.own[5] = 1.0  # gates
            for last in (self.out, self.narrow):
                last.weight.mul_(1 / math.sqrt(2 * config.layers))

    def forward(self, x: Tensor, shared: Tensor, mask: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
        shift, scale, gate, shift_2, scale_2, gate_2 = (shared + self.own).unbind(2)
        q, k, v = self.qkv(self.norm(x) * (1 + scale) + shift).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        heard = F.scaled_dot_product_attention(turned(q, turn), turned(k, turn), v, attn_mask=mask)
        x = x + gate * self.out(heard.transpose(1, 2).flatten(2))
        out: Tensor = x + gate_2 * self.narrow(F.gelu(self.wide(self.norm(x) * (1 + scale_2) + shift_2)))
        return out


def rotation(frames: int, size: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Cosines and sines of every frame's turn, ``(frames, size / 2)``."""
    turns = LONGEST_WAVE ** -torch.linspace(0, 1, size // 2, device=like.device)
    angles = torch.arange(frames, device=like.device)[:, None] * turns
    return angles.cos().to(like.dtype), angles.sin().to(like.dtype)


def turned(x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    """``x`` (..., frames, size), pairs of numbers turned by their frame's angle."""
    cosine, sine = turn
    a, b = x.chunk(2, -1)
    return torch.cat([a * cosine - b * sine, a * sine + b * cosine], -1).to(x.dtype)


def waves(time: Tensor) -> Tensor:
    """A time in [0, 1], ``(batch,)``, as ``(batch, 2 * TIME_WAVES)`` numbers that tell near times apart."""
    angles = time[:, None] * torch.logspace(0, 3, TIME_WAVES, device=time.device, dtype=time.dtype)
    return torch.cat([angles.cos(), angles.sin()], 1)
