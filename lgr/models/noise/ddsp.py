"""``DDSPNoiseVAE``: white noise through a filter that changes from atom to atom (paper 003, 4.3.1; Engel et al. 2020).

Every atom has ``hop_length`` fresh samples of white noise, convolved with its own impulse response: ``n_bands``
magnitudes, zero phase, a Hann window. With the default 193 bands that makes atoms of 512 samples, overlap-added every
128, as the paper has it, and atom ``t`` covers just the samples that its MFCC frame was taken from.

Frequency and time trade off: the response is 384 samples long, so what is closer than about 125 Hz is not resolved.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from lgr.errors import ArgumentError
from lgr.models.noise.base import NoiseVAE, NoiseVAEConfig
from lgr.models.seeded_noise import uniform_noise

UNIT = 3**0.5  # uniform noise in [-1, 1) times this has RMS 1


@dataclass(frozen=True, kw_only=True)
class DDSPNoiseConfig(NoiseVAEConfig):
    """``n_bands`` magnitudes from 0 Hz to Nyquist, equally spaced; an atom has ``hop_length + 2 * reach`` samples."""

    n_bands: int = 193

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.n_bands < 2:
            raise ArgumentError(f"n_bands must be >= 2, got {self.n_bands}")

    @property
    def reach(self) -> int:
        """Samples that an atom sounds before, and after, its own hop."""
        return self.n_bands - 1


def impulse_responses(magnitudes: Tensor) -> Tensor:
    """Zero-phase windowed FIR ``(..., 2 * (n_bands - 1))`` of magnitudes ``(..., n_bands)``, its peak in the middle."""
    length = 2 * (magnitudes.shape[-1] - 1)
    window = torch.hann_window(length, dtype=magnitudes.dtype, device=magnitudes.device)
    response: Tensor = torch.fft.irfft(magnitudes, length)
    return response.roll(length // 2, -1) * window


def filtered_atoms(magnitudes: Tensor, noise: Tensor) -> Tensor:
    """Each atom's noise through its own filter.

    Parameters
    ----------
    magnitudes : (batch, frames, n_bands); noise : (batch, frames, hop_length)

    Returns
    -------
    (batch, frames, hop_length + 2 * (n_bands - 1)): the whole convolution, ``n_bands - 1`` samples before the noise
    starts to as many after its end; the last sample is always zero
    """
    length = noise.shape[-1] + 2 * (magnitudes.shape[-1] - 1)
    if noise.numel() == 0:  # torch's FFT refuses to transform nothing
        return noise.new_zeros(list(noise.shape[:-1]) + [length])  # noqa: RUF005 TorchScript unpacks no lists
    spectrum = torch.fft.rfft(impulse_responses(magnitudes), length) * torch.fft.rfft(noise, length)
    atoms: Tensor = torch.fft.irfft(spectrum, length)
    return atoms


def overlap_add(atoms: Tensor, hop_length: int) -> Tensor:
    """``(batch, frames, length)`` every ``hop_length`` samples: ``(batch, (frames - 1) * hop_length + length)``."""
    batch, frames, length = atoms.shape
    if frames == 0:
        return atoms.new_zeros((batch, length - hop_length))
    total = (frames - 1) * hop_length + length
    folded = torch.nn.functional.fold(
        atoms.transpose(1, 2), output_size=(1, total), kernel_size=(1, length), stride=(1, hop_length)
    )
    return folded.flatten(1)


class DecodeState(NamedTuple):
    hidden: Tensor | None  # of the decoder's GRU
    tail: Tensor  # (batch, 2 * reach): the atoms so far, from the first sample that is not complete
    frame: int  # absolute index of the next frame


class DDSPNoiseVAE(NoiseVAE):
    """MFCC -> GRU -> z -> magnitudes of a time-varying FIR filter on white noise."""

    config: DDSPNoiseConfig

    def __init__(self, config: DDSPNoiseConfig | None = None) -> None:
        config = config or DDSPNoiseConfig()
        hop, reach = config.hop_length, config.reach
        super().__init__(
            config,
            band_hz=torch.linspace(0, config.sample_rate / 2, config.n_bands),
            # The frame is centred on the atom's own hop, where its sound is centred too.
            encoder_lookahead=(config.frame_length - hop) // 2,
            # In whole atoms: how many that come later still sound in this hop (the first tap is zero, so reach - 1).
            decoder_lookahead=(hop - 1 + reach - 1) // hop * hop,
        )

    def _atoms(self, magnitudes: Tensor, seeds: Sequence[int], first_frame: int) -> Tensor:
        noise = uniform_noise(first_frame, magnitudes.shape[1], self.config.hop_length, seeds)
        return filtered_atoms(magnitudes, UNIT * noise.to(magnitudes))

    def render(self, latents: Tensor, labels: Tensor, *, seeds: Sequence[int], first_frame: int = 0) -> Tensor:
        magnitudes, _ = self.amplitudes(latents, labels)
        self.check_seeds(seeds, latents.shape[0])
        audio = overlap_add(self._atoms(magnitudes, seeds, first_frame), self.config.hop_length)
        start = self.config.reach
        return audio[:, start : start + latents.shape[1] * self.config.hop_length]

    def decode_step(
        self, state: DecodeState | None, latents: Tensor, labels: Tensor, *, seed: int, flush: bool = False
    ) -> tuple[DecodeState, Tensor]:
        hop, reach = self.config.hop_length, self.config.reach
        if state is None:
            state = DecodeState(None, latents.new_zeros(latents.shape[0], 2 * reach), 0)
        magnitudes, hidden = self.amplitudes(latents, labels, state.hidden)
        frames = latents.shape[1]
        audio = overlap_add(self._atoms(magnitudes, [seed] * latents.shape[0], state.frame), hop)
        audio[:, : 2 * reach] += state.tail  # audio starts where the tail does, ``reach`` before this chunk's first hop
        complete = frames * hop + (reach if flush else 0)
        before_zero = max(0, reach - state.frame * hop)  # what the first atoms sound before the stream's beginning
        return DecodeState(hidden, audio[:, frames * hop :], state.frame + frames), audio[:, before_zero:complete]
