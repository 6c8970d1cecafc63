"""Run the notebooks: ``python notebooks/execute.py [NAME ...]`` writes each ``.ipynb`` anew from its ``.py``.

The ``.py`` files (py:percent) are the source. One kernel runs all of them, emptied in between; a widget leaves no
output, for without its kernel it is nothing: what it shows stands beside it as a picture or a player.
"""

import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jupytext
import nbformat
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient
from nbformat import NotebookNode

FOLDER = Path(__file__).resolve().parent
CELL_SECONDS = 600  # a cell that takes longer hangs; the slowest takes half a minute on an idle machine
SOLUTION = re.compile(r"<details>.*?```python\n(.*?)```.*?</details>", re.DOTALL)
WIDGET = "application/vnd.jupyter.widget-view+json"


def sources() -> list[Path]:
    """The notebooks' sources, in the order of the course."""
    return sorted(FOLDER.glob("[0-9][0-9]_*.py"))


def read(source: Path, *, solutions: bool = False) -> NotebookNode:
    """A source as a notebook without outputs; with ``solutions``, each exercise's is a cell after it, to be run."""
    notebook = jupytext.read(source)
    cells = []
    for i, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{i:02d}"  # not a new random one every time
        cells.append(cell)
        if solutions and cell.cell_type == "markdown":
            cells += [nbformat.v4.new_code_cell(code) for code in SOLUTION.findall(cell.source)]
    notebook.cells = cells
    return notebook


@contextmanager
def kernel() -> Iterator[KernelManager]:
    """A Python kernel of this environment, in the notebooks' folder."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(FOLDER), extra_arguments=["--log-level=40"])  # errors only
    try:
        yield manager
    finally:
        manager.shutdown_kernel(now=True)


def execute(notebook: NotebookNode, manager: KernelManager) -> NotebookNode:
    """Run a notebook's cells in a running kernel, from an empty namespace; ``CellExecutionError`` where one fails."""
    client = NotebookClient(notebook, km=manager, timeout=CELL_SECONDS, store_widget_state=False, record_timing=False)
    client.kc = manager.client()
    client.kc.start_channels()
    try:
        client.kc.wait_for_ready(timeout=60)
        client.kc.execute_interactive("%reset -f", store_history=False, output_hook=lambda message: None)
        client.execute()
    finally:
        client.kc.stop_channels()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [each for each in cell.outputs if not _is_passing(each)]
    return notebook


def _is_passing(output: NotebookNode) -> bool:
    """Whether an output is of the moment: a widget, or what SoundStream's runtime says when it starts."""
    if output.output_type == "stream":
        return output.name == "stderr" and output.text.startswith("INFO: Created TensorFlow Lite")
    return WIDGET in output.get("data", {})


def main(names: list[str]) -> None:
    chosen = [source for source in sources() if not names or source.stem in names or source.name[:2] in names]
    with kernel() as manager:
        for source in chosen:
            started = time.perf_counter()
            notebook = execute(read(source), manager)
            target = source.with_suffix(".ipynb")
            jupytext.write(notebook, target, fmt="ipynb")
            seconds, size = time.perf_counter() - started, target.stat().st_size
            print(f"{target.name}: {seconds:.1f} s, {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main(sys.argv[1:])
