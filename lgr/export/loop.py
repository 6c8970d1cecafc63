"""The running loop of an exported model: ``lgr.live.LiveLoop`` over whole hops, scriptable, its state its own.

A test holds it equal to the loop. What it adds: where there is nothing to play with it is silent, and what is no
number never comes out.
"""

import math

import torch
from torch import Tensor, nn

from lgr.export.choice import Choice
from lgr.export.corpus import Corpus
from lgr.export.grains import Grains, levels_of, timbre_rows
from lgr.export.levels import InputLevel, OutputLevel
from lgr.export.pitch import Pitch
from lgr.export.stream import Stream
from lgr.live.config import LiveConfig
from lgr.live.level import block_length
from lgr.live.loop import SEED_STEP


class Loop(nn.Module):
    """``step`` takes a multiple of ``quantum`` samples and gives what is ready, at most ``late`` behind all that came.

    Parameters
    ----------
    codec : what encodes and decodes
    grains : what is played with; None is silent until ``corpus`` has read something
    """

    encoder: list[Tensor]
    decoder: list[Tensor]
    history: Tensor | None
    frozen_row: Tensor | None

    def __init__(
        self,
        codec: Stream,
        grains: Grains | None,
        *,
        grain_frames: int,
        hop_frames: int,
        ahead: int,
        config: LiveConfig,
    ) -> None:
        super().__init__()
        self.codec, self.pitch = codec, Pitch(codec.sample_rate, codec.hop)
        self.corpus = Corpus(codec, self.pitch, grains, grain_frames, hop_frames)
        self.grain_frames, self.hop_frames, self.hop = grain_frames, hop_frames, codec.hop
        self.block = block_length(codec.hop, codec.sample_rate)
        self.ahead = ahead // self.block * self.block  # samples of what comes in that are known before it is played
        self.quantum = hop_frames * codec.hop
        waits = -(-codec.late_frames // hop_frames) + 1  # choices until one has been heard whole
        self.late = waits * self.quantum + -(-codec.late_samples // self.hop) * self.hop - 1  # whole hops go out
        self.input_level = InputLevel(self.block, codec.sample_rate)
        self.output_level = OutputLevel(self.block, codec.hop, codec.sample_rate)
        self.choose = Choice()
        self.temperature, self.continuity, self.pitch_weight = config.temperature, config.continuity, config.pitch
        self.wet, self.gain_db, self.freeze = config.wet, config.gain_db, config.freeze
        self.seed, self.seed_step, self.feature_dim = 0, SEED_STEP, self.corpus.feature_dim
        self.reset()

    @torch.jit.export
    def reset(self) -> None:
        """Begin another stream."""
        self.input_level.reset()
        self.output_level.reset()
        self.encoder, self.decoder, self.history = [], [], None
        self.frames = 0  # that came in
        self.chosen = 0  # that were played
        self.begun = False
        self.features = torch.zeros(0, self.feature_dim)  # from the first frame of the next choice's grain on
        self.pitches = torch.zeros(0, self.pitch.bins)
        self.levels = torch.zeros(0)
        self.latents = torch.zeros(0, self.codec.latent_dim)  # of frames that are yet to be played
        self.grain, self.edition = -1, -1
        self.frozen_row, self.frozen_level = None, torch.zeros(2)
        self.skipped = self.codec.late_samples
        self.made, self.target = torch.zeros(0), torch.zeros(0)

    @torch.jit.export
    def step(self, audio: Tensor) -> Tensor:
        """Take ``audio`` (whole hops, at least one), give what can go out."""
        self.listen(audio)
        ready = self.latents.shape[0] // self.hop_frames * self.hop_frames
        if ready > 0:
            self.decoder, made = self.codec.decode(self.decoder, self.chose(ready).T[None])
            gone = min(self.skipped, made.shape[1])
            self.skipped -= gone
            self.made = torch.cat([self.made, made[0, gone:]])
        whole = max(0, min(self.made.numel(), self.target.numel() - self.ahead) // self.hop * self.hop)
        if whole == 0:
            return audio[:0]
        silent = self.corpus.now.starts.numel() == 0
        volume = 0.0 if silent else math.pow(10.0, self.gain_db / 20)
        out: Tensor = self.output_level(self.made[:whole], self.target[: whole + self.ahead], volume, self.freeze)
        self.made, self.target = self.made[whole:].clone(), self.target[whole:].clone()
        if not bool(torch.isfinite(out).all()):
            self.decoder, self.made, out = [], torch.zeros_like(self.made), torch.zeros_like(out)
            self.output_level.reset()
        return out

    def listen(self, audio: Tensor) -> None:
        """What came in is encoded: latents, features, pitch and levels of the frames that are now known."""
        self.target = torch.cat([self.target, audio])
        loud = self.input_level(audio.view(-1, self.block)).flatten()
        self.encoder, latents = self.codec.encode(self.encoder, loud[None])
        self.history, pitches = self.pitch.step(self.history, self.frames, loud)
        powers = loud.view(-1, self.hop).square().mean(1)
        levels = 10 * torch.log10(powers + 1e-20)
        features = self.codec.features(latents)[0].T if latents.shape[2] > 0 else self.features[:0]
        before = self.grain_frames - 1
        if not self.begun and features.shape[0] > 0:  # a grain that begins before the stream: its first frame, held
            features = torch.cat([features[:1].expand(before, -1), features])
            self.levels = torch.cat([self.levels, levels])
            self.levels, levels = torch.cat([self.levels[:1].expand(before), self.levels]), levels[:0]
            self.pitches = torch.cat([self.pitches, pitches])
            self.pitches, pitches = torch.cat([self.pitches[:1].expand(before, -1), self.pitches]), pitches[:0]
            self.begun = True
        self.features = torch.cat([self.features, features])
        self.levels = torch.cat([self.levels, levels])
        self.pitches = torch.cat([self.pitches, pitches])
        self.latents = torch.cat([self.latents, latents[0].T])
        self.frames += loud.numel() // self.hop

    def asked(self, count: int) -> tuple[Tensor, Tensor]:
        """Rows (n, D) and levels (n, 2) of the grains by which the next ``count`` frames are chosen."""
        grains, size, first = self.corpus.now, self.grain_frames, self.hop_frames - 1
        last = count + size - 1
        features = self.features[first:last].unfold(0, size, self.hop_frames).transpose(1, 2)
        pitches = self.pitches[first:last].unfold(0, size, self.hop_frames).transpose(1, 2)
        levels = levels_of(self.levels[first:last].unfold(0, size, self.hop_frames))
        timbre = timbre_rows(features, grains.whitener, grains.mean, grains.smallest)
        pitch, pitched = self.pitch.rows(pitches)
        weight = (self.pitch_weight * pitched)[:, None]
        return torch.cat([(1 - weight) * timbre, weight * pitch], 1) * math.sqrt(2.0), levels

    def chose(self, count: int) -> Tensor:
        """Latents (count, latent_dim) that are played next."""
        own, grains, hop = self.latents[:count], self.corpus.now, self.hop_frames
        played = own
        if grains.starts.numel() > 0:
            rows, levels = self.asked(count)
            similarities = rows @ grains.rows.T  # of all choices at once: the grains are read from memory once
            continuity = math.pow(self.continuity, hop / self.grain_frames)
            parts: list[Tensor] = []
            for i in range(count // hop):
                row, level, similarity = rows[i], levels[i], similarities[i]
                frozen = self.frozen_row
                if self.freeze and frozen is not None and frozen.numel() == row.numel():
                    row, level, similarity = frozen, self.frozen_level, grains.rows @ frozen
                same = self.grain >= 0 and self.edition == self.corpus.edition
                following = int(grains.later[self.grain]) if same else -1
                key = self.seed * self.seed_step + self.chosen + (i + 1) * hop
                self.grain = self.choose(
                    grains, similarity, level, following, self.temperature, continuity if same else 0.0, key
                )
                self.edition = self.corpus.edition
                self.frozen_row, self.frozen_level = None, level
                if self.freeze:
                    self.frozen_row = row
                stop = int(grains.starts[self.grain]) + self.grain_frames
                ours = grains.latents[stop - hop : stop]
                if self.wet != 1.0:
                    ours = self.wet * ours + (1 - self.wet) * own[i * hop : (i + 1) * hop]
                parts.append(ours)
            played = torch.cat(parts)
        self.chosen += count
        self.features, self.levels = self.features[count:].clone(), self.levels[count:].clone()
        self.pitches, self.latents = self.pitches[count:].clone(), self.latents[count:].clone()
        return played
