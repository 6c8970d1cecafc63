"""Listening tests: a page that people answer in a browser, and the analysis of their answers (docs/listening.md)."""

from lgr.listening.analysis import Analysis, analyse
from lgr.listening.build import ListeningTest, ListeningTestConfig, build_listening_test
from lgr.sound.loudness import integrated_loudness, matching_gains_db

__all__ = [
    "Analysis",
    "ListeningTest",
    "ListeningTestConfig",
    "analyse",
    "build_listening_test",
    "integrated_loudness",
    "matching_gains_db",
]
