"""lgr plays one sound with the grains of another, in the latent space of a neural audio codec.

    import lgr
    lgr.resynthesise("beat.wav", ["glass.wav"], seed=3).save("out.wav")

Names are imported when they are first used, so ``import lgr`` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lgr.codebook import CodebookConfig, GrainCodebook
    from lgr.codecs import Codec, CodecInfo, codec_names, load_codec
    from lgr.codes import Codes, codes_of, sound_of
    from lgr.errors import LgrError
    from lgr.matching import MatchConfig, match
    from lgr.rendering import render
    from lgr.resynth import Resynthesis, resynthesise
    from lgr.resynth_config import ResynthConfig
    from lgr.score import Score, ScoreEvent
    from lgr.sound.audio import load_audio, save_audio
    from lgr.sound.envelope import Envelope
    from lgr.sound.recording import Recording
    from lgr.sources import build_codebook

_HOME = {
    "Codec": "lgr.codecs",
    "CodebookConfig": "lgr.codebook",
    "CodecInfo": "lgr.codecs",
    "Codes": "lgr.codes",
    "Envelope": "lgr.sound.envelope",
    "GrainCodebook": "lgr.codebook",
    "LgrError": "lgr.errors",
    "MatchConfig": "lgr.matching",
    "Recording": "lgr.sound.recording",
    "ResynthConfig": "lgr.resynth_config",
    "Resynthesis": "lgr.resynth",
    "Score": "lgr.score",
    "ScoreEvent": "lgr.score",
    "build_codebook": "lgr.sources",
    "codec_names": "lgr.codecs",
    "codes_of": "lgr.codes",
    "load_audio": "lgr.sound.audio",
    "load_codec": "lgr.codecs",
    "match": "lgr.matching",
    "render": "lgr.rendering",
    "resynthesise": "lgr.resynth",
    "save_audio": "lgr.sound.audio",
    "sound_of": "lgr.codes",
}

__all__ = [
    "CodebookConfig",
    "Codec",
    "CodecInfo",
    "Codes",
    "Envelope",
    "GrainCodebook",
    "LgrError",
    "MatchConfig",
    "Recording",
    "ResynthConfig",
    "Resynthesis",
    "Score",
    "ScoreEvent",
    "build_codebook",
    "codec_names",
    "codes_of",
    "load_audio",
    "load_codec",
    "match",
    "render",
    "resynthesise",
    "save_audio",
    "sound_of",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'lgr' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
