"""The examples in docstrings, run as they stand: what they print is what they say."""

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SIGN = ">>> "
WITH_EXAMPLES = sorted(
    path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")
    for path in (ROOT / "lgr").rglob("*.py")
    if SIGN in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_are_true(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # files that they write
    module = importlib.import_module(name)
    # without the module's own names: an example imports what it uses, as a reader has to
    result = doctest.testmod(module, globs={"__name__": "__main__"}, optionflags=doctest.ELLIPSIS)
    assert result.attempted > 0
    assert result.failed == 0, "see the differences above"
