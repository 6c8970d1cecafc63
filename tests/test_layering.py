"""Imports point down and never in a circle: the table of docs/architecture.md holds in the code."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = {
    "ai_edge_litert",
    "dac",
    "encodec",
    "faiss",
    "gradio",
    "librosa",
    "matplotlib",
    "onnxruntime",
    "pocketsphinx",
    "pystoi",
    "resemblyzer",
    "sklearn",
    "speechmos",
    "transformers",
    "umap",
    "visqol",
}
BESIDE = -1  # the rank of what stands beside the layers
LONGEST = 350  # lines a file

Table = dict[str, int]  # a path, or a folder with its slash, to its rank


def layer_table(markdown: str) -> Table:
    """``{"lgr/codecs/": 1, "lgr/score/": 3, "lgr/plots/": BESIDE, ...}`` from the table under "Layers"."""
    ranks: Table = {}
    for line in markdown.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) >= 3 and (cells[0].isdigit() or cells[0] == "beside"):
            rank = BESIDE if cells[0] == "beside" else int(cells[0])
            ranks |= dict.fromkeys(re.findall(r"`((?:lgr|apps|notebooks)/[^`]*)`", cells[2]), rank)
    return ranks


def rank_of(path: str, table: Table) -> int | None:
    """The rank of a file such as ``lgr/matching/path.py``: its own or its folder's; None if neither is listed."""
    if path in ("lgr/__init__.py", "lgr/__main__.py"):
        return table["lgr/cli/"]  # the front door: it may show everything, and nothing below comes in through it
    folders = [f"{parent.as_posix()}/" for parent in Path(path).parents]
    return next((table[name] for name in (path, *folders) if name in table), None)


@cache
def module_path(root: Path, name: str) -> str | None:
    """The file of a dotted module name, relative to ``root``; None if it is not one of ours."""
    base = name.replace(".", "/")
    places = (f"{folder}{base}{suffix}" for folder in ("", "apps/") for suffix in (".py", "/__init__.py"))
    return next((path for path in places if (root / path).is_file()), None)


def imported_names(node: ast.AST, path: str) -> Iterator[str]:
    """Dotted names that an import statement reads: ``from a.b import c`` gives ``a.b.c``."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        package = Path(path).parent.parts  # of a module and of an __init__ alike
        start = list(package[: len(package) - node.level + 1]) if node.level else []
        module = ".".join([*start, *([node.module] if node.module else [])])
        yield from (f"{module}.{alias.name}" for alias in node.names)


@cache
def parsed(text: str) -> tuple[ast.Module, list[ast.AST]]:
    """A file's tree, and those of its nodes that import."""
    tree = ast.parse(text)
    return tree, [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]


def targets(root: Path, node: ast.AST, path: str) -> Iterator[str]:
    """Files of ours that an import statement reads."""
    for name in imported_names(node, path):
        found = module_path(root, name) or module_path(root, name.rpartition(".")[0])
        if found:
            yield found


