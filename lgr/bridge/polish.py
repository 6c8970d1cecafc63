"""Latents made coarse by a codec's own codes, and brought back by a bridge: what did not fit together comes out whole.

A bridge has only heard real sounds, so what it makes of a few levels of codes should be like one. Of latents that
were put together of grains it was to take the seams: measured (``benchmarks/polish.py``), these hardly change, and the
detail of the grains goes. So results are not polished unless that is asked for.
"""

import torch
from torch import Tensor

from lgr.bridge.base import Bridge
from lgr.codecs.base import Codec, DiscreteCodec
from lgr.errors import ArgumentError


def coarse_latents(latents: Tensor, codec: Codec, levels: int) -> Tensor:
    """What the first ``levels`` of the codec's codes leave of ``latents`` (batch, latent_dim, frames).

    Raises
    ------
    ArgumentError : a codec without codes, or with fewer levels
    """
    if not isinstance(codec, DiscreteCodec):
        raise ArgumentError(f"codec must be one that has codes, got {codec.info.name}: see `lgr train quantizer`")
    check_levels(codec, levels)
    if latents.shape[2] == 0:
        return latents
    return codec.dequantize(codec.quantize(latents)[:, :levels].contiguous()).to(latents)


def check_levels(codec: DiscreteCodec, levels: int) -> None:
    """Raise ``ArgumentError`` unless the codec has so many levels of codes."""
    if not 1 <= levels <= codec.n_codebooks:
        raise ArgumentError(f"levels must be in [1, {codec.n_codebooks}] for {codec.info.name}, got {levels}")


def polished(
    latents: Tensor, codec: Codec, bridge: Bridge, *, levels: int | None, steps: int | None, seed: int
) -> Tensor:
    """``latents`` (batch, latent_dim, frames) with ``levels`` of their codes kept and the rest made by ``bridge``.

    None is as many levels as the bridge was made for, and as many steps as its kind takes.

    Raises
    ------
    ArgumentError : a codec without codes, levels or steps out of range, latents that are no numbers
    """
    levels = bridge.config.given if levels is None else levels
    bridge.check(latents, levels, steps)
    coarse = coarse_latents(latents, codec, levels)
    made: Tensor = bridge(coarse, given=levels, steps=steps, generator=torch.Generator().manual_seed(seed))
    return made
