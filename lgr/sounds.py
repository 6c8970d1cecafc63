"""From files to what a codebook is made of: audio, latents, features and levels of recordings, originals and augmented.

Augmentations are made from the originals only, never from each other's output.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lgr.codebook import CodebookConfig, GrainCodebook
from lgr.codecs.base import Codec
from lgr.errors import ArgumentError, CodebookError, LgrError, MissingPackageError, check_shape
from lgr.files import sha256
from lgr.latents.embedding import LearnedEmbedding, load_embedding
from lgr.progress import Progress
from lgr.sound.audio import AudioInfo, audio_info, load_whole, resample
from lgr.sound.level import gained, levelling_gain_db
from lgr.sound.pitch import pitch_frames
from lgr.sound.recording import Recording

Sound = str | Path | tuple[Tensor, int]
"""A file, or audio ``(channels, samples)`` with its sample rate."""


MAX_SPEED = 8.0  # of an augmentation: a typing error should not make hours of audio
MAX_SEMITONES = 36  # of a transposition: the same, three octaves
MAX_TRANSPOSED_HOURS = 4.0  # of transposed copies, all together: some 3 GB with the bundled codec


def describe(sound: Sound, *, name: str = "audio") -> Recording:
    """The ``Recording`` of a sound; its file is fingerprinted, so that a later render knows it again.

    Examples
    --------
    >>> from lgr.files import assets_dir
    >>> from lgr.sounds import describe
    >>> rain = describe(assets_dir() / "audio" / "rain.flac")
    >>> rain.name, rain.sample_rate, len(rain.sha256)
    ('rain', 24000, 64)
    """
    if isinstance(sound, tuple):
        audio, sample_rate = _pair(sound, name)
        check_shape(name, audio.shape, "(channels, samples), both at least 1", audio.ndim == 2 and audio.numel() > 0)
        if not torch.is_floating_point(audio):
            raise ArgumentError(f"{name} must be floating point in [-1, 1], got {audio.dtype}")
        if not bool(torch.isfinite(audio).all()):
            raise ArgumentError(f"{name} must be finite, got NaN or infinite samples")
        return Recording(name, "", sample_rate, audio.shape[1], channels=audio.shape[0])
    return _recording(audio_info(sound))


def _recording(info: AudioInfo) -> Recording:
    path = info.path
    return Recording(
        path.stem, str(path.resolve()), info.sample_rate, info.samples, sha256(path), channels=info.channels
    )


def hear(sound: Sound, codec: Codec, *, name: str = "audio") -> tuple[Recording, Tensor]:
    """What ``describe`` and ``read`` give of a sound, a file being read once, and the gain at which it is encoded."""
    if isinstance(sound, tuple):
        recording, audio = describe(sound, name=name), read(sound, codec)
    else:
        whole, info = load_whole(sound)
        recording = _recording(info)
        audio = _at_codec(with_length(whole, info.samples), info.sample_rate, codec, None)
    return replace(recording, level_gain_db=levelling_gain_db(audio, codec.info.sample_rate)), audio


def read(sound: Sound, codec: Codec, augmentation: Recording | None = None) -> Tensor:
    """Audio ``(channels, samples)`` of a sound at the codec's rate, augmented as ``augmentation`` says.

    More channels than two are mixed to one; a stereo codec gets two. The length is that of ``describe``, resampled.
    """
    if isinstance(sound, tuple):
        return _at_codec(sound[0].detach().float(), sound[1], codec, augmentation)
    # At its own rate first: a file with too many channels can only be judged once it is read. An MP3's header may only
    # estimate its length, but all that is counted is counted by the header.
    audio, info = load_whole(sound)
    return _at_codec(with_length(audio, info.samples), info.sample_rate, codec, augmentation)


def _at_codec(audio: Tensor, sample_rate: int, codec: Codec, augmentation: Recording | None) -> Tensor:
    rate = codec.info.sample_rate
    if audio.shape[0] > 2:
        audio = audio.mean(0, keepdim=True)
    speed = 1.0 if augmentation is None else _speed(augmentation)
    # Played faster, as a tape: pitch and duration change together, and no second resampling is needed.
    audio = resample(audio, round(sample_rate * speed), rate)
    if augmentation is not None:
        audio = _augmented(audio, augmentation, rate)
    if codec.info.channels == 2 and audio.shape[0] == 1:
        audio = audio.repeat(2, 1)
    return audio


def unchanged(recording: Recording, what: str = "") -> Path:
    """The file of a score's recording; ``CodebookError`` unless it is where it was and as it was.

    ``what`` says what it is to the score: "target", "recording".
    """
    name = f"{what} " if what else ""
    if not recording.path:
        raise CodebookError(f"score: {name}{recording.name!r} was never in a file, so its sound cannot be found again")
    try:
        same = sha256(recording.path) == recording.sha256
    except LgrError as error:
        raise CodebookError(
            f"score: {name}{recording.path} is gone or cannot be read; put it back, or edit the score's path to where "
            "it is now"
        ) from error
    if not same:
        raise CodebookError(f"score: {name}{recording.path} has changed since the score was made; restore that file")
    return Path(recording.path)


def check_sources(sources: Sequence[Sound]) -> None:
    """Raise ``ArgumentError`` unless ``sources`` are several sounds, or one in a list."""
    if isinstance(sources, str | Path):
        raise ArgumentError(f"sources must be a list of sounds, got one: [{str(sources)!r}] is a list of it")
    if not sources:
        raise ArgumentError("sources must name at least one recording, got none")


def check_heard(audio: Tensor, recording: Recording) -> None:
    """Raise ``ArgumentError`` for a target of digital silence."""
    if not bool(audio.abs().max() > 0):
        raise ArgumentError(f"target must hold some sound, got digital silence in {recording.name!r}")


def with_length(audio: Tensor, samples: int) -> Tensor:
    """``audio`` (channels, any) cut, or completed with silence, to exactly ``samples`` samples."""
    missing = samples - audio.shape[1]
    return torch.nn.functional.pad(audio, (0, missing)) if missing > 0 else audio[:, :samples]


def encode_lanes(audio: Tensor, codec: Codec, *, extra: int = 0) -> Tensor:
    """Latents ``(lanes, latent_dim, frames)`` of audio ``(channels, samples)``.

    A mono codec encodes the channels of a stereo file as two lanes of a batch. ``extra`` samples of silence are put at
    the end (a causal codec with look-ahead needs them to finish the last hop).

    Examples
    --------
    >>> import torch
    >>> from lgr.codecs import ToyCodec
    >>> from lgr.sounds import decode_lanes, encode_lanes
    >>> stereo = 0.1 * torch.randn(2, 3200, generator=torch.Generator().manual_seed(0))
    >>> latents = encode_lanes(stereo, ToyCodec())
    >>> latents.shape  # two lanes of a mono codec
    torch.Size([2, 320, 10])
    >>> torch.allclose(decode_lanes(latents, ToyCodec()), stereo, atol=1e-6)
    True
    """
    if extra:
        audio = torch.nn.functional.pad(audio, (0, extra))
    return codec.encode(audio.unsqueeze(0) if codec.info.channels == 2 else audio.unsqueeze(1))


def encode_levelled(audio: Tensor, recording: Recording, codec: Codec, *, extra: int = 0) -> Tensor:
    """``encode_lanes`` of a recording's audio at the level at which it is compared with others."""
    return encode_lanes(gained(audio, recording.level_gain_db), codec, extra=extra)


