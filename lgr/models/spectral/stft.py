"""Short-time spectra of a stream and sound from them: Hann window, frames centred in the middle of their hop.

Frame ``k`` is centred on sample ``hop * k + hop / 2`` and covers ``window_length`` samples; what lies before a file's
start and beyond its end is silence. Spectra are scaled so that white noise of RMS 1 has power 1 in every bin, and
their phases are those about the frame's middle.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn


class Overlap(NamedTuple):
    sums: Tensor  # (batch, n): samples to which frames that are still to come will add
    weights: Tensor  # (n,): squares of the windows that lie there already


class Stft(nn.Module):
    """Frames of a signal and back. ``before`` is how many samples a frame begins before its own hop."""

    window: Tensor
    signs: Tensor

    def __init__(self, window_length: int, hop: int) -> None:
        super().__init__()
        self.window_length, self.hop = window_length, hop
        self.bins = window_length // 2 + 1
        self.before = (window_length - hop) // 2
        self.register_buffer("window", torch.hann_window(window_length), persistent=False)
        # About the middle of the window rather than its start: every other bin turned by half a circle.
        self.register_buffer("signs", 1.0 - 2.0 * (torch.arange(self.bins) % 2), persistent=False)

    @property
    def gain(self) -> Tensor:
        """What white noise of RMS 1 has in every bin, unscaled."""
        return self.window.square().sum().sqrt()

    def frames(self, samples: Tensor) -> Tensor:
        """``(batch, n)`` to complex spectra ``(batch, (n - window_length) // hop + 1, bins)``; sample 0 begins one."""
        cut = samples.unfold(1, self.window_length, self.hop) * self.window
        spectra: Tensor = torch.fft.rfft(cut) * (self.signs / self.gain)
        return spectra

    def blocks_under(self, first: int, count: int) -> tuple[int, int]:
        """The first, and the number, of the blocks of ``hop`` samples that ``count`` frames cover, ``first`` the first.

        A stream's sample 0 begins block 0, and frame 0's own hop.
        """
        reach = -(-self.before // self.hop)
        after = -(-(self.window_length - self.before) // self.hop)
        return first - reach, count + reach + after - 1

    def frames_over(self, blocks: Tensor, count: int) -> Tensor:
        """Spectra ``(batch, count >= 1, bins)`` of just these ``blocks_under`` them, ``(batch, blocks, hop)``."""
        start = -(-self.before // self.hop) * self.hop - self.before
        return self.frames(blocks.flatten(1)[:, start : start + (count - 1) * self.hop + self.window_length])

    def pieces(self, spectra: Tensor) -> Tensor:
        """Spectra ``(batch, frames, bins)`` to windowed pieces ``(batch, frames, window_length)`` for ``add``."""
        if spectra.shape[1] == 0:  # a transform of nothing is refused
            return self.window.new_zeros(spectra.shape[0], 0, self.window_length)
        pieces: Tensor = torch.fft.irfft(spectra * (self.signs * self.gain), n=self.window_length) * self.window
        return pieces

    def add(self, state: Overlap | None, pieces: Tensor, flush: bool = False) -> tuple[Overlap, Tensor]:
        """Overlap-add by least squares (Griffin and Lim 1984): divided by the sum of the windows' squares.

        The first sample out is ``before`` samples before the stream's first; ``flush`` gives all that is left.
        """
        batch, frames = pieces.shape[:2]
        rest = self.window_length - self.hop
        if state is None:
            state = Overlap(pieces.new_zeros(batch, rest), self.window.new_zeros(rest))
        sums = nn.functional.pad(state.sums, (0, frames * self.hop))
        weights = nn.functional.pad(state.weights, (0, frames * self.hop))
        if frames:
            squares = self.window.square().expand(1, frames, -1)
            length = sums.shape[1]
            sums = sums + _overlap_add(pieces, self.hop, length)
            weights = weights + _overlap_add(squares, self.hop, length)[0]
        ready = sums.shape[1] if flush else frames * self.hop
        done = sums[:, :ready] / weights[:ready].clamp(min=1e-3)
        return Overlap(sums[:, ready:], weights[ready:]), done


def _overlap_add(pieces: Tensor, hop: int, length: int) -> Tensor:
    folded = nn.functional.fold(pieces.transpose(1, 2), (1, length), kernel_size=(1, pieces.shape[2]), stride=(1, hop))
    return folded[:, 0, 0]
