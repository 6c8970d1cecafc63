"""A score as a DAWproject session (.dawproject), which Bitwig Studio, Cubase and Studio One open, sounds included.

Like the Reaper session (lgr/score/reaper.py) it is a cut-up of the recordings with the score's times, to be moved and
gone on from, and not what ``render`` gives.

Format: DAWproject 1.0, https://github.com/bitwig/dawproject (Project.xsd, MetaData.xsd), a zip of ``project.xml``,
``metadata.xml`` and sounds. Programs read different parts of it, so only what all should read is written:

- A track plays one file, and no two of its clips overlap: on most timelines the later one would cut the earlier.
- A clip is a window, from ``playStart`` on, onto an inner timeline on which the file begins at 0, as Bitwig nests them;
  the offset of a file by itself was lost (issue 22). No clip runs past its file, which silence completes.
- A beat is a second, for seconds were taken for beats (issue 23).
- Clips have no gain (issue 71): the track's fader has it. Changed speed is not kept (issue 99): the file is written as
  it was encoded, augmentations and all.
"""

import io
import itertools
import math
import re
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from lgr.errors import ArgumentError, CodebookError
from lgr.files import atomic_path, lgr_version
from lgr.score import Score
from lgr.score.clips import Clip, clips, number
from lgr.sound.recording import Recording
from lgr.sounds import recording_audio, with_length


@dataclass(frozen=True, kw_only=True)
class _File:
    """A sound in the zip."""

    path: str
    sample_rate: int
    channels: int
    samples: int


@dataclass(frozen=True, kw_only=True)
class _Track:
    name: str
    file: _File
    clips: Sequence[Clip]  # by position, none overlapping, all of one gain
    muted: bool = False


def dawproject_session(score: Score, path: str | Path, *, force: bool = False) -> Path:
    """Write ``score`` to ``path`` as a DAWproject session; the same score and files give the same bytes.

    A muted track with the target, then tracks for each recording that is used, with a clip for each run of consecutive
    grains that play on. Clips fade as ``lgr/score/clips.py`` says; where those of a recording overlap, or differ in
    gain, it has further tracks. Sounds are inside, as 32-bit float WAVs at the rate of their files.

    Raises
    ------
    ArgumentError : ``path`` does not end in .dawproject, or a recording is too long for a WAV
    CodebookError : a recording that is used, or the target, is not where it was and as it was; a grain does not fit
    LgrError : ``path`` cannot be written, or exists and not ``force``

    Examples
    --------
    >>> import lgr, zipfile
    >>> from lgr.dawproject import dawproject_session
    >>> from lgr.files import assets_dir
    >>> clips = assets_dir() / "audio"
    >>> score = lgr.resynthesise(clips / "drum_loop.flac", [clips / "glass.flac"], codec="toy", seed=1).score
    >>> zipfile.ZipFile(dawproject_session(score, "glass.dawproject")).namelist()
    ['audio/0-drum-loop.wav', 'audio/1-glass.wav', 'project.xml', 'metadata.xml']
    """
    path = Path(path)
    if path.suffix.lower() != ".dawproject":
        raise ArgumentError(f"path of a DAWproject session must end in .dawproject, got {path}")
    with atomic_path(path, force=force) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        tracks = []
        if score.target.path:
            file = _add_sound(archive, 0, score.target, score.target.duration_seconds, "target")
            whole = Clip(recording=-1, position_seconds=0.0, length_seconds=score.target.duration_seconds)
            tracks.append(_Track(name=f"target: {score.target.name}", file=file, clips=[whole], muted=True))
        for group in _by_recording(clips(score)):
            recording = score.recordings[group[0].recording]
            _check_fits(recording, group)
            needed = max(clip.offset_seconds + clip.length_seconds for clip in group)
            file = _add_sound(archive, group[0].recording + 1, recording, needed, "recording")
            for i, lane in enumerate(_lanes(group)):
                tracks.append(_Track(name=f"{recording.name} {i + 1}" if i else recording.name, file=file, clips=lane))
        _add(archive, "project.xml", _xml(_project(tracks)))
        _add(archive, "metadata.xml", _xml(_metadata(score)))
    return path


def _by_recording(found: Sequence[Clip]) -> list[list[Clip]]:
    groups: dict[int, list[Clip]] = {}
    for clip in found:
        groups.setdefault(clip.recording, []).append(clip)
    return [groups[recording] for recording in sorted(groups)]


def _lanes(group: Sequence[Clip]) -> list[list[Clip]]:
    """Clips of a recording, by position, in as few lanes as are needed for each to have one gain and no overlap."""
    lanes: list[list[Clip]] = []
    for clip in group:
        for lane in lanes:
            # a nanosecond: one clip's end and the next one's position are rounded on their own
            if lane[-1].gain == clip.gain and lane[-1].end_seconds <= clip.position_seconds + 1e-9:
                lane.append(clip)
                break
        else:
            lanes.append([clip])
    return lanes


def _check_fits(recording: Recording, group: Sequence[Clip]) -> None:
    duration, last = recording.duration_seconds / recording.speed, max(clip.offset_seconds for clip in group)
    if last >= duration:
        raise CodebookError(
            f"score: recording {recording.name!r} lasts {duration:.6g} s, and a grain at {last:.6g} s does not fit"
        )


