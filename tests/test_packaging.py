"""What an installed lgr brings: a wheel holds the bundled codec and the clips, and finds them."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

# every package that conda users of lgr are promised, as `import` or pip knows it
PROMISED = ["gradio", "torch", "encodec", "descript-audio-codec", "librosa", "matplotlib", "umap-learn", "ipywidgets"]
ROOT = Path(__file__).parents[1]
SHOW = (
    "import lgr; from lgr.codecs.weights import assets_dir; print(assets_dir()); print(lgr.load_codec('bundled').info)"
)


def test_an_install_that_is_not_editable_has_the_assets(tmp_path: Path) -> None:
    checkout, built = tmp_path / "checkout", tmp_path / "built"
    checkout.mkdir()
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, checkout)
    for name in ("lgr", "assets"):
        shutil.copytree(ROOT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
    build = [sys.executable, "setup.py", "-q", "build_py", "--build-lib", str(built)]
    subprocess.run(build, cwd=checkout, check=True, capture_output=True)
    shutil.rmtree(checkout)

    environment = {key: value for key, value in os.environ.items() if not key.startswith("LGR_")}
    environment["PYTHONPATH"] = str(built)
    said = subprocess.run(
        [sys.executable, "-c", SHOW], cwd=tmp_path, env=environment, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    assert Path(said[0]) == built / "lgr" / "assets"
    assert "name='bundled'" in said[1]
    clips = sorted(path.name for path in (ROOT / "assets" / "audio").iterdir())
    assert sorted(path.name for path in (built / "lgr" / "assets" / "audio").iterdir()) == clips


def test_the_conda_environment_lists_what_it_promises() -> None:
    lines = (ROOT / "environment.yml").read_text(encoding="utf-8").splitlines()
    listed = {re.split(r"[=<>]", line.strip(" -"))[0] for line in lines if line.lstrip().startswith("- ")}
    assert {"pytorch" if name == "torch" else name for name in PROMISED} <= listed
