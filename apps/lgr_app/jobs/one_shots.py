"""One-shots drawn from a model's temporal embedding, morphed, and written down for download."""

import json
import math
import re
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lgr import one_shots
from lgr.codecs.trained import TrainedCodec
from lgr.errors import ArgumentError
from lgr.latents.controls import Controls, check_controls, steer
from lgr.latents.path import PathConfig
from lgr.plots import plot_spectrograms
from lgr.progress import Progress
from lgr.sound.audio import save_audio
from lgr.sound.level import within_full_scale
from lgr_app.page.pictures import save_picture

EACH = "one of each"  # in place of a class
MOST = 12  # one-shots, and steps of a morph
LONGEST_SECONDS = 4.0
COLUMNS = 4  # of a picture


@dataclass(frozen=True, kw_only=True)
class Draw:
    """What was drawn, in plain values: the same draw is the same one-shots again.

    ``label`` is a class of the model, ``EACH``, or "" for no class in particular. ``controls`` (plain numbers) move all
    its one-shots, and what they are morphed through.
    """

    model: str = "drums-spectral"
    label: str = EACH
    n: int = 8  # of no account where label is EACH
    seed: int = 1
    seconds: float = 1.0
    controls: Controls = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Morph:
    """From one one-shot of a draw to another, counted from 0. ``kind`` is "linear" or "slerp"."""

    first: int = 0
    last: int = 1
    steps: int = 8
    kind: str = "linear"
    every_seconds: float = 0.4  # from one to the next, where they are heard in a row


@dataclass(frozen=True)
class OneShot:
    """A sound ``(1, samples)`` and what it is called."""

    title: str
    audio: Tensor


@dataclass(frozen=True)
class OneShotFiles:
    """Where one-shots were written: a .wav each, and all of them with their description."""

    sounds: tuple[Path, ...]
    together: Path
    description: Path


def titles(labels: Sequence[str], draw: Draw) -> list[str]:
    """What the one-shots of a draw are called, of a model with these labels."""
    if draw.label == EACH:
        return [label.replace("_", " ") for label in labels]
    kind = draw.label.replace("_", " ") or "Any"
    return [f"{kind} {i + 1}" for i in range(draw.n)]


def rows_of(codec: TrainedCodec, draw: Draw) -> Tensor:
    """The one-shots of a draw, a row each (``lgr.one_shots``); ``ArgumentError`` for a class or number there is not."""
    if draw.label == EACH:
        return torch.cat([one_shots.draw_one_shots(codec, label, 1, draw.seed) for label in codec.labels])
    if not 1 <= draw.n <= MOST:
        raise ArgumentError(f"How many must be from 1 to {MOST}, got {draw.n}")
    return one_shots.draw_one_shots(codec, draw.label or None, draw.n, draw.seed)


def draw_one_shots(codec: TrainedCodec, draw: Draw, *, progress: Progress | None = None) -> list[OneShot]:
    """The one-shots of a draw."""
    sounds = _sounds(codec, rows_of(codec, draw), draw, progress)
    return [OneShot(title, sound) for title, sound in zip(titles(codec.labels, draw), sounds, strict=True)]


def morph_one_shots(
    codec: TrainedCodec, draw: Draw, morph: Morph, *, progress: Progress | None = None
) -> tuple[list[OneShot], Tensor]:
    """The steps from one one-shot of a draw to another, and all in a row ``(1, samples)``."""
    rows, names = rows_of(codec, draw), titles(codec.labels, draw)
    for place in (morph.first, morph.last):
        if not 0 <= place < len(rows):
            raise ArgumentError(f"Choose two of the {len(rows)} one-shots drawn, got number {place + 1}")
    if not 2 <= morph.steps <= MOST:
        raise ArgumentError(f"Steps must be from 2 to {MOST}, got {morph.steps}")
    if not 0 < morph.every_seconds <= LONGEST_SECONDS:
        raise ArgumentError(f"Time between one-shots must be above 0 and at most {LONGEST_SECONDS:g} s")
    way = one_shots.morph_one_shots(
        codec, rows[morph.first], rows[morph.last], morph.steps, PathConfig(kind=morph.kind)
    )
    sounds = _sounds(codec, way, draw, progress)
    between = [f"{100 * i / (morph.steps - 1):.0f} % {names[morph.last]}" for i in range(1, morph.steps - 1)]
    called = [names[morph.first], *between, names[morph.last]]
    steps = [OneShot(title, sound) for title, sound in zip(called, sounds, strict=True)]
    every = round(morph.every_seconds * codec.info.sample_rate)
    return steps, within_full_scale(one_shots.in_a_row(torch.cat(sounds), every)[None], codec.info.sample_rate)


def write_one_shots(
    codec: TrainedCodec, shots: Sequence[OneShot], draw: Draw, folder: Path, *, morph: Morph | None = None
) -> OneShotFiles:
    """Write the sounds (WAV), their description (JSON) and all together (ZIP) into ``folder``."""
    kind = "morph" if morph else _slug(draw.label or "any")
    sounds = [folder / f"{i + 1:02d}-{_slug(shot.title)}-seed{draw.seed}.wav" for i, shot in enumerate(shots)]
    for path, shot in zip(sounds, shots, strict=True):
        save_audio(path, shot.audio, codec.info.sample_rate)
    description, together = (folder / f"{kind}-seed{draw.seed}.{suffix}" for suffix in ("json", "zip"))
    facts: dict[str, Any] = {"codec_version": codec.info.version, "draw": asdict(draw)}
    facts |= {"morph": asdict(morph)} if morph else {}
    facts["sounds"] = {path.name: shot.title for path, shot in zip(sounds, shots, strict=True)}
    description.write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    with zipfile.ZipFile(together, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in (*sounds, description):
            archive.write(path, path.name)
    return OneShotFiles(tuple(sounds), together, description)


def save_one_shots_picture(shots: Sequence[OneShot], sample_rate: int, path: Path) -> Path:
    """Spectrograms of one-shots side by side."""
    pairs = [(shot.title, shot.audio[0].numpy(), sample_rate) for shot in shots]
    columns = min(COLUMNS, len(pairs))
    figure = plot_spectrograms(pairs, columns=columns)
    figure.set_figheight(0.5 + 1.8 * math.ceil(len(pairs) / columns))
    return save_picture(figure, path)


def _slug(text: str) -> str:
    """A text as part of a file's name."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _sounds(codec: TrainedCodec, rows: Tensor, draw: Draw, progress: Progress | None) -> list[Tensor]:
    """The sounds ``(1, samples)`` of one-shots, as long as the draw says and under its controls, within full scale."""
    if not 0 < draw.seconds <= LONGEST_SECONDS:
        raise ArgumentError(f"Length must be above 0 and at most {LONGEST_SECONDS:g} s, got {draw.seconds:g}")
    controls = check_controls(codec, draw.controls)
    frames = max(1, math.ceil(draw.seconds * codec.info.frame_rate))
    sounds = []
    for i, latents in enumerate(one_shots.one_shot_latents(codec, rows, frames)):
        if progress is not None:
            progress("decoding", i, len(rows))
        # One at a time, as `lgr sample` does: a sound must not depend on how many others there are.
        sound = codec.decode(steer(codec, latents[None], controls))[0]
        sounds.append(within_full_scale(sound, codec.info.sample_rate))
    return sounds
