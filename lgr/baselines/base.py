"""What baselines share: a task that each is given, and a mosaic that each gives back.

A baseline is a function ``(task, *, its own options) -> (audio, score)``; ``lgr.baselines.play`` lists and calls them.
``Task.finish`` ends every one of them as ``lgr.rendering`` ends a resynthesis: exactly as long as the target, at its
level, within full scale. So what is heard of two methods differs by what they chose, not by how loud they are.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lgr.codecs.base import Codec
from lgr.codecs.registry import load_codec
from lgr.errors import ArgumentError, CodebookError
from lgr.progress import Progress, silent
from lgr.rendering import finish
from lgr.score import Score
from lgr.sound.audio import save_audio
from lgr.sound.recording import Recording
from lgr.sounds import Sound, check_heard, check_sources, hear

Baseline = Callable[..., tuple[Tensor, Score | None]]
"""``baseline(task, **options)``: finished audio ``(channels, samples)``, and a score where it chose grain by grain."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Mosaic:
    """What a baseline made of a target.

    Parameters
    ----------
    name : of the baseline
    audio : Tensor, (channels, samples) in [-1, 1], exactly as long as the target
    sample_rate : the target's, or the codec's if that is higher
    score : which grain was chosen when; None where grains are not chosen one by one (NMF adds up many)
    seed : of the random draws
    options : the baseline's own options, defaults included
    seconds : float, time spent, reading and encoding included, loading the codec not
    """

    name: str
    audio: Tensor
    sample_rate: int
    score: Score | None
    seed: int
    options: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the audio; the format follows the suffix (wav, flac, ogg, mp3)."""
        return save_audio(path, self.audio, self.sample_rate, force=force)


@dataclass(frozen=True, kw_only=True, eq=False)
class Task:
    """A target, sources and a codec, read and found to be sound.

    Baselines of the waveform work at the codec's rate and take its frames for their clock, so that every method's
    grains are of one length.

    Parameters
    ----------
    target_audio : Tensor, (1 or 2 channels, samples) at the codec's rate
    source_audio : one such Tensor a recording
    grain_frames : int >= 1, length of a grain in the codec's frames
    report : called with (what, done, of)
    """

    target: Recording
    recordings: tuple[Recording, ...]
    target_audio: Tensor
    source_audio: tuple[Tensor, ...]
    codec: Codec
    seed: int
    grain_frames: int
    match_loudness: bool
    report: Progress

    @property
    def sample_rate(self) -> int:
        """Hz, of ``target_audio`` and ``source_audio``: the codec's."""
        return self.codec.info.sample_rate

    @property
    def channels(self) -> int:
        """Channels of the result: 2 where the target or a source is stereo, else 1, as in ``lgr.rendering``."""
        return max(audio.shape[0] for audio in (self.target_audio, *self.source_audio))

    @property
    def target_mono(self) -> Tensor:
        """The mean over channels, (samples,): what choices are made by, so that both channels share them."""
        return self.target_audio.mean(0)

    @property
    def source_mono(self) -> tuple[Tensor, ...]:
        """The mean over channels of each source, (samples,)."""
        return tuple(audio.mean(0) for audio in self.source_audio)

    def generator(self) -> torch.Generator:
        """A fresh generator, seeded with ``seed``."""
        return torch.Generator().manual_seed(self.seed)

    def finish(self, audio: Tensor) -> Tensor:
        """The result ``(channels, samples)`` from audio ``(channels, any length)`` at the codec's rate.

        It gets the target's length, its level where ``match_loudness`` is set, and its sample rate.
        """
        return finish(audio, self.target, self.codec.info, self.target_audio if self.match_loudness else None)


def open_task(
    target: Sound,
    sources: Sequence[Sound],
    *,
    seed: int = 0,
    codec: str | Path | Codec = "bundled",
    grain_frames: int = 4,
    match_loudness: bool = True,
    progress: Progress | None = None,
) -> Task:
    """Read a target and sources; what cannot be resynthesised is refused here in ``resynthesise``'s words.

    Raises
    ------
    ArgumentError, AudioFileError, CodebookError, WeightsError : each says what was expected and what came

    Examples
    --------
    >>> from lgr.baselines.base import open_task
    >>> from lgr.baselines.random_grains import random_grains
    >>> from lgr.files import assets_dir
    >>> clips = assets_dir() / "audio"
    >>> audio, score = random_grains(open_task(clips / "bells.flac", [clips / "fire.flac"], codec="toy"))
    >>> score.target.name
    'bells'
    """
    if grain_frames < 1:
        raise ArgumentError(f"grain_frames must be >= 1, got {grain_frames}")
    check_sources(sources)
    codec = load_codec(codec) if isinstance(codec, str | Path) else codec
    info = codec.info
    described, target_audio = hear(target, codec, name="target")
    check_heard(target_audio, described)
    heard = [hear(sound, codec, name=f"source {i + 1}") for i, sound in enumerate(sources)]
    recordings, source_audio = (tuple(each) for each in zip(*heard, strict=True))
    if not any(bool(audio.abs().max() > 0) for audio in source_audio):
        raise ArgumentError("sources must hold some sound, got digital silence in every recording")
    for recording, audio in zip(recordings, source_audio, strict=True):
        frames = info.frames(audio.shape[1])
        if frames < grain_frames:
            raise CodebookError(
                f"recording {recording.name!r} is shorter than one grain: it has {frames} frames and grain_frames is "
                f"{grain_frames}; leave it out or use shorter grains"
            )
    return Task(
        target=described,
        recordings=recordings,
        target_audio=target_audio,
        source_audio=source_audio,
        codec=codec,
        seed=seed,
        grain_frames=grain_frames,
        match_loudness=match_loudness,
        report=progress if progress is not None else silent,
    )
