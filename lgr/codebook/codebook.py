"""The grain codebook: every grain of one or more recordings, ready to be matched and gathered.

It keeps the latents of all recordings side by side and where each grain starts; grains are cut out when they are
asked for, so a codebook with a grain at every frame is no larger than the latents themselves.

How recordings are put side by side is in ``lgr/codebook/parts.py``, the metrics are in ``lgr/latents/vectors.py``,
saving and loading in ``lgr/codebook/files.py``.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from lgr.codebook.parts import Parts, check_parts, same_memory, side_by_side
from lgr.codecs.base import CodecInfo
from lgr.errors import ArgumentError, CodebookError, check_shape
from lgr.files import sha256
from lgr.latents.grains import repeat_last
from lgr.latents.vectors import METRICS, Metric, fit_metric, unit_rows
from lgr.sound.recording import Recording


@dataclass(frozen=True, kw_only=True)
class CodebookConfig:
    """How recordings are cut into grains and how grains are compared."""

    grain_frames: int = 4  # length of a grain
    stride: int = 1  # frames from one grain to the next; 1: a grain at every frame
    metric: Metric = "centred"  # see lgr/latents/vectors.py
    silence_db: float | None = None  # grains whose loudest frame is below this level are left out; None keeps all
    embedding: str = (
        ""  # of metric "learned" (see lgr/latents/embedding.py): a folder; "": the one that ships for the codec
    )

    def __post_init__(self) -> None:
        for name in ("grain_frames", "stride"):
            if getattr(self, name) < 1:
                raise ArgumentError(f"{name} must be >= 1, got {getattr(self, name)}")
        if self.metric not in METRICS:
            raise ArgumentError(f"metric must be one of {', '.join(METRICS)}, got {self.metric!r}")
        if self.embedding and self.metric != "learned":
            raise ArgumentError(f'embedding goes with metric "learned", got {self.embedding!r} with {self.metric!r}')
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
    vectors_ : Tensor, (n_grains, grain_frames * feature_dim), unit rows (see lgr.latents.vectors), made when first read
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
    _latents: Tensor  # as in Parts
    _features: Tensor

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
        self._set(self._parts(latents, recordings, features, levels_db, codec), codec)
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
        return self._with(self._parts(latents, recordings, features, levels_db, self.codec_))

    def merge(self, other: "GrainCodebook") -> "GrainCodebook":
        """A new codebook with the recordings of both: equal to one fitted on all of them together.

        Raises
        ------
        CodebookError : the other was made with another codec or configuration, or shares a recording with this one
        """
        if (self.codec_, self.config) != (other.codec_, other.config):
            raise CodebookError(
                "codebooks must be made with the same codec and configuration to be merged, got "
                f"{self.codec_.name} {self.config} and {other.codec_.name} {other.config}"
            )
        shared = {(r.sha256, r.augmentation) for r in self.recordings_ if r.sha256}
        for recording in other.recordings_:
            if (recording.sha256, recording.augmentation) in shared:
                raise CodebookError(f"codebooks must not share recordings, but {recording.name!r} is in both")
        parts = Parts(
            latents=other._latents,
            features=other._features,
            recordings=other.recordings_,
            frames=other.frames_,
            starts=other.starts_,
            recording=other.recording_,
        )
        return self._with(parts)

    def _with(self, new: Parts) -> "GrainCodebook":
        """A new codebook of this one's recordings followed by further ones."""
        dims = self._features.shape[1], new.features.shape[1]
        if dims[0] != dims[1]:
            raise ArgumentError(f"features must have {dims[0]} dimensions like the codebook's, got {dims[1]}")
        lanes = max(self.lanes, len(new.latents))
        if not {self.lanes, len(new.latents)} <= {1, lanes}:
            raise ArgumentError(
                f"latents must have 1 or {self.lanes} lanes like the codebook's, got {len(new.latents)}"
            )
        joined = torch.cat([each.expand(lanes, -1, -1) for each in (self._latents, new.latents)], dim=1)
        same = lanes == 1 and self.features_are_latents and same_memory(new.features, new.latents)
        extended = GrainCodebook(self.config)
        both = Parts(
            latents=joined,
            features=joined[0] if same else torch.cat([self._features, new.features]),
            recordings=(*self.recordings_, *new.recordings),
            frames=(*self.frames_, *new.frames),
            starts=torch.cat([self.starts_, new.starts + sum(self.frames_)]),
            recording=torch.cat([self.recording_, new.recording + len(self.recordings_)]),
        )
        extended._set(both, self.codec_)
        return extended

    def _parts(
        self,
        latents: Sequence[Tensor],
        recordings: Sequence[Recording],
        features: Sequence[Tensor] | None,
        levels_db: Sequence[Tensor] | None,
        codec: CodecInfo,
    ) -> Parts:
        config = self.config
        check_parts(latents, recordings, features, levels_db, codec.latent_dim)
        if levels_db is None and config.silence_db is not None:
            raise ArgumentError(f"levels_db must be given for silence_db={config.silence_db}, got None")
        gate = None if levels_db is None or config.silence_db is None else (levels_db, config.silence_db)
        return side_by_side(latents, recordings, features, gate, config.grain_frames, config.stride)

    def _set(self, parts: Parts, codec: CodecInfo) -> None:
        if parts.starts.numel() == 0:
            raise CodebookError(
                f"silence_db={self.config.silence_db} leaves no grain: every grain's loudest frame is below it; "
                "lower silence_db or leave the gate out (None)"
            )
        config = self.config
        self._latents, self._features = parts.latents, parts.features
        self.recordings_, self.frames_, self.codec_ = parts.recordings, parts.frames, codec
        self.starts_, self.recording_ = parts.starts, parts.recording
        self.mean_, self.whitener_ = fit_metric(parts.features, parts.starts, config.grain_frames, config.metric)
        self.__dict__.pop("vectors_", None)  # of an earlier fit

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
        return same_memory(self._features, self._latents)

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
        """Write the codebook into a new folder; see ``lgr.codebook.files.save``."""
        from lgr.codebook.files import save

        return save(self, folder, force=force)

    @classmethod
    def load(cls, folder: str | Path, codec: CodecInfo | None = None) -> "GrainCodebook":
        """Open a saved codebook, memory-mapped; see ``lgr.codebook.files.load``."""
        from lgr.codebook.files import load

        return load(folder, codec)
