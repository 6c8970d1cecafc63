"""Temperature sweep: one seed at several temperatures, made, drawn and written down."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lgr.codecs.base import Codec
from lgr.errors import ArgumentError
from lgr.evaluation import Evaluation, Yardstick
from lgr.progress import Progress
from lgr.resynth_config import ResynthConfig
from lgr.sound.envelope import Envelope
from lgr.sources import build_codebook
from lgr_app.jobs.results import Result, measure, play, save_spectrogram, write_result
from lgr_app.page.cards import Card
from lgr_app.page.pictures import save_picture
from lgr_app.page.tables import number_text

LOWEST, HIGHEST, MOST = 0.01, 10.0, 9


@dataclass(frozen=True, kw_only=True)
class Step:
    """The result at one temperature, with its numbers."""

    temperature: float
    result: Result
    evaluation: Evaluation


def temperatures(count: float, lowest: float, highest: float) -> list[float]:
    """``count`` temperatures from lowest to highest in equal ratios, rounded to two digits.

    ``ArgumentError`` unless 2 <= count <= ``MOST`` and ``LOWEST`` <= lowest < highest <= ``HIGHEST``.
    """
    if not 2 <= count <= MOST:
        raise ArgumentError(f"The number of temperatures must be 2 to {MOST}, got {count:g}")
    if not LOWEST <= lowest < highest <= HIGHEST:
        raise ArgumentError(
            f"Temperatures must go up from at least {LOWEST:g} to at most {HIGHEST:g}, got {lowest:g} to {highest:g}"
        )
    return [float(f"{value:.2g}") for value in np.geomspace(lowest, highest, int(count))]


def sweep(
    target: Path,
    sources: Sequence[Path],
    values: Sequence[float],
    *,
    codec: Codec,
    continuity: float,
    grain_frames: int = 4,
    seed: int,
    progress: Progress,
) -> Iterator[Step]:
    """A step for each temperature, as soon as it is made; the sources are encoded, and the sounds analysed, once."""
    config = ResynthConfig(grain_frames=grain_frames, continuity=Envelope.of(continuity))
    book = build_codebook(sources, codec, config.codebook_config(), progress=progress)
    yardstick = Yardstick(target, sources)
    for i, value in enumerate(values):
        progress(f"temperature {value:g}", i, len(values))
        at = ResynthConfig(
            grain_frames=grain_frames, continuity=Envelope.of(continuity), temperature=Envelope.of(value)
        )
        result = play(target, sources, codec=codec, config=at, seed=seed, codebook=book)
        yield Step(temperature=value, result=result, evaluation=measure(result, yardstick))


def retention(steps: Sequence[Step]) -> tuple[str, list[float]]:
    """The retention that a sweep is drawn against: onsets, or the level where the target has no onset."""
    onsets = [step.evaluation.numbers["onset_f"] for step in steps]
    if None not in onsets:
        return "onsets kept (F-measure)", _column(steps, "onset_f")
    return "loudness kept (correlation)", _column(steps, "envelope_correlation")


def save_tradeoff(steps: Sequence[Step], path: Path) -> Path:
    """Adoption and source distance against retention; entropy and distinct grains over temperature: a picture."""
    from lgr.plots import plot_tradeoff

    figure = plot_tradeoff(
        [step.temperature for step in steps],
        retention(steps),
        {
            "adoption (0 target, 1 sources)": _column(steps, "adoption"),
            "distance to the sources": _column(steps, "source_distance"),
        },
        {"entropy (nats)": _column(steps, "entropy"), "distinct grains": _column(steps, "distinct_grains")},
    )
    return save_picture(figure, path)


def step_card(step: Step, folder: Path) -> Card:
    """What is shown of one temperature; its files are written into ``folder``."""
    name = f"temperature_{step.temperature:g}"
    files = write_result(step.result, folder, name=name)
    numbers, score = step.evaluation.numbers, step.result.resynthesis.score
    return Card(
        title=f"τ = {step.temperature:g}",
        audio=files.audio,
        picture=save_spectrogram(step.result, folder / f"{name}.png"),
        picture_says=f"Spectrogram of the result at temperature {step.temperature:g}",
        facts=[
            ("Adoption", number_text(numbers["adoption"])),
            ("Distance to the sources", number_text(numbers["source_distance"])),
            ("Onsets kept", number_text(numbers["onset_f"])),
            ("Entropy (nats)", number_text(numbers["entropy"])),
            ("Different grains", f"{score.distinct} of {len(score)}"),
        ],
        downloads=[("Sound", files.audio), ("Score", files.score)],
    )


def _column(steps: Sequence[Step], name: str) -> list[float]:
    values = [step.evaluation.numbers[name] for step in steps]
    return [float("nan") if value is None else value for value in values]
