"""The hosted Space: its folder is whole, and the app runs from that folder alone."""

import os
import re
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest
import torch

from apps.space.build import build_space, main
from lgr.errors import ArgumentError

ROOT = Path(__file__).parents[1]
LARGE_BYTES = 1_000_000

# Read by the Space's own Python when it starts: notes each file of the checkout that the Space opens.
WATCH = """
import os, sys
ROOT, PACKAGES, NOTES = {root!r}, {packages!r}, {notes!r}

def watch(event, arguments):
    if event == "open" and isinstance(arguments[0], str):
        path = os.path.abspath(arguments[0])
        if path.startswith(ROOT) and not path.startswith(PACKAGES):
            with os.fdopen(os.open(NOTES, os.O_WRONLY | os.O_APPEND | os.O_CREAT), "w") as notes:
                print(path, file=notes)

sys.addaudithook(watch)
"""


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_space(tmp_path_factory.mktemp("built") / "space")


def python_without_lgr(folder: Path, notes: Path) -> Path:
    """A Python with the packages that lgr needs, which does not know this checkout and notes what it opens there."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    own = Path(
        subprocess.run(
            [python, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
    )
    # A .pth file is not read in a folder that another .pth file names: the editable install of lgr stays out.
    packages = sorted({sysconfig.get_paths()[name] for name in ("purelib", "platlib")})
    (own / "packages.pth").write_text("\n".join(packages) + "\n")
    watch = WATCH.format(root=f"{ROOT}{os.sep}", packages=(sys.prefix, sys.base_prefix), notes=str(notes))
    (own / "sitecustomize.py").write_text(watch)
    return python


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="the environment of the test is made for POSIX")
def test_it_runs_from_its_folder_alone(tmp_path: Path) -> None:
    pytest.importorskip("gradio", reason="gradio is not installed: pip install 'lgr[app]'")
    from lgr_app.jobs.results import play
    from lgr_app.jobs.resynthesise import settings
    from lgr_app.page.sounds import clip

    from benchmarks.served import DIALS, Caller, served_app
    from lgr.codecs import load_codec
    from lgr.sound.audio import load_audio

    space, notes = build_space(tmp_path / "space"), tmp_path / "notes"
    python = python_without_lgr(tmp_path / "python", notes)
    ours = ("PYTHON", "LGR_", "VIRTUAL_ENV", "GRADIO_")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    nowhere = subprocess.run([python, "-c", "import lgr"], cwd=tmp_path, env=clean, capture_output=True, text=True)
    assert "No module named 'lgr'" in nowhere.stderr

    target, sources = clip("violin"), [clip("steel_pan")]
    with served_app([str(python), "app.py"], cwd=space, environment=clean) as app:
        caller = Caller(app.url, tmp_path / "got")
        answer = caller.resynthesise(target, sources, seed=5)
        caller.leave()
    got, rate = load_audio(answer.audio)
    result = play(target, sources, codec=load_codec("bundled"), config=settings(*DIALS), seed=5).resynthesis
    assert rate == result.sample_rate
    torch.testing.assert_close(got, result.audio, rtol=0, atol=1e-4)
    assert result.audio.abs().max() > 0.05
    assert (notes.read_text() if notes.exists() else "") == ""


def test_the_watch_sees_what_reaches_into_the_checkout(tmp_path: Path) -> None:
    """The test above could not fail otherwise."""
    notes = tmp_path / "notes"
    python = python_without_lgr(tmp_path / "python", notes)
    subprocess.run([python, "-c", f"open({str(ROOT / 'LICENSE')!r}).close()"], check=True, cwd=tmp_path)
    assert notes.read_text().split() == [str(ROOT / "LICENSE")]


def test_it_holds_what_it_needs_and_no_more(space: Path) -> None:
    assert {path.name for path in space.iterdir()} == {
        *(".gitattributes", ".gitignore", "LICENSE", "README.md", "app.py", "requirements.txt"),
        *("assets", "lgr", "lgr_app"),
    }
    names = {path.relative_to(space).as_posix() for path in space.rglob("*") if path.is_file()}
    assert {"lgr/resynth.py", "lgr/py.typed", "lgr_app/app.py", "assets/models/bundled/model.safetensors"} <= names
    assert {f"assets/audio/{path.name}" for path in (ROOT / "assets" / "audio").iterdir()} <= names
    assert {name for name in names if "__pycache__" in name or "test" in Path(name).stem.split("_")} == set()
    assert not any("space" in Path(name).parts for name in names)
    here = str(ROOT).encode()
    assert [name for name in names if here in (space / name).read_bytes()] == []


def test_large_files_go_through_lfs(space: Path) -> None:
    lines = (space / ".gitattributes").read_text().splitlines()
    patterns = [line.split()[0] for line in lines if "filter=lfs" in line]
    files = [path for path in space.rglob("*") if path.is_file()]
    outside = [path for path in files if not any(path.match(pattern) for pattern in patterns)]
    assert [path for path in outside if path.stat().st_size > LARGE_BYTES] == []
    assert [path for path in outside if b"\0" in path.read_bytes()] == []


def pins(path: Path) -> dict[str, str]:
    lines = [line.split("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines()]
    return dict(line.split("==") for line in lines if "==" in line)


def test_its_requirements_are_those_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [
        *project["dependencies"],
        *(each for name in ("explore", "codecs", "measures", "app") for each in extras[name]),
    ]
    names = {re.split(r"[<>=]", each)[0] for each in wanted}
    listed = pins(ROOT / "apps" / "space" / "requirements.txt")
    assert listed.keys() == names
    tried = pins(ROOT / "constraints.txt")
    assert listed == {name: tried[name] for name in names}


def test_its_front_matter_says_what_the_host_reads() -> None:
    text = (ROOT / "apps" / "space" / "README.md").read_text(encoding="utf-8")
    matter = dict(
        line.split(": ", 1) for line in text.split("---")[1].strip().splitlines() if ": " in line and line[0] != " "
    )
    assert matter["sdk"] == "gradio"
    assert matter["sdk_version"] == pins(ROOT / "constraints.txt")["gradio"]
    assert matter["app_file"] == "app.py"
    assert matter["python_version"] == '"3.11"'
    assert matter["license"] == "mit"
    assert len(matter["short_description"]) <= 60  # the host refuses a longer one


def test_its_readme_lists_every_limit() -> None:
    from lgr_app.page.limits import ENVIRONMENT, Limits

    text = (ROOT / "apps" / "space" / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(LGR_APP_\w+)` \| (\S+) \|", text, flags=re.MULTILINE)
    assert listed == [(name, f"{getattr(Limits(), field):g}") for field, name in ENVIRONMENT.items()]


def test_an_old_one_is_brought_up_to_date(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "space"
    (folder / ".git").mkdir(parents=True)
    (folder / ".git" / "config").write_text("kept")
    (folder / "lgr").mkdir()
    (folder / "lgr" / "gone.py").write_text("")
    build_space(folder)
    assert (folder / ".git" / "config").read_text() == "kept"
    assert not (folder / "lgr" / "gone.py").exists()
    assert (folder / "lgr" / "resynth.py").is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["space"]


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("full", "must be new, empty or a Space, got .*full: choose another name"),
        ("full/letter.txt", "must be new, empty or a Space"),
        (str(ROOT / "lgr" / "space"), "cannot be made in the checkout's own code"),
        (str(ROOT), "cannot be made in the checkout's own code"),
    ],
)
def test_other_folders_are_left_alone(tmp_path: Path, where: str, says: str) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("dear")
    with pytest.raises(ArgumentError, match=says):
        build_space(tmp_path / where)
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["letter.txt"]


def test_the_command_says_the_size_and_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["build", "-o", str(tmp_path / "space")])
    assert main() == 0
    said = capsys.readouterr().out
    megabytes = float(re.search(r"space: ([\d.]+) MB", said)[1])
    files = [path for path in (tmp_path / "space").rglob("*") if path.is_file()]
    assert megabytes == pytest.approx(sum(path.stat().st_size for path in files) / 1e6, abs=0.1)
    assert "git lfs install" in said

    (tmp_path / "space" / "mine.txt").write_text("")
    assert main() == 2
    assert capsys.readouterr().err.startswith("lgr: ")
