"""Patterns: where steps begin, what is refused, and that JSON and MIDI files give back what went in."""

import builtins
import contextlib
import json
import math
from pathlib import Path
from typing import Any

import mido
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lgr.drums import Pattern, Track, default_pattern, load_pattern, save_pattern
from lgr.drums.general_midi import NOTES, drum_name, drum_note
from lgr.drums.midi import read_midi
from lgr.errors import ArgumentError, LgrError, MissingPackageError

LABELS = ["Clap", "Cowbell", "Crash", "Hat", "Kick", "Ride", "Snare", "Tom"]
METHLAB = ["Bass", "Break", "Cymbal", "Fx", "Hat", "Kick", "Lead", "Pad", "Perc", "Snare"]  # paper 004's ten classes

velocities = st.sampled_from([0, 0, 1, 64, 127])
labels = st.sampled_from([*LABELS, *METHLAB, None, "Grosse Caisse à été", "太鼓"])


@st.composite
def patterns(draw: Any) -> Pattern:
    n = draw(st.integers(1, 64))
    steps = st.lists(velocities, min_size=n, max_size=n)
    tracks = draw(st.lists(st.builds(Track, labels, steps), min_size=1, max_size=16))
    return Pattern(tracks=tuple(tracks), tempo=draw(st.floats(20, 400)), swing=draw(st.floats(0.5, 0.75)))


def straight(n: int = 16, tempo: float = 120.0, swing: float = 0.5) -> Pattern:
    return Pattern(tracks=(Track("Hat", (100,) * n),), tempo=tempo, swing=swing)


@settings(max_examples=50, deadline=None)
@given(patterns(), st.sampled_from([8000, 24000, 44100, 48000]), st.integers(0, 20))
def test_a_step_is_on_the_sample_that_tempo_and_swing_say(pattern: Pattern, rate: int, loop: int) -> None:
    step_seconds = 60 / pattern.tempo / 4
    for step in range(pattern.n_steps):
        late = (2 * pattern.swing - 1) * step_seconds if step % 2 else 0.0
        exact = ((loop * pattern.n_steps + step) * step_seconds + late) * rate
        assert abs(pattern.onset(step, rate, loop) - exact) <= 0.5 + 1e-6


def test_onsets_are_what_a_person_would_count() -> None:
    assert [straight().onset(step, 24000) for step in range(4)] == [0, 3000, 6000, 9000]
    assert [straight(swing=0.75).onset(step, 24000) for step in range(4)] == [0, 4500, 6000, 10500]
    assert straight().onset(0, 24000, loop=1) == 48000
    assert straight(tempo=125).onset(1, 44100) == 5292
    assert straight(tempo=100, n=3).onset(1, 44100, loop=1000) == math.floor(3001 * 0.15 * 44100 + 0.5)  # no drift


@settings(max_examples=50, deadline=None)
@given(patterns())
def test_steps_begin_one_after_the_other(pattern: Pattern) -> None:
    onsets = [pattern.onset(step, 8000, loop) for loop in (0, 1) for step in range(pattern.n_steps)]
    assert onsets == sorted(set(onsets))


@pytest.mark.parametrize("suffix", [".json", ".mid"])
def test_files_give_back_the_pattern(suffix: str, tmp_path: Path) -> None:
    @settings(max_examples=25, deadline=None)
    @given(patterns())
    def check(pattern: Pattern) -> None:
        path = save_pattern(pattern, tmp_path / f"beat{suffix}", force=True)
        assert load_pattern(path) == pattern
        first = path.read_bytes()
        assert save_pattern(pattern, path, force=True).read_bytes() == first

    check()


def test_the_midi_file_is_what_other_programs_read(tmp_path: Path) -> None:
    pattern = Pattern(
        tracks=(Track("kick", (127, 0, 0, 0)), Track("Pad", (0, 50, 0, 1)), Track("Lead", (0, 0, 0, 9))), tempo=125
    )
    file = mido.MidiFile(save_pattern(pattern, tmp_path / "beat.mid"))
    assert (file.type, file.ticks_per_beat, len(file.tracks)) == (1, 960, 4)
    assert [track.name for track in file.tracks[1:]] == ["kick", "Pad", "Lead"]
    assert file.length == pytest.approx(60 / 125, abs=1e-6)
    for track in file.tracks:
        assert sum(message.time for message in track) == 960
    notes: list[tuple[float, int, int]] = []
    now = 0.0
    for message in file:
        now += message.time
        if message.type == "note_on":
            assert message.channel == 9
            notes.append((round(now, 6), message.note, message.velocity))
    assert notes == [(0.0, 36, 127), (0.12, 89, 50), (0.36, 89, 1), (0.36, 90, 9)]


