"""The notes of the clips that instruments play, and how FluidSynth plays them from a General MIDI sound font.

A song is written as ``pitch:beats`` words, such as ``"F#4:1 A4+D5:1.5 -:0.5"``: one pitch or several at once, or ``-``
for a rest.
"""

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile as sf
from numpy.typing import NDArray

Audio = NDArray[np.float64]  # (samples,), in [-1, 1]

RENDER_RATE = 48_000
TICKS_PER_SECOND = 960  # 480 a beat at MIDI's own tempo of 120 beats a minute
SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
ACCENTS = (104, 84, 96, 80)  # velocities, in turn: a player never strikes twice the same
RING_SECONDS = 1.5  # after the last note


@dataclass(frozen=True, kw_only=True)
class Note:
    start: float  # seconds
    seconds: float
    pitches: tuple[int, ...]  # MIDI numbers; several sound at once


@dataclass(frozen=True, kw_only=True)
class Song:
    """What an instrument plays.

    ``program``: General MIDI's number of the instrument, from 0, in ``bank``. ``sounding``: the part of a note's time
    for which it is held; above 1 notes run into each other (legato).
    """

    instrument: str  # its name in the sound font
    program: int
    written: str
    beats_per_minute: float
    bank: int = 0
    sounding: float = 1.0
    swell: bool = False  # each note grows and falls a little, as bow and breath do

    @property
    def notes(self) -> list[Note]:
        notes, at = [], 0.0
        for word in self.written.split():
            names, _, beats = word.partition(":")
            seconds = float(beats) * 60 / self.beats_per_minute
            if names != "-":
                notes.append(Note(start=at, seconds=seconds, pitches=tuple(map(pitch, names.split("+")))))
            at += seconds
        return notes


def pitch(name: str) -> int:
    """The MIDI number of a note: 69 for ``"A4"``."""
    letter, sharp, octave = name[0], name[1:-1], name[-1]
    return SEMITONES[letter] + (sharp == "#") + 12 * (int(octave) + 1)


def frequency(number: int) -> float:
    """In Hz, of a MIDI number."""
    return 440 * 2 ** ((number - 69) / 12)


def variable_length(number: int) -> bytes:
    """A number as MIDI files write times: seven bits a byte, all but the last with the high bit set."""
    groups = [number & 127]
    while number := number >> 7:
        groups.append(number & 127 | 128)
    return bytes(reversed(groups))


def events(song: Song) -> list[tuple[float, bytes]]:
    """MIDI messages of ``song`` with their times in seconds, in order."""
    found = [(0.0, bytes([0xB0, 0, song.bank])), (0.0, bytes([0xC0, song.program]))]
    notes = song.notes
    for index, note in enumerate(notes):
        held = note.seconds * song.sounding
        following = notes[index + 1].pitches if index + 1 < len(notes) else ()
        for number in note.pitches:
            # a note that is struck again must have ended before
            stop = note.start + (min(held, 0.93 * note.seconds) if number in following else held)
            found.append((note.start, bytes([0x90, number, ACCENTS[index % len(ACCENTS)]])))
            found.append((stop, bytes([0x80, number, 0])))
        if song.swell:
            for part in np.linspace(0, 1, 8, endpoint=False):
                level = round(88 + 34 * float(np.sin(np.pi * part**0.7)))
                found.append((note.start + part * note.seconds, bytes([0xB0, 11, level])))
    return sorted(found, key=lambda event: event[0])  # the sort keeps the order of what happens at once


def midi_file(song: Song) -> bytes:
    """A Standard MIDI File of one track."""
    track, before = b"", 0
    for seconds, message in events(song):
        tick = round(seconds * TICKS_PER_SECOND)
        track += variable_length(tick - before) + message
        before = tick
    track += variable_length(round(RING_SECONDS * TICKS_PER_SECOND)) + b"\xff\x2f\x00"
    header = b"MThd" + b"".join(n.to_bytes(size, "big") for n, size in ((6, 4), (0, 2), (1, 2), (480, 2)))
    return header + b"MTrk" + len(track).to_bytes(4, "big") + track


