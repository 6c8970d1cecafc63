"""The API reference: a page for every room and module of ``lgr``, found by walking the package, never listed by hand.

A module is public where no part of its name begins with ``_``; the commands have a page of their own (command_line.py).
What a page says is read from the module's docstrings by mkdocstrings, which reads the source and imports nothing.
"""

from collections.abc import Iterator
from pathlib import Path

import griffe
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
OTHERWISE_SHOWN = {"cli", "__main__"}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page a module: ``api/lgr/sounds.md``, and for a room ``api/lgr/sound/index.md``."""
    package = griffe.load("lgr", search_paths=[str(ROOT)], resolve_aliases=True)
    assert isinstance(package, griffe.Module)
    for module in _modules(package):
        name = module.path.replace(".", "/")
        place = f"api/{name}/index.md" if module.is_package or module.is_subpackage else f"api/{name}.md"
        files.append(File.generated(config, place, content=_page(module)))
    return files


def _modules(package: griffe.Module) -> Iterator[griffe.Module]:
    yield package
    for name, module in sorted(package.modules.items()):
        if not (module.is_alias or name.startswith("_") or name in OTHERWISE_SHOWN):
            yield from _modules(module)


def _page(module: griffe.Module) -> str:
    """A module's page: its docstring and all public names; of a room, what it shows and a line a module."""
    title = f"# `{module.path}`\n\n"
    if not (module.is_package or module.is_subpackage):
        return f"{title}::: {module.path}\n"
    page = f"{title}::: {module.path}\n    options:\n      members: false\n"
    names = [module.members[str(name)] for name in module.exports or []]
    if names:
        page += "\n## Names\n\n| name | what it is |\n|---|---|\n"
        page += "".join(map(_row, names))
    inside = [each for each in _modules(module) if each.parent is module]
    if inside:
        page += "\n## Modules\n\n| module | what it is for |\n|---|---|\n"
        for each in inside:
            place = f"{each.name}/index.md" if each.is_subpackage else f"{each.name}.md"
            page += f"| [`{each.name}`]({place}) | {_first_line(each)} |\n"
    return page


def _row(name: griffe.Object | griffe.Alias) -> str:
    try:
        target = name.final_target if isinstance(name, griffe.Alias) else name
    except griffe.AliasResolutionError:  # one of several that are assigned in one statement: griffe lists none of them
        return f"| `{name.name}` | |\n"
    return f"| [`{name.name}`][{target.path}] | {_first_line(target)} |\n"


def _first_line(thing: griffe.Object | griffe.Alias) -> str:
    """The first sentence or paragraph of a docstring, as a cell of a table."""
    if thing.docstring is None:
        return ""
    return " ".join(thing.docstring.value.split("\n\n")[0].split()).replace("|", "\\|")
