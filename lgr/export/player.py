"""The loop between a host's buffers: resampled on the way in and out, and any number of samples at a time."""

import torch
from torch import Tensor, nn

from lgr.export.loop import Loop
from lgr.export.resampler import Resampler
from lgr.live.loop import LOUDEST

READ_SPEED = 4  # times as fast as it sounds, at which a buffer is read
WARM_SECONDS = 0.1  # that are played, some times, after which TorchScript has compiled all


class Player(nn.Module):
    """``restart`` says the host's rate and begins a stream, ``play`` takes a buffer and gives as many samples."""

    ready: Tensor
    waiting: Tensor

    def __init__(self, loop: Loop, sample_rate: int) -> None:
        super().__init__()
        self.loop, self.into, self.back = loop, Resampler(), Resampler()
        self.loudest, self.read_speed, self.warm_seconds = LOUDEST, READ_SPEED, WARM_SECONDS
        self.sample_rate, self.latency, self.running, self.warm = sample_rate, 0, False, False
        self.restart(sample_rate)

    @torch.jit.export
    def restart(self, rate: int) -> None:
        """Begin a stream at the host's ``rate``."""
        own = self.loop.codec.sample_rate
        self.sample_rate, self.running = rate, False
        self.into.tune(rate, own)
        self.back.tune(own, rate)
        self.loop.reset()
        # The worst moment is just before a hop is whole: all that came since the last one that went out is missing.
        self.latency = self.into.reach + (self.loop.late + self.back.reach) * self.back.up // self.back.down
        self.waiting, self.ready = torch.zeros(0), torch.zeros(self.latency)

    @torch.jit.export
    def warm_up(self) -> Tensor:
        """A buffer (1, 1, samples) to play at first, and a corpus to read meanwhile: all that there is to compile."""
        rate = self.loop.codec.sample_rate
        self.loop.corpus.read(torch.sin(torch.arange(int(3 * self.warm_seconds * rate)) * 0.1), rate)
        self.warm = True
        return torch.zeros(1, 1, int(self.warm_seconds * self.sample_rate))

    @torch.jit.export
    def cool_down(self) -> None:
        """As before ``warm_up``."""
        self.loop.corpus.clear()
        self.restart(self.sample_rate)

    @torch.jit.export
    def play(self, x: Tensor) -> Tensor:
        """``(batch, 1, samples)`` to as many, ``latency`` samples late; of a batch only the first sounds."""
        audio = x[0, 0].detach().float()
        audio = torch.nan_to_num(audio, nan=0.0, posinf=0.0, neginf=0.0).clamp(-self.loudest, self.loudest)
        waiting = torch.cat([self.waiting, self.into.step(audio)])
        whole = waiting.numel() // self.loop.quantum * self.loop.quantum
        ready = self.ready
        if whole > 0:
            self.running = True
            ready = torch.cat([ready, self.back.step(self.loop.step(waiting[:whole]))])
            self.loop.corpus.read_on(self.read_speed * whole // self.loop.hop)
        self.waiting, self.ready = waiting[whole:].clone(), ready[audio.numel() :].clone()
        out = torch.zeros_like(x)
        out[0, 0] = ready[: audio.numel()]
        return out
