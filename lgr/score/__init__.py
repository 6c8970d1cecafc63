"""What was chosen: for each target grain which recording, which frame, with what probability."""

from lgr.score.score import Score, ScoreEvent

__all__ = ["Score", "ScoreEvent"]
