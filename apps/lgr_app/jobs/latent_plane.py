"""A line drawn on the plane of a model's latents, as sound: exactly the latents of that plane, decoded (paper 001)."""

import json
import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from lgr.codecs.trained import TrainedCodec
from lgr.errors import ArgumentError
from lgr.latents.controls import Controls, check_controls, level_gain, steer, without_level
from lgr.latents.pace import positions
from lgr.latents.projection import Projection, load_projection
from lgr.latents.shapes import broken_line, linear, orbit, spiral
from lgr.measures.transition import spectrum
from lgr.progress import Progress
from lgr.sound.audio import save_audio
from lgr.sound.envelope import Envelope
from lgr.sound.level import within_full_scale
from lgr_app.page.models import model_folder

HELD_SECONDS = 0.6  # that a single place is heard for
BRIGHTNESS_SECONDS = 0.08  # that each point is decoded for, to be coloured
BLOCK = 200  # points decoded at once for that
MOST_POINTS = 20_000  # of a drawn line
PEAK, MOST_RAISED_DB = 0.7, 48.0  # what a quiet result is raised to, and by how much at most
LINES = ("Straight across", "Round the middle", "Spiral inwards")


@dataclass(frozen=True, kw_only=True)
class Plane:
    """A model's plane and how bright each of its points sounds (Hz, the spectral centroid)."""

    projection: Projection
    brightness_hz: Tensor  # (n,)

    @property
    def explained(self) -> float:
        """Share of the latents' variance that lies in the plane."""
        return float(getattr(self.projection, "explained", torch.tensor(math.nan)).sum())


class Planes:
    """The planes of the models, each made when first asked for, then shared by all visitors, who only read them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._planes: dict[str, Plane] = {}

    def of(self, codec: TrainedCodec, progress: Progress | None = None) -> Plane:
        """The plane of a model that comes with lgr."""
        name = codec.info.name
        with self._lock:
            if name not in self._planes:
                projection = load_projection(model_folder(name), codec.info)
                self._planes[name] = Plane(
                    projection=projection, brightness_hz=brightness(codec, projection, progress=progress)
                )
            return self._planes[name]


@dataclass(frozen=True, kw_only=True)
class LineSound:
    """The sound of a line. ``raised_db`` is by how much it was raised to be heard, before its level was moved."""

    audio: Tensor  # (1, samples)
    sample_rate: int
    raised_db: float
    controls: dict[str, Envelope] = field(default_factory=dict)


def brightness(codec: TrainedCodec, projection: Projection, *, progress: Progress | None = None) -> Tensor:
    """Spectral centroid (Hz) of the sound at each of a projection's points, no class said; (n,).

    A point that is silent has the lowest of the others.
    """
    points = projection.points
    frames = max(1, math.ceil(BRIGHTNESS_SECONDS * codec.info.frame_rate))
    found = []
    for start in range(0, len(points), BLOCK):
        if progress is not None:
            progress("listening to the plane", start, len(points))
        latents = projection.inverse(points[start : start + BLOCK])
        for sound in codec.decode(latents[:, :, None].expand(-1, -1, frames)):
            found.append(float(spectrum(sound, codec.info.sample_rate).centroid_hz.mean()))
    hz = torch.tensor(found)
    known = hz[hz.isfinite()]
    return torch.where(hz.isfinite(), hz, known.min() if len(known) else 0.0)


def line_of(name: str, projection: Projection, n: int = 200) -> list[list[float]]:
    """An example line, one of ``LINES``, where the corpus lies: ``[[x, y], ...]``."""
    spread, middle = projection.points.std(0), projection.points.mean(0)
    u = positions(n)
    if name == "Straight across":
        reach = torch.stack([2 * spread[0], torch.zeros(())])
        line = linear(middle - reach, middle + reach, u)
    elif name == "Round the middle":
        line = orbit(middle, 1.5 * float(spread.mean()), torch.eye(2), u)
    elif name == "Spiral inwards":
        outside = middle + torch.stack([2 * spread.mean(), torch.zeros(())])
        above = middle + torch.stack([torch.zeros(()), spread.mean()])
        line = spiral(outside, middle, u, turns=3.0, towards=above)
    else:
        raise ArgumentError(f"line must be one of {', '.join(LINES)}, got {name!r}")
    return [[float(x), float(y)] for x, y in line.T]


def checked_line(line: object) -> Tensor:
    """A line as a page sends it, ``(n, 2)``, n at least 2; ``ArgumentError`` for what no page of ours would send."""
    try:
        points = torch.tensor(line, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError):
        points = torch.empty(0)
    if points.ndim != 2 or points.shape[1] != 2 or not 1 <= len(points) <= MOST_POINTS:
        raise ArgumentError(f"Draw a line on the plane first: 1 to {MOST_POINTS} points, two numbers each")
    if not bool(points.isfinite().all()):
        raise ArgumentError("Every point of a line must be finite, got NaN or infinity")
    return points if len(points) > 1 else points.repeat(2, 1)


def play_line(
    codec: TrainedCodec,
    projection: Projection,
    line: Sequence[Sequence[float]] | Tensor,
    *,
    seconds: float,
    label: str = "",
    controls: Controls | None = None,
    progress: Progress | None = None,
) -> LineSound:
    """Go along a line once and hear it. A single point is held.

    Parameters
    ----------
    line : [[x, y], ...] in the projection's coordinates; each piece between two points takes as long as any other, so
        what was drawn quickly is played quickly
    seconds : above 0, how long it takes
    label : a class of the model; "" for none
    controls : of the model, over the line's seconds. The level is relative to the one that is heard well, to which
        every line is raised first: else raising would undo it
    """
    if not 0 < seconds < math.inf:
        raise ArgumentError(f"seconds must be > 0, got {seconds}")
    points, moved = checked_line(line), check_controls(codec, controls or {})
    if progress is not None:
        progress("decoding", 0, 1)
    n = max(2, round(seconds * codec.info.frame_rate))
    places = broken_line(list(points), positions(n)).T  # (n, 2)
    latents = projection.inverse(places.float(), codec.label_weights(label or None))
    audio = codec.decode(steer(codec, latents.T[None], without_level(moved)))[0]
    raised_db = min(20 * math.log10(PEAK / max(float(audio.abs().max()), 1e-9)), MOST_RAISED_DB)
    rate = codec.info.sample_rate
    gain = level_gain(moved, torch.arange(audio.shape[1], dtype=torch.float64) / rate).to(audio)
    audio = within_full_scale(audio * 10 ** (raised_db / 20) * gain, rate)
    return LineSound(audio=audio, sample_rate=rate, raised_db=raised_db, controls=moved)


def write_line(
    sound: LineSound, codec: TrainedCodec, line: Sequence[Sequence[float]], seconds: float, label: str, folder: Path
) -> tuple[Path, Path]:
    """Write the sound (FLAC) and what it was made from (JSON) into ``folder``."""
    name = f"{codec.info.name}_line"
    audio, description = folder / f"{name}.flac", folder / f"{name}.json"
    save_audio(audio, sound.audio, sound.sample_rate)
    facts = {
        "model": codec.info.name,
        "codec_version": codec.info.version,
        "class": label or None,
        "seconds": seconds,
        "raised_db": round(sound.raised_db, 2),
        "controls": {name: envelope.to_json() for name, envelope in sound.controls.items()},
        "line": [[round(x, 5), round(y, 5)] for x, y in checked_line(line).tolist()],
    }
    description.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    return audio, description
