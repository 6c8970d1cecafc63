"""The loop: a stream is encoded, its frames choose grains, these are decoded, at the stream's own level.

A choice is made every ``hop_frames`` frames, by the last ``grain_frames`` of them; of the grain that was chosen its
last ``hop_frames`` are played. So a grain is compared whole, but waits for no more than a hop. (Offline, a grain waits
for its own end.) All is the fold of ``LiveLoop.step``, whose state is a value: any chunks of a stream give the same.

What is causal here, and was not offline: the input's level, taken from its loudest moment of late (``lgr.live.level``);
pitch, which says what was heard ``pitch_lag`` frames ago; the output's level (``lgr.live.following``).
"""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from lgr.codecs.base import Codec, StreamingCodec
from lgr.codecs.bundled import BundledCodec
from lgr.errors import ArgumentError, check_shape
from lgr.latents.embedding import LearnedEmbedding
from lgr.latents.grains import grain_level_db
from lgr.live.choice import choose
from lgr.live.config import LiveConfig
from lgr.live.following import OutputLevel, followed
from lgr.live.level import InputLevel, block_length, levelled
from lgr.live.material import Material
from lgr.sound.pitch import BINS, PitchState, look_ahead, pitch_step
from lgr.sounds import feature_source

SEED_STEP = 1_000_003  # choices of one seed are this far from those of the next
HOP_FRAMES = 2  # by default: a frame more of delay than with 1, and little more work than for 1, half as often
LOUDEST = 4.0  # +12 dB: what is louder is a fault


class Told(NamedTuple):
    """What one choice was."""

    frame: int  # of the input, at which the grain's last hop is played
    grain: int
    recording: str
    similarity: float
    level_db: float  # of the input there, as it was encoded


@dataclass(frozen=True)
class LoopState:
    """What a stream has come to; ``LiveLoop.step`` makes a new one."""

    waiting: Tensor  # (n,): samples of a block that is not whole
    level: InputLevel
    encoder: Any
    reader: Any  # of features that read what was before
    pitch: PitchState | None
    hop: Tensor  # (n,): the input as it was encoded, since the last whole hop
    features: Tensor  # (feature_dim, n): of the last frames, since the first of the next choice's grain
    latents: Tensor  # (latent_dim, n)
    pitches: Tensor  # (BINS, n)
    levels_db: Tensor  # (n,), of the input as it was encoded
    frame: int  # of the stream, at which these begin
    due: int  # the frame before which the next choice's grain ends
    grain: int  # that plays, -1: none
    origin: object  # of its material
    frozen: tuple[Tensor, Tensor] | None  # the row and the levels (2,) at which the loop was frozen
    decoder: Any
    made: Tensor  # (channels, n): decoded, short of a whole block
    target: Tensor  # (n,): what came in, from where nothing has come out yet
    output: OutputLevel
    heard: int = 0  # samples that came in
    given: int = 0  # samples that went out


