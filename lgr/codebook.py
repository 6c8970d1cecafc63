"""The grain codebook: every grain of one or more recordings, ready to be matched and gathered.

It keeps the latents of all recordings side by side and where each grain starts; grains are cut out when they are
asked for, so a codebook with a grain at every frame is no larger than the latents themselves.

Saving and loading are in ``lgr/codebook_files.py``, the metrics in ``lgr/vectors.py``.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from lgr.codecs.base import CodecInfo
from lgr.errors import ArgumentError, CodebookError, check_shape
from lgr.files import sha256
from lgr.grains import grain_starts, repeat_last
from lgr.recording import Recording
from lgr.vectors import METRICS, Metric, fit_metric, unit_rows


@dataclass(frozen=True, kw_only=True)
class CodebookConfig:
    """How recordings are cut into grains and how grains are compared."""

    grain_frames: int = 4  # length of a grain
    stride: int = 1  # frames from one grain to the next; 1: a grain at every frame
    metric: Metric = "centred"  # see lgr/vectors.py
    silence_db: float | None = None  # grains whose loudest frame is below this level are left out; None keeps all

    def __post_init__(self) -> None:
        for name in ("grain_frames", "stride"):
            if getattr(self, name) < 1:
                raise ArgumentError(f"{name} must be >= 1, got {getattr(self, name)}")
        if self.metric not in METRICS:
            raise ArgumentError(f"metric must be one of {', '.join(METRICS)}, got {self.metric!r}")
        if self.silence_db is not None and math.isnan(self.silence_db):
            raise ArgumentError("silence_db must be a level in dB or None, got NaN")


class GrainCodebook:
    """Grains of recordings. ``GrainCodebook(config).fit(latents, recordings, codec=codec.info)``.

    Fitted fields
    -------------
    latents_ : Tensor, (lanes, latent_dim, total_frames), of all recordings side by side
    features_ : Tensor, (feature_dim, total_frames), what matching reads
    recordings_ : tuple of Recording
    frames_ : tuple of int, frames of each recording
    starts_ : Tensor, (n_grains,), int64, first frame of each grain in ``latents_``
    recording_ : Tensor, (n_grains,), int64, recording of each grain
    vectors_ : Tensor, (n_grains, grain_frames * feature_dim), unit rows (see lgr/vectors.py), made when first read
    mean_, whitener_ : what the metric takes away and multiplies by (zeros and the identity where it does not)
    codec_ : CodecInfo, of the codec that made the latents

    Frames lie next to each other in memory (``latents_`` and ``features_`` are transposed views), so that a grain of a
    memory-mapped codebook is read from one place.
    """

    recordings_: tuple[Recording, ...]
    frames_: tuple[int, ...]
    starts_: Tensor
    recording_: Tensor
    mean_: Tensor
    whitener_: Tensor
    codec_: CodecInfo
    _latents: Tensor  # (lanes, total_frames, latent_dim)
    _features: Tensor  # (total_frames, feature_dim); the very memory of _latents where features are mono latents

    def __init__(self, config: CodebookConfig | None = None) -> None:
        self.config = CodebookConfig() if config is None else config

    # Building

    def fit(
        self,
        latents: Sequence[Tensor],
        recordings: Sequence[Recording],
        *,
        features: Sequence[Tensor] | None = None,
        levels_db: Sequence[Tensor] | None = None,
        codec: CodecInfo,
    ) -> Self:
        """Take the grains of ``recordings``.

        Parameters
        ----------
        latents : one Tensor a recording, (lanes, latent_dim, frames); a recording with one lane is repeated where
            others have more
        features : one Tensor a recording, (feature_dim, frames); None: the mean of the latents over lanes
        levels_db : one Tensor a recording, (frames,), the level of each frame; needed when ``silence_db`` is set

        Raises
        ------
        CodebookError : a recording is shorter than one grain, or the silence gate leaves nothing
        ShapeError, ArgumentError : the sequences do not fit each other or the codec
        """
        self._check(latents, recordings, features, levels_db, codec)
        lanes = max(len(each) for each in latents)
        if features is None:
            features = [each.mean(0) if len(each) > 1 else each[0] for each in latents]
        starts, owners, offset = [], [], 0
        for i, each in enumerate(latents):
            kept = self._recording_starts(recordings[i], each.shape[-1], None if levels_db is None else levels_db[i])
            starts.append(kept + offset)
            owners.append(torch.full_like(kept, i))
            offset += each.shape[-1]
        joined = torch.cat([each.mT.expand(lanes, -1, -1) for each in latents], dim=1).float()
        same = lanes == 1 and all(torch.equal(f, x[0]) for f, x in zip(features, latents, strict=True))  # kept once
        device = joined.device
        self._set(
            joined,
            joined[0] if same else torch.cat([each.mT for each in features]).float(),
            recordings,
            [each.shape[-1] for each in latents],
            torch.cat(starts).to(device),
            torch.cat(owners).to(device),
            codec,
        )
        return self

    def extend(
        self,
        latents: Sequence[Tensor],
        recordings: Sequence[Recording],
        *,
        features: Sequence[Tensor] | None = None,
        levels_db: Sequence[Tensor] | None = None,
    ) -> "GrainCodebook":
        """A new codebook with further recordings: equal to one fitted on the old and the new ones together."""
        added = GrainCodebook(self.config).fit(
            latents, recordings, features=features, levels_db=levels_db, codec=self.codec_
        )
        dims = self._features.shape[1], added._features.shape[1]
        if dims[0] != dims[1]:
            raise ArgumentError(f"features must have {dims[0]} dimensions like the codebook's, got {dims[1]}")
        lanes = max(self.lanes, added.lanes)
        if not {self.lanes, added.lanes} <= {1, lanes}:
            raise ArgumentError(f"latents must have 1 or {self.lanes} lanes like the codebook's, got {added.lanes}")
        parts = [each._latents.expand(lanes, -1, -1) for each in (self, added)]
        joined = torch.cat(parts, dim=1)
        same = lanes == 1 and self.features_are_latents and added.features_are_latents
        extended = GrainCodebook(self.config)
        extended._set(
            joined,
            joined[0] if same else torch.cat([self._features, added._features]),
            (*self.recordings_, *added.recordings_),
            (*self.frames_, *added.frames_),
            torch.cat([self.starts_, added.starts_ + sum(self.frames_)]),
            torch.cat([self.recording_, added.recording_ + len(self.recordings_)]),
            self.codec_,
        )
        return extended

    def _set(
        self,
        latents: Tensor,
        features: Tensor,
        recordings: Sequence[Recording],
        frames: Sequence[int],
        starts: Tensor,
        owners: Tensor,
        codec: CodecInfo,
    ) -> None:
        if starts.numel() == 0:
            raise CodebookError(
                f"silence_db={self.config.silence_db} leaves no grain: every grain's loudest frame is below it; "
                "lower silence_db or leave the gate out (None)"
            )
        self._latents, self._features = latents, features
        self.recordings_, self.frames_, self.codec_ = tuple(recordings), tuple(frames), codec
        self.starts_, self.recording_ = starts, owners
        self.mean_, self.whitener_ = fit_metric(features, starts, self.config.grain_frames, self.config.metric)
        self.__dict__.pop("vectors_", None)  # of an earlier fit

    def _recording_starts(self, recording: Recording, frames: int, levels_db: Tensor | None) -> Tensor:
        grain_frames = self.config.grain_frames
        if frames < grain_frames:
            raise CodebookError(
                f"recording {recording.name!r} is shorter than one grain: it has {frames} frames and grain_frames is "
                f"{grain_frames}; leave it out or use shorter grains"
            )
        starts = grain_starts(frames, grain_frames, self.config.stride, "shift")
        if self.config.silence_db is None or levels_db is None:
            return starts
        loudest = levels_db.cpu().unfold(0, grain_frames, 1).amax(1)
        return starts[loudest[starts] >= self.config.silence_db]

    def _check(
        self,
        latents: Sequence[Tensor],
        recordings: Sequence[Recording],
        features: Sequence[Tensor] | None,
        levels_db: Sequence[Tensor] | None,
        codec: CodecInfo,
    ) -> None:
        if not recordings:
            raise ArgumentError("recordings must hold at least one recording, got none")
        for name, each in (("latents", latents), ("features", features), ("levels_db", levels_db)):
            if each is not None and len(each) != len(recordings):
                raise ArgumentError(
                    f"{name} must be one Tensor for each of {len(recordings)} recordings, got {len(each)}"
                )
        if levels_db is None and self.config.silence_db is not None:
            raise ArgumentError(f"levels_db must be given for silence_db={self.config.silence_db}, got None")
        lanes = max((x.shape[0] for x in latents if x.ndim), default=1)
        for i, (x, recording) in enumerate(zip(latents, recordings, strict=True)):
            of = f"of recording {recording.name!r}"
            fits = x.ndim == 3 and x.shape[0] in (1, lanes) and x.shape[1] == codec.latent_dim
            check_shape(f"latents {of}", x.shape, f"(1 or {lanes} lanes, {codec.latent_dim}, frames)", fits)
            if not bool(x.isfinite().all()):
                raise ArgumentError(f"latents {of} must be finite, got NaN or infinity")
            if features is not None:
                f, dim = features[i], features[0].shape[0]
                fits = f.ndim == 2 and f.shape == (dim, x.shape[2])
                check_shape(f"features {of}", f.shape, f"({dim}, {x.shape[2]})", fits)
            if levels_db is not None:
                check_shape(
                    f"levels_db {of}", levels_db[i].shape, f"({x.shape[2]},)", levels_db[i].shape == x.shape[2:]
                )

    # Reading

    def __len__(self) -> int:
        return self.starts_.numel()

    @property
    def lanes(self) -> int:
        return self._latents.shape[0]

    @property
    def latents_(self) -> Tensor:
        return self._latents.mT

    @property
    def features_(self) -> Tensor:
        return self._features.mT

    @property
    def features_are_latents(self) -> bool:
        """Whether ``features_`` is the memory of the (one lane of) latents, and need not be stored twice."""
        return self._features.data_ptr() == self._latents.data_ptr() and self._features.shape == self._latents.shape[1:]

    @cached_property
    def vectors_(self) -> Tensor:
        config = self.config
        return unit_rows(self._features, self.starts_, config.grain_frames, config.metric, self.mean_, self.whitener_)

    @property
    def source_frame_(self) -> Tensor:
        """First frame of each grain within its own recording, (n_grains,), int64."""
        ends = torch.tensor(self.frames_, device=self.starts_.device).cumsum(0)
        return self.starts_ - (ends - torch.tensor(self.frames_, device=ends.device))[self.recording_]

    def transform(self, features: Tensor, starts: Tensor) -> Tensor:
        """Unit rows of a target's grains, mapped as the codebook's own are.

        Parameters
        ----------
        features : Tensor, (feature_dim, frames)
        starts : Tensor, (n,), int64; a grain that runs over the end sees the last frame repeated (``tail="pad"``)

        Returns
        -------
        Tensor, (n, grain_frames * feature_dim)
        """
        dim, config = self._features.shape[1], self.config
        check_shape("features", features.shape, f"({dim}, frames)", features.ndim == 2 and features.shape[0] == dim)
        if starts.numel() == 0 or int(starts.min()) < 0:
            raise ArgumentError(f"starts must hold at least one frame index, all >= 0, got {starts.tolist()}")
        over = int(starts.max()) + config.grain_frames - features.shape[1]
        frames = (repeat_last(features, over) if over > 0 else features).mT.to(self._features)
        return unit_rows(
            frames, starts.to(frames.device), config.grain_frames, config.metric, self.mean_, self.whitener_
        )

    def gather(self, index: Tensor) -> Tensor:
        """Latents of the grains ``index`` (N,): (lanes, N, latent_dim, grain_frames)."""
        within = torch.arange(self.config.grain_frames, device=self.starts_.device)
        at = self.starts_[index.to(self.starts_.device)][:, None] + within  # (N, grain_frames)
        return self._latents[:, at].mT

    def next_grain(self, hop_frames: int) -> Tensor:
        """The grain of the same recording that starts ``hop_frames`` later, or -1: (n_grains,), int64."""
        if hop_frames < 1:
            raise ArgumentError(f"hop_frames must be >= 1, got {hop_frames}")
        at_frame = self.starts_.new_full((sum(self.frames_) + hop_frames,), -1)
        at_frame[self.starts_] = torch.arange(len(self), device=self.starts_.device)
        later = at_frame[self.starts_ + hop_frames]
        return torch.where(self.recording_[later] == self.recording_, later, -1)

    def log_weights(self) -> Tensor:
        """Logarithm of the recording's weight of each grain, (n_grains,), float32; -inf where the weight is 0."""
        weights = torch.tensor([r.weight for r in self.recordings_], device=self.recording_.device)[self.recording_]
        if not bool((weights > 0).any()):
            names = ", ".join(repr(r.name) for r in self.recordings_)
            raise ArgumentError(f"weight must be > 0 for a recording that has grains, got none among {names}")
        return weights.log()

    # Files

    def check_recordings(self) -> None:
        """Raise ``CodebookError`` unless every recording's file is where it was and as it was."""
        gone = [r for r in self.recordings_ if r.path and not Path(r.path).is_file()]
        changed = [r for r in self.recordings_ if r not in gone and r.sha256 and r.path and sha256(r.path) != r.sha256]
        said = [f"{r.path} is gone" for r in gone] + [f"{r.path} has changed" for r in changed]
        if said:
            raise CodebookError(
                f"the codebook's recordings are not as they were: {'; '.join(said)}. "
                "Put the files back, or build the codebook again from the files as they are now"
            )

    def save(self, folder: str | Path, force: bool = False) -> Path:
        """Write the codebook into a new folder; see ``lgr.codebook_files.save``."""
        from lgr.codebook_files import save

        return save(self, folder, force=force)

    @classmethod
    def load(cls, folder: str | Path, codec: CodecInfo | None = None) -> "GrainCodebook":
        """Open a saved codebook, memory-mapped; see ``lgr.codebook_files.load``."""
        from lgr.codebook_files import load

        return load(folder, codec)
