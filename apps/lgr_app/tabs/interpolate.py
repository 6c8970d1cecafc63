"""Tab 4, Interpolate: from one sound to another through the latent space, with the real sounds around the path."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import gradio as gr

from lgr.interpolation.config import CODEC
from lgr_app.jobs.interpolate import (
    InterpolationControls,
    interpolate_sounds,
    numbers_table,
    save_interpolation_picture,
    write_interpolation,
)
from lgr_app.page.choices import kind_choices, pace_choices
from lgr_app.page.codecs import codec_choices
from lgr_app.page.inputs import example_buttons, sound_input
from lgr_app.page.models import label_choices, model_labels
from lgr_app.page.seeds import next_seed, seed_controls
from lgr_app.page.shared import Shared
from lgr_app.page.sounds import clip, read_upload
from lgr_app.page.visitors import reporter

START = CODEC  # that the tab, and its first example, begins with
NO_CLASS = "Not said"
CAPTION = (
    "Above: level (dB) by frequency over time; the first second and the last are the sounds as recorded, between the "
    "dashed lines the path as decoded. Below: the spectral centroid (Hz), how bright it sounds; a good path leads from "
    "the one height to the other without a jump (paper 003, figure 1)."
)


@dataclass(frozen=True)
class Example:
    """Two bundled clips, a codec, and how to go."""

    title: str
    first: str
    last: str
    codec: str
    controls: InterpolationControls = field(default_factory=InterpolationControls)

    @property
    def paths(self) -> tuple[Path, Path]:
        return clip(self.first), clip(self.last)


EXAMPLES = (
    Example("Rain to sea", "rain", "sea", START),
    Example("Violin to choir", "violin", "choir", START, InterpolationControls(kind="slerp", pace="ease")),
    Example(
        "Violin to flute, by name",
        "violin",
        "flute",
        "notes-spectral",
        InterpolationControls(first_label="violin", last_label="flute", pace="ease"),
    ),
    Example("Steel pan round to glass", "steel_pan", "glass", START, InterpolationControls(kind="circle", seconds=4.0)),
)


def controls_of(
    kind: str,
    pace: str,
    seconds: float,
    rounds: float,
    leave_percent: float,
    reach_percent: float,
    endpoints: str,
    ends: str,
    level_line: bool,
    first_label: str,
    last_label: str,
) -> InterpolationControls:
    """What the controls say, in their order."""
    return InterpolationControls(
        kind=kind,
        pace=pace,
        seconds=seconds,
        rounds=int(rounds),
        leave=leave_percent / 100,
        reach=reach_percent / 100,
        endpoints=endpoints,
        ends=ends,
        level_line=level_line,
        first_label=first_label,
        last_label=last_label,
    )


def dial_values(controls: InterpolationControls) -> list[Any]:
    """The inverse of ``controls_of``: what an example puts into the controls."""
    c = controls
    places = [100 * c.leave, 100 * c.reach]
    return [
        c.kind,
        c.pace,
        c.seconds,
        c.rounds,
        *places,
        c.endpoints,
        c.ends,
        c.level_line,
        c.first_label,
        c.last_label,
    ]


def build(shared: Shared) -> None:
    """Lay the tab out."""
    limits, start = shared.limits, EXAMPLES[0]

    with gr.Row():
        with gr.Column(scale=5, min_width=320):
            examples = example_buttons(each.title for each in EXAMPLES)
            first = sound_input(start.paths[0], "From this sound", elem_id="first-sound")
            last = sound_input(start.paths[1], "To this sound", elem_id="second-sound")
            gr.Markdown(limits.sentence(), elem_classes="lgr-caption")
            kind = gr.Radio(
                kind_choices(), value="linear", label="Path", info="Its shape in the space of the codec's latents."
            )
            seconds = gr.Slider(0.5, 10, 2, step=0.1, label="Length of the path (s)", info="From leaving to arriving.")
            codec = gr.Dropdown(
                codec_choices(),
                value=START,
                label="Codec or model",
                info="Its latent space is crossed: spectral is made for it. Notes and textures have their own models.",
            )
            classes = label_choices(model_labels(START), NO_CLASS)
            with gr.Row(visible=len(classes) > 1) as labels_row:
                first_label = gr.Dropdown(
                    classes, value="", label="Class on leaving", info="What the model makes of it."
                )
                last_label = gr.Dropdown(classes, value="", label="Class on arriving", info="Changes along the path.")
            with gr.Accordion("Ends, pace and places", open=False):
                ends = gr.Radio(
                    [("Go on playing", ""), ("Are held", "held")],
                    value="",
                    label="The two sounds",
                    info="Play on while their mix moves, or stand still at a moment each, as in the paper. Codecs that "
                    "copy waveforms hum when they are held.",
                )
                pace = gr.Dropdown(pace_choices(), value="even", label="Pace", info="How the path is gone in time.")
                rounds = gr.Slider(
                    0, 8, 1, step=1, label="Rounds", info="Of a circle, a spiral or there and back, before it arrives."
                )
                leave = gr.Slider(
                    1, 100, 50, step=1, label="Leave the first sound at (%)", info="Of its length; 100 is its end."
                )
                reach = gr.Slider(
                    0, 95, 50, step=1, label="Reach the second sound at (%)", info="Of its length; 0 is its start."
                )
                endpoints = gr.Radio(
                    [("Those very moments", "edge"), ("The sounds' averages", "mean")],
                    value="edge",
                    label="Between",
                    info="The moments left and reached, or the average of the second next to each.",
                )
                level_line = gr.Checkbox(
                    True,
                    label="Keep the level on a line",
                    info="From the one sound's to the other's; else the level is what the decoder gives.",
                )
            seed_number, locked = seed_controls()
        with gr.Column(scale=7, min_width=320):
            go = gr.Button("Interpolate from the one to the other", variant="primary", size="lg")
            player = gr.Audio(
                label="The first sound, the path, the second sound",
                type="filepath",
                interactive=False,
                buttons=["download"],
            )
            with gr.Row():
                get_audio = gr.DownloadButton("Download the sound", interactive=False, size="sm")
                get_report = gr.DownloadButton("Download the report", interactive=False, size="sm")
            picture = gr.Image(
                show_label=False,
                alt_text="Spectrogram and spectral centroid of the sounds and the path",
                elem_id="path-picture",
                type="filepath",
                interactive=False,
                elem_classes="lgr-picture",
                buttons=["fullscreen"],
            )
            gr.Markdown(CAPTION, elem_classes="lgr-caption")
            numbers = gr.HTML(elem_id="path-numbers", elem_classes="lgr-numbers")

    dials = [kind, pace, seconds, rounds, leave, reach, endpoints, ends, level_line, first_label, last_label]

    def run(
        first: str | None,
        last: str | None,
        codec: str,
        seed: float | None,
        locked: bool,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),
        *values: Any,
    ) -> Iterator[dict[Any, Any]]:
        visitor = shared.visitors.of(request)
        report = reporter(visitor, progress)
        first_path, last_path = read_upload(first, "first sound", limits), read_upload(last, "second sound", limits)
        run_seed = next_seed(seed, locked)
        controls = controls_of(*values)
        if not model_labels(codec):  # hidden: what was chosen for another model stays there
            controls = replace(controls, first_label="", last_label="")
        space = shared.codecs.open(codec, report)
        made, recipe = interpolate_sounds(first_path, last_path, space, controls, seed=run_seed, progress=report)
        folder = visitor.folder()
        files = write_interpolation(made, recipe, folder)
        yield {  # the sound first: drawing takes longer
            player: str(files.audio),
            numbers: numbers_table(made),
            seed_number: run_seed,
            get_audio: gr.DownloadButton(value=str(files.audio), interactive=True),
            get_report: gr.DownloadButton(value=str(files.report), interactive=True),
        }
        report("drawing", 0, 1)
        yield {picture: str(save_interpolation_picture(made, folder / "path.png"))}

    inputs = [first, last, codec, seed_number, locked, *dials]
    outputs = [player, picture, numbers, seed_number, get_audio, get_report]
    job: dict[str, Any] = {
        "fn": shared.callback(run),
        "inputs": inputs,
        "outputs": outputs,
        "show_progress_on": [player],
        **shared.heavy,
    }
    go.click(**job, api_name="interpolate")
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    example_outputs = [first, last, codec, labels_row, *dials]
    for button, example in zip(examples, EXAMPLES, strict=True):
        filling = button.click(_fill(example), None, example_outputs, **quiet)
        filling.then(**job, api_visibility="private")
    # input, not change: an example sets a codec and its classes at once
    codec.input(_offer_labels, codec, [labels_row, first_label, last_label], **quiet)


def _offer_labels(codec: str, first: str = "", last: str = "") -> list[Any]:
    """The row of the classes, hidden where there are none, and the two choices in it.

    A page does not take up what changes in a row that is hidden, and would send a class that is no choice any more.
    """
    labels = model_labels(codec)
    if not labels:
        return [gr.Row(visible=False), gr.skip(), gr.skip()]
    choices = label_choices(labels, NO_CLASS)
    return [gr.Row(visible=True), *(gr.Dropdown(choices, value=value) for value in (first, last))]


def _fill(example: Example) -> Any:
    """What a click on an example puts into the controls."""

    def fill() -> list[Any]:
        *values, first, last = dial_values(example.controls)
        row, *labels = _offer_labels(example.codec, first, last)
        return [*map(str, example.paths), example.codec, row, *values, *labels]

    return fill
