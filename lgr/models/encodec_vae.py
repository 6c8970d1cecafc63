"""EnCodec without its quantiser, as a variational autoencoder of audio textures (paper 003, 4.4), for small machines.

The paper's model is ``linear_path=False, n_filters=32``: SEANet to a mean and a log variance a frame and back to audio,
purely causal. From scratch that takes it 200,000 steps on a GPU.

Ours, ``linear_path=True``, starts from the best linear codec of the same size, and SEANet learns corrections to it. The
linear codec is a lapped transform: frame ``t`` is the MDCT of blocks ``t - 1`` and ``t`` of ``hop_length`` samples,
reduced to ``latent_dim`` directions by a principal component analysis (``fit_linear_path``). The MDCT is orthonormal,
so what the reduction loses of the waveform is exactly the sum of the eigenvalues that it drops. Each latent is divided
by its standard deviation over the training recordings, so that the prior N(0, I) fits it. Its posterior's noise starts
in proportion to the frame's level and alike in all directions of the waveform (a small deviation along loud ones), 30
dB under the sound or more. The directions stay; the network is trained, and its corrections are measured in the frame's
own level (``LevelGain``). The overlap asks for the next frame: one hop of look-ahead. A file's very last block has no
next frame, and is only what the last frame says of it.

The paper's weight of the KL term, 30, belongs to a normalisation of its terms that it does not print. With a relative
L1 of weight 1 (``lgr.losses.reconstruction_terms``) and ``beta`` a nat of a latent vector, equal slopes of the two give
a sampling noise of about ``beta * latent_dim * error`` of the sound's energy, ``error`` being that L1: 1e-4 leaves 30
to 36 dB, 1e-3 leaves 20 to 26.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lgr.errors import ArgumentError, check_shape
from lgr.models.grain_model import GrainModel, GrainModelConfig, Posterior
from lgr.models.linear_path import GainState, LevelGain, LinearPath, ramps
from lgr.models.mdct import mdct_basis, overlap_blocks
from lgr.models.seanet import States, seanet_decoder, seanet_encoder

LOG_VARIANCE_RANGE = (-18.0, 4.0)  # what the KL term and exp() can bear
FLAT = 1e-4  # a direction 40 dB below the mean energy is not blown up to unit variance
NOISE = 1e-3  # energy of the first posteriors' noise over the sound's, at most: 30 dB below


@dataclass(frozen=True, kw_only=True)
class EncodecVAEConfig(GrainModelConfig):
    """Sizes. The paper's: ``n_filters=32``, ``linear_path=False``, ``latent_dim`` 16 or 128.

    With 12 filters and 16 latents the weights are two million numbers. ``strides`` are the encoder's, first layer
    first; their product is ``hop_length``.
    """

    hop_length: int = 320
    latent_dim: int = 16
    n_filters: int = 12
    strides: tuple[int, ...] = (2, 4, 5, 8)
    lstm_layers: int = 2  # 0 leaves the LSTM out
    linear_path: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "strides", tuple(self.strides))  # JSON has lists only
        super().__post_init__()
        if not isinstance(self.n_filters, int) or self.n_filters < 1:
            raise ArgumentError(f"n_filters must be a whole number >= 1, got {self.n_filters!r}")
        if not isinstance(self.lstm_layers, int) or self.lstm_layers < 0:
            raise ArgumentError(f"lstm_layers must be a whole number >= 0, got {self.lstm_layers!r}")
        whole = all(isinstance(stride, int) and stride >= 1 for stride in self.strides)
        if not whole or math.prod(self.strides) != self.hop_length:
            raise ArgumentError(
                f"strides must be whole numbers whose product is hop_length {self.hop_length}, got {self.strides}"
            )
        if self.linear_path and self.latent_dim > self.hop_length:
            raise ArgumentError(
                f"latent_dim must be at most hop_length {self.hop_length} with linear_path, got {self.latent_dim}"
            )


class EncodeState(NamedTuple):
    """``pending``: samples of a hop not yet whole; ``previous``: the hop before; ``network``: SEANet's."""

    pending: Tensor
    previous: Tensor | None
    gain: GainState | None
    network: States | None


class DecodeState(NamedTuple):
    """``overlap``: the right half of the last frame, ``(batch, hop)``, None without a linear path."""

    overlap: Tensor | None
    gain: GainState | None
    network: States


