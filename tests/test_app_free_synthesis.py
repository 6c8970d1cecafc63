"""Tab 5 without a page: one-shots and their morphs, and lines on a model's latent plane."""

import json
import math
import zipfile
from pathlib import Path

import pytest
import torch

pytest.importorskip("gradio", reason="gradio is not installed: pip install 'lgr[app]'")

from lgr_app.jobs.latent_plane import (
    BRIGHTNESS_SECONDS,
    LINES,
    MOST_RAISED_DB,
    PEAK,
    Plane,
    Planes,
    brightness,
    checked_line,
    line_of,
    play_line,
    write_line,
)
from lgr_app.jobs.one_shots import (
    EACH,
    Draw,
    Morph,
    draw_one_shots,
    morph_one_shots,
    save_one_shots_picture,
    titles,
    write_one_shots,
)
from lgr_app.page.models import model_folder, model_labels, models_that_sample, models_with_a_plane
from lgr_app.tabs.latent_plane import caption, view
from lgr_app.tabs.one_shots import class_choices, one_shot_choices

from lgr.codecs import load_codec
from lgr.codecs.trained import TrainedCodec
from lgr.latents.projection import Projection, fit_projection, load_projection
from lgr.measures.transition import spectrum
from lgr.one_shots import in_a_row
from lgr.sound.audio import load_audio

SHORT = 0.25  # seconds: enough of a one-shot for a test


@pytest.fixture(scope="module")
def drums() -> TrainedCodec:
    codec = load_codec("drums-spectral")
    assert isinstance(codec, TrainedCodec)
    return codec


@pytest.fixture(scope="module")
def plane(drums: TrainedCodec) -> Plane:
    """The shipped plane; made-up colours, for listening to a thousand points is tested apart."""
    projection = load_projection(model_folder("drums-spectral"), drums.info)
    return Plane(projection=projection, brightness_hz=torch.linspace(100, 5000, len(projection.points)))


def centroid_hz(audio: torch.Tensor, rate: int) -> float:
    return float(torch.from_numpy(spectrum(audio, rate).centroid_hz).nanmean())


def test_one_shots_are_what_the_command_samples(drums: TrainedCodec) -> None:
    shots = draw_one_shots(drums, Draw(label="Snare", n=3, seed=7, seconds=SHORT))
    frames = math.ceil(SHORT * drums.info.frame_rate)
    for shot, latents in zip(shots, drums.sample("Snare", 3, 7, frames), strict=True):
        assert torch.equal(shot.audio, drums.decode(latents[None])[0])  # none of them is too loud
    assert [shot.title for shot in shots] == ["Snare 1", "Snare 2", "Snare 3"]
    assert not torch.equal(shots[0].audio, shots[1].audio)


def test_one_of_each_class_sounds_like_its_class(drums: TrainedCodec) -> None:
    """Golden: brightness (Hz) of the first draw's one-shots."""
    shots = draw_one_shots(drums, Draw(seconds=SHORT))
    bright = {shot.title: centroid_hz(shot.audio, drums.info.sample_rate) for shot in shots}
    assert [*bright] == [*drums.labels] == titles(model_labels("drums-spectral"), Draw())
    assert bright["Kick"] < bright["Tom"] < bright["Snare"] < bright["Hat"]
    golden = {"Clap": 2723, "Cowbell": 4147, "Crash": 3915, "Hat": 6036, "Kick": 545, "Ride": 5778}
    assert bright == pytest.approx({**golden, "Snare": 2408, "Tom": 1217}, rel=0.03)


def test_a_morph_begins_and_ends_with_its_one_shots(drums: TrainedCodec) -> None:
    draw = Draw(seed=4, seconds=SHORT)
    shots = draw_one_shots(drums, draw)
    steps, row = morph_one_shots(drums, draw, Morph(first=4, last=3, steps=4, every_seconds=0.1))
    assert [step.title for step in steps] == ["Kick", "33 % Hat", "67 % Hat", "Hat"]
    torch.testing.assert_close(steps[0].audio, shots[4].audio)
    torch.testing.assert_close(steps[-1].audio, shots[3].audio)
    bright = [centroid_hz(step.audio, drums.info.sample_rate) for step in steps]
    assert bright == sorted(bright)  # a kick is dark, a hat is bright
    expected = in_a_row(torch.cat([step.audio for step in steps]), round(0.1 * drums.info.sample_rate))
    torch.testing.assert_close(row[0], expected / max(1.0, float(expected.abs().max()) / 0.999))


