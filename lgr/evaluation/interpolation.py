"""Evaluate an interpolation: how smoothly it goes from the one sound to the other."""

from torch import Tensor

from lgr.evaluation.evaluation import Evaluation, Found, evaluation_of
from lgr.measures.transition import measure_transition


def evaluate_interpolation(audio: Tensor, sample_rate: int, seams_seconds: tuple[float, float]) -> Evaluation:
    """Measure an interpolation with the real sounds around it: the numbers of ``lgr.measures.transition``.

    ``ArgumentError`` unless there are 0.3 s before, between and after ``seams_seconds``.
    """
    found: Found = {}
    for name, value in measure_transition(audio, sample_rate, seams_seconds).to_json().items():
        pair = dict(zip(("first", "second"), value, strict=True)) if isinstance(value, list) else {"": value}
        for which, number in pair.items():
            found[f"{name}_{which}".rstrip("_")] = "silence" if number is None else float(number)
    return evaluation_of({"interpolation": found})
