"""The grain map without a browser: what it shows, says and plays, on bundled sounds; and what its points travel as.

``PYTHONPATH=. python tests/test_app_grain_map.py`` writes the golden anew.
"""

import base64
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("gradio", reason="gradio is not installed: pip install 'lgr[app]'")

from lgr_app.jobs.grain_map import (
    COLOURS,
    LASSO_SECONDS,
    MapState,
    Walk,
    caption,
    map_sounds,
    view,
    walk_lasso,
    walk_line,
    walk_point,
    write_walk,
)
from lgr_app.page.scatter import by_kind, by_number, cloud, scatter
from lgr_app.page.scatter.colours import KIND_COLOURS, OTHER_COLOUR, STEPS
from lgr_app.page.scatter.component import TOOLS
from lgr_app.page.sounds import clip

from lgr.codecs.registry import load_codec
from lgr.errors import ArgumentError, ShapeError
from lgr.score import Score

GOLDEN = Path(__file__).parent / "goldens" / "app_grain_map.json"
GROUND = {"light": "#FFFFFF", "dark": "#100F0E"}  # of the map, in apps/lgr_app/page/theme.py


def the_map(**settings: Any) -> MapState:
    return map_sounds([clip("glass"), clip("steel_pan")], load_codec("bundled"), target=clip("drum_loop"), **settings)


@pytest.fixture(scope="module")
def grain_map() -> MapState:
    return the_map()


def numbers(grain_map: MapState) -> dict[str, Any]:
    """What the map and its three ways of playing give on bundled sounds, in a few numbers."""
    codec, points = load_codec("bundled"), grain_map.grains.points
    assert grain_map.target_line is not None
    line = [points[i].tolist() for i in (0, 150, 300)]
    played = {
        "grain": walk_point(grain_map, 100, codec),
        "grain in context": walk_point(grain_map, 100, codec, context_seconds=0.2),
        "lasso": walk_lasso(grain_map, list(range(50, 120)), codec),
        "path": walk_line(grain_map, line, codec, seconds=2.0, neighbours=1, seed=3),
    }
    return {
        "grains": len(grain_map.grains),
        "points": [[round(v, 4) for v in points[i].tolist()] for i in (0, 100, 200, 400)],
        "target": [round(v, 4) for v in grain_map.target_line[10].tolist()],
        "level_db": round(float(grain_map.grains.level_db.mean()), 3),
        "centroid_hz": round(float(grain_map.grains.centroid_hz.mean()), 1),
        "played": {
            name: {"samples": walk.audio.shape[1], "rms": round(float(walk.audio.square().mean().sqrt()), 5)}
            for name, walk in played.items()
        },
        "path": played["path"].score.source_frame[::8].tolist(),
    }


# Golden


def test_numbers_on_bundled_sounds(grain_map: MapState) -> None:
    golden, found = json.loads(GOLDEN.read_text()), numbers(grain_map)
    assert found["grains"] == golden["grains"]
    assert np.asarray(found["points"]) == pytest.approx(np.asarray(golden["points"]), abs=2e-3)
    assert found["target"] == pytest.approx(golden["target"], abs=2e-3)
    assert found["level_db"] == pytest.approx(golden["level_db"], abs=0.01)
    assert found["centroid_hz"] == pytest.approx(golden["centroid_hz"], rel=1e-3)
    assert found["played"].keys() == golden["played"].keys()
    for name, walk in found["played"].items():
        assert walk["samples"] == golden["played"][name]["samples"]
        assert walk["rms"] == pytest.approx(golden["played"][name]["rms"], rel=0.01)
    assert found["path"] == golden["path"]


# What it shows


def test_every_grain_is_a_dot_with_its_file_and_second(grain_map: MapState) -> None:
    value = view(grain_map, "File")
    grains = grain_map.grains
    assert np.array_equal(unpacked(value["points"], "<f4").reshape(-1, 2), grains.points.numpy())
    assert value["names"] == ["glass", "steel_pan"]
    assert np.array_equal(unpacked(value["name_of"], "<i4"), grains.codebook.recording_.numpy())
    assert np.array_equal(unpacked(value["seconds"], "<f4"), grains.seconds.numpy())
    assert np.array_equal(unpacked(value["line"], "<f4").reshape(-1, 2), grain_map.target_line.numpy())
    json.dumps(value)  # it goes to a browser


