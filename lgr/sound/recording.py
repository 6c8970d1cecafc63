"""A recording: the file that grains were taken from, or the target that they play.

Codebooks and scores both speak of recordings, and both write them into their files, so the type lives below them.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from lgr.errors import ArgumentError, CodebookError

#: What ``Recording.augmentation`` may name, and what each number means.
AUGMENTATIONS = {
    "gain": "decibels",
    "pitch": "semitones, duration kept",
    "speed": "playback rate, pitch and duration change together",
    "transpose": "semitones, played faster or slower as a sampler does",
}


@dataclass(frozen=True)
class Recording:
    """One audio file as grains refer to it.

    Parameters
    ----------
    name : what people see (a file's stem, usually)
    path : the audio file; "" for audio that is in no file
    sample_rate : int > 0, Hz, of the file
    samples : int >= 0, length of the file at ``sample_rate``
    sha256 : of the file's bytes, as 64 hexadecimal digits; "" where there is no file
    weight : float >= 0, how readily its grains are chosen relative to other recordings; 0 never
    augmentation : what was done to the file before it was encoded: "" or ``key=number`` pairs separated by commas,
        of the keys in ``AUGMENTATIONS``, such as ``"pitch=-3,gain=6"``
    channels : int > 0, of the file
    level_gain_db : decibels added before it is encoded, so that recordings are compared alike whatever their level
    original : of an augmented copy, which of the recordings beside it (in a codebook, a score) it is a copy of

    Examples
    --------
    >>> from lgr import Recording
    >>> rain = Recording("rain", "", sample_rate=24000, samples=48000)
    >>> rain.duration_seconds
    2.0
    >>> Recording("rain, deeper", "", 24000, 48000, augmentation="speed=0.5,gain=6").gain_db
    6.0
    """

    name: str
    path: str
    sample_rate: int
    samples: int
    sha256: str = ""
    weight: float = 1.0
    augmentation: str = ""
    channels: int = 1
    level_gain_db: float = 0.0
    original: int | None = None

    def __post_init__(self) -> None:
        if self.sample_rate <= 0 or self.channels <= 0 or self.samples < 0:
            raise ArgumentError(
                f"recording {self.name!r} must have sample_rate > 0, channels > 0 and samples >= 0, "
                f"got {self.sample_rate}, {self.channels} and {self.samples}"
            )
        if not (math.isfinite(self.weight) and self.weight >= 0):
            raise ArgumentError(f"weight of recording {self.name!r} must be a finite number >= 0, got {self.weight}")
        if not math.isfinite(self.level_gain_db):
            raise ArgumentError(f"level_gain_db of recording {self.name!r} must be finite, got {self.level_gain_db}")
        if self.original is not None and self.original < 0:
            raise ArgumentError(
                f"original of recording {self.name!r} must be the index of a recording, got {self.original}"
            )
        self._augmentations()  # a typing error is refused here, not where the number is needed

    @property
    def duration_seconds(self) -> float:
        return self.samples / self.sample_rate

    @property
    def gain_db(self) -> float:
        """Decibels added to the file before encoding (0 without a gain augmentation)."""
        return self._augmentations().get("gain", 0.0)

    @property
    def pitch_semitones(self) -> float:
        """Semitones the file was shifted by with its duration kept."""
        return self._augmentations().get("pitch", 0.0)

    @property
    def speed(self) -> float:
        """Playback rate the file was resampled to: at 2.0 the grains' second 1 is the file's second 2."""
        return self._augmentations().get("speed", 1.0) * 2 ** (self.transposed_semitones / 12)

    @property
    def transposed_semitones(self) -> float:
        """Semitones the file was transposed by, its duration changing with it."""
        return self._augmentations().get("transpose", 0.0)

    def _augmentations(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for pair in filter(None, self.augmentation.split(",")):
            key, _, text = pair.partition("=")
            try:
                value = float(text)
            except ValueError:
                value = math.nan
            if key.strip() not in AUGMENTATIONS or not math.isfinite(value) or (key.strip() == "speed" and value <= 0):
                raise ArgumentError(
                    f"augmentation of recording {self.name!r} must be pairs such as 'pitch=-3,gain=6' of "
                    f"{', '.join(AUGMENTATIONS)} (speed > 0), got {self.augmentation!r}"
                )
            found[key.strip()] = value
        return found

    def to_json(self) -> dict[str, Any]:
        data = asdict(self)
        if self.original is None:
            del data["original"]
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of ``to_json``; raises ``CodebookError`` for anything else."""
        try:
            return cls(**data)
        except (TypeError, ArgumentError) as error:
            raise CodebookError(f"not the description of a recording ({error}): {data!r}") from error