def decode_lanes(latents: Tensor, codec: Codec) -> Tensor:
    """Audio ``(channels, samples)`` of latents ``(lanes, latent_dim, frames)``: the inverse of ``encode_lanes``."""
    audio = codec.decode(latents)
    return audio.squeeze(0) if codec.info.channels == 2 else audio.squeeze(1)


def lane_features(latents: Tensor, source: Codec | LearnedEmbedding) -> Tensor:
    """What matching reads: the mean over lanes of the codec's or an embedding's features, ``(feature_dim, frames)``."""
    return source.features(latents).mean(0)


def feature_source(codec: Codec, config: CodebookConfig) -> Codec | LearnedEmbedding:
    """Whose ``features`` a codebook of this configuration is made of: the embedding's for "learned", else the codec's.

    Raises
    ------
    WeightsError, CodebookError : the embedding is not there, damaged, another codec's or not the one that was named
    """
    return load_embedding(codec.info, config.embedding) if config.metric == "learned" else codec


def frame_levels_db(audio: Tensor, codec: Codec, frames: int) -> Tensor:
    """RMS level of each hop in dB under full scale, ``(frames,)``, over all channels; -200 for digital silence.

    Examples
    --------
    >>> import torch
    >>> from lgr.codecs import ToyCodec
    >>> from lgr.sounds import frame_levels_db
    >>> frame_levels_db(torch.full((1, 960), 0.1), ToyCodec(), 3)
    tensor([-20., -20., -20.])
    """
    hop = codec.info.hop_length
    padded = torch.nn.functional.pad(audio, (0, max(0, frames * hop - audio.shape[1])))[:, : frames * hop]
    power = padded.view(audio.shape[0], frames, hop).square().mean((0, 2))
    return 10 * torch.log10(power + 1e-20)


