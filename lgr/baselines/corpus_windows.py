"""Recordings as windows on a regular grid: their magnitude spectra to choose by, their samples to play.

The window lasts as long as 2048 samples at 44.1 kHz and the hop as 1024, whatever the rate, and magnitudes are scaled
to be those of that window: numbers of the literature, a temperature or a penalty, then mean the same at every rate.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lgr.errors import check_shape

REFERENCE_WINDOW, REFERENCE_RATE = 2048, 44_100
BLOCK = 4096  # windows whose spectra are made at once


def hop_at(sample_rate: int) -> int:
    """Samples from one window to the next, 23.2 ms; a window is two hops long."""
    return max(1, round(REFERENCE_WINDOW / 2 * sample_rate / REFERENCE_RATE))


def magnitudes(windows: Tensor, sample_rate: int, max_hz: float) -> Tensor:
    """Magnitude spectra ``(..., bins)`` of ``(..., window)`` samples: Hann, bins from 0 to ``max_hz``."""
    length = windows.shape[-1]
    bins = min(length // 2, int(max_hz * length / sample_rate)) + 1
    spectrum: Tensor = torch.fft.rfft(windows * hann(windows)).abs()[..., :bins]
    return spectrum * (REFERENCE_WINDOW / length)


def hann(windows: Tensor) -> Tensor:
    """The Hann window for ``(..., window)``; two of them half a window apart sum to one."""
    return torch.hann_window(windows.shape[-1], dtype=windows.dtype, device=windows.device)


@dataclass(frozen=True, kw_only=True, eq=False)
class CorpusWindows:
    """Every window of some recordings.

    Parameters
    ----------
    sample_rate : int, Hz
    audio : Tensor (channels, samples), the recordings one after the other, each completed to whole windows
    starts : Tensor int64 (windows,), where each begins in ``audio``
    spectra : Tensor (windows, bins), of the mean over channels
    following : Tensor int64 (windows,), the window one hop later in the same recording, -1 at its end
    level_db : Tensor (windows,), RMS under full scale of the mean over channels
    """

    sample_rate: int
    audio: Tensor
    starts: Tensor
    spectra: Tensor
    following: Tensor
    level_db: Tensor

    @classmethod
    def cut(cls, recordings: Sequence[Tensor], sample_rate: int, *, max_hz: float) -> "CorpusWindows":
        """Cut recordings ``(1 or 2 channels, samples)``; the last window of each is completed with silence."""
        hop = hop_at(sample_rate)
        channels = max(audio.shape[0] for audio in recordings)
        pieces, starts, following = [], [], []
        at = count = 0
        for audio in recordings:
            check_shape("recording", audio.shape, "(1 or 2, at least 1)", audio.ndim == 2 and audio.numel() > 0)
            n = max(0, -(-(audio.shape[1] - 2 * hop) // hop)) + 1
            padded = torch.nn.functional.pad(audio, (0, (n + 1) * hop - audio.shape[1]))
            pieces.append(padded.expand(channels, -1))
            starts.append(at + hop * torch.arange(n))
            following.append(torch.cat([torch.arange(count + 1, count + n), torch.tensor([-1])]))
            at, count = at + padded.shape[1], count + n
        windows = [piece.mean(0).unfold(0, 2 * hop, hop) for piece in pieces]  # each (windows, window), a view
        blocks = [block for each in windows for block in torch.split(each, BLOCK)]
        power = torch.cat([block.square().mean(1) for block in blocks])
        return cls(
            sample_rate=sample_rate,
            audio=torch.cat(pieces, 1),
            starts=torch.cat(starts),
            spectra=torch.cat([magnitudes(block, sample_rate, max_hz) for block in blocks]),
            following=torch.cat(following),
            level_db=10 * torch.log10(power + 1e-20),
        )

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def hop(self) -> int:
        """Samples from one window to the next."""
        return hop_at(self.sample_rate)

    def mix(self, index: Tensor, activations: Tensor) -> Tensor:
        """Windows ``index`` (p,), each times its activation, summed: ``(channels, window)`` samples as they were."""
        at = self.starts[index, None] + torch.arange(2 * self.hop)  # (p, window)
        return torch.einsum("p,cpw->cw", activations, self.audio[:, at])
