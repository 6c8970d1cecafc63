"""The spectral model: latents that say magnitudes and how tonal they are; phase is made when sound is made.

What is held or interpolated is then what is heard. A latent is ``[level | brightness | noisiness | envelope | shape]``:

- the *level* of its two spectra, computed (``lgr.models.level_latent``): networks see the spectra at unit level, and
  what they decode is scaled to exactly the power that the level says, so a straight line between levels is one in dB;
- two *controls*, 0 from ``encode``: *brightness* moves the centroid by so many octaves, *noisiness* moves power between
  tones and noise (``lgr.models.spectral.controls``), both at the same level;
- the *envelope*, computed: when, within the latent's hop, sound begins (``lgr.models.spectral.envelope``);
- the *shape*, learned: principal components of log magnitudes, which a causal network corrects, and back to the power
  of every bin and how well it is known, which another one does: what is known well is a tone. Training is by maximum
  likelihood (``lgr.models.spectral.likelihood``); no waveform is compared. (Networks alone, without the components,
  had after eight minutes of training three times the error that the components have before it.)

Sound is made of tones with phases by ``lgr.models.spectral.phase``, and of white noise under the decoded spectrum.
"""

import copy
from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from lgr.errors import ArgumentError, check_shape
from lgr.models.bundled.layers import CausalStack
from lgr.models.grain_model import GrainModel, Posterior
from lgr.models.level_latent import LEVEL_DB, latent_to_level, level_to_latent
from lgr.models.seeded_noise import uniform_noise
from lgr.models.spectral.config import FRAMES, SpectralConfig
from lgr.models.spectral.controls import CONTROLS
from lgr.models.spectral.envelope import BLOCKS, EnvelopeState, envelope, envelope_step
from lgr.models.spectral.heard import heard_form
from lgr.models.spectral.likelihood import spread_of
from lgr.models.spectral.objective import draw_splices, spectral_terms
from lgr.models.spectral.phase import PhaseState, phase_step
from lgr.models.spectral.spectra import LOG_SCALE, at_unit_level, log_magnitudes, tone_and_noise, unit_powers
from lgr.models.spectral.stft import Overlap, Stft
from lgr.models.timbre import FLOOR_DECADES, raise_floor, timbre_map
from lgr.sound.level import AMPLITUDE_FLOOR
from lgr.sound.mel import mel_filters

ENVELOPE = 1 + CONTROLS  # where a latent's envelope begins
SHAPE = ENVELOPE + BLOCKS  # and its shape
FIRST_LOG_VARIANCE = -6.0  # of an untrained posterior: the decoder hears the latents from the start
OF_ENVELOPE = 0.25  # what a wrong envelope counts beside a wrong level
UNIT = 3**0.5  # uniform noise in [-1, 1) times this has RMS 1
LOUD, FALL = 4.0, 2.0  # decades of an average sound's lowest band, and by how many its highest is below


class EncodeState(NamedTuple):
    samples: Tensor  # (batch, n): from the start of the next spectrum's window on
    ahead: int  # how many samples have come since the start of the next latent's hop
    network: list[Tensor] | None


class DecodeState(NamedTuple):
    spectrum: int  # absolute index of the next spectrum to be played
    network: list[Tensor] | None = None
    phases: PhaseState | None = None
    waiting: tuple[Tensor, Tensor] | None = None  # (batch, 0 or 1, bins): tone and noise that wait for phases
    overlap: Overlap | None = None
    received: int = 0  # spectra
    added: int = 0  # samples that came out of overlap-add; the first ``Stft.before`` lie before the file
    envelope: EnvelopeState | None = None


