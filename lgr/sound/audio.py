"""Sound files in and out: samples as float32 tensors ``(channels, samples)``, nominally in [-1, 1].

Files are read by libsndfile and resampled by soxr. Written formats follow the name: wav (32-bit float), flac (24 bit),
ogg (Vorbis), mp3. Every failure is an ``AudioFileError`` that says what is wrong with which file and what to do.
"""

import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
import torch
from torch import Tensor

from lgr.errors import ArgumentError, AudioFileError, check_shape
from lgr.files import atomic_path
from lgr.sound.audio_files import SUPPORTED, missing

logger = logging.getLogger(__name__)

SUBTYPES = {".wav": "FLOAT", ".flac": "PCM_24", ".ogg": "VORBIS", ".mp3": "MPEG_LAYER_III"}
BLOCK_FRAMES = 65_536  # libsndfile 1.2.2 crashes when a minute of Vorbis is written in one call
MP3_RATES_HZ = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)


@dataclass(frozen=True, kw_only=True)
class AudioInfo:
    """What a file's header says. ``samples`` is per channel."""

    path: Path
    format: str
    subtype: str
    sample_rate: int
    channels: int
    samples: int

    @property
    def duration_seconds(self) -> float:
        """Length in seconds."""
        return self.samples / self.sample_rate


def audio_info(path: str | Path) -> AudioInfo:
    """Read a file's header; ``AudioFileError`` when it is no audio file or holds no sample.

    Examples
    --------
    >>> from lgr.files import assets_dir
    >>> from lgr.sound.audio import audio_info
    >>> info = audio_info(assets_dir() / "audio" / "glass.flac")
    >>> info.sample_rate, info.channels, round(info.duration_seconds, 1)
    (24000, 1, 6.6)
    """
    path = Path(path).expanduser()
    with _open(path) as file:
        return _info(path, file)


def load_audio(path: str | Path, *, sample_rate: int | None = None, channels: int | None = None) -> tuple[Tensor, int]:
    """Read a whole file.

    Parameters
    ----------
    path : str or Path
        Anything that libsndfile reads; ``~`` is expanded.
    sample_rate : int, optional
        Resample to this rate in Hz; as it is in the file by default.
    channels : int, optional
        1 mixes all channels by their mean; 2 repeats a mono channel; by default, and where the file has that many
        already, channels are kept.

    Returns
    -------
    audio : Tensor float32, (channels, samples), at least one sample
    sample_rate : int

    Raises
    ------
    AudioFileError
        The file is missing, a folder, empty, not audio, cut short, or has NaN or infinite samples. A truncated Ogg
        file cannot be told from a shorter one and is read as far as it goes.
    ArgumentError
        The channels asked for cannot be had from this file, or ``sample_rate`` is not a positive integer.

    Examples
    --------
    >>> import lgr
    >>> from lgr.files import assets_dir
    >>> glass = assets_dir() / "audio" / "glass.flac"
    >>> audio, sample_rate = lgr.load_audio(glass)
    >>> audio.shape, sample_rate
    (torch.Size([1, 158797]), 24000)
    >>> lgr.load_audio(glass, sample_rate=8000, channels=2)[0].shape
    torch.Size([2, 52932])
    """
    audio, info = load_whole(path)
    audio = _mix(audio, channels, info.path)
    if sample_rate is None:
        return audio, info.sample_rate
    return resample(audio, info.sample_rate, sample_rate), sample_rate


def load_whole(path: str | Path) -> tuple[Tensor, AudioInfo]:
    """A file as it is, ``(channels, samples)``, and what its header says; raises as ``load_audio``."""
    path = Path(path).expanduser()
    with _open(path) as file:
        info = _info(path, file)
        try:
            data = file.read(dtype="float32", always_2d=True)  # (samples, channels)
        except (soundfile.LibsndfileError, MemoryError) as failure:  # a damaged header may ask for terabytes
            raise AudioFileError(f"{path} is cut short or damaged; export or download it again") from failure
        # An MP3 header may only estimate its length, so only a clear loss counts there.
        if len(data) < file.frames * (0.95 if file.format == "MP3" else 1.0) or _wav_is_cut(file):
            raise AudioFileError(
                f"{path} is cut short after {len(data) / info.sample_rate:.6g} s; export or download it again"
            )
    finite = np.isfinite(data).all(axis=1)
    if not finite.all():
        seconds = int(np.argmin(finite)) / info.sample_rate
        raise AudioFileError(
            f"{path} has {int((~finite).sum())} NaN or infinite samples, the first at {seconds:.6g} s; "
            "export it again, or cut that part out"
        )
    return torch.from_numpy(np.ascontiguousarray(data.T)), info


