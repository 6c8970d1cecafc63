"""A sound as integer codes of a codec, a few a frame, and back; and the files that hold them.

A sound is encoded at the level at which lgr encodes (``lgr.sound.level``), lane by lane where a mono codec codes a
stereo file; the gain is kept and undone, and the loudness kept and given back. A file is an ``.npz`` of plain arrays
without pickles, so that any program can read it.
"""

import math
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lgr.codecs.base import Codec, CodecInfo, DiscreteCodec, check_same_codec, codes_version
from lgr.errors import ArgumentError, CodebookError, LgrError, check_shape
from lgr.files import atomic_path
from lgr.rendering import extra_samples, finish, output_rate, samples_at
from lgr.sound.level import gained
from lgr.sound.loudness import BLOCK_SECONDS, LOWEST_RATE, integrated_loudness
from lgr.sound.recording import Recording
from lgr.sounds import Sound, decode_lanes, encode_levelled, hear, with_length

SUFFIX = ".npz"
WHOLE = "iu"  # NumPy's kinds of whole numbers
# of what is not a whole number: NumPy's kinds, and in words
KINDS = {
    **dict.fromkeys(("codec_name", "codec_version", "quantizer"), ("U", "a word")),
    "codec_causal": ("b", "true or false"),
    **dict.fromkeys(("gain_db", "loudness_lufs"), ("f" + WHOLE, "one number")),
}
NUMBERS = ("levels", "entries", "sample_rate", "samples", "gain_db", "loudness_lufs")
MOST_LOUDER_DB = 6.0  # that what is played is made louder or quieter
FORMAT, FORMAT_VERSION = "lgr-codes", 1
MOST_HZ = 1_000_000
# what NumPy and zipfile raise at files that are none of theirs, or damaged
DAMAGE = (OSError, ValueError, EOFError, MemoryError, NotImplementedError, zipfile.BadZipFile, zlib.error)
# of CodecInfo, in a file
OF_CODEC = ("name", "sample_rate", "hop_length", "channels", "latent_dim", "version", "lookahead", "causal")


