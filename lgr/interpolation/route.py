"""Where a path goes: from the latents of sounds to those of the path between them, ends held or moving."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lgr.codecs.base import Codec
from lgr.errors import ArgumentError
from lgr.interpolation.config import InterpolationConfig
from lgr.interpolation.ends import codec_labels
from lgr.interpolation.walk import FAR_SECONDS, LEAST_FRAMES, Side, walk, walk_latents
from lgr.latents.moving import moving_path
from lgr.latents.path import KINDS, path, shares
from lgr.latents.region import region_of
from lgr.sounds import frame_levels_db, lane_features

MEAN_SECONDS = 1.0  # that a mean atom is the mean of, where no context says otherwise
REGION_FRAMES = 4096  # of a sound at most, evenly taken, that tell the region they live in
WALKS_SEED = 1 << 32  # added to the seed: walks draw other numbers than a path that wanders


@dataclass(frozen=True, kw_only=True)
class Sounds:
    """Sounds as they were heard and encoded, and where the path leaves the first and reaches the last."""

    audio: Sequence[Tensor]  # (channels, samples) each, at the codec's rate
    latents: Sequence[Tensor]  # (lanes, latent_dim, frames) each, of as many lanes
    leave: int  # the frame before which the first is left
    arrive: int  # the frame at which the last is reached

    @property
    def before(self) -> Tensor:
        """Latents of the first sound up to where it is left."""
        return self.latents[0][:, :, : self.leave]

    @property
    def after(self) -> Tensor:
        """Latents of the last sound from where it is reached."""
        return self.latents[-1][:, :, self.arrive :]


@dataclass(frozen=True, kw_only=True)
class Route:
    """A path of ``n`` frames between sounds."""

    latents: Tensor  # (lanes, latent_dim, n)
    shares: Tensor  # (sounds, n) float64, of each sound in a straight path
    walks: tuple[Tensor, ...] = ()  # (n,) int64 each, the frames that each sound plays; () where the ends are held
    playing_db: tuple[Tensor, ...] = ()  # (n,) each, the levels of what it plays

    def without_ends(self) -> "Route":
        """All but the first frame and the last."""
        return Route(
            latents=self.latents[:, :, 1:-1],
            shares=self.shares[:, 1:-1],
            walks=tuple(each[1:-1] for each in self.walks),
            playing_db=tuple(each[1:-1] for each in self.playing_db),
        )


def held_route(sounds: Sounds, codec: Codec, config: InterpolationConfig, n: int, seed: int) -> Route:
    """``n`` frames between a latent of each sound (paper 003, eq. 5)."""
    rate = codec.info.frame_rate
    mean_frames = round(config.context_seconds * rate) or max(1, round(MEAN_SECONDS * rate))
    points = _held_points(sounds, config.endpoints, mean_frames)
    labels = len(codec_labels(codec))
    lanes = [
        path([p[lane] for p in points], n, config.path, n_labels=labels, generator=_generator(seed))
        for lane in range(len(points[0]))
    ]
    played = [p[:, :, None].expand(-1, -1, n) for p in points]
    return _route(torch.stack(lanes), played, sounds, config, labels, seed)


def moving_route(sounds: Sounds, codec: Codec, config: InterpolationConfig, n: int, seed: int) -> Route:
    """``n`` frames between sounds that go on playing; one walk a sound, for all its lanes.

    ``ArgumentError`` names a sound that is too short to.
    """
    generator = _generator(WALKS_SEED + seed)
    rate = codec.info.frame_rate
    walks, played, playing = [], [], []
    for i, (heard, latents) in enumerate(zip(sounds.audio, sounds.latents, strict=True)):
        frames = latents.shape[2]
        if frames < LEAST_FRAMES:
            raise ArgumentError(
                f"sound {i + 1} must last at least {LEAST_FRAMES} frames of {codec.info.name} to go on playing, got "
                f"{frames}: hold the ends (ends='held', --hold), or give a longer sound"
            )
        side, place = _place(i, sounds, "pass" if config.endpoints == "mean" else None)
        reach = round(FAR_SECONDS * rate)  # of an hour only what is near is read
        low, high = max(0, place - reach), min(frames, place + reach + 1)
        hop, near = codec.info.hop_length, latents[:, :, low:high]
        levels = frame_levels_db(heard[:, low * hop : high * hop], codec, high - low)
        features = lane_features(near, codec)
        walked = walk(features, levels, n, place - low, side=side, frame_rate=rate, generator=generator)
        walks.append(walked + low)
        played.append(walk_latents(near, walked, frame_rate=rate))
        playing.append(levels[walked])
    labels = len(codec_labels(codec))
    lanes = [
        moving_path([p[lane] for p in played], config.path, n_labels=labels, generator=_generator(seed))
        for lane in range(len(played[0]))
    ]
    route = _route(torch.stack(lanes), played, sounds, config, labels, seed)
    return Route(latents=route.latents, shares=route.shares, walks=tuple(walks), playing_db=tuple(playing))


def _generator(seed: int) -> torch.Generator:
    """The same draws for both sides of a stereo sound, and for what is told of the path."""
    return torch.Generator().manual_seed(seed)


def _place(i: int, sounds: Sounds, side: Side | None) -> tuple[Side, int]:
    """How sound ``i`` is walked in and around which frame; ``side`` says how, None by where it is among the sounds."""
    if i == 0:
        return side or "leave", sounds.leave - 1
    if i == len(sounds.latents) - 1:
        return side or "arrive", sounds.arrive
    return "pass", sounds.latents[i].shape[2] // 2


def _held_points(sounds: Sounds, endpoints: str, mean_frames: int) -> list[Tensor]:
    """The point ``(lanes, latent_dim)`` of each sound that the path goes through."""
    before, between, after = sounds.before, sounds.latents[1:-1], sounds.after
    if endpoints == "mean":
        return [x.mean(2) for x in (before[:, :, -mean_frames:], *between, after[:, :, :mean_frames])]
    return [before[:, :, -1], *(x[:, :, x.shape[2] // 2] for x in between), after[:, :, 0]]


def _route(
    latents: Tensor, played: Sequence[Tensor], sounds: Sounds, config: InterpolationConfig, n_labels: int, seed: int
) -> Route:
    """The route of ``latents`` (lanes, latent_dim, n), brought into the region that the sounds live in.

    ``played`` (lanes, latent_dim, n) are the points of each sound. Labels are left alone.
    """
    n = latents.shape[2]
    share = shares(len(played), n, config.path, generator=_generator(seed))
    if not KINDS[config.path.kind].straight:
        size = latents.shape[1] - n_labels
        some = [x[:, :size, :: -(-x.shape[2] // REGION_FRAMES)] for x in sounds.latents]
        region = region_of(torch.cat([x.transpose(0, 1).flatten(1) for x in some], 1))
        weighed = share.to(latents.device)[:, None, None] * torch.stack([p[:, :size].double() for p in played])
        straight = weighed.sum(0).to(latents)
        kept = [region.inside(way, line) for way, line in zip(latents[:, :size], straight, strict=True)]
        latents = torch.cat([torch.stack(kept), latents[:, size:]], 1)
    return Route(latents=latents, shares=share)
