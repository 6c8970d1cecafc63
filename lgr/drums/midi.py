"""Patterns as standard MIDI files, for sequencers and drum machines, and back.

Written: type 1, 960 ticks a beat, a MIDI track a track, named by its class, on channel 10. A class that is a drum's
name plays General MIDI's note for it, any other a note of its own from 88 on. A text event says what MIDI has no word
for, so that a file of ours comes back as it was.

Read: files of ours; and others, whose notes on channel 10 (or all, where there are none there) become a track a note,
on the nearest sixteenth. Their swing is measured, the first tempo counts, and steps are filled up to whole bars.
"""

import io
import json
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from lgr.drums.general_midi import CHANNEL, FREE_NOTE, drum_name, drum_note
from lgr.drums.pattern import MOST_STEPS, MOST_TRACKS, STEPS_PER_BEAT, SWINGS, TEMPOS, Pattern, Track
from lgr.errors import ArgumentError, MissingPackageError

TICKS_PER_BEAT = 960
NOTE_TICKS = 60  # a quarter of a step: shorter than what is between two hits at the most swing
STEPS_PER_BAR = 16
MARK = "lgr-pattern "  # of the text event, followed by JSON
DEFAULT_TEMPO = 500_000  # microseconds a beat, where a file says none (Standard MIDI Files 1.0)


@dataclass(frozen=True)
class Note:
    """A note that begins: on which MIDI track, when (in steps from the beginning), what and how loud."""

    track: int
    position: Fraction
    channel: int
    note: int
    velocity: int


def write_midi(pattern: Pattern, path: str | Path) -> None:
    """Write ``pattern`` over ``path``; the same pattern gives the same bytes. See the top of this file.

    Raises
    ------
    MissingPackageError : mido is not installed
    """
    mido = _mido()
    file = mido.MidiFile(type=1, ticks_per_beat=TICKS_PER_BEAT, charset="utf-8")
    said = {"tempo": pattern.tempo, "swing": pattern.swing, "steps": pattern.n_steps, "classes": pattern.labels}
    end = pattern.n_steps * TICKS_PER_BEAT // STEPS_PER_BEAT
    head = [
        mido.MetaMessage("text", text=MARK + json.dumps(said)),
        mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(pattern.tempo)),
        mido.MetaMessage("time_signature", numerator=4, denominator=4),
    ]
    file.tracks.append(_track(mido, [(0, each) for each in head], end))
    for i, track in enumerate(pattern.tracks):
        note = drum_note(track.label)
        note = FREE_NOTE + i if note is None else note
        events = [(0, mido.MetaMessage("track_name", name=track.label or ""))]
        for step, velocity in track.hits:
            at = round(pattern.position(step) * TICKS_PER_BEAT / STEPS_PER_BEAT)
            events.append((at, mido.Message("note_on", channel=CHANNEL, note=note, velocity=velocity)))
            events.append((at + NOTE_TICKS, mido.Message("note_off", channel=CHANNEL, note=note)))
        file.tracks.append(_track(mido, events, end))
    file.save(path)


def read_midi(content: bytes) -> Pattern:
    """The pattern of a MIDI file's bytes. See the top of this file.

    Raises
    ------
    ArgumentError : damaged, no note in it, or more than a pattern holds
    MissingPackageError : mido is not installed
    """
    mido = _mido()
    try:
        file = mido.MidiFile(file=io.BytesIO(content))
    except Exception as error:  # mido raises whatever it stumbles over
        raise ArgumentError(f"it must be a MIDI file, got what cannot be read: {error or 'it is cut short'}") from error
    if file.ticks_per_beat < 1:
        raise ArgumentError("it must count in beats, got a MIDI file that counts in film frames")
    notes = [note for i, track in enumerate(file.tracks) for note in _notes(i, track, file.ticks_per_beat)]
    metas = [message for track in file.tracks for message in track if message.is_meta]
    tempo = next((message.tempo for message in metas if message.type == "set_tempo"), DEFAULT_TEMPO)
    said = _said(metas, len(file.tracks))
    if said is not None:
        if tempo != mido.bpm2tempo(said.tempo):  # changed by another program
            said = Pattern(tracks=said.tracks, tempo=_tempo(mido, tempo), swing=said.swing)
        return _filled(said, {i: [note for note in notes if note.track == i + 1] for i in range(len(said.tracks))})
    drums = [note for note in notes if note.channel == CHANNEL] or notes
    if not drums:
        raise ArgumentError("it must have notes, got a MIDI file without one")
    keys = sorted({(note.track, note.note) for note in drums})
    if len(keys) > MOST_TRACKS:
        raise ArgumentError(f"it must have at most {MOST_TRACKS} different notes, got {len(keys)}")
    swing = _measured_swing(drums)
    bars = 1 + max(_step(note.position, swing) for note in drums) // STEPS_PER_BAR
    if bars * STEPS_PER_BAR > MOST_STEPS:
        raise ArgumentError(f"it must have at most {MOST_STEPS // STEPS_PER_BAR} bars, got {bars}")
    empty = (0,) * (bars * STEPS_PER_BAR)
    tracks = tuple(Track(drum_name(note) or f"note {note}", empty) for _, note in keys)
    pattern = Pattern(tracks=tracks, tempo=_tempo(mido, tempo), swing=swing)
    return _filled(pattern, {i: [n for n in drums if (n.track, n.note) == key] for i, key in enumerate(keys)})


