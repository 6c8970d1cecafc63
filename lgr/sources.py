"""From recordings to a codebook of their grains, with changed copies of them where those are asked for.

Copies are made from the originals only, never from each other.
"""

import operator
from collections.abc import Sequence
from dataclasses import replace

from lgr.codebook import CodebookConfig, GrainCodebook
from lgr.codecs.base import Codec
from lgr.errors import ArgumentError, CodebookError
from lgr.latents.embedding import LearnedEmbedding
from lgr.progress import Progress
from lgr.sound.level import levelling_gain_db
from lgr.sound.recording import Recording
from lgr.sounds import (
    Sound,
    check_sources,
    describe,
    encode_levelled,
    feature_source,
    frame_levels_db,
    lane_features,
    pitch_descriptor,
    read,
    unchanged,
)

MAX_SEMITONES = 36  # of a transposition: the same, three octaves
MAX_TRANSPOSED_HOURS = 4.0  # of transposed copies, all together: some 3 GB with the bundled codec


def with_pitch(codebook: GrainCodebook, codec: Codec, progress: Progress | None = None) -> GrainCodebook:
    """A codebook that knows the pitch of its grains: itself, or made of its recordings, if they are where they were.

    ``CodebookError`` where one is gone, has changed, or was never in a file.
    """
    if codebook.has_pitch:
        return codebook
    found = []
    for i, (recording, frames) in enumerate(zip(codebook.recordings_, codebook.frames_, strict=True)):
        if progress is not None:
            progress("hearing pitch", i, len(codebook.recordings_))
        try:
            audio = read(unchanged(recording, "recording"), codec, recording)
        except CodebookError as error:
            raise CodebookError(
                f"the codebook was built before pitch was known, and is to weigh it: {error}; build it again, or set "
                "pitch to 0"
            ) from error
        found.append(pitch_descriptor(audio, recording, codec, frames))
    return codebook.knowing_pitch(found)


def with_augmentations(recordings: Sequence[Recording], augmentations: Sequence[str]) -> list[Recording]:
    """The originals, then each of them under each augmentation (``"speed=1.12"``, ``"gain=-6"``, ``"pitch=3"``).

    Examples
    --------
    >>> from lgr import Recording
    >>> from lgr.sources import with_augmentations
    >>> recordings = with_augmentations([Recording("rain", "", 24000, 48000)], ["gain=-6", "speed=2"])
    >>> [recording.name for recording in recordings]
    ['rain', 'rain (gain=-6)', 'rain (speed=2)']
    """
    added = [
        replace(r, name=f"{r.name} ({augmentation})", augmentation=augmentation, original=i)
        for augmentation in augmentations
        for i, r in enumerate(recordings)
    ]
    return [*recordings, *added]


def check_transpose(transpose: Sequence[int]) -> tuple[int, int]:
    """The lowest and the highest semitones of a transposition; ``ArgumentError`` unless they are that."""
    try:
        low, high = map(operator.index, transpose)
    except (TypeError, ValueError):
        low, high = 1, 0  # refused
    if not -MAX_SEMITONES <= low <= high <= MAX_SEMITONES:
        raise ArgumentError(
            "transpose must be the lowest and the highest semitones, whole numbers within "
            f"{-MAX_SEMITONES} and {MAX_SEMITONES}, got {transpose!r}"
        )
    return low, high


def transpositions(low: int, high: int) -> list[str]:
    """The augmentations that transpose by each of ``low`` to ``high`` semitones.

    Examples
    --------
    >>> from lgr.sources import transpositions
    >>> transpositions(-1, 2)
    ['transpose=-1', 'transpose=1', 'transpose=2']
    """
    return [f"transpose={semitones}" for semitones in range(low, high + 1) if semitones]