class LiveLoop:
    """A codec at work on a stream. ``loop.step(state, chunk, material, config)``, from ``None`` on.

    Parameters
    ----------
    codec : one that streams
    grain_frames, metric, embedding : of the codebooks that will be played with
    hop_frames : frames from one choice to the next, at most ``grain_frames``; None: 2, or 1 where grains are one frame
    channels : that come out: 2 for stereo sources
    seed : of the draws; the same stream, seed and settings give the same result

    Examples
    --------
    >>> import lgr
    >>> from lgr.files import assets_dir
    >>> from lgr.live import LiveConfig, LiveLoop, Material
    >>> clips = assets_dir() / "audio"
    >>> codec = lgr.load_codec("toy")
    >>> material = Material.of(lgr.build_codebook([clips / "rain.flac"], codec), codec)
    >>> loop = LiveLoop(codec, material)
    >>> drums = lgr.load_audio(clips / "drum_loop.flac", sample_rate=24000, channels=1)[0][0]
    >>> state, first, _ = loop.step(None, drums[:20000], material, LiveConfig())
    >>> state, rest, _ = loop.step(state, drums[20000:], material, LiveConfig(wet=0.5), flush=True)
    >>> first.shape[1] + rest.shape[1] == len(drums)
    True
    """

    def __init__(
        self, codec: Codec, material: Material, *, hop_frames: int | None = None, channels: int = 1, seed: int = 0
    ) -> None:
        if not isinstance(codec, StreamingCodec):
            raise ArgumentError(f"codec must be one that streams, got {codec.info.name}")
        grain_frames = material.codebook.config.grain_frames
        hop_frames = min(HOP_FRAMES, grain_frames) if hop_frames is None else hop_frames
        if not 1 <= hop_frames <= grain_frames:
            raise ArgumentError(f"hop_frames must be in [1, grain_frames={grain_frames}], got {hop_frames}")
        if channels not in (1, 2):
            raise ArgumentError(f"channels must be 1 or 2, got {channels}")
        # some can be compiled for steps of a frame
        self.codec: StreamingCodec = codec.stepping() if isinstance(codec, BundledCodec) else codec
        self.made_for = material.codebook.config
        self.source = feature_source(codec, material.codebook.config)
        self.grain_frames, self.hop_frames, self.channels, self.seed = grain_frames, hop_frames, channels, seed
        info = codec.info
        self.lanes = channels if info.channels == 1 else 1
        self.block = block_length(info.hop_length, info.sample_rate)
        self.begun = self._after_silence()  # states of encoder and decoder before a stream
        self.look_ahead = info.lookahead if self.begun[0] is None else 0  # samples that a stream always waits for
        self.ahead = self.look_ahead // self.block  # blocks of input that are known before their output is made
        self.feature_dim = self.source.features(torch.zeros(1, info.latent_dim, 1)).shape[1]
        self.pitch_lag = -(-look_ahead(info.sample_rate, info.hop_length) // info.hop_length)
        self.check(material)

    def check(self, material: Material) -> None:
        """Raise ``ArgumentError`` for a material that this loop cannot play with."""
        if material.codebook.config != self.made_for:
            raise ArgumentError(f"material must be of {self.made_for}, got {material.codebook.config}")
        if material.lanes > max(1, self.lanes):
            raise ArgumentError("material is stereo, and the loop has 1 channel: make one with channels=2")

    @torch.inference_mode()
    def _after_silence(self) -> tuple[Any, Any]:
        """Encoder and decoder after some silence, where it keeps all that follows from waiting; otherwise None, None.

        Padding that mirrors the beginning of a stream, as EnCodec's, makes it wait; what comes later need not.
        """
        info = self.codec.info
        if not (info.causal and info.lookahead):
            return None, None
        silence = torch.zeros(1, info.channels, (info.frames(info.lookahead) + 1) * info.hop_length)
        encoder, latents = self.codec.encode_step(None, silence)
        decoder, audio = self.codec.decode_step(None, latents.expand(self.lanes, -1, -1))
        return (encoder, decoder) if audio.shape[2] == silence.shape[2] else (None, None)

    def start(self) -> LoopState:
        """The state before a stream."""
        size = self.codec.info.latent_dim
        nothing = torch.zeros(0)
        return LoopState(
            waiting=nothing,
            level=InputLevel(),
            encoder=self.begun[0],
            reader=None,
            pitch=None,
            hop=nothing,
            features=torch.zeros(self.feature_dim, 0),
            latents=torch.zeros(size, 0),
            pitches=torch.zeros(BINS, self.pitch_lag),
            levels_db=nothing,
            frame=0,
            due=self.hop_frames,
            grain=-1,
            origin=None,
            frozen=None,
            decoder=self.begun[1],
            made=torch.zeros(self.channels, 0),
            target=nothing,
            output=OutputLevel(),
        )

    @torch.inference_mode()
    def step(
        self, state: LoopState | None, audio: Tensor, material: Material, config: LiveConfig, *, flush: bool = False
    ) -> tuple[LoopState, Tensor, tuple[Told, ...]]:
        """Take what came in, give what can go out.

        Parameters
        ----------
        state : None begins a stream
        audio : (samples >= 0,) at the codec's rate; what is no number counts as silence
        material, config : may be others at every step
        flush : this is the end; all that is left comes out, as much as came in

        Returns
        -------
        state, audio (channels, samples) in [-1, 1], what was chosen
        """
        check_shape("audio", audio.shape, "(samples,)", audio.ndim == 1)
        self.check(material)
        state = self.start() if state is None else state
        audio = torch.nan_to_num(audio.float(), nan=0.0, posinf=0.0, neginf=0.0).clamp(-LOUDEST, LOUDEST)
        state = replace(state, target=torch.cat([state.target, audio]), heard=state.heard + len(audio))
        state = self._listened(state, audio, flush)
        state, played, told = self._chosen(state, material, config, flush)
        state, out = self._played(state, played, config, flush)
        return state, out, told

    def _listened(self, state: LoopState, audio: Tensor, flush: bool) -> LoopState:
        """What came in is encoded: latents, features, pitch and levels of the frames that are now known."""
        info = self.codec.info
        waiting = torch.cat([state.waiting, audio])
        if flush:  # with silence, so that the last hop is whole and look-ahead comes to its end
            rest = -state.heard % info.hop_length + (self.look_ahead if info.causal else 0)
            waiting = torch.nn.functional.pad(waiting, (0, rest + -(len(waiting) + rest) % self.block))
        whole = len(waiting) // self.block * self.block
        level, blocks = levelled(state.level, waiting[:whole].view(-1, self.block), info.sample_rate)
        loud = blocks.flatten()
        encoder, latents = self.codec.encode_step(state.encoder, loud.expand(1, info.channels, -1), flush=flush)
        pitch, pitches = pitch_step(state.pitch, loud, info.sample_rate, info.hop_length, flush=flush)
        reader, features = self._features(state.reader, latents)
        hop = torch.cat([state.hop, loud])
        if flush:
            hop = torch.nn.functional.pad(hop, (0, -len(hop) % info.hop_length))
        hops = len(hop) // info.hop_length
        powers = hop[: hops * info.hop_length].view(hops, info.hop_length).square().mean(1)
        return replace(
            state,
            waiting=waiting[whole:],
            level=level,
            encoder=encoder,
            pitch=pitch,
            hop=hop[hops * info.hop_length :],
            reader=reader,
            features=torch.cat([state.features, features], 1),
            latents=torch.cat([state.latents, latents[0]], 1),
            pitches=torch.cat([state.pitches, pitches], 1),
            levels_db=torch.cat([state.levels_db, 10 * torch.log10(powers + 1e-20)]),
        )

    def _chosen(
        self, state: LoopState, material: Material, config: LiveConfig, flush: bool
    ) -> tuple[LoopState, Tensor, tuple[Told, ...]]:
        """Latents to be decoded, ``(lanes, latent_dim, frames)``, and what was chosen."""
        known = state.frame + min(state.features.shape[1], state.pitches.shape[1], len(state.levels_db))
        continuity = config.continuity ** (self.hop_frames / self.grain_frames)
        played, told = [state.latents.new_zeros(self.lanes, len(state.latents), 0)], []
        while state.due <= known or (flush and state.due - self.hop_frames < known):
            end = min(state.due, known) - state.frame
            frames = self.hop_frames - (state.due - state.frame - end)  # at the very end maybe fewer
            asked = self._asked(state, material, config, end)
            same = state.origin is material.origin and state.grain >= 0
            following = material.plays_on(state.grain, self.hop_frames) if same else -1
            key = self.seed * SEED_STEP + state.due
            grain, similarity = choose(material, *asked, following, config, continuity if same else 0.0, key)
            played.append(self._blended(state, material, config, grain, end, frames))
            book = material.codebook
            name = book.recordings_[int(book.recording_[grain])].name
            told.append(Told(state.frame + end - frames, grain, name, similarity, float(state.levels_db[end - 1])))
            state = replace(
                state,
                due=state.due + self.hop_frames,
                grain=grain,
                origin=material.origin,
                frozen=asked if config.freeze else None,
            )
        gone = max(0, min(state.due - self.grain_frames, known) - state.frame)
        state = replace(
            state,
            frame=state.frame + gone,
            features=state.features[:, gone:],
            latents=state.latents[:, gone:],
            pitches=state.pitches[:, gone:],
            levels_db=state.levels_db[gone:],
        )
        return state, torch.cat(played, 2), tuple(told)

    def _features(self, reader: Any, latents: Tensor) -> tuple[Any, Tensor]:
        """Features ``(feature_dim, frames)`` of further latents; a learned embedding reads some that were before."""
        if isinstance(self.source, LearnedEmbedding):
            if latents.shape[2] == 0:
                return reader, latents.new_zeros(self.feature_dim, 0)
            reader, features = self.source.features_step(reader, latents)
        else:
            features = self.source.features(latents) if latents.shape[2] else latents[:, : self.feature_dim]
        return reader, features[0]

    def _asked(self, state: LoopState, material: Material, config: LiveConfig, end: int) -> tuple[Tensor, Tensor]:
        """The row of the grain that ends before ``end``, and its levels ``(2,)``."""
        if config.freeze and state.frozen is not None:
            return state.frozen
        start = max(0, end - self.grain_frames)
        short = self.grain_frames - (end - start)  # at the beginning of a stream

        def grain(frames: Tensor) -> Tensor:
            if short == 0:
                return frames[:, start:end]
            return torch.cat([frames[:, start : start + 1].expand(-1, short), frames[:, start:end]], 1)

        row = material.row(grain(state.features), grain(state.pitches), config.pitch)
        return row, grain_level_db(grain(state.levels_db[None])[0])

    def _blended(
        self, state: LoopState, material: Material, config: LiveConfig, grain: int, end: int, frames: int
    ) -> Tensor:
        """Latents ``(lanes, latent_dim, frames)``: the end of a grain, and the input's own where it is not all wet."""
        stop = int(material.codebook.starts_[grain]) + self.grain_frames
        ours = material.codebook.latents_[:, :, stop - frames : stop].expand(self.lanes, -1, -1)
        if config.wet == 1:
            return ours
        return config.wet * ours + (1 - config.wet) * state.latents[:, end - frames : end]

    def _played(self, state: LoopState, latents: Tensor, config: LiveConfig, flush: bool) -> tuple[LoopState, Tensor]:
        """Decode, follow the level of what came in."""
        decoder, audio = self.codec.decode_step(state.decoder, latents, flush=flush)
        made = torch.cat([state.made, audio.flatten(0, 1)[: self.channels]], 1)
        target, hop = state.target, self.codec.info.hop_length
        if flush:
            left = state.heard - state.given
            padding = -left % hop
            made = torch.nn.functional.pad(made, (0, max(0, left + padding - made.shape[1])))[:, : left + padding]
            target = torch.nn.functional.pad(target, (0, padding + self.ahead * self.block))
        whole = max(0, min(made.shape[1], len(target) - self.ahead * self.block) // hop * hop)
        output, out = followed(
            state.output,
            made[:, :whole].reshape(len(made), -1, self.block),
            target[: whole + self.ahead * self.block * (whole > 0)].view(-1, self.block),
            self.codec.info.sample_rate,
            volume=10 ** (config.gain_db / 20),
            hop_blocks=hop // self.block,
            held=config.freeze,
        )
        out = out.flatten(1)[:, : state.heard - state.given]
        after = replace(
            state,
            decoder=decoder,
            made=made[:, whole:],
            target=target[whole:],
            output=output,
            given=state.given + out.shape[1],
        )
        return after, out
