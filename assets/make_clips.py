"""Make the clips of assets/audio from a folder of recordings, with their credits.

    python assets/make_clips.py path/to/manifest.csv

The manifest has one row a recording: ``path`` (relative to the manifest), ``group`` (the recording it was cut from),
``licence``, ``redistributable``, ``attribution``, ``source_url``, ``source_repo``. A clip is one or several parts of
such recordings placed on a time line; phrases and rhythms built from single notes or hits say so in the credits. Ends
are trimmed of silence and faded over 5 ms, quiet clips are raised to a peak of -1 dBFS, and the rate of the recordings
is kept. Writes 16-bit FLAC, ``credits.csv`` (one row a part) and the table in ``assets/README.md``.
"""

import argparse
import csv
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile as sf
from numpy.typing import NDArray

Audio = NDArray[np.float64]  # (samples,), in [-1, 1]

ASSETS = Path(__file__).parent
SHIPPABLE = {"yes", "yes-attribution"}
FADE_SECONDS = 0.005
QUIET_DB, LOUD_DB = -3.0, -1.0  # a peak below the first is raised to the second
SILENCE_DB = -60.0  # below the clip's peak: trimmed at the ends
FIELDS = ["clip", "source", "group", "licence", "attribution", "url", "made_of"]


@dataclass(frozen=True, kw_only=True)
class Part:
    """Seconds ``start`` to ``stop`` of a recording (``None``: to its end), placed ``at`` seconds with a linear gain."""

    source: str
    at: float = 0.0
    start: float = 0.0
    stop: float | None = None
    gain: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Clip:
    name: str
    parts: tuple[Part, ...]
    made_of: str = "one recording"


def one(name: str, source: str, start: float = 0.0, stop: float | None = None) -> Clip:
    made_of = "one recording" if stop is None else f"seconds {start:g} to {stop:g} of one recording"
    return Clip(name=name, parts=(Part(source=source, start=start, stop=stop),), made_of=made_of)


def steel_pan() -> Clip:
    """Eight notes of single-note recordings, each ringing into the next."""
    notes = ["060-C4-4", "067-G4-4", "072-C5-4", "076-E5-4", "074-D5-4", "072-C5-2", "069-A4-4", "067-G4-4"]
    starts = [0.0, 0.5, 1.0, 1.5, 2.25, 2.75, 3.25, 4.0]
    parts = [
        Part(source=f"notes/steel_pan/jlearmansteeld__SteelDrum-{note}.flac", at=at)
        for note, at in zip(notes, starts, strict=True)
    ]
    return Clip(name="steel_pan", parts=tuple(parts), made_of="a phrase of eight single notes")


def body_percussion() -> Clip:
    """Two bars at 100 beats a minute: stomps, chest, finger snaps, cheek taps. A letter is a sixteenth note."""
    hits = {  # recording, seconds of lead-in to leave out, gain
        "S": ("stomp-r-vl2-rr1", 0.09, 1.0),
        "s": ("stomp-r-vl1-rr2", 0.095, 1.0),
        "C": ("chestthump-l-vl2-rr2", 0.0, 1.0),
        "c": ("chestthump-l-vl1-rr1", 0.0, 0.8),
        "P": ("pinkysnap-l-rr1", 0.0, 1.2),
        "p": ("pinkysnap-l-rr4", 0.0, 1.0),
        "k": ("cheek-rin-rr2", 0.0, 0.8),
        "l": ("cheek-rin-rr4", 0.0, 0.8),
    }
    bars = ["S.k.P.lcS.scP.kl", "S.kcp.l.Sss.PlCC"]
    parts = []
    for step, letter in enumerate("".join(bars)):
        if letter != ".":
            name, start, gain = hits[letter]
            source = f"foley/body_percussion/bodyperc__{name}.flac"
            parts.append(Part(source=source, at=0.15 * step, start=start, gain=gain))
    return Clip(name="body_percussion", parts=tuple(parts), made_of="a rhythm of single hits")


