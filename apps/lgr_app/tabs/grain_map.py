"""Tab 2, Grain map: every grain of the sources as a dot on a plane, to click, to circle and to draw through."""

from typing import Any

import gradio as gr

from lgr.errors import ArgumentError
from lgr_app.jobs.grain_map import (
    COLOURS,
    MapState,
    Walk,
    caption,
    map_sounds,
    view,
    walk_lasso,
    walk_line,
    walk_point,
    write_walk,
)
from lgr_app.page.choices import metric_choices
from lgr_app.page.codecs import codec_choices
from lgr_app.page.inputs import example_buttons, sound_input, sounds_input
from lgr_app.page.scatter import scatter
from lgr_app.page.seeds import next_seed, seed_controls
from lgr_app.page.shared import Shared
from lgr_app.page.sounds import EXAMPLES, Example, read_sources, read_upload
from lgr_app.page.visitors import reporter

METHODS = [("PCA: at once", "pca"), ("UMAP: tighter groups, takes up to a minute", "umap")]
HINT = (
    "**Point**: click a dot to hear it, drag to move the map. **Lasso**: circle dots to hear them in their own order. "
    "**Line**: draw a line to hear the grains along it as one sound. Two fingers, or the wheel with Ctrl, zoom. Keys: "
    "arrows move, Enter plays, space marks, Shift+Enter plays the marked ones."
)
KEPT_SECONDS = 3600  # a map that nobody has used for this long is forgotten


