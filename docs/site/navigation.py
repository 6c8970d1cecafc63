"""Patterns in mkdocs.yml's ``nav``: ``docs/results/*.md`` is those pages in order, ``api/**`` a folder room by room."""

import posixpath
from fnmatch import fnmatchcase
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Put pages in the place of patterns; this hook comes last, when all pages are there."""
    pages = sorted(file.src_uri for file in files.documentation_pages())
    config.nav = _filled(config.nav, pages)
    return files


def _filled(item: Any, pages: list[str]) -> Any:
    if isinstance(item, dict):
        return {title: _filled(inside, pages) for title, inside in item.items()}
    if isinstance(item, list):
        return [part for each in item for part in _listed(_filled(each, pages))]
    if isinstance(item, str) and item.endswith("/**"):
        return _folder(item.removesuffix("/**"), pages)
    if isinstance(item, str) and "*" in item:
        return [page for page in pages if fnmatchcase(page, item)]
    return item


def _listed(item: Any) -> list[Any]:
    return item if isinstance(item, list) else [item]


def _folder(folder: str, pages: list[str]) -> list[Any]:
    """A folder's own page, then its pages and, as sections, its folders. A folder with nothing else is left out."""
    own = [page for page in pages if page == f"{folder}/index.md"]
    inside = [page.removeprefix(f"{folder}/") for page in pages if page.startswith(f"{folder}/") and page not in own]
    listed: list[Any] = []
    for name in dict.fromkeys(each.split("/")[0] for each in inside):
        path = posixpath.join(folder, name)
        listed.append({name.removesuffix(".md"): path if path in pages else _folder(path, pages)})
    return own + listed