@dataclass(frozen=True, eq=False)
class Codes:
    """A sound as codes.

    Attributes
    ----------
    codes : int64 Tensor, (lanes, rows, frames), each 0 to ``entries`` - 1; a row for each level, the coarsest first,
        and in ``encodec-48khz`` one more for the loudness
    codec : whose they are
    quantizer : which quantizer of the codec made them; "" for a codec that has only one
    levels, entries : of the quantizer that were used; of each level
    sample_rate, samples : of the sound, Hz and at that rate
    gain_db : that was added before it was encoded
    loudness_lufs : of the sound (BS.1770), which what is played gets again, since few levels are quieter; NaN where it
        cannot be told

    Raises
    ------
    ArgumentError, ShapeError : values that no sound's codes have

    Examples
    --------
    >>> import lgr, torch
    >>> info = lgr.CodecInfo(name="mine", sample_rate=24000, hop_length=320, channels=1, latent_dim=16)
    >>> second = torch.zeros(1, 4, 75, dtype=torch.int64)
    >>> facts = {"levels": 4, "entries": 1024, "sample_rate": 24000, "samples": 24000, "gain_db": 0}
    >>> codes = lgr.Codes(second, info, quantizer="", **facts)
    >>> codes.kbit_per_second, codes.save("second.npz").name
    (3.0, 'second.npz')
    >>> lgr.Codes.load("second.npz").codes.shape
    torch.Size([1, 4, 75])
    """

    codes: Tensor
    codec: CodecInfo
    quantizer: str
    levels: int
    entries: int
    sample_rate: int
    samples: int
    gain_db: float
    loudness_lufs: float = math.nan

    def __post_init__(self) -> None:
        shape = self.codes.shape
        ok = len(shape) == 3 and 0 not in shape and shape[0] <= 2
        check_shape("codes", shape, "(1 or 2 lanes, 1 row or more, 1 frame or more)", ok)
        of = self.codec
        if min(of.sample_rate, of.hop_length, of.channels) < 1 or of.lookahead < 0 or shape[0] * of.channels > 2:
            raise ArgumentError(
                f"codec must have a rate, a hop and 1 channel, or 2 and codes of 1 lane, got {of.sample_rate} Hz, "
                f"a hop of {of.hop_length}, {of.channels} channels and {shape[0]} lanes"
            )
        if self.codes.dtype != torch.int64:
            raise ArgumentError(f"codes must be whole numbers (int64), got {self.codes.dtype}")
        low, high = int(self.codes.min()), int(self.codes.max())
        if not 0 <= low <= high < self.entries:
            raise ArgumentError(f"codes must be 0 to {self.entries - 1}, got {low} to {high}")
        if not 1 <= self.levels <= shape[1]:
            raise ArgumentError(f"levels must be 1 to the {shape[1]} rows of codes, got {self.levels}")
        if not 1 <= self.sample_rate <= MOST_HZ or self.samples < 1:
            raise ArgumentError(
                f"sample_rate must be 1 to {MOST_HZ} Hz and samples at least 1, got {self.sample_rate} and "
                f"{self.samples}"
            )
        if not np.isfinite(self.gain_db):
            raise ArgumentError(f"gain_db must be finite, got {self.gain_db}")
        at_codec = samples_at(self._recording(), self.codec.sample_rate)
        least, most = (self.codec.frames(n) for n in (at_codec, at_codec + extra_samples(self.codec)))
        if not least <= shape[2] <= most:
            wanted = f"{least}" if least == most else f"{least} to {most}"
            raise ArgumentError(
                f"codes must have {wanted} frames for {self.samples} samples at {self.sample_rate} Hz, got {shape[2]}"
            )

    @property
    def kbit_per_second(self) -> float:
        """Thousand bits a second of sound, all lanes: each code in as many bits as its entries need, nothing packed."""
        lanes, rows, _ = self.codes.shape
        return lanes * rows * (self.entries - 1).bit_length() * self.codec.frame_rate / 1000

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write an ``.npz``; an existing file is kept unless ``force``. Codes are of the smallest type that holds them.

        Raises
        ------
        ArgumentError : ``path`` does not end in .npz
        LgrError : it exists, or cannot be written
        """
        path = Path(path)
        if path.suffix.lower() != SUFFIX:
            raise ArgumentError(f"path of codes must end in {SUFFIX}, got {path}")
        held: dict[str, Any] = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "codes": self.codes.numpy().astype(np.min_scalar_type(self.entries - 1)),
            **{f"codec_{name}": getattr(self.codec, name) for name in OF_CODEC},
            "quantizer": self.quantizer,
            **{name: getattr(self, name) for name in NUMBERS},
        }
        with atomic_path(path, force=force) as part, part.open("wb") as file:
            np.savez_compressed(file, **held)
        return path

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what ``save`` wrote.

        Raises
        ------
        LgrError : no file, none that ``save`` wrote, or a damaged one
        """
        path = Path(path).expanduser()
        try:
            with path.open("rb") as file:
                found = _read(file, path)
        except FileNotFoundError as error:
            raise CodebookError(f"{path} does not exist: give a file of codes that `lgr codes` wrote") from error
        except DAMAGE as error:
            if isinstance(error, LgrError):
                raise
            first = str(error).partition("\n")[0] or type(error).__name__
            raise CodebookError(
                f"{path} is damaged or holds no codes ({first}): make it again with `lgr codes`"
            ) from error
        try:
            codes = found.pop("codes")
            if codes.dtype.kind not in WHOLE:
                raise ArgumentError(f"codes must be whole numbers, got {codes.dtype}")
            values = {name: _plain(name, value) for name, value in found.items()}
            codec = CodecInfo.from_json({name: values.pop(f"codec_{name}") for name in OF_CODEC})
            return cls(torch.from_numpy(codes.astype(np.int64)), codec, **values)
        except (LgrError, TypeError, ValueError) as error:
            raise CodebookError(f"{path}: {error}") from error

    def _recording(self) -> Recording:
        """What the codes are of, as far as they say."""
        lanes = max(self.codes.shape[0], self.codec.channels)
        return Recording("codes", "", self.sample_rate, self.samples, channels=lanes, level_gain_db=self.gain_db)


