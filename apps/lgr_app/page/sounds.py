"""Sounds that come into the app: bundled examples, and uploads, which are checked before any work.

``lgr.sound.audio`` refuses what it cannot read with a sentence; here such a sentence names the visitor's file, not a
place on the server, and says what an app refuses besides: what is too long, too short, or silent.
"""

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lgr.errors import AudioFileError, LgrError
from lgr.files import assets_dir
from lgr.sound.audio import audio_info, load_audio
from lgr_app.page.limits import Limits, seconds_text

MIN_SECONDS = 0.1
MAX_VALUES = 100_000_000  # samples x channels: 400 MB in memory, a quarter of an hour of stereo at 48 kHz
MAX_SOURCES = 8


@dataclass(frozen=True)
class Example:
    """Bundled clips to begin with: a target, and the sources whose grains play it."""

    title: str
    target: str  # names of clips in assets/audio, without .flac
    sources: tuple[str, ...]

    @property
    def target_path(self) -> Path:
        return clip(self.target)

    @property
    def source_paths(self) -> list[Path]:
        return [clip(name) for name in self.sources]


EXAMPLES = (
    Example("Drums of glass", "drum_loop", ("glass", "foley")),
    Example("Voice of rain", "speech_reader", ("rain", "sea")),
    Example("Violin tune on the piano", "violin", ("notes_piano",)),
)


def clip(name: str) -> Path:
    """A bundled clip by its name, such as ``"rain"``."""
    return assets_dir() / "audio" / f"{name}.flac"


def clip_names() -> list[str]:
    """All bundled clips, in alphabetical order."""
    return sorted(path.stem for path in (assets_dir() / "audio").glob("*.flac"))


def read_upload(path: str | Path | None, what: str, limits: Limits, *, max_seconds: float | None = None) -> Path:
    """Check an uploaded (or recorded, or bundled) sound; the path to work with.

    Parameters
    ----------
    path : where Gradio put it, or None where nothing was given
    what : its part, for messages: "target", "source", "first sound", ...
    max_seconds : ``limits.max_seconds`` by default

    Raises
    ------
    AudioFileError : nothing was given, or the file is no audio, empty, damaged, too large, too long, shorter than
        ``MIN_SECONDS``, silent throughout, or has NaN samples. The sentence names the file as the visitor knows it.
    """
    if not path:
        raise AudioFileError(f"Choose a {what} first: upload or record a sound, or press an example.")
    path = Path(path)
    longest = limits.max_seconds if max_seconds is None else max_seconds
    try:
        if path.is_file() and path.stat().st_size > limits.max_mb * 1e6:
            raise AudioFileError(f"{path} is {path.stat().st_size / 1e6:.3g} MB; at most {limits.max_mb:g} are taken")
        info = audio_info(path)
        if info.duration_seconds > longest:
            raise AudioFileError(
                f"{path} lasts {seconds_text(info.duration_seconds)}, and a {what} may last "
                f"{seconds_text(longest)}; cut out the part you want"
            )
        if info.duration_seconds < MIN_SECONDS:
            raise AudioFileError(
                f"{path} lasts {seconds_text(info.duration_seconds)}, and a {what} must last at least {MIN_SECONDS} s"
            )
        if info.samples * info.channels > MAX_VALUES:
            raise AudioFileError(
                f"{path} has {info.channels} channels of {info.samples} samples, more than fit here; "
                "export it with two channels at 48000 Hz"
            )
        audio, _ = load_audio(path)  # also finds NaN, and what a header does not tell
        if not bool(audio.abs().max() > 0):
            raise AudioFileError(f"{path} is silent from beginning to end; choose a {what} that can be heard")
    except LgrError as error:
        raise AudioFileError(without_folders(str(error))) from error
    return path


def read_sources(paths: Sequence[str | Path] | None, limits: Limits) -> list[Path]:
    """Check the sources, each as ``read_upload`` does, and all of them together.

    Raises
    ------
    AudioFileError : none or more than ``MAX_SOURCES``, one that ``read_upload`` refuses, or too long together
    """
    if not paths:
        raise AudioFileError("Choose at least one source first: upload a sound, or press an example.")
    if len(paths) > MAX_SOURCES:
        raise AudioFileError(f"{len(paths)} sources were given, and at most {MAX_SOURCES} are taken; remove some.")
    checked = [read_upload(path, "source", limits, max_seconds=limits.max_source_seconds) for path in paths]
    together = sum(audio_info(path).duration_seconds for path in checked)
    if together > limits.max_source_seconds:
        raise AudioFileError(
            f"The sources last {seconds_text(together)} together, and {seconds_text(limits.max_source_seconds)} are "
            "taken; remove some, or cut them shorter."
        )
    return checked


def without_folders(text: str) -> str:
    """A message without the folders of temporary files: a visitor knows a file by its name."""
    folder = str(Path(tempfile.gettempdir()).resolve())
    for place in {folder, tempfile.gettempdir(), str(_gradio_folder())}:
        text = re.sub(rf"{re.escape(place)}/(?:[^/\s]+/)*", "", text)
    return text


def _gradio_folder() -> Path:
    from gradio.utils import get_upload_folder

    return Path(get_upload_folder())
