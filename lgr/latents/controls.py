"""Control by meaning (paper 003's outlook): level, brightness and noisiness as envelopes over a sequence of latents.

A codec that has ``controls`` keeps each in a coordinate of its own, so one moves and the others stay.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from lgr.codecs.base import Codec
from lgr.errors import ArgumentError
from lgr.sound.envelope import Envelope, EnvelopeLike

LEVEL = "level"  # the control that is a gain, in dB
# of each, in its unit
LIMITS = {LEVEL: (-120.0, 24.0), "brightness": (-3.0, 3.0), "noisiness": (-3.0, 3.0), "intensity": (-36.0, 36.0)}

Controls = Mapping[str, EnvelopeLike]  # amounts by name; 0 changes nothing


def codec_controls(codec: Codec) -> Mapping[str, str]:
    """What can be moved in a codec's latents, by name, and in which unit; nothing for most."""
    found: Mapping[str, str] = getattr(codec, "controls", {})
    return found


def control_envelopes(controls: Controls) -> dict[str, Envelope]:
    """Every control's envelope.

    Raises
    ------
    ArgumentError : an envelope that is none, or that leaves the control's ``LIMITS``; it names the control

    Examples
    --------
    >>> from lgr.latents.controls import control_envelopes
    >>> str(control_envelopes({"brightness": "0:-1,4:1"})["brightness"])
    '0:-1,4:1'
    >>> control_envelopes({"brightness": 9})
    Traceback (most recent call last):
        ...
    lgr.errors.ArgumentError: brightness must be from -3 to 3, got 9
    """
    envelopes = {}
    for name, amount in controls.items():
        try:
            envelope = Envelope.of(amount)
        except (ArgumentError, OverflowError) as error:
            raise ArgumentError(f"{name}: {error}") from error
        low, high = LIMITS.get(name, (envelope.minimum, envelope.maximum))
        for value in (envelope.minimum, envelope.maximum):
            if not low <= value <= high:
                raise ArgumentError(f"{name} must be from {low:g} to {high:g}, got {value:g}")
        envelopes[name] = envelope
    return envelopes


def check_controls(codec: Codec, controls: Controls) -> dict[str, Envelope]:
    """``control_envelopes`` of controls that the codec has; ``ArgumentError`` names one that it does not have."""
    have = codec_controls(codec)
    for name in controls:
        if name not in have:
            raise ArgumentError(
                f"{name} must be a control of the codec, and {codec.info.name} has {', '.join(have) or 'none'}"
            )
    return control_envelopes(controls)


def steer(codec: Codec, latents: Tensor, controls: Controls) -> Tensor:
    """Latents ``(batch, latent_dim, frames)`` with some controls moved; as they came without any.

    Parameters
    ----------
    controls : amounts by name, each a number or an envelope over seconds (``"0:-1,4:1"``), in the unit that
        ``codec_controls`` says and within ``LIMITS``; 0 changes nothing

    Raises
    ------
    ArgumentError : a control that the codec does not have, or an envelope that is none or goes too far

    Examples
    --------
    >>> import torch
    >>> from lgr.codecs import ToyCodec
    >>> from lgr.latents.controls import steer
    >>> steer(ToyCodec(), torch.zeros(1, 320, 4), {"brightness": 1.0})
    Traceback (most recent call last):
        ...
    lgr.errors.ArgumentError: brightness must be a control of the codec, and toy has none
    """
    middles = (torch.arange(latents.shape[2], dtype=torch.float64) + 0.5) / codec.info.frame_rate
    for name, envelope in check_controls(codec, controls).items():
        latents = codec.steered(latents, name, envelope.at(middles))  # type: ignore[attr-defined]
    return latents


def without_level(controls: Controls) -> dict[str, EnvelopeLike]:
    """The controls but for the level, for sounds that are given a level after they are decoded: see ``level_gain``."""
    return {name: amount for name, amount in controls.items() if name != LEVEL}


def level_gain(controls: Controls, times_seconds: Tensor) -> Tensor:
    """The level control as a gain at the given times, float32 of their shape: 1 where there is none.

    Examples
    --------
    >>> import torch
    >>> from lgr.latents.controls import level_gain
    >>> level_gain({"level": "0:0,2:-20"}, torch.tensor([0.0, 1.0, 2.0]))
    tensor([1.0000, 0.3162, 0.1000])
    """
    return torch.pow(10.0, Envelope.of(controls.get(LEVEL, 0.0)).at(times_seconds) / 20)
