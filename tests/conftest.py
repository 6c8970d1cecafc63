"""Fixtures that more than one test file uses: pretrained weights where this machine has them, the served app."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

# Where tests run side by side, each has one processor: threads of several programs only wait for each other.
if "PYTEST_XDIST_WORKER" in os.environ:
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ[variable] = "1"

# What other programs have downloaded from Hugging Face is none of a test's business. Read when its package is imported.
os.environ["HF_HUB_CACHE"] = str(Path(tempfile.gettempdir()) / "lgr-tests-have-no-hub-cache")

import pytest
from app_server import RunningApp, ServedApp, browsing, serving

from lgr.codecs.soundstream import WEIGHTS
from lgr.codecs.weights import local_weights

if TYPE_CHECKING:
    from made_up_osc import Office


@pytest.fixture(scope="session")
def soundstream_folder() -> Path:
    """Lyra's three .tflite files: from LGR_WEIGHTS, the cache, or beside the checkout; never downloaded by a test."""
    files = WEIGHTS["soundstream"]
    beside = Path(__file__).resolve().parents[2] / "shared" / "models" / "lyra"
    found = local_weights("soundstream", files) or local_weights("soundstream", files, beside)
    if found is None:
        pytest.skip("no SoundStream weights on this machine: set LGR_WEIGHTS to a folder that holds them")
    return found


@pytest.fixture(scope="session")
def served() -> Iterator[ServedApp]:
    """The whole app, served once for all browser tests of this process."""
    with serving() as app:
        yield app


@pytest.fixture(scope="module")
def app(served: ServedApp) -> Iterator[RunningApp]:
    """The served app, and a browser in front of it."""
    with browsing(served) as running:
        yield running


@pytest.fixture
def desk(tmp_path: Path) -> Iterator["Office"]:
    """lgr over OSC without a socket, with toy grains of a second of glass and of rain."""
    from made_up_osc import opened

    office = opened(tmp_path)
    yield office
    office.service.close()
