"""What grain models are tested on: recordings of source groups that none of them was trained on."""

from collections import defaultdict
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks.vae_runs import SAMPLE_RATE, Setup
from lgr.train.data import AudioCache, Clip
from lgr.train.material import SILENT, Material, choose_clips, gather

SECONDS = 6.0  # of each recording
LEAST = 4096  # samples: shorter ones are filled up with silence, for the longest window


@dataclass(frozen=True)
class HeldOutClip:
    """``audio`` is ``(samples,)`` at 24 kHz, the start of the recording, at its own level."""

    path: str
    label: str
    group: str
    audio: Tensor


def material(setup: Setup, category: str, classes: tuple[str, ...] = ()) -> Material:
    """The training and held-out recordings of a category, split as every model here has them."""
    clips = choose_clips(setup.data, categories=[category], classes=classes)
    cache = setup.work / "cache"
    return gather(clips, sample_rate=SAMPLE_RATE, cache=cache, shortest=1024, always_held_out=setup.always_held_out)


def held_out(
    setup: Setup, category: str, classes: tuple[str, ...] = (), *, every_licence: bool = False
) -> list[HeldOutClip]:
    """Held-out recordings of a category, at most ``setup.clips``, drawn in turn from all classes and groups.

    ``every_licence`` adds recordings that never train because weights made from them could not be shipped.
    """
    split = material(setup, category, classes)
    cache, clips = never_trained(setup, split, category, classes) if every_licence else (split.cache, split.held_out)
    return [read(cache, clip) for clip in spread(clips, setup.clips)]


def never_trained(
    setup: Setup, split: Material, category: str, classes: tuple[str, ...] = ()
) -> tuple[AudioCache, list[Clip]]:
    """All recordings of any licence that share no source with the training ones, and the cache that holds them."""
    trained = {clip.group for clip in split.training}
    found = choose_clips(setup.data, categories=[category], classes=classes, redistributable_only=False)
    found = [clip for clip in found if clip.group not in trained]
    cache = AudioCache.build(found, setup.work / "cache", SAMPLE_RATE, on_bad=lambda clip, wrong: print(wrong))
    return cache, [c for c in cache.clips if c.samples and float(cache.audio(c).abs().max()) >= SILENT]


def read(cache: AudioCache, clip: Clip) -> HeldOutClip:
    """The first ``SECONDS`` of a clip, at least ``LEAST`` samples."""
    audio = cache.audio(clip, 0, int(SECONDS * cache.sample_rate))
    audio = torch.nn.functional.pad(audio, (0, max(0, LEAST - audio.shape[0])))
    return HeldOutClip(clip.path, clip.label, clip.group, audio)


def spread(clips: list[Clip], n: int) -> list[Clip]:
    """At most ``n`` clips: one of each class in turn, and within a class one of each group in turn."""
    by_label: dict[str, dict[str, list[Clip]]] = defaultdict(lambda: defaultdict(list))
    for clip in clips:
        by_label[clip.label][clip.group].append(clip)
    queues = [_in_turn([groups[name] for name in sorted(groups)]) for _, groups in sorted(by_label.items())]
    return _in_turn(queues)[:n]


def _in_turn(queues: list[list[Clip]]) -> list[Clip]:
    longest = max((len(queue) for queue in queues), default=0)
    return [queue[i] for i in range(longest) for queue in queues if i < len(queue)]


def counted(clips: list[HeldOutClip]) -> str:
    """How many recordings of how many sources, in words."""
    return f"{len(clips)} recordings of {len({clip.group for clip in clips})} sources"
