"""The Reaper session, read back by a small parser, against the score it was written from."""

import dataclasses
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lgr.errors import ArgumentError, LgrError
from lgr.score import Score
from lgr.score.reaper import quoted, reaper_session
from lgr.sound.recording import Recording

TOKEN = re.compile("\"[^\"]*\"|'[^']*'|`[^`]*`|[^ ]+")


def tokens(line: str) -> list[str]:
    return [t[1:-1] if t[0] in "\"'`" else t for t in TOKEN.findall(line.strip())]


def parse(text: str) -> dict:
    """``{"head": tokens, "KEY": values of the last such line, "blocks": [...]}``, blocks nested."""
    stack = [{"head": ["ROOT"], "blocks": []}]
    for line in text.splitlines():
        words = tokens(line)
        if words == [">"]:
            stack.pop()
        elif words[0].startswith("<"):
            block = {"head": [words[0][1:], *words[1:]], "blocks": []}
            stack[-1]["blocks"].append(block)
            stack.append(block)
        else:
            stack[-1][words[0]] = words[1:]
    assert len(stack) == 1, "a block was not closed"
    (project,) = stack[0]["blocks"]
    return project


def number(item: dict, key: str, place: int = 0) -> float:
    return float(item[key][place])


def score(tmp_path: Path, **changes: object) -> Score:
    target = Recording("amen", str(tmp_path / "amen.wav"), 44100, 44100, channels=2)
    sources = (
        Recording("glass", str(tmp_path / "my sounds" / "gla's\"s.flac"), 48000, 480000),
        Recording("rain", "/far/away/rain.ogg", 48000, 480000, augmentation="pitch=-3,gain=6"),
        Recording("not used", "", 48000, 480000),
        Recording("sea", "/far/away/sea.mp3", 48000, 480000, augmentation="speed=2"),
    )
    fields: dict[str, object] = {
        "codec": "made-up",
        "sample_rate": 24000,
        "hop_length": 320,
        "grain_frames": 4,
        "hop_frames": 3,
        "seed": 0,
        "target": target,
        "recordings": sources,
        "target_frame": np.arange(25) * 3,
        "recording": [0] * 10 + [1] * 5 + [3] + [0] * 9,
        "source_frame": [*range(8, 38, 3), *range(30, 45, 3), 50, *range(100, 127, 3)],
        "probability": np.ones(25),
        "similarity": np.ones(25),
        "entropy": np.zeros(25),
    }
    return Score(**{**fields, **changes})


def session(made: Score, tmp_path: Path) -> dict:
    return parse(reaper_session(made, tmp_path / "out.RPP", force=True).read_text(encoding="utf-8"))


def test_items_are_where_the_score_says(tmp_path):
    made = score(tmp_path)
    project = session(made, tmp_path)
    assert project["head"][0] == "REAPER_PROJECT"
    assert project["SAMPLERATE"][0] == "44100"
    target, *tracks = project["blocks"]
    assert (target["NAME"], target["MUTESOLO"][0]) == (["target: amen"], "1")
    assert [(t["NAME"], t["MUTESOLO"][0]) for t in tracks] == [(["glass"], "0"), (["rain"], "0"), (["sea"], "0")]
    assert [len(t["blocks"]) for t in tracks] == [2, 1, 1]
    placed = {}
    for track in tracks:
        for item in track["blocks"]:
            placed[round(number(item, "POSITION") * 75)] = item
    assert sorted(placed) == [0, 30, 45, 48]
    for (first, n_grains), item in zip(made.runs(), (placed[p] for p in sorted(placed)), strict=True):
        recording = made.recordings[made.recording[first]]
        assert number(item, "POSITION") == pytest.approx(made.target_seconds[first], abs=1e-9)
        end = min((made.target_frame[first + n_grains - 1] + 4) / 75, 1.0)  # the target is one second long
        assert number(item, "POSITION") + number(item, "LENGTH") == pytest.approx(end, abs=1e-9)
        assert number(item, "SOFFS") == pytest.approx(made.source_seconds[first] * recording.speed, abs=1e-9)
        assert item["LOOP"] == ["0"]
        assert item["MIXFLAG"] == ["1"]


