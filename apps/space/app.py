"""The entry of a hosted Space: ``python app.py`` in the folder that ``python -m apps.space.build`` made."""

import os
from pathlib import Path

os.environ.setdefault("LGR_ASSETS", str(Path(__file__).resolve().parent / "assets"))

from lgr_app.app import serve

if __name__ == "__main__":
    everywhere = (
        "0.0.0.0" if "SPACE_ID" in os.environ else "127.0.0.1"
    )  # the host reaches it from outside its container
    serve(
        host=os.environ.get("GRADIO_SERVER_NAME", everywhere),
        port=int(os.environ.get("GRADIO_SERVER_PORT", "7860")),
    )