def pitch_descriptor(audio: Tensor, codec: Codec, frames: int) -> Tensor:
    """The pitch descriptor (lgr/sound/pitch.py) of audio ``(channels, samples)``, one column a frame of the codec."""
    info = codec.info
    return with_length(pitch_frames(audio.mean(0), info.sample_rate, info.hop_length), frames)


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
                f"the codebook was built before pitch was known, and is to weigh it: {error}; build it again, or leave "
                "pitch at 0"
            ) from error
        found.append(pitch_descriptor(audio, codec, frames))
    return codebook.knowing_pitch(found)


def with_augmentations(recordings: Sequence[Recording], augmentations: Sequence[str]) -> list[Recording]:
    """The originals, then each of them under each augmentation (``"speed=1.12"``, ``"gain=-6"``, ``"pitch=3"``).

    Examples
    --------
    >>> from lgr import Recording
    >>> from lgr.sounds import with_augmentations
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
    given = tuple(transpose)
    whole = len(given) == 2 and all(isinstance(each, int) for each in given)
    if not (whole and -MAX_SEMITONES <= given[0] <= given[1] <= MAX_SEMITONES):
        raise ArgumentError(
            "transpose must be the lowest and the highest semitones, whole numbers within "
            f"{-MAX_SEMITONES} and {MAX_SEMITONES}, got {', '.join(map(str, given))}"
        )
    return given[0], given[1]


def transpositions(low: int, high: int) -> list[str]:
    """The augmentations that transpose by each of ``low`` to ``high`` semitones.

    Examples
    --------
    >>> from lgr.sounds import transpositions
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
    kept, latents, features, levels, sung, heard = [], [], [], [], [], False
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
            sung.append(pitch_descriptor(audio, codec, encoded.shape[2]))
    if not heard:
        raise ArgumentError("sources must hold some sound, got digital silence in every recording")
    if progress is not None:
        progress("encoding sources", len(recordings), len(recordings))
    return GrainCodebook(config).fit(
        latents, kept, features=features, levels_db=levels, pitch=sung or None, codec=codec.info
    )


def _pair(sound: Any, name: str) -> tuple[Tensor, int]:
    """The two of a pair, if they are audio and a sample rate."""
    if len(sound) != 2 or not isinstance(sound[0], Tensor) or not isinstance(sound[1], int):
        given = ", ".join(type(each).__name__ for each in sound)
        raise ArgumentError(f"{name} must be a file or (audio Tensor, sample rate in Hz), got ({given})")
    return sound[0], sound[1]


def _check_transposed_length(recordings: Sequence[Recording], transpose: tuple[int, int]) -> None:
    low, high = check_transpose(transpose)
    times = sum(2 ** (-semitones / 12) for semitones in range(low, high + 1) if semitones)
    hours = times * sum(r.duration_seconds for r in recordings) / 3600
    if hours > MAX_TRANSPOSED_HOURS:
        raise ArgumentError(
            f"transpose must make at most {MAX_TRANSPOSED_HOURS:g} hours of transposed copies, got {hours:.1f} "
            f"({low} to {high} semitones): use fewer semitones or shorter sources"
        )


def _speed(recording: Recording) -> float:
    if not 1 / MAX_SPEED <= recording.speed <= MAX_SPEED:
        raise ArgumentError(f"augmentation speed must be in [{1 / MAX_SPEED}, {MAX_SPEED}], got {recording.speed}")
    return recording.speed


def _augmented(audio: Tensor, recording: Recording, sample_rate: int) -> Tensor:
    if recording.gain_db:
        audio = audio * 10 ** (recording.gain_db / 20)
    if recording.pitch_semitones:
        try:
            import librosa
        except ImportError as error:
            raise MissingPackageError(
                "augmentation 'pitch' needs librosa: pip install 'lgr[explore]' (or use 'speed', which does not)"
            ) from error
        samples = audio.shape[1]
        whole = with_length(audio, max(samples, 2048))  # librosa warns of less than one of its windows
        shifted = librosa.effects.pitch_shift(whole.numpy(), sr=sample_rate, n_steps=recording.pitch_semitones)
        audio = torch.from_numpy(shifted[:, :samples]).float()
    return audio
