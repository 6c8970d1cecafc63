"""From one sample rate to another as the sound comes: a windowed sinc whose samples are taken phase by phase.

Output ``j`` lies at ``j * down / up`` input samples, ``up / down`` being the ratio of the rates in lowest terms, and is
read from ``2 * reach`` inputs around it; so it is known once ``reach`` inputs after its own have come. Nothing depends
on how the stream was cut. (Crochiere and Rabiner 1983, "Multirate Digital Signal Processing"; Kaiser's window.)
"""

import math

import torch
from torch import Tensor, nn

ZEROS = 32  # of the sinc to either side, at the lower rate
BETA = 8.0  # of Kaiser's window: 80 dB
ROLLOFF = 0.92  # of the lower Nyquist frequency: where the filter is 6 dB down


class Resampler(nn.Module):
    """A stream's resampler, scriptable. ``tune`` says the rates and begins a stream, ``step`` takes what came.

    Examples
    --------
    >>> import torch
    >>> from lgr.export.resampler import Resampler
    >>> resampler, tone = Resampler(), torch.sin(torch.arange(4410) / 10)
    >>> resampler.tune(44100, 24000)
    >>> whole = resampler.step(tone)
    >>> resampler.tune(44100, 24000)
    >>> parts = torch.cat([resampler.step(part) for part in tone.split(100)])
    >>> len(parts), torch.allclose(parts, whole, atol=1e-6)
    (2368, True)
    """

    filters: Tensor
    held: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.zeros, self.beta, self.rolloff = ZEROS, BETA, ROLLOFF
        self.up, self.down, self.reach = 1, 1, 0
        self.filters, self.held = torch.zeros(1, 0), torch.zeros(0)
        self.first, self.given = 0, 0

    @torch.jit.export
    def tune(self, rate: int, to_rate: int) -> None:
        """Begin a stream from ``rate`` to ``to_rate``, in Hz."""
        common = math.gcd(rate, to_rate)
        self.up, self.down = to_rate // common, rate // common
        share = min(1.0, self.up / self.down)  # of the input's Nyquist frequency that there is in the output
        width = self.zeros / share
        self.reach = math.ceil(width) if self.up != self.down else 0
        if self.reach > 0:
            phase = torch.arange(self.up, dtype=torch.float64)[:, None] / self.up
            time = torch.arange(1 - self.reach, self.reach + 1, dtype=torch.float64)[None] - phase
            within = (1 - (time / width).square()).clamp(min=0.0).sqrt()
            window = torch.special.i0(self.beta * within) * (within > 0)
            taps = torch.sinc(self.rolloff * share * time) * window
            self.filters = (taps / taps.sum(1, keepdim=True)).float()
        self.first, self.given = min(0, 1 - self.reach), 0
        self.held = torch.zeros(-self.first)

    @torch.jit.export
    def step(self, audio: Tensor) -> Tensor:
        """What is known once ``audio`` (samples >= 0,) has come."""
        if self.reach == 0:
            return audio
        held = torch.cat([self.held, audio])  # from input sample ``first`` on
        inputs = self.first + held.numel() - self.reach
        stop = max(self.given, -(-inputs * self.up // self.down))
        at = torch.arange(self.given, stop) * self.down
        begins = torch.div(at, self.up, rounding_mode="floor") + (1 - self.reach - self.first)
        if stop > self.given:
            windows = held.unfold(0, 2 * self.reach, 1)[begins]
            out = (windows * self.filters[at % self.up]).sum(1)
        else:
            out = audio[:0]
        gone = min(held.numel(), stop * self.down // self.up + 1 - self.reach - self.first)
        self.first, self.given = self.first + gone, stop
        self.held = held[gone:].clone()
        return out