def play(song: Song, font: Path) -> Audio:
    """``(samples,)`` at ``RENDER_RATE``, without FluidSynth's reverberation and chorus."""
    with tempfile.TemporaryDirectory() as folder:
        written, sound = Path(folder, "song.mid"), Path(folder, "song.wav")
        written.write_bytes(midi_file(song))
        options = f"-niq -R 0 -C 0 -g 0.8 -O float -T wav -r {RENDER_RATE} -F".split()
        subprocess.run(["fluidsynth", *options, sound, font, written], check=True, capture_output=True)
        audio, _ = sf.read(sound)
    return audio.mean(axis=1)


def single_notes(instrument: str, program: int) -> Song:
    """Notes one by one, with gaps: all that the melodies of ``violin`` and ``flute`` need, and some more."""
    names = "C4 D4 E4 F#4 G4 G#4 A4 B4 C5 D5 E5 F5"
    written = " ".join(f"{name}:1 -:0.2" for name in names.split())
    return Song(instrument=instrument, program=program, written=written, beats_per_minute=128)


SONGS = {
    # Beethoven, ninth symphony (1824): the first line of the Ode to Joy
    "violin": Song(
        instrument="Violin",
        program=40,
        written="F#4:1 F#4:1 G4:1 A4:1 A4:1 G4:1 F#4:1 E4:1 D4:1 D4:1 E4:1 F#4:1 F#4:1.5 E4:0.5 E4:2",
        beats_per_minute=144,
        sounding=1.05,
        swell=True,
    ),
    # Greensleeves (England, 16th century): the first half of the verse
    "flute": Song(
        instrument="Flute",
        program=73,
        written="A4:1 C5:2 D5:1 E5:1.5 F5:0.5 E5:1 D5:2 B4:1 G4:1.5 A4:0.5 B4:1 "
        "C5:2 A4:1 A4:1.5 G#4:0.5 A4:1 B4:2 G#4:1 E4:2",
        beats_per_minute=212,
        sounding=1.0,
        swell=True,
    ),
    # the other phrases are the authors' own
    "sax": Song(
        instrument="Tenor Sax",
        program=66,
        written="D4:0.67 F4:0.33 G4:0.67 G#4:0.33 A4:1 C5:1 A4:0.67 G4:0.33 F4:1.5 -:0.5 "
        "D4:0.33 D#4:0.33 E4:0.34 G4:0.67 E4:0.33 C4:0.67 A3:0.33 D4:2",
        beats_per_minute=116,
        sounding=0.97,
        swell=True,
    ),
    "piano": Song(
        instrument="Yamaha Grand Piano",
        program=0,
        written="C3+G3+E4:1 G4:0.5 C5:0.5 A2+E3+C5:1 B4:0.5 A4:0.5 F2+C3+A4:1 C5:0.5 F5:0.5 "
        "G2+D3+B4:0.5 D5:0.5 G4:1 C3+E4+G4+C5:2",
        beats_per_minute=112,
        sounding=1.1,
    ),
    "steel_pan": Song(
        instrument="Steel Drums",
        program=114,
        written="C4:1 G4:0.5 C5:0.5 E5:1 D5:0.5 C5:0.5 A4:1 G4:0.5 E4:0.5 F4+A4:0.5 -:0.5 G4+B4:0.5 D5:0.5 C5+E5:2",
        beats_per_minute=112,
        sounding=1.2,
    ),
    "choir": Song(
        instrument="Ahh Choir",
        program=52,
        written="D4+A4:2 F4+C5:1 E4+B4:1 C4+G4:2 D4+F4+A4:1 C4+E4+G4:1 D4+A4+D5:2",
        beats_per_minute=104,
        sounding=1.04,
        swell=True,
    ),
    "notes_piano": single_notes("Yamaha Grand Piano", 0),
    "notes_sax": single_notes("Alto Sax", 65),
    "notes_guitar": single_notes("Nylon String Guitar", 24),
    "birds": Song(  # two of them: a high one answers a low one
        instrument="Bird Tweet",
        program=123,
        written="C5:1 C5:1 E5:1 -:1 G5:0.7 A5:0.7 G5:0.6 -:1.3 A4:1.2 -:0.5 D6:0.6 D6:0.6 E6:0.8 -:1 "
        "E5+C6:1.2 -:0.8 G4:1.4 C5:1 E5:0.8 -:1.2 A5:0.7 C6:0.7",
        beats_per_minute=220,
        sounding=0.95,
    ),
}
