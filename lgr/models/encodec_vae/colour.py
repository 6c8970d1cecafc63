"""A fixed filter with the average colour of a corpus, for what a network adds to it.

Transposed convolutions leave images of the bass all the way up to Nyquist. In a sound as dark as thunder they are all
that is heard there. Behind this filter they are as much quieter as the recordings are.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

TAPS = 256  # a pole at 50 Hz has decayed by then
LEAST = 1e-6  # of a spectrum's loudest power: 60 dB of contrast at most


class Colour(nn.Module):
    """A causal minimum-phase FIR of unit energy; an impulse until ``fit``."""

    taps: Tensor

    def __init__(self) -> None:
        super().__init__()
        taps = torch.zeros(TAPS)
        taps[0] = 1
        self.register_buffer("taps", taps)

    def forward(self, history: Tensor | None, audio: Tensor) -> tuple[Tensor, Tensor]:
        """The samples ``(batch, TAPS - 1)`` that what follows still hears, and ``(batch, samples)`` filtered."""
        before = audio.new_zeros(audio.shape[0], TAPS - 1) if history is None else history
        padded = torch.cat([before, audio], 1)
        size = padded.shape[1]  # circular: what wraps around falls on the history alone
        spectrum = torch.fft.rfft(padded) * torch.fft.rfft(self.taps.to(audio), size)
        filtered: Tensor = torch.fft.irfft(spectrum, size)
        return padded[:, size - (TAPS - 1) :].clone(), filtered[:, TAPS - 1 :]

    @torch.no_grad()
    def fit(self, power: Tensor) -> None:
        """Take the colour of a power spectrum ``(bins,)``, bins equally spaced from 0 to Nyquist (Oppenheim and
        Schafer: the causal half of the cepstrum has minimum phase).
        """
        power = power.double()
        padded = torch.cat([power, power[-1:]]).clamp(min=LEAST * float(power.max()))
        logs = 0.5 * torch.log(padded)
        cepstrum = torch.fft.irfft(torch.complex(logs, torch.zeros_like(logs)))
        n = len(cepstrum)
        cepstrum[1 : n // 2] *= 2
        cepstrum[n // 2 + 1 :] = 0
        response = torch.fft.irfft(torch.exp(torch.fft.rfft(cepstrum)), n)
        taps = functional.pad(response, (0, max(0, TAPS - n)))[:TAPS]
        fade = torch.cos(torch.linspace(0, torch.pi / 2, TAPS // 2, dtype=taps.dtype))
        taps[TAPS // 2 :] *= fade
        self.taps.copy_(taps / taps.norm())
