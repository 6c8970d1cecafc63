"""Other ways to play a target with the sounds of sources, all behind one call: what latents are compared with.

from lgr.baselines import play_baseline
play_baseline("nmf", "beat.wav", ["glass.wav"], seed=3).save("out.wav")
"""

from lgr.baselines.base import Mosaic
from lgr.baselines.play import baseline_names, play_baseline

__all__ = ["Mosaic", "baseline_names", "play_baseline"]
