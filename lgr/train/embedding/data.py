"""Grains for an embedding to learn from: a few of every recording, several times over, each time changed and encoded.

Encoding is what takes time, so it is done once and kept in a cache; a training step then only draws among the grains.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from lgr.codecs.base import Codec
from lgr.files import atomic_path
from lgr.progress import Progress
from lgr.train.data import AudioCache, Clip
from lgr.train.embedding.sounds import at_another_speed, cepstra, changed, log_mel, normalised, uniform

CROP_SECONDS = 2.5  # of a recording, at most, in one copy
GATE_DB = 35.0  # grains quieter than their copy's loudest by more than this are not learned from


@dataclass(frozen=True, kw_only=True)
class GrainsConfig:
    """Which grains are drawn, and what is kept of them."""

    copies: int = 3  # of every recording: the first as it is, the others changed
    grains: int = 12  # of every copy
    grain_frames: int = 4
    context_frames: int = 4  # latents that a frame's features read; context_frames - 1 are kept before each grain
    cepstra: int = 20
    pitch_invariant: bool = False  # every second changed copy is played at another speed
    seed: int = 0


@dataclass(frozen=True)
class Grains:
    """Grains of recordings.

    Parameters
    ----------
    latents : (copies, recordings, grains, latent_dim, context_frames - 1 + grain_frames), float16
    cepstra : (copies, recordings, grains, cepstra, grain_frames), float16, of the sound before it was changed
    """

    latents: Tensor
    cepstra: Tensor


def grains_of(
    cache: AudioCache, clips: list[Clip], codec: Codec, config: GrainsConfig, folder: Path, progress: Progress
) -> Grains:
    """The grains of ``clips``, whose samples ``cache`` holds at the codec's rate; read from ``folder`` where they are.

    The same clips, codec and configuration give the same grains.
    """
    facts = [codec.info.to_json(), asdict(config), [(clip.path, clip.start, clip.samples) for clip in clips]]
    kept = folder / f"grains-{hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]}.safetensors"
    if kept.is_file():
        try:
            found = load_file(kept)
            return Grains(found["latents"], found["cepstra"])
        except (OSError, SafetensorError, KeyError):
            kept.unlink()  # damaged: made again
    latents, targets = [], []
    for copy in range(config.copies):
        for i, clip in enumerate(clips):
            progress("encoding", copy * len(clips) + i, config.copies * len(clips))
            generator = torch.Generator().manual_seed((config.seed * 1_000_003 + copy) * 1_000_003 + i)
            z, c = _grains_of_copy(cache.audio(clip), codec, config, copy, generator)
            latents.append(z.half())
            targets.append(c.half())
    shape = (config.copies, len(clips))
    result = Grains(*(x.reshape(*shape, *x.shape[1:]) for x in (torch.stack(latents), torch.stack(targets))))
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_path(kept, force=True) as part:
        save_file({"latents": result.latents.contiguous(), "cepstra": result.cepstra.contiguous()}, part)
    return result


def _grains_of_copy(
    audio: Tensor, codec: Codec, config: GrainsConfig, copy: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Grains of one copy of a recording: latents (grains, latent_dim, context and grain) and cepstra (…, grain)."""
    rate, hop = codec.info.sample_rate, codec.info.hop_length
    room = audio.shape[0] - round(CROP_SECONDS * rate)
    if room > 0:
        start = int(torch.randint(room, (), generator=generator))
        audio = audio[start : start + round(CROP_SECONDS * rate)]
    if copy and config.pitch_invariant and copy % 2 == 0:
        audio = at_another_speed(audio, rate, generator)
    if copy:  # the codec's frames fall elsewhere
        audio = audio[int(uniform(0, min(hop, audio.shape[0] // 2), generator)) :]
    audio = normalised(torch.nn.functional.pad(audio, (0, max(0, 2 * config.grain_frames * hop - audio.shape[0]))))
    spectra = log_mel(audio, hop, rate)
    loud = _loud_grains(spectra, config.grain_frames)
    starts = loud[torch.randint(len(loud), (config.grains,), generator=generator)]
    heard = changed(audio, rate, generator) if copy else audio
    latents = codec.encode(heard.expand(1, codec.info.channels, -1))[0]
    context = config.context_frames - 1
    read = starts[:, None] - context + torch.arange(context + config.grain_frames)
    target = cepstra(spectra, config.cepstra)[starts[:, None] + torch.arange(config.grain_frames)]
    return latents[:, read.clamp(min=0)].movedim(0, 1), target.mT


def _loud_grains(spectra: Tensor, grain_frames: int) -> Tensor:
    """First frames of the grains that are loud enough, from log-mel spectra ``(frames, bands)``; at least one."""
    power = (10 ** (2 * spectra)).mean(1).unfold(0, grain_frames, 1).mean(1)
    return torch.nonzero(power >= power.max() * 10 ** (-GATE_DB / 10))[:, 0]