@pytest.mark.parametrize(
    ("colour", "column"), [("Time", "seconds"), ("Loudness", "level_db"), ("Brightness", "centroid_hz")]
)
def test_colours_follow_what_they_stand_for(grain_map: MapState, colour: str, column: str) -> None:
    value = view(grain_map, colour)
    order = torch.argsort(getattr(grain_map.grains, column)).numpy()
    index = unpacked(value["colour"], "u1").astype(int)[order]
    assert (np.diff(index) >= 0).all()
    assert (index[0], index[-1]) == (0, STEPS - 1)
    assert value["points"] == view(grain_map, "File")["points"]  # so that the view and the selection are kept
    assert len(set(COLOURS)) == 4


def test_the_caption_says_how_long_a_grain_is_and_what_the_axes_are(grain_map: MapState) -> None:
    said = caption(grain_map)
    assert f"Each of {len(grain_map.grains):,} dots is a grain of 107 ms" in said
    assert "no unit" in said
    assert "target's way" in said
    alone = map_sounds([clip("glass")], load_codec("bundled"), grain_frames=3)
    assert "40 ms" in caption(alone)
    assert "target" not in caption(alone)


# What it plays


def test_a_lasso_plays_each_bit_of_sound_once(grain_map: MapState) -> None:
    codec = load_codec("bundled")
    walk = walk_lasso(grain_map, list(range(20, 60)), codec)
    assert walk.score.mean_run_length == len(walk.score)
    first = grain_map.grains.codebook.source_frame_[20]
    assert walk.score.source_frame[0] == first
    assert walk.sentence.startswith("40 grains in the lasso: 1.1")
    everything = walk_lasso(grain_map, list(range(len(grain_map.grains))), codec)
    assert everything.audio.shape[1] / everything.sample_rate <= LASSO_SECONDS + 0.1
    marked = walk_lasso(grain_map, [60, 20, 20], codec, marked=True)
    frames = grain_map.grains.codebook.source_frame_
    assert marked.score.source_frame.tolist() == frames[torch.tensor([60, 20, 20])].tolist()


