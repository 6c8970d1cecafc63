"""Tab 1, Resynthesise: one target, several sources, one result to hear, compare and look into."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from lgr_app.jobs.numbers import numbers_table
from lgr_app.jobs.results import measure, play, save_score_picture, write_result
from lgr_app.jobs.resynthesise import grain_length_text, settings, sounds_to_compare, source_names
from lgr_app.page.bridges import bridges_of, check_polish, polish_choices
from lgr_app.page.cards import figure_html, switch, switch_html
from lgr_app.page.choices import (
    CONTINUITY,
    CONTINUITY_SAYS,
    MOST_TEMPERATURE,
    PITCH,
    TEMPERATURE,
    TEMPERATURE_SAYS,
    metric_choices,
)
from lgr_app.page.codecs import codec_choices
from lgr_app.page.inputs import example_buttons, sound_input, sounds_input
from lgr_app.page.seeds import next_seed, seed_controls
from lgr_app.page.shared import Shared
from lgr_app.page.sounds import EXAMPLES, MAX_SOURCES, Example, read_sources, read_upload
from lgr_app.page.visitors import reporter

PICTURE = "The score: for each moment of the target, which source is played from where, with what probability"
CAPTION = (
    "Above: where in each source the grain played at each moment comes from; a diagonal line is a stretch played on as "
    "recorded. Below: how like the target's grain it is, how probable the choice was, and how undecided (nats)."
)
# On a phone the result lies below all controls: whoever presses "play" is taken to it.
SHOW_RESULT = """() => {
  if (innerWidth <= 640) document.getElementById("lgr-heard")?.scrollIntoView({block: "start"});
}"""


def build(shared: Shared) -> None:
    """Lay the tab out."""
    limits = shared.limits
    first = EXAMPLES[0]

    with gr.Row():
        with gr.Column(scale=5, min_width=320):
            examples = example_buttons(each.title for each in EXAMPLES)
            target = sound_input(first.target_path, "Target: the sound to play")
            sources = sounds_input(first.source_paths, "Sources: the sounds to play it with")
            gr.Markdown(limits.sentence(), elem_classes="lgr-caption")
            with gr.Group():
                weights = [
                    gr.Slider(
                        0,
                        4,
                        1,
                        step=0.1,
                        label=f"Weight of {name}" if name else f"Weight of source {i + 1}",
                        info="How readily it is chosen; 0: never." if i == 0 else None,
                        visible=bool(name),
                    )
                    for i, name in enumerate(_padded(source_names(first.source_paths)))
                ]
            temperature = gr.Slider(
                0, MOST_TEMPERATURE, TEMPERATURE, step=0.005, label="Temperature", info=TEMPERATURE_SAYS
            )
            continuity = gr.Slider(
                0,
                0.99,
                CONTINUITY,
                step=0.01,
                label="Continuity",
                info=CONTINUITY_SAYS,
            )
            pitch = gr.Slider(
                0,
                1,
                PITCH,
                step=0.05,
                label="Pitch",
                info="How much notes count against timbre, where the target has any.",
            )
            transpose = gr.Slider(
                0,
                12,
                0,
                step=1,
                label="Transpose",
                info="Semitones by which sources may be played lower or higher: one note then plays a melody.",
            )
            with gr.Accordion("Grains, codec and mix", open=False):
                codec = gr.Dropdown(
                    codec_choices(),
                    value="bundled",
                    label="Codec",
                    info="The model whose latent space the grains are cut in.",
                )
                grain_frames = gr.Slider(1, 32, 4, step=1, label="Grain length", info=grain_length_text("bundled", 4))
                hop_frames = gr.Slider(
                    1,
                    4,
                    4,
                    step=1,
                    label="Hop",
                    info="Frames from one grain to the next; less than the length: overlap.",
                )
                stride = gr.Slider(
                    1, 16, 1, step=1, label="Stride", info="Frames between the sources' grains; 1 offers all of them."
                )
                metric = gr.Dropdown(metric_choices(), value="centred", label="Metric", info="What similar means.")
                wet = gr.Slider(0, 1, 1, step=0.05, label="Wet", info="1: only grains. 0: only the target.")
                match_loudness = gr.Checkbox(
                    True, label="Match loudness", info="Follow the target's level, which similarity does not see."
                )
                bridge = gr.Dropdown(
                    polish_choices(),
                    value="",
                    label="Polish with a bridge",
                    info="Keep the coarsest codes of what was chosen and make the rest up, as in one sound.",
                    visible=bool(bridges_of("bundled")),
                )
            seed_number, locked = seed_controls()
        with gr.Column(scale=7, min_width=320):
            go = gr.Button("Play the target with the sources", variant="primary", size="lg", elem_classes="lgr-go")
            player = gr.Audio(
                label="Result (A)", type="filepath", interactive=False, buttons=["download"], elem_id="lgr-heard"
            )
            comparison = switch()
            with gr.Row():
                get_audio = gr.DownloadButton("Download the sound", interactive=False, size="sm")
                get_score = gr.DownloadButton("Download the score", interactive=False, size="sm")
            picture = gr.HTML()
            numbers = gr.HTML(elem_classes="lgr-numbers")

    newest = gr.State(None)  # this visitor's newest result: the next run's B
    of_grains = [grain_frames, hop_frames, stride]
    dials = [*of_grains, temperature, continuity, pitch, transpose, wet, metric, match_loudness, bridge]

    def run(
        target: str | None,
        sources: list[str] | None,
        codec: str,
        seed: float | None,
        locked: bool,
        last: str | None,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),
        *values: Any,
    ) -> Iterator[dict[Any, Any]]:
        visitor = shared.visitors.of(request)
        report = reporter(visitor, progress)
        target_path = read_upload(target, "target", limits)
        source_paths = read_sources(sources, limits)
        run_seed = next_seed(seed, locked)
        config = settings(*values[: len(dials)], weights=values[len(dials) :][: len(source_paths)])
        check_polish(codec, config.bridge)
        space = shared.codecs.open(codec, report)
        result = play(target_path, source_paths, codec=space, config=config, seed=run_seed, progress=report)
        folder = visitor.folder()
        files = write_result(result, folder)
        # the sound first: measuring and drawing take as long again
        yield {
            player: str(files.audio),
            comparison: switch_html(sounds_to_compare(files.audio, last, target_path, source_paths)),
            newest: str(files.audio),
            seed_number: run_seed,
            get_audio: gr.DownloadButton(value=str(files.audio), interactive=True),
            get_score: gr.DownloadButton(value=str(files.score), interactive=True),
        }
        report("measuring", 0, 2)
        table = numbers_table(result, measure(result))
        report("drawing", 1, 2)
        score_picture = save_score_picture(result.resynthesis.score, folder / "score.png")
        yield {numbers: table, picture: figure_html(score_picture, PICTURE, CAPTION)}

    inputs = [target, sources, codec, seed_number, locked, newest, *dials, *weights]
    outputs = [player, comparison, newest, seed_number, get_audio, get_score, numbers, picture]
    start: dict[str, Any] = {
        "fn": shared.callback(run),
        "inputs": inputs,
        "outputs": outputs,
        "show_progress_on": [player],
        **shared.heavy,
    }
    go.click(fn=None, js=SHOW_RESULT, api_visibility="private")  # first: listeners are called in turn
    go.click(**start, api_name="resynthesise")
    for button, example in zip(examples, EXAMPLES, strict=True):
        button.click(fn=None, js=SHOW_RESULT, api_visibility="private")
        filling = button.click(_fill(example), outputs=[target, sources, *weights], api_visibility="private")
        filling.then(**start, api_visibility="private")

    def check_target(path: str | None) -> None:
        read_upload(path, "target", limits)

    def check_sources(paths: list[str] | None) -> None:
        read_sources(paths, limits)

    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    target.upload(shared.callback(check_target), target, None, **quiet)
    sources.change(_weights_of, sources, weights, **quiet)
    sources.upload(shared.callback(check_sources), sources, None, **quiet)
    gr.on(
        [codec.change, grain_frames.release],
        _lengths,
        [codec, grain_frames, hop_frames],
        [grain_frames, hop_frames],
        **quiet,
    )
    codec.change(_polish, [codec, bridge], bridge, **quiet)


def _fill(example: Example) -> Any:
    """What a click on an example puts into the controls."""

    def fill() -> list[Any]:
        sources = [str(path) for path in example.source_paths]
        return [str(example.target_path), sources, *_weights_of(sources)]

    return fill


def _weights_of(paths: list[str] | None) -> list[Any]:
    """A weight of 1 for each source, under its name; the others out of sight."""
    return [
        gr.Slider(value=1, label=f"Weight of {name}" if name else f"Weight of source {i + 1}", visible=bool(name))
        for i, name in enumerate(_padded(source_names(paths)))
    ]


def _lengths(codec: str, grain_frames: float, hop_frames: float) -> list[Any]:
    """The grain's length in milliseconds, and hops no longer than it (end to end stays end to end)."""
    frames = int(grain_frames)
    return [
        gr.Slider(info=grain_length_text(codec, frames)),
        gr.Slider(maximum=frames, value=frames if hop_frames > frames else hop_frames),
    ]


def _polish(codec: str, bridge: str) -> Any:
    """The choice of a bridge, for codecs that have any; off where this one does not have what was chosen."""
    have = bridges_of(codec)
    return gr.Dropdown(polish_choices(), visible=bool(have), value=bridge if bridge in have else "")


def _padded(names: list[str]) -> list[str]:
    return names + [""] * (MAX_SOURCES - len(names))
