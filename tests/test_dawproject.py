"""The DAWproject session, checked by a schema and read back, against the score it was written from."""

import dataclasses
import math
import xml.etree.ElementTree as ET
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
import soundfile
import torch
import xmlschema

from lgr.dawproject import dawproject_session
from lgr.errors import ArgumentError, CodebookError, LgrError, ShapeError
from lgr.score import Score
from lgr.score.clips import clips
from lgr.sound.audio import save_audio
from lgr.sounds import describe, recording_audio

FRAME = 320 / 24000  # seconds
SCHEMA = Path(__file__).with_name("dawproject.xsd")
NAME = '..%2f .. & "gla\'s" <ß> 雨'  # no folder, no markup, and in a zip no more than letters


def noise(path: Path, seconds: float, rate: int, channels: int = 1, seed: int = 0):
    generator = torch.Generator().manual_seed(seed)
    samples = round(seconds * rate)
    return describe(save_audio(path, 0.1 * torch.randn(channels, samples, generator=generator), rate, force=True))


def score(folder: Path, **changes: object) -> Score:
    """A second of target; four recordings, one of them copied under augmentations, one in no file and not used."""
    folder.mkdir(exist_ok=True)
    glass = noise(folder / f"{NAME}.wav", 2, 48000, channels=2, seed=1)
    rain = noise(folder / "rain.flac", 1.5, 24000, seed=2)
    fields: dict[str, object] = {
        "codec": "made-up",
        "sample_rate": 24000,
        "hop_length": 320,
        "grain_frames": 4,
        "hop_frames": 3,
        "seed": 0,
        "target": noise(folder / "amen.wav", 1, 44100, channels=2),
        "recordings": (
            glass,
            dataclasses.replace(rain, name="rain (gain=6)", augmentation="gain=6"),
            dataclasses.replace(rain, name="not used", path="", sha256=""),
            dataclasses.replace(rain, name="rain (speed=2)", augmentation="speed=2"),
        ),
        "target_frame": np.arange(25) * 3,
        "recording": [0] * 10 + [1] * 5 + [3] + [0] * 9,
        "source_frame": [*range(8, 38, 3), *range(30, 45, 3), 50, *range(100, 127, 3)],
        **{name: np.ones(25) for name in ("probability", "similarity")},
        "entropy": np.zeros(25),
    }
    return Score(**{**fields, **changes})


def dense(folder: Path, grain_frames: int, hop_frames: int) -> Score:
    """Sixty grains in runs of one to three of one recording."""
    n = 60
    runs = np.repeat(np.arange(n), np.random.default_rng(0).integers(1, 4, n))[:n]
    return score(
        folder,
        grain_frames=grain_frames,
        hop_frames=hop_frames,
        target=dataclasses.replace(noise(folder / "long.wav", 10, 24000), path=""),
        recordings=(noise(folder / "sea.wav", 60, 24000),),
        target_frame=np.arange(n) * hop_frames,
        recording=np.zeros(n, dtype=int),
        source_frame=runs * 60 + np.arange(n) * hop_frames,
        **{name: np.ones(n) for name in ("probability", "similarity", "entropy")},
    )


@dataclasses.dataclass
class Track:
    name: str
    muted: bool
    volume: float
    clips: list[ET.Element]  # the outer ones
    audio: np.ndarray  # (samples, channels) of its one file
    rate: int

    def value(self, clip: ET.Element, key: str) -> float:
        return float(clip.attrib[key])


def session(made: Score, tmp_path: Path) -> list[Track]:
    """Tracks but for the master, after the zip was checked against the schema and for what importers stumble over."""
    with ZipFile(dawproject_session(made, tmp_path / "out.dawproject", force=True)) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
        assert archive.testzip() is None
    schema = xmlschema.XMLSchema(SCHEMA)
    schema.validate(BytesIO(content["project.xml"]))
    schema.validate(BytesIO(content["metadata.xml"]))
    project = ET.fromstring(content["project.xml"])
    assert project.find("Transport/Tempo").attrib["value"] == "60"  # a beat is a second
    *tracks, master = project.findall("Structure/Track")
    assert master.find("Channel").attrib["role"] == "master"
    assert {each.find("Channel").attrib["destination"] for each in tracks} == {master.find("Channel").attrib["id"]}
    lanes = {each.attrib["track"]: each.findall("Clips/Clip") for each in project.findall("Arrangement/Lanes/Lanes")}
    assert set(lanes) == {each.attrib["id"] for each in tracks}
    read, used = [], set()
    for track in tracks:
        found = lanes[track.attrib["id"]]
        (path,) = {clip.find("Clips/Clip/Audio/File").attrib["path"] for clip in found}  # one file a track
        used.add(path)
        audio, rate = soundfile.read(BytesIO(content[path]), dtype="float32", always_2d=True)
        for clip in found:
            whole, source = clip.find("Clips/Clip"), clip.find("Clips/Clip/Audio")
            assert (whole.attrib["time"], whole.attrib["playStart"]) == ("0", "0")
            assert float(source.attrib["duration"]) == pytest.approx(len(audio) / rate, abs=1e-9)
            assert float(whole.attrib["duration"]) == float(source.attrib["duration"])
            assert (int(source.attrib["sampleRate"]), int(source.attrib["channels"])) == (rate, audio.shape[1])
            assert float(clip.attrib["playStop"]) <= len(audio) / rate + 1e-9
        for before, after in pairwise(found):
            end = float(before.attrib["time"]) + float(before.attrib["duration"])
            assert end <= float(after.attrib["time"]) + 1e-9
        channel = track.find("Channel")
        assert int(channel.attrib["audioChannels"]) == audio.shape[1]
        muted, volume = channel.find("Mute").attrib["value"], float(channel.find("Volume").attrib["value"])
        read.append(Track(track.attrib["name"], muted == "true", volume, found, audio, rate))
    assert used | {"project.xml", "metadata.xml"} == set(content)
    assert all(name.isascii() and ".." not in name and name.count("/") <= 1 for name in content)
    return read