def test_a_lasso_of_much_is_thinned_and_says_so(grain_map: MapState, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lgr_app.jobs.grain_map.LASSO_SECONDS", 1.0)
    walk = walk_lasso(grain_map, list(range(200)), load_codec("bundled"))
    assert walk.audio.shape[1] / walk.sample_rate == pytest.approx(1.0, abs=0.05)
    assert "of them taken evenly" in walk.sentence


def test_a_line_replays_from_its_seed(grain_map: MapState) -> None:
    codec = load_codec("bundled")
    line = grain_map.grains.points[[0, 200, 400]].tolist()

    def played(seed: int) -> Walk:
        return walk_line(grain_map, line, codec, seconds=1.5, neighbours=6, seed=seed)

    assert torch.equal(played(4).audio, played(4).audio)
    assert not torch.equal(played(4).audio, played(5).audio)
    assert played(4).audio.shape[1] / codec.info.sample_rate == pytest.approx(1.5, abs=0.05)


def test_a_result_is_written_with_a_score_that_names_no_folder(grain_map: MapState, tmp_path: Path) -> None:
    walk = walk_point(grain_map, 3, load_codec("bundled"))
    audio, path = write_walk(walk, tmp_path, "grain")
    assert (audio.name, path.name) == ("grain.flac", "grain.json")
    score = Score.load(path)
    assert (score.recording.tolist(), score.source_frame.tolist()) == ([0], [6])
    assert [recording.path for recording in score.recordings] == ["glass.flac", "steel_pan.flac"]


def test_what_is_of_another_map_is_refused(grain_map: MapState) -> None:
    codec = load_codec("bundled")
    with pytest.raises(ArgumentError, match="index must be in"):
        walk_point(grain_map, len(grain_map.grains), codec)
    with pytest.raises(ArgumentError, match="older map"):
        walk_lasso(grain_map, [0, len(grain_map.grains)], codec)
    with pytest.raises(ArgumentError, match="holds no grain"):
        walk_lasso(grain_map, [], codec)
    with pytest.raises(ArgumentError, match="line must be finite"):
        walk_line(grain_map, [[0.0, math.nan]], codec)
    with pytest.raises(ShapeError, match="line must be"):
        walk_line(grain_map, [], codec)
    with pytest.raises(ArgumentError, match="colour must be one of"):
        view(grain_map, "Taste")


# The cloud as it travels, and its colours


def unpacked(text: str, kind: str) -> Any:
    return np.frombuffer(base64.b64decode(text), kind)


def test_fifty_thousand_points_are_small() -> None:
    n = 50_000
    points, kind = np.random.default_rng(0).normal(size=(n, 2)), np.arange(n) % 3
    value = cloud(points, by_kind(kind, "abc"), "abc", name_of=kind, seconds=kind)
    assert len(json.dumps(value)) < 1.2e6


def test_colours_stand_out_from_the_ground() -> None:
    """By WCAG's measure for what is not text: a contrast of 3 to 1."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def contrast(a: str, b: str) -> float:
        low, high = sorted((luminance(a), luminance(b)))
        return (high + 0.05) / (low + 0.05)

    for scheme, ground in GROUND.items():
        weakest = min(contrast(colour, ground) for colour in (*KIND_COLOURS[scheme], OTHER_COLOUR[scheme]))
        assert weakest >= 3, scheme
        ramp = by_number(np.arange(100.0), "n").palette[scheme]
        lightness = [luminance(colour) for colour in ramp]
        assert sorted(lightness) == lightness  # even in grey print: dark to light


def test_many_kinds_share_the_last_colour() -> None:
    kinds = by_kind(np.arange(10), [f"k{i}" for i in range(10)])
    assert kinds.index.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 7, 7]
    assert kinds.legend["names"][-1] == "3 others"
    assert {len(colours) for colours in kinds.palette.values()} == {8}
    few = by_kind([0, 1, 1], ["a", "b"])
    assert few.palette["light"] == list(KIND_COLOURS["light"][:2])


def test_one_value_everywhere_is_one_colour() -> None:
    same = by_number(np.full(9, 3.5), "Time", "s", digits=1)
    assert set(same.index.tolist()) == {0}
    assert same.legend["range"] == ["3.5 s", "3.5 s"]


BAD: Sequence[tuple[dict[str, Any], str]] = [
    ({"points": np.zeros((3, 3))}, r"points must be \(n, 2\)"),
    ({"points": np.full((4, 2), np.nan)}, "points must be finite"),
    ({"points": np.zeros((5, 2))}, "colours.index must be"),
    ({"names": ["a", "b", "c"]}, "names must be one for each of 4 points"),
    ({"seconds": [1.0]}, "seconds must be"),
    ({"line": np.zeros((0, 2))}, "line must be"),
]


@pytest.mark.parametrize(("change", "message"), BAD)
def test_arrays_that_do_not_fit_are_refused(change: dict[str, Any], message: str) -> None:
    given = {"points": np.zeros((4, 2)), "colours": by_kind([0, 0, 1, 1], ["a", "b"]), **change}
    with pytest.raises(ArgumentError, match=message):
        cloud(**given)


def test_colours_and_tools_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ArgumentError, match="index 2 names"):
        by_kind([0, 2], ["a", "b"])
    with pytest.raises(ArgumentError, match="values must be finite"):
        by_number([1.0, math.inf], "n")
    with pytest.raises(ArgumentError, match=f"tools must be some of {', '.join(TOOLS)}"):
        scatter(described="A map.", tools=("pen",))


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(numbers(the_map()), indent=2) + "\n")
