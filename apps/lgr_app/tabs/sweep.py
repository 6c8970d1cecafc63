"""Tab 3, Temperature sweep: one seed at several temperatures, to hear and see what temperature does (paper 000)."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from lgr_app.jobs.sweep import HIGHEST, LOWEST, MOST, Step, save_tradeoff, step_card, sweep, temperatures
from lgr_app.page.cards import Card, cards_html, figure_html
from lgr_app.page.choices import CONTINUITY, CONTINUITY_SAYS
from lgr_app.page.codecs import codec_choices
from lgr_app.page.inputs import example_buttons, sound_input, sounds_input
from lgr_app.page.seeds import next_seed, seed_controls
from lgr_app.page.shared import Shared
from lgr_app.page.sounds import EXAMPLES, read_sources, read_upload
from lgr_app.page.visitors import reporter

INTRODUCTION = (
    "Low temperatures play the most similar grains, high ones almost any. The same seed is used at every temperature."
)
CAPTION = (
    "Upper row, a point a temperature (written beside it): what the result took on from the sources against what it "
    "kept of the target. Lower row: how undecided each choice is, and how many different grains are played."
)
PICTURE = "Curves: adoption and distance to the sources against retention; entropy and distinct grains over temperature"
SPECTROGRAMS = "Spectrograms: level in dB under each sound's loudest point, over time in seconds and frequency in Hz."


def build(shared: Shared) -> None:
    """Lay the tab out."""
    limits = shared.limits
    first = EXAMPLES[0]
    gr.Markdown(INTRODUCTION, elem_classes="lgr-caption")
    examples = example_buttons(each.title for each in EXAMPLES)
    with gr.Row():
        with gr.Column(min_width=300):
            target = sound_input(first.target_path, "Target: the sound to play")
        with gr.Column(min_width=300):
            sources = sounds_input(first.source_paths, "Sources: the sounds to play it with")
            gr.Markdown(limits.sentence(), elem_classes="lgr-caption")
        with gr.Column(min_width=300):
            count = gr.Slider(
                2, MOST, 5, step=1, label="How many temperatures", info="Spread evenly on a logarithmic scale."
            )
            go = gr.Button("Play at every temperature", variant="primary", size="lg", elem_classes="lgr-go")
            with gr.Accordion("Range, grains, codec and seed", open=False):
                lowest = gr.Number(LOWEST, label="Lowest temperature", info=f"From {LOWEST:g}.", minimum=LOWEST)
                highest = gr.Number(HIGHEST, label="Highest temperature", info=f"Up to {HIGHEST:g}.", maximum=HIGHEST)
                continuity = gr.Slider(0, 0.99, CONTINUITY, step=0.01, label="Continuity", info=CONTINUITY_SAYS)
                grain_frames = gr.Slider(1, 32, 4, step=1, label="Grain length", info="In frames of the codec.")
                codec = gr.Dropdown(
                    codec_choices(), value="bundled", label="Codec", info="Whose latent space the grains are cut in."
                )
                seed_number, locked = seed_controls()
    status = gr.Markdown("The sounds appear here, one after another.", min_height=44, elem_classes="lgr-status")
    cards = gr.HTML()
    picture = gr.HTML()

    def run(
        target: str | None,
        sources: list[str] | None,
        count: float,
        lowest: float,
        highest: float,
        continuity: float,
        grain_frames: float,
        codec: str,
        seed: float | None,
        locked: bool,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),
    ) -> Iterator[dict[Any, Any]]:
        visitor = shared.visitors.of(request)
        report = reporter(visitor, progress)
        target_path = read_upload(target, "target", limits)
        source_paths = read_sources(sources, limits)
        values = temperatures(count, lowest or 0, highest or 0)
        run_seed = next_seed(seed, locked)
        space = shared.codecs.open(codec, report)
        folder = visitor.folder()
        steps: list[Step] = []
        deck: list[Card] = []
        yield {seed_number: run_seed, cards: "", picture: ""}
        for step in sweep(
            target_path,
            source_paths,
            values,
            codec=space,
            continuity=continuity,
            grain_frames=int(grain_frames),
            seed=run_seed,
            progress=report,
        ):
            steps.append(step)
            deck.append(step_card(step, folder))
            yield {cards: cards_html(deck)}
        report("drawing", len(values), len(values))
        tradeoff = save_tradeoff(steps, folder / "tradeoff.png")
        yield {
            picture: figure_html(tradeoff, PICTURE, f"{CAPTION} {SPECTROGRAMS}"),
            status: f"{len(steps)} temperatures with seed {run_seed}.",
        }

    start: dict[str, Any] = {
        "fn": shared.callback(run),
        "inputs": [
            target,
            sources,
            count,
            lowest,
            highest,
            continuity,
            grain_frames,
            codec,
            seed_number,
            locked,
        ],
        "outputs": [status, cards, picture, seed_number],
        "show_progress_on": [status],
        **shared.heavy,
    }
    go.click(**start, api_name="sweep")
    for button, example in zip(examples, EXAMPLES, strict=True):
        values = [str(example.target_path), [str(path) for path in example.source_paths]]
        filling = button.click(lambda values=values: values, outputs=[target, sources], api_visibility="private")
        filling.then(**start, api_visibility="private")
