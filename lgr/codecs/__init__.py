"""Audio to latents and back: one protocol, many codecs. Each codec's own module is imported when it is loaded."""

from lgr.codecs.base import Codec, CodecInfo, DiscreteCodec, StreamingCodec, check_audio, check_latents
from lgr.codecs.registry import codec_card, codec_names, load_codec
from lgr.codecs.row import CodecCard
from lgr.codecs.toy import ToyCodec

__all__ = [
    "Codec",
    "CodecCard",
    "CodecInfo",
    "DiscreteCodec",
    "StreamingCodec",
    "ToyCodec",
    "check_audio",
    "check_latents",
    "codec_card",
    "codec_names",
    "load_codec",
]
