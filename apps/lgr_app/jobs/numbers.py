"""The numbers of results as tables with a plain word on each."""

from collections.abc import Sequence

from lgr.evaluation import Evaluation
from lgr.evaluation.evaluation import NOT_ASKED
from lgr_app.jobs.results import Result
from lgr_app.page.tables import html_table, number_text

# name of lgr.evaluation: (what a visitor reads, what it says)
MEANING = {
    "adoption": ("Adoption", "how far the timbre went from the target (0) to the sources (1)"),
    "source_distance": (
        "Distance to the sources",
        "timbre of each moment to the nearest of the sources; less is closer",
    ),
    "pitch_agreement": ("Melody kept", "share of the target's notes that the result has, within half a semitone"),
    "onset_f": ("Onsets kept", "F-measure of the target's attacks, 0 to 1"),
    "envelope_correlation": ("Loudness kept", "correlation with the target's level over time, at most 1"),
    "attack_db": ("Attacks smeared", "level just before the target's onsets, over the target's, dB; 0: as sharp"),
    "buzz_db": ("Buzz", "swing of the level at the grain rate, over the target's, dB; above 0 it hums there"),
    "dropouts": ("Holes", "share of the target's loud moments that are 12 dB too quiet"),
    "loudness_lu": ("Loudness", "over the target's, LU"),
    "seam_ratio": ("Boundary ratio", "spectral change where grains meet over change inside them; 1: no seam shows"),
    "seam_ratio_of_target": ("The target's own", "the same measured on the target: what no seams would give"),
    "distinct_grains": ("Different grains", "how many of the sources' grains are played"),
    "reuse_max": ("Most played grain", "times"),
    "mean_run_length": ("Run length", "grains played on as recorded until a jump, on average"),
    "entropy": ("Entropy", "nats; how undecided the choice of a grain is, 0 for only one"),
}
FULL = tuple(MEANING)


def rows(evaluation: Evaluation, names: Sequence[str] = FULL) -> list[tuple[str, str, str]]:
    """(what, number as text, what it says); in place of a number that cannot be had, why. What nobody asked for is left
    out."""
    table = []
    for name in names:
        title, meaning = MEANING[name]
        value = evaluation.numbers[name]
        if evaluation.reasons.get(name) in NOT_ASKED:
            continue
        table.append(
            (title, number_text(value), meaning if value is not None else evaluation.reasons.get(name, "not known"))
        )
    return table


def numbers_table(result: Result, evaluation: Evaluation) -> str:
    """An HTML table of one result, with its grain count and its real-time factor."""
    score, spent = result.resynthesis.score, result.seconds_spent
    grain_ms = 1000 * score.grain_frames * score.frame_seconds
    own = [
        ("Grains", f"{len(score)}", f"of {grain_ms:.3g} ms, in {result.seconds:.3g} s of sound"),
        (
            "Real-time factor",
            f"{result.real_time_factor:.2f}",
            f"{spent:.2g} s of work; below 1: faster than listening",
        ),
    ]
    return html_table([*rows(evaluation), *own])
