"""Latents of recordings for models that learn on latents: encoded once, kept in a cache, drawn from in crops."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from lgr.codecs.base import Codec
from lgr.errors import ArgumentError
from lgr.files import atomic_path
from lgr.progress import Progress
from lgr.sound.level import COMMON_DB
from lgr.train.data import AudioCache, Clip

MOST_SECONDS = 60.0  # of a recording
QUIETER_DB = 24.0  # further copies are up to so much quieter, as what people bring is
LOUDEST_DB = -1.0  # no peak is higher


@dataclass(frozen=True)
class Latents:
    """Latents of many recordings, one after the other.

    Attributes
    ----------
    frames : (frames, latent_dim) float16
    starts, lengths : of each recording, in frames; a recording's copies are recordings of their own
    categories : of each
    """

    frames: Tensor
    starts: tuple[int, ...]
    lengths: tuple[int, ...]
    categories: tuple[str, ...]

    def each(self) -> Iterator[Tensor]:
        """One recording's after the other's, ``(frames, latent_dim)`` float32."""
        for start, length in zip(self.starts, self.lengths, strict=True):
            yield self.frames[start : start + length].float()

    def draw(self, count: int, crop: int, generator: torch.Generator) -> list[tuple[int, int]]:
        """``count`` crops (first frame, frames <= ``crop``): categories alike, long recordings more often in them."""
        groups: dict[str, list[int]] = defaultdict(list)
        for i, category in enumerate(self.categories):
            groups[category].append(i)
        ordered = [groups[name] for name in sorted(groups)]
        weights = [torch.tensor([self.lengths[i] ** 0.5 for i in group]) for group in ordered]
        crops = []
        for _ in range(count):
            k = int(torch.randint(len(ordered), (), generator=generator))
            i = ordered[k][int(torch.multinomial(weights[k], 1, generator=generator))]
            room = max(0, self.lengths[i] - crop)
            start = int(torch.randint(room + 1, (), generator=generator))
            crops.append((self.starts[i] + start, min(crop, self.lengths[i])))
        return crops


def latents_of(
    cache: AudioCache, clips: list[Clip], codec: Codec, folder: Path, progress: Progress, *, copies: int = 1
) -> Latents:
    """Latents of ``clips``, whose samples ``cache`` holds at the codec's rate; read from ``folder`` where they are.

    The first copy is at the level at which lgr encodes; the others are quieter by some dB, and begin within a hop of
    where it did, so that frames fall elsewhere. The same clips and codec give the same latents.

    Raises
    ------
    ArgumentError : no clip has sound
    """
    rate, hop = codec.info.sample_rate, codec.info.hop_length
    facts = [codec.info.to_json(), copies, [(clip.path, clip.start, clip.samples) for clip in clips]]
    kept = folder / f"latents-{hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]}.safetensors"
    chosen = [(copy, clip) for copy in range(copies) for clip in clips if clip.samples >= hop]
    if not chosen:
        raise ArgumentError(f"data must hold recordings of a frame ({hop} samples) or more, got none")
    categories = tuple(clip.category for _, clip in chosen)
    if kept.is_file():
        try:
            found = load_file(kept)
            return Latents(
                found["frames"], tuple(found["starts"].tolist()), tuple(found["lengths"].tolist()), categories
            )
        except (OSError, SafetensorError, KeyError):
            kept.unlink()  # damaged: made again
    pieces = []
    for i, (copy, clip) in enumerate(chosen):
        progress("encoding", i, len(chosen))
        audio = cache.audio(clip)[: int(MOST_SECONDS * rate)]
        level = 10 * torch.log10(audio.square().mean().clamp(min=1e-12))
        gain = 10 ** ((COMMON_DB - level) / 20)
        if copy:
            generator = torch.Generator().manual_seed(copy * 1_000_003 + i)
            gain = gain * 10 ** (-QUIETER_DB * torch.rand((), generator=generator) / 20)
            audio = audio[int(torch.randint(min(hop, len(audio) // 2), (), generator=generator)) :]
        gain = torch.minimum(gain, 10 ** (LOUDEST_DB / 20) / audio.abs().max().clamp(min=1e-6))
        pieces.append(codec.encode((gain * audio).expand(1, codec.info.channels, -1))[0].T.half())
    lengths = [len(piece) for piece in pieces]
    starts = [sum(lengths[:i]) for i in range(len(lengths))]
    result = Latents(torch.cat(pieces), tuple(starts), tuple(lengths), categories)
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_path(kept, force=True) as part:
        named = {"starts": torch.tensor(starts), "lengths": torch.tensor(lengths)}
        save_file({"frames": result.frames.contiguous(), **named}, part)
    return result
