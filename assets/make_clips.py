"""Make the clips of assets/audio from packages that anyone can fetch, and from code; write their credits.

    python -m assets.make_clips [FOLDER]

FOLDER holds the packages, unpacked (``~/.cache/lgr-clips``; ``assets/clips/packages.py`` says where they are from);
what is not there is fetched, which takes ``apt-get`` and ``dpkg-deb``. Songs are played by ``fluidsynth`` (Debian's
2.3.1 made the clips that are here). ``assets/clips/catalogue.py`` says what each clip is made of.

Recordings are mixed to mono, freed of what lies below 20 Hz and brought to 24 kHz (speech stays at 16 kHz); ends are
trimmed of silence and faded over 5 ms, and every clip has a peak of -1 dBFS. Writes 16-bit FLAC, ``credits.csv`` (one
row a sound), ``licences.txt`` and the table in ``assets/README.md``. The same packages and the same FluidSynth give the
same bytes.
"""

import argparse
import csv
import math
from functools import cache
from pathlib import Path

import numpy as np
import soundfile as sf
from scipy.signal import butter, resample_poly, sosfiltfilt

from assets.clips import synthesised
from assets.clips.catalogue import CLIPS, FONT, NOTICES, SYNTHESISED, Clip, Part, Recording
from assets.clips.packages import FLUID, unpacked
from assets.clips.songs import RENDER_RATE, Audio, Song, play

ASSETS = Path(__file__).parent
FADE_SECONDS = 0.005
CUT_FADE_SECONDS = 0.25  # where a recording is cut while it still rings
PEAK_DB = -1.0
SILENCE_DB = -60.0  # below the clip's peak: trimmed at the ends
FIELDS = ["clip", "package", "file", "group", "licence", "attribution", "made_of"]


def decibels(amplitude: float) -> float:
    return 20 * math.log10(max(amplitude, 1e-9))


def fade(audio: Audio, sample_rate: int, *, fade_out: float = FADE_SECONDS) -> Audio:
    """``audio (samples,)`` with a linear fade of 5 ms at the start, of ``fade_out`` seconds at the end."""
    audio = audio.copy()
    audio[: round(FADE_SECONDS * sample_rate)] *= np.linspace(0, 1, round(FADE_SECONDS * sample_rate))
    audio[-round(fade_out * sample_rate) :] *= np.linspace(1, 0, round(fade_out * sample_rate))
    return audio


def trim(audio: Audio) -> Audio:
    loud = np.flatnonzero(np.abs(audio) > np.abs(audio).max() * 10 ** (SILENCE_DB / 20))
    return audio[loud[0] : loud[-1] + 1]


