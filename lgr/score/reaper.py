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
from lgr.score.score import Score
from lgr.sound.recording import Recording

_SOURCES = {".flac": "FLAC", ".mp3": "MP3", ".ogg": "VORBIS", ".opus": "OPUS"}  # all else Reaper reads as WAVE


def reaper_session(score: Score, path: str | Path, *, force: bool = False) -> Path:
    """Write ``score`` to ``path`` as a Reaper session.

    One track for each recording that is used, with an item for each run of consecutive grains that play on, and a
    muted track with the target. Items overlap as grains do and fade in and out, in straight lines, over the overlap; a
    run so short that its fades would cross fades over half its length each way and is scaled to weigh what its grains
    do.
    Augmentations become item gain, pitch and play rate. Files inside the session's folder are named relative to it.

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
    for first, n_grains in score.runs():
        items.setdefault(int(score.recording[first]), []).extend(_run_item(score, first, n_grains, folder))
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
    item = _item(target, folder, position=0.0, length=target.duration_seconds, offset=0.0, fades=(0.0, 0.0), gain=1.0)
    return _track(f"target: {target.name}", item, muted=True)


def _run_item(score: Score, first: int, n_grains: int, folder: Path) -> list[str]:
    """The item of the run of ``n_grains`` grains from grain ``first`` on."""
    last = first + n_grains - 1
    start = int(score.target_frame[first])
    end = int(score.target_frame[last]) + score.grain_frames
    before = int(score.target_frame[first - 1]) + score.grain_frames - start if first else 0
    after = end - int(score.target_frame[last + 1]) if last + 1 < len(score) else 0
    fade_in, fade_out, gain = max(float(before), 0.0), max(float(after), 0.0), 1.0
    if fade_in + fade_out > end - start:
        # Grains so dense that fades would cross: the run's weights are a hill that never reaches 1. A triangle of the
        # same area stands for it.
        fade_in = fade_out = (end - start) / 2
        gain = min(1.0, 2 * n_grains * score.hop_frames / (end - start))
    position = start * score.frame_seconds
    length = (end - start) * score.frame_seconds
    if 0 < score.target.duration_seconds - position < length:  # the last grains may run over the target's end
        length = score.target.duration_seconds - position
    return _item(
        score.recordings[int(score.recording[first])],
        folder,
        position=position,
        length=length,
        offset=int(score.source_frame[first]) * score.frame_seconds,
        fades=(min(fade_in * score.frame_seconds, length), min(fade_out * score.frame_seconds, length)),
        gain=gain,
    )


def _item(
    recording: Recording,
    folder: Path,
    *,
    position: float,
    length: float,
    offset: float,
    fades: tuple[float, float],
    gain: float,
) -> list[str]:
    volume = gain * 10 ** (recording.gain_db / 20)
    keeps_pitch = int(recording.speed == 1)  # resampling moved pitch and time together
    source = _SOURCES.get(Path(recording.path).suffix.lower(), "WAVE")
    return [
        "    <ITEM",
        f"      POSITION {_number(position)}",
        f"      LENGTH {_number(length)}",
        "      LOOP 0",
        f"      FADEIN 0 {_number(fades[0])} 0 0 0 0 0",
        f"      FADEOUT 0 {_number(fades[1])} 0 0 0 0 0",
        "      MIXFLAG 1",
        f"      NAME {quoted(recording.name)}",
        f"      VOLPAN {_number(volume)} 0 1 -1",
        f"      SOFFS {_number(offset * recording.speed)}",
        f"      PLAYRATE {_number(recording.speed)} {keeps_pitch} {_number(recording.pitch_semitones)} -1 0 0.0025",
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


def _number(value: float) -> str:
    """Without an exponent, which Reaper does not read; to the picosecond, far below a sample."""
    return f"{value:.12f}".rstrip("0").rstrip(".")
