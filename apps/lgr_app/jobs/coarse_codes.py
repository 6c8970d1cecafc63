"""From coarse codes back to sound: one sound through its first codes, these alone and with each bridge (paper 002)."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from lgr.codecs.base import Codec
from lgr.errors import ArgumentError
from lgr.measures.reconstruction import align, lsd
from lgr.refine import Refined, refine
from lgr.sound.audio import save_audio
from lgr.sounds import read
from lgr_app.jobs.results import save_audio_spectrogram
from lgr_app.page.bridges import bridges_of
from lgr_app.page.cards import Card
from lgr_app.page.tables import html_table

ORIGINAL = "The sound itself"


@dataclass(frozen=True)
class Way:
    """How sound is made of coarse codes: alone (kind ""), or by a bridge in so many evaluations of its network."""

    title: str
    kind: str = ""
    steps: int | None = None


WAYS = {
    "coarse": Way("Coarse codes alone"),
    "regression": Way("Regression", "regression"),
    "schrodinger-4": Way("Schrödinger, 4 evaluations", "schrodinger", 4),
    "schrodinger-16": Way("Schrödinger, 16 evaluations", "schrodinger", 16),
}


@dataclass(frozen=True)
class BroughtBack:
    """A sound that was brought back, how far its spectra are from the original's, and how long that took."""

    refined: Refined
    distance_db: float
    seconds_spent: float

    @property
    def real_time_factor(self) -> float:
        """Seconds of work, encoding and decoding as well, for a second of sound."""
        return self.seconds_spent * self.refined.sample_rate / self.refined.audio.shape[1]


def ways_of(codec: str) -> list[str]:
    """Names of the ways that can be had with a codec."""
    have = bridges_of(codec)
    return [name for name, way in WAYS.items() if not way.kind or way.kind in have]


def checked_ways(codec: str, chosen: Sequence[str]) -> list[str]:
    """The ticked ways in the order of ``WAYS``; ``ArgumentError`` where none is, or one that cannot be had."""
    have = ways_of(codec)
    if not chosen:
        raise ArgumentError("Tick at least one way back.")
    for name in chosen:
        if name not in have:
            raise ArgumentError(f"Ways back must be among {', '.join(have)} with {codec}, got {name!r}")
    return [name for name in have if name in chosen]


def heard(sound: Path, codec: Codec) -> Tensor:
    """What the codec hears of a sound: ``(channels, samples)`` at its rate."""
    return read(sound, codec)


def bring_back(original: Tensor, way: Way, *, codec: Codec, levels: int, seed: int) -> BroughtBack:
    """``original`` (channels, samples) at the codec's rate, from the first ``levels`` of its codes.

    Raises
    ------
    ArgumentError, WeightsError, CodebookError : as ``lgr.refine.refine``
    """
    rate = codec.info.sample_rate
    began = time.perf_counter()
    refined = refine((original, rate), codec=codec, bridge=way.kind or None, levels=levels, steps=way.steps, seed=seed)
    spent = time.perf_counter() - began
    reference, made, _ = align(original.mean(0), refined.audio.mean(0))
    return BroughtBack(refined, lsd(reference, made), spent)


def facts(made: BroughtBack) -> list[tuple[str, str]]:
    """The numbers of one way, under the same names for all."""
    return [
        ("Codes", f"{made.refined.kbit_s:.2g} kbit/s"),
        ("Distance of spectra", f"{made.distance_db:.1f} dB"),
        ("Real-time factor", f"{made.real_time_factor:.2f}"),
    ]


def original_card(original: Tensor, rate: int, stem: str, folder: Path) -> Card:
    """The sound itself, as the codec hears it; its files are written into ``folder``."""
    return _card(ORIGINAL, original, rate, f"{stem}_original", folder)


def way_card(name: str, made: BroughtBack, stem: str, folder: Path) -> Card:
    """What is shown of one way; its files are written into ``folder``."""
    refined = made.refined
    return _card(WAYS[name].title, refined.audio, refined.sample_rate, f"{stem}_{name}", folder, facts(made))


def missing_card(name: str, why: Exception) -> Card:
    """What is shown in place of a way that failed."""
    return Card(title=WAYS[name].title, note=f"Not available: {why}")


def ways_table(rows: Sequence[tuple[str, BroughtBack]]) -> str:
    """All numbers side by side: a row a way."""
    if not rows:
        return ""
    heads = ["Brought back by", *(title for title, _ in facts(rows[0][1]))]
    return html_table([[WAYS[name].title, *(value for _, value in facts(made))] for name, made in rows], heads)


def _card(
    title: str, audio: Tensor, rate: int, stem: str, folder: Path, numbers: Sequence[tuple[str, str]] = ()
) -> Card:
    file = save_audio(folder / f"{stem}.flac", audio, rate)
    return Card(
        title=title,
        audio=file,
        picture=save_audio_spectrogram(audio, rate, folder / f"{stem}.png"),
        picture_says=f"Spectrogram: {title}",
        facts=numbers,
        downloads=[("Sound", file)],
    )
