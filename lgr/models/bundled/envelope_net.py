"""The network of the bundled codec: a frame is its spectral envelope and what the envelope leaves out.

A latent is ``[envelope | detail]``. The *envelope* is the log-mel spectrum of the last ``window_length`` samples, in
decades above -120 dBFS (silence is the zero vector): cosine on it means timbre. The *detail* is the frame's MDCT,
divided by the envelope and companded, folded to ``n_detail`` numbers: bins ``d, d + n_detail, d + 2 n_detail, …`` share
number ``d``, and the envelope, which both sides know, says whose turn it is (the strongest's). A causal network
corrects the folding on the way in, another the unfolding on the way out and sets the level of the noise that stands in
for what was not kept.

Everything is causal except the overlap of the MDCT: block ``t`` of the output needs frame ``t + 1``, one hop ahead.

``torch.jit.script`` takes ``encode`` and ``decode`` as they are (``lgr.export``).
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lgr.models.bundled.layers import CausalStack
from lgr.models.mdct import mdct_basis, overlap_blocks
from lgr.models.seeded_noise import signs, stream
from lgr.sound.level import AMPLITUDE_FLOOR
from lgr.sound.mel import bands_to_bins, mel_filters, rising_window

COMPANDING = 3.0  # c = sign(r) * log1p(COMPANDING * |r|)
MAX_COMPANDED = 5.0  # |r| <= 49 times the envelope: no single bin can blow up
CEILING = 1.0  # output amplitude that the soft knee never passes


@dataclass(frozen=True, kw_only=True)
class EnvelopeNetConfig:
    """Sizes. ``latent_dim = n_bands + n_detail``; lengths in samples at ``sample_rate``."""

    sample_rate: int = 24000
    hop_length: int = 320
    window_length: int = 1280
    n_bands: int = 40
    n_detail: int = 240
    encoder_width: int = 256
    encoder_blocks: int = 3
    decoder_width: int = 384
    decoder_blocks: int = 5
    kernel_size: int = 7
    expansion: int = 3
    seed: int = 0  # of the decoder's noise

    @property
    def latent_dim(self) -> int:
        return self.n_bands + self.n_detail


class EncodeState(NamedTuple):
    history: Tensor  # (batch, window_length - hop_length): the last samples
    blocks: list[Tensor]


class DecodeState(NamedTuple):
    overlap: Tensor  # (batch, hop_length): the right half of the last frame
    frame: int  # absolute index of the next frame: the noise is a function of it
    blocks: list[Tensor]


def soft_ceiling(audio: Tensor, knee: float = 0.9, ceiling: float = CEILING) -> Tensor:
    """The identity up to ``knee``, then bent so that it never passes ``ceiling``: an output cannot overshoot."""
    over = (audio.abs() - knee).clamp(min=0) / (ceiling - knee)
    return torch.where(over > 0, audio.sign() * (knee + (ceiling - knee) * torch.tanh(over)), audio)


class EnvelopeNet(nn.Module):
    """Encoder and decoder over mono audio ``(batch, samples)``, ``samples`` a multiple of ``hop_length``."""

    filters: Tensor
    window: Tensor
    spread: Tensor
    basis: Tensor
    fold_mask: Tensor

    def __init__(self, config: EnvelopeNetConfig) -> None:
        super().__init__()
        self.config = config
        c = config
        self.hop_length, self.window_length = c.hop_length, c.window_length
        self.n_bands, self.n_detail, self.noise_stream = c.n_bands, c.n_detail, stream(c.seed)
        # TorchScript sees no globals
        self.companding, self.most, self.quietest = COMPANDING, MAX_COMPANDED, AMPLITUDE_FLOOR
        n_fft = 1 << (c.window_length - 1).bit_length()
        window = rising_window(c.window_length, c.hop_length)
        # Fixed analysis, not weights: rebuilt from the config, never saved.
        self.register_buffer("filters", mel_filters(n_fft, c.n_bands, c.sample_rate), persistent=False)
        self.register_buffer("window", window * 2 / window.sum(), persistent=False)
        self.register_buffer("spread", bands_to_bins(c.n_bands, c.hop_length, c.sample_rate), persistent=False)
        self.register_buffer("basis", mdct_basis(c.hop_length), persistent=False)
        self.n_fft = n_fft
        # White noise of level s has MDCT coefficients of RMS s and an envelope of s * this.
        self.envelope_gain = float((window.square().sum().sqrt() / window.sum() * 2).item())
        self.n_folds = -(-c.hop_length // c.n_detail)
        real = torch.arange(self.n_folds * c.n_detail).view(self.n_folds, c.n_detail) < c.hop_length
        self.register_buffer("fold_mask", torch.where(real, 0.0, -1e4), persistent=False)
        self.fold_bias = nn.Parameter(torch.zeros(self.n_folds, c.n_detail))
        self.fold_slope = nn.Parameter(torch.tensor(20.0))  # logits a decade of amplitude
        common = {"kernel_size": c.kernel_size, "expansion": c.expansion}
        self.encoder = CausalStack(
            c.hop_length + c.n_bands, c.n_detail, width=c.encoder_width, n_blocks=c.encoder_blocks, **common
        )
        self.decoder = CausalStack(
            c.hop_length + c.latent_dim, 2 * c.hop_length, width=c.decoder_width, n_blocks=c.decoder_blocks, **common
        )
        self.noise_bias = nn.Parameter(torch.full((c.hop_length,), -1.0))
        self.training_dtype: torch.dtype | None = None  # bfloat16 here halves the time of a training step on new CPUs

    # ---- the fixed analysis ----------------------------------------------------------------------------------------

    def analyse(self, history: Tensor | None, audio: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """History for what follows, envelope ``(batch, frames, n_bands)``, MDCT ``(batch, frames, hop_length)``."""
        keep = self.window_length - self.hop_length
        if history is None:
            history = audio.new_zeros((audio.shape[0], keep))
        padded = torch.cat([history, audio], 1)
        windows = padded.unfold(1, self.window_length, self.hop_length)  # (batch, frames, window_length)
        spectrum = torch.fft.rfft(windows * self.window, self.n_fft)
        power = spectrum.real.square() + spectrum.imag.square()
        envelope = 0.5 * torch.log10(power @ self.filters.T + self.quietest**2) - math.log10(self.quietest)
        coefs = windows[..., -2 * self.hop_length :] @ self.basis
        return padded[:, -keep:], envelope, coefs

    def levels(self, envelope: Tensor) -> Tensor:
        """Decades above the floor of each MDCT bin, ``(batch, frames, hop_length)``, as the envelope has it."""
        return envelope @ self.spread.T

    def gates(self, levels: Tensor) -> Tensor:
        """Whose turn it is: ``(batch, frames, n_folds, n_detail)``, summing to one over the folds."""
        spare = self.n_folds * self.n_detail - self.hop_length
        folds = torch.unflatten(nn.functional.pad(levels, (0, spare)), -1, (self.n_folds, self.n_detail))
        return torch.softmax(self.fold_slope * folds + self.fold_bias + self.fold_mask, -2)

    def fold(self, companded: Tensor, gates: Tensor) -> Tensor:
        spare = gates.shape[-2] * gates.shape[-1] - companded.shape[-1]
        return (torch.unflatten(nn.functional.pad(companded, (0, spare)), -1, gates.shape[-2:]) * gates).sum(-2)

    def unfold(self, detail: Tensor, gates: Tensor) -> Tensor:
        return (detail.unsqueeze(-2) * gates).flatten(-2)[..., : self.hop_length]

    def normalise(self, envelope: Tensor) -> Tensor:
        return (envelope - 3.0) / 1.2  # about zero mean and unit variance over the training recordings

    def _corrected(self, stack: CausalStack, state: list[Tensor] | None, inputs: Tensor) -> tuple[list[Tensor], Tensor]:
        with torch.autocast(inputs.device.type, self.training_dtype, enabled=self.training_dtype is not None):
            found: tuple[list[Tensor], Tensor] = stack(state, inputs)
        return found

    # ---- the two halves --------------------------------------------------------------------------------------------

    def encode(self, state: EncodeState | None, audio: Tensor) -> tuple[EncodeState, Tensor]:
        """``(batch, samples)`` to the state for what follows, and latents ``(batch, frames, latent_dim)``."""
        history, envelope, coefs = self.analyse(None if state is None else state.history, audio)
        levels = self.levels(envelope)
        ratio = coefs * (self.envelope_gain / self.quietest) * torch.pow(10.0, -levels)
        companded = (ratio.sign() * torch.log1p(self.companding * ratio.abs())).clamp(-self.most, self.most)
        inputs = torch.cat([companded, self.normalise(envelope)], -1)
        before = None if state is None else state.blocks
        # nothing is trained there
        if torch.jit.is_scripting():  # type: ignore[attr-defined]
            blocks, correction = self.encoder(before, inputs)
        else:
            blocks, correction = self._corrected(self.encoder, before, inputs)
        detail = self.fold(companded, self.gates(levels)) + correction.to(companded)
        return EncodeState(history, blocks), torch.cat([envelope, detail], -1)

    def decode(self, state: DecodeState | None, latents: Tensor) -> tuple[DecodeState, Tensor]:
        """Latents ``(batch, frames, latent_dim)`` to the state for what follows, and the samples of blocks
        ``-1 … frames - 2``: one hop behind.
        """
        envelope, detail = latents[..., : self.n_bands], latents[..., self.n_bands :]
        levels = self.levels(envelope)
        direct = self.unfold(detail, self.gates(levels))
        inputs = torch.cat([direct, detail, self.normalise(envelope)], -1)
        before = None if state is None else state.blocks
        if torch.jit.is_scripting():  # type: ignore[attr-defined]
            blocks, out = self.decoder(before, inputs)
        else:
            blocks, out = self._corrected(self.decoder, before, inputs)
        correction, noisiness = out.to(direct).split(self.hop_length, -1)
        companded = (direct + correction).clamp(-self.most, self.most)
        first = 0 if state is None else state.frame
        noise = signs(first, latents.shape[1], self.hop_length, self.noise_stream).to(latents)
        ratio = companded.sign() * torch.expm1(companded.abs()) / self.companding
        ratio = ratio + nn.functional.softplus(noisiness + self.noise_bias) * noise
        # The exact inverse of the envelope's floor: silence is exactly zero, what lies near the floor keeps its level.
        amplitude = (torch.pow(100.0, levels) - 1).clamp(min=0).sqrt() * (self.quietest / self.envelope_gain)
        blocks_out, rest = overlap_blocks((ratio * amplitude) @ self.basis.T)
        if state is not None:
            blocks_out = torch.cat([blocks_out[:, :1] + state.overlap[:, None], blocks_out[:, 1:]], 1)
        return DecodeState(rest, first + latents.shape[1], blocks), blocks_out.flatten(1)

    @staticmethod
    def output(audio: Tensor) -> Tensor:
        """What leaves the codec: full scale is never passed. (Training looks at the audio before this knee.)"""
        return soft_ceiling(audio)

    @torch.jit.unused
    def forward(self, latents: Tensor) -> Tensor:
        """Latents to aligned audio ``(batch, frames * hop_length)``: the last block is the last frame's right half."""
        state, audio = self.decode(None, latents)
        return torch.cat([audio[:, self.config.hop_length :], state.overlap], 1)
