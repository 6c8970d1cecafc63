"""Judges of sound that others made, behind one call: ViSQOL, DNSMOS, a recogniser, embeddings of voice and timbre."""

from lgr.judges.base import Judge, JudgeCard
from lgr.judges.judging import judge, judge_card, load_judge
from lgr.judges.table import JUDGES

__all__ = ["JUDGES", "Judge", "JudgeCard", "judge", "judge_card", "load_judge"]
