"""Tab 6, Compare codecs: one target, one source, one seed through every codec that can be had (paper 000).

Below it, sounds brought back from coarse codes (paper 002): ``coarse_codes.py``.
"""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from lgr.errors import ArgumentError, LgrError
from lgr.evaluation import Yardstick
from lgr_app.jobs.compare import codec_card, codecs_table, facts, missing_card, play_through
from lgr_app.jobs.results import measure
from lgr_app.page.cards import Card, cards_html
from lgr_app.page.choices import CONTINUITY, CONTINUITY_SAYS, MOST_TEMPERATURE, TEMPERATURE, TEMPERATURE_SAYS
from lgr_app.page.codecs import codec_choices, shown_names, why_not_here
from lgr_app.page.inputs import example_buttons, sound_input
from lgr_app.page.seeds import next_seed, seed_controls
from lgr_app.page.shared import Shared
from lgr_app.page.sounds import EXAMPLES, read_upload
from lgr_app.page.visitors import reporter
from lgr_app.tabs.coarse_codes import build_part

INTRODUCTION = (
    "The same target, source, seed and grain length through each codec. A codec cuts time into frames of its own, so a "
    "grain is a whole number of them, as near to that length as it gets."
)
SPECTROGRAMS = "Spectrograms: level in dB under each sound's loudest point, over time in seconds and frequency in Hz."


def build(shared: Shared) -> None:
    """Lay the tab out."""
    limits = shared.limits
    first = EXAMPLES[0]
    names = shown_names()
    here = [name for name in names if not why_not_here(name)]
    gr.Markdown(INTRODUCTION, elem_classes="lgr-caption")
    examples = example_buttons(each.title for each in EXAMPLES)
    with gr.Row():
        with gr.Column(min_width=300):
            target = sound_input(first.target_path, "Target: the sound to play")
            source = sound_input(first.source_paths[0], "Source: the sound to play it with")
            gr.Markdown(limits.sentence(), elem_classes="lgr-caption")
        with gr.Column(min_width=300):
            chosen = gr.CheckboxGroup(
                codec_choices(),
                value=here,
                label="Codecs",
                info="Those on this machine are ticked; another is downloaded first, or its card says why not.",
            )
            go = gr.Button("Play through every ticked codec", variant="primary", size="lg", elem_classes="lgr-go")
            with gr.Accordion("Grains, choosing and seed", open=False):
                grain_ms = gr.Slider(10, 500, 53, step=1, label="Grain length", info="In milliseconds.")
                temperature = gr.Slider(
                    0, MOST_TEMPERATURE, TEMPERATURE, step=0.005, label="Temperature", info=TEMPERATURE_SAYS
                )
                continuity = gr.Slider(0, 0.99, CONTINUITY, step=0.01, label="Continuity", info=CONTINUITY_SAYS)
                seed_number, locked = seed_controls()
    status = gr.Markdown("The sounds appear here, one after another.", min_height=44, elem_classes="lgr-status")
    cards = gr.HTML()
    numbers = gr.HTML(elem_classes=["lgr-numbers", "lgr-wide"])

    def run(
        target: str | None,
        source: str | None,
        chosen: list[str],
        grain_ms: float,
        temperature: float,
        continuity: float,
        seed: float | None,
        locked: bool,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),
    ) -> Iterator[dict[Any, Any]]:
        visitor = shared.visitors.of(request)
        report = reporter(visitor, progress)
        target_path = read_upload(target, "target", limits)
        source_path = read_upload(source, "source", limits, max_seconds=limits.max_source_seconds)
        if not chosen:
            raise ArgumentError("Tick at least one codec.")
        run_seed = next_seed(seed, locked)
        folder = visitor.folder()
        deck: list[Card] = []
        rows: list[tuple[str, list[tuple[str, str]]]] = []
        yield {seed_number: run_seed, cards: "", numbers: ""}
        yardstick = Yardstick(target_path, [source_path])
        for name in (each for each in names if each in chosen):
            report(f"playing through {name}", len(deck), len(chosen))
            try:
                result = play_through(
                    shared.codecs.open(name, report),
                    target_path,
                    source_path,
                    grain_ms=grain_ms,
                    temperature=temperature,
                    continuity=continuity,
                    seed=run_seed,
                    progress=lambda what, done, of: visitor.check(),
                )
            except LgrError as error:  # one codec that cannot be had must not hide the others
                deck.append(missing_card(name, error))
            else:
                row = facts(result, measure(result, yardstick))
                rows.append((name, row))
                deck.append(codec_card(name, result, row, folder))
            yield {cards: cards_html(deck), numbers: codecs_table(rows)}
        yield {status: f"{len(rows)} of {len(chosen)} codecs with seed {run_seed}. {SPECTROGRAMS}"}

    start: dict[str, Any] = {
        "fn": shared.callback(run),
        "inputs": [target, source, chosen, grain_ms, temperature, continuity, seed_number, locked],
        "outputs": [status, cards, numbers, seed_number],
        "show_progress_on": [status],
        **shared.heavy,
    }
    go.click(**start, api_name="compare")
    for button, example in zip(examples, EXAMPLES, strict=True):
        values = [str(example.target_path), str(example.source_paths[0])]
        filling = button.click(lambda values=values: values, outputs=[target, source], api_visibility="private")
        filling.then(**start, api_visibility="private")
    build_part(shared)