def codes_of(sound: Sound, codec: Codec, *, levels: int | None = None) -> Codes:
    """A sound as codes of ``codec``.

    Parameters
    ----------
    sound : a file, or audio (channels, samples) with its sample rate; more channels than two are mixed to one
    codec : that has codes: see ``lgr.codecs.DiscreteCodec``
    levels : int >= 1, of the codec's quantizer, from the coarsest; None is all

    Returns
    -------
    Codes : (lanes, rows, frames), with what ``sound_of`` needs to play them

    Raises
    ------
    ArgumentError : a codec without codes, or without so many levels
    AudioFileError, ShapeError : a sound that is none

    Examples
    --------
    >>> import lgr
    >>> from lgr.files import assets_dir
    >>> rain = assets_dir() / "audio" / "rain.flac"
    >>> codes = lgr.codes_of(rain, lgr.load_codec("spectral"), levels=4)
    >>> codes.codes.shape[:2], codes.entries, codes.kbit_per_second
    (torch.Size([1, 4]), 1024, 3.0)
    >>> lgr.codes_of(rain, lgr.load_codec("toy"))
    Traceback (most recent call last):
        ...
    lgr.errors.ArgumentError: codec must have codes, got toy, which has none: `lgr train quantizer` makes some
    """
    discrete = check_discrete(codec)
    have = quantizer_levels(discrete)
    if levels is not None and not 1 <= levels <= have:
        raise ArgumentError(f"levels must be 1 to {have} for {codec.info.name}, got {levels}")
    if levels not in (None, have) and discrete.n_codebooks != have:
        raise ArgumentError(
            f"levels of {codec.info.name} must be those it was opened with ({have}), got {levels}: open it with "
            f"load_codec(..., n_levels={levels})"
        )
    heard, audio = hear(sound, codec)
    rows = discrete.quantize(encode_levelled(audio, heard, codec, extra=extra_samples(codec.info)))
    return Codes(
        rows if levels in (None, have) else rows[:, :levels].contiguous(),
        codec.info,
        quantizer=codes_version(codec),
        levels=have if levels is None else levels,
        entries=discrete.code_entries,
        sample_rate=heard.sample_rate,
        samples=heard.samples,
        gain_db=heard.level_gain_db,
        loudness_lufs=_loudness(audio, codec.info.sample_rate),
    )


