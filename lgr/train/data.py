"""Recordings for training: a manifest or a folder, split by source recording, resampled once into a cache."""

import csv
import hashlib
import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lgr.errors import ArgumentError, AudioFileError
from lgr.files import atomic_path
from lgr.sound.audio import load_audio
from lgr.sound.audio_files import audio_files

REDISTRIBUTABLE = ("yes", "yes-attribution")


@dataclass(frozen=True, kw_only=True)
class Clip:
    """One recording. ``group`` names the source it was cut from: a split never separates clips of one group."""

    path: str
    category: str
    label: str
    group: str
    licence: str = ""
    attribution: str = ""
    start: int = 0  # samples into the cache
    samples: int = 0


def read_manifest(source: Path, *, redistributable_only: bool = True) -> list[Clip]:
    """Clips of a manifest (a CSV with ``path`` and, where known, ``category``, ``class``, ``group``) or of a folder.

    In a folder of folders, the first folder is the category; a file is then its own group. A manifest's
    ``redistributable`` column limits the clips to those whose weights may be shipped, unless ``redistributable_only``
    is False.

    Raises
    ------
    ArgumentError : neither a folder nor a manifest, a manifest without ``path``, or none of its clips may be used
    AudioFileError : a folder without audio
    """
    if source.is_dir() and (source / "manifest.csv").is_file():
        source = source / "manifest.csv"
    if source.is_dir():
        clips = []
        for file in audio_files([source]):
            parts = file.relative_to(source).parts
            category = parts[0] if len(parts) > 1 else "all"
            clips.append(Clip(path=str(file), category=category, label=category, group=str(file)))
        return clips
    if source.suffix != ".csv" or not source.is_file():
        raise ArgumentError(f"data must be a folder of audio or a manifest.csv that exists, got {source}")
    clips = []
    with source.open(newline="", encoding="utf-8") as lines:
        for number, row in enumerate(csv.DictReader(lines), 1):
            if not row.get("path"):
                raise ArgumentError(f"data must have a path in every row, got none in row {number} of {source}")
            if redistributable_only and row.get("redistributable", "yes") not in REDISTRIBUTABLE:
                continue
            category = row.get("category") or "all"
            label = (row.get("instrument") if category == "notes" else row.get("class")) or category
            path = str(source.parent / row["path"])
            group = row.get("group") or path
            clips.append(
                Clip(
                    path=path,
                    category=category,
                    label=label,
                    group=group,
                    licence=row.get("licence") or "",
                    attribution=row.get("attribution") or "",
                )
            )
    if not clips:
        raise ArgumentError(f"data must name at least one clip that may be used, got none in {source}")
    return clips


