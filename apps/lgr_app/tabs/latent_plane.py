"""The second half of tab 5: draw a line on the plane of a model's latents and hear it."""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from lgr.codecs.trained import TrainedCodec
from lgr.errors import ArgumentError
from lgr_app.jobs.latent_plane import HELD_SECONDS, LINES, Plane, Planes, line_of, play_line, write_line
from lgr_app.page.controls import control_sliders, controls_of, show_controls
from lgr_app.page.inputs import example_buttons
from lgr_app.page.models import label_choices, model_labels, models_with_a_plane
from lgr_app.page.scatter import by_number, cloud, scatter
from lgr_app.page.shared import Shared
from lgr_app.page.visitors import reporter

START = "drums-spectral"
NO_CLASS = "Not said"
INTRODUCTION = "Draw a line on the plane and hear it at once, or click a place. Brighter points sound brighter."


def caption(plane: Plane) -> str:
    """What the plane shows and what it leaves out."""
    return (
        f"{len(plane.projection.points):,} moments of the training recordings on the plane in which they differ most: "
        f"it holds {plane.explained:.0%} of their variance. A line is decoded from exactly this plane, everything "
        "beyond it at its average, so it sounds plainer than the recordings. Axes: the two principal directions, in "
        "latent units."
    )


def view(plane: Plane, line: list[list[float]] | None = None) -> dict[str, Any]:
    """The plane as ``scatter`` takes it, coloured by how bright each point sounds."""
    hz = plane.brightness_hz.tolist()
    return cloud(
        plane.projection.points.numpy(),
        by_number(hz, "Spectral centroid of the sound there", "Hz"),
        [f"{each:,.0f} Hz" for each in hz],
        line=line,
        things="moments",
    )


