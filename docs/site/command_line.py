"""The command line reference: every command of ``lgr`` with its help and options, as the program itself says them."""

import re
from collections.abc import Iterator
from typing import Any

import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from lgr.cli import app

PARAGRAPH_AS_IT_IS = "\b"  # click's mark: do not wrap what follows


def on_files(files: Files, config: MkDocsConfig) -> Files:
    program: Any = typer.main.get_command(app)
    page = "# Command line\n\n" + "\n".join(_command(program, "lgr", None))
    files.append(File.generated(config, "command-line.md", content=page))
    return files


def _command(command: Any, name: str, parent: Any) -> Iterator[str]:
    """A command's heading, help, usage and options, then its own commands'."""
    context = command.make_context(name, [], parent=parent, resilient_parsing=True)
    yield f"## `{name}`\n" if parent is not None else ""
    yield _prose(command.help or "")
    yield f"```console\n$ {name} {' '.join(command.collect_usage_pieces(context))}\n```\n"
    panels: dict[str, list[tuple[str, str]]] = {}
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None:
            usual = "Arguments" if parameter.param_type_name == "argument" else "Options"
            panels.setdefault(getattr(parameter, "rich_help_panel", None) or usual, []).append(record)
    for panel, records in panels.items():
        yield f"| {panel} | |\n|---|---|"
        yield from (f"| {_code(names)} | {_cell(meaning)} |" for names, meaning in records)
        yield ""
    for each in getattr(command, "commands", {}).values():
        if not each.hidden:
            yield from _command(each, f"{name} {each.name}", context)


def _prose(text: str) -> str:
    """A command's help as Markdown: what click is asked not to wrap is shown as it is."""
    paragraphs = re.split(r"\n\s*\n", text.strip())
    return (
        "\n\n".join(
            f"```text\n{each.removeprefix(PARAGRAPH_AS_IT_IS).strip(chr(10))}\n```"
            if each.startswith(PARAGRAPH_AS_IT_IS)
            else _escaped(each)
            for each in paragraphs
        )
        + "\n"
    )


def _code(text: str) -> str:
    return f"`{text}`".replace("|", "\\|")


def _cell(text: str) -> str:
    return _escaped(" ".join(text.split())).replace("|", "\\|")


def _escaped(text: str) -> str:
    """Text in which Markdown finds no signs of its own, but for code between backticks."""
    return re.sub(r"([\\*_<\[#])", r"\\\1", text)
