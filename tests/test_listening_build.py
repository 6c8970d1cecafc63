"""Making a listening test: equally loud, nothing given away, replayed from its seed, and bad results refused."""

import base64
import io
import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from command_line import done, refused
from made_up_listening import CONDITIONS, ITEMS, RATE, SECONDS, made_results, made_test, sound

from lgr.errors import ArgumentError, LgrError
from lgr.listening.build import ListeningTest, ListeningTestConfig, build_listening_test
from lgr.sound.audio import save_audio
from lgr.sound.loudness import CEILING_DB, integrated_loudness, true_peak_db


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> ListeningTest:
    return made_test(tmp_path_factory.mktemp("study"))


def decoded(path: Path) -> tuple[torch.Tensor, int]:
    """A sound of the page, read as the browser does: the name and the base64 of a FLAC file."""
    call, name, data = path.read_text().removesuffix(");\n").replace('"', "").replace(", ", "(").split("(")
    assert (call, name) == ("lgrSound", path.stem)
    audio, rate = soundfile.read(io.BytesIO(base64.b64decode(data)), always_2d=True)
    return torch.from_numpy(audio.T.astype(np.float32)), rate


def sounds(study: ListeningTest) -> dict[str, tuple[torch.Tensor, int]]:
    return {path.stem: decoded(path) for path in (study.page.parent / "audio").iterdir()}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_all_sounds_are_equally_loud_equally_long_and_unclipped(study: ListeningTest) -> None:
    found = sounds(study)
    assert len(found) == len(ITEMS) * (2 + len(CONDITIONS) + 2)  # and the open references of two questions
    for audio, rate in found.values():
        assert integrated_loudness(audio, rate) == pytest.approx(study.level_lufs, abs=0.1)
        assert true_peak_db(audio, rate) <= CEILING_DB + 0.01
        assert (tuple(audio.shape), rate) == ((1, round(SECONDS * RATE)), RATE)


def test_a_sound_is_what_the_key_says_but_for_its_gain(study: ListeningTest, tmp_path: Path) -> None:
    key, found = json.loads(study.key.read_text()), sounds(study)
    for item in key["items"]:
        for each in item["sounds"]:
            original, _ = soundfile.read(
                study.key.parents[1] / "results" / item["name"] / f"{each['condition']}.wav", dtype="float32"
            )
            inside = slice(60, round(SECONDS * RATE) - 60)  # between the fades
            gained = original[inside] * 10 ** (each["gain_db"] / 20)
            np.testing.assert_allclose(found[each["id"]][0][0, inside], gained, atol=1e-3)
        by_condition = {each["condition"]: each["id"] for each in item["sounds"]}
        for question, about in (("retention", "reference"), ("adoption", "source")):
            open_one, hidden = item["references"][question], by_condition[about]
            assert open_one != hidden
            torch.testing.assert_close(found[open_one][0], found[hidden][0])


def test_nothing_that_listeners_get_tells_conditions_or_items(study: ListeningTest) -> None:
    page = contents(study.page.parent)
    named = {*CONDITIONS, *ITEMS, "results"}
    for name, data in page.items():
        text = data.decode().lower()
        if not name.startswith("audio/"):  # base64 may spell anything
            assert not [word for word in named if word in text], name
        assert not [word for word in named if word in name]
    shown = json.loads(page["test.js"].decode().split("const TEST = ")[1].rstrip(";\n"))
    order = {each["condition"]: i for i, each in enumerate(json.loads(study.key.read_text())["items"][0]["sounds"])}
    assert list(order) == ["reference", "source", *sorted(CONDITIONS)]
    for item in shown["items"]:
        assert item["sounds"] == sorted(item["sounds"])  # by their random names, not by what they are
    assert sorted(path.name for path in study.key.parent.iterdir()) == ["key.json", "page"]


def test_nothing_is_loaded_from_elsewhere(study: ListeningTest) -> None:
    for name, data in contents(study.page.parent).items():
        if not name.startswith("audio/"):
            text = data.decode()
            assert "http" not in text.replace("http-equiv", ""), name
            assert not [word for word in ("fetch(", "XMLHttpRequest", "sendBeacon", "@import", "url(") if word in text]