def test_fades_are_the_overlap(tmp_path):
    made = score(tmp_path)
    items = [item for track in session(made, tmp_path)["blocks"][1:] for item in track["blocks"]]
    items.sort(key=lambda item: number(item, "POSITION"))
    for before, after in pairwise(items):
        overlap = number(before, "POSITION") + number(before, "LENGTH") - number(after, "POSITION")
        assert overlap == pytest.approx(1 / 75, abs=1e-9)
        assert number(before, "FADEOUT", 1) == pytest.approx(overlap, abs=1e-9)
        assert number(after, "FADEIN", 1) == pytest.approx(overlap, abs=1e-9)
    assert number(items[0], "FADEIN", 1) == 0
    assert number(items[-1], "FADEOUT", 1) == 0
    assert {item[key][0] for item in items for key in ("FADEIN", "FADEOUT")} == {"0"}  # straight lines


@pytest.mark.parametrize(("grain_frames", "hop_frames"), [(4, 4), (4, 3), (8, 4), (8, 2), (12, 1)])
def test_items_together_weigh_one(tmp_path, grain_frames, hop_frames):
    generator = np.random.default_rng(0)
    n = 60
    runs = np.repeat(np.arange(n), generator.integers(1, 4, n))[:n]  # runs of one to three grains
    made = score(
        tmp_path,
        grain_frames=grain_frames,
        hop_frames=hop_frames,
        target=Recording("long", "", 44100, 441000),
        target_frame=np.arange(n) * hop_frames,
        recording=np.zeros(n, dtype=int),
        source_frame=runs * 100 + np.arange(n) * hop_frames,
        **{name: np.ones(n) for name in ("probability", "similarity", "entropy")},
    )
    time = (np.arange(n * hop_frames * 20) + 0.5) / 20 / 75
    total = np.zeros_like(time)
    for item in session(made, tmp_path)["blocks"][0]["blocks"]:
        inside = time - number(item, "POSITION")
        length = number(item, "LENGTH")
        fade_in, fade_out = (max(number(item, key, 1), 1e-12) for key in ("FADEIN", "FADEOUT"))
        shape = np.clip(inside / fade_in, 0, 1) * np.clip((length - inside) / fade_out, 0, 1)
        total += number(item, "VOLPAN") * shape
    steady = total[20 * grain_frames : -20 * grain_frames]
    assert steady.mean() == pytest.approx(1, abs=0.03)
    if hop_frames * 2 >= grain_frames:  # fades never cross: exactly one, everywhere
        np.testing.assert_allclose(steady, 1, atol=1e-6)


def test_augmentations_and_sources_are_reapers(tmp_path):
    glass, rain, sea = (track["blocks"][0] for track in session(score(tmp_path), tmp_path)["blocks"][1:])
    assert glass["PLAYRATE"][:3] == ["1", "1", "0"]
    assert rain["PLAYRATE"][:3] == ["1", "1", "-3"]
    assert number(rain, "VOLPAN") == pytest.approx(10 ** (6 / 20))
    assert sea["PLAYRATE"][:3] == ["2", "0", "0"]
    sources = [item["blocks"][0] for item in (glass, rain, sea)]
    assert [source["head"] for source in sources] == [["SOURCE", kind] for kind in ("FLAC", "VORBIS", "MP3")]
    inside = str(Path("my sounds") / "gla's\"s.flac")  # in the session's folder: relative
    assert [source["FILE"] for source in sources] == [[inside], ["/far/away/rain.ogg"], ["/far/away/sea.mp3"]]


@given(st.text(st.characters(blacklist_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=12))
def test_quoted_text_is_one_token(text):
    (token,) = tokens(quoted(text))
    assert token == (text if not {'"', "'", "`"} <= set(text) else text.replace("`", "'"))


def test_what_cannot_be_a_session_is_refused(tmp_path):
    made = score(tmp_path)
    unsaved = (dataclasses.replace(made.recordings[0], path=""), *made.recordings[1:])
    with pytest.raises(ArgumentError, match="recording 'glass' must be in a file"):
        reaper_session(dataclasses.replace(made, recordings=unsaved), tmp_path / "out.rpp")
    quotes = (dataclasses.replace(made.recordings[0], path="/a\"'`.wav"), *made.recordings[1:])
    with pytest.raises(ArgumentError, match="path of recording 'glass' has"):
        reaper_session(dataclasses.replace(made, recordings=quotes), tmp_path / "out.rpp")
    with pytest.raises(ArgumentError, match=r"must end in \.rpp"):
        reaper_session(made, tmp_path / "out.txt")
    assert list(tmp_path.iterdir()) == []
    reaper_session(made, tmp_path / "out.rpp")
    with pytest.raises(LgrError, match="exists"):
        reaper_session(made, tmp_path / "out.rpp")