def test_the_description_draws_and_morphs_the_same_again(drums: TrainedCodec, tmp_path: Path) -> None:
    draw, morph = Draw(label="Tom", n=2, seed=2, seconds=SHORT), Morph(steps=2)
    steps, _ = morph_one_shots(drums, draw, morph)
    files = write_one_shots(drums, steps, draw, tmp_path, morph=morph)
    with zipfile.ZipFile(files.together) as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == sorted(path.name for path in (*files.sounds, files.description))
        facts = json.loads(archive.read(files.description.name))
    assert [*facts["sounds"]] == [path.name for path in files.sounds] == ["01-tom-1-seed2.wav", "02-tom-2-seed2.wav"]
    again, _ = morph_one_shots(drums, Draw(**facts["draw"]), Morph(**facts["morph"]))
    for path, step in zip(files.sounds, again, strict=True):
        assert torch.equal(load_audio(path)[0], step.audio)
    assert save_one_shots_picture(steps, drums.info.sample_rate, tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")


def test_what_can_be_chosen() -> None:
    assert models_that_sample() == ["drums-spectral"]
    values = [value for _, value in class_choices("drums-spectral")]
    assert values == [EACH, *model_labels("drums-spectral"), ""]
    choices, first, last = one_shot_choices(Draw())
    assert (choices[first][0], choices[last][0]) == ("Kick", "Hat")
    assert one_shot_choices(Draw(label="Clap", n=3)) == ([("Clap 1", 0), ("Clap 2", 1), ("Clap 3", 2)], 0, 2)
    assert one_shot_choices(Draw(label="", n=1)) == ([("Any 1", 0)], 0, 0)


def test_what_cannot_be_drawn_is_told(drums: TrainedCodec) -> None:
    with pytest.raises(ValueError, match="How many must be from 1 to 12, got 13"):
        draw_one_shots(drums, Draw(label="Kick", n=13))
    with pytest.raises(ValueError, match="label must be one that drums-spectral was trained on"):
        draw_one_shots(drums, Draw(label="Gong"))
    with pytest.raises(ValueError, match="Length must be above 0 and at most 4 s, got 60"):
        draw_one_shots(drums, Draw(seconds=60))
    with pytest.raises(ValueError, match="Choose two of the 8 one-shots drawn, got number 9"):
        morph_one_shots(drums, Draw(), Morph(first=8))
    with pytest.raises(ValueError, match="Steps must be from 2 to 12, got 1"):
        morph_one_shots(drums, Draw(), Morph(steps=1))
    with pytest.raises(ValueError, match="Time between one-shots must be above 0 and at most 4 s"):
        morph_one_shots(drums, Draw(), Morph(every_seconds=0))


def test_a_place_on_the_plane_is_its_latents_held(drums: TrainedCodec, plane: Plane) -> None:
    place = plane.projection.points[16]
    held = play_line(drums, plane.projection, [place.tolist()], seconds=0.2)
    n = round(0.2 * drums.info.frame_rate)
    latents = plane.projection.inverse(place[None])
    expected = drums.decode(latents.T[None].expand(1, -1, n))[0]
    gain = 10 ** (held.raised_db / 20)
    torch.testing.assert_close(held.audio, expected * gain, rtol=1e-4, atol=1e-5)
    assert float(held.audio.abs().max()) == pytest.approx(PEAK, rel=1e-4)


def test_a_line_goes_where_it_was_drawn(drums: TrainedCodec, plane: Plane) -> None:
    """Golden: the drums' first axis is brightness, from dark to bright and, drawn the other way, back."""
    line = line_of("Straight across", plane.projection)
    rate = drums.info.sample_rate
    there, back = (play_line(drums, plane.projection, way, seconds=1.0).audio for way in (line, line[::-1]))
    quarter = rate // 4
    ends = [centroid_hz(sound, rate) for sound in (there[:, :quarter], there[:, -quarter:])]
    assert ends == pytest.approx([604, 5188], rel=0.03)
    assert centroid_hz(back[:, -quarter:], rate) < 2000 < centroid_hz(back[:, :quarter], rate)


def test_a_class_changes_the_sound_of_a_line(drums: TrainedCodec, plane: Plane) -> None:
    line = line_of("Round the middle", plane.projection)
    plain, kick = (play_line(drums, plane.projection, line, seconds=0.3, label=label) for label in ("", "Kick"))
    assert not torch.allclose(plain.audio, kick.audio, atol=1e-2)
    assert torch.equal(play_line(drums, plane.projection, line, seconds=0.3).audio, plain.audio)


@pytest.mark.parametrize("name", LINES)
def test_example_lines_stay_among_the_points(plane: Plane, name: str) -> None:
    line = checked_line(line_of(name, plane.projection))
    assert len(line) == 200
    reach = plane.projection.points.abs().max()
    assert float(line.abs().max()) < float(reach)
    steps = (line[1:] - line[:-1]).norm(dim=1)
    assert float(steps.max()) < 0.1 * float(reach)  # no jumps


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ([], "Draw a line on the plane first"),
        ("abc", "Draw a line on the plane first"),
        (None, "Draw a line on the plane first"),
        ([[1, 2, 3]], "Draw a line on the plane first"),
        ([[1, 2], [3]], "Draw a line on the plane first"),
        ([[0, 0]] * 20_001, "Draw a line on the plane first"),
        ([[0, math.nan]], "must be finite"),
        ([[0, math.inf]], "must be finite"),
    ],
)
def test_lines_that_no_page_draws_are_refused(line: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        checked_line(line)


def test_lines_take_time_and_have_names(drums: TrainedCodec, plane: Plane) -> None:
    for seconds in (0, math.nan, math.inf):
        with pytest.raises(ValueError, match="seconds must be > 0"):
            play_line(drums, plane.projection, [[0, 0]], seconds=seconds)
    with pytest.raises(ValueError, match="line must be one of"):
        line_of("Zigzag", plane.projection)


def test_brightness_is_the_centroid_of_each_point_alone(drums: TrainedCodec, plane: Plane) -> None:
    shipped = plane.projection
    few = fit_projection(shipped.inverse(shipped.points[::100]), n_labels=shipped.n_labels)
    hz = brightness(drums, few)
    frames = math.ceil(BRIGHTNESS_SECONDS * drums.info.frame_rate)
    for i in (0, 3, 9):
        latents = few.inverse(few.points[i : i + 1])
        sound = drums.decode(latents.T[None].expand(1, -1, frames))[0]
        assert float(hz[i]) == pytest.approx(centroid_hz(sound, drums.info.sample_rate), rel=1e-3)


def test_a_plane_is_listened_to_once_for_all_visitors(drums: TrainedCodec, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def listened(codec: TrainedCodec, projection: Projection, *, progress: object = None) -> torch.Tensor:
        asked.append(codec.info.name)
        return torch.ones(len(projection.points))

    monkeypatch.setattr("lgr_app.jobs.latent_plane.brightness", listened)
    planes = Planes()
    assert planes.of(drums) is planes.of(drums)
    assert asked == ["drums-spectral"]


def test_the_view_and_its_caption_say_what_is_shown(plane: Plane) -> None:
    assert "drums-spectral" in models_with_a_plane()
    text = caption(plane)
    assert "1,000 moments" in text
    assert f"{plane.explained:.0%}" in text
    assert plane.explained == pytest.approx(0.154, abs=0.001)
    seen = view(plane, [[0, 0], [1, 1]])
    assert seen["names"][0] == "100 Hz"
    assert seen["legend"]["title"].startswith("Spectral centroid")
    assert "line" in seen
    assert "line" not in view(plane)


def test_a_line_is_written_with_what_it_was_made_from(drums: TrainedCodec, plane: Plane, tmp_path: Path) -> None:
    line = line_of("Spiral inwards", plane.projection)
    made = play_line(drums, plane.projection, line, seconds=0.3, label="Hat")
    assert made.raised_db <= MOST_RAISED_DB
    audio, description = write_line(made, drums, line, 0.3, "Hat", tmp_path)
    facts = json.loads(description.read_text())
    again = play_line(drums, plane.projection, facts["line"], seconds=facts["seconds"], label=facts["class"])
    torch.testing.assert_close(load_audio(audio)[0], again.audio, rtol=0, atol=2e-3)