def test_a_seed_replays_and_another_one_or_other_sounds_do_not(tmp_path: Path) -> None:
    results = made_results(tmp_path / "results")

    def build(name: str, seed: int | None) -> dict[str, bytes]:
        config = ListeningTestConfig(seed=seed)
        return contents(build_listening_test(results, tmp_path / name, config=config).key.parent)

    first = build("a", 3)
    assert build("b", 3) == first
    assert not set(build("c", 4)) & {name for name in first if "audio" in name}
    drawn, again = build("d", None), build("e", None)
    assert json.loads(drawn["key.json"])["seed"] != json.loads(again["key.json"])["seed"]
    more = build_listening_test(results, tmp_path / "f", config=ListeningTestConfig(seed=3, abx_trials=1))
    save_audio(results / "voice" / "poor.wav", sound(800, -12), RATE, force=True)
    tests = [json.loads(each)["test"] for each in (first["key.json"], more.key.read_text(), build("g", 3)["key.json"])]
    assert len(set(tests)) == 3  # nobody's answers can be taken for those to another test


def test_rates_channels_and_lengths_are_made_one(tmp_path: Path) -> None:
    results = made_results(tmp_path / "results", items=("one",))
    one = results / "one"
    save_audio(one / "good.wav", sound(250, -20, rate=16_000, seconds=0.63), 16_000, force=True)
    save_audio(one / "poor.wav", sound(300, -20, seconds=0.57).repeat(2, 1), RATE, force=True)
    save_audio(one / "source.wav", sound(350, -20, seconds=0.25), RATE, force=True)  # repeated until it is long enough
    made = build_listening_test(results, tmp_path / "test")
    for audio, rate in sounds(made).values():
        assert (tuple(audio.shape), rate) == ((2, 9_600), 16_000)
        assert integrated_loudness(audio, rate) == pytest.approx(made.level_lufs, abs=0.1)


def test_which_pairs_are_compared(tmp_path: Path) -> None:
    made = made_test(tmp_path)
    assert json.loads(made.key.read_text())["abx"] == [["reference", name] for name in sorted(CONDITIONS)]
    assert (made.rating_trials, made.abx_trials) == (4, 6)
    made = build_listening_test(tmp_path / "results", tmp_path / "none", config=ListeningTestConfig(abx_trials=0))
    assert json.loads(made.key.read_text())["abx"] == []

    def refuse(*pairs: tuple[str, str], says: str) -> None:
        with pytest.raises(ArgumentError, match=says):
            build_listening_test(tmp_path / "results", tmp_path / "no", config=ListeningTestConfig(abx=pairs))

    refuse(("good", "bad"), says="abx must be pairs of two of reference, source, fair, good, poor, got good:bad")
    refuse(("good", "good"), says="got good:good")
    refuse(("good", "poor"), ("poor", "good"), says="abx must name each pair once, got good:poor, poor:good")
    with pytest.raises(ArgumentError, match=r"abx_trials must be in \[0, 100\], got -1"):
        ListeningTestConfig(abx_trials=-1)


def break_reference(results: Path) -> None:
    (results / "voice" / "reference.wav").unlink()


def break_source(results: Path) -> None:
    (results / "drums" / "source.wav").unlink()


def leave_one(results: Path) -> None:
    for name in ("good", "fair"):
        for item in ITEMS:
            (results / item / f"{name}.wav").unlink()


def differ(results: Path) -> None:
    (results / "voice" / "fair.wav").unlink()


def lengthen(results: Path) -> None:
    save_audio(results / "voice" / "fair.wav", sound(300, -20, seconds=0.9), RATE, force=True)


def silence(results: Path) -> None:
    save_audio(results / "drums" / "good.wav", torch.zeros(1, round(SECONDS * RATE)), RATE, force=True)


def quieten_source(results: Path) -> None:
    audio = torch.cat([torch.zeros(1, RATE), sound(300, -20)], 1)
    save_audio(results / "drums" / "source.wav", audio, RATE, force=True)