def resampled(audio: Audio, sample_rate: int, wanted: int) -> Audio:
    common = math.gcd(sample_rate, wanted)
    found: Audio = resample_poly(audio, wanted // common, sample_rate // common)
    return found


@cache
def read(path: Path) -> tuple[Audio, int]:
    """A file mixed to mono, freed of what lies below 20 Hz (some are off centre), and its sample rate."""
    audio, rate = sf.read(path, always_2d=True)
    return sosfiltfilt(butter(2, 20, "highpass", fs=rate, output="sos"), audio.mean(axis=1)), rate


def sound(part: Part, cache_folder: Path, wanted: int) -> Audio:
    """``(samples,)`` at ``wanted`` Hz, faded, with the part's peak."""
    fade_out = FADE_SECONDS
    if isinstance(part.sound, Recording):
        audio, rate = read(unpacked(part.sound.package, cache_folder) / part.sound.file)
        if part.stop is not None:
            audio, fade_out = audio[: round(part.stop * rate)], CUT_FADE_SECONDS
        audio = audio[round(part.start * rate) :]
    elif isinstance(part.sound, Song):
        audio, rate = play(part.sound, unpacked(FLUID, cache_folder) / FONT), RENDER_RATE
    else:
        audio, rate = part.sound(), synthesised.RATE
    audio = fade(resampled(audio, rate, wanted), wanted, fade_out=fade_out)
    return audio * part.peak / np.abs(audio).max()


def make(clip: Clip, cache_folder: Path) -> Audio:
    """``(samples,)`` at the clip's sample rate."""
    rate = clip.sample_rate
    placed = [(round(part.at * rate), sound(part, cache_folder, rate)) for part in clip.parts]
    mix = np.zeros(max(at + len(audio) for at, audio in placed))
    for at, audio in placed:
        mix[at : at + len(audio)] += audio
    mix = fade(trim(mix), rate)
    return mix * 10 ** (PEAK_DB / 20) / np.abs(mix).max()


def credit(part: Part) -> tuple[str, ...]:
    """``package`` to ``attribution`` of a part's row."""
    each = part.sound
    if isinstance(each, Recording):
        return (each.package.title, each.file, each.group, each.licence, each.attribution)
    if isinstance(each, Song):
        file, group = f"{FONT}: {each.instrument}", f"{FLUID.name}:{each.instrument}"
        return (FLUID.title, file, group, "MIT", "Fluid (R3) General MIDI sound font, Frank Wen")
    return (SYNTHESISED, f"assets/clips/synthesised.py: {each.__name__}", f"lgr:{each.__name__}", "MIT", "lgr")


def credits(clip: Clip) -> list[dict[str, str]]:
    """One row a sound of the clip."""
    sounds = dict.fromkeys(credit(part) for part in clip.parts)
    return [dict(zip(FIELDS, (clip.name, *each, clip.made_of), strict=True)) for each in sounds]


def table(clips: list[tuple[Clip, float]], rows: list[dict[str, str]]) -> str:
    """The Markdown table of ``assets/README.md``."""
    pages = {
        part.sound.package.title: part.sound.package.page
        for clip in CLIPS
        for part in clip.parts
        if isinstance(part.sound, Recording)
    } | {FLUID.title: FLUID.page}
    lines = ["| clip | seconds | kHz | made of | licence | by | from |", "|---|---|---|---|---|---|---|"]
    for clip, seconds in clips:
        mine = [row for row in rows if row["clip"] == clip.name]
        licences, people, packages = (
            list(dict.fromkeys(row[field] for row in mine)) for field in ("licence", "attribution", "package")
        )
        sources = [f"[{name}]({pages[name]})" if name in pages else name for name in packages]
        cells = [f"`{clip.name}.flac`", f"{seconds:.1f}", f"{clip.sample_rate / 1000:g}", clip.made_of]
        lines.append("| " + " | ".join([*cells, *map("; ".join, (licences, people, sources))]) + " |")
    return "\n".join(lines)


def notices(cache_folder: Path) -> str:
    """The licence texts that ask to be kept with the sounds."""
    parts = []
    for package, file in NOTICES:
        text = (unpacked(package, cache_folder) / file).read_text(encoding="utf-8")
        lines = "\n".join(line.rstrip() for line in text.strip().splitlines())
        parts.append(f"{package.title}, {file}\n\n{lines}\n")
    return ("\n" + "=" * 80 + "\n\n").join(parts)


def write_clips(folder: Path, cache_folder: Path) -> list[tuple[Clip, float]]:
    """All clips into ``folder``; each with its seconds."""
    made = []
    for clip in CLIPS:
        audio = make(clip, cache_folder)
        sf.write(folder / f"{clip.name}.flac", audio, clip.sample_rate, subtype="PCM_16", compression_level=1.0)
        made.append((clip, len(audio) / clip.sample_rate))
        peak, rms = decibels(float(np.abs(audio).max())), decibels(float(np.sqrt(np.mean(audio**2))))
        print(f"{clip.name:20s} {made[-1][1]:5.2f} s  {clip.sample_rate} Hz  peak {peak:5.1f} dB  rms {rms:5.1f} dB")
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description="Make assets/audio and its credits from packages and from code.")
    default = Path.home() / ".cache" / "lgr-clips"
    parser.add_argument("packages", type=Path, nargs="?", default=default, help="their folder (default: %(default)s)")
    cache_folder = parser.parse_args().packages
    rows = [row for clip in CLIPS for row in credits(clip)]
    folder = ASSETS / "audio"
    folder.mkdir(exist_ok=True)
    made = write_clips(folder, cache_folder)
    with (folder / "credits.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    (folder / "licences.txt").write_text(notices(cache_folder), encoding="utf-8")
    readme = ASSETS / "README.md"
    head, begin, rest = readme.read_text(encoding="utf-8").partition("<!-- clips -->\n")
    _, end, tail = rest.partition("<!-- /clips -->")
    if not begin or not end:
        raise SystemExit(f"{readme} must hold the marks <!-- clips --> and <!-- /clips --> around the table")
    readme.write_text(head + begin + table(made, rows) + "\n" + end + tail, encoding="utf-8")


if __name__ == "__main__":
    main()
