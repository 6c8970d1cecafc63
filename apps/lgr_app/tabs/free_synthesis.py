"""Tab 5, Free synthesis: sounds that no recording was the source of, out of a trained model alone."""

import gradio as gr

from lgr_app.page.shared import Shared
from lgr_app.tabs.latent_plane import build_plane
from lgr_app.tabs.one_shots import build_one_shots


def build(shared: Shared) -> None:
    """Lay the tab out: the inner tabs One-shots, Morph and Latent plane."""
    # Nothing but tabs may stand directly in gr.Tabs: anything else, even a state, counts as one when tabs are numbered.
    with gr.Tabs():
        build_one_shots(shared)
        build_plane(shared)
