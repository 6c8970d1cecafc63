"""``lgr evaluate``: scores, folders and sounds, its table and its JSON, and its refusals."""

import json
from pathlib import Path

import pytest
import torch
from command_line import done, refused, two_sounds

from lgr.evaluation import NOT_ASKED, evaluate
from lgr.score import Score
from lgr.sound.audio import load_audio, save_audio


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """target.wav, source.wav, and results/: two of a sweep, the second without its sound."""
    folder = two_sounds(tmp_path_factory.mktemp("evaluate"))
    pytest.importorskip("mir_eval")
    (folder / "results").mkdir()
    for name, temperature in (("near", "0"), ("bold", "0.3")):
        out, score = folder / f"results/{name}.wav", folder / f"results/{name}.json"
        done(
            "resynth",
            folder / "source.wav",
            *("-t", folder / "target.wav", "-o", out, "--score", score, "--temperature", temperature),
        )
    (folder / "results/bold.wav").unlink()
    (folder / "results/notes.json").write_text("{}")
    return folder


def column(table: str, number: str, result: int = 0) -> float:
    """The value of a number in a printed table."""
    lines = (line.split() for line in table.splitlines())
    words = next(words for words in lines if number in words[:2])
    results = len(table.splitlines()[0].split()) - 2
    return float(words[-results:][result])


def test_a_folder_of_scores(made: Path) -> None:
    text = done("evaluate", made / "results")
    assert text.splitlines()[0].split() == ["family", "number", "bold", "near"]
    assert column(text, "distinct_grains") == Score.load(made / "results/bold.json").distinct
    assert column(text, "source_distance", 1) < column(text, "target_to_source_distance", 1)
    assert "pitch_agreement" not in text  # nobody asked
    assert "no tempo_agreement: the target has no beat" in text  # a second is too short


def test_a_score_is_evaluated_as_the_package_does(made: Path) -> None:
    out = made / "near.json"
    done("evaluate", made / "results/near.json", "--json", out)
    written = json.loads(out.read_text(encoding="utf-8"))
    out.unlink()
    (result,) = written["results"]
    score = Score.load(made / "results/near.json")
    sounds = (made / "target.wav", [made / "source.wav"])
    expected = evaluate(*sounds, *load_audio(made / "results/near.wav"), score=score).to_json()
    assert {name: result[name] for name in expected} == expected
    assert (result["target"], result["sources"]) == (str(sounds[0]), [str(sounds[1][0])])
    assert (result["codec"], result["seed"]) == ("bundled", 0)
    assert (written["format"], written["version"]) == ("lgr-evaluation", 1)


def test_a_rendered_score_is_the_sound_that_lay_beside_it(made: Path) -> None:
    beside = done("evaluate", made / "results/near.json")
    assert done("evaluate", made / "results/near.json", "--render") == beside


def test_a_sound_without_a_score(made: Path) -> None:
    text = done(
        "evaluate",
        made / "target.wav",
        "-t",
        made / "target.wav",
        "-s",
        made / "source.wav",
        "--cross-codec",
        "bundled",
    )
    assert column(text, "adoption_codec") == 0
    assert column(text, "onset_f") == 1
    assert "seam_ratio" not in text
    pair = done(
        "evaluate", made / "source.wav", made / "target.wav", "-t", made / "target.wav", "-s", made / "source.wav"
    )
    assert pair.splitlines()[0].split()[2:] == ["source", "target"]
    assert column(pair, "adoption", 0) > 0.99


def test_a_path_is_measured_at_its_seams(made: Path, tmp_path: Path) -> None:
    report = tmp_path / "path.json"
    sounds = (made / "target.wav", made / "source.wav")
    done("interpolate", *sounds, "-o", tmp_path / "path.wav", "--context", "1", "--report", report)
    told = json.loads(report.read_text(encoding="utf-8"))
    seams = ",".join(str(each) for each in told["seams_seconds"])
    text = done("evaluate", tmp_path / "path.wav", "--seams", seams)
    assert column(text, "trend") == pytest.approx(told["numbers"]["trend"], rel=0.01)
    assert column(text, "relative_flux_first") == pytest.approx(told["numbers"]["relative_flux"][0], rel=0.01)


def test_reasons_that_matter_are_told(tmp_path: Path) -> None:
    two_sounds(tmp_path)
    save_audio(tmp_path / "silence.wav", torch.zeros(1, 24000), 24000)
    text = done("evaluate", tmp_path / "silence.wav", "-t", tmp_path / "target.wav", "-s", tmp_path / "source.wav")
    assert "no adoption: silence" in text
    assert not any(reason in text for reason in NOT_ASKED)


def test_what_cannot_be_evaluated_is_refused(made: Path, tmp_path: Path) -> None:
    sound, score = made / "target.wav", made / "results/near.json"
    refused(tmp_path, "evaluate", sound, says=["target.wav", "--target and --source"])
    refused(tmp_path, "evaluate", sound, "-t", sound, says="--target and --source must both be given")
    refused(tmp_path, "evaluate", score, "-t", sound, "-s", sound, says="RESULT must be a sound with --target")
    refused(tmp_path, "evaluate", sound, "--seams", "1", says="--seams must be two numbers")
    refused(tmp_path, "evaluate", sound, "--seams", "1,2", "-t", sound, says="leave out --target")
    refused(tmp_path, "evaluate", tmp_path, says="got a folder without one")
    refused(tmp_path, "evaluate", tmp_path / "none.json", says="cannot be read")
    refused(tmp_path, "evaluate", made / "results/notes.json", says="must be a score that lgr wrote")
    refused(tmp_path, "evaluate", score, "--json", tmp_path / "out.csv", says="--json must end in .json")
    refused(made, "evaluate", score, "--json", score, says="--json must not be a file that is read")
    refused(tmp_path, "evaluate", tmp_path / "none.wav", "-t", sound, "-s", sound, says="does not exist")


def test_a_sound_that_is_not_the_scores_is_refused(made: Path, tmp_path: Path) -> None:
    (tmp_path / "near.json").write_bytes((made / "results/near.json").read_bytes())
    save_audio(tmp_path / "near.wav", torch.ones(1, 500), 24000)
    refused(tmp_path, "evaluate", tmp_path / "near.json", says=["near.wav must be as long as the target", "--render"])
    assert "adoption" in done("evaluate", tmp_path / "near.json", "--render")


def test_a_damaged_score_in_a_folder_is_told(made: Path, tmp_path: Path) -> None:
    text = (made / "results/near.json").read_text(encoding="utf-8")
    (tmp_path / "near.json").write_text(text[: len(text) // 2], encoding="utf-8")
    refused(tmp_path, "evaluate", tmp_path, says="damaged")


def test_an_existing_json_is_kept(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    out.write_text("mine")
    refused(tmp_path, "evaluate", made / "results/near.json", "--json", out, says="exists and is kept")
    done("evaluate", made / "results/near.json", "--json", out, "--force")
    assert json.loads(out.read_text(encoding="utf-8"))["results"]
