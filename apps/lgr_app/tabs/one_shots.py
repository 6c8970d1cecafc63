"""The first half of tab 5: one-shots drawn from a trained model, and a morph of two of them."""

from collections.abc import Iterator, Sequence
from typing import Any

import gradio as gr

from lgr.codecs.trained import TrainedCodec
from lgr.errors import ArgumentError
from lgr.sound.audio import save_audio
from lgr_app.jobs.one_shots import (
    EACH,
    LONGEST_SECONDS,
    MOST,
    Draw,
    Morph,
    OneShot,
    OneShotFiles,
    draw_one_shots,
    morph_one_shots,
    save_one_shots_picture,
    titles,
    write_one_shots,
)
from lgr_app.page.cards import Card, cards_html
from lgr_app.page.choices import kind_choices
from lgr_app.page.controls import control_sliders, controls_of, show_controls
from lgr_app.page.inputs import example_buttons
from lgr_app.page.models import label_choices, model_labels, models_that_sample
from lgr_app.page.seeds import next_seed, seed_controls
from lgr_app.page.shared import Shared
from lgr_app.page.visitors import reporter

EXAMPLES = (("One of each", EACH), ("Eight snares", "Snare"), ("Eight toms", "Tom"))
START = Draw()
MORPH_KINDS = ("linear", "slerp")  # those that lead there straight
MORPH_FROM, MORPH_TO = "Kick", "Hat"  # of the first draw, where the model has them
NO_CLASS = "No class in particular"
MORPH = "Turn one one-shot into another, step by step. Draw others first to choose among them."
PICTURE = (
    "Spectrograms of all of them, in the order of the players: level in dB under the loudest point, over time (s) and "
    "frequency (Hz)."
)


def class_choices(model: str) -> list[tuple[str, str]]:
    """(shown, value) of what can be drawn from a model."""
    none, *labels = label_choices(model_labels(model), NO_CLASS)
    return [("One of each class", EACH), *labels, none] if labels else [none]


def one_shot_choices(draw: Draw) -> tuple[list[tuple[str, int]], int, int]:
    """The one-shots of a draw to morph between, (shown, number), and the two to begin with."""
    names = titles(model_labels(draw.model), draw)
    if draw.label == EACH and {MORPH_FROM, MORPH_TO} <= set(names):
        first, last = names.index(MORPH_FROM), names.index(MORPH_TO)
    else:
        first, last = 0, len(names) - 1
    return [(name, i) for i, name in enumerate(names)], first, last


def cards(shots: Sequence[OneShot], files: OneShotFiles) -> str:
    """A row of players, each with its name and its file."""
    return cards_html(
        [
            Card(title=shot.title, audio=path, downloads=[("Download", path)])
            for shot, path in zip(shots, files.sounds, strict=True)
        ]
    )


