"""A cloud of points on a plane, to click and to draw on: the component, and the colours of its points."""

from lgr_app.page.scatter.colours import Colours, by_kind, by_number
from lgr_app.page.scatter.component import cloud, scatter

__all__ = ["Colours", "by_kind", "by_number", "cloud", "scatter"]
