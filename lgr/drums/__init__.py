"""A drum machine without samples: voices drawn from a trained model, played by a step sequencer (paper 004).

A **pattern** has tracks of steps; a **kit** has voices, which a model with a temporal embedding drew; a pattern played
with a kit is sound. Neither needs the other to be saved, edited or read.
"""

from lgr.drums.beats import default_pattern
from lgr.drums.kit import Kit, draw_kit, morph_voice, resample_voice, series_voice
from lgr.drums.kit_files import load_kit, save_kit
from lgr.drums.pattern import Pattern, Track
from lgr.drums.pattern_files import load_pattern, save_pattern
from lgr.drums.sequencer import render_pattern
from lgr.drums.voice import Voice, draw_voice, make_voice, morph_voices, sample_path, voice_series

__all__ = [
    "Kit",
    "Pattern",
    "Track",
    "Voice",
    "default_pattern",
    "draw_kit",
    "draw_voice",
    "load_kit",
    "load_pattern",
    "make_voice",
    "morph_voice",
    "morph_voices",
    "render_pattern",
    "resample_voice",
    "sample_path",
    "save_kit",
    "save_pattern",
    "series_voice",
    "voice_series",
]