def sound_of(codes: Codes, codec: Codec, *, levels: int | None = None) -> tuple[Tensor, int]:
    """The sound of codes, as long and as loud as the one that they were made of.

    Parameters
    ----------
    codes : of ``codec``
    levels : int >= 1, how many of them are played, from the coarsest; None is all

    Returns
    -------
    audio : Tensor, (channels, samples) in [-1, 1]
    sample_rate : int, Hz: that of the sound, or the codec's where that is higher

    Raises
    ------
    CodebookError : codes of another codec or quantizer
    ArgumentError, ShapeError : more levels than there are, or fewer where the codec needs them all

    Examples
    --------
    >>> import lgr, torch
    >>> info = lgr.CodecInfo(name="mine", sample_rate=24000, hop_length=320, channels=1, latent_dim=16)
    >>> frame = torch.zeros(1, 1, 1, dtype=torch.int64)
    >>> facts = {"levels": 1, "entries": 2, "sample_rate": 24000, "samples": 320, "gain_db": 0}
    >>> codes = lgr.Codes(frame, info, quantizer="", **facts)
    >>> lgr.sound_of(codes, lgr.load_codec("toy"))
    Traceback (most recent call last):
        ...
    lgr.errors.CodebookError: the file of codes was made with codec 'mine' ... use that codec and version, ...
    """
    check_same_codec("the file of codes", codes.codec, codec.info)
    discrete = check_discrete(codec)
    mine = codes_version(codec)
    if codes.quantizer != mine:
        raise CodebookError(
            f"codes were made with another quantizer of {codec.info.name} ({codes.quantizer}), not the one beside its "
            f"weights ({mine}): make them again"
        )
    rows = codes.codes.shape[1]
    if rows > discrete.n_codebooks or codes.entries > discrete.code_entries:
        raise CodebookError(
            f"codes must have at most {discrete.n_codebooks} rows of {discrete.code_entries} entries for "
            f"{codec.info.name}, got {rows} of {codes.entries}"
        )
    if levels is not None and not 1 <= levels <= codes.levels:
        raise ArgumentError(f"levels must be 1 to the {codes.levels} that the codes have, got {levels}")
    played = codes.codes if levels in (None, codes.levels) else codes.codes[:, :levels]
    heard, rate = codes._recording(), codec.info.sample_rate
    audio = with_length(decode_lanes(discrete.dequantize(played.contiguous()).float(), codec), samples_at(heard, rate))
    audio = gained(audio, -codes.gain_db)
    louder = codes.loudness_lufs - _loudness(audio, rate)
    if math.isfinite(louder):
        audio = gained(audio, max(-MOST_LOUDER_DB, min(MOST_LOUDER_DB, louder)))
    return finish(audio, heard, codec.info, None), output_rate(heard, codec.info)


def check_discrete(codec: Codec) -> DiscreteCodec:
    """``codec``, if it has codes, else ``ArgumentError``."""
    if not isinstance(codec, DiscreteCodec):
        raise ArgumentError(
            f"codec must have codes, got {codec.info.name}, which has none: `lgr train quantizer` makes some"
        )
    return codec


def quantizer_levels(codec: DiscreteCodec) -> int:
    """Levels that the codec's quantizer uses: rows of codes, but for one that is a loudness."""
    return int(getattr(codec, "n_levels", codec.n_codebooks))


def _loudness(audio: Tensor, rate: int) -> float:
    """LUFS of ``(channels, samples)``; NaN where it cannot be told: under a block, at a low rate, in silence."""
    if rate < LOWEST_RATE or audio.shape[1] < BLOCK_SECONDS * rate + 1:
        return math.nan
    found = integrated_loudness(audio, rate)
    return found if math.isfinite(found) else math.nan


def _read(file: Any, path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a file of codes but for its format, all that there must be and nothing else."""
    wanted = {"codes", "quantizer", *NUMBERS, *(f"codec_{name}" for name in OF_CODEC)}
    opened = np.load(file, allow_pickle=False)
    if not isinstance(opened, np.lib.npyio.NpzFile) or str(opened.get("format", "")) != FORMAT:
        raise CodebookError(f"{path} must be a file of codes that `lgr codes` wrote, got another one")
    version = opened["format_version"].item() if "format_version" in opened else None
    if version != FORMAT_VERSION:
        raise CodebookError(f"{path} must be of format version {FORMAT_VERSION}, got {version}: a newer lgr wrote it")
    if missing := sorted(wanted - set(opened.files)):
        raise CodebookError(f"{path} must hold {', '.join(missing)}, and does not: make it again with `lgr codes`")
    return {name: opened[name] for name in wanted}


def _plain(name: str, value: NDArray[Any]) -> Any:
    """The number or word in an array of no axes."""
    kinds, expected = KINDS.get(name, (WHOLE, "one whole number"))
    if value.ndim or value.dtype.kind not in kinds:
        raise ArgumentError(f"{name} must be {expected}, got an array of shape {value.shape} of {value.dtype}")
    return value.item()
