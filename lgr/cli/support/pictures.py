"""From results to pictures: which columns of a score go into which plot."""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

from lgr.errors import MissingPackageError

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from lgr.resynth import Resynthesis
    from lgr.score import Score

SHOWN_SECONDS = 20  # of each result in a sweep's spectrograms: more is illegible at that width


def check_pictures() -> None:
    """Raise before the work rather than after it if pictures cannot be drawn."""
    if find_spec("matplotlib") is None:
        raise MissingPackageError("pictures need matplotlib: pip install 'lgr[explore]'")


def score_figure(score: "Score", title: str = "") -> "Figure":
    from lgr.plots import plot_score

    return plot_score(
        score.target_seconds,
        score.source_seconds,
        score.recording,
        [r.name for r in score.recordings],
        score.similarity,
        score.probability,
        score.entropy,
        title=title,
    )


def sweep_measures(score: "Score") -> dict[str, float]:
    """What a sweep tells of each result, under the names that its picture and its table show."""
    return {
        "mean similarity": float(score.similarity.mean()),
        "mean entropy (nats)": float(score.entropy.mean()),
        "distinct grains": float(score.distinct),
        "mean run length (grains)": score.mean_run_length,
    }


def shown_audio(result: "Resynthesis") -> "NDArray[np.float32]":
    """The part of a result that a sweep's spectrograms show, (samples,)."""
    samples = result.audio[:, : SHOWN_SECONDS * result.sample_rate].mean(0).numpy()
    return samples


def sweep_figure(
    temperatures: Sequence[float],
    measures: Sequence[dict[str, float]],
    audio: "Sequence[NDArray[np.float32]]",
    sample_rate: int,
    title: str,
) -> "Figure":
    """Measures and spectrograms of results, one of each for every temperature."""
    from lgr.plots import plot_sweep

    columns = {name: [row[name] for row in measures] for name in measures[0]}
    return plot_sweep(temperatures, columns, audio=audio, sample_rate=sample_rate, title=title)