def build_codebook(
    sounds: Sequence[Sound],
    codec: Codec,
    config: CodebookConfig | None = None,
    *,
    weights: Sequence[float] | None = None,
    augmentations: Sequence[str] = (),
    transpose: tuple[int, int] = (0, 0),
    pitch: bool = True,
    progress: Progress | None = None,
) -> GrainCodebook:
    """Encode recordings and fit a codebook on them.

    Parameters
    ----------
    sounds : files, or (audio, sample_rate) pairs; at least one
    weights : one number >= 0 a sound, how readily its grains are chosen
    augmentations : see ``with_augmentations``
    transpose : lowest and highest semitones; a copy of every sound for each of them, but for those that leave less than
        a grain
    pitch : whether matching can weigh it later; hearing it takes half the time of encoding
    progress : called before each recording is encoded

    Returns
    -------
    GrainCodebook : fitted, of the originals and then their augmented copies

    Raises
    ------
    AudioFileError, ArgumentError, CodebookError : a sound cannot be read, is silent throughout or shorter than a grain

    Examples
    --------
    >>> import lgr
    >>> from lgr.files import assets_dir
    >>> clips = assets_dir() / "audio"
    >>> codec, config = lgr.load_codec("toy"), lgr.CodebookConfig(grain_frames=2, silence_db=-60)
    >>> codebook = lgr.build_codebook([clips / "glass.flac"], codec, config, augmentations=["speed=0.5"])
    >>> [recording.name for recording in codebook.recordings_]
    ['glass', 'glass (speed=0.5)']
    """
    config = config or CodebookConfig()
    check_sources(sounds)
    if weights is not None and len(weights) != len(sounds):
        raise ArgumentError(f"weights must be one number for each of {len(sounds)} sources, got {len(weights)}")
    named = [describe(sound, name=f"source {i + 1}") for i, sound in enumerate(sounds)]
    if weights is not None:
        named = [replace(r, weight=float(w)) for r, w in zip(named, weights, strict=True)]
    _check_transposed_length(named, transpose)
    recordings = with_augmentations(named, [*augmentations, *transpositions(*transpose)])
    source = feature_source(codec, config)
    if isinstance(source, LearnedEmbedding):
        config = replace(config, embedding=source.reference)  # which one it was, weights and all, stays with the grains
    kept: list[Recording] = []
    latents, features, levels, sung, heard = [], [], [], [], False
    for i, recording in enumerate(recordings):
        if progress is not None:
            progress("encoding sources", i, len(recordings))
        audio = read(sounds[i if recording.original is None else recording.original], codec, recording)
        if recording.transposed_semitones and codec.info.frames(audio.shape[1]) < config.grain_frames:
            continue
        heard = heard or bool(audio.abs().max() > 0)
        if recording.original is None:
            gain = levelling_gain_db(audio, codec.info.sample_rate)
        else:  # a copy is louder or quieter than its original as it was meant to be
            gain = kept[recording.original].level_gain_db
        kept.append(recording := replace(recording, level_gain_db=gain))
        encoded = encode_levelled(audio, recording, codec)
        latents.append(encoded)
        features.append(lane_features(encoded, source))
        levels.append(frame_levels_db(audio, codec, encoded.shape[2]))
        if pitch:
            sung.append(pitch_descriptor(audio, recording, codec, encoded.shape[2]))
    if not heard:
        raise ArgumentError("sources must hold some sound, got digital silence in every recording")
    if progress is not None:
        progress("encoding sources", len(recordings), len(recordings))
    return GrainCodebook(config).fit(
        latents, kept, features=features, levels_db=levels, pitch=sung or None, codec=codec.info
    )


def _check_transposed_length(recordings: Sequence[Recording], transpose: tuple[int, int]) -> None:
    low, high = check_transpose(transpose)
    times = sum(2 ** (-semitones / 12) for semitones in range(low, high + 1) if semitones)
    hours = times * sum(r.duration_seconds for r in recordings) / 3600
    if hours > MAX_TRANSPOSED_HOURS:
        raise ArgumentError(
            f"transpose must make at most {MAX_TRANSPOSED_HOURS:g} hours of transposed copies, got {hours:.1f} "
            f"({low} to {high} semitones): use fewer semitones or shorter sources"
        )
