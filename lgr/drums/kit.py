"""A kit: a voice a track, drawn by one model from a seed, each of them replaceable without touching the others."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from lgr.codecs.trained import TrainedCodec
from lgr.drums.pattern import MOST_TRACKS
from lgr.drums.voice import Voice, draw_voice, morph_voices, voice_series
from lgr.errors import ArgumentError
from lgr.one_shots import temporal_of


@dataclass(frozen=True, eq=False)
class Kit:
    """Voices of one model.

    Parameters
    ----------
    codec, codec_version : name and fingerprint of the model; only that one can change the kit
    sample_rate : int, Hz, of its sounds
    voices : 1 to 16
    """

    codec: str
    codec_version: str
    sample_rate: int
    voices: tuple[Voice, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "voices", tuple(self.voices))
        if not 1 <= len(self.voices) <= MOST_TRACKS:
            raise ArgumentError(f"voices must be 1 to {MOST_TRACKS}, got {len(self.voices)}")

    @property
    def labels(self) -> list[str | None]:
        """The classes of the voices, in their order."""
        return [voice.label for voice in self.voices]

    def voice(self, number: int) -> Voice:
        """Voice ``number``, counted from 0; ``ArgumentError`` where there is none."""
        if not 0 <= number < len(self.voices):
            raise ArgumentError(f"a voice must be one of the kit's {len(self.voices)}, got number {number + 1}")
        return self.voices[number]

    def with_voice(self, number: int, voice: Voice) -> "Kit":
        """The same kit with another voice ``number``; the others are the very same objects."""
        self.voice(number)
        return replace(self, voices=(*self.voices[:number], voice, *self.voices[number + 1 :]))

    def for_labels(self, labels: Sequence[str | None]) -> list[Voice]:
        """A voice for each of these classes: the second track of a class takes its second voice, where there is one.

        Raises
        ------
        ArgumentError : a class that no voice has
        """
        met: Counter[str | None] = Counter()
        chosen = []
        for label in labels:
            own = [voice for voice in self.voices if _key(voice.label) == _key(label)]
            if not own:
                have = ", ".join(dict.fromkeys(str(each) for each in self.labels))
                raise ArgumentError(f"class of a track must be one that the kit has ({have}), got {label!r}")
            chosen.append(own[met[_key(label)] % len(own)])
            met[_key(label)] += 1
        return chosen


def draw_kit(codec: TrainedCodec, labels: Sequence[str | None], seed: int, *, frames: int | None = None) -> Kit:
    """A kit from a seed, a voice for each of ``labels``.

    Voices are the one-shots of ``lgr sample``: with the same seed, the second Tom of a kit is the second Tom there. So
    a voice does not depend on what other classes the kit has.

    Parameters
    ----------
    codec : a trained model with a temporal embedding
    labels : 1 to 16 classes, in any case, or None for no class in particular; a pattern's are ``pattern.labels``
    seed : int, of the draws, 0 or more
    frames : length of the voices in latent frames; by default that of the series the embedding was trained on

    Raises
    ------
    ArgumentError : a model without a temporal embedding, a class it does not have, numbers outside the above

    Examples
    --------
    >>> from lgr import load_codec
    >>> from lgr.drums import default_pattern, draw_kit, render_pattern
    >>> codec = load_codec("drums-spectral")
    >>> kit = draw_kit(codec, ["Kick", "Snare", "Hat"], seed=3)
    >>> render_pattern(default_pattern(kit.labels), kit).shape[0]
    1
    """
    temporal_of(codec)
    if not 1 <= len(labels) <= MOST_TRACKS:
        raise ArgumentError(f"labels must be 1 to {MOST_TRACKS} classes, got {len(labels)}")
    found = [None if label is None else codec.find_label(label) for label in labels]
    voices = [
        draw_voice(codec, label, seed, nth=found[:i].count(label), frames=frames) for i, label in enumerate(found)
    ]
    return Kit(codec.info.name, codec.info.version, codec.info.sample_rate, tuple(voices))


def resample_voice(kit: Kit, codec: TrainedCodec, number: int, seed: int) -> Kit:
    """The kit with voice ``number`` (from 0) drawn anew: the first of its class with this seed, as long as it was."""
    check_codec(kit, codec)
    old = kit.voice(number)
    return kit.with_voice(number, draw_voice(codec, old.label, seed, frames=old.frames))


def morph_voice(kit: Kit, codec: TrainedCodec, number: int, towards: int, amount: float) -> Kit:
    """The kit with voice ``number`` gone ``amount`` (0 to 1) of the way to voice ``towards``, both counted from 0."""
    check_codec(kit, codec)
    return kit.with_voice(number, morph_voices(codec, kit.voice(number), kit.voice(towards), amount))


def series_voice(kit: Kit, codec: TrainedCodec, number: int, towards: int, n: int) -> Kit:
    """The kit with a voice ``number`` of ``n`` sounds, from its own to that of ``towards``, for its hits in turn."""
    check_codec(kit, codec)
    return kit.with_voice(number, voice_series(codec, kit.voice(number), kit.voice(towards), n))


def check_codec(kit: Kit, codec: TrainedCodec) -> None:
    """Raise ``ArgumentError`` unless ``codec`` is the model that drew the kit, weights included."""
    info = codec.info
    if (info.version, info.sample_rate) != (kit.codec_version, kit.sample_rate):
        raise ArgumentError(
            f"codec must be the model that drew the kit, {kit.codec} ({kit.codec_version}, {kit.sample_rate} Hz), "
            f"got {info.name} ({info.version}, {info.sample_rate} Hz)"
        )


def _key(label: str | None) -> str | None:
    return None if label is None else label.casefold()
