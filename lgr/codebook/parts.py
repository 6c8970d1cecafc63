"""Recordings side by side: what a codebook is made of before a metric is fitted to it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from lgr.codecs.base import CodecInfo
from lgr.errors import ArgumentError, CodebookError, check_shape
from lgr.latents.grains import grain_starts
from lgr.latents.growing import followed
from lgr.sound.pitch import BINS
from lgr.sound.recording import Recording


class Parts(NamedTuple):
    """All frames of some recordings, next to each other in memory, and where grains start in them."""

    latents: Tensor  # (lanes, total_frames, latent_dim), float32
    features: Tensor | None  # (total_frames, feature_dim), float32; None: the one lane of latents
    recordings: tuple[Recording, ...]
    frames: tuple[int, ...]  # of each recording
    starts: Tensor  # (n_grains,), int64, index into total_frames
    recording: Tensor  # (n_grains,), int64
    pitch: Tensor | None = None  # (total_frames, bins), float16: descriptors of lgr/sound/pitch.py, where there are any
    levels: Tensor | None = None  # (total_frames,), float16: dB at which they are encoded, where they are known

    @property
    def matched(self) -> Tensor:
        """What matching reads: the features, (total_frames, feature_dim)."""
        return self.latents[0] if self.features is None else self.features

    @property
    def feature_dim(self) -> int:
        return self.matched.shape[1]

    def followed_by(self, new: "Parts") -> "Parts":
        """These recordings and further ones of as many feature dimensions, and of one lane or as many."""
        lanes = max(len(self.latents), len(new.latents))
        n = len(self.recordings)
        moved = (r if r.original is None else replace(r, original=r.original + n) for r in new.recordings)
        # An hour of latents is not copied for a few seconds more, which a loop that plays may take as a source.
        latents = self.latents if len(self.latents) == lanes else self.latents.expand(lanes, -1, -1)
        same = lanes == 1 and self.features is None and new.features is None
        return Parts(
            latents=followed(latents, new.latents.expand(lanes, -1, -1), dim=1),
            features=None if same else followed(self.matched, new.matched),
            recordings=(*self.recordings, *moved),
            frames=(*self.frames, *new.frames),
            starts=torch.cat([self.starts, new.starts + sum(self.frames)]),
            recording=torch.cat([self.recording, new.recording + n]),
            pitch=_both(self.pitch, new.pitch),
            levels=_both(self.levels, new.levels),
        )


def _both(these: Tensor | None, new: Tensor | None) -> Tensor | None:
    return None if these is None or new is None else followed(these, new)


class Fitted(NamedTuple):
    """Parts with the metric that was fitted to them, and the codec that made them: all that a codebook is."""

    parts: Parts
    mean: Tensor  # (grain_frames * feature_dim,)
    whitener: Tensor  # (feature_dim, feature_dim)
    codec: CodecInfo


def side_by_side(
    latents: Sequence[Tensor],
    recordings: Sequence[Recording],
    features: Sequence[Tensor] | None,
    levels_db: Sequence[Tensor] | None,
    silence_db: float | None,
    pitch: Sequence[Tensor] | None,
    grain_frames: int,
    stride: int,
) -> Parts:
    """Join recordings that ``check_parts`` has seen, and place their grains.

    Parameters
    ----------
    latents : (lanes, latent_dim, frames) each; one lane is repeated where others have more
    features : (feature_dim, frames) each; None: the mean of the latents over lanes
    pitch : descriptors, (bins, frames) each, or None
    levels_db : in dB under full scale, (frames,) each, or None
    silence_db : the level that a grain's loudest frame must reach; None keeps every grain

    Raises
    ------
    CodebookError : a recording is shorter than one grain
    """
    lanes = max(len(each) for each in latents)
    if features is None:
        features = [each.mean(0) if len(each) > 1 else each[0] for each in latents]
    starts, owners, offset = [], [], 0
    for i, (each, recording) in enumerate(zip(latents, recordings, strict=True)):
        frames = each.shape[-1]
        if frames < grain_frames:
            raise CodebookError(
                f"recording {recording.name!r} is shorter than one grain: it has {frames} frames and grain_frames is "
                f"{grain_frames}; leave it out or use shorter grains"
            )
        kept = grain_starts(frames, grain_frames, stride, "shift")
        if levels_db is not None and silence_db is not None:
            loudest = levels_db[i].cpu().unfold(0, grain_frames, 1).amax(1)
            kept = kept[loudest[kept] >= silence_db]
        starts.append(kept + offset)
        owners.append(torch.full_like(kept, i))
        offset += frames
    joined = torch.cat([each.mT.expand(lanes, -1, -1) for each in latents], dim=1).float()
    same = lanes == 1 and all(torch.equal(f, x[0]) for f, x in zip(features, latents, strict=True))  # kept once
    return Parts(
        latents=joined,
        features=None if same else torch.cat([each.mT for each in features]).float(),
        recordings=tuple(recordings),
        frames=tuple(each.shape[-1] for each in latents),
        starts=torch.cat(starts).to(joined.device),
        recording=torch.cat(owners).to(joined.device),
        pitch=None if pitch is None else torch.cat([each.mT for each in pitch]).half().to(joined.device),
        levels=None if levels_db is None else _levelled(levels_db, recordings).to(joined.device),
    )


def _levelled(levels_db: Sequence[Tensor], recordings: Sequence[Recording]) -> Tensor:
    """Levels of all frames as they are encoded, (total_frames,), float16."""
    return torch.cat([db.cpu() + r.level_gain_db for db, r in zip(levels_db, recordings, strict=True)]).half()


def check_parts(
    latents: Sequence[Tensor],
    recordings: Sequence[Recording],
    features: Sequence[Tensor] | None,
    levels_db: Sequence[Tensor] | None,
    pitch: Sequence[Tensor] | None,
    latent_dim: int,
) -> None:
    """Raise ``ArgumentError`` or ``ShapeError`` unless the sequences fit each other and hold finite numbers."""
    if not recordings:
        raise ArgumentError("recordings must hold at least one recording, got none")
    for name, each in (("latents", latents), ("features", features), ("levels_db", levels_db), ("pitch", pitch)):
        if each is not None and len(each) != len(recordings):
            raise ArgumentError(f"{name} must be one Tensor for each of {len(recordings)} recordings, got {len(each)}")
    lanes = max((x.shape[0] for x in latents if x.ndim), default=1)
    for i, (x, recording) in enumerate(zip(latents, recordings, strict=True)):
        of = f"of recording {recording.name!r}"
        fits = x.ndim == 3 and x.shape[0] in (1, lanes) and x.shape[1] == latent_dim
        check_shape(f"latents {of}", x.shape, f"(1 or {lanes} lanes, {latent_dim}, frames)", fits)
        if not bool(x.isfinite().all()):
            raise ArgumentError(f"latents {of} must be finite, got NaN or infinity")
        if features is not None:
            f, dim = features[i], features[0].shape[0]
            check_shape(f"features {of}", f.shape, f"({dim}, {x.shape[2]})", f.shape == (dim, x.shape[2]))
            if not bool(f.isfinite().all()):
                raise ArgumentError(f"features {of} must be finite, got NaN or infinity")
        if levels_db is not None:
            check_shape(f"levels_db {of}", levels_db[i].shape, f"({x.shape[2]},)", levels_db[i].shape == x.shape[2:])
        if pitch is not None:
            wanted = (BINS, x.shape[2])
            check_shape(f"pitch {of}", pitch[i].shape, str(wanted), tuple(pitch[i].shape) == wanted)
