"""The grain codebook: every grain of one or more recordings, ready to be matched and gathered.

It keeps the latents of all recordings side by side and where each grain starts; grains are cut out when they are
asked for, so a codebook with a grain at every frame is no larger than the latents themselves.

How recordings are put side by side is in ``lgr/codebook/parts.py``, the metrics are in ``lgr/latents/vectors.py``,
saving and loading in ``lgr/codebook/files.py``.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from lgr.codebook import files
from lgr.codebook.config import CodebookConfig
from lgr.codebook.parts import Fitted, Parts, check_parts, side_by_side
from lgr.codecs.base import CodecInfo
from lgr.errors import ArgumentError, CodebookError, check_shape
from lgr.latents.grains import grain_levels_db, repeat_last
from lgr.latents.joint import pitch_rows, source_rows, target_rows
from lgr.latents.vectors import fit_metric, unit_rows
from lgr.sound.recording import Recording

MOST_NATS = 4.0  # as much as .2 of distance at the default temperature; at temperature 0 weights have no say


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
        and kept until ``forget_vectors``
    mean_, whitener_ : what the metric takes away and multiplies by (zeros and the identity where it does not)
    codec_ : CodecInfo, of the codec that made the latents

    Frames lie next to each other in memory (``latents_`` and ``features_`` are transposed views), so that a grain of a
    memory-mapped codebook is read from one place.

    Examples
    --------
    >>> import lgr
    >>> from lgr.files import assets_dir
    >>> clips = assets_dir() / "audio"
    >>> codebook = lgr.build_codebook([clips / "glass.flac", clips / "rain.flac"], lgr.load_codec("toy"))
    >>> codebook.vectors_.shape  # a row a grain: four frames of 320 numbers
    torch.Size([866, 1280])
    >>> len(codebook), [recording.name for recording in codebook.recordings_]
    (866, ['glass', 'rain'])
    >>> codebook.save("sounds.codebook").name
    'sounds.codebook'
    >>> len(lgr.GrainCodebook.load("sounds.codebook")) == len(codebook)
    True
    """

    recordings_: tuple[Recording, ...]
    frames_: tuple[int, ...]
    starts_: Tensor
    recording_: Tensor
    mean_: Tensor
    whitener_: Tensor
    codec_: CodecInfo
    _parts: Parts
    _vectors: Tensor | None = None
    _joint_vectors: Tensor | None = None

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
        pitch: Sequence[Tensor] | None = None,
        codec: CodecInfo,
    ) -> Self:
        """Take the grains of ``recordings``.

        Parameters
        ----------
        latents : one Tensor a recording, (lanes, latent_dim, frames); a recording with one lane is repeated where
            others have more
        features : one Tensor a recording, (feature_dim, frames); None: the mean of the latents over lanes
        levels_db : one Tensor a recording, (frames,), the level of each frame in dB under full scale; needed when
            ``silence_db`` is set; None: matching cannot leave out grains that are too quiet
        pitch : one Tensor a recording, (``lgr.sound.pitch.BINS``, frames), its pitch descriptor; None: matching cannot
            weigh pitch

        Raises
        ------
        CodebookError : a recording is shorter than one grain, or the silence gate leaves nothing
        ShapeError, ArgumentError : the sequences do not fit each other or the codec
        """
        return self._fit(self._placed(latents, recordings, features, levels_db, pitch, codec), codec)

    def extend(
        self,
        latents: Sequence[Tensor],
        recordings: Sequence[Recording],
        *,
        features: Sequence[Tensor] | None = None,
        levels_db: Sequence[Tensor] | None = None,
        pitch: Sequence[Tensor] | None = None,
    ) -> "GrainCodebook":
        """A new codebook with further recordings: equal to one fitted on the old and the new ones together.

        ``Recording.original`` of the new ones counts among the new ones.
        """
        return self._with(self._placed(latents, recordings, features, levels_db, pitch, self.codec_))

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
        return self._with(other._current_parts())

    def knowing_pitch(self, pitch: Sequence[Tensor]) -> "GrainCodebook":
        """The same codebook with the pitch descriptor of each recording, (bins, frames)."""
        parts = self._current_parts()._replace(pitch=torch.cat([each.mT for each in pitch]).half())
        return GrainCodebook(self.config)._take(self._fitted()._replace(parts=parts))

    def _with(self, new: Parts) -> "GrainCodebook":
        """A new codebook of this one's recordings followed by further ones."""
        parts = self._current_parts()
        dims = parts.feature_dim, new.feature_dim
        if dims[0] != dims[1]:
            raise ArgumentError(f"features must have {dims[0]} dimensions like the codebook's, got {dims[1]}")
        lanes = max(self.lanes, len(new.latents))
        if not {self.lanes, len(new.latents)} <= {1, lanes}:
            raise ArgumentError(
                f"latents must have 1 or {self.lanes} lanes like the codebook's, got {len(new.latents)}"
            )
        return GrainCodebook(self.config)._fit(parts.followed_by(new), self.codec_)

    def _placed(
        self,
        latents: Sequence[Tensor],
        recordings: Sequence[Recording],
        features: Sequence[Tensor] | None,
        levels_db: Sequence[Tensor] | None,
        pitch: Sequence[Tensor] | None,
        codec: CodecInfo,
    ) -> Parts:
        config = self.config
        check_parts(latents, recordings, features, levels_db, pitch, codec.latent_dim)
        if levels_db is None and config.silence_db is not None:
            raise ArgumentError(f"levels_db must be given for silence_db={config.silence_db}, got None")
        return side_by_side(
            latents, recordings, features, levels_db, config.silence_db, pitch, config.grain_frames, config.stride
        )

    def _fit(self, parts: Parts, codec: CodecInfo) -> Self:
        config = self.config
        if parts.starts.numel() == 0:
            raise CodebookError(
                f"silence_db={config.silence_db} leaves no grain: every grain's loudest frame is below it; "
                "lower silence_db or leave the gate out (None)"
            )
        mean, whitener = fit_metric(parts.matched, parts.starts, config.grain_frames, config.metric)
        return self._take(Fitted(parts, mean, whitener, codec))

    def _take(self, fitted: Fitted) -> Self:
        """Be what was fitted, now or when the codebook was saved."""
        self._parts, self._vectors, self._joint_vectors = fitted.parts, None, None
        self.recordings_, self.frames_, self.codec_ = fitted.parts.recordings, fitted.parts.frames, fitted.codec
        self.starts_, self.recording_ = fitted.parts.starts, fitted.parts.recording
        self.mean_, self.whitener_ = fitted.mean, fitted.whitener
        return self

    def _current_parts(self) -> Parts:
        """The parts, with the recordings as they are now: their weights may have been set anew."""
        return self._parts._replace(recordings=tuple(self.recordings_))

    def _fitted(self) -> Fitted:
        return Fitted(self._current_parts(), self.mean_, self.whitener_, self.codec_)

    # Reading

    def __len__(self) -> int:
        return self.starts_.numel()

    @property
    def lanes(self) -> int:
        return self._parts.latents.shape[0]

    @property
    def latents_(self) -> Tensor:
        return self._parts.latents.mT

    @property
    def features_(self) -> Tensor:
        return self._parts.matched.mT

    def recording_latents(self) -> tuple[Tensor, ...]:
        """The latents of each recording, (lanes, latent_dim, frames); views."""
        return torch.split(self.latents_, list(self.frames_), -1)

    @property
    def vectors_(self) -> Tensor:
        if self._vectors is None:
            self._vectors = self._timbre()
        return self._vectors

    def _timbre(self) -> Tensor:
        """``vectors_``, where they need not be kept."""
        if self._vectors is not None:
            return self._vectors
        config, frames = self.config, self._parts.matched
        return unit_rows(frames, self.starts_, config.grain_frames, config.metric, self.mean_, self.whitener_)

    @property
    def has_pitch(self) -> bool:
        """Whether the grains' pitch is known, so that matching can weigh it."""
        return self._parts.pitch is not None

    @property
    def joint_vectors_(self) -> Tensor:
        """``vectors_`` and the pitch of each grain in one row (see lgr.latents.joint), (n_grains, ...).

        ``CodebookError`` where the pitch is not known.
        """
        if self._joint_vectors is None:
            if self._parts.pitch is None:
                raise CodebookError("the codebook does not know the pitch of its grains; build it again to weigh pitch")
            pitch, _ = pitch_rows(self._parts.pitch, self.starts_, self.config.grain_frames)
            self._joint_vectors = source_rows(self._timbre(), pitch)
        return self._joint_vectors

    def rows_as(self, fitted: "GrainCodebook", first: int = 0) -> Tensor:
        """Rows of the grains from number ``first`` on as ``fitted``'s metric has them, with pitch where it is known.

        ``rows_as(self)`` are ``joint_vectors_``, or ``vectors_`` where there is no pitch; they are not kept.
        """
        starts, size, metric = self.starts_[first:], self.config.grain_frames, self.config.metric
        timbre = unit_rows(self._parts.matched, starts, size, metric, fitted.mean_, fitted.whitener_)
        return (
            timbre if self._parts.pitch is None else source_rows(timbre, pitch_rows(self._parts.pitch, starts, size)[0])
        )

    @property
    def levels_db(self) -> Tensor | None:
        """Level of each grain at which its recording is encoded, on the whole and of its quietest frame, (n_grains, 2),
        in dB; None where it is not known."""
        levels = self._parts.levels
        return None if levels is None else grain_levels_db(levels, self.starts_, self.config.grain_frames)

    def forget_vectors(self) -> None:
        """Free ``vectors_`` and ``joint_vectors_``, by far the largest; they are made again when they are read."""
        self._vectors = self._joint_vectors = None

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
        dim, config = self._parts.feature_dim, self.config
        check_shape("features", features.shape, f"({dim}, frames)", features.ndim == 2 and features.shape[0] == dim)
        if starts.numel() == 0 or int(starts.min()) < 0:
            raise ArgumentError(f"starts must hold at least one frame index, all >= 0, got {starts.tolist()}")
        over = int(starts.max()) + config.grain_frames - features.shape[1]
        frames = (repeat_last(features, over) if over > 0 else features).mT.to(self._parts.matched)
        return unit_rows(
            frames, starts.to(frames.device), config.grain_frames, config.metric, self.mean_, self.whitener_
        )

    def transform_jointly(self, features: Tensor, pitch: Tensor, starts: Tensor, weight: Tensor) -> Tensor:
        """A target's rows for ``joint_vectors_``.

        Parameters
        ----------
        features, starts : as for ``transform``
        pitch : Tensor, (bins, frames), the target's descriptor; frames beyond its end have no pitch
        weight : Tensor, (n,), in [0, 1], how much pitch counts where a grain has one
        """
        timbre = self.transform(features, starts)
        over = int(starts.max()) + self.config.grain_frames - pitch.shape[1]
        frames = torch.nn.functional.pad(pitch, (0, max(0, over))).mT.contiguous()
        rows, pitched = pitch_rows(frames.to(timbre), starts.to(timbre.device), self.config.grain_frames)
        return target_rows(timbre, rows, weight.to(timbre) * pitched)

    def next_grain(self, hop_frames: int) -> Tensor:
        """The grain of the same recording that starts ``hop_frames`` later, or -1: (n_grains,), int64."""
        if hop_frames < 1:
            raise ArgumentError(f"hop_frames must be >= 1, got {hop_frames}")
        at_frame = self.starts_.new_full((sum(self.frames_) + hop_frames,), -1)
        at_frame[self.starts_] = torch.arange(len(self), device=self.starts_.device)
        later = at_frame[self.starts_ + hop_frames]
        return torch.where(self.recording_[later] == self.recording_, later, -1)

    def log_weights(self) -> Tensor:
        """Logarithm of the recording's weight of each grain, (n_grains,), float32; -inf where the weight is 0.

        Transposed copies weigh less, a nat a semitone up to ``MOST_NATS``: a note that is there is not made of another.
        """
        device = self.recording_.device
        weights = torch.tensor([r.weight for r in self.recordings_], device=device)[self.recording_]
        if not bool((weights > 0).any()):
            names = ", ".join(repr(r.name) for r in self.recordings_)
            raise ArgumentError(f"weight must be > 0 for a recording that has grains, got none among {names}")
        semitones = torch.tensor([abs(r.transposed_semitones) for r in self.recordings_], device=device)
        return weights.log() - semitones.clamp(max=MOST_NATS)[self.recording_]

    # Files

    def save(self, folder: str | Path, force: bool = False) -> Path:
        """Write the codebook into a new folder; see ``lgr.codebook.files.save``."""
        return files.save(folder, self.config, self._fitted(), force=force)

    @classmethod
    def load(cls, folder: str | Path, codec: CodecInfo | None = None) -> "GrainCodebook":
        """Open a saved codebook, memory-mapped; see ``lgr.codebook.files.load``."""
        config, fitted = files.load(folder, codec)
        return cls(config)._take(fitted)
