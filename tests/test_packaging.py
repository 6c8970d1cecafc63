"""What an installed lgr brings: a wheel holds the bundled codec, clips, app and notebooks, and finds them."""

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

# every package that conda users of lgr are promised, as `import` or pip knows it
PROMISED = ["gradio", "torch", "encodec", "descript-audio-codec", "librosa", "matplotlib", "umap-learn", "ipywidgets"]
ROOT = Path(__file__).parents[1]
SHOW = "import lgr; from lgr.files import assets_dir; print(assets_dir()); print(lgr.load_codec('bundled').info)"
SHOW_APP = "from lgr.cli.browser_app import find_app; print(find_app().__code__.co_filename)"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a wheel would put into site-packages, built from a checkout that is gone."""
    folder = tmp_path_factory.mktemp("wheel")
    checkout, built = folder / "checkout", folder / "built"
    checkout.mkdir()
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, checkout)
    for name in ("lgr", "assets", "apps", "notebooks"):
        shutil.copytree(ROOT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
    build = [sys.executable, "setup.py", "-q", "build_py", "--build-lib", str(built)]
    subprocess.run(build, cwd=checkout, check=True, capture_output=True)
    shutil.rmtree(checkout)
    return built


@pytest.fixture(scope="module")
def said(built: Path) -> list[str]:
    """Lines that a fresh Python prints which finds lgr in ``built``: where things are, last the app where Gradio is."""
    code = SHOW if find_spec("gradio") is None else f"{SHOW}; {SHOW_APP}"
    environment = {key: value for key, value in os.environ.items() if not key.startswith("LGR_")}
    environment |= {"PYTHONPATH": str(built), "GRADIO_ANALYTICS_ENABLED": "False"}
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, cwd=built.parent, env=environment, check=True, capture_output=True, text=True)
    return run.stdout.splitlines()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != "__pycache__")


def files(folder: Path) -> set[str]:
    """Everything in a folder and the folders in it."""
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.mark.slow
def test_an_install_that_is_not_editable_has_the_assets(built: Path, said: list[str]) -> None:
    assert Path(said[0]) == built / "lgr" / "assets"
    assert "name='bundled'" in said[1]
    assert names(built / "lgr" / "assets" / "audio") == names(ROOT / "assets" / "audio")


@pytest.mark.slow
def test_an_install_that_is_not_editable_has_the_app(built: Path, said: list[str]) -> None:
    pytest.importorskip("gradio", reason="gradio is not installed: pip install 'lgr[app]'")
    assert Path(said[-1]) == built / "lgr_app" / "app.py"
    here, there = ROOT / "apps" / "lgr_app", built / "lgr_app"
    assert files(there) == files(here)
    assert {"page/scatter/scatter.css", "page/scatter/scatter.html", "page/scatter/points.js"} <= files(there)
    assert names(built) == ["lgr", "lgr_app"]  # nothing that another project could stumble over


@pytest.mark.slow
def test_an_install_that_is_not_editable_has_the_notebooks(built: Path) -> None:
    ours = [name for name in names(ROOT / "notebooks") if name != ".ipynb_checkpoints"]
    assert names(built / "lgr" / "notebooks") == ours
    # as in a checkout, the clips are beside them
    assert (built / "lgr" / "notebooks" / ".." / "assets" / "audio" / "drum_loop.flac").is_file()


def test_a_source_distribution_holds_what_a_wheel_is_made_of() -> None:
    grafted = re.findall(r"^graft (\S+)$", (ROOT / "MANIFEST.in").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert grafted == ["assets", "apps", "notebooks"]


def test_the_conda_environment_lists_what_it_promises() -> None:
    lines = (ROOT / "environment.yml").read_text(encoding="utf-8").splitlines()
    listed = {re.split(r"[=<>]", line.strip(" -"))[0] for line in lines if line.lstrip().startswith("- ")}
    assert {"pytorch" if name == "torch" else name for name in PROMISED} <= listed
