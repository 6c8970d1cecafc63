"""Controls that more than one tab has: a sound to choose, several sounds, a row of examples."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr


def sound_input(path: Path | None, label: str, **more: Any) -> Any:
    """One sound, a file or from the microphone; ``path`` is there at the beginning."""
    given = None if path is None else str(path)
    return gr.Audio(given, label=label, type="filepath", sources=["upload", "microphone"], buttons=[], **more)


def sounds_input(paths: Sequence[Path], label: str) -> Any:
    """Several files of sound; ``paths`` are there at the beginning."""
    return gr.File(
        [str(path) for path in paths],
        label=label,
        file_count="multiple",
        file_types=[".wav", ".flac", ".ogg", ".mp3"],
        height=130,
    )


def example_buttons(titles: Iterable[str]) -> list[Any]:
    """A row of buttons, one an example."""
    with gr.Row(elem_classes="lgr-examples"):
        return [gr.Button(title, size="sm", min_width=90) for title in titles]
