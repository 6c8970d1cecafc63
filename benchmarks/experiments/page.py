"""Pages of results: a table, what it rests on, and the remarks that a person wrote above it, which are kept."""

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from benchmarks.vae_scores import markdown, plain
from lgr.files import atomic_path
from lgr.plots import save_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MARK = "<!-- what follows is written by benchmarks/experiments -->"


@dataclass(frozen=True, kw_only=True)
class Result:
    """What an experiment found.

    Attributes
    ----------
    title : a line
    data : which sounds and codecs, a sentence
    tables : markdown, each with its heading
    numbers : for the .json
    missing : what could not be measured here and why, a sentence each
    figure : or None
    """

    title: str
    data: str
    tables: tuple[str, ...]
    numbers: dict[str, Any]
    missing: tuple[str, ...] = ()
    figure: "Figure | None" = field(default=None, compare=False)


def table(heading: str, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A headed markdown table."""
    return f"### {heading}\n\n{markdown(header, rows)}"


def machine() -> str:
    """The processor, its cores and the threads in use, Python and torch."""
    model = platform.processor() or platform.machine()
    listed = Path("/proc/cpuinfo")
    if listed.is_file():
        names = [line.partition(":")[2].strip() for line in listed.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    told = f"{model}, {os.cpu_count()} cores, {torch.get_num_threads()} thread(s)"
    return f"{told}, Python {platform.python_version()}, torch {torch.__version__}"


def commit() -> str:
    """The commit that is checked out, and whether files differ from it."""
    here = Path(__file__).parent
    try:
        head = subprocess.run(
            ["git", "describe", "--always", "--dirty= and changes not committed"],
            cwd=here,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head.stdout.strip()


def write(result: Result, out: Path, name: str, number: int, seconds: tuple[float, float]) -> Path:
    """Write ``experiments_NAME.md``, ``.json`` and ``.png`` into the folder ``out``.

    Parameters
    ----------
    seconds : of the processor, and of the clock on the wall
    """
    page = out / f"experiments_{name}.md"
    remarks = page.read_text(encoding="utf-8").split(MARK)[0] if page.exists() else f"# {result.title}\n\n"
    facts = {
        "command": f"python -m benchmarks.experiments --only {number}",
        "commit": commit(),
        "data": result.data,
        "machine": machine(),
        "time": f"{seconds[0]:.0f} s of the processor, {seconds[1]:.0f} s on the wall",
        "could not be measured here": "; ".join(result.missing) or "nothing",
    }
    text = [f"{remarks}{MARK}\n"]
    if result.figure is not None:
        save_figure(result.figure, page.with_suffix(".png"), force=True)
        text.append(f"![{result.title}]({page.with_suffix('.png').name})\n")
    text += [*result.tables, "".join(f"- {key}: {value}\n" for key, value in facts.items())]
    with atomic_path(page.with_suffix(".json"), force=True) as path:
        path.write_text(json.dumps(plain({**facts, **result.numbers}), indent=1, ensure_ascii=False) + "\n")
    with atomic_path(page, force=True) as path:
        path.write_text("\n".join(text), encoding="utf-8")
    return page