def _mido() -> Any:
    try:
        import mido
    except ImportError as error:
        raise MissingPackageError("MIDI files need mido: pip install mido") from error
    return mido


def _track(mido: Any, events: Iterable[tuple[int, Any]], end: int) -> Any:
    """A MIDI track of events at these ticks, in their order, that lasts until ``end``."""
    track, now = mido.MidiTrack(), 0
    for tick, message in events:
        track.append(message.copy(time=tick - now))
        now = tick
    track.append(mido.MetaMessage("end_of_track", time=max(0, end - now)))
    return track


def _notes(i: int, track: Any, ticks_per_beat: int) -> list[Note]:
    found, now = [], 0
    for message in track:
        now += message.time
        if message.type == "note_on" and message.velocity:
            at = Fraction(now * STEPS_PER_BEAT, ticks_per_beat)
            found.append(Note(i, at, message.channel, message.note, message.velocity))
    return found


def _said(metas: Iterable[Any], n_tracks: int) -> Pattern | None:
    """The pattern, still without hits, that a file of ours says it is; None of any other file."""
    text = next((m.text for m in metas if m.type == "text" and m.text.startswith(MARK)), None)
    try:
        said = json.loads((text or "").removeprefix(MARK))
        if not 1 <= said["steps"] <= MOST_STEPS:
            return None
        tracks = tuple(Track(label, (0,) * said["steps"]) for label in said["classes"])
        pattern = Pattern(tracks=tracks, tempo=said["tempo"], swing=said["swing"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return pattern if len(pattern.tracks) == n_tracks - 1 else None


def _filled(pattern: Pattern, notes: dict[int, list[Note]]) -> Pattern:
    """``pattern`` with the notes of each track on their steps; of two on one step the louder counts."""
    tracks = []
    for i, track in enumerate(pattern.tracks):
        steps = list(track.steps)
        for note in notes[i]:
            step = _step(note.position, pattern.swing)
            if step >= len(steps):
                raise ArgumentError(f"its notes must be within {len(steps)} steps, got one on step {step + 1}")
            steps[step] = max(steps[step], note.velocity)
        tracks.append(Track(track.label, tuple(steps)))
    return Pattern(tracks=tuple(tracks), tempo=pattern.tempo, swing=pattern.swing)


def _step(position: Fraction, swing: float) -> int:
    """The step that begins nearest to ``position``."""
    pair, within = divmod(position, 2)
    late = 2 * Fraction(swing)
    return 2 * int(pair) + (0 if within < late / 2 else 1 if within < 1 + late / 2 else 2)


def _measured_swing(notes: Iterable[Note]) -> float:
    """Where the second steps of pairs lie on average, to a hundredth."""
    seconds = [within for note in notes if Fraction(1, 2) <= (within := note.position % 2) < Fraction(7, 4)]
    swing = float(sum(seconds) / len(seconds) / 2) if seconds else SWINGS[0]
    return min(max(round(swing, 2), SWINGS[0]), SWINGS[1])


def _tempo(mido: Any, microseconds: int) -> float:
    """Beats a minute, to a hundredth: MIDI has whole microseconds a beat."""
    if microseconds < 1:
        raise ArgumentError(f"its tempo must be 1 microsecond a beat or more, got {microseconds}")
    return min(max(round(float(mido.tempo2bpm(microseconds)), 2), TEMPOS[0]), TEMPOS[1])
