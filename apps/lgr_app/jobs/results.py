"""One resynthesis as the tabs show it: made, measured, drawn and written down for download."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor

from lgr.codebook import GrainCodebook
from lgr.codecs.base import Codec
from lgr.evaluation import Evaluation, Yardstick
from lgr.progress import Progress
from lgr.resynth import Resynthesis, resynthesise
from lgr.resynth_config import ResynthConfig
from lgr.score import Score
from lgr.sound.audio import load_audio
from lgr.sound.pitch import pitch_frames, pitchedness
from lgr_app.page.pictures import save_picture

NOTES_SHARE = 0.4  # drums and textures lie below


@dataclass(frozen=True, kw_only=True)
class Result:
    """A resynthesis, what it was made from, and how long that took."""

    resynthesis: Resynthesis
    target: Path
    sources: tuple[Path, ...]
    seconds_spent: float

    @property
    def seconds(self) -> float:
        """Length of the sound."""
        return self.resynthesis.audio.shape[1] / self.resynthesis.sample_rate

    @property
    def real_time_factor(self) -> float:
        """Seconds of work for a second of sound: below 1 is faster than listening."""
        return self.seconds_spent / self.seconds

    @property
    def name(self) -> str:
        """What the files of this result are called, such as ``drum_loop_of_glass_and_1_more``."""
        first, more = self.sources[0].stem, len(self.sources) - 1
        return f"{self.target.stem[:60]}_of_{first[:60]}" + (f"_and_{more}_more" if more else "")


@dataclass(frozen=True)
class ResultFiles:
    """Where a result was written."""

    audio: Path
    score: Path


def play(
    target: Path,
    sources: Sequence[Path],
    *,
    codec: Codec,
    config: ResynthConfig,
    seed: int,
    codebook: GrainCodebook | None = None,
    progress: Progress | None = None,
) -> Result:
    """Play checked sounds; with ``codebook``, what the sources were encoded to before. Raises as ``resynthesise``."""
    began = time.perf_counter()
    material = list(sources) if codebook is None else codebook
    resynthesis = resynthesise(target, material, codec=codec, config=config, seed=seed, progress=progress)
    spent = time.perf_counter() - began
    return Result(resynthesis=resynthesis, target=target, sources=tuple(sources), seconds_spent=spent)


def measure(result: Result, yardstick: Yardstick | None = None) -> Evaluation:
    """The numbers of a result; ``yardstick`` is one of its target and sources, where more than one result has them.

    Without one, it is also measured how much of a melody is left, where the target has notes.
    """
    if yardstick is None:
        yardstick = Yardstick(result.target, result.sources, pitch=has_notes(result.target))
    made = result.resynthesis
    return yardstick.measure(made.audio, made.sample_rate, made.score)


def has_notes(target: Path) -> bool:
    """Whether a sound is pitched for much of its time: only then is a melody looked for, which takes a while."""
    audio, rate = load_audio(target, channels=1)
    return float(pitchedness(pitch_frames(audio[0], rate, rate // 75).T).mean()) > NOTES_SHARE


def write_result(result: Result, folder: Path, *, name: str | None = None) -> ResultFiles:
    """Write the sound (FLAC, 24 bit: every browser plays it) and the score for download into ``folder``."""
    name = name or result.name
    audio = result.resynthesis.save(folder / f"{name}.flac")
    score = shareable(result.resynthesis.score).save(folder / f"{name}.json")
    return ResultFiles(audio=audio, score=score)


def shareable(score: Score) -> Score:
    """A score that names its files without the server's folders: beside them, ``lgr render`` plays it."""

    def name(path: str) -> str:
        return Path(path).name if path else path

    return replace(
        score,
        target=replace(score.target, path=name(score.target.path)),
        recordings=tuple(replace(each, path=name(each.path)) for each in score.recordings),
    )


def save_score_picture(score: Score, path: Path) -> Path:
    """The picture of a score: target time against source time, by source, with similarity, probability and entropy."""
    from lgr.plots import plot_score

    figure = plot_score(
        score.target_seconds,
        score.source_seconds,
        score.recording,
        [recording.name for recording in score.recordings],
        score.similarity,
        score.probability,
        score.entropy,
    )
    return save_picture(figure, path)


def save_spectrogram(result: Result, path: Path) -> Path:
    """A small mel spectrogram of a result."""
    made = result.resynthesis
    return save_audio_spectrogram(made.audio, made.sample_rate, path)


def save_audio_spectrogram(audio: Tensor, sample_rate: int, path: Path) -> Path:
    """A small mel spectrogram of ``(channels, samples)``: dB under its own loudest point over time and frequency."""
    from lgr.plots import plot_spectrograms

    figure = plot_spectrograms([("", audio.mean(0).numpy(), sample_rate)])
    figure.set_figheight(2.1)
    return save_picture(figure, path, width_inches=3.4)
