"""Kits on disk: a zip of WAV files, for any sampler, and ``kit.json``, which says what the model makes them from.

Both are exact. The WAVs hold the very samples (32-bit float), so a kit plays without its model. The rows in
``kit.json`` are the very numbers, so the model makes the same sounds anew (``make_voice``), morphs and redraws them.
"""

import io
import json
import re
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lgr.drums.kit import Kit
from lgr.drums.voice import KINDS, MOST_SOUNDS, Voice
from lgr.errors import ArgumentError, AudioFileError
from lgr.files import atomic_path, lgr_version
from lgr.sound.audio import load_whole

FORMAT, FORMAT_VERSION = "lgr-kit", 1
DESCRIPTION = "kit.json"
DATE = (1980, 1, 1, 0, 0, 0)  # of all that is inside: the same kit gives the same bytes
MOST_BYTES = 64 << 20  # of a file inside


def save_kit(kit: Kit, path: str | Path, *, force: bool = False) -> Path:
    """Write a kit as a ``.zip``, whole or not at all; an existing file is kept unless ``force``.

    Raises
    ------
    ArgumentError : another ending
    LgrError : ``path`` cannot be written, or exists and not ``force``

    Examples
    --------
    >>> from lgr import load_codec
    >>> from lgr.drums import draw_kit, load_kit, save_kit
    >>> kit = draw_kit(load_codec("drums-spectral"), ["Kick", "Hat"], seed=3)
    >>> save_kit(kit, "kit.zip").name, load_kit("kit.zip").labels
    ('kit.zip', ['Kick', 'Hat'])
    """
    path = Path(path).expanduser()
    if path.suffix.lower() != ".zip":
        raise ArgumentError(f"path of a kit must end in .zip, got {path}")
    with atomic_path(path, force=force) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in _contents(kit).items():
            archive.writestr(zipfile.ZipInfo(name, DATE), content, zipfile.ZIP_DEFLATED)
    return path


def load_kit(path: str | Path) -> Kit:
    """Read a kit; its model is not needed.

    Raises
    ------
    ArgumentError : the file is missing or not a kit, or a sound in it is missing or damaged
    """
    path = Path(path).expanduser()
    try:
        with zipfile.ZipFile(path) as archive, tempfile.TemporaryDirectory() as folder:
            return _kit(archive, Path(folder))
    except ArgumentError as error:
        raise ArgumentError(f"kit {path}: {error}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ArgumentError(f"kit must be a zip that lgr wrote, got {path}: {error}") from error
    except OSError as error:
        raise ArgumentError(f"kit {path} cannot be read: {error.strerror or error}") from error


def _contents(kit: Kit) -> dict[str, bytes]:
    """Everything in a kit's zip, by name."""
    files: dict[str, bytes] = {}
    voices = []
    for i, voice in enumerate(kit.voices):
        stem = f"{i + 1:02}-{re.sub(r'[^a-z0-9]+', '-', (voice.label or '').lower()).strip('-') or 'voice'}"
        several = len(voice.sounds) > 1
        names = [f"{stem}-{k + 1:02}.wav" if several else f"{stem}.wav" for k in range(len(voice.sounds))]
        files |= {name: _wav(sound, kit.sample_rate) for name, sound in zip(names, voice.sounds, strict=True)}
        rows = [[float(str(number)) for number in row] for row in voice.rows.detach().cpu().float().numpy()]
        voices.append({"class": voice.label, "kind": voice.kind, "frames": voice.frames, "sounds": names, "rows": rows})
    said = {"format": FORMAT, "version": FORMAT_VERSION, "lgr": lgr_version()}
    said |= {"codec": kit.codec, "codec_version": kit.codec_version, "sample_rate": kit.sample_rate, "voices": voices}
    return {DESCRIPTION: (json.dumps(said, ensure_ascii=False) + "\n").encode(), **files}


def _wav(sound: Tensor, sample_rate: int) -> bytes:
    """A WAV file of 32-bit floats. Not libsndfile's, which notes the time of day in it."""
    from scipy.io import wavfile

    out = io.BytesIO()
    wavfile.write(out, sample_rate, sound.numpy())
    return out.getvalue()


def _kit(archive: zipfile.ZipFile, folder: Path) -> Kit:
    try:
        data = json.loads(_read(archive, DESCRIPTION))
    except (ValueError, RecursionError) as error:
        if isinstance(error, ArgumentError):
            raise
        raise ArgumentError(f"{DESCRIPTION} must be JSON, got what cannot be read: {error}") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ArgumentError(f'{DESCRIPTION} must say "format": "{FORMAT}", and does not')
    if data.get("version") != FORMAT_VERSION:
        raise ArgumentError(f"version must be {FORMAT_VERSION}, got {data.get('version')!r}")
    try:
        rate = int(data["sample_rate"])
        voices = tuple(_voice(archive, folder, each, rate) for each in data["voices"])
        return Kit(str(data["codec"]), str(data["codec_version"]), rate, voices)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        if isinstance(error, ArgumentError):
            raise
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise ArgumentError(f"{DESCRIPTION} is damaged: {what}") from error


def _voice(archive: zipfile.ZipFile, folder: Path, said: Any, sample_rate: int) -> Voice:
    label, kind, names = said["class"], said["kind"], said["sounds"]
    rows = torch.tensor(said["rows"], dtype=torch.float32)
    if kind not in KINDS:
        raise ArgumentError(f"kind of a voice must be one of {', '.join(KINDS)}, got {kind!r}")
    if label is not None and not isinstance(label, str):
        raise ArgumentError(f"class of a voice must be a name or null, got {label!r}")
    if rows.ndim != 2 or not 1 <= len(rows) <= MOST_SOUNDS or len(rows) != len(names):
        raise ArgumentError(f"a voice must have a row for each of its 1 to {MOST_SOUNDS} sounds, got {len(rows)} rows")
    sounds = [_sound(archive, folder, str(name), sample_rate) for name in names]
    if len({len(sound) for sound in sounds}) != 1:
        raise ArgumentError("the sounds of a voice must be of one length, got several")
    return Voice(label, kind, rows, int(said["frames"]), torch.stack(sounds))


def _sound(archive: zipfile.ZipFile, folder: Path, name: str, sample_rate: int) -> Tensor:
    """The samples ``(samples,)`` of a mono WAV in the archive."""
    content = _read(archive, name)
    file = folder / "sound.wav"  # not the name that the archive gives: it may lead anywhere
    file.write_bytes(content)
    try:
        audio, info = load_whole(file)
    except AudioFileError as error:
        raise ArgumentError(str(error).replace(str(file), name)) from error
    if (info.sample_rate, info.channels) != (sample_rate, 1):
        raise ArgumentError(f"{name} must be mono at {sample_rate} Hz, got {info.channels} at {info.sample_rate} Hz")
    return audio[0]


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        info = archive.getinfo(name)
    except KeyError as error:
        raise ArgumentError(f"it must hold {name}, and does not") from error
    if info.file_size > MOST_BYTES:
        raise ArgumentError(f"{name} must be at most {MOST_BYTES >> 20} MB, got {info.file_size >> 20} MB")
    return archive.read(info)