def split_by_group(
    clips: list[Clip], held_out: float = 0.12, always_held_out: frozenset[str] = frozenset()
) -> tuple[list[Clip], list[Clip]]:
    """Training and held-out clips, category by category. Whole groups are held out, in the order of a hash.

    Parameters
    ----------
    held_out : float in (0, 1), the share of each category's groups
    always_held_out : groups that never train (those of the clips the package ships to be played with)
    """
    if not 0 < held_out < 1:
        raise ArgumentError(f"held_out must be above 0 and below 1, got {held_out}")
    groups: dict[str, set[str]] = defaultdict(set)
    for clip in clips:
        groups[clip.category].add(clip.group)
    chosen = set(always_held_out)
    for names in groups.values():
        order = sorted(names, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
        chosen.update(order[: max(1, round(held_out * len(order)))] if len(order) > 1 else [])
    return [c for c in clips if c.group not in chosen], [c for c in clips if c.group in chosen]


def shipped_groups(credits: Path) -> frozenset[str]:
    """Source groups of the clips that come with the package (``credits.csv``): the codec never hears them."""
    if not credits.is_file():
        return frozenset()
    with credits.open(newline="", encoding="utf-8") as lines:
        return frozenset(row["group"] for row in csv.DictReader(lines))


class AudioCache:
    """Mono int16 samples of many clips in one memory-mapped file, resampled once."""

    def __init__(self, clips: list[Clip], samples: NDArray[np.int16], sample_rate: int) -> None:
        self.clips = clips
        self.sample_rate = sample_rate
        self._samples = samples

    @classmethod
    def build(
        cls,
        clips: list[Clip],
        folder: Path,
        sample_rate: int,
        *,
        on_bad: Callable[[Clip, str], None] | None = None,
    ) -> "AudioCache":
        """Open the cache of exactly these clips in ``folder``, or write it (once; soxr resamples).

        ``on_bad`` is told of each file that cannot be read, and why; such a clip has no samples. Without it the first
        one raises its ``AudioFileError``.
        """
        # size and time too: a file that was replaced is another file
        key = hashlib.sha256(json.dumps([sample_rate, [_stamp(c.path) for c in clips]]).encode()).hexdigest()[:16]
        index, data = folder / f"{key}.json", folder / f"{key}.npy"
        if not index.is_file():
            folder.mkdir(parents=True, exist_ok=True)
            placed, pieces, start = [], [], 0
            for clip in clips:
                wrong: dict[str, str] = {}
                try:
                    audio, _ = load_audio(clip.path, sample_rate=sample_rate, channels=1)
                except AudioFileError as error:
                    if on_bad is None:
                        raise
                    audio, wrong = torch.zeros(1, 0), {"wrong": str(error)}
                piece = (audio[0].clamp(-1, 1) * 32767).round().to(torch.int16).numpy()
                placed.append({**asdict(clip), "start": start, "samples": len(piece), **wrong})
                pieces.append(piece)
                start += len(piece)
            with atomic_path(data, force=True) as part:
                np.save(part, np.concatenate(pieces))
            with atomic_path(index, force=True) as part:
                part.write_text(json.dumps(placed))
        # Where the samples are is the cache's to say, all else these clips': a category may have been renamed since.
        entries = json.loads(index.read_text())
        for clip, entry in zip(clips, entries, strict=True):
            if "wrong" in entry:
                if on_bad is None:
                    raise AudioFileError(entry["wrong"])
                on_bad(clip, entry["wrong"])
        places = [{name: entry[name] for name in ("start", "samples")} for entry in entries]
        clips = [replace(clip, **place) for clip, place in zip(clips, places, strict=True)]
        # An empty file cannot be mapped into memory.
        samples = np.load(data, mmap_mode="r" if any(clip.samples for clip in clips) else None)
        return cls(clips, samples, sample_rate)

    def restricted(self, clips: list[Clip]) -> "AudioCache":
        """The same samples with other clips, which must say where theirs are (parts of a recording, for one)."""
        return AudioCache(clips, self._samples, self.sample_rate)

    def audio(self, clip: Clip, start: int = 0, samples: int | None = None) -> Tensor:
        """The clip, or ``samples`` of it from ``start`` on: ``(samples,)`` float32 in [-1, 1]."""
        end = clip.samples if samples is None else min(clip.samples, start + samples)
        piece = np.array(self._samples[clip.start + start : clip.start + end], dtype=np.float32)
        return torch.from_numpy(piece / 32767)


def _stamp(path: str) -> tuple[str, int, int]:
    """(path, bytes, modification time in ns) of a file; zeros where there is none, which ``load_audio`` then says."""
    try:
        found = Path(path).stat()
    except OSError:
        return path, 0, 0
    return path, found.st_size, found.st_mtime_ns


class CropSampler:
    """Batches of random crops. ``batch(step)`` is a pure function of seed and step, so a resumed run sees the same.

    Categories are drawn alike often, clips by the root of their length, the gain between -30 and 0 dB under full scale;
    a clip shorter than the crop is placed at random in silence, so attacks out of nothing are learned.
    """

    def __init__(self, cache: AudioCache, clips: list[Clip], *, crop: int, batch_size: int, seed: int) -> None:
        names = {c.path for c in clips}
        by_category: dict[str, list[Clip]] = defaultdict(list)
        for clip in cache.clips:
            if clip.path in names and clip.samples > 0:
                by_category[clip.category].append(clip)
        if not by_category:
            raise ArgumentError(
                "data must hold clips to train on and, of another group, clips to hold out; got none for one of the "
                "two: add recordings"
            )
        self._categories = [by_category[name] for name in sorted(by_category)]
        self._weights = [torch.tensor([c.samples**0.5 for c in group]) for group in self._categories]
        self._cache, self._crop, self._batch_size, self._seed = cache, crop, batch_size, seed

    def _draw(self, generator: torch.Generator) -> tuple[Tensor, Clip]:
        k = int(torch.randint(len(self._categories), (), generator=generator))
        clip = self._categories[k][int(torch.multinomial(self._weights[k], 1, generator=generator))]
        room = clip.samples - self._crop
        if room >= 0:
            for _ in range(4):  # look for a crop that is not near silence, up to four times
                start = int(torch.randint(room + 1, (), generator=generator))
                crop = self._cache.audio(clip, start, self._crop)  # a recording may last for minutes
                if crop.abs().max() > 1e-3:
                    break
        else:
            # An attack at a random place, with silence before it; sometimes cut off at the end.
            start = int(torch.randint(max(1, self._crop // 2), (), generator=generator))
            crop = torch.zeros(self._crop)
            piece = self._cache.audio(clip, 0, self._crop - start)
            crop[start : start + piece.shape[0]] = piece
        gain_db = -30 * float(torch.rand((), generator=generator)) ** 2
        peak = crop.abs().max().clamp(min=0.05)
        return crop / peak * 10 ** (gain_db / 20), clip

    def batch(self, step: int) -> Tensor:
        """Crops of step ``step``: ``(batch_size, crop)``."""
        return self.batch_with_clips(step)[0]

    def batch_with_clips(self, step: int) -> tuple[Tensor, list[Clip]]:
        """``batch(step)`` and the clip that each crop is of."""
        generator = torch.Generator().manual_seed(self._seed * 1_000_003 + step)
        crops, clips = zip(*(self._draw(generator) for _ in range(self._batch_size)), strict=True)
        return torch.stack(crops), list(clips)