def build(shared: Shared) -> None:
    """Lay the tab out."""
    limits, first = shared.limits, EXAMPLES[0]

    examples = example_buttons(each.title for each in EXAMPLES)
    with gr.Row():
        with gr.Column(scale=8, min_width=320):
            plot = scatter(
                described="Map of the grains of the sources.",
                empty="Press an example above, or choose sounds and press Draw the map.",
                elem_id="grain-map",
            )
            colour = gr.Radio(list(COLOURS), value="File", label="Colour", info="What the colour of a dot says.")
            what = gr.Markdown(HINT, elem_classes="lgr-caption")
        with gr.Column(scale=4, min_width=300):
            go = gr.Button("Draw the map", variant="primary", size="lg")
            player = gr.Audio(
                label="What you hear", type="filepath", interactive=False, autoplay=True, buttons=["download"]
            )
            sentence = gr.Markdown(elem_classes="lgr-caption")
            with gr.Row():
                get_audio = gr.DownloadButton("Download the sound", interactive=False, size="sm", min_width=120)
                get_score = gr.DownloadButton("Download the score", interactive=False, size="sm", min_width=120)
            sources = sounds_input(first.source_paths, "Sources: the sounds whose grains are shown")
            target = sound_input(first.target_path, "Target, if you like: its way over the map")
            gr.Markdown(limits.sentence(), elem_classes="lgr-caption")
            with gr.Accordion("Lines and points", open=False):
                seconds = gr.Slider(
                    0.5, 20, 4, step=0.5, label="Length of a line", info="In seconds, from its first grain to its last."
                )
                neighbours = gr.Slider(
                    1,
                    32,
                    4,
                    step=1,
                    label="Neighbours",
                    info="A line takes one of so many nearest dots at each step; 1: always the nearest.",
                )
                context = gr.Slider(
                    0,
                    0.5,
                    0,
                    step=0.05,
                    label="Context of a point",
                    info="Seconds of its recording that are heard before and after a clicked grain.",
                )
            with gr.Accordion("Layout, grains and codec", open=False):
                method = gr.Radio(METHODS, value="pca", label="Layout", info="How many dimensions become two.")
                grain_frames = gr.Slider(
                    1,
                    32,
                    8,
                    step=1,
                    label="Grain length",
                    info="In frames of the codec; the bundled one has 75 a second.",
                )
                stride = gr.Slider(
                    1, 32, 2, step=1, label="Stride", info="Frames from one grain to the next; 1 shows the most dots."
                )
                metric = gr.Dropdown(metric_choices(), value="centred", label="Metric", info="What alike means.")
                codec = gr.Dropdown(
                    codec_choices(),
                    value="bundled",
                    label="Codec",
                    info="The model whose latent space the grains are cut in.",
                )
            seed_number, locked = seed_controls()

    newest = gr.State(None, time_to_live=KEPT_SECONDS)

    def draw_map(
        sources: list[str] | None,
        target: str | None,
        codec: str,
        method: str,
        grain_frames: float,
        stride: float,
        metric: str,
        colour: str,
        seed: float | None,
        locked: bool,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),
    ) -> dict[Any, Any]:
        report = reporter(shared.visitors.of(request), progress)
        source_paths = read_sources(sources, limits)
        target_path = read_upload(target, "target", limits) if target else None
        map_seed = next_seed(seed, locked)
        new = map_sounds(
            source_paths,
            shared.codecs.open(codec, report),
            target=target_path,
            method=method,
            grain_frames=grain_frames,
            stride=stride,
            metric=metric,
            seed=map_seed,
            progress=report,
        )
        return {
            newest: new,
            plot: view(new, colour),
            what: f"{caption(new)}\n\n{HINT}",
            seed_number: map_seed,
            player: None,
            sentence: "",
            get_audio: gr.DownloadButton(value=None, interactive=False),
            get_score: gr.DownloadButton(value=None, interactive=False),
        }

    def recolour(state: MapState | None, colour: str) -> Any:
        return gr.skip() if state is None else view(state, colour)

    def show(walk: Walk, name: str, request: gr.Request) -> dict[Any, Any]:
        audio, score = write_walk(walk, shared.visitors.of(request).folder(), name)
        return {
            player: str(audio),
            sentence: walk.sentence,
            get_audio: gr.DownloadButton(value=str(audio), interactive=True),
            get_score: gr.DownloadButton(value=str(score), interactive=True),
        }

    def play_point(state: MapState | None, context: float, event: gr.EventData, request: gr.Request) -> dict[Any, Any]:
        state = _there(state)
        walk = walk_point(state, event.index, shared.codecs.open(state.codec), context_seconds=context)
        return show(walk, "grain", request)

    def play_lasso(state: MapState | None, event: gr.EventData, request: gr.Request) -> dict[Any, Any]:
        state = _there(state)
        walk = walk_lasso(state, event.indices, shared.codecs.open(state.codec), marked=bool(event.marked))
        return show(walk, "lasso", request)

    def play_line(
        state: MapState | None,
        seconds: float,
        neighbours: float,
        seed: float | None,
        locked: bool,
        event: gr.EventData,
        request: gr.Request,
    ) -> dict[Any, Any]:
        state, walk_seed = _there(state), next_seed(seed, locked)
        space = shared.codecs.open(state.codec)
        walk = walk_line(state, event.line, space, seconds=seconds, neighbours=neighbours, seed=walk_seed)
        return {**show(walk, "line", request), seed_number: walk_seed}

    results = [player, sentence, get_audio, get_score]
    start: dict[str, Any] = {
        "fn": shared.callback(draw_map),
        "inputs": [sources, target, codec, method, grain_frames, stride, metric, colour, seed_number, locked],
        "outputs": [newest, plot, what, seed_number, *results],
        "show_progress_on": [plot],
        "api_visibility": "private",
        **shared.heavy,
    }
    go.click(**start)
    for button, example in zip(examples, EXAMPLES, strict=True):
        filling = button.click(_fill(example), outputs=[target, sources], api_visibility="private")
        filling.then(**start)
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    colour.change(shared.callback(recolour), [newest, colour], plot, **quiet)
    # The newest click is heard, however fast they come.
    listen: dict[str, Any] = {**quiet, "trigger_mode": "always_last", **shared.heavy}
    plot.click(shared.callback(play_point), [newest, context], results, **listen)
    plot.lasso(shared.callback(play_lasso), newest, results, **listen)
    plot.line(
        shared.callback(play_line),
        [newest, seconds, neighbours, seed_number, locked],
        [*results, seed_number],
        **listen,
    )


def _there(state: MapState | None) -> MapState:
    if state is None:
        raise ArgumentError("Draw the map first; it is forgotten an hour after it was last used")
    return state


def _fill(example: Example) -> Any:
    """What a click on an example puts into the controls."""
    return lambda: [str(example.target_path), [str(path) for path in example.source_paths]]
