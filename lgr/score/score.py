"""The score: for each target grain which recording, which frame, with what probability. The heart of every result.

Audio is rendered from a score, never straight from the matcher, so a result can be replayed, edited, plotted and
taken elsewhere. A score is plain data: no audio, no tensors of grains. Its files are written by ``lgr/score/files.py``.
"""

import dataclasses
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from lgr.codecs.base import version_options
from lgr.errors import ArgumentError, CodebookError, LgrError, ShapeError
from lgr.score import files
from lgr.score.files import COLUMNS
from lgr.score.render_config import RenderConfig
from lgr.sound.recording import Recording

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Seconds = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ScoreEvent:
    """One grain of a score: what is played when, and how sure the matcher was.

    Examples
    --------
    >>> import lgr
    >>> from lgr.files import assets_dir
    >>> clips = assets_dir() / "audio"
    >>> score = lgr.resynthesise(clips / "drum_loop.flac", [clips / "glass.flac"], codec="toy", seed=1).score
    >>> first = next(score.events())
    >>> first.target_seconds, score.recordings[first.recording].name, first.source_frame >= 0
    (0.0, 'glass', True)
    """

    target_frame: int
    target_seconds: float
    recording: int
    source_frame: int
    source_seconds: float
    probability: float
    similarity: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Score:
    """Which grain of which recording plays at each grain of the target.

    Arrays have one entry a target grain and may be given as tensors or sequences.

    Parameters
    ----------
    codec : name of the codec whose frames are counted
    sample_rate, hop_length : int > 0, of the codec: a frame lasts ``hop_length / sample_rate`` seconds
    grain_frames, hop_frames : int > 0, length of a grain and distance of target grains
    seed : of the random draws
    target : the recording that was played
    recordings : the recordings its grains come from
    render : what becomes of the chosen grains when the score is played
    made_by : how the choices were made, as plain JSON values: ``{"resynth": {...}}`` or ``{"baseline": {...}}``
    target_frame : (n,), int64, increasing, where each grain is placed
    recording : (n,), int64, index into ``recordings``
    source_frame : (n,), int64, the grain's first frame within its recording
    probability : (n,), float32 in [0, 1], of the chosen grain
    similarity : (n,), float32, of target and chosen grain
    entropy : (n,), float32 >= 0, nats, of the distribution it was drawn from

    In the last three NaN stands for "not known" (a grain that a person put there).

    Examples
    --------
    >>> import lgr
    >>> from lgr.files import assets_dir
    >>> clips = assets_dir() / "audio"
    >>> score = lgr.resynthesise(clips / "drum_loop.flac", [clips / "glass.flac"], codec="toy", seed=1).score
    >>> len(score), score.distinct <= len(score)
    (122, True)
    >>> score.save("glass.json").name
    'glass.json'
    >>> lgr.Score.load("glass.json") == score
    True
    >>> edited = score.replace(0, source_frame=12)
    >>> int(edited.source_frame[0])
    12
    """

    codec: str
    sample_rate: int
    hop_length: int
    grain_frames: int
    hop_frames: int
    seed: int
    target: Recording
    recordings: tuple[Recording, ...]
    target_frame: Ints
    recording: Ints
    source_frame: Ints
    probability: Floats
    similarity: Floats
    entropy: Floats
    render: RenderConfig = field(default_factory=RenderConfig)
    made_by: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("sample_rate", "hop_length", "grain_frames", "hop_frames"):
            if getattr(self, name) < 1:
                raise ArgumentError(f"{name} must be >= 1, got {getattr(self, name)}")
        object.__setattr__(self, "recordings", tuple(self.recordings))
        try:  # as its file gives it back: tuples become lists
            object.__setattr__(self, "made_by", json.loads(json.dumps(self.made_by)))
        except (TypeError, ValueError) as error:
            raise ArgumentError(f"made_by must be plain JSON values: {error}") from error
        for name, dtype in COLUMNS.items():
            given: npt.NDArray[Any] = np.asarray(getattr(self, name))
            if given.size and given.dtype.kind not in ("iu" if dtype is np.int64 else "iuf"):
                raise ArgumentError(f"{name} must be {dtype.__name__}, got {given.dtype}")
            array: npt.NDArray[Any] = given.astype(dtype)  # a copy: what the caller does to theirs later is theirs
            object.__setattr__(self, name, array)
            if array.ndim != 1 or array.shape != self.target_frame.shape or array.size == 0:
                raise ShapeError(
                    f"{name} must be (n_grains,) with at least one grain, like target_frame "
                    f"{self.target_frame.shape}, got {array.shape}"
                )
            if np.isinf(array).any():
                raise ArgumentError(f"{name} must be finite, or NaN where it is not known, got infinity")
        if self.target_frame[0] < 0 or (np.diff(self.target_frame) <= 0).any():
            raise ArgumentError("target_frame must be >= 0 and increase from grain to grain")
        if self.recording.min() < 0 or self.recording.max() >= len(self.recordings):
            low, high = self.recording.min(), self.recording.max()
            raise ArgumentError(f"recording must be in [0, {len(self.recordings)}), got {low} to {high}")
        if self.source_frame.min() < 0:
            raise ArgumentError(f"source_frame must be >= 0, got {self.source_frame.min()}")
        if (self.probability < 0).any() or (self.probability > 1 + 1e-5).any():
            raise ArgumentError("probability must be in [0, 1]")

    def __len__(self) -> int:
        return self.target_frame.size

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Score):
            return NotImplemented
        same = (
            np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
            for a, b in zip(self._arrays(), other._arrays(), strict=True)
        )
        others = (f.name for f in dataclasses.fields(self) if f.name not in COLUMNS)
        return all(same) and all(getattr(self, name) == getattr(other, name) for name in others)

    def _arrays(self) -> list[npt.NDArray[Any]]:
        return [getattr(self, name) for name in COLUMNS]

    @property
    def codec_options(self) -> dict[str, Any]:
        """Options of ``load_codec`` with which the codec gives such latents."""
        return version_options(self.render.codec_version)

    # Time

    @property
    def frame_seconds(self) -> float:
        return self.hop_length / self.sample_rate

    @property
    def target_seconds(self) -> Seconds:
        """(n,), float64, where each grain is placed."""
        return self.target_frame * self.hop_length / self.sample_rate

    @property
    def source_seconds(self) -> Seconds:
        """(n,), float64, where each grain starts in its recording (as it was encoded: see ``Recording.speed``)."""
        return self.source_frame * self.hop_length / self.sample_rate

    def events(self) -> Iterator[ScoreEvent]:
        columns = (
            self.target_frame,
            self.target_seconds,
            self.recording,
            self.source_frame,
            self.source_seconds,
            self.probability,
            self.similarity,
        )
        for row in zip(*(column.tolist() for column in columns), strict=True):
            yield ScoreEvent(*row)

    # What it is like

    @property
    def plays_on(self) -> npt.NDArray[np.bool_]:
        """(n - 1,): whether grain i + 1 is where grain i goes on to, the same recording as much later as the target."""
        later = np.diff(self.source_frame) == np.diff(self.target_frame)
        same: npt.NDArray[np.bool_] = later & (np.diff(self.recording) == 0)
        return same

    def runs(self) -> list[tuple[int, int]]:
        """First grain and length of each run of grains that play on, in order; the lengths sum to ``len(self)``."""
        first = np.concatenate([[0], np.flatnonzero(~self.plays_on) + 1, [len(self)]])
        return list(zip(first[:-1].tolist(), np.diff(first).tolist(), strict=True))

    def run_lengths(self) -> Ints:
        """Length in grains of each run of grains that play on, in order."""
        return np.array([length for _, length in self.runs()], dtype=np.int64)

    @property
    def mean_run_length(self) -> float:
        return float(self.run_lengths().mean())

    def reuse(self) -> Ints:
        """How often each grain that is used at all is used, most used first; sums to ``len(self)``."""
        _, counts = np.unique(np.stack([self.recording, self.source_frame]), axis=1, return_counts=True)
        return np.sort(counts.astype(np.int64))[::-1].copy()

    @property
    def distinct(self) -> int:
        """How many different grains are used."""
        return self.reuse().size

    # Editing

    def replace(
        self,
        grain: int,
        *,
        recording: int | None = None,
        source_frame: int | None = None,
        probability: float = math.nan,
        similarity: float = math.nan,
        entropy: float = math.nan,
    ) -> Self:
        """A new score that plays another grain at target grain ``grain`` (negative counts from the end)."""
        if not -len(self) <= grain < len(self):
            raise ArgumentError(f"grain must be in [0, {len(self)}), got {grain}")
        changes = {"probability": probability, "similarity": similarity, "entropy": entropy}
        chosen = {"recording": recording, "source_frame": source_frame}
        columns = {}
        for name, value in {**changes, **{k: v for k, v in chosen.items() if v is not None}}.items():
            columns[name] = getattr(self, name).copy()
            columns[name][grain] = value
        return dataclasses.replace(self, **columns)

    # Files

    def save(self, path: str | Path, force: bool = False) -> Path:
        """Write a ``.json`` or ``.csv`` file that ``load`` reads back exactly.

        Raises
        ------
        ArgumentError : another suffix
        LgrError : the file exists and not ``force``, or cannot be written
        """
        header = {name: getattr(self, name) for name in _PLAIN}
        header["target"] = self.target.to_json()
        header["recordings"] = [each.to_json() for each in self.recordings]
        header["config"] = {**self.made_by, "render": self.render.to_json()}
        derived = {  # for reading only: they follow from the others
            "target_seconds": [f"{x:.6f}" for x in self.target_seconds],
            "recording_name": [self.recordings[i].name for i in self.recording],
            "source_seconds": [f"{x:.6f}" for x in self.source_seconds],
        }
        return files.save(path, header, {name: getattr(self, name) for name in COLUMNS}, derived, force=force)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a score that ``save`` wrote.

        Raises
        ------
        CodebookError : the file is missing, not a score, of another format version, or damaged
        """
        header, columns = files.load(path)
        values: dict[str, Any] = dict(columns)
        try:
            config = dict(header["config"])
            return cls(
                **{name: header[name] for name in _PLAIN},
                target=Recording.from_json(header["target"]),
                recordings=tuple(Recording.from_json(each) for each in header["recordings"]),
                render=RenderConfig.from_json(config.pop("render", {})),
                made_by=config,
                **values,
            )
        except (KeyError, TypeError, ValueError, OverflowError, LgrError) as error:
            what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            raise CodebookError(f"score {path} is damaged: {what}") from error


#: Fields that a file's header holds as they are.
_PLAIN = ("codec", "sample_rate", "hop_length", "grain_frames", "hop_frames", "seed")
