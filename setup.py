"""Puts ``assets/`` (the bundled codec and the clips) into wheels, as ``lgr/assets``; the rest is in pyproject.toml.

An editable install copies nothing: it reads ``assets/`` of the checkout (``assets_dir`` in lgr/codecs/weights.py).
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithAssets(build_py):
    """What a wheel holds: the package as setuptools builds it, and the assets."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            inside = Path(self.build_lib) / "lgr" / "assets"
            shutil.copytree("assets", inside, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.py", "__pycache__"))


setup(cmdclass={"build_py": BuildWithAssets})
