"""When, within a latent, sound begins: the level of every quarter of its hop, and a gain that keeps to it.

A spectrum's window is three hops long, so what is decoded begins before it should. A quarter of a hop (3.3 ms) says
when: where the sound that was made is louder there than was coded, by more than ``SLACK_DB``, it is turned down, never
up. Only beside silence: a quarter is turned down no further than to the loudest quarter of the hop before or of the one
after, whichever is quieter. So a moment that is held, which is as loud before and after, is left alone: it would buzz
at the frame rate otherwise. So are the cycles of a low tone, whose phases are not those that were coded.

TorchScript runs both functions (``lgr.export``). It sees no globals, so the constants are arguments.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from lgr.models.level_latent import latent_to_level, level_to_latent
from lgr.sound.level import AMPLITUDE_FLOOR

BLOCKS = 4  # of a hop, and numbers of the latent that say their levels
SLACK_DB = 6.0  # noise that is made anew differs so much from what was coded
LEAST = -1.5  # of an envelope: 45 dB below the level, the same for a sound that is played quieter
RAMP = 0.5  # of a block, over which a gain moves to the next


class EnvelopeState(NamedTuple):
    audio: Tensor  # (batch, n): samples whose gain is not known yet
    levels: Tensor  # (batch, latents, BLOCKS): of the hops that begin there, as far as they have come
    before: Tensor  # (batch, 1): loudest level of the hop before
    gain: Tensor | None  # (batch, 1): log gain of the last block


def envelope(audio: Tensor, level: Tensor, hop: int, count: int = BLOCKS, least: float = LEAST) -> Tensor:
    """``(batch, latents, BLOCKS)``: levels of a hop's blocks above that of its latent, 0 for the same.

    Parameters
    ----------
    audio : (batch, latents * hop)
    level : (batch, latents, 1), RMS amplitudes that the latents say
    """
    blocks = audio.reshape(audio.shape[0], -1, count, hop // count).square().mean(-1).sqrt()
    return (level_to_latent(blocks) - level_to_latent(level)).clamp(min=least)


def envelope_step(
    state: EnvelopeState | None,
    latents: Tensor,
    audio: Tensor,
    hop: int,
    flush: bool = False,
    count: int = BLOCKS,
    slack_db: float = SLACK_DB,
    ramp: float = RAMP,
    floor: float = AMPLITUDE_FLOOR,
) -> tuple[EnvelopeState, Tensor]:
    """Audio, turned down where it is louder than was coded, as far as is known; all that is left with ``flush``.

    Parameters
    ----------
    state : None begins a stream, which silence precedes
    latents : (batch, latents, 1 + BLOCKS), level and envelope of the hops that come next
    audio : (batch, samples), which may lag behind the latents
    """
    levels = latent_to_level(latents[..., :1] + latents[..., 1:])
    # What says silence is silent, whatever its envelope asks.
    levels = torch.where(latent_to_level(latents[..., :1]) > 0, levels, torch.zeros_like(levels))
    if state is None:
        state = EnvelopeState(audio[:, :0], levels[:, :0], audio.new_zeros((audio.shape[0], 1)), None)
    audio, levels, last = torch.cat([state.audio, audio], 1), torch.cat([state.levels, levels], 1), state.gain
    loudest = levels.amax(-1)
    known = levels.shape[1] if flush else levels.shape[1] - 1  # a hop needs the next one; a file's last has none
    hops = max(0, min(known, audio.shape[1] // hop))
    if hops == 0:
        given = audio if flush else audio[:, :0]
        return EnvelopeState(audio[:, given.shape[1] :], levels, state.before, last), given
    before = torch.cat([state.before.to(loudest), loudest[:, : hops - 1]], 1)
    after = torch.cat([loudest[:, 1:], loudest[:, -1:]], 1)[:, :hops]
    most = torch.maximum(levels[:, :hops], torch.minimum(before, after)[..., None]) + floor
    made = audio[:, : hops * hop].reshape(audio.shape[0], hops, count, hop // count)
    heard = made.square().mean(-1).sqrt() + floor
    gains = (torch.log(most / heard) + slack_db / 20 * math.log(10.0)).clamp(max=0.0).flatten(1)
    first = gains[:, :1] if last is None else last.to(gains)
    previous = torch.cat([first, gains[:, :-1]], 1)
    size = made.shape[-1]
    moved = ((torch.arange(size, device=audio.device) + 1) / (ramp * size)).clamp(max=1.0)
    curve = torch.exp(previous[..., None] + (gains - previous)[..., None] * moved).flatten(1)
    rest = audio[:, hops * hop :]
    given = torch.cat([audio[:, : hops * hop] * curve, rest[:, : rest.shape[1] if flush else 0]], 1)
    after_it = EnvelopeState(audio[:, given.shape[1] :], levels[:, hops:], loudest[:, hops - 1 : hops], gains[:, -1:])
    return after_it, given