class SpectralVAE(GrainModel):
    """See the module. Causal but for its ``lookahead``: windows reach beyond their hop, phases wait for a spectrum."""

    config: SpectralConfig
    causal = True
    generates = True
    controls = MappingProxyType(
        {
            "level": "dB",
            "brightness": "octaves of the spectrum's centroid",
            "noisiness": "20 dB of noise against tone",
            "intensity": "dB that a sound gets louder by itself, here at its own level",
        }
    )

    def __init__(self, config: SpectralConfig) -> None:
        super().__init__()
        self.config = c = config
        shape = c.latent_dim - SHAPE
        self.stft = Stft(c.window_length, c.spacing)
        sizes = {"width": c.width, "kernel_size": c.kernel_size, "expansion": c.expansion}
        self.encoder = CausalStack(FRAMES * c.bins, 2 * shape, n_blocks=c.encoder_blocks, **sizes)
        self.decoder = CausalStack(shape + len(c.labels), 2 * FRAMES * c.bins, n_blocks=c.decoder_blocks, **sizes)
        self.to_shape = nn.Linear(FRAMES * c.bins, shape, bias=False)
        self.from_shape = nn.Linear(shape, FRAMES * c.bins)
        # The components stay as they were fitted: steps that networks need are far too large for them.
        self.to_shape.requires_grad_(False)
        self.from_shape.requires_grad_(False)
        with torch.no_grad():
            self.encoder.outlet.bias[shape:] = FIRST_LOG_VARIANCE
        self._exact: list[Any] = []  # see ``parts``; a list, so that it is no part of the weights
        self.bands = nn.Sequential(
            nn.Linear(shape, c.band_width),
            nn.GELU(),
            nn.Linear(c.band_width, c.band_width),
            nn.GELU(),
            nn.Linear(c.band_width, c.n_bands),
        )
        self.filters: Tensor
        self.register_buffer("filters", mel_filters(c.window_length, c.n_bands, c.sample_rate), persistent=False)
        matrix, bias = timbre_map(LOUD - FALL * torch.linspace(0, 1, c.n_bands))
        self.matrix: Tensor
        self.bias: Tensor
        self.register_buffer("matrix", matrix, persistent=False)
        self.register_buffer("bias", bias, persistent=False)
        self.intensity: Tensor  # (latent_dim,), see ``lgr.models.spectral.intensity``
        self.register_buffer("intensity", torch.zeros(c.latent_dim))
        self.counted: Tensor  # what a bin's power is of a signal's, all bins together giving its mean square
        counted = torch.full((c.bins,), 2.0 / c.window_length)
        counted[[0, -1]] = 1.0 / c.window_length
        self.register_buffer("counted", counted, persistent=False)
        # A hop's last sample is under the last spectrum that begins up to there, which needs the next one for its
        # phases, and that one's latent is read from spectra whose windows reach further.
        before = self.stft.before
        last = (c.hop_length - 1 + before) // c.spacing + 1
        latent = last // FRAMES
        self.lookahead = latent * c.hop_length + (FRAMES - 1) * c.spacing - before + c.window_length - c.hop_length

    # ---- audio to latents ------------------------------------------------------------------------------------------

    def spectra(self, audio: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Magnitudes at unit level ``(batch, latents, 2, bins)``, levels ``(batch, latents, 1)`` (RMS), envelopes."""
        c, before = self.config, self.stft.before
        count = FRAMES * -(-audio.shape[1] // c.hop_length)
        length = (count - 1) * c.spacing + c.window_length
        padded = nn.functional.pad(audio, (before, length - before - audio.shape[1]))
        return self._unit(padded)

    def _unit(self, samples: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        magnitudes = self.stft.frames(samples).abs()
        magnitudes = magnitudes.view(magnitudes.shape[0], -1, FRAMES, self.config.bins)
        unit, level = at_unit_level(magnitudes, self.counted.to(magnitudes))
        first = self.stft.before
        hops = samples[:, first : first + magnitudes.shape[1] * self.config.hop_length]
        return unit, level, envelope(hops, level, self.config.hop_length)

    def _encode(
        self, state: list[Tensor] | None, unit: Tensor, level: Tensor, quarters: Tensor
    ) -> tuple[list[Tensor], Posterior]:
        encoder, to_shape, _, from_shape = self.parts(unit.dtype == torch.float64)
        centred = log_magnitudes(unit) - from_shape.bias
        state, out = encoder(state, centred / LOG_SCALE)
        mean, log_variance = out.chunk(2, -1)
        mean = mean + to_shape(centred)
        nothing = mean.new_zeros(*mean.shape[:2], CONTROLS)
        first = torch.cat([level_to_latent(level.to(mean)), nothing, quarters.to(mean)], -1)
        known = torch.full_like(first, -14.0)
        return state, Posterior(torch.cat([first, mean], -1), torch.cat([known, log_variance.clamp(-14.0, 4.0)], -1))

    def posterior(self, audio: Tensor) -> Posterior:
        check_shape("audio", audio.shape, "(batch, samples >= 1)", audio.ndim == 2 and audio.shape[1] > 0)
        found = self._encode(None, *self.spectra(self._exactly(audio)))[1]
        return Posterior(found.mean.to(audio), found.log_variance.to(audio))

    def encode_step(
        self, state: EncodeState | None, audio: Tensor, *, flush: bool = False
    ) -> tuple[EncodeState, Tensor]:
        check_shape("audio", audio.shape, "(batch, samples)", audio.ndim == 2)
        c = self.config
        if state is None:
            state = EncodeState(audio.new_zeros(audio.shape[0], self.stft.before), 0, None)
        samples, ahead = torch.cat([state.samples, audio], 1), state.ahead + audio.shape[1]
        needed = (FRAMES - 1) * c.spacing + c.window_length
        frames = max(0, (samples.shape[1] - needed) // c.hop_length + 1)
        if flush:
            frames = max(0, -(-ahead // c.hop_length))
            samples = nn.functional.pad(samples, (0, max(0, (frames - 1) * c.hop_length + needed - samples.shape[1])))
        rest, network = samples[:, frames * c.hop_length :], state.network
        if frames == 0:
            return EncodeState(rest, ahead, network), audio.new_zeros(audio.shape[0], 0, c.latent_dim)
        whole = samples[:, : (frames - 1) * c.hop_length + needed]
        network, posterior = self._encode(network, *self._unit(self._exactly(whole)))
        return EncodeState(rest, ahead - frames * c.hop_length, network), posterior.mean.to(audio)

    # ---- latents to audio ------------------------------------------------------------------------------------------

    def shapes(
        self,
        state: list[Tensor] | None,
        latents: Tensor,
        labels: Tensor,
    ) -> tuple[list[Tensor], Tensor, Tensor]:
        """Log powers at unit level and their spreads (nepers), both ``(batch, latents, 2, bins)``."""
        inputs = torch.cat([latents[..., SHAPE:], labels.to(latents)], -1)
        _, _, decoder, straight_line = self.parts(latents.dtype == torch.float64)
        state, out = decoder(state, inputs)
        power, spread = out.unflatten(-1, (2, FRAMES, self.config.bins)).unbind(2)
        straight = straight_line(latents[..., SHAPE:]).unflatten(-1, (FRAMES, self.config.bins))
        return state, unit_powers(power, straight, self.counted), spread_of(spread)

    def magnitudes(
        self, state: list[Tensor] | None, latents: Tensor, labels: Tensor
    ) -> tuple[list[Tensor], Tensor, Tensor]:
        """Magnitudes of tone and of noise in every bin, ``(batch, 2 * latents, bins)``, controls and level applied."""
        latents = self._exactly(latents)
        state, power, spread = self.shapes(state, latents, labels)
        controls, counted = latents[..., 1:ENVELOPE], self.counted.to(power)
        tone, noise = tone_and_noise(power, spread, latents[..., :1], controls, counted, self.config.sample_rate)
        return state, tone, noise

    def _exactly(self, x: Tensor) -> Tensor:
        """In double precision where the device has it, and nothing is trained.

        Products of matrices, and transforms, round differently for every chunk and batch, and phases make much of the
        last bit: in single precision chunks of a stream gave 3e-4 of another wave. What is encoded in double and then
        rounded is the same in any chunks, but for a number in many millions that lies just between two.
        """
        learns = torch.is_grad_enabled() and any(weight.requires_grad for weight in self.parameters())
        return x if learns or x.device.type == "mps" else x.double()

    def parts(self, exact: bool) -> tuple[CausalStack, nn.Linear, CausalStack, nn.Linear]:
        """Encoder, components, decoder, straight line; in double precision made anew when a weight has changed."""
        parts = (self.encoder, self.to_shape, self.decoder, self.from_shape)
        if not exact:
            return parts
        stamp = [_stamp(w) for part in parts for w in part.parameters()]
        if not self._exact or self._exact[0] != stamp:
            self._exact[:] = [stamp, tuple(copy.deepcopy(part).double().requires_grad_(False) for part in parts)]
        found: tuple[CausalStack, nn.Linear, CausalStack, nn.Linear] = self._exact[1]
        return found

    def render(self, latents: Tensor, labels: Tensor, *, seeds: Sequence[int], first_frame: int = 0) -> Tensor:
        if len(seeds) != latents.shape[0]:
            raise ArgumentError(f"seeds must be one a batch item, {latents.shape[0]}, got {len(seeds)}")
        return self._play(DecodeState(FRAMES * first_frame), latents, labels, seeds, flush=True)[1]

    def decode_step(
        self, state: DecodeState | None, latents: Tensor, labels: Tensor, *, seed: int, flush: bool = False
    ) -> tuple[DecodeState, Tensor]:
        return self._play(state or DecodeState(0), latents, labels, [seed] * latents.shape[0], flush=flush)

    def _play(
        self, state: DecodeState, latents: Tensor, labels: Tensor, seeds: Sequence[int], *, flush: bool
    ) -> tuple[DecodeState, Tensor]:
        c, before = self.config, self.stft.before
        ok = latents.ndim == 3 and latents.shape[2] == c.latent_dim
        check_shape("latents", latents.shape, f"(batch, frames, {c.latent_dim})", ok)
        expected = (*latents.shape[:2], len(c.labels))
        check_shape("labels", labels.shape, f"(batch, frames, n_labels) {expected}", labels.shape == expected)
        network, kept = state.network, state.waiting
        tone = noise = latents.new_zeros(latents.shape[0], 0, c.bins) if kept is None else kept[0][:, :0]
        if latents.shape[1]:
            network, tone, noise = self.magnitudes(network, latents, labels)
        phases, angles = phase_step(state.phases, tone, hop=c.spacing, window_length=c.window_length, flush=flush)
        if kept is not None:
            tone, noise = torch.cat([kept[0], tone], 1), torch.cat([kept[1], noise], 1)
        ready = angles.shape[1]
        spectra = torch.polar(tone[:, :ready], angles)
        if ready:
            spectra = spectra + noise[:, :ready] * self._noise(state.spectrum, ready, seeds)
        spectra = spectra.to(torch.complex128 if latents.dtype == torch.float64 else torch.complex64)
        overlap, audio = self.stft.add(state.overlap, self.stft.pieces(spectra), flush=flush)
        received = state.received + FRAMES * latents.shape[1]
        if flush:  # as far as the file goes
            audio = audio[:, : before + received * c.spacing - state.added]
        added = state.added + audio.shape[1]
        coded = torch.cat([latents[..., :1], latents[..., ENVELOPE:SHAPE]], -1)
        audio = audio[:, max(0, before - state.added) :]
        shaped, audio = envelope_step(state.envelope, coded, audio, c.hop_length, flush=flush)
        after = DecodeState(
            state.spectrum + ready,
            network,
            phases,
            (tone[:, ready:], noise[:, ready:]),
            overlap,
            received,
            added,
            shaped,
        )
        return after, audio

    def _noise(self, first: int, count: int, seeds: Sequence[int]) -> Tensor:
        """Spectra of white noise of RMS 1, a function of the seed and the absolute index: ``(batch, count, bins)``."""
        blocks = uniform_noise(*self.stft.blocks_under(first, count), self.config.spacing, seeds)
        return self.stft.frames_over(blocks.to(self.stft.window) * UNIT, count)

    def steered(self, latents: Tensor, control: str, amounts: Tensor) -> Tensor:
        latents = latents.clone()
        if control == "level":
            louder = latent_to_level(latents[..., 0]) * torch.pow(10.0, amounts / 20)
            latents[..., 0] = level_to_latent(louder)
        elif control == "intensity":
            latents[..., SHAPE:] += amounts[:, None] / LEVEL_DB * self.intensity[SHAPE:]
        else:
            latents[..., list(self.controls).index(control)] += amounts
        return latents

    # ---- what matching reads ---------------------------------------------------------------------------------------

    def heard_form(self) -> Tensor:
        line = self.from_shape.requires_grad_(False)
        return heard_form(line.weight, line.bias, self.counted, self.config.sample_rate, CONTROLS, BLOCKS)

    def log_bands(self, latents: Tensor) -> Tensor:
        """Mel amplitudes at unit level that a latent stands for by itself, decades: ``(..., n_bands)``."""
        return cast(Tensor, self.bands(latents[..., SHAPE:]))

    def features(self, latents: Tensor) -> Tensor:
        """The mel spectrum that a latent stands for, read as timbre (``lgr.models.timbre``)."""
        level = latent_to_level(latents[..., :1]) / AMPLITUDE_FLOOR
        decades = torch.log10(torch.pow(10.0, self.log_bands(latents)) * level + 1e-3)
        return raise_floor(decades, FLOOR_DECADES) @ self.matrix.T + self.bias

    # ---- training --------------------------------------------------------------------------------------------------

    def objective(
        self, audio: Tensor, latents: Tensor, labels: Tensor, generator: torch.Generator | None = None
    ) -> dict[str, Tensor]:
        with torch.no_grad():
            unit, level, quarters = self.spectra(audio)
        held = labels[:, None].expand(-1, latents.shape[1], -1)
        if generator is not None:
            clip = draw_splices(latents.shape[0], latents.shape[1], generator).to(latents.device)
            frame = torch.arange(latents.shape[1], device=latents.device)
            latents, unit, level, quarters, held = (x[clip, frame] for x in (latents, unit, level, quarters, held))
        _, power, spread = self.shapes(None, latents, held)
        alone = self.log_bands(latents).float()
        # 0 for what ``posterior`` gave; a series that a temporal embedding plays must learn it.
        off = (latents[..., :1] - level_to_latent(level)).abs().mean()
        off = off + OF_ENVELOPE * (latents[..., ENVELOPE:SHAPE] - quarters).abs().mean()
        return {"loudness": off} | spectral_terms(
            unit, level, power.float(), spread.float(), alone, self.filters, self.config.sample_rate
        )


def _stamp(weight: Tensor) -> tuple[int, int, torch.device]:
    """What changes when a weight does. (One that was made in inference mode never does, and counts no versions.)"""
    return weight.data_ptr(), 0 if weight.is_inference() else weight._version, weight.device
