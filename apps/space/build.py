"""Put the hosted Space together: one folder, ready to push.

    python -m apps.space.build -o out/space

It holds ``lgr/``, ``lgr_app/`` and ``assets/`` of this checkout without caches and tests, and from ``apps/space/`` the
entry file, the README with the front matter that the host reads, the requirements and what git is to know. A folder
made before is brought up to date; its ``.git`` is kept.
"""

import argparse
import shutil
import sys
from pathlib import Path

from lgr.errors import ArgumentError, LgrError
from lgr.files import atomic_folder

SPACE = Path(__file__).resolve().parent
ROOT = SPACE.parents[1]
FOLDERS = {  # of the Space: where it comes from, and what of it is left out
    "lgr": (ROOT / "lgr", ("__pycache__",)),
    "lgr_app": (ROOT / "apps" / "lgr_app", ("__pycache__",)),
    "assets": (ROOT / "assets", ("__pycache__", "*.py", "clips")),
}
FILES = {
    SPACE / "app.py": "app.py",
    SPACE / "README.md": "README.md",
    SPACE / "requirements.txt": "requirements.txt",
    SPACE / "gitattributes": ".gitattributes",  # large files go through git-lfs
    SPACE / "gitignore": ".gitignore",
    ROOT / "LICENSE": "LICENSE",
}
MADE = {*FOLDERS, *FILES.values()}
KEPT = {".git", ".gradio", "__pycache__"}  # what pushing it and trying it leave there
NEXT = """\
To try it: cd {folder} && pip install -r requirements.txt && python app.py
To publish it, make an empty Gradio Space on your host, and in {folder}:
  git init -b main && git lfs install --local && git remote add origin https://huggingface.co/spaces/OWNER/NAME
  git add -A && git commit -m "lgr" && git push --force origin main
The next time only: git add -A && git commit -m "Update" && git push origin main"""


def build_space(folder: Path) -> Path:
    """Make or update the Space in ``folder``; returns it resolved. A Space is there whole, or as it was before.

    Raises
    ------
    ArgumentError : ``folder`` is a file, lies in the checkout's own code, or holds something that is no part of a Space
    """
    folder = folder.expanduser().resolve()
    if ROOT.is_relative_to(folder) or any(folder.is_relative_to(ROOT / top) for top in ("lgr", "apps", "assets")):
        raise ArgumentError(f"the Space cannot be made in the checkout's own code, got {folder}: use out/space")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with atomic_folder(folder, force=True, what="Space", holds=frozenset(MADE | KEPT), error=ArgumentError) as new:
        for name, (source, left_out) in FOLDERS.items():
            shutil.copytree(source, new / name, ignore=shutil.ignore_patterns(*left_out))
        for file, name in FILES.items():
            shutil.copyfile(file, new / name)
        if (folder / ".git").is_dir():
            shutil.copytree(folder / ".git", new / ".git", symlinks=True)
    return folder


def size_mb(folder: Path) -> float:
    """Megabytes (10**6 bytes) of a folder's files, without its ``.git``."""
    files = [path for path in folder.rglob("*") if path.is_file() and ".git" not in path.relative_to(folder).parts]
    return sum(path.stat().st_size for path in files) / 1e6


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--out", type=Path, default=Path("out/space"), help="the folder to make [out/space]")
    try:
        folder = build_space(parser.parse_args().out)
    except (LgrError, OSError) as error:
        print(f"lgr: {error}", file=sys.stderr)
        return 2
    print(f"{folder}: {size_mb(folder):.1f} MB\n\n{NEXT.format(folder=folder)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
