"""A sound from its coarse codes: encoded, all but the first levels of its codes thrown away, and brought back.

Without a bridge that is what the coarse codes say by themselves; with one, what paper 002 calls resynthesis.
"""

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from lgr.bridge.base import Bridge
from lgr.bridge.files import load_bridge
from lgr.bridge.polish import check_levels, coarse_latents, polished
from lgr.codecs.base import Codec, DiscreteCodec
from lgr.codecs.registry import load_codec
from lgr.errors import ArgumentError
from lgr.progress import Progress, silent
from lgr.sound.level import gained, levelling_gain_db, within_full_scale
from lgr.sounds import Sound, decode_lanes, encode_lanes, read, with_length


@dataclass(frozen=True)
class Refined:
    """Audio ``(channels, samples)`` at the codec's rate, as long as what was given, and the rate of the codes."""

    audio: Tensor
    sample_rate: int
    kbit_s: float  # of all lanes together, as lgr.codes.Codes.kbit_per_second


def refine(
    sound: Sound,
    *,
    codec: str | Path | Codec = "spectral",
    bridge: str | Path | Bridge | None = "schrodinger",
    levels: int | None = None,
    steps: int | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Refined:
    """A sound brought back from the first ``levels`` of its codes.

    Parameters
    ----------
    sound : a file, or (audio (channels, samples), sample_rate)
    codec : one that has codes
    bridge : a kind that lgr ships for the codec, a folder, or a bridge; None: the coarse codes by themselves
    levels : by default as many as the bridge was made for; 1 without a bridge
    steps : evaluations of the network, 1 to 64 for a Schrödinger bridge; by default 8

    progress : called with (what, done, of)

    Raises
    ------
    ArgumentError : a codec without codes, levels or steps out of range
    AudioFileError, ShapeError, WeightsError, CodebookError : a sound that is none, a bridge that is not there or is for
        another codec

    Examples
    --------
    >>> from lgr.files import assets_dir
    >>> from lgr.refine import refine
    >>> rain = assets_dir() / "audio" / "rain.flac"
    >>> coarse = refine(rain, codec="spectral", levels=2, bridge=None)
    >>> round(coarse.kbit_s, 1)
    1.5
    """
    codec = load_codec(codec) if isinstance(codec, str | Path) else codec
    if not isinstance(codec, DiscreteCodec):
        raise ArgumentError(f"codec must be one that has codes, got {codec.info.name}: see `lgr train quantizer`")
    if isinstance(bridge, str | Path):
        bridge = load_bridge(bridge, codec)
    if levels is None:
        levels = 1 if bridge is None else bridge.config.given
    if bridge is not None:
        bridge.check_settings(levels, steps)
    elif steps is not None:
        raise ArgumentError(f"steps are of a bridge, and there is none, got {steps}")
    check_levels(codec, levels)
    info = codec.info
    progress("encoding", 0, 1)
    audio = read(sound, codec)
    gain_db = levelling_gain_db(audio, info.sample_rate)  # at the level at which the bridge learned
    latents = encode_lanes(gained(audio, gain_db), codec, extra=info.lookahead)
    progress("quantising" if bridge is None else "bridging", 0, 1)
    if bridge is None:
        made = coarse_latents(latents, codec, levels)
    else:
        made = polished(latents, codec, bridge, levels=levels, steps=steps, seed=seed)
    progress("decoding", 0, 1)
    result = gained(with_length(decode_lanes(made, codec), audio.shape[1]), -gain_db)
    bits = latents.shape[0] * levels * (codec.code_entries - 1).bit_length()
    return Refined(within_full_scale(result, info.sample_rate), info.sample_rate, bits * info.frame_rate / 1000)
