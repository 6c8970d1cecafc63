"""``SpectralVAE`` as a scriptable stream: its networks in double precision, and the functions that it calls.

What encodes and decodes between networks is ``lgr.models.spectral``'s own, which TorchScript takes as it is; here is
what these are put together with there, held equal to it by a test. Phases run on from call to call: they are state.
"""

import torch
from torch import Tensor, nn

from lgr.codecs.trained import NOISE_SEED, TrainedCodec
from lgr.export.stream import Stream
from lgr.models.level_latent import latent_to_level, level_to_latent
from lgr.models.seeded_noise import stream, uniforms
from lgr.models.spectral.config import FRAMES
from lgr.models.spectral.controls import CONTROLS
from lgr.models.spectral.envelope import EnvelopeState, envelope, envelope_step
from lgr.models.spectral.likelihood import spread_of
from lgr.models.spectral.model import ENVELOPE, SHAPE, UNIT, SpectralVAE
from lgr.models.spectral.phase import PhaseState, phase_step
from lgr.models.spectral.spectra import LOG_SCALE, at_unit_level, log_magnitudes, tone_and_noise, unit_powers
from lgr.models.spectral.stft import Overlap
from lgr.models.timbre import FLOOR_DECADES, raise_floor
from lgr.sound.level import AMPLITUDE_FLOOR

KEPT = 13  # tensors of a decoder's state before those of its network


