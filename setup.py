"""Puts into wheels what a checkout has beside the package: ``assets/``, ``apps/`` and ``notebooks/``.

They go into the package, because a package of its own called ``apps`` in site-packages would be in the way of other
projects. An editable install copies nothing: it reads the checkout's own folders (``assets_dir`` in
lgr/codecs/weights.py, ``find_app`` in lgr/cli/app_command.py). The rest of the build is in pyproject.toml.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

# folder of the checkout: where in the package it goes, and what of it does not
BESIDE = {
    "assets": ("assets", ("*.py", "__pycache__")),
    "apps": ("browser/apps", ("space", "__pycache__")),  # the hosted Space is made from a checkout
    "notebooks": ("notebooks", ("__pycache__", ".ipynb_checkpoints")),
}


class BuildWithFoldersBeside(build_py):
    """What a wheel holds: the package as setuptools builds it, and the folders beside it."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            for name, (inside, left_out) in BESIDE.items():
                folder = Path(self.build_lib) / "lgr" / inside
                shutil.copytree(name, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*left_out))


setup(cmdclass={"build_py": BuildWithFoldersBeside})
