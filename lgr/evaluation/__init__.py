"""Evaluation: a yardstick (a target and its sources), against which results are measured."""

from lgr.evaluation.evaluation import NOT_ASKED, Evaluation
from lgr.evaluation.interpolation import evaluate_interpolation
from lgr.evaluation.yardstick import RATE, Yardstick, codec_embedding, evaluate, sounds_of

__all__ = [
    "NOT_ASKED",
    "RATE",
    "Evaluation",
    "Yardstick",
    "codec_embedding",
    "evaluate",
    "evaluate_interpolation",
    "sounds_of",
]
