"""What the two noise synthesisers of paper 003 (4.3) share: sizes, the MFCC encoder, and the decoder to amplitudes.

``DDSPNoiseVAE`` (``ddsp.py``) makes the amplitudes the magnitudes of a filter, ``NoiseBandVAE``
(``bands.py``) the levels of noise bands. Both amplitudes mean the same: 1 is the spectrum of white noise of RMS 1.

The paper prints ``z = mean + eps * sigma**2``; sampling here is ``mean + eps * sigma`` (``Posterior.sample``), which is
what its KL term is the divergence of. It names no direction for its GRUs; these run forward, so both models stream.

Two straight lines are added to the paper's network: from the MFCCs to the latent means, and from the latent to the log
amplitudes. They start as an MFCC vocoder (a log spectrum from as many coefficients as there are latents), which
training improves on; without them, 850 steps left the loud bass of thunder 20 to 30 dB too quiet.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from lgr.errors import ArgumentError, check_shape
from lgr.models.grain_model import GrainModel, GrainModelConfig, Posterior
from lgr.models.noise.filterbank import band_responses
from lgr.models.noise.mfcc_encoder import MfccEncoder

CEILING = 100.0  # far above need: a rumble of RMS 0.3 within 10 Hz of the 12 kHz has a level of about 10


@dataclass(frozen=True, kw_only=True)
class NoiseVAEConfig(GrainModelConfig):
    """Sizes of paper 003, 5.1.1. Lengths in samples.

    ``frame_length`` is that of the MFCC analysis, ``width`` that of GRUs and perceptrons, ``n_bands`` the number of
    amplitudes an atom has.
    """

    hop_length: int = 128
    latent_dim: int = 16
    frame_length: int = 512
    n_mels: int = 128
    n_mfcc: int = 30
    width: int = 128
    n_layers: int = 3  # of each perceptron: DDSP's number, the paper gives none
    n_bands: int = 193

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("frame_length", "n_mels", "n_mfcc", "width", "n_layers", "n_bands"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ArgumentError(f"{name} must be a whole number >= 1, got {value!r}")
        if self.frame_length % 2 or self.frame_length < 2 * self.hop_length:
            raise ArgumentError(
                f"frame_length must be even and at least twice hop_length {self.hop_length}, got {self.frame_length}"
            )
        if self.n_mfcc > self.n_mels:
            raise ArgumentError(f"n_mfcc must be at most n_mels {self.n_mels}, got {self.n_mfcc}")


def amplitude(x: Tensor, ceiling: float = CEILING) -> Tensor:
    """``ceiling * sigmoid(x) ** ln 10`` (DDSP's exponentiated sigmoid, without its floor).

    About ``ceiling * 10 ** x`` below zero: a step of one is a decade, silence is reached as ``x`` falls.
    """
    return ceiling * torch.exp(math.log(10) * nn.functional.logsigmoid(x))


def _perceptron(size: int, width: int, n_layers: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for i in range(n_layers):
        layers += [nn.Linear(width if i else size, width), nn.LayerNorm(width), nn.LeakyReLU()]
    return nn.Sequential(*layers)


class AmplitudeDecoder(nn.Module):
    """Perceptron, GRU, perceptron, linear (4.3.3): ``(batch, frames, size)`` to amplitudes >= 0 of ``n_bands``."""

    def __init__(self, size: int, n_bands: int, *, width: int, n_layers: int) -> None:
        super().__init__()
        self.inlet = _perceptron(size, width, n_layers)
        self.gru = nn.GRU(width, width, batch_first=True)
        # The GRU's output beside its input, as in DDSP: what an atom is needs no memory to pass through.
        self.outlet = _perceptron(2 * width, width, n_layers)
        self.bands = nn.Linear(width + size, n_bands)

    def forward(self, x: Tensor, hidden: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Amplitudes ``(batch, frames, n_bands)`` and the GRU's state after the last frame."""
        inner = self.inlet(x)
        outputs, hidden = self.gru(inner, hidden)
        outlet = self.outlet(torch.cat([inner, outputs], -1))
        return amplitude(self.bands(torch.cat([outlet, x], -1))), hidden

    @torch.no_grad()
    def start_as_vocoder(self, encoder: MfccEncoder, hz: Tensor, sample_rate: int) -> None:
        """Undo what an untrained encoder does: bands at ``hz`` get the spectrum that its means, read as MFCCs, say."""
        n_mfcc, n_mels = encoder.dct.shape
        n = min(n_mfcc, encoder.head.out_features // 2)
        width = self.gru.hidden_size  # the straight line's weights follow the perceptron's
        spread = encoder.dct.T @ torch.diag(1 / encoder.gain)  # normalised MFCCs to log-mel levels
        to_bands = band_responses(n_mels, hz, sample_rate).T.float()
        self.bands.weight *= 0.1
        self.bands.weight[:, width : width + n] = (to_bands @ spread)[:, :n]
        level = (to_bands @ (encoder.dct.T @ encoder.shift)) - encoder.white_level
        self.bands.bias[:] = level - math.log10(CEILING)


class NoiseVAE(GrainModel):
    """Encoder and amplitudes; a subclass makes sound of them."""

    generates = True

    config: NoiseVAEConfig
    causal = True

    def __init__(
        self, config: NoiseVAEConfig, *, band_hz: Tensor, encoder_lookahead: int, decoder_lookahead: int
    ) -> None:
        """``band_hz``: centres of the bands, ``(n_bands,)``.

        Look-aheads in samples: of the analysis frame beyond its atom, and of the synthesis beyond its own hop.
        """
        super().__init__()
        self.config = c = config
        self.lookahead = encoder_lookahead + decoder_lookahead
        self.encoder = MfccEncoder(
            sample_rate=c.sample_rate,
            hop_length=c.hop_length,
            frame_length=c.frame_length,
            lookahead=encoder_lookahead,
            n_mels=c.n_mels,
            n_mfcc=c.n_mfcc,
            width=c.width,
            latent_dim=c.latent_dim,
        )
        self.decoder = AmplitudeDecoder(c.latent_dim + len(c.labels), c.n_bands, width=c.width, n_layers=c.n_layers)
        self.decoder.start_as_vocoder(self.encoder, band_hz, c.sample_rate)

    def posterior(self, audio: Tensor) -> Posterior:
        """``(batch, samples >= 1)`` to ``ceil(samples / hop_length)`` frames; ``ShapeError`` otherwise."""
        check_shape("audio", audio.shape, "(batch, samples >= 1)", audio.ndim == 2 and audio.shape[1] > 0)
        return self.encoder(audio, flush=True)[1]  # type: ignore[no-any-return]

    def encode_step(self, state: Any, audio: Tensor, *, flush: bool = False) -> tuple[Any, Tensor]:
        check_shape("audio", audio.shape, "(batch, samples)", audio.ndim == 2)
        state, posterior = self.encoder(audio, state, flush=flush)
        return state, posterior.mean

    def amplitudes(self, latents: Tensor, labels: Tensor, hidden: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Amplitudes of every atom, ``(batch, frames, n_bands)``, and the state for those that follow.

        Parameters
        ----------
        latents : (batch, frames >= 0, latent_dim)
        labels : (batch, frames, n_labels)
        """
        c = self.config
        ok = latents.ndim == 3 and latents.shape[2] == c.latent_dim
        check_shape("latents", latents.shape, f"(batch, frames, {c.latent_dim})", ok)
        expected = (*latents.shape[:2], len(c.labels))
        check_shape("labels", labels.shape, f"(batch, frames, n_labels) {expected}", labels.shape == expected)
        if latents.shape[1] == 0:  # torch's GRU refuses a sequence of none
            return latents.new_zeros(latents.shape[0], 0, c.n_bands), hidden
        return self.decoder(torch.cat([latents, labels.to(latents)], 2), hidden)  # type: ignore[no-any-return]

    @staticmethod
    def check_seeds(seeds: Sequence[int], batch: int) -> None:
        if len(seeds) != batch:
            raise ArgumentError(f"seeds must be one a batch item ({batch}), got {len(seeds)}")
