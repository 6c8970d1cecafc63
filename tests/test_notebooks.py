"""The notebooks: each ``.ipynb`` is the rendering of its ``.py``, and every cell and solution runs."""

import base64
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import soundfile
import torch

from notebooks import classroom

if TYPE_CHECKING:
    from nbformat import NotebookNode

ROOT = Path(__file__).parents[1]
NAMES = sorted(path.stem for path in (ROOT / "notebooks").glob("[0-9][0-9]_*.py"))
LARGEST = 1_500_000  # bytes
MOST_SECONDS = 90


def rendering(name: str) -> "NotebookNode":
    import nbformat  # five seconds, which only the process that runs these tests should wait

    return nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)


def source(name: str, *, solutions: bool = False) -> "NotebookNode":
    from notebooks.execute import read

    return read(ROOT / "notebooks" / f"{name}.py", solutions=solutions)


def outputs(notebook: "NotebookNode") -> Iterator[Any]:
    for cell in notebook.cells:
        if cell.cell_type == "code":
            yield from cell.outputs


def test_the_course_is_whole() -> None:
    plan = (ROOT / "notebooks" / "README.md").read_text(encoding="utf-8")
    assert [name[:2] for name in NAMES] == [f"{i:02d}" for i in range(1, 12)]
    assert [name for name in NAMES if f"({name}.ipynb)" not in plan] == []


@pytest.mark.parametrize("name", NAMES)
def test_cells_are_those_of_the_source(name: str) -> None:
    cells = [[(cell.cell_type, cell.source) for cell in each.cells] for each in (source(name), rendering(name))]
    assert cells[0] == cells[1], f"write it anew: python notebooks/execute.py {name}"


@pytest.mark.parametrize("name", NAMES)
def test_a_rendering_is_whole_small_and_without_warnings(name: str) -> None:
    from nbformat import validate

    from notebooks.execute import WIDGET

    notebook, path = rendering(name), ROOT / "notebooks" / f"{name}.ipynb"
    validate(notebook)
    text = path.read_text(encoding="utf-8")
    assert path.stat().st_size < LARGEST
    assert str(ROOT) not in text
    assert str(Path.home() / "") not in text
    assert all(cell.execution_count for cell in notebook.cells if cell.cell_type == "code" and cell.source)
    assert [each for each in outputs(notebook) if each.output_type == "error" or each.get("name") == "stderr"] == []
    assert [each for each in outputs(notebook) if WIDGET in each.get("data", {})] == []


@pytest.mark.parametrize("name", NAMES)
def test_players_are_short_and_pictures_have_captions(name: str) -> None:
    shown = [each.data for each in outputs(rendering(name)) if "data" in each]
    players = [
        base64.b64decode(found)
        for data in shown
        for found in re.findall(r'src="data:audio/flac;base64,([^"]+)"', "".join(data.get("text/html", "")))
    ]
    assert players
    assert max(soundfile.info(io.BytesIO(each)).duration for each in players) <= classroom.SECONDS
    after = zip(shown, [*shown[1:], {}], strict=True)
    captions = ["".join(following.get("text/markdown", "")) for data, following in after if "image/png" in data]
    assert captions
    assert all(caption.startswith("*Figure ") for caption in captions), captions


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_has_a_goal_and_exercises_with_hidden_solutions(name: str) -> None:
    from notebooks.execute import SOLUTION

    text = "\n".join(cell.source for cell in source(name).cells if cell.cell_type == "markdown")
    exercises = text.partition("## Exercises")[2]
    numbered = re.findall(r"^\*\*(\d)\.\*\*", exercises, re.MULTILINE)
    hidden = exercises.count("<details><summary>Solution</summary>")
    assert "**Goal.**" in text
    assert "**Time.**" in text
    assert len(numbered) == hidden == exercises.count("</details>") >= 3
    assert len(SOLUTION.findall(text)) >= 2


@pytest.fixture(scope="module")
def running() -> Iterator[Any]:
    from notebooks.execute import kernel

    with kernel() as manager:
        yield manager


# Minutes for all eleven: before each change the first one, which is also that a notebook runs at all.
@pytest.mark.parametrize("name", [NAMES[0], *(pytest.param(name, marks=pytest.mark.slow) for name in NAMES[1:])])
def test_every_cell_and_solution_runs_in_time(name: str, running: Any) -> None:
    from nbformat.v4 import new_code_cell

    from notebooks.execute import execute

    notebook = source(name, solutions=True)
    # The processor's time: it does not depend on what else the machine is doing.
    clock = [new_code_cell("import time\nprint(time.process_time())") for _ in range(2)]
    notebook.cells = [clock[0], *notebook.cells, clock[1]]
    done = execute(notebook, running)
    begun, ended = (float(cell.outputs[0].text) for cell in clock)
    assert [each.text for each in outputs(done) if each.get("name") == "stderr"] == []
    assert ended - begun < MOST_SECONDS


def test_one_notebook_sees_nothing_of_another_and_errors_are_raised(running: Any) -> None:
    from nbclient.exceptions import CellExecutionError
    from nbformat.v4 import new_code_cell, new_notebook

    from notebooks.execute import execute

    first = new_notebook(cells=[new_code_cell("left_behind = 1\nprint(left_behind)")])
    assert [each.text for each in outputs(execute(first, running))] == ["1\n"]
    second = new_notebook(cells=[new_code_cell("left_behind")])
    with pytest.raises(CellExecutionError, match="name 'left_behind' is not defined"):
        execute(second, running)


def test_a_widget_leaves_no_output_behind(running: Any) -> None:
    from nbformat.v4 import new_code_cell, new_notebook

    from notebooks.execute import execute

    code = "import ipywidgets\nfrom IPython.display import display\ndisplay(ipywidgets.IntSlider())\nprint('beside')"
    done = execute(new_notebook(cells=[new_code_cell(code)]), running)
    assert [each.output_type for each in outputs(done)] == ["stream"]


def test_players_hold_two_seconds_at_their_own_level() -> None:
    audio = torch.linspace(-0.25, 0.25, 3 * 8000)[None].repeat(2, 1)
    read_back, rate = soundfile.read(io.BytesIO(classroom.flac_bytes(audio, 8000, start_seconds=0.5)), dtype="float32")
    assert (rate, read_back.shape) == (8000, (16000, 2))
    torch.testing.assert_close(torch.from_numpy(read_back).T, audio[:, 4000:20000], rtol=0, atol=1e-4)


def test_a_map_has_a_dot_for_every_point_and_escapes_names() -> None:
    points = torch.tensor([[0.0, 0.0], [1.0, 2.0], [0.5, 1.0]])
    svg = classroom.clickable_map(points, ["a", "<b>", "c"], ["red", "green", "blue"], "picked")
    assert re.findall(r'data-grain="(\d)"', svg) == ["0", "1", "2"]
    assert "<title>&lt;b&gt;</title>" in svg
    places = [(float(x), float(y)) for x, y in re.findall(r'cx="([\d.]+)" cy="([\d.]+)"', svg)]
    assert places[0] == (classroom.MARGIN, classroom.HEIGHT - classroom.MARGIN)
    assert places[1] == (classroom.WIDTH - classroom.MARGIN, classroom.MARGIN)
