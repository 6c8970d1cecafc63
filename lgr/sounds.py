"""From files to what is compared: audio, latents, features, levels and pitch of a recording."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lgr.codebook import CodebookConfig
from lgr.codecs.base import Codec
from lgr.errors import ArgumentError, CodebookError, LgrError, MissingPackageError, check_shape
from lgr.files import sha256
from lgr.latents.embedding import LearnedEmbedding, load_embedding
from lgr.sound.audio import AudioInfo, audio_info, load_whole, resample
from lgr.sound.level import gained, levelling_gain_db
from lgr.sound.pitch import pitch_frames
from lgr.sound.recording import Recording

Sound = str | Path | tuple[Tensor, int]
"""A file, or audio ``(channels, samples)`` with its sample rate."""


MAX_SPEED = 8.0  # of an augmentation: a typing error should not make hours of audio


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
    audio = _at_rate(audio, sample_rate, codec.info.sample_rate, augmentation)
    if codec.info.channels == 2 and audio.shape[0] == 1:
        audio = audio.repeat(2, 1)
    return audio


def _at_rate(audio: Tensor, sample_rate: int, rate: int, augmentation: Recording | None) -> Tensor:
    if audio.shape[0] > 2:
        audio = audio.mean(0, keepdim=True)
    speed = 1.0 if augmentation is None else _speed(augmentation)
    # Played faster, as a tape: pitch and duration change together, and no second resampling is needed.
    audio = resample(audio, round(sample_rate * speed), rate)
    return audio if augmentation is None else _augmented(audio, augmentation, rate)


def recording_audio(recording: Recording, what: str = "recording") -> Tensor:
    """Audio ``(channels, samples)`` of a score's recording, augmented as it was, at the rate of its file.

    One channel or two, as ``read`` gives it, but before any codec. ``CodebookError`` as ``unchanged``.
    """
    audio, info = load_whole(unchanged(recording, what))
    return _at_rate(with_length(audio, info.samples), info.sample_rate, info.sample_rate, recording)


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


def pitch_descriptor(audio: Tensor, recording: Recording, codec: Codec, frames: int) -> Tensor:
    """The pitch descriptor (lgr/sound/pitch.py) of a recording's audio, one column a frame of the codec.

    At the level at which it is encoded, so that what is too quiet to have a pitch does not depend on a gain.
    """
    info = codec.info
    levelled = gained(audio.mean(0), recording.level_gain_db)
    return with_length(pitch_frames(levelled, info.sample_rate, info.hop_length), frames)


def _pair(sound: Any, name: str) -> tuple[Tensor, int]:
    """The two of a pair, if they are audio and a sample rate."""
    if len(sound) != 2 or not isinstance(sound[0], Tensor) or not isinstance(sound[1], int):
        given = ", ".join(type(each).__name__ for each in sound)
        raise ArgumentError(f"{name} must be a file or (audio Tensor, sample rate in Hz), got ({given})")
    return sound[0], sound[1]


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