def test_clips_are_where_the_score_says(tmp_path):
    made = score(tmp_path)
    target, *tracks = session(made, tmp_path)
    assert (target.name, target.muted, len(target.clips)) == ("target: amen", True, 1)
    assert [(track.name, track.muted, track.volume) for track in tracks] == [
        (NAME, False, 1),
        ("rain (gain=6)", False, 1),
        ("rain (speed=2)", False, 1),
    ]
    placed = {round(float(clip.attrib["time"]) / FRAME): (track, clip) for track in tracks for clip in track.clips}
    assert sorted(placed) == [0, 30, 45, 48]
    for (first, n_grains), at in zip(made.runs(), sorted(placed), strict=True):
        track, clip = placed[at]
        recording = made.recordings[made.recording[first]]
        assert track.name == recording.name
        assert track.value(clip, "time") == pytest.approx(made.target_seconds[first], abs=1e-9)
        end = min((made.target_frame[first + n_grains - 1] + 4) * FRAME, 1.0)  # the target is one second long
        assert track.value(clip, "time") + track.value(clip, "duration") == pytest.approx(end, abs=1e-9)
        assert track.value(clip, "playStart") == pytest.approx(made.source_seconds[first], abs=1e-9)
        stop = track.value(clip, "playStart") + track.value(clip, "duration")
        assert track.value(clip, "playStop") == pytest.approx(stop, abs=1e-9)
        assert track.value(clip, "fadeInTime") == pytest.approx(FRAME if first else 0, abs=1e-9)
        assert track.value(clip, "fadeOutTime") == pytest.approx(FRAME if first + n_grains < 25 else 0, abs=1e-9)


def test_sounds_are_those_that_were_encoded(tmp_path):
    made = score(tmp_path)
    target, glass, louder, faster = session(made, tmp_path)
    for track, recording in ((target, made.target), (glass, made.recordings[0])):
        assert (track.rate, track.audio.shape) == (recording.sample_rate, (recording.samples, 2))
        np.testing.assert_array_equal(track.audio, soundfile.read(recording.path, dtype="float32")[0])
    rain = soundfile.read(tmp_path / "rain.flac", dtype="float32")[0]
    np.testing.assert_allclose(louder.audio[:, 0], rain * 10 ** (6 / 20), atol=1e-6)
    # twice as fast: half as long, at the same rate
    assert (faster.rate, len(faster.audio)) == (24000, 18000)
    np.testing.assert_array_equal(faster.audio.T, recording_audio(made.recordings[3]).numpy())


@pytest.mark.parametrize(("grain_frames", "hop_frames"), [(4, 4), (4, 3), (8, 4), (8, 2), (12, 1)])
def test_tracks_together_weigh_one(tmp_path, grain_frames, hop_frames):
    made = dense(tmp_path, grain_frames, hop_frames)
    tracks = session(made, tmp_path)
    assert sum(len(track.clips) for track in tracks) == len(made.runs())
    time = (np.arange(60 * hop_frames * 20) + 0.5) / 20 * FRAME
    total = np.zeros_like(time)
    for track in tracks:
        for clip in track.clips:
            inside, length = time - track.value(clip, "time"), track.value(clip, "duration")
            fade_in, fade_out = (max(track.value(clip, key), 1e-12) for key in ("fadeInTime", "fadeOutTime"))
            total += track.volume * np.clip(inside / fade_in, 0, 1) * np.clip((length - inside) / fade_out, 0, 1)
    steady = total[20 * grain_frames : -20 * grain_frames]
    assert steady.mean() == pytest.approx(1, abs=0.03)
    if hop_frames * 2 >= grain_frames:  # fades never cross: exactly one, everywhere
        np.testing.assert_allclose(steady, 1, atol=1e-6)


def test_grains_that_overlap_get_tracks_of_their_own(tmp_path):
    names = [track.name for track in session(dense(tmp_path, 8, 4), tmp_path)]
    assert names == ["sea", "sea 2"]
    assert [track.name for track in session(dense(tmp_path, 4, 4), tmp_path)] == ["sea"]