def _info(path: Path, file: Any) -> AudioInfo:
    return AudioInfo(
        path=path,
        format=file.format,
        subtype=file.subtype,
        sample_rate=int(file.samplerate),
        channels=file.channels,
        samples=file.frames,
    )


def save_audio(path: str | Path, audio: Tensor, sample_rate: int, *, force: bool = False) -> Path:
    """Write a file whole or not at all, in the format that its name says.

    Parameters
    ----------
    path : str or Path
        Ends in .wav (32-bit float, kept as it is), .flac (24 bit), .ogg or .mp3; the last three are clipped to
        [-1, 1], with a warning in the log.
    audio : Tensor, floating point, (channels, samples), finite
    sample_rate : int, Hz
    force : bool
        Replace an existing file.

    Returns
    -------
    Path
        ``path``.

    Raises
    ------
    AudioFileError
        Another suffix, an existing file without ``force``, a folder that is missing or cannot be written to, or a
        rate or number of channels that the format does not have.
    ArgumentError
        ``audio`` has the wrong shape or type, or NaN or infinite samples.

    Examples
    --------
    >>> import lgr, torch
    >>> tone = 0.5 * torch.sin(0.1 * torch.arange(24000.0))[None]
    >>> lgr.save_audio("tone.wav", tone, 24000).name
    'tone.wav'
    >>> bool((lgr.load_audio("tone.wav")[0] == tone).all())
    True
    """
    path = Path(path).expanduser()
    suffix = path.suffix.lower()
    if suffix not in SUBTYPES:
        raise AudioFileError(f"cannot write {path}: the name must end in .wav, .flac, .ogg or .mp3, got {suffix!r}")
    _check_rate("sample_rate", sample_rate)
    check_shape("audio", audio.shape, "(channels, samples), both at least 1", audio.ndim == 2 and audio.numel() > 0)
    if not torch.is_floating_point(audio):
        raise ArgumentError(f"audio must be floating point in [-1, 1], got {audio.dtype}")
    if suffix == ".mp3" and (audio.shape[0] > 2 or sample_rate not in MP3_RATES_HZ):
        raise AudioFileError(
            f"cannot write {path}: mp3 has 1 or 2 channels at {', '.join(map(str, MP3_RATES_HZ))} Hz, "
            f"got {audio.shape[0]} channels at {sample_rate} Hz; write .wav or .flac"
        )
    samples = audio.detach().to("cpu", torch.float32)
    if not bool(torch.isfinite(samples).all()):
        first = int(torch.isfinite(samples).all(dim=0).to(torch.uint8).argmin()) / sample_rate
        raise ArgumentError(f"audio must be finite, got NaN or infinite samples, the first at {first:.6g} s")
    if suffix != ".wav" and float(samples.abs().max()) > 1.0:
        logger.warning("%s: peak %.3f clipped to 1 (a .wav keeps it)", path.name, float(samples.abs().max()))
        samples = samples.clamp(-1.0, 1.0)
    with atomic_path(path, force=force, error=AudioFileError) as temporary:
        try:
            with soundfile.SoundFile(
                temporary,
                "w",
                samplerate=sample_rate,
                channels=samples.shape[0],
                format=suffix[1:].upper(),
                subtype=SUBTYPES[suffix],
            ) as file:
                for start in range(0, samples.shape[1], BLOCK_FRAMES):
                    file.write(np.ascontiguousarray(samples[:, start : start + BLOCK_FRAMES].numpy().T))
        except soundfile.LibsndfileError as failure:
            raise AudioFileError(f"cannot write {path}: {failure.error_string}") from failure
    return path