def midi_bytes(
    tmp_path: Path, *tracks: list[tuple[int, int, int]], channel: int = 9, tempo: float | None = 97
) -> bytes:
    """A file as another program writes it: 480 ticks a beat, ``(tick, note, velocity)``, notes off as velocity 0."""
    file = mido.MidiFile(type=1, ticks_per_beat=480)
    for i, notes in enumerate(tracks):
        track, now = mido.MidiTrack(), 0
        if i == 0 and tempo is not None:
            track.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(tempo)))
        events = sorted([(at, n, v) for at, n, v in notes] + [(at + 10, n, 0) for at, n, _ in notes])
        for at, note, velocity in events:
            track.append(mido.Message("note_on", channel=channel, note=note, velocity=velocity, time=at - now))
            now = at
        file.tracks.append(track)
    path = tmp_path / "foreign.mid"
    file.save(path)
    return path.read_bytes()


@pytest.mark.parametrize("channel", [9, 0])
def test_midi_of_other_programs_becomes_a_track_a_note(channel: int, tmp_path: Path) -> None:
    notes = [(0, 36, 100), (3, 42, 80), (118, 42, 50), (240, 42, 70), (481, 38, 120), (16 * 120, 36, 90), (0, 110, 5)]
    pattern = read_midi(midi_bytes(tmp_path, notes, channel=channel))
    assert (pattern.tempo, pattern.n_steps) == (97.0, 32)
    hits = {track.label: track.hits for track in pattern.tracks}
    assert hits == {
        "Kick": [(0, 100), (16, 90)],
        "Snare": [(4, 120)],
        "Hat": [(0, 80), (1, 50), (2, 70)],
        "note 110": [(0, 5)],
    }


@pytest.mark.parametrize(("swing", "late"), [(0.5, 0), (0.6, 24), (0.67, 40), (0.75, 60)])
def test_swing_of_other_programs_is_measured(swing: float, late: int, tmp_path: Path) -> None:
    notes = [(step * 120 + (late if step % 2 else 0), 42, 90) for step in range(16)]
    pattern = read_midi(midi_bytes(tmp_path, notes, tempo=None))
    assert pattern.swing == pytest.approx(swing, abs=0.006)
    assert pattern.tracks[0].steps == (90,) * 16
    assert pattern.tempo == 120


def test_what_another_program_changes_in_our_file_is_heard(tmp_path: Path) -> None:
    path = save_pattern(default_pattern(LABELS, tempo=120.5, swing=0.62), tmp_path / "beat.mid")
    file = mido.MidiFile(path)
    for message in file.tracks[0]:
        if message.type == "set_tempo":
            message.tempo = mido.bpm2tempo(90)
    file.tracks[5].insert(
        1, mido.Message("note_on", channel=9, note=36, velocity=127, time=2 * 240)
    )  # and moves all by two steps
    file.save(path)
    pattern = load_pattern(path)
    assert (pattern.tempo, pattern.swing, pattern.labels) == (90.0, 0.62, LABELS)
    assert pattern.tracks[4].hits == [(2, 127), (5, 95), (8, 120), (12, 95)]


def test_general_midi_names_are_its_notes() -> None:
    notes = [note for each in NOTES.values() for note in each]
    assert len(notes) == len(set(notes))
    assert set(notes) <= set(range(35, 82))
    assert all(drum_name(drum_note(name)) == name for name in NOTES)
    assert {name: drum_note(name) for name in LABELS} == {
        "Clap": 39, "Cowbell": 56, "Crash": 49, "Hat": 42, "Kick": 36, "Ride": 51, "Snare": 38, "Tom": 45
    }  # fmt: skip
    assert [drum_note(name) for name in ("Closed Hi-Hat", "open_hat", "TOMS", "bass drum", "Bass", None, "")] == [
        42, 46, 45, 36, None, None, None
    ]  # fmt: skip


@pytest.mark.parametrize("names", [LABELS, METHLAB, [], ["a"] * 40])
def test_there_is_a_beat_for_any_classes(names: list[str]) -> None:
    pattern = default_pattern(names, tempo=174, swing=0.55)
    assert pattern.labels == (names[:16] or [None] * 8)
    assert pattern.n_steps == 16
    assert all(track.hits for track in pattern.tracks)
    assert (pattern.tempo, pattern.swing) == (174, 0.55)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Track("Kick", ()), r"steps of track 'Kick' must be 1 to 64, got 0"),
        (lambda: Track("Kick", (0,) * 65), r"steps of track 'Kick' must be 1 to 64, got 65"),
        (lambda: Track("Kick", (0, 128)), r"step 2 of track 'Kick' must be a velocity, .* from 0 to 127, got 128"),
        (lambda: Track("Kick", (True,)), r"step 1 .* got True"),
        (lambda: Track("Kick", (0.5,)), r"step 1 .* got 0.5"),  # type: ignore[arg-type]
        (lambda: Track("Kick", "x..."), r"must be a list of velocities, got 'x...'"),  # type: ignore[arg-type]
        (lambda: Track(3, (1,)), r"class of a track must be a name or nothing \(null\), got 3"),  # type: ignore[arg-type]
        (lambda: Track(" ", (1,)), r"class of a track .* got ' '"),
        (lambda: Track("\ud800", (1,)), r"class of a track"),
        (lambda: Pattern(tracks=()), r"tracks must be 1 to 16, got 0"),
        (lambda: Pattern(tracks=(Track("a", (1,)),) * 17), r"tracks must be 1 to 16, got 17"),
        (lambda: Pattern(tracks=(Track("a", (1,)), Track("b", (1, 2)))), r"got 1 in track 1 and 2 in track 2"),
        (lambda: straight(tempo=19), r"tempo must be 20 to 400 beats a minute, got 19"),
        (lambda: straight(tempo=math.nan), r"tempo must be .* got nan"),
        (lambda: straight(swing=0.8), r"swing must be 0.5 to 0.75 of a pair of steps, got 0.8"),
        (lambda: straight(swing="half"), r"swing must be .* got 'half'"),  # type: ignore[arg-type]
        (lambda: default_pattern("Kick"), r"labels must be a list of classes, got the text 'Kick'"),
    ],
)
def test_what_cannot_be_is_refused(make: Any, says: str) -> None:
    with pytest.raises(ArgumentError, match=says):
        make()


