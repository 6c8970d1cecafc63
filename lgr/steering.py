"""A sound played again with some of its codec's controls moved: louder, brighter, noisier, over time."""

from torch import Tensor

from lgr.codecs.base import Codec
from lgr.errors import ArgumentError
from lgr.latents.controls import Controls, check_controls, codec_controls, steer
from lgr.sound.level import within_full_scale
from lgr.sounds import Sound, decode_lanes, encode_lanes, read, with_length


def steered_sound(sound: Sound, codec: Codec, controls: Controls) -> Tensor:
    """Audio ``(channels, samples)`` at the codec's sample rate: the sound through the codec, steered.

    Parameters
    ----------
    sound : a file, or (audio, sample_rate)
    controls : as of ``lgr.latents.controls.steer``; at least one

    Raises
    ------
    ArgumentError : no control, one that the codec does not have, or an envelope that is none or goes too far
    AudioFileError, ShapeError : a sound that is none

    Examples
    --------
    >>> from lgr import load_codec
    >>> from lgr.files import assets_dir
    >>> from lgr.steering import steered_sound
    >>> rain = assets_dir() / "audio" / "rain.flac"
    >>> steered_sound(rain, load_codec("toy"), {"brightness": "0:-1,4:1"})
    Traceback (most recent call last):
        ...
    lgr.errors.ArgumentError: brightness must be a control of the codec, and toy has none
    """
    if not controls:
        have = ", ".join(codec_controls(codec)) or "none"
        raise ArgumentError(f"controls must hold at least one of those that {codec.info.name} has ({have}), got none")
    check_controls(codec, controls)
    audio = read(sound, codec)
    latents = steer(codec, encode_lanes(audio, codec, extra=codec.info.lookahead), controls)
    return within_full_scale(with_length(decode_lanes(latents, codec), audio.shape[1]), codec.info.sample_rate)
