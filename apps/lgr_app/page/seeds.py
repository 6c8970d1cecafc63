"""The seed of the random choices, and its lock: the same seed plays the same result again."""

import secrets
from collections.abc import Callable
from typing import Any

import gradio as gr

from lgr.errors import ArgumentError

LARGEST = 2**31 - 1
DRAWN_BELOW = 1_000_000  # short enough to be read out or written down


def next_seed(seed: float | None, locked: bool, draw: Callable[[int], int] = secrets.randbelow) -> int:
    """The seed of the next run: the one given where it is locked, else a new one.

    ``ArgumentError`` unless a locked seed is a whole number from 0 to ``LARGEST``.
    """
    if not locked:
        return draw(DRAWN_BELOW)
    if seed is None or seed != int(seed) or not 0 <= seed <= LARGEST:
        raise ArgumentError(f"The seed must be a whole number from 0 to {LARGEST}, got {seed}")
    return int(seed)


def seed_controls(value: int = 1) -> tuple[Any, Any]:
    """The number and its lock, to be passed to a callback and (the number) back from it. Laid out where called."""
    with gr.Row(elem_classes="seed"):
        number = gr.Number(
            value,
            label="Seed",
            info="The same seed and settings play the same result again.",
            precision=0,
            minimum=0,
            maximum=LARGEST,
            min_width=120,
        )
        lock = gr.Checkbox(
            True,
            label="Keep this seed",
            info="Off: every run draws a new one and shows it.",
            min_width=120,
        )
    return number, lock
