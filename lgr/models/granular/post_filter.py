"""Learned post-processing of an assembled signal: parallel time-invariant FIR filters, summed (paper 001, section 3.3).

The paper's "multi-channel temporal convolution that learns a parallel set of time-invariant FIR filters", after WaveGAN
(Donahue et al. 2019). The channels differ in length, from a quick colouring to a short resonance. A sum of FIR filters
is one FIR filter, so training sees many and the signal is filtered once.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from lgr.errors import ArgumentError


class PostFilter(nn.Module):
    """``(batch, samples)`` to the same, silence outside. The identity until it is trained.

    Parameters
    ----------
    taps : lengths of the channels, each odd: filters are centred, their reach is half the longest
    """

    def __init__(self, taps: tuple[int, ...]) -> None:
        super().__init__()
        if not taps or any(n < 1 or n % 2 == 0 for n in taps):
            raise ArgumentError(f"post_taps must be odd lengths >= 1, at least one, got {taps}")
        self.reach = max(taps) // 2  # samples, to either side
        self.filters = nn.ParameterList(nn.Parameter(torch.zeros(n)) for n in taps)

    def impulse_response(self) -> Tensor:
        """The dry signal plus all channels as one filter, ``(2 * reach + 1,)``."""
        response = functional.pad(self.filters[0].new_ones(1), (self.reach, self.reach))
        for taps in self.filters:
            around = self.reach - taps.shape[0] // 2
            response = response + functional.pad(taps, (around, around))
        return response

    def valid(self, audio: Tensor) -> Tensor:
        """Only where the filter has every sample it reads: ``(batch, samples)`` to ``(batch, samples - 2 * reach)``."""
        length = audio.shape[1]
        size = 1 << (length - 1).bit_length() if length > 1 else 2
        # Circular, but every sample that is kept lies beyond the wrap-around.
        spectrum = torch.fft.rfft(audio, size) * torch.fft.rfft(self.impulse_response(), size)
        filtered: Tensor = torch.fft.irfft(spectrum, size)
        return filtered[:, 2 * self.reach : length]

    def forward(self, audio: Tensor) -> Tensor:
        return self.valid(functional.pad(audio, (self.reach, self.reach)))