def kitchen() -> Clip:
    chopping, pot = "foley/kitchen_food/berklee__chopping4.flac", "foley/kitchen_metal/berklee__metal-pot-2.flac"
    parts = (Part(source=chopping), Part(source=pot, at=3.0))
    return Clip(name="kitchen", parts=parts, made_of="two recordings in a row")


def glass() -> Clip:
    parts = (
        Part(source="foley/glass/berklee__glasshit3.flac"),
        Part(source="foley/glass/berklee__wineglasstone3.flac", at=2.1),
        Part(source="foley/glass/berklee__glasshit1.flac", at=5.0, stop=2.0),
    )
    return Clip(name="glass", parts=parts, made_of="three recordings in a row")


def solo(instrument: str, split: str, number: str) -> str:
    return f"loops/solo_{instrument}/medleysolos__Medley-solos-DB-{split}-{number}.flac"


CLIPS = (
    one("drum_loop", "loops/drum_loop/sonicpi__arovane-beat-a.flac"),
    body_percussion(),
    one("speech_reader", "speech/ljspeech/tts__LJ001-0006.flac"),
    one("speech_storyteller", "speech/librispeech/data__3436-172162-0000-hq.flac", 0.1, 5.3),
    one("singer", solo("female_singer", "training", "2-0cff25b3-3766-5806-f06d-3e08ced7d363")),
    one("violin", solo("violin", "training", "7-0a06ba1f-3962-547a-f681-75fa05b2d295")),
    one("sax", solo("tenor_sax", "training", "5-0b9c92b9-6b06-573a-fd26-6255b557a3e5")),
    one("flute", solo("flute", "training", "3-1acfda50-3747-50aa-f0a6-3de247350c66")),
    one("piano", solo("piano", "training", "4-0a58662f-4e0b-5658-fcd1-9f7983a53f83")),
    steel_pan(),
    one("rain", "textures/rain/esc50__1-50060-A.flac"),
    one("sea", "textures/sea_waves/esc50__2-133863-A.flac"),
    one("thunder", "textures/thunderstorm/cddasoundpacks__thunder-near__00.flac"),
    one("fire", "textures/crackling_fire/esc50__1-17565-A.flac"),
    kitchen(),
    glass(),
    one("birds", "animals10/chirping_birds/blanket__birds__00.flac"),
    one("dog", "animals10/dog/esc50__2-114587-A.flac"),
)


def decibels(amplitude: float) -> float:
    return 20 * math.log10(max(amplitude, 1e-9))


def fade(audio: Audio, sample_rate: int) -> Audio:
    """``audio (samples,)`` with a linear fade of 5 ms at both ends."""
    ramp = np.linspace(0, 1, round(FADE_SECONDS * sample_rate))
    audio = audio.copy()
    audio[: len(ramp)] *= ramp
    audio[-len(ramp) :] *= ramp[::-1]
    return audio


def trim(audio: Audio) -> Audio:
    loud = np.flatnonzero(np.abs(audio) > np.abs(audio).max() * 10 ** (SILENCE_DB / 20))
    return audio[loud[0] : loud[-1] + 1]


def make(clip: Clip, root: Path) -> tuple[Audio, int]:
    """``(samples,)`` float64 and the sample rate of the clip's recordings."""
    placed, rates = [], set()
    for part in clip.parts:
        audio, rate = sf.read(root / part.source)
        if audio.ndim != 1:
            raise SystemExit(f"{part.source} must be mono, got {audio.shape[1]} channels")
        rates.add(rate)
        stop = None if part.stop is None else round(part.stop * rate)
        placed.append((round(part.at * rate), part.gain * fade(audio[round(part.start * rate) : stop], rate)))
    if len(rates) != 1:
        raise SystemExit(f"the parts of {clip.name} must have one sample rate, got {sorted(rates)}")
    mix = np.zeros(max(at + len(audio) for at, audio in placed))
    for at, audio in placed:
        mix[at : at + len(audio)] += audio
    mix = fade(trim(mix), rate)
    peak = np.abs(mix).max()
    if decibels(peak) < QUIET_DB or peak > 1:  # parts that overlap may add up past full scale
        mix *= 10 ** (LOUD_DB / 20) / peak
    return mix, rate


