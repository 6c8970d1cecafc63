"""Tab 1, Resynthesise: one target, several sources, one result to hear, compare and look into."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from lgr.resynth import ResynthConfig
from lgr_app.cards import figure_html, switch, switch_html
from lgr_app.guard import told
from lgr_app.inputs import example_buttons, sound_input, sounds_input
from lgr_app.measures import numbers_table
from lgr_app.opened import codec_choices, frame_rate
from lgr_app.results import draw_score, measure, play, write
from lgr_app.seeds import next_seed, seed_controls
from lgr_app.shared import Shared
from lgr_app.sounds import EXAMPLES, MAX_SOURCES, Example, read_sources, read_upload
from lgr_app.temporary import reporter

METRICS = [
    ("centred: what makes each grain different from the average", "centred"),
    ("cosine: as in the paper", "cosine"),
    ("whitened: all directions count alike", "whitened"),
]
PICTURE = "The score: for each moment of the target, which source is played from where, with what probability"
CAPTION = (
    "Above: where in each source the grain played at each moment comes from; a diagonal line is a stretch played on as "
    "recorded. Below: how like the target's grain it is, how probable the choice was, and how undecided (nats)."
)
# On a phone the result lies below all controls: whoever presses "play" is taken to it.
SHOW_RESULT = """() => {
  if (innerWidth <= 640) document.getElementById("lgr-heard")?.scrollIntoView({block: "start"});
}"""


def settings(
    grain_frames: float,
    hop_frames: float,
    stride: float,
    temperature: float,
    continuity: float,
    wet: float,
    metric: str,
    match_loudness: bool,
    *,
    weights: Sequence[float] = (),
) -> ResynthConfig:
    """What the controls say; ``ArgumentError`` where they do not go together.

    A hop beyond the grain's length is that length: grains end to end.
    """
    alike = len(set(weights)) <= 1 and not any(weight == 0 for weight in weights)
    return ResynthConfig(
        grain_frames=int(grain_frames),
        hop_frames=min(int(hop_frames), int(grain_frames)),
        stride=int(stride),
        temperature=temperature,  # type: ignore[arg-type]  # ResynthConfig takes numbers for envelopes
        continuity=continuity,  # type: ignore[arg-type]
        wet=wet,  # type: ignore[arg-type]
        metric=metric,  # type: ignore[arg-type]  # checked there
        match_loudness=match_loudness,
        source_weights=() if alike else tuple(weights),  # type: ignore[arg-type]
    )


def said_grain(codec: str, grain_frames: float) -> str:
    """How long a grain of so many frames is with a codec."""
    milliseconds = 1000 * grain_frames / frame_rate(codec)
    return f"In frames of the codec: {milliseconds:.3g} ms. Longer grains keep more of the source."


def source_names(paths: Sequence[str | Path] | None) -> list[str]:
    """What to call the sources beside their weights, at most ``MAX_SOURCES``."""
    return [Path(path).stem for path in paths or ()][:MAX_SOURCES]


def sounds_compared(result: Path, before: str | None, target: Path, sources: Sequence[Path]) -> list[tuple[str, Path]]:
    """What the switch changes between: the newest result, the one before it, the target, the sources."""
    older = [("B: the one before", Path(before))] if before and Path(before).is_file() else []
    return [("A: this result", result), *older, ("Target", target), *((f"Source: {s.stem}", s) for s in sources)]


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
                0, 0.5, 0.05, step=0.005, label="Temperature", info="0: always the most similar grain. Higher: bolder."
            )
            continuity = gr.Slider(
                0,
                0.99,
                0.9,
                step=0.01,
                label="Continuity",
                info="Chance that a source plays on rather than jumps to another place.",
            )
            with gr.Accordion("Grains, codec and mix", open=False):
                codec = gr.Dropdown(
                    codec_choices(),
                    value="bundled",
                    label="Codec",
                    info="The model whose latent space the grains are cut in.",
                )
                grain_frames = gr.Slider(1, 32, 4, step=1, label="Grain length", info=said_grain("bundled", 4))
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
                metric = gr.Dropdown(METRICS, value="centred", label="Metric", info="What similar means.")
                wet = gr.Slider(0, 1, 1, step=0.05, label="Wet", info="1: only grains. 0: only the target.")
                match_loudness = gr.Checkbox(
                    True, label="Match loudness", info="Follow the target's level, which similarity does not see."
                )
            seed_number, locked = seed_controls()
        with gr.Column(scale=7, min_width=320):
            go = gr.Button("Play the target with the sources", variant="primary", size="lg", elem_classes="lgr-go")
            heard = gr.Audio(
                label="Result (A)", type="filepath", interactive=False, buttons=["download"], elem_id="lgr-heard"
            )
            compared = switch()
            with gr.Row():
                get_audio = gr.DownloadButton("Download the sound", interactive=False, size="sm")
                get_score = gr.DownloadButton("Download the score", interactive=False, size="sm")
            picture = gr.HTML()
            numbers = gr.HTML(elem_classes="lgr-numbers")

    newest = gr.State(None)  # this visitor's newest result: the next run's B
    dials = [grain_frames, hop_frames, stride, temperature, continuity, wet, metric, match_loudness]

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
        aimed = read_upload(target, "target", limits)
        material = read_sources(sources, limits)
        drawn = next_seed(seed, locked)
        config = settings(*values[: len(dials)], weights=values[len(dials) :][: len(material)])
        opened = shared.codecs.open(codec, report)
        played = play(aimed, material, codec=opened, config=config, seed=drawn, progress=report)
        folder = visitor.folder()
        files = write(played, folder)
        # the sound first: measuring and drawing take as long again
        yield {
            heard: str(files.audio),
            compared: switch_html(sounds_compared(files.audio, last, aimed, material)),
            newest: str(files.audio),
            seed_number: drawn,
            get_audio: gr.DownloadButton(value=str(files.audio), interactive=True),
            get_score: gr.DownloadButton(value=str(files.score), interactive=True),
        }
        report("measuring", 0, 2)
        table = numbers_table(played, measure(played))
        report("drawing", 1, 2)
        drawn_score = draw_score(played.result.score, folder / "score.png")
        yield {numbers: table, picture: figure_html(drawn_score, PICTURE, CAPTION)}

    given = [target, sources, codec, seed_number, locked, newest, *dials, *weights]
    shown = [heard, compared, newest, seed_number, get_audio, get_score, numbers, picture]
    start: dict[str, Any] = {
        "fn": told(run),
        "inputs": given,
        "outputs": shown,
        "show_progress_on": [heard],
        **shared.heavy,
    }
    go.click(fn=None, js=SHOW_RESULT, api_visibility="private")  # first: listeners are called in turn
    go.click(**start, api_name="resynthesise")
    for button, example in zip(examples, EXAMPLES, strict=True):
        button.click(fn=None, js=SHOW_RESULT, api_visibility="private")
        filled = button.click(_fill(example), outputs=[target, sources, *weights], api_visibility="private")
        filled.then(**start, api_visibility="private")

    def check_target(path: str | None) -> None:
        read_upload(path, "target", limits)

    def check_sources(paths: list[str] | None) -> None:
        read_sources(paths, limits)

    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    target.upload(told(check_target), target, None, **quiet)
    sources.change(_weights_of, sources, weights, **quiet)
    sources.upload(told(check_sources), sources, None, **quiet)
    gr.on(
        [codec.change, grain_frames.release],
        _lengths,
        [codec, grain_frames, hop_frames],
        [grain_frames, hop_frames],
        **quiet,
    )


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
        gr.Slider(info=said_grain(codec, frames)),
        gr.Slider(maximum=frames, value=frames if hop_frames > frames else hop_frames),
    ]


def _padded(names: list[str]) -> list[str]:
    return names + [""] * (MAX_SOURCES - len(names))