def shorten(results: Path) -> None:
    save_audio(results / "drums" / "reference.wav", sound(300, -20, seconds=0.3), RATE, force=True)


def surround(results: Path) -> None:
    save_audio(results / "drums" / "poor.wav", sound(300, -20).repeat(6, 1), RATE, force=True)


def double(results: Path) -> None:
    save_audio(results / "drums" / "poor.flac", sound(300, -20), RATE)


def spoil(results: Path) -> None:
    (results / "drums" / "poor.wav").write_text("poor")


def empty(results: Path) -> None:
    for item in ITEMS:
        shutil.rmtree(results / item)


def remove(results: Path) -> None:
    shutil.rmtree(results)


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (break_reference, "voice must hold reference.wav (the target), and has none"),
        (break_source, "drums must hold source.wav (what its grains came from), and has none"),
        (leave_one, "drums must hold two conditions or more beside reference and source, got poor"),
        (differ, "all items must have the same conditions, but 'fair' is missing in"),
        (lengthen, "fair.wav must be as long as the reference (0.600 s, give or take 50 ms), got 0.900 s"),
        (silence, "good.wav must be louder than -70 LUFS, got (nearly) silence"),
        (quieten_source, "source.wav must be louder than -70 LUFS, got (nearly) silence in its first 0.6 s"),
        (shorten, "reference.wav must last 0.4 s or more, got 0.3 s"),
        (surround, "poor.wav must be mono or stereo, got 6 channels"),
        (double, "must hold each sound once, got poor.flac and poor.wav"),
        (spoil, "poor.wav holds text, not audio"),
        (empty, "must hold a folder for each item"),
        (remove, "must be a folder of results"),
    ],
)
def test_bad_results_are_refused_in_a_sentence(fault: object, says: str, tmp_path: Path) -> None:
    results = made_results(tmp_path / "results")
    fault(results)  # type: ignore[operator]
    refused(tmp_path, "listening-test", results, "-o", tmp_path / "test", says=says)
    assert not (tmp_path / "test").exists()


def test_a_test_is_kept_unless_told_and_other_folders_always(tmp_path: Path) -> None:
    made = made_test(tmp_path)
    results = tmp_path / "results"

    def refuse(out: Path, *options: str, says: str) -> None:
        refused(tmp_path, "listening-test", results, "-o", out, *options, says=says)

    refuse(tmp_path / "test", says="exists already and is kept, for its key")
    before = made.key.read_text()
    done("listening-test", results, "-o", tmp_path / "test", "--force")
    assert made.key.read_text() != before  # drawn anew
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    refuse(tmp_path / "mine", "--force", says="out must be new, empty or a listening test")
    refuse(results / "test", says="out must not lie in the folder of results")
    refuse(tmp_path / "no" / "test", says="out must lie in an existing folder")
    refuse(tmp_path / "t", "--abx", "good", says="--abx must be two conditions")


def test_a_failure_half_way_leaves_the_old_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = made_test(tmp_path)
    before = contents(tmp_path / "test")

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lgr.listening.build._flac", full)
    with pytest.raises(LgrError, match="cannot be written: No space left on device"):
        build_listening_test(tmp_path / "results", tmp_path / "test", force=True)
    assert contents(tmp_path / "test") == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["results", "test"]
    assert made.key.exists()


def test_the_command_says_what_it_made(tmp_path: Path) -> None:
    results = made_results(tmp_path / "results")
    said = done(
        "listening-test", results, "-o", tmp_path / "test", "--abx", "good:poor", "--abx-trials", "1", "--seed", 2
    )
    key = json.loads((tmp_path / "test" / "key.json").read_text())
    assert (key["abx"], key["abx_trials"], key["seed"]) == ([["good", "poor"]], 1, 2)
    assert "4 of ratings, 1 A/B/X" in said
    assert "reference, source, fair, good, poor" in said
    assert math.isclose(key["level_lufs"], -23, abs_tol=0.01)
