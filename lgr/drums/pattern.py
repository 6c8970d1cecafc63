"""A pattern: tracks of steps, a sixteenth note each, at a tempo and with a swing. Plain data, no sound in it.

Where a step begins is said once, here, and exactly: what plays a pattern and what writes it as MIDI both ask for it.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

from lgr.errors import ArgumentError

MOST_TRACKS, MOST_STEPS, MOST_VELOCITY = 16, 64, 127
TEMPOS = (20.0, 400.0)  # beats a minute
SWINGS = (0.5, 0.75)
STEPS_PER_BEAT = 4


@dataclass(frozen=True)
class Track:
    """What one voice plays.

    Parameters
    ----------
    label : a model's class, in any case, or None for no class in particular
    steps : a velocity a step, whole numbers from 0 (no hit) to 127, as MIDI counts

    Raises
    ------
    ArgumentError : a label that is no text, no step at all or more than 64, a velocity that is none

    Examples
    --------
    >>> from lgr.drums import Track
    >>> Track("Kick", (127, 0, 0, 0)).hits
    [(0, 127)]
    """

    label: str | None
    steps: tuple[int, ...]

    def __post_init__(self) -> None:
        if self.label is not None and not (isinstance(self.label, str) and _is_text(self.label)):
            raise ArgumentError(f"class of a track must be a name or nothing (null), got {self.label!r}")
        name = "no class" if self.label is None else self.label
        if not isinstance(self.steps, tuple | list):
            raise ArgumentError(f"steps of track {name!r} must be a list of velocities, got {self.steps!r}")
        object.__setattr__(self, "steps", tuple(self.steps))  # JSON has lists only
        if not 1 <= len(self.steps) <= MOST_STEPS:
            raise ArgumentError(f"steps of track {name!r} must be 1 to {MOST_STEPS}, got {len(self.steps)}")
        for i, velocity in enumerate(self.steps):
            if isinstance(velocity, bool) or not isinstance(velocity, int) or not 0 <= velocity <= MOST_VELOCITY:
                raise ArgumentError(
                    f"step {i + 1} of track {name!r} must be a velocity, a whole number from 0 to {MOST_VELOCITY}, "
                    f"got {velocity!r}"
                )

    @property
    def hits(self) -> list[tuple[int, int]]:
        """``(step, velocity)`` of each step that sounds, in their order."""
        return [(step, velocity) for step, velocity in enumerate(self.steps) if velocity]


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """Tracks that go in time together.

    Parameters
    ----------
    tracks : 1 to 16, all of as many steps
    tempo : beats a minute, 20 to 400; a beat is four steps
    swing : what the first step of a pair takes of the pair's time, 0.5 (straight) to 0.75; 2/3 is a triplet's

    Raises
    ------
    ArgumentError : a value outside these

    Examples
    --------
    >>> from lgr.drums import Pattern, Track
    >>> pattern = Pattern(tracks=(Track("Hat", (90,) * 16),), tempo=120, swing=0.6)
    >>> [pattern.onset(step, 24000) for step in range(4)]
    [0, 3600, 6000, 9600]
    """

    tracks: tuple[Track, ...]
    tempo: float = 120.0
    swing: float = 0.5

    def __post_init__(self) -> None:
        object.__setattr__(self, "tracks", tuple(self.tracks))
        if not 1 <= len(self.tracks) <= MOST_TRACKS:
            raise ArgumentError(f"tracks must be 1 to {MOST_TRACKS}, got {len(self.tracks)}")
        for i, track in enumerate(self.tracks):
            if len(track.steps) != self.n_steps:
                raise ArgumentError(
                    f"tracks must all have as many steps, got {self.n_steps} in track 1 and {len(track.steps)} in "
                    f"track {i + 1}"
                )
        check_number("tempo", self.tempo, TEMPOS, "beats a minute")
        check_number("swing", self.swing, SWINGS, "of a pair of steps")

    @property
    def n_steps(self) -> int:
        """Steps of each track."""
        return len(self.tracks[0].steps)

    @property
    def labels(self) -> list[str | None]:
        """The classes of the tracks, in their order."""
        return [track.label for track in self.tracks]

    def position(self, step: int) -> Fraction:
        """Where a step begins, counted in steps: every second one is as late as ``swing`` says."""
        return Fraction(step) if step % 2 == 0 else step - 1 + 2 * Fraction(self.swing)

    def onset(self, step: int, sample_rate: int, loop: int = 0) -> int:
        """The sample on which a step begins, of the pattern's repetition ``loop`` (0 is the first).

        It is the nearest to the exact time (a half goes up), counted from the beginning of all: nothing drifts.
        """
        steps = loop * self.n_steps + self.position(step)
        seconds = steps * 60 / (STEPS_PER_BEAT * Fraction(self.tempo))
        return math.floor(seconds * sample_rate + Fraction(1, 2))


def check_number(name: str, value: float, limits: tuple[float, float], unit: str) -> None:
    """Raise ``ArgumentError`` unless ``value`` is a number within ``limits``."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (number and limits[0] <= value <= limits[1]):
        raise ArgumentError(f"{name} must be {limits[0]:g} to {limits[1]:g} {unit}, got {value!r}")


def _is_text(label: str) -> bool:
    """Whether there is something to read in it, and files can hold it (half a surrogate pair they cannot)."""
    return bool(label.strip()) and label.encode("utf-8", "ignore").decode("utf-8") == label
