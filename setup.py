"""Where a wheel's packages are in a checkout; the rest of the build is in pyproject.toml.

``apps/lgr_app`` is the package ``lgr_app``. ``assets/`` and ``notebooks/`` go into ``lgr`` as data, because a folder of
such a name in site-packages would be in the way of other projects (``assets_dir`` in lgr/files.py finds them).
"""

from setuptools import find_packages, setup

DATA = {"lgr.assets": "assets", "lgr.notebooks": "notebooks"}

setup(
    packages=[*find_packages(include=["lgr*"]), *find_packages("apps", include=["lgr_app*"]), *DATA],
    package_dir={"lgr_app": "apps/lgr_app", **DATA},
    package_data={
        "lgr": ["py.typed", "listening/page/*"],
        "lgr_app.page.scatter": ["*.css", "*.html", "*.js"],
        "lgr.assets": ["README.md", "audio/*", "models/**/*"],
        "lgr.notebooks": ["*"],
    },
    include_package_data=False,
)