def resample(audio: Tensor, orig_rate: int, new_rate: int) -> Tensor:
    """Change the sample rate by band-limited interpolation (soxr HQ, linear phase, no delay).

    Parameters
    ----------
    audio : Tensor, (channels, samples)
    orig_rate, new_rate : int, Hz

    Returns
    -------
    Tensor, (channels, round(samples * new_rate / orig_rate)), at least one sample; same device and dtype

    Examples
    --------
    >>> import torch
    >>> from lgr.sound.audio import resample
    >>> resample(torch.zeros(2, 44100), 44100, 24000).shape
    torch.Size([2, 24000])
    """
    check_shape("audio", audio.shape, "(channels, samples), both at least 1", audio.ndim == 2 and audio.numel() > 0)
    _check_rate("orig_rate", orig_rate)
    _check_rate("new_rate", new_rate)
    if orig_rate == new_rate:
        return audio
    length = max(1, round(audio.shape[1] * new_rate / orig_rate))
    data = np.ascontiguousarray(audio.detach().to("cpu", torch.float32).numpy().T)  # soxr wants (samples, channels)
    out = torch.from_numpy(soxr.resample(data, orig_rate, new_rate, quality="HQ")).T[:, :length]
    # soxr rounds on its own, and gives nothing for a handful of samples: complete with silence.
    return torch.nn.functional.pad(out, (0, length - out.shape[1])).contiguous().to(audio)


def _mix(audio: Tensor, channels: int | None, path: Path) -> Tensor:
    have = audio.shape[0]
    if channels is None or channels == have:
        return audio
    if channels == 1:
        return audio.mean(dim=0, keepdim=True)
    if channels == 2 and have == 1:
        return audio.repeat(2, 1)
    raise ArgumentError(
        f"channels must be 1 (mix all), 2 from mono, or {have} (as in the file) for {path}, got {channels}; "
        "mix the file down first, or ask for 1 channel"
    )


def _check_rate(name: str, rate: int) -> None:
    if not isinstance(rate, int) or isinstance(rate, bool) or rate <= 0:
        raise ArgumentError(f"{name} must be a positive whole number of Hz, got {rate!r}")


def _wav_is_cut(file: Any) -> bool:
    """Whether a WAV's data chunk says it is longer than the file: libsndfile mends that silently, but logs it."""
    if file.format not in ("WAV", "WAVEX"):
        return False
    said = re.search(r"data : (\d+) \(should be (\d+)\)", file.extra_info)
    # Programs that write to a pipe leave the largest length there, and those files are whole.
    return said is not None and int(said[2]) < int(said[1]) < 2**31 - 1


def _open(path: Path) -> Any:
    """An open ``soundfile.SoundFile``, or an ``AudioFileError`` that says why there is none."""
    try:
        if not path.exists():
            raise AudioFileError(missing(path))
        if path.is_dir():
            raise AudioFileError(f"{path} is a folder; name an audio file in it")
        with path.open("rb") as stream:
            head = stream.read(512)
    except OSError as failure:
        if isinstance(failure, AudioFileError):
            raise
        raise AudioFileError(f"cannot read {path}: {failure.strerror or failure}") from failure
    if not head:
        raise AudioFileError(f"{path} is empty (0 bytes); export or download it again")
    try:
        file = soundfile.SoundFile(path)
    except (soundfile.LibsndfileError, TypeError) as failure:  # TypeError: headerless .raw wants a rate
        if b"\0" not in head and not any(byte > 127 for byte in head):
            raise AudioFileError(
                f"{path} holds text, not audio (a web page, or a Git LFS pointer?); download or export it again"
            ) from failure
        raise AudioFileError(
            f"{path} is damaged or in a format that cannot be read; convert it to {SUPPORTED} "
            "(ffmpeg -i INPUT OUTPUT.wav does)"
        ) from failure
    if 0 < file.frames < 2**62:
        return file
    file.close()
    if file.frames == 0:
        raise AudioFileError(f"{path} holds no samples; export it again")
    # A FLAC written to a pipe: libsndfile takes its length for 2**63 - 1 and cannot read to its end.
    raise AudioFileError(f"{path} does not say how long it is; rewrite it (ffmpeg -i INPUT OUTPUT.flac does)")