def build_plane(shared: Shared) -> None:
    """Lay the inner tab out."""
    models = models_with_a_plane()
    if not models:
        return
    start = START if START in models else models[0]
    planes = Planes()  # read by all visitors, changed by none

    with gr.Tab("Latent plane", id="latent_plane") as tab:
        newest = gr.State(None)  # this visitor's line
        gr.Markdown(INTRODUCTION, elem_classes="lgr-caption")
        with gr.Row():
            with gr.Column(scale=7, min_width=320):
                plot = scatter(
                    described="Plane of a model's latents.",
                    empty="The plane appears here.",
                    tools=("line", "point"),
                    elem_id="latent-plane",
                )
                about = gr.Markdown(elem_classes="lgr-caption")
            with gr.Column(scale=5, min_width=320):
                examples = example_buttons(LINES)
                player = gr.Audio(
                    label="The line as sound",
                    type="filepath",
                    interactive=False,
                    autoplay=True,
                    buttons=["download"],
                )
                what = gr.Markdown(elem_classes="lgr-caption")
                again = gr.Button("Play the line again", variant="primary")
                seconds = gr.Slider(
                    0.5,
                    15,
                    4,
                    step=0.5,
                    label="Length (s)",
                    info="Of a line. Where you drew quickly the sound changes quickly.",
                )
                classes = label_choices(model_labels(start), NO_CLASS)
                label = gr.Dropdown(
                    classes,
                    value="",
                    label="Class",
                    info="What the model is told that it plays.",
                    visible=len(classes) > 1,
                )
                controls = control_sliders(start, over_time=True)
                model = gr.Dropdown(
                    models, value=start, label="Model", info="Each has a plane of its own, of what it was trained on."
                )
                with gr.Row():
                    get_audio = gr.DownloadButton("Download the sound", interactive=False, size="sm")
                    get_line = gr.DownloadButton("Download the line", interactive=False, size="sm")

    results = [player, what, newest, get_audio, get_line]

    def open_plane(model: str, report: Any) -> tuple[TrainedCodec, Plane]:
        codec = shared.codecs.open(model, report) if model in models else None
        if not isinstance(codec, TrainedCodec):
            raise ArgumentError(f"model must be one of {', '.join(models)}, got {model!r}")
        return codec, planes.of(codec, report)

    def show(model: str, request: gr.Request, progress: gr.Progress = gr.Progress()) -> dict[Any, Any]:
        _, plane = open_plane(model, reporter(shared.visitors.of(request), progress))
        return {plot: view(plane), about: caption(plane), newest: None}

    def change_model(model: str, request: gr.Request, progress: gr.Progress = gr.Progress()) -> dict[Any, Any]:
        choices = label_choices(model_labels(model), NO_CLASS)
        return {
            **show(model, request, progress),
            label: gr.Dropdown(choices, value="", visible=len(choices) > 1),
            **dict(zip(controls.shown, show_controls(model), strict=True)),
        }

    def play(
        model: str,
        line: list[list[float]],
        seconds: float,
        label: str,
        sliders: Sequence[Any],
        request: gr.Request,
        progress: Any,
    ) -> dict[Any, Any]:
        visitor = shared.visitors.of(request)
        report = reporter(visitor, progress)
        codec, plane = open_plane(model, report)
        # A place is one moment, so it is heard as the start of a line would be.
        moved = controls_of(model, sliders, seconds=seconds if len(line) > 1 else 0.0)
        sound = play_line(codec, plane.projection, line, seconds=seconds, label=label, controls=moved, progress=report)
        audio, description = write_line(sound, codec, line, seconds, label, visitor.folder())
        verb = "Raised" if sound.raised_db > 0 else "Lowered"
        return {
            player: gr.Audio(str(audio), label="The line as sound" if len(line) > 1 else "The place as sound"),
            what: f"{verb} by {abs(sound.raised_db):.0f} dB to be heard well.",
            newest: line,
            get_audio: gr.DownloadButton(value=str(audio), interactive=True),
            get_line: gr.DownloadButton(value=str(description), interactive=True),
        }

    def play_new_line(
        model: str,
        seconds: float,
        label: str,
        event: gr.EventData,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),
        *sliders: Any,
    ) -> dict[Any, Any]:
        _, plane = open_plane(model, None)
        return {**play(model, event.line, seconds, label, sliders, request, progress), plot: view(plane, event.line)}

    def play_place(model: str, label: str, event: gr.EventData, request: gr.Request, *sliders: Any) -> dict[Any, Any]:
        _, plane = open_plane(model, None)
        points = plane.projection.points
        if not 0 <= event.index < len(points):
            raise ArgumentError(f"the plane has {len(points)} points, got number {event.index + 1}")
        place = [points[event.index].tolist()]
        shown = play(model, place, HELD_SECONDS, label, sliders, request, None)
        del shown[newest]  # the line stays the one to be played again
        return shown

    def play_again(
        model: str,
        line: list[list[float]] | None,
        seconds: float,
        label: str,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),
        *sliders: Any,
    ) -> dict[Any, Any]:
        if line is None:
            raise ArgumentError("Draw a line on the plane first, or press an example")
        return play(model, line, seconds, label, sliders, request, progress)

    def example(name: str) -> Any:
        def play_example(
            model: str,
            seconds: float,
            label: str,
            request: gr.Request,
            progress: gr.Progress = gr.Progress(),
            *sliders: Any,
        ) -> dict[Any, Any]:
            _, plane = open_plane(model, reporter(shared.visitors.of(request), progress))
            line = line_of(name, plane.projection)
            shown = play(model, line, seconds, label, sliders, request, progress)
            return {**shown, plot: view(plane, line), about: caption(plane)}

        return play_example

    listen: dict[str, Any] = {"show_progress_on": [player], "api_visibility": "private", **shared.heavy}
    tab.select(
        shared.callback(show),
        model,
        [plot, about, newest],
        show_progress_on=[plot],
        api_visibility="private",
        **shared.heavy,
    )
    sliders = controls.inputs
    model.input(shared.callback(change_model), model, [plot, about, newest, label, *controls.shown], **listen)
    plot.line(shared.callback(play_new_line), [model, seconds, label, *sliders], [*results, plot], **listen)
    plot.click(shared.callback(play_place), [model, label, *sliders], results, **listen)
    again.click(shared.callback(play_again), [model, newest, seconds, label, *sliders], results, **listen)
    for button, name in zip(examples, LINES, strict=True):
        inputs = [model, seconds, label, *sliders]
        button.click(shared.callback(example(name)), inputs, [*results, plot, about], **listen)
