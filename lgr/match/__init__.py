"""Choosing which codebook grain plays each target grain: pure functions over unit rows that know nothing of audio."""

from lgr.match.choices import Choices
from lgr.match.config import MatchConfig, Sampler
from lgr.match.matcher import match
from lgr.match.online import OnlineState, online_step

__all__ = ["Choices", "MatchConfig", "OnlineState", "Sampler", "match", "online_step"]