def test_silence_completes_a_file_that_a_clip_runs_past(tmp_path):
    made = score(tmp_path)
    late = made.replace(24, recording=1, source_frame=111)  # rain lasts 112.5 frames
    track = session(late, tmp_path)[2]
    assert track.name == "rain (gain=6)"
    clip = track.clips[-1]
    # the target's end comes after 3 of the grain's 4 frames
    assert track.value(clip, "playStop") == pytest.approx(114 * FRAME, abs=1e-9)
    assert len(track.audio) == 114 * 320
    assert not track.audio[36000:].any()
    past = made.replace(24, recording=1, source_frame=113)
    with pytest.raises(CodebookError, match=r"'rain \(gain=6\)' lasts 1\.5 s, and a grain at 1\.50667 s does not fit"):
        dawproject_session(past, tmp_path / "past.dawproject")
    assert not (tmp_path / "past.dawproject").exists()


def test_one_grain_and_none(tmp_path):
    one = {name: [value] for name, value in {"target_frame": 0, "recording": 0, "source_frame": 5}.items()}
    single = score(tmp_path, **one, **{name: [math.nan] for name in ("probability", "similarity", "entropy")})
    _, track = session(single, tmp_path)
    (clip,) = track.clips
    assert [track.value(clip, key) for key in ("fadeInTime", "fadeOutTime")] == [0, 0]
    assert track.value(clip, "duration") == pytest.approx(4 * FRAME, abs=1e-9)
    with pytest.raises(ShapeError, match="at least one grain"):  # so there is no session of none
        score(tmp_path, **{name: [] for name in (*one, "probability", "similarity", "entropy")})


@pytest.mark.parametrize(
    ("was", "broken"),
    [
        (b' sampleRate="48000"', b""),
        (b'time="0.4"', b'time="0,4"'),
        (b"Mute", b"Muted"),
        (b'destination="id4"', b'destination="x"'),
    ],
)
def test_the_schema_refuses_what_is_wrong(tmp_path, was, broken):
    with ZipFile(dawproject_session(score(tmp_path), tmp_path / "out.dawproject")) as archive:
        content = archive.read("project.xml")
    assert was in content
    with pytest.raises(xmlschema.XMLSchemaValidationError):
        xmlschema.validate(BytesIO(content.replace(was, broken)), SCHEMA)


def test_the_same_score_gives_the_same_bytes(tmp_path, monkeypatch):
    made = score(tmp_path)
    first = dawproject_session(made, tmp_path / "a.dawproject").read_bytes()
    monkeypatch.setattr("time.time", lambda: 2e9)
    assert dawproject_session(made, tmp_path / "b.dawproject").read_bytes() == first
    with ZipFile(tmp_path / "a.dawproject") as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize(
    ("name", "shown"),
    [("a\nb\x00\x1b", "a b  "), ("\udcff", " "), *((x, x) for x in ("", ".", "../../x", 'a" & <b>', "雨", "x" * 300))],
)
def test_any_name_makes_a_valid_session(tmp_path, name, shown):
    made = score(tmp_path)
    named = tuple(dataclasses.replace(each, name=name) for each in made.recordings)
    tracks = session(dataclasses.replace(made, recordings=named), tmp_path)
    assert [track.name for track in tracks[1:]] == [shown] * 3


def test_what_cannot_be_a_session_is_refused(tmp_path):
    made = score(tmp_path / "sounds")
    unsaved = (dataclasses.replace(made.recordings[0], path=""), *made.recordings[1:])
    with pytest.raises(CodebookError, match="was never in a file"):
        dawproject_session(dataclasses.replace(made, recordings=unsaved), tmp_path / "out.dawproject")
    with pytest.raises(ArgumentError, match=r"must end in \.dawproject"):
        dawproject_session(made, tmp_path / "out.zip")
    (tmp_path / "sounds" / "rain.flac").rename(tmp_path / "sounds" / "away.flac")
    with pytest.raises(CodebookError, match=r"recording .*rain\.flac is gone"):
        dawproject_session(made, tmp_path / "out.dawproject")
    assert [path.name for path in tmp_path.iterdir()] == ["sounds"]
    (tmp_path / "sounds" / "away.flac").rename(tmp_path / "sounds" / "rain.flac")
    dawproject_session(made, tmp_path / "out.dawproject")
    with pytest.raises(LgrError, match="exists"):
        dawproject_session(made, tmp_path / "out.dawproject")


def test_clips_follow_from_the_score(tmp_path):
    made = score(tmp_path)
    found = clips(made)
    assert [clip.recording for clip in found] == [0, 1, 3, 0]
    assert [clip.position_seconds for clip in found] == sorted(clip.position_seconds for clip in found)
    assert {clip.gain for clip in found} == {1.0}
    assert {clip.gain < 1 for clip in clips(dense(tmp_path, 12, 1))} == {True, False}
