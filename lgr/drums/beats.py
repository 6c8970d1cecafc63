"""The pattern that plays where none is given: a beat for whatever classes a model has."""

from collections.abc import Sequence

from lgr.drums.general_midi import drum_name, drum_note
from lgr.drums.pattern import MOST_TRACKS, Pattern, Track
from lgr.errors import ArgumentError

LABELLESS_TRACKS = 8
VELOCITIES = {"X": 120, "x": 95, "o": 60, ".": 0}
BEATS = {
    "Kick": "X..x..X...x.....",
    "Snare": "....X.......X..o",
    "Hat": "x.o.x.o.x.o.x.oo",
    "Clap": "............x...",
    "Crash": "x...............",
    "Ride": "..o...o...o...o.",
    "Tom": ".............o.x",
    "Cowbell": "...o......o.....",
}
#: For classes that are no drums: one after the other, dense and sparse in turn.
OTHERS = (
    "X.......x.......",
    "..x...x...x...x.",
    "X...............",
    "......o.......x.",
    "x..o..x..o..x..o",
    "........X.......",
    "o..o..o..o..o..o",
    ".......x.......x",
)


def default_pattern(labels: Sequence[str | None], *, tempo: float = 120.0, swing: float = 0.5) -> Pattern:
    """Sixteen steps, a track a class, the first sixteen classes; eight tracks of no class where there are no labels.

    A class that is a drum's name gets that drum's part, any other one of ``OTHERS``.

    Examples
    --------
    >>> from lgr.drums import default_pattern
    >>> beat = default_pattern(["Kick", "Pad"], tempo=174)
    >>> [len(track.hits) for track in beat.tracks]
    [4, 2]
    """
    if isinstance(labels, str):
        raise ArgumentError(f"labels must be a list of classes, got the text {labels!r}")
    chosen = list(labels)[:MOST_TRACKS] or [None] * LABELLESS_TRACKS
    tracks, others = [], 0
    for label in chosen:
        beat = BEATS.get(drum_name(drum_note(label)) or "")
        if beat is None:
            beat, others = OTHERS[others % len(OTHERS)], others + 1
        tracks.append(Track(label, tuple(VELOCITIES[each] for each in beat)))
    return Pattern(tracks=tuple(tracks), tempo=tempo, swing=swing)
