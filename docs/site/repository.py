"""The site's pages, each at its path in the repository, so that a link leads to the same file on the site as on GitHub.

MkDocs knows one folder of pages; ours stand where a reader of the repository looks for them (README.md, notebooks/,
docs/, ...). So the site's tree is the repository's: what a page links to is found by its own path. A link to a module
of ``lgr`` leads to its API page, one to a notebook to its page, one to a folder to the folder's page, and one to any
other file of the repository to a copy of that file.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
PAGES = ("*.md", "docs/**/*.md", "notebooks/*.md", "apps/**/*.md", "assets/**/*.md")
PICTURES = ("docs/**/*.png",)
SCREENSHOTS = "docs/screenshots"
LINK = re.compile(r"(?<=\]\()(?P<path>[^)#\s:]+)(?P<anchor>#[^)\s]*)?(?=\))")
CODE = re.compile(r"(?<![`\[])`(?P<path>(?:lgr|apps|benchmarks|notebooks|assets)/[\w/.-]*)`(?!`|\]\()")
FENCED = re.compile(r"(^ *```.*?^ *```)", re.DOTALL | re.MULTILINE)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """The theme's own files, and the repository's pages and pictures in place of those of ``docs_dir``."""
    tree = Files([file for file in files if file.src_dir != config.docs_dir])
    for pattern in (*PAGES, *PICTURES):
        for path in sorted(ROOT.glob(pattern)):
            tree.append(_copy(path.relative_to(ROOT).as_posix(), config))
    for own in ("site/iframe-worker.js", "site/style.css"):
        tree.append(File(own, config.docs_dir, config.site_dir, config.use_directory_urls))
    pictures = sorted(path.name for path in (ROOT / SCREENSHOTS).glob("*.png"))
    shown = [f"## {Path(name).stem.replace('_', ' ').capitalize()}\n\n![]({name})\n" for name in pictures]
    gallery = "# Screenshots\n\nThe tabs of the app, as `make screenshots` takes them.\n\n" + "\n".join(shown)
    tree.append(File.generated(config, f"{SCREENSHOTS}/index.md", content=gallery))
    return tree


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links to files of the repository lead to their pages; a fold's text is Markdown, as it is on GitHub."""
    folder = posixpath.dirname(page.file.src_uri)

    def place(path: str) -> str | None:
        """Where on the site a path of the repository is, relative to this page; None where it is no such path."""
        found = _on_site(path, files)
        if found is None and (ROOT / path).is_file():
            files.append(_copy(path, config))
            found = path
        return None if found is None else posixpath.relpath(found, folder or ".")

    def linked(match: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(folder, match["path"]))
        return (place(path) or match["path"]) + (match["anchor"] or "")

    def named(match: re.Match[str]) -> str:
        found = _on_site(match["path"], files)
        return match[0] if found is None else f"[{match[0]}]({posixpath.relpath(found, folder or '.')})"

    parts = FENCED.split(markdown)  # every other one is a fenced block
    parts[::2] = [
        CODE.sub(named, LINK.sub(linked, part)).replace("<details>", "<details markdown>") for part in parts[::2]
    ]
    return "".join(parts)


def _on_site(path: str, files: Files) -> str | None:
    """The page that shows a file or folder of the repository; None where there is none."""
    path = path.rstrip("/")
    module = path.removesuffix(".py").removesuffix("/__init__")
    pages = (path, f"{path}.md", f"{path}/README.md", f"{path}/index.md", f"api/{module}.md", f"api/{module}/index.md")
    return next((each for each in pages if files.get_file_from_path(each) is not None), None)


def _copy(path: str, config: MkDocsConfig) -> File:
    return File.generated(config, path, abs_src_path=str(ROOT / path))
