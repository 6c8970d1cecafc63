"""Patterns on disk: ``.json``, one line a track, made to be edited by hand; or a standard MIDI file."""

import json
from pathlib import Path
from typing import Any

from lgr.drums.midi import read_midi, write_midi
from lgr.drums.pattern import Pattern, Track
from lgr.errors import ArgumentError
from lgr.files import atomic_path, lgr_version

FORMAT, FORMAT_VERSION = "lgr-pattern", 1
MIDI = (".mid", ".midi")


def save_pattern(pattern: Pattern, path: str | Path, *, force: bool = False) -> Path:
    """Write a pattern as ``.json`` or ``.mid``; an existing file is kept unless ``force``.

    Raises
    ------
    ArgumentError : another ending
    LgrError : ``path`` cannot be written, or exists and not ``force``
    MissingPackageError : MIDI without mido

    Examples
    --------
    >>> from lgr.drums import default_pattern, load_pattern, save_pattern
    >>> beat = default_pattern(["Kick", "Snare"], tempo=90)
    >>> save_pattern(beat, "beat.json").name, load_pattern("beat.json") == beat
    ('beat.json', True)
    """
    path = Path(path).expanduser()
    if path.suffix.lower() not in (".json", *MIDI):
        raise ArgumentError(f"path of a pattern must end in .json or .mid, got {path}")
    with atomic_path(path, force=force) as temporary:
        if path.suffix.lower() in MIDI:
            write_midi(pattern, temporary)
        else:
            temporary.write_text(to_json(pattern), encoding="utf-8", newline="")
    return path


def load_pattern(path: str | Path) -> Pattern:
    """Read a pattern from ``.json``, or from a MIDI file as ``lgr.drums.midi`` says.

    Raises
    ------
    ArgumentError : the file is missing, not a pattern, or says something a pattern cannot be
    MissingPackageError : MIDI without mido
    """
    path = Path(path).expanduser()
    if path.suffix.lower() not in (".json", *MIDI):
        raise ArgumentError(f"path of a pattern must end in .json or .mid, got {path}")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ArgumentError(f"pattern {path} cannot be read: {error.strerror or error}") from error
    try:
        return read_midi(content) if path.suffix.lower() in MIDI else from_json(content)
    except ArgumentError as error:
        raise ArgumentError(f"pattern {path}: {error}") from error


def to_json(pattern: Pattern) -> str:
    """A pattern as JSON text, a line a track."""
    head = {"format": FORMAT, "version": FORMAT_VERSION, "lgr": lgr_version()}
    head |= {"tempo": pattern.tempo, "swing": pattern.swing}
    lines = [f" {json.dumps(key)}: {json.dumps(value)}," for key, value in head.items()]
    tracks = [
        f'  {{"class": {json.dumps(track.label, ensure_ascii=False)}, "steps": {json.dumps(track.steps)}}}'
        for track in pattern.tracks
    ]
    return "\n".join(["{", *lines, ' "tracks": [', ",\n".join(tracks), " ]", "}"]) + "\n"


def from_json(content: bytes) -> Pattern:
    """The pattern of a JSON file's bytes; ``ArgumentError`` says what is wrong with it."""
    try:
        data = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ArgumentError(f"it must be JSON, got what cannot be read: {error}") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ArgumentError(f'it must say "format": "{FORMAT}", as what `lgr drums --json` writes, and does not')
    if data.get("version") != FORMAT_VERSION:
        raise ArgumentError(f"version must be {FORMAT_VERSION}, got {data.get('version')!r}")
    _check_keys("the pattern", data, {"format", "version", "lgr", "tempo", "swing", "tracks"}, {"tracks"})
    if not isinstance(data["tracks"], list):
        raise ArgumentError(f"tracks must be a list, got {data['tracks']!r}")
    tracks = []
    for i, track in enumerate(data["tracks"]):
        if not isinstance(track, dict):
            raise ArgumentError(f"track {i + 1} must be an object with a class and steps, got {track!r}")
        _check_keys(f"track {i + 1}", track, {"class", "steps"}, {"class", "steps"})
        tracks.append(Track(track["class"], track["steps"]))
    return Pattern(tracks=tuple(tracks), **{key: data[key] for key in ("tempo", "swing") if key in data})


def _check_keys(what: str, data: dict[str, Any], known: set[str], needed: set[str]) -> None:
    missing, strange = sorted(needed - data.keys()), sorted(data.keys() - known)
    if missing:
        raise ArgumentError(f"{what} must have {' and '.join(missing)}, got {', '.join(sorted(data)) or 'nothing'}")
    if strange:
        raise ArgumentError(f"{what} must have no more than {', '.join(sorted(known))}, got {', '.join(strange)}")