def address(row: dict[str, str]) -> str:
    """Where the recording came from: its own page, or the file in the repository that holds it."""
    owner, _, file = row["group"].partition(":")
    if row["source_url"]:
        return row["source_url"]
    if owner == row["source_repo"].replace("/", "+") and "/" in file:
        return f"https://github.com/{row['source_repo']}/blob/HEAD/{file}"
    return f"https://github.com/{row['source_repo']}"


def credits(clip: Clip, manifest: dict[str, dict[str, str]]) -> list[dict[str, str]]:
    """One row a recording of the clip; refuses what may not be shipped."""
    rows = []
    for source in dict.fromkeys(part.source for part in clip.parts):
        row = manifest[source]
        if row["redistributable"] not in SHIPPABLE:
            raise SystemExit(f"{source} may not be shipped: redistributable is {row['redistributable']!r}")
        licence = row["licence"]
        if row["collection_licence"] and row["collection_licence"] != licence:
            licence = f"{licence}; collection {row['collection_licence']}"
        values = [clip.name, source, row["group"], licence, row["attribution"], address(row), clip.made_of]
        rows.append(dict(zip(FIELDS, values, strict=True)))
    return rows


def table(clips: list[tuple[Clip, float, int]], rows: list[dict[str, str]]) -> str:
    """The Markdown table of ``assets/README.md``."""
    lines = ["| clip | seconds | kHz | made of | licence | by | from |", "|---|---|---|---|---|---|---|"]
    for clip, seconds, rate in clips:
        mine = [row for row in rows if row["clip"] == clip.name]
        licences, people, addresses = (
            "; ".join(dict.fromkeys(r[f] for r in mine)) for f in ("licence", "attribution", "url")
        )
        links = ", ".join(f"[source]({url})" for url in addresses.split("; "))
        cells = [f"`{clip.name}.flac`", f"{seconds:.1f}", f"{rate / 1000:g}", clip.made_of, licences, people, links]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Make assets/audio and its credits from a manifest of recordings.")
    parser.add_argument("manifest", type=Path, help="CSV file, one row a recording; paths in it are relative to it")
    path = parser.parse_args().manifest
    with path.open(newline="", encoding="utf-8") as file:
        manifest = {row["path"]: row for row in csv.DictReader(file)}
    rows = [row for clip in CLIPS for row in credits(clip, manifest)]
    folder = ASSETS / "audio"
    folder.mkdir(exist_ok=True)
    with (folder / "credits.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    made = []
    for clip in CLIPS:
        audio, rate = make(clip, path.parent)
        sf.write(folder / f"{clip.name}.flac", audio, rate, subtype="PCM_16")
        made.append((clip, len(audio) / rate, rate))
        peak, rms = decibels(float(np.abs(audio).max())), decibels(float(np.sqrt(np.mean(audio**2))))
        print(f"{clip.name:20s} {len(audio) / rate:5.2f} s  {rate} Hz  peak {peak:5.1f} dB  rms {rms:5.1f} dB")
    readme = ASSETS / "README.md"
    head, begin, rest = readme.read_text(encoding="utf-8").partition("<!-- clips -->\n")
    _, end, tail = rest.partition("<!-- /clips -->")
    if not begin or not end:
        raise SystemExit(f"{readme} must hold the marks <!-- clips --> and <!-- /clips --> around the table")
    readme.write_text(head + begin + table(made, rows) + "\n" + end + tail, encoding="utf-8")


if __name__ == "__main__":
    main()
