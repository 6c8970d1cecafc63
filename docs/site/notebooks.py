"""The course on the site: the committed renderings of the notebooks, as they were executed; nothing is run here."""

from pathlib import Path

import nbformat
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from nbconvert import MarkdownExporter

ROOT = Path(__file__).parents[2]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page a notebook, ``notebooks/NAME.ipynb.md``, and the pictures in it."""
    exporter = MarkdownExporter()
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        names = {"unique_key": path.stem, "output_files_dir": f"{path.stem}_files"}
        page, resources = exporter.from_notebook_node(notebook, resources=names)
        files.append(File.generated(config, f"notebooks/{path.name}.md", content=page))
        for name, picture in resources["outputs"].items():
            files.append(File.generated(config, f"notebooks/{name}", content=picture))
    return files
