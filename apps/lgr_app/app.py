"""The app: all tabs on one page. ``lgr app`` starts it, or ``python -m lgr_app.app``.

demo = build_demo()
demo.launch(**launch_options())
"""

import os

# before Gradio is imported: nothing is asked of another host
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

from typing import Any

import gradio as gr

from lgr.errors import LgrError
from lgr.files import assets_dir
from lgr_app.page.limits import Limits
from lgr_app.page.shared import Shared
from lgr_app.page.theme import CSS, theme
from lgr_app.tabs import TABS

HEAD = """# lgr
Play one sound with the grains of another. Results are deleted when you leave, uploads within about an hour after."""


def build_demo(limits: Limits | None = None) -> Any:
    """The page (``gr.Blocks``), with limits from the environment unless they are given; no model is loaded yet."""
    shared = Shared(limits=limits or Limits.from_environment())
    demo: Any = gr.Blocks(title="lgr: latent granular resynthesis", delete_cache=(600, 3600))
    with demo:
        gr.Markdown(HEAD, elem_classes="lgr-head")
        with gr.Tabs():
            for tab in TABS:
                with gr.Tab(tab.title, id=tab.name):
                    tab.build(shared)
        demo.unload(shared.visitors.left)
    demo.queue(default_concurrency_limit=shared.limits.concurrency, max_size=100)
    demo.lgr_shared = shared  # for whoever serves it: visitors must leave when it stops
    return demo


def launch_options(limits: Limits | None = None) -> dict[str, Any]:
    """Keywords for ``demo.launch``: the look, what may be served and uploaded; add host and port as needed."""
    limits = limits or Limits.from_environment()
    return {
        "theme": theme(),
        "css": CSS,
        "allowed_paths": [str(assets_dir() / "audio")],
        "max_file_size": int(limits.max_mb * 1e6),
        "footer_links": [],
        "enable_monitoring": False,
        "ssr_mode": False,
        "pwa": False,
    }


def serve(host: str = "127.0.0.1", port: int = 7860, share: bool = False) -> None:
    """Serve the app until it is interrupted; ``LgrError`` where the port is taken."""
    import torch

    limits = Limits.from_environment()
    # jobs that run side by side share the processor instead of each asking for all of it
    torch.set_num_threads(max(1, torch.get_num_threads() // limits.concurrency))
    demo = build_demo(limits)
    try:
        demo.launch(**launch_options(limits), server_name=host, server_port=port, share=share, quiet=True)
    except OSError as error:
        raise LgrError(f"cannot listen on {host} at port {port}: {error}; choose another with --port") from error
    finally:
        demo.lgr_shared.visitors.all_leave()


if __name__ == "__main__":
    serve()
