"""Control by meaning (paper 003's outlook): level, brightness and noisiness as envelopes over a sequence of latents.

A codec that has ``controls`` keeps each in a coordinate of its own, so one moves and the others stay.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from lgr.codecs.base import Codec
from lgr.errors import ArgumentError
from lgr.sound.envelope import Envelope


def codec_controls(codec: Codec) -> Mapping[str, str]:
    """What can be moved in a codec's latents, by name, and in which unit; nothing for most."""
    found: Mapping[str, str] = getattr(codec, "controls", {})
    return found


def steer(codec: Codec, latents: Tensor, controls: Mapping[str, Envelope | float | str]) -> Tensor:
    """Latents ``(batch, latent_dim, frames)`` with some controls moved; as they came without any.

    Parameters
    ----------
    controls : amounts by name, each a number or an envelope over seconds (``"0:-1,4:1"``), in the unit that
        ``codec_controls`` says; 0 changes nothing

    Raises
    ------
    ArgumentError : a control that the codec does not have, or an envelope that is none

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
    have = codec_controls(codec)
    for name, amount in controls.items():
        if name not in have:
            raise ArgumentError(
                f"{name} must be a control of the codec, and {codec.info.name} has {', '.join(have) or 'none'}"
            )
        middles = (torch.arange(latents.shape[2], dtype=torch.float64) + 0.5) / codec.info.frame_rate
        latents = codec.steered(latents, name, Envelope.of(amount).at(middles))  # type: ignore[attr-defined]
    return latents
