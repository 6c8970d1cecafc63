"""One resynthesis as the tabs show it: made, measured, drawn and written down for download."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lgr.codebook import GrainCodebook
from lgr.codecs.base import Codec
from lgr.evaluation import Evaluation, evaluate
from lgr.resynth import ResynthConfig, Resynthesis, resynthesise
from lgr.score import Score
from lgr_app.pictures import save_picture

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, kw_only=True)
class Played:
    """A result, what it was made from, and how long that took."""

    result: Resynthesis
    target: Path
    sources: tuple[Path, ...]
    seconds_spent: float

    @property
    def seconds(self) -> float:
        """Length of the sound."""
        return self.result.audio.shape[1] / self.result.sample_rate

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
class Files:
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
) -> Played:
    """Play checked sounds; with ``codebook``, what the sources were encoded to before. Raises as ``resynthesise``."""
    started = time.perf_counter()
    material = list(sources) if codebook is None else codebook
    result = resynthesise(target, material, codec=codec, config=config, seed=seed, progress=progress)
    return Played(result=result, target=target, sources=tuple(sources), seconds_spent=time.perf_counter() - started)


def measure(played: Played) -> Evaluation:
    """The numbers of a result."""
    result = played.result
    return evaluate(played.target, played.sources, result.audio, result.sample_rate, score=result.score)


def write(played: Played, folder: Path, *, name: str | None = None) -> Files:
    """Write the sound (FLAC, 24 bit: every browser plays it) and the score for download into ``folder``."""
    name = name or played.name
    audio = played.result.save(folder / f"{name}.flac")
    score = shareable(played.result.score).save(folder / f"{name}.json")
    return Files(audio=audio, score=score)


def shareable(score: Score) -> Score:
    """A score that names its files without the server's folders: beside them, ``lgr render`` plays it."""

    def moved(path: str) -> str:
        return Path(path).name if path else path

    return replace(
        score,
        target=replace(score.target, path=moved(score.target.path)),
        recordings=tuple(replace(each, path=moved(each.path)) for each in score.recordings),
    )


def draw_score(score: Score, path: Path) -> Path:
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


def draw_spectrogram(played: Played, path: Path) -> Path:
    """A small mel spectrogram of a result: dB under its own loudest point over time and frequency."""
    from lgr.plots import plot_spectrograms

    result = played.result
    figure = plot_spectrograms([("", result.audio.mean(0).numpy(), result.sample_rate)])
    figure.set_figheight(2.1)
    return save_picture(figure, path, width_inches=3.4)
