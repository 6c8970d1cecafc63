"""``NoiseBandVAE``: amplitudes of a fixed bank of noise bands, atom by atom (paper 003, 4.3.2; NoiseBandNet).

Atoms of ``hop_length`` samples follow each other; a latent says the amplitudes at its atom's *last* sample, which are
reached in a straight line from the atom before. So decoding needs no atom but the present one, and the MFCC frame is
centred on that last sample.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from lgr.errors import ArgumentError
from lgr.models.noise.base import NoiseVAE, NoiseVAEConfig
from lgr.models.noise.filterbank import first_block, noise_blocks, play_bands
from lgr.sound.mel import mel_edges_hz


@dataclass(frozen=True, kw_only=True)
class NoiseBandConfig(NoiseVAEConfig):
    """``loop_length`` is the noise's period in samples, a power of two and a multiple of ``hop_length``."""

    n_bands: int = 256
    loop_length: int = 2**15

    def __post_init__(self) -> None:
        super().__post_init__()
        n = self.loop_length
        if not isinstance(n, int) or n < 4 or n & (n - 1) or n % self.hop_length:
            raise ArgumentError(
                f"loop_length must be a power of two and a multiple of hop_length {self.hop_length}, got {n!r}"
            )


class DecodeState(NamedTuple):
    hidden: Tensor | None  # of the decoder's GRU
    amplitudes: Tensor | None  # (batch, n_bands) at the end of the last atom; None before the first
    frame: int  # absolute index of the next frame


class NoiseBandVAE(NoiseVAE):
    """MFCC -> GRU -> z -> amplitudes of looped noise bands."""

    config: NoiseBandConfig
    blocks: Tensor

    def __init__(self, config: NoiseBandConfig | None = None) -> None:
        config = c = config or NoiseBandConfig()
        centres = mel_edges_hz(c.n_bands, c.sample_rate)[1:-1]
        super().__init__(config, band_hz=centres, encoder_lookahead=c.frame_length // 2, decoder_lookahead=0)
        blocks = noise_blocks(c.n_bands, c.sample_rate, c.loop_length, c.hop_length)
        self.register_buffer("blocks", blocks, persistent=False)

    def _play(self, amplitudes: Tensor, before: Tensor | None, seeds: Sequence[int], first_frame: int) -> Tensor:
        """``before``: amplitudes (batch, n_bands) to start from; None holds those of the first atom through it."""
        if amplitudes.shape[1] == 0:
            return amplitudes.new_zeros(amplitudes.shape[0], 0)
        before = amplitudes[:, 0] if before is None else before
        played = []
        for a, b, seed in zip(amplitudes, before, seeds, strict=True):
            start = first_block(seed, self.blocks.shape[0]) + first_frame
            played.append(play_bands(self.blocks, a, b, start=start))
        return torch.stack(played)

    def render(self, latents: Tensor, labels: Tensor, *, seeds: Sequence[int], first_frame: int = 0) -> Tensor:
        amplitudes, _ = self.amplitudes(latents, labels)
        self.check_seeds(seeds, latents.shape[0])
        # Sums of many bands keep their precision whatever the networks compute in.
        with torch.autocast(latents.device.type, enabled=False):
            return self._play(amplitudes.to(self.blocks), None, seeds, first_frame)

    def decode_step(
        self, state: DecodeState | None, latents: Tensor, labels: Tensor, *, seed: int, flush: bool = False
    ) -> tuple[DecodeState, Tensor]:
        state = state or DecodeState(None, None, 0)
        amplitudes, hidden = self.amplitudes(latents, labels, state.hidden)
        frames = latents.shape[1]
        audio = self._play(amplitudes, state.amplitudes, [seed] * latents.shape[0], state.frame)
        last = amplitudes[:, -1] if frames else state.amplitudes
        return DecodeState(hidden, last, state.frame + frames), audio
