"""A score as a Reaper session (.RPP): the files themselves on tracks, an item for each run of grains that play on.

What opens is a cut-up of the original recordings with the score's times: to hear the choices without the codec, to
move them, to go on from them. It is not what ``render`` gives: there, grains are cross-faded as latents and decoded.

Format: Cockos' "State Chunk Definitions". Seconds throughout; ``SOFFS`` is where in its file an item starts;
``PLAYRATE rate keep_pitch semitones``; the first number of an item's ``VOLPAN`` is its gain; ``FADEIN shape length``
with shape 0 a straight line; ``MIXFLAG 1`` lets overlapping items of a track sound together.
"""

from pathlib import Path

from lgr.errors import ArgumentError
from lgr.files import atomic_path
from lgr.score.clips import Clip, clips, number
from lgr.score.score import Score
from lgr.sound.recording import Recording

_SOURCES = {".flac": "FLAC", ".mp3": "MP3", ".ogg": "VORBIS", ".opus": "OPUS"}  # all else Reaper reads as WAVE


def reaper_session(score: Score, path: str | Path, *, force: bool = False) -> Path:
    """Write ``score`` to ``path`` as a Reaper session.

    One track for each recording that is used, with an item for each run of consecutive grains that play on, and a
    muted track with the target. Items overlap and fade as ``lgr/score/clips.py`` says. Augmentations become item gain,
    pitch and play rate. Files inside the session's folder are named relative to it.

    Raises
    ------
    ArgumentError : a recording that is used is in no file, or its path cannot be written in a session
    LgrError : ``path`` cannot be written, or exists and not ``force``

    Examples
    --------
    >>> import lgr
    >>> from lgr.files import assets_dir
    >>> from lgr.score.reaper import reaper_session
    >>> clips = assets_dir() / "audio"
    >>> score = lgr.resynthesise(clips / "drum_loop.flac", [clips / "glass.flac"], codec="toy", seed=1).score
    >>> reaper_session(score, "glass.rpp").read_text().splitlines()[0]
    '<REAPER_PROJECT 0.1 "7.0/x64" 0'
    """
    path = Path(path)
    if path.suffix.lower() != ".rpp":
        raise ArgumentError(f"path of a Reaper session must end in .rpp, got {path}")
    folder = path.absolute().parent
    lines = [
        '<REAPER_PROJECT 0.1 "7.0/x64" 0',
        f"  SAMPLERATE {score.target.sample_rate} 1 0",
        "  TEMPO 120 4 4",
        *_target_track(score, folder),
    ]
    items: dict[int, list[str]] = {}
    for clip in clips(score):
        items.setdefault(clip.recording, []).extend(_item(score.recordings[clip.recording], clip, folder))
    for index in sorted(items):
        lines += _track(score.recordings[index].name, items[index])
    lines.append(">")
    with atomic_path(path, force=force) as temporary:
        Path(temporary).write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\r\n")
    return path


def _target_track(score: Score, folder: Path) -> list[str]:
    target = score.target
    if not target.path:
        return []
    whole = Clip(recording=-1, position_seconds=0.0, length_seconds=target.duration_seconds)
    return _track(f"target: {target.name}", _item(target, whole, folder), muted=True)


def _item(recording: Recording, clip: Clip, folder: Path) -> list[str]:
    volume = clip.gain * 10 ** (recording.gain_db / 20)
    keeps_pitch = int(recording.speed == 1)  # resampling moved pitch and time together
    source = _SOURCES.get(Path(recording.path).suffix.lower(), "WAVE")
    return [
        "    <ITEM",
        f"      POSITION {number(clip.position_seconds)}",
        f"      LENGTH {number(clip.length_seconds)}",
        "      LOOP 0",
        f"      FADEIN 0 {number(clip.fade_in_seconds)} 0 0 0 0 0",
        f"      FADEOUT 0 {number(clip.fade_out_seconds)} 0 0 0 0 0",
        "      MIXFLAG 1",
        f"      NAME {quoted(recording.name)}",
        f"      VOLPAN {number(volume)} 0 1 -1",
        f"      SOFFS {number(clip.offset_seconds * recording.speed)}",
        f"      PLAYRATE {number(recording.speed)} {keeps_pitch} {number(recording.pitch_semitones)} -1 0 0.0025",
        f"      <SOURCE {source}",
        f"        FILE {_file(recording, folder)}",
        "      >",
        "    >",
    ]


def _track(name: str, items: list[str], *, muted: bool = False) -> list[str]:
    return ["  <TRACK", f"    NAME {quoted(name)}", f"    MUTESOLO {int(muted)} 0 0", *items, "  >"]


def _file(recording: Recording, folder: Path) -> str:
    if not recording.path:
        raise ArgumentError(f"recording {recording.name!r} must be in a file for a Reaper session: save it first")
    path = Path(recording.path).absolute()
    text = str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)
    if quoted(text)[1:-1] != text:
        raise ArgumentError(f"path of recording {recording.name!r} has a line break or all of \" ' `: rename {text!r}")
    return quoted(text)


def quoted(text: str) -> str:
    """``text`` as a Reaper token: in the first of ``" ' ``` that it does not contain, for there are no escapes."""
    text = " ".join(text.splitlines())
    for quote in "\"'`":
        if quote not in text:
            return f"{quote}{text}{quote}"
    return "`" + text.replace("`", "'") + "`"
