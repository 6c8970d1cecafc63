"""The second half of tab 5: draw a line on the plane of a model's latents and hear it."""

from typing import Any

import gradio as gr

from lgr.codecs.trained import TrainedCodec
from lgr.errors import ArgumentError
from lgr_app.guard import told
from lgr_app.inputs import example_buttons
from lgr_app.latent_plane import HELD_SECONDS, LINES, Plane, Planes, line_of, play_line, write
from lgr_app.models import label_choices, model_labels, models_with_a_plane
from lgr_app.scatter import by_number, cloud, scatter
from lgr_app.shared import Shared
from lgr_app.temporary import reporter

START = "drums-granular"
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
        path=line,
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
                    tools=("path", "point"),
                    elem_id="latent-plane",
                )
                about = gr.Markdown(elem_classes="lgr-caption")
            with gr.Column(scale=5, min_width=320):
                examples = example_buttons(LINES)
                heard = gr.Audio(
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
                model = gr.Dropdown(
                    models, value=start, label="Model", info="Each has a plane of its own, of what it was trained on."
                )
                with gr.Row():
                    get_audio = gr.DownloadButton("Download the sound", interactive=False, size="sm")
                    get_line = gr.DownloadButton("Download the line", interactive=False, size="sm")

    results = [heard, what, newest, get_audio, get_line]

    def opened(model: str, report: Any) -> tuple[TrainedCodec, Plane]:
        codec = shared.codecs.open(model, report) if model in models else None
        if not isinstance(codec, TrainedCodec):
            raise ArgumentError(f"model must be one of {', '.join(models)}, got {model!r}")
        return codec, planes.of(codec, report)

    def show(model: str, request: gr.Request, progress: gr.Progress = gr.Progress()) -> dict[Any, Any]:
        _, plane = opened(model, reporter(shared.visitors.of(request), progress))
        return {plot: view(plane), about: caption(plane), newest: None}

    def change_model(model: str, request: gr.Request, progress: gr.Progress = gr.Progress()) -> dict[Any, Any]:
        choices = label_choices(model_labels(model), NO_CLASS)
        return {**show(model, request, progress), label: gr.Dropdown(choices, value="", visible=len(choices) > 1)}

    def play(
        model: str, line: list[list[float]], seconds: float, label: str, request: gr.Request, progress: Any
    ) -> dict[Any, Any]:
        visitor = shared.visitors.of(request)
        report = reporter(visitor, progress)
        codec, plane = opened(model, report)
        drawn = play_line(codec, plane.projection, line, seconds=seconds, label=label, progress=report)
        audio, description = write(drawn, codec, line, seconds, label, visitor.folder())
        moved = "Raised" if drawn.raised_db > 0 else "Lowered"
        return {
            heard: gr.Audio(str(audio), label="The line as sound" if len(line) > 1 else "The place as sound"),
            what: f"{moved} by {abs(drawn.raised_db):.0f} dB to be heard well.",
            newest: line,
            get_audio: gr.DownloadButton(value=str(audio), interactive=True),
            get_line: gr.DownloadButton(value=str(description), interactive=True),
        }

    def play_drawn(
        model: str,
        seconds: float,
        label: str,
        event: gr.EventData,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),
    ) -> dict[Any, Any]:
        _, plane = opened(model, None)
        return {**play(model, event.path, seconds, label, request, progress), plot: view(plane, event.path)}

    def play_place(model: str, label: str, event: gr.EventData, request: gr.Request) -> dict[Any, Any]:
        _, plane = opened(model, None)
        points = plane.projection.points
        if not 0 <= event.index < len(points):
            raise ArgumentError(f"the plane has {len(points)} points, got number {event.index + 1}")
        place = [points[event.index].tolist()]
        found = play(model, place, HELD_SECONDS, label, request, None)
        del found[newest]  # the line stays the one to be played again
        return found

    def play_again(
        model: str,
        line: list[list[float]] | None,
        seconds: float,
        label: str,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),
    ) -> dict[Any, Any]:
        if line is None:
            raise ArgumentError("Draw a line on the plane first, or press an example")
        return play(model, line, seconds, label, request, progress)

    def example(name: str) -> Any:
        def play_example(
            model: str, seconds: float, label: str, request: gr.Request, progress: gr.Progress = gr.Progress()
        ) -> dict[Any, Any]:
            _, plane = opened(model, reporter(shared.visitors.of(request), progress))
            line = line_of(name, plane.projection)
            found = play(model, line, seconds, label, request, progress)
            return {**found, plot: view(plane, line), about: caption(plane)}

        return play_example

    listen: dict[str, Any] = {"show_progress_on": [heard], "api_visibility": "private", **shared.heavy}
    tab.select(
        told(show), model, [plot, about, newest], show_progress_on=[plot], api_visibility="private", **shared.heavy
    )
    model.input(told(change_model), model, [plot, about, newest, label], **listen)
    plot.path(told(play_drawn), [model, seconds, label], [*results, plot], **listen)
    plot.click(told(play_place), [model, label], results, **listen)
    again.click(told(play_again), [model, newest, seconds, label], results, **listen)
    for button, name in zip(examples, LINES, strict=True):
        button.click(told(example(name)), [model, seconds, label], [*results, plot, about], **listen)