GOOD = {"format": "lgr-pattern", "version": 1, "tracks": [{"class": "Kick", "steps": [1, 0]}]}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "must be JSON"),
        (b"\xff\xfe\x00", "must be JSON"),
        (b"[" * 100_000, "must be JSON"),
        ([], 'must say "format": "lgr-pattern"'),
        ({**GOOD, "format": "lgr-score"}, 'must say "format": "lgr-pattern"'),
        ({**GOOD, "version": 2}, "version must be 1, got 2"),
        ({key: GOOD[key] for key in ("format", "version")}, "must have tracks, got format, version"),
        ({**GOOD, "bpm": 3}, "no more than .* got bpm"),
        ({**GOOD, "tracks": "Kick"}, "tracks must be a list, got 'Kick'"),
        ({**GOOD, "tracks": [3]}, "track 1 must be an object"),
        ({**GOOD, "tracks": [{"class": "Kick"}]}, "track 1 must have steps, got class"),
        ({**GOOD, "tracks": [{"class": "K", "steps": [1], "mute": 1}]}, "track 1 .* got mute"),
        ({**GOOD, "tracks": [{"class": "Kick", "steps": [300]}]}, "step 1 of track 'Kick' .* got 300"),
        ({**GOOD, "tempo": None}, "tempo must be .* got None"),
        ({**GOOD, "swing": [1]}, r"swing must be .* got \[1\]"),
    ],
)
def test_damaged_json_is_told_in_one_sentence(content: Any, says: str, tmp_path: Path) -> None:
    path = tmp_path / "beat.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    with pytest.raises(ArgumentError, match=f"beat.json: .*{says}"):
        load_pattern(path)


def test_tempo_and_swing_may_be_left_out_of_json(tmp_path: Path) -> None:
    (tmp_path / "beat.json").write_text(json.dumps(GOOD))
    assert load_pattern(tmp_path / "beat.json") == Pattern(tracks=(Track("Kick", (1, 0)),))


def test_damaged_midi_is_told_in_one_sentence(tmp_path: Path) -> None:
    whole = midi_bytes(tmp_path, [(0, 36, 100)])
    with pytest.raises(ArgumentError, match="must be a MIDI file"):
        read_midi(b"")
    with pytest.raises(ArgumentError, match="must be a MIDI file"):
        read_midi(b"no MIDI at all, this is a text")
    with pytest.raises(ArgumentError, match="must be a MIDI file"):
        read_midi(whole[:-6])
    for i in range(len(whole)):  # whatever a byte becomes, it is read or refused
        for value in (0, 0x7F, 0xFF):
            with contextlib.suppress(ArgumentError):
                read_midi(whole[:i] + bytes([value]) + whole[i + 1 :])
    with pytest.raises(ArgumentError, match="must have notes"):
        read_midi(midi_bytes(tmp_path, []))
    with pytest.raises(ArgumentError, match="at most 16 different notes, got 17"):
        read_midi(midi_bytes(tmp_path, [(0, note, 1) for note in range(17)]))
    with pytest.raises(ArgumentError, match="at most 4 bars, got 5"):
        read_midi(midi_bytes(tmp_path, [(64 * 120, 36, 1)]))


def test_places_that_cannot_be_are_refused(tmp_path: Path) -> None:
    pattern = straight()
    for act in (lambda path: save_pattern(pattern, path), load_pattern):
        with pytest.raises(ArgumentError, match=r"path of a pattern must end in .json or .mid, got .*beat.txt"):
            act(tmp_path / "beat.txt")
    for name in ("beat.json", "beat.mid"):
        with pytest.raises(ArgumentError, match="cannot be read"):
            load_pattern(tmp_path / name)
        save_pattern(pattern, tmp_path / name)
        with pytest.raises(LgrError, match="exists and is kept"):
            save_pattern(pattern, tmp_path / name)


def test_midi_without_mido_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def no_mido(name: str, *rest: Any) -> Any:
        if name == "mido":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", no_mido)
    with pytest.raises(MissingPackageError, match="MIDI files need mido: pip install mido"):
        save_pattern(straight(), tmp_path / "beat.mid")
    assert list(tmp_path.iterdir()) == []
    save_pattern(straight(), tmp_path / "beat.json")