def _add_sound(archive: zipfile.ZipFile, index: int, recording: Recording, seconds: float, what: str) -> _File:
    """Put a recording in the zip as it was encoded, of at least ``seconds``; silence completes it."""
    audio = recording_audio(recording, what)
    rate = recording.sample_rate
    audio = with_length(audio, max(audio.shape[1], math.ceil(seconds * rate - 1e-6)))
    name = re.sub("[^A-Za-z0-9]+", "-", recording.name)[:40].strip("-")  # what every unpacker and file system takes
    path = f"audio/{index}{'-' if name else ''}{name}.wav"
    _add(archive, path, _wav(audio, rate, recording))
    return _File(path=path, sample_rate=rate, channels=audio.shape[0], samples=audio.shape[1])


def _wav(audio: Tensor, sample_rate: int, recording: Recording) -> bytes:
    # Not by libsndfile, which writes the time of day into a WAV of floats.
    from scipy.io import wavfile

    out = io.BytesIO()
    try:
        wavfile.write(out, sample_rate, audio.numpy().T)  # (samples, channels)
    except ValueError as error:
        hours = audio.shape[1] / sample_rate / 3600
        raise ArgumentError(
            f"recording {recording.name!r} must fit in a WAV of 4 GiB for a DAWproject session, got {hours:.1f} hours"
        ) from error
    return out.getvalue()


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name)  # of 1980: the same bytes tomorrow
    entry.create_system, entry.external_attr = 3, 0o644 << 16  # on every platform alike
    archive.writestr(entry, content)


def _metadata(score: Score) -> ET.Element:
    root = ET.Element("MetaData")
    ET.SubElement(root, "Title").text = _text(score.target.name)
    ET.SubElement(root, "Comment").text = "The choices of a score of lgr, as clips of the recordings."
    return root


def _project(tracks: Sequence[_Track]) -> ET.Element:
    numbers = itertools.count()

    def new_id() -> str:
        return f"id{next(numbers)}"

    root = ET.Element("Project", version="1.0")
    ET.SubElement(root, "Application", name="lgr", version=lgr_version())
    transport = ET.SubElement(root, "Transport")
    # a unit of "linear" is what one program ignores and another stumbles over
    ET.SubElement(transport, "Tempo", max="666", min="20", unit="bpm", value="60", id=new_id(), name="Tempo")
    ET.SubElement(transport, "TimeSignature", denominator="4", numerator="4", id=new_id())
    structure = ET.SubElement(root, "Structure")
    arrangement = ET.SubElement(root, "Arrangement", id=new_id())
    lanes = ET.SubElement(arrangement, "Lanes", timeUnit="seconds", id=new_id())
    master = new_id()
    for track in tracks:
        track_id = _track(structure, track, master, new_id)
        within = ET.SubElement(lanes, "Lanes", track=track_id, id=new_id())
        timeline = ET.SubElement(within, "Clips", id=new_id())
        for clip in track.clips:
            _clip(timeline, clip, track, new_id)
    element = ET.SubElement(structure, "Track", contentType="audio", loaded="true", id=new_id(), name="Master")
    channel = ET.SubElement(element, "Channel", audioChannels="2", role="master", solo="false", id=master)
    _mixer(channel, 1.0, False, new_id)
    ET.SubElement(root, "Scenes")
    return root


def _track(structure: ET.Element, track: _Track, master: str, new_id: Callable[[], str]) -> str:
    """Add a track and its channel; its id."""
    name, track_id = _text(track.name), new_id()
    element = ET.SubElement(structure, "Track", contentType="audio", loaded="true", id=track_id, name=name)
    channels = str(track.file.channels)
    how = {"audioChannels": channels, "destination": master, "role": "regular", "solo": "false", "id": new_id()}
    channel = ET.SubElement(element, "Channel", how)
    _mixer(channel, track.clips[0].gain, track.muted, new_id)
    return track_id


def _mixer(channel: ET.Element, gain: float, muted: bool, new_id: Callable[[], str]) -> None:
    ET.SubElement(channel, "Mute", value=str(muted).lower(), id=new_id(), name="Mute")
    ET.SubElement(channel, "Pan", max="1", min="0", unit="normalized", value="0.5", id=new_id(), name="Pan")
    ET.SubElement(channel, "Volume", max="2", min="0", unit="linear", value=number(gain), id=new_id(), name="Volume")


def _clip(timeline: ET.Element, clip: Clip, track: _Track, new_id: Callable[[], str]) -> None:
    file = track.file
    duration = number(file.samples / file.sample_rate)
    window = ET.SubElement(
        timeline,
        "Clip",
        time=number(clip.position_seconds),
        duration=number(clip.length_seconds),
        contentTimeUnit="seconds",
        playStart=number(clip.offset_seconds),
        playStop=number(clip.offset_seconds + clip.length_seconds),
        fadeTimeUnit="seconds",
        fadeInTime=number(clip.fade_in_seconds),
        fadeOutTime=number(clip.fade_out_seconds),
        name=_text(track.name),
    )
    inner = ET.SubElement(window, "Clips", timeUnit="seconds", id=new_id())
    whole = ET.SubElement(inner, "Clip", time="0", duration=duration, contentTimeUnit="seconds", playStart="0")
    audio = ET.SubElement(
        whole,
        "Audio",
        timeUnit="seconds",
        duration=duration,
        algorithm="raw",  # as it is, not stretched with the tempo
        channels=str(file.channels),
        sampleRate=str(file.sample_rate),
        id=new_id(),
    )
    ET.SubElement(audio, "File", path=file.path, external="false")


def _text(name: str) -> str:
    """A name without what XML 1.0 cannot say: control characters, and bytes of file names that are no text."""
    return re.sub("[^\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", " ", name)


def _xml(root: ET.Element) -> bytes:
    ET.indent(root)
    text: bytes = ET.tostring(root, encoding="UTF-8", xml_declaration=True)
    return text + b"\n"