class EncodecVAE(GrainModel):
    """See the module's text. ``fit_linear_path`` comes before training where there is a linear path."""

    config: EncodecVAEConfig
    causal = True

    def __init__(self, config: EncodecVAEConfig) -> None:
        super().__init__()
        self.config = c = config
        self.lookahead = c.hop_length if c.linear_path else 0
        width = 4 * c.n_filters  # EnCodec's 128 at 32 filters
        self.encoder = seanet_encoder(c.n_filters, c.strides, c.lstm_layers, width)
        self.to_mean = nn.Linear(width, c.latent_dim)
        self.to_log_variance = nn.Linear(width, c.latent_dim)
        self.decoder = seanet_decoder(
            c.latent_dim + len(c.labels), c.n_filters, c.strides, c.lstm_layers, zero=c.linear_path
        )
        self.linear: LinearPath | None = None
        if c.linear_path:
            self.linear = LinearPath(c.hop_length, c.latent_dim)
            self.encoder_gain, self.decoder_gain = LevelGain(c.latent_dim), LevelGain(c.latent_dim)
        nn.init.zeros_(self.to_log_variance.weight)
        nn.init.zeros_(self.to_log_variance.bias)
        if self.linear is not None:
            nn.init.zeros_(self.to_mean.weight)
            nn.init.zeros_(self.to_mean.bias)
        else:
            nn.init.constant_(self.to_log_variance.bias, -4.0)  # start by learning to reconstruct

    # ---- audio to latents --------------------------------------------------------------------------------------------

    def posterior(self, audio: Tensor) -> Posterior:
        """``(batch, samples >= 1)`` to ``ceil(samples / hop_length)`` frames; ``ShapeError`` otherwise."""
        check_shape("audio", audio.shape, "(batch, samples >= 1)", audio.ndim == 2 and audio.shape[1] > 0)
        return self._encode(None, audio, flush=True)[1]

    def encode_step(
        self, state: EncodeState | None, audio: Tensor, *, flush: bool = False
    ) -> tuple[EncodeState, Tensor]:
        check_shape("audio", audio.shape, "(batch, samples)", audio.ndim == 2)
        state, posterior = self._encode(state, audio, flush=flush)
        return state, posterior.mean

    def _encode(self, state: EncodeState | None, audio: Tensor, *, flush: bool) -> tuple[EncodeState, Posterior]:
        c, hop = self.config, self.config.hop_length
        pending, previous, gain, network = state or EncodeState(audio[:, :0], None, None, None)
        audio = torch.cat([pending, audio], 1)
        if flush:
            audio = nn.functional.pad(audio, (0, -audio.shape[1] % hop))
        frames = audio.shape[1] // hop
        whole, pending = audio[:, : frames * hop], audio[:, frames * hop :]
        if frames == 0:
            none = audio.new_zeros(audio.shape[0], 0, c.latent_dim)
            return EncodeState(pending, previous, gain, network), Posterior(none, none)
        features, network = self.encoder(whole[:, None], network)
        features = features.transpose(1, 2)  # (batch, frames, width)
        mean, log_variance = self.to_mean(features).to(audio), self.to_log_variance(features).to(audio)
        if self.linear is not None:
            if previous is None:
                previous = audio.new_zeros(audio.shape[0], hop)
            both = torch.cat([previous, whole], 1).unfold(1, 2 * hop, hop)  # (batch, frames, 2 * hop)
            with torch.autocast(audio.device.type, enabled=False):  # the waveform itself passes here
                direct, level = self.linear.encode(both)
                _, log_gains, gain = self.encoder_gain(direct, gain)
                mean = direct + log_gains[:, 1:, None].exp() * mean
                log_variance = self.linear.log_variance + level + log_variance
        # A copy: a view would keep the whole chunk alive.
        state = EncodeState(pending.clone(), whole[:, -hop:].clone(), gain, network)
        return state, Posterior(mean, log_variance.clamp(*LOG_VARIANCE_RANGE))

    # ---- latents to audio --------------------------------------------------------------------------------------------

    def render(self, latents: Tensor, labels: Tensor, *, seeds: Sequence[int], first_frame: int = 0) -> Tensor:
        """See ``GrainModel``; there is no noise in this decoder, so seeds and the first frame change nothing."""
        if len(seeds) != latents.shape[0]:
            raise ArgumentError(f"seeds must be one a batch item ({latents.shape[0]}), got {len(seeds)}")
        return self.decode_step(None, latents, labels, seed=0, flush=True)[1]

    def decode_step(
        self, state: DecodeState | None, latents: Tensor, labels: Tensor, *, seed: int, flush: bool = False
    ) -> tuple[DecodeState | None, Tensor]:
        c, hop = self.config, self.config.hop_length
        ok = latents.ndim == 3 and latents.shape[2] == c.latent_dim
        check_shape("latents", latents.shape, f"(batch, frames, {c.latent_dim})", ok)
        expected = (*latents.shape[:2], len(c.labels))
        check_shape("labels", labels.shape, f"(batch, frames, n_labels) {expected}", labels.shape == expected)
        labels = labels.to(latents)
        if flush and self.linear is not None and (state is not None or latents.shape[1] > 0):
            # The frame after the last is silent: it ends the last hop.
            latents, labels = (nn.functional.pad(x, (0, 0, 0, 1)) for x in (latents, labels))
        if latents.shape[1] == 0:
            return state, latents.new_zeros(latents.shape[0], 0)
        network = None if state is None else state.network
        if self.linear is None:
            audio, network = self.decoder(torch.cat([latents, labels], 2).transpose(1, 2), network)
            return DecodeState(None, None, network), audio[:, 0].to(latents)
        # Frame t completes block t - 1, in the network as in the overlap.
        with torch.autocast(latents.device.type, enabled=False):
            blocks, rest = overlap_blocks(self.linear.decode(latents))
            levels, log_gains, gain = self.decoder_gain(latents, None if state is None else state.gain)
            relative = torch.asinh(latents / levels)  # of one size at any level
        if state is not None and state.overlap is not None:
            blocks = torch.cat([blocks[:, :1] + state.overlap[:, None], blocks[:, 1:]], 1)
        correction, network = self.decoder(torch.cat([relative, labels], 2).transpose(1, 2), network)
        audio = blocks.flatten(1) + correction[:, 0].to(latents) * ramps(log_gains, hop)
        return DecodeState(rest.clone(), gain, network), audio[:, hop:] if state is None else audio