def statements_run_on_import(tree: ast.Module) -> Iterator[ast.AST]:
    """Every node outside function bodies and ``if TYPE_CHECKING``."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting.extend(node.orelse)
            continue
        waiting.extend(ast.iter_child_nodes(node))


def points_up(here: int, there: int, target: str) -> bool:
    if here == there:
        return False
    if here == BESIDE:  # sees the ground, and the score it draws
        return there != 0 and not target.startswith("lgr/score/")
    if there == BESIDE:  # seen by whole jobs and edges
        return here < 4
    return there > here


def room_of(path: str, table: Table) -> str:
    """The file or folder of the table that a file belongs to."""
    folders = [f"{parent.as_posix()}/" for parent in Path(path).parents]
    return next((name for name in (path, *folders) if name in table), path)


def circle(arrows: Mapping[str, set[str]]) -> str | None:
    """A circle of imports in words, or None."""
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        return " -> ".join(reversed(error.args[1]))
    return None


def circles(root: Path, table: Table) -> list[str]:
    """One circle of files and one of rooms, where there are any: imports inside functions count too."""
    files: dict[str, set[str]] = {}
    rooms: dict[str, set[str]] = {}
    for path in source_files(root):
        _, imports = parsed((root / path).read_text(encoding="utf-8"))
        read = {target for node in imports for target in targets(root, node, path)} - {path}
        files[path] = read
        here = room_of(path, table)
        rooms.setdefault(here, set()).update({room_of(target, table) for target in read} - {here})
    return [f"imports go in a circle: {found}" for found in (circle(files), circle(rooms)) if found is not None]


def source_files(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for top in ("lgr", "apps") for path in (root / top).rglob("*.py"))


def violations(root: Path, table: Table) -> list[str]:
    """One sentence for each import under ``lgr/`` and ``apps/`` that the rules forbid."""
    found = []
    for path in source_files(root):
        text = (root / path).read_text(encoding="utf-8")
        here, (tree, imports) = rank_of(path, table), parsed(text)
        lines = text.count("\n")
        if lines > LONGEST:
            found.append(f"{path} has {lines} lines, more than {LONGEST}: split it")
        if here is None:
            found.append(f"{path} has no rank: list it in the table of docs/architecture.md")
            continue
        for node in imports:
            for target in targets(root, node, path):
                there = rank_of(target, table)
                if there is not None and points_up(here, there, target):
                    found.append(f"{path} (rank {here}) imports {target} (rank {there}), which points up")
            tops = {name.partition(".")[0] for name in imported_names(node, path)}
            if "gradio" in tops and not path.startswith("apps/"):
                found.append(f"{path} imports gradio: only apps/ may")
        if path.startswith("lgr/"):
            for node in statements_run_on_import(tree):
                tops = {name.partition(".")[0] for name in imported_names(node, path)}
                found += [
                    f"{path} imports {top} at module level: import it inside the function" for top in tops & HEAVY
                ]
    return found


@pytest.fixture(scope="module")
def table() -> Table:
    return layer_table((ROOT / "docs/architecture.md").read_text(encoding="utf-8"))


def test_the_table_names_every_layer(table: Table) -> None:
    assert set(table.values()) >= {0, 1, 2, 3, 4, 5, BESIDE}
    assert table["lgr/errors.py"] == 0
    assert table["lgr/codecs/"] == 1
    assert {f"apps/lgr_app/{room}/" for room in ("tabs", "jobs", "page")} <= table.keys()
    assert rank_of("lgr/codecs/base.py", table) == 1


def test_the_code_keeps_to_the_layers(table: Table) -> None:
    assert source_files(ROOT)
    assert violations(ROOT, table) == []


def test_nothing_goes_in_a_circle(table: Table) -> None:
    assert circles(ROOT, table) == []


TREE = {
    "lgr/__init__.py": "",
    "lgr/errors.py": "",
    "lgr/codecs/__init__.py": "",
    "lgr/codecs/base.py": "from lgr.errors import LgrError\n",
    "lgr/latents/__init__.py": "",
    "lgr/latents/grains.py": "from lgr.codecs import base\n",
    "lgr/plots/__init__.py": "from lgr import score\n",
    "lgr/score/__init__.py": "",
    "lgr/cli/__init__.py": "def main():\n    import librosa\n    from lgr import plots\n",
    "apps/lgr_app/app.py": "import gradio\nimport lgr_app.tabs.demo\n",
    "apps/lgr_app/tabs/demo.py": "from lgr_app.jobs.demo import play\n",
    "apps/lgr_app/jobs/demo.py": "import lgr.latents.grains\nimport lgr_app.page.theme\n",
    "apps/lgr_app/page/theme.py": "import gradio\n",
}


@pytest.mark.parametrize(
    ("path", "text", "message"),
    [
        ("lgr/latents/grains.py", "import lgr.cli\n", "imports lgr/cli/__init__.py .rank 5., which points up"),
        ("lgr/codecs/base.py", "from ..latents.grains import cut\n", "imports lgr/latents/grains.py"),
        ("lgr/codecs/base.py", "def late():\n    from lgr.latents import grains\n", "imports lgr/latents/grains.py"),
        ("lgr/latents/grains.py", "from lgr import resynthesise\n", "imports lgr/__init__.py"),
        ("lgr/plots/__init__.py", "from lgr.codecs.base import Codec\n", "imports lgr/codecs/base.py"),
        ("lgr/codecs/base.py", "import lgr.plots\n", "imports lgr/plots/__init__.py"),
        (
            "lgr/latents/grains.py",
            "try:\n    from umap import UMAP\nexcept ImportError:\n    pass\n",
            "imports umap at module level",
        ),
        ("lgr/cli/__init__.py", "def main():\n    import gradio\n", "imports gradio: only apps/ may"),
        ("lgr/helpers.py", "", "has no rank"),
        ("lgr/score/__init__.py", "x = 1\n" * 351, "has 351 lines"),
    ],
)
def test_the_checker_sees_each_fault(table: Table, tmp_path: Path, path: str, text: str, message: str) -> None:
    for name, body in (TREE | {path: text}).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(body, encoding="utf-8")
    found = violations(tmp_path, table)
    assert len(found) == 1
    assert re.search(message, found[0])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {
                "lgr/codecs/base.py": "def late():\n    from lgr.codecs import toy\n",
                "lgr/codecs/toy.py": "import lgr.codecs.base\n",
            },
            "toy.py",
        ),
        (
            {
                "lgr/codecs/base.py": "import lgr.models\n",
                "lgr/models/__init__.py": "",
                "lgr/models/net.py": "import lgr.codecs\n",
            },
            "lgr/models/",
        ),
        ({"apps/lgr_app/page/guard.py": "from lgr_app.tabs.demo import build\n"}, "apps/lgr_app/page/"),
        (
            {
                "apps/lgr_app/jobs/demo.py": "import lgr_app.page.theme\nimport lgr_app.tabs.other\n",
                "apps/lgr_app/tabs/other.py": "",
            },
            "apps/lgr_app/jobs/",
        ),
    ],
)
def test_the_checker_sees_circles_of_files_and_of_rooms(
    table: Table, tmp_path: Path, changed: dict[str, str], message: str
) -> None:
    for name, body in (TREE | changed).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(body, encoding="utf-8")
    found = circles(tmp_path, table)
    assert len(found) == 1
    assert message in found[0]


def test_the_checker_passes_a_clean_tree(table: Table, tmp_path: Path) -> None:
    for name, body in TREE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(body, encoding="utf-8")
    assert violations(tmp_path, table) == []
    assert circles(tmp_path, table) == []


# What a fresh interpreter runs, and the packages it must not have loaded after it: both modules if they exist yet.
LIGHT = {
    "lgr": ("import lgr", HEAVY),
    "lgr.cli": (
        "from lgr.cli import main\nsys.argv = ['lgr', '--help']\ntry:\n    main()\nexcept SystemExit:\n    pass",
        HEAVY | {"torch"},
    ),
}


@pytest.mark.parametrize("module", [name for name in LIGHT if find_spec(name)])
def test_importing_stays_light(module: str) -> None:
    code, unwanted = LIGHT[module]
    script = f"import sys\n{code}\nprint('LOADED', *sorted({unwanted!r} & sys.modules.keys()))"
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, timeout=60, check=True
    )
    assert run.stdout.splitlines()[-1].split() == ["LOADED"]
