"""Compare codecs: one target, one source, one seed through several codecs, with the same numbers for each."""

from collections.abc import Sequence
from pathlib import Path

from lgr.codecs.base import Codec
from lgr.evaluation import Evaluation
from lgr.progress import Progress
from lgr.resynth_config import ResynthConfig
from lgr.sound.envelope import Envelope
from lgr_app.jobs.results import Result, play, save_spectrogram, write_result
from lgr_app.page.cards import Card
from lgr_app.page.codecs import TITLES
from lgr_app.page.tables import html_table, number_text

COLUMNS = {
    "adoption": "Adoption",
    "source_distance": "Distance to source",
    "onset_f": "Onsets kept",
    "envelope_correlation": "Loudness kept",
    "seam_ratio": "Boundary ratio",
    "distinct_grains": "Different grains",
    "entropy": "Entropy (nats)",
}


def grain_frames(codec: Codec, grain_ms: float) -> int:
    """The whole number of a codec's frames, at least one, that is nearest to ``grain_ms`` milliseconds."""
    return max(1, round(grain_ms / 1000 * codec.info.frame_rate))


def play_through(
    codec: Codec,
    target: Path,
    source: Path,
    *,
    grain_ms: float,
    temperature: float,
    continuity: float,
    seed: int,
    progress: Progress | None = None,
) -> Result:
    """Play the target with the source in one codec's latent space."""
    config = ResynthConfig(
        grain_frames=grain_frames(codec, grain_ms),
        temperature=Envelope.of(temperature),
        continuity=Envelope.of(continuity),
    )
    return play(target, [source], codec=codec, config=config, seed=seed, progress=progress)


def facts(result: Result, evaluation: Evaluation) -> list[tuple[str, str]]:
    """The numbers of one codec's result, under the same names for all."""
    score = result.resynthesis.score
    return [
        ("Grain", f"{1000 * score.grain_frames * score.frame_seconds:.3g} ms"),
        *((title, number_text(evaluation.numbers[name])) for name, title in COLUMNS.items()),
        ("Real-time factor", f"{result.real_time_factor:.2f}"),
    ]


def codec_card(name: str, result: Result, numbers: Sequence[tuple[str, str]], folder: Path) -> Card:
    """What is shown of one codec; its files are written into ``folder``."""
    files = write_result(result, folder, name=f"{result.name}_{name}")
    return Card(
        title=TITLES.get(name, name),
        audio=files.audio,
        picture=save_spectrogram(result, folder / f"{name}.png"),
        picture_says=f"Spectrogram of the result with {name}",
        facts=numbers[:3],
        downloads=[("Sound", files.audio), ("Score", files.score)],
    )


def missing_card(name: str, why: Exception) -> Card:
    """What is shown in place of a codec that cannot be had."""
    return Card(title=TITLES.get(name, name), note=f"Not available: {why}")


def codecs_table(columns: Sequence[tuple[str, Sequence[tuple[str, str]]]]) -> str:
    """All numbers side by side: a row a codec."""
    if not columns:
        return ""
    heads = ["Codec", *(title for title, _ in columns[0][1])]
    return html_table([[TITLES.get(name, name), *(value for _, value in numbers)] for name, numbers in columns], heads)
