"""The package's public names: each is what it says however much of the package has been imported."""

import importlib
import pkgutil
import subprocess
import sys
from types import ModuleType

import pytest

import lgr


def test_names_are_listed_once_and_in_order() -> None:
    assert lgr.__all__ == sorted(set(lgr.__all__))
    with pytest.raises(AttributeError, match="no attribute 'resynthesize'"):
        _ = lgr.resynthesize


def test_no_name_becomes_a_module_once_everything_is_imported() -> None:
    before = {name: getattr(lgr, name) for name in lgr.__all__}
    modules = [each.name for each in pkgutil.walk_packages(lgr.__path__, "lgr.") if not each.name.endswith("__main__")]
    assert len(modules) > 100
    for name in modules:
        importlib.import_module(name)
    after = {name: getattr(lgr, name) for name in lgr.__all__}
    assert after == before
    assert [name for name, value in after.items() if isinstance(value, ModuleType)] == []


@pytest.mark.parametrize(
    "package",
    [
        "lgr",
        "lgr.cli",
        "lgr.baselines",
        "lgr.codebook",
        "lgr.codecs",
        "lgr.drums",
        "lgr.listening",
        "lgr.matching",
        "lgr.plots",
        "lgr.score",
    ],
)
def test_no_name_of_a_package_is_also_one_of_its_modules(package: str) -> None:
    """An attribute that names a function at first, and a module after the first import from it, is neither."""
    face = importlib.import_module(package)
    modules = {each.name for each in pkgutil.iter_modules(face.__path__)}
    public = set(face.__all__)
    assert public
    assert public & modules == set()


def test_a_fresh_program_can_call_render_and_match_after_a_resynthesis() -> None:
    script = (
        "import lgr, torch\n"
        "noise = (torch.randn(1, 9600, generator=torch.Generator().manual_seed(0)) * 0.1, 24000)\n"
        "lgr.resynthesise(noise, [noise], codec='toy')\n"
        "print(callable(lgr.render), callable(lgr.match))"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert run.stdout.split() == ["True", "True"]
