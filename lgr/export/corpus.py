"""What an exported model plays with: the grains it was saved with, or those of a buffer that is read while it plays.

A buffer is encoded a few hops at a time, so that nothing has to wait for it; its grains take the place of those that
were there at once, when all are known.
"""

import math

import torch
from torch import Tensor, nn

from lgr.export.grains import Grains, levels_of, no_grains, timbre_rows
from lgr.export.pitch import Pitch
from lgr.export.resampler import Resampler
from lgr.export.stream import Stream
from lgr.latents.vectors import NOTHING
from lgr.sound import level

MOST_MINUTES = 10  # of a buffer
LOWEST_RATE, HIGHEST_RATE = 1_000, 384_000  # Hz, of a buffer
AT_ONCE = 512  # hops, where nobody listens yet
HEARD = 1e-4  # the least peak of a sound, -80 dB


class Corpus(nn.Module):
    """``now`` is what is played. ``codec`` and ``pitch`` are the model's own."""

    now: Grains
    kept: Grains
    none: Grains
    reading: Tensor
    history: Tensor | None
    state: list[Tensor]
    latents: list[Tensor]
    pitches: list[Tensor]
    levels: list[Tensor]

    def __init__(self, codec: Stream, pitch: Pitch, grains: Grains | None, grain_frames: int, hop_frames: int) -> None:
        super().__init__()
        self.codec, self.pitch, self.resampler = codec, pitch, Resampler()
        self.rate, self.hop, self.late = codec.sample_rate, codec.hop, max(codec.late_frames, pitch.lag)
        self.grain_frames, self.hop_frames = grain_frames, hop_frames
        self.feature_dim = codec.features(torch.zeros(1, codec.latent_dim, 1)).shape[1]
        self.none = no_grains(codec.latent_dim, self.feature_dim, grain_frames)
        self.kept = self.none if grains is None else grains
        self.now = self.kept
        self.edition = 0  # of what is played: another, and nothing plays on
        self.at_once, self.rates = AT_ONCE, [LOWEST_RATE, HIGHEST_RATE]
        self.most, self.heard, self.nothing = MOST_MINUTES * 60, HEARD, NOTHING
        self.span, self.span_db, self.common = level.SPAN_SECONDS, level.SPAN_DB, level.COMMON_DB
        self.gain_db, self.accepted = 0.0, False
        self._begin(torch.zeros(0), 0)

    def _begin(self, audio: Tensor, frames: int) -> None:
        self.reading, self.at, self.frames, self.done = audio, 0, frames, 0
        self.rest, self.history, self.state = torch.zeros(0), None, []
        self.latents, self.pitches, self.levels = [], [], []

    @torch.jit.export
    def read(self, audio: Tensor, rate: int) -> int:
        """Begin to read a buffer (channels, samples): 0, or -1 where it is nothing that could be played."""
        self.accepted = False
        if audio.dim() == 1:
            audio = audio[None]
        if audio.dim() != 2 or audio.numel() == 0 or not bool(torch.isfinite(audio).all()):
            return -1
        if rate < self.rates[0] or rate > self.rates[1]:
            return -1
        mono = audio.float().mean(0)
        samples = -(-mono.numel() * self.rate // rate)
        frames = -(-samples // self.hop)
        peak = float(mono.abs().max())
        if frames < self.grain_frames or samples > self.most * self.rate or peak < self.heard:
            return -1
        self.gain_db = self.levelling_gain_db(mono / peak, rate) - 20 * math.log10(peak)
        self._begin(mono * math.pow(10.0, self.gain_db / 20), frames)
        self.resampler.tune(rate, self.rate)
        self.accepted = True
        return 0

    def levelling_gain_db(self, audio: Tensor, rate: int) -> float:
        """As ``lgr.sound.level.levelling_gain_db`` of ``audio`` (samples,) whose peak is 1."""
        hop = max(1, int(rate * self.span + 0.5))
        powers = nn.functional.pad(audio, [0, -audio.numel() % hop]).square().view(-1, hop).mean(1).double()
        loudest = float(powers.max())
        found = float(powers[powers >= loudest * math.pow(10.0, -self.span_db / 10)].mean())
        return min(self.common - 10 * math.log10(found), 0.0)

    @torch.jit.export
    def clear(self) -> None:
        """Back to what the model was saved with."""
        self._begin(torch.zeros(0), 0)
        self.now, self.edition = self.kept, self.edition + 1

    @torch.jit.export
    def said(self) -> str:
        """What is played with, in words."""
        if self.frames > 0:
            return f"reading {100 * self.at // max(1, self.reading.numel())} %"
        tenths = 10 * self.now.latents.shape[0] * self.hop // self.rate
        return f"{tenths // 10}.{tenths % 10} s, {self.now.starts.numel()} grains"

    @torch.jit.export
    def read_all(self) -> None:
        while self.frames > 0:
            self.read_on(self.at_once)

    @torch.jit.export
    def read_on(self, hops: int) -> None:
        """Read so many more hops of a buffer, if one is being read."""
        if self.frames == 0:
            return
        rate_hop = self.hop * self.resampler.down // self.resampler.up + 1
        chunk = self.reading[self.at : self.at + hops * rate_hop]
        self.at += chunk.numel()
        audio = torch.cat([self.rest, self.resampler.step(chunk)])
        over = self.at >= self.reading.numel()
        if over:
            audio = torch.cat([audio, self.resampler.step(torch.zeros(2 * self.resampler.reach))])
            wanted = (self.frames + self.late - self.done) * self.hop
            audio = nn.functional.pad(audio, [0, max(0, wanted - audio.numel())])[:wanted]
        count = audio.numel() // self.hop
        self.rest = audio[count * self.hop :]
        if count > 0:
            self._heard(audio[: count * self.hop])
        if over:
            self.now, self.edition = self._made(), self.edition + 1
            self._begin(torch.zeros(0), 0)

    def _heard(self, audio: Tensor) -> None:
        self.state, latents = self.codec.encode(self.state, audio[None])
        self.history, pitches = self.pitch.step(self.history, self.done, audio)
        powers = audio.view(-1, self.hop).square().mean(1) * math.pow(10.0, -self.gain_db / 10)
        # New lists, not longer ones: TorchScript may have taken several empty ones for one and the same.
        self.latents = self.latents + [latents[0].T]  # noqa: RUF005
        self.pitches = self.pitches + [pitches]  # noqa: RUF005
        self.levels = self.levels + [10 * torch.log10(powers + 1e-20) + self.gain_db]  # noqa: RUF005
        self.done += audio.numel() // self.hop

    def _made(self) -> Grains:
        """The grains of what was read, as ``lgr.build_codebook`` makes them."""
        latents = torch.cat(self.latents)[: self.frames]
        features = self.codec.features(latents.T[None])[0].T
        pitches = torch.cat(self.pitches)[self.pitch.lag : self.pitch.lag + self.frames].half().float()
        levels = torch.cat(self.levels)[: self.frames].half().float()
        count = self.frames - self.grain_frames + 1
        starts = torch.arange(count)
        windows = features.unfold(0, self.grain_frames, 1).transpose(1, 2)
        means: list[Tensor] = []
        for k in range(self.grain_frames):
            means.append(features[k : k + count].double().mean(0))
        mean = torch.cat(means).float()
        none, smallest = self.none, max(self.nothing * float(mean.norm()), self.none.smallest)
        timbre = timbre_rows(windows, none.whitener, mean, smallest)
        pitch, _ = self.pitch.rows(pitches.unfold(0, self.grain_frames, 1).transpose(1, 2))
        return Grains(
            latents=latents,
            rows=torch.cat([timbre, pitch], 1) * math.sqrt(0.5),
            levels_db=levels_of(levels.unfold(0, self.grain_frames, 1)),
            log_weights=torch.zeros(count),
            weighted=False,
            starts=starts,
            later=torch.where(starts + self.hop_frames < count, starts + self.hop_frames, -1),
            whitener=none.whitener,
            mean=mean,
            smallest=smallest,
        )