class SpectralStream(Stream):
    """``TrainedCodec`` of a ``SpectralVAE``. Its state begins with the counts and tensors that ``decode`` names."""

    matrix: Tensor
    bias: Tensor

    def __init__(self, codec: TrainedCodec, model: SpectralVAE) -> None:
        c, before = model.config, model.stft.before
        # Samples that a latent is read from, of which ``before`` lie before its own hop.
        needed = (FRAMES - 1) * c.spacing + c.window_length
        # Of the last spectrum the phases are not known, and of the last window as much reaches before its own hop.
        behind = max(1, -(-(c.spacing + before) // c.hop_length))
        super().__init__(
            codec.info,
            late_frames=-(-(needed - before) // c.hop_length) - 1,
            late_samples=behind * c.hop_length,
        )
        self.needed, self.before, self.spacing, self.window_length = needed, before, c.spacing, c.window_length
        self.bins, self.spectra, self.controls, self.own_dim = c.bins, FRAMES, CONTROLS, c.latent_dim
        self.at_envelope, self.at_shape, self.kept = ENVELOPE, SHAPE, KEPT
        self.log_scale, self.unit, self.begin = LOG_SCALE, UNIT, stream(NOISE_SEED)
        self.floor_decades, self.quietest = FLOOR_DECADES, AMPLITUDE_FLOOR
        self.stft, self.counted = model.stft, model.counted.double()
        self.encoder, self.to_shape, self.decoder, self.from_shape = model.parts(exact=True)
        self.bands, self.matrix, self.bias = model.bands, model.matrix, model.bias

    @torch.jit.export
    def encode(self, state: list[Tensor], audio: Tensor) -> tuple[list[Tensor], Tensor]:
        batch = audio.shape[0]
        held = state[0] if len(state) > 0 else audio.new_zeros((batch, self.before))
        samples = torch.cat([held, audio], 1)
        frames = max(0, (samples.shape[1] - self.needed) // self.hop + 1)
        if frames == 0:
            return [samples] + state[1:], audio.new_zeros((batch, self.latent_dim, 0))  # noqa: RUF005
        whole = samples[:, : (frames - 1) * self.hop + self.needed].double()
        magnitudes = self.stft.frames(whole).abs().view(batch, frames, self.spectra, self.bins)
        unit, level = at_unit_level(magnitudes, self.counted)
        quarters = envelope(whole[:, self.before : self.before + frames * self.hop], level, self.hop)
        centred = log_magnitudes(unit) - self.from_shape.bias
        network: list[Tensor] | None = None
        if len(state) > 1:
            network = state[1:]
        network, out = self.encoder(network, centred / self.log_scale)
        shape = out[..., : self.own_dim - self.at_shape] + self.to_shape(centred)
        first = nn.functional.pad(level_to_latent(level), [0, self.controls])
        latents = torch.cat([first, quarters, shape], -1).to(audio)
        latents = nn.functional.pad(latents, [0, self.latent_dim - self.own_dim])  # the labels: unknown
        return [samples[:, frames * self.hop :].clone()] + network, latents.transpose(1, 2)  # noqa: RUF005

    @torch.jit.export
    def decode(self, state: list[Tensor], latents: Tensor) -> tuple[list[Tensor], Tensor]:
        network: list[Tensor] | None = None
        if len(state) > 0:
            network = state[self.kept :]
        network, tone, noise = self.magnitudes(network, latents.transpose(1, 2).double())
        batch, count = latents.shape[0], latents.shape[2]
        index, added = 0, 0  # spectra that were played, samples that came out of overlap-add
        phases: PhaseState | None = None
        overlap: Overlap | None = None
        shaped: EnvelopeState | None = None
        if len(state) > 0:
            index, added = int(state[0]), int(state[1])
            phases = PhaseState(state[2], state[3], state[4])
            overlap = Overlap(state[7], state[8])
            shaped = EnvelopeState(state[9], state[10], state[11], state[12] if state[12].numel() > 0 else None)
        phases, angles = phase_step(phases, tone, hop=self.spacing, window_length=self.window_length)
        if len(state) > 0:
            tone, noise = torch.cat([state[5], tone], 1), torch.cat([state[6], noise], 1)
        ready = angles.shape[1]
        spectra = torch.polar(tone[:, :ready], angles) + noise[:, :ready] * self.white(index, ready)
        overlap, audio = self.stft.add(overlap, self.stft.pieces(spectra.to(torch.complex64)))
        made = audio.shape[1]
        audio = audio[:, max(0, self.before - added) :]
        coded = torch.cat([latents[:, :1], latents[:, self.at_envelope : self.at_shape]], 1).transpose(1, 2)
        shaped, audio = envelope_step(shaped, coded, audio, self.hop)
        # As much as there were frames, from the first call on: what is then missing lies before the stream.
        audio = nn.functional.pad(audio, [count * self.hop - audio.shape[1], 0])
        last, kept, phase, gain = phases.before, phases.waiting, phases.phase, shaped.gain
        assert last is not None  # two spectra came, so one has phases
        assert kept is not None
        assert phase is not None
        after = [
            torch.tensor(index + ready),
            torch.tensor(added + made),
            last,
            kept,
            phase,
            tone[:, ready:].clone(),
            noise[:, ready:].clone(),
            overlap.sums.clone(),
            overlap.weights.clone(),
            shaped.audio.clone(),
            shaped.levels.clone(),
            shaped.before,
            gain if gain is not None else audio.new_zeros((batch, 0)),
        ]
        return after + network, audio

    def magnitudes(self, network: list[Tensor] | None, latents: Tensor) -> tuple[list[Tensor], Tensor, Tensor]:
        """Of tone and of noise, both ``(batch, 2 * frames, bins)``, and the network's state."""
        shape = latents[..., self.at_shape : self.own_dim]
        network, out = self.decoder(network, latents[..., self.at_shape :])
        power, spread = torch.unflatten(out, -1, (2, self.spectra, self.bins)).unbind(2)
        straight = torch.unflatten(self.from_shape(shape), -1, (self.spectra, self.bins))
        powers, controls = unit_powers(power, straight, self.counted), latents[..., 1 : self.at_envelope]
        tone, noise = tone_and_noise(
            powers, spread_of(spread), latents[..., :1], controls, self.counted, self.sample_rate
        )
        return network, tone, noise

    def white(self, first: int, count: int) -> Tensor:
        """Spectra of white noise of RMS 1, ``(1, count, bins)``."""
        block, blocks = self.stft.blocks_under(first, count)
        return self.stft.frames_over(uniforms(block, blocks, self.spacing, self.begin)[None] * self.unit, count)

    @torch.jit.export
    def features(self, latents: Tensor) -> Tensor:
        own = latents[:, : self.own_dim].transpose(1, 2)
        level = latent_to_level(own[..., :1]) / self.quietest
        decades = torch.log10(torch.pow(10.0, self.bands(own[..., self.at_shape :])) * level + 1e-3)
        return (raise_floor(decades, self.floor_decades) @ self.matrix.T + self.bias).transpose(1, 2)