def build_one_shots(shared: Shared) -> None:
    """Two inner tabs: draw one-shots, and morph two of them. Neither is there where no model can be sampled."""
    models = models_that_sample()
    if not models:
        return
    start = Draw(model=START.model if START.model in models else models[0])
    choices, first_shot, last_shot = one_shot_choices(start)

    with gr.Tab("One-shots", id="one_shots"), gr.Row():
        newest = gr.State(start)  # this visitor's newest draw, in plain values
        with gr.Column(scale=4, min_width=320):
            examples = example_buttons(title for title, _ in EXAMPLES)
            label = gr.Dropdown(class_choices(start.model), value=start.label, label="Class", info="What to draw.")
            n = gr.Slider(1, MOST, start.n, step=1, label="How many", info="Of one class; of each class there is one.")
            controls = control_sliders(start.model)
            with gr.Accordion("Model and length", open=False):
                model = gr.Dropdown(
                    models,
                    value=start.model,
                    label="Model",
                    info="It draws what it was trained on.",
                )
                seconds = gr.Slider(
                    0.2,
                    LONGEST_SECONDS,
                    start.seconds,
                    step=0.1,
                    label="Length (s)",
                    info="It learned sounds of 1 s.",
                )
            seed_number, locked = seed_controls(start.seed)
        with gr.Column(scale=8, min_width=320):
            go = gr.Button("Draw one-shots", variant="primary", size="lg")
            players = gr.HTML(elem_id="one-shots", min_height=80)
            with gr.Row():
                get_all = gr.DownloadButton("Download all (zip)", interactive=False, size="sm")
                get_draw = gr.DownloadButton("Download what was drawn (json)", interactive=False, size="sm")
            picture = _picture("one-shots-picture")
    with gr.Tab("Morph", id="morph"):
        gr.Markdown(MORPH, elem_classes="lgr-caption")
        with gr.Row():
            with gr.Column(scale=4, min_width=320):
                with gr.Row():
                    first = gr.Dropdown(
                        choices, value=first_shot, label="From", info="One that was drawn.", min_width=120
                    )
                    last = gr.Dropdown(choices, value=last_shot, label="To", info="Another of them.", min_width=120)
                steps = gr.Slider(2, MOST, 8, step=1, label="Steps", info="Both ends count.")
                with gr.Accordion("Way and pace", open=False):
                    kind = gr.Radio(
                        kind_choices(MORPH_KINDS),
                        value="linear",
                        label="Way",
                        info="Through the space of whole one-shots, not of single moments.",
                    )
                    every = gr.Slider(
                        0.1, 2, 0.4, step=0.05, label="From one to the next (s)", info="When they play in a row."
                    )
            with gr.Column(scale=8, min_width=320):
                morph_go = gr.Button("Morph", variant="primary", size="lg")
                row = gr.Audio(label="All steps in a row", type="filepath", interactive=False, buttons=["download"])
                step_players = gr.HTML(elem_id="morph-steps")
                with gr.Row():
                    get_steps = gr.DownloadButton("Download all steps (zip)", interactive=False, size="sm")
                    get_morph = gr.DownloadButton("Download how they were made (json)", interactive=False, size="sm")
                morph_picture = _picture("morph-picture")

    def run_draw(
        model: str,
        label: str,
        n: float,
        seconds: float,
        seed: float | None,
        locked: bool,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),
        *sliders: Any,
    ) -> Iterator[dict[Any, Any]]:
        visitor = shared.visitors.of(request)
        report = reporter(visitor, progress)
        moved = {name: envelope.to_json() for name, envelope in controls_of(model, sliders).items()}
        draw = Draw(model=model, label=label, n=int(n), seconds=seconds, seed=next_seed(seed, locked), controls=moved)
        codec = _sampler(shared, model, report)
        shots = draw_one_shots(codec, draw, progress=report)
        folder = visitor.folder()
        files = write_one_shots(codec, shots, draw, folder)
        names, one, other = one_shot_choices(draw)
        yield {
            players: cards(shots, files),
            newest: draw,
            seed_number: draw.seed,
            first: gr.Dropdown(names, value=one),
            last: gr.Dropdown(names, value=other),
            get_all: gr.DownloadButton(value=str(files.together), interactive=True),
            get_draw: gr.DownloadButton(value=str(files.description), interactive=True),
        }
        report("drawing", 0, 1)
        yield {picture: str(save_one_shots_picture(shots, codec.info.sample_rate, folder / "one-shots.png"))}

    def run_morph(
        draw: Draw,
        first: int | None,
        last: int | None,
        steps: float,
        kind: str,
        every: float,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),
    ) -> Iterator[dict[Any, Any]]:
        visitor = shared.visitors.of(request)
        report = reporter(visitor, progress)
        if first is None or last is None:
            raise ArgumentError("Choose the two one-shots to morph between")
        morph = Morph(first=first, last=last, steps=int(steps), kind=kind, every_seconds=every)
        codec = _sampler(shared, draw.model, report)
        shots, together = morph_one_shots(codec, draw, morph, progress=report)
        folder = visitor.folder()
        files = write_one_shots(codec, shots, draw, folder, morph=morph)
        in_a_row = save_audio(folder / f"{files.together.stem}-in-a-row.flac", together, codec.info.sample_rate)
        yield {
            row: str(in_a_row),
            step_players: cards(shots, files),
            get_steps: gr.DownloadButton(value=str(files.together), interactive=True),
            get_morph: gr.DownloadButton(value=str(files.description), interactive=True),
        }
        report("drawing", 0, 1)
        yield {morph_picture: str(save_one_shots_picture(shots, codec.info.sample_rate, folder / "morph.png"))}

    job: dict[str, Any] = {
        "fn": shared.callback(run_draw),
        "inputs": [model, label, n, seconds, seed_number, locked, *controls.inputs],
        "outputs": [players, newest, seed_number, first, last, get_all, get_draw, picture],
        "show_progress_on": [players],
        **shared.heavy,
    }
    go.click(**job, api_name="one_shots")
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    for button, (_, wanted) in zip(examples, EXAMPLES, strict=True):
        filling = button.click(_fill(wanted), None, [model, label, n, *controls.shown], **quiet)
        filling.then(**job, api_visibility="private")
    model.input(_follow_model, model, [label, *controls.shown], **quiet)
    morph_job: dict[str, Any] = {
        "inputs": [newest, first, last, steps, kind, every],
        "outputs": [row, step_players, get_steps, get_morph, morph_picture],
        "show_progress_on": [row],
        "api_visibility": "private",  # it morphs what this visitor drew
        **shared.heavy,
    }
    morph_go.click(shared.callback(run_morph), **morph_job)


def _picture(elem_id: str) -> gr.Image:
    shown = gr.Image(
        show_label=False,
        type="filepath",
        interactive=False,
        elem_classes="lgr-picture",
        buttons=["fullscreen"],
        alt_text="Spectrograms of the sounds above, side by side",
        elem_id=elem_id,
    )
    gr.Markdown(PICTURE, elem_classes="lgr-caption")
    return shown


def _sampler(shared: Shared, model: str, report: Any) -> TrainedCodec:
    """A model that can be sampled, opened."""
    codec = shared.codecs.open(model, report) if model in models_that_sample() else None
    if not isinstance(codec, TrainedCodec):
        raise ArgumentError(f"model must be one of {', '.join(models_that_sample())}, got {model!r}")
    return codec


def _fill(label: str) -> Any:
    """What a click on an example puts into the controls."""

    def fill() -> list[Any]:
        classes = gr.Dropdown(class_choices(START.model), value=label)
        return [START.model, classes, START.n, *show_controls(START.model)]

    return fill


def _follow_model(model: str) -> list[Any]:
    """The classes and the controls of another model."""
    choices = class_choices(model)
    return [gr.Dropdown(choices, value=choices[0][1]), *show_controls(model)]
