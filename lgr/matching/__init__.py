"""Choosing which codebook grain plays each target grain: pure functions over unit rows that know nothing of audio."""

from lgr.matching.choices import Choices
from lgr.matching.config import MatchConfig, Sampler
from lgr.matching.matcher import match
from lgr.matching.online import OnlineState, online_step

__all__ = ["Choices", "MatchConfig", "OnlineState", "Sampler", "match", "online_step"]
