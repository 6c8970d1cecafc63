"""The tabs, in the order of the page: what is seen, one file a tab. Each has ``build(shared)``, which lays it out.

``TABS`` is read by the page, by benchmarks/screenshots.py and by the tests.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lgr_app.page.shared import Shared


@dataclass(frozen=True)
class Tab:
    """One tab of the page. ``name`` is its file in this folder, its id on the page, and its picture's name."""

    name: str
    title: str

    def build(self, shared: "Shared") -> None:
        """Lay it out, inside the tab that is open in Gradio. Its file is read here, not when the table is."""
        import_module(f"{__name__}.{self.name}").build(shared)


TABS = (
    Tab("resynthesise", "Resynthesise"),
    Tab("grain_map", "Grain map"),
    Tab("sweep", "Temperature sweep"),
    Tab("interpolate", "Interpolate"),
    Tab("free_synthesis", "Free synthesis"),
    Tab("compare", "Compare codecs"),
)
