"""Sliders for what a model can be moved by, level, brightness, noisiness, intensity: shown where it has them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from lgr.latents.controls import control_envelopes
from lgr.sound.envelope import Envelope
from lgr_app.page.models import model_controls

TITLE = "Level, brightness, noisiness, intensity"


@dataclass(frozen=True, kw_only=True)
class Dial:
    """A control's slider: what it says, and as far as is of use, which is less far than lgr lets it go."""

    name: str
    unit: str
    info: str
    low: float
    high: float
    step: float

    def start(self) -> gr.Slider:
        """At 0, which changes nothing."""
        return self._slider(f"{self.name}{self.unit}", self.info)

    def end(self) -> gr.Slider:
        """The same for the end of a line, hidden until it is asked for."""
        return self._slider(f"{self.name} at the end{self.unit}", None, visible=False)

    def _slider(self, label: str, info: str | None, *, visible: bool = True) -> gr.Slider:
        return gr.Slider(self.low, self.high, 0, step=self.step, label=label, info=info, visible=visible, min_width=140)


DIALS = {
    "level": Dial(
        name="Level",
        unit=" (dB)",
        info="Louder or quieter. Peaks are held below full scale.",
        low=-36,
        high=12,
        step=1,
    ),
    "brightness": Dial(
        name="Brightness",
        unit=" (octaves)",
        info="Moves the middle of the spectrum and leaves the level.",
        low=-2,
        high=2,
        step=0.1,
    ),
    "noisiness": Dial(
        name="Noisiness",
        unit="",
        info="1: 20 dB more noise against tone, -1: as much less. The level stays.",
        low=-2,
        high=2,
        step=0.1,
    ),
    "intensity": Dial(
        name="Intensity",
        unit=" (dB)",
        info="The spectrum of a sound that has got so much louder by itself. The level stays.",
        low=-30,
        high=30,
        step=1,
    ),
}


@dataclass(frozen=True, kw_only=True)
class ControlSliders:
    """The fold with its sliders.

    ``inputs`` are what an event passes to ``controls_of``, ``shown`` what changes with the model (``show_controls``).
    """

    fold: gr.Accordion
    rows: list[gr.Row]
    starts: list[gr.Slider]
    moves: gr.Checkbox | None = None  # whether the end has values of its own
    ends: list[gr.Slider] = field(default_factory=list)

    @property
    def inputs(self) -> list[Any]:
        return [*self.starts, *([] if self.moves is None else [self.moves, *self.ends])]

    @property
    def shown(self) -> list[Any]:
        return [self.fold, *self.rows]


def control_sliders(model: str, *, over_time: bool = False) -> ControlSliders:
    """A fold of sliders, or ``over_time`` of these and, where the visitor wants them, as many for the end.

    Laid out where called.
    """
    have = model_controls(model)
    rows, starts, ends, moves = [], [], [], None
    with gr.Accordion(TITLE, open=False, visible=bool(have)) as fold:
        for name, dial in DIALS.items():
            with gr.Row(visible=name in have) as row:
                starts.append(dial.start())
                if over_time:
                    ends.append(dial.end())
            rows.append(row)
        if over_time:
            moves = gr.Checkbox(
                False, label="Change along the line", info="From these values at its start to others at its end."
            )
            moves.input(_show_ends, [moves, *starts], ends, show_progress="hidden", api_visibility="private")
    return ControlSliders(fold=fold, rows=rows, starts=starts, moves=moves, ends=ends)


def show_controls(model: str) -> list[Any]:
    """What becomes of ``ControlSliders.shown`` with another model."""
    have = model_controls(model)
    return [gr.Accordion(visible=bool(have)), *(gr.Row(visible=name in have) for name in DIALS)]


def controls_of(model: str, values: Sequence[Any], *, seconds: float = 0.0) -> dict[str, Envelope]:
    """What the sliders say of the controls that a model has; what stays at 0 is left out.

    Parameters
    ----------
    values : those of ``ControlSliders.inputs``
    seconds : above 0, when the values at the end are reached; else they are not looked at

    Raises
    ------
    ArgumentError : a value that is no number, or beyond what lgr allows
    """
    starts, rest = values[: len(DIALS)], values[len(DIALS) :]
    moves = bool(rest) and bool(rest[0]) and seconds > 0
    ends = rest[1:] if moves else starts
    have = model_controls(model)
    said = {
        name: [(0.0, start), (seconds, end)] if moves else start
        for name, start, end in zip(DIALS, starts, ends, strict=True)
        if name in have
    }
    return {name: each for name, each in control_envelopes(said).items() if each.constant != 0}


def _show_ends(moves: bool, *starts: float) -> list[Any]:
    """The sliders for the end, which begin where the others are."""
    return [gr.Slider(visible=moves, value=start) for start in starts]