@torch.no_grad()
def fit_linear_path(model: EncodecVAE, audio_batches: Iterable[Tensor]) -> float:
    """Make the linear path the best linear codec of its size for these recordings; call it before training.

    Every clip counts alike, however loud: the directions are the principal components of the MDCT coefficients of all
    clips, each clip scaled to the same energy. Scales and deviations are those of the clips as they are.

    Parameters
    ----------
    audio_batches : tensors (batch, samples), samples >= 2 * hop_length; some minutes of sound in all

    Returns
    -------
    float in [0, 1] : the share of a clip's energy that the directions do not hold, on average; 0.01 is 20 dB

    Raises
    ------
    ArgumentError : a model without a linear path, or batches without a frame of sound
    """
    if model.linear is None:
        raise ArgumentError("model must have linear_path=True to be fitted, got linear_path=False")
    hop, size = model.config.hop_length, model.config.latent_dim
    device = model.linear.directions.device
    basis = mdct_basis(hop).to(device)
    alike = torch.zeros(hop, hop, dtype=torch.float64, device=device)  # covariance with every clip scaled alike
    plain = torch.zeros_like(alike)
    frames, clips = 0, 0
    for audio in audio_batches:
        check_shape(
            "audio", audio.shape, f"(batch, samples >= {2 * hop})", audio.ndim == 2 and audio.shape[1] >= 2 * hop
        )
        coefs = audio.to(basis).unfold(1, 2 * hop, hop) @ basis  # (batch, frames, hop)
        energy = coefs.square().sum(2).mean(1)  # of each clip
        sounding = energy > 1e-9 * hop  # -90 dBFS
        for clip, power in zip(coefs[sounding].double(), energy[sounding].double(), strict=True):
            covariance = clip.T @ clip
            plain += covariance
            alike += covariance / (power * clip.shape[0])
            frames, clips = frames + clip.shape[0], clips + 1
    if clips == 0:
        raise ArgumentError("audio_batches must hold sound above -90 dBFS, got silence only")
    plain, alike = plain / frames, alike / clips
    values, vectors = torch.linalg.eigh(alike)  # ascending
    kept = vectors[:, -size:].flip(1)  # (hop, latent_dim), the strongest direction first
    variance = (kept * (plain @ kept)).sum(0)
    dropped = (plain.trace() - variance.sum()).clamp(min=0)
    floor = FLAT * variance.mean()
    variance = variance.clamp(min=floor)
    # Sampling adds, in all, the energy that was dropped, or NOISE of what was kept where that is less.
    noise = torch.minimum(dropped / size, NOISE * variance.mean()).clamp(min=floor / 10)
    model.linear.directions.copy_(basis.double() @ kept)
    model.linear.scale.copy_(variance.sqrt())
    model.linear.log_variance.copy_(torch.log((noise / variance).clamp(max=1.0)))
    return float(values[: hop - size].sum().clamp(min=0) / values.sum())
