"""Tab 6, Compare codecs: one target, one source, one seed through every codec that can be had (paper 000)."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from lgr.codecs.base import Codec
from lgr.errors import ArgumentError, LgrError
from lgr.evaluation import Evaluation
from lgr.resynth import ResynthConfig
from lgr.sound.envelope import Envelope
from lgr_app.cards import Card, cards_html
from lgr_app.guard import told
from lgr_app.inputs import example_buttons, sound_input
from lgr_app.measures import html_table, said
from lgr_app.opened import TITLES, codec_choices, shown_names, why_not_here
from lgr_app.results import Played, draw_spectrogram, measure, play, write
from lgr_app.seeds import next_seed, seed_controls
from lgr_app.shared import Shared
from lgr_app.sounds import EXAMPLES, read_upload
from lgr_app.temporary import reporter

INTRODUCTION = (
    "The same target, source, seed and grain length through each codec. A codec cuts time into frames of its own, so a "
    "grain is a whole number of them, as near to that length as it gets."
)
SPECTROGRAMS = "Spectrograms: level in dB under each sound's loudest point, over time in seconds and frequency in Hz."
COLUMNS = {
    "adoption": "Adoption",
    "source_distance": "Distance to source",
    "onset_f": "Onsets kept",
    "envelope_correlation": "Loudness kept",
    "seam_ratio": "Boundary ratio",
    "distinct_grains": "Different grains",
    "entropy": "Entropy (nats)",
}


def grain_frames(codec: Codec, grain_ms: float) -> int:
    """The whole number of a codec's frames, at least one, that is nearest to ``grain_ms`` milliseconds."""
    return max(1, round(grain_ms / 1000 * codec.info.frame_rate))


def play_through(
    codec: Codec,
    target: Path,
    source: Path,
    *,
    grain_ms: float,
    temperature: float,
    continuity: float,
    seed: int,
    progress: Any = None,
) -> Played:
    """Play the target with the source in one codec's latent space."""
    config = ResynthConfig(
        grain_frames=grain_frames(codec, grain_ms),
        temperature=Envelope.of(temperature),
        continuity=Envelope.of(continuity),
    )
    return play(target, [source], codec=codec, config=config, seed=seed, progress=progress)


def facts(played: Played, found: Evaluation) -> list[tuple[str, str]]:
    """The numbers of one codec's result, under the same names for all."""
    score = played.result.score
    return [
        ("Grain", f"{1000 * score.grain_frames * score.frame_seconds:.3g} ms"),
        *((title, said(found.numbers[name])) for name, title in COLUMNS.items()),
        ("Real-time factor", f"{played.real_time_factor:.2f}"),
    ]


def card(name: str, played: Played, numbers: Sequence[tuple[str, str]], folder: Path) -> Card:
    """What is shown of one codec; its files are written into ``folder``."""
    files = write(played, folder, name=f"{played.name}_{name}")
    return Card(
        title=TITLES.get(name, name),
        audio=files.audio,
        picture=draw_spectrogram(played, folder / f"{name}.png"),
        picture_says=f"Spectrogram of the result with {name}",
        facts=numbers[:3],
        downloads=[("Sound", files.audio), ("Score", files.score)],
    )


def table(columns: Sequence[tuple[str, Sequence[tuple[str, str]]]]) -> str:
    """All numbers side by side: a row a codec."""
    if not columns:
        return ""
    heads = ["Codec", *(title for title, _ in columns[0][1])]
    return html_table([[TITLES.get(name, name), *(value for _, value in numbers)] for name, numbers in columns], heads)


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
                    0, 0.5, 0.05, step=0.005, label="Temperature", info="0: always the most similar grain."
                )
                continuity = gr.Slider(
                    0, 0.99, 0.9, step=0.01, label="Continuity", info="Chance that the source plays on."
                )
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
        aimed = read_upload(target, "target", limits)
        material = read_upload(source, "source", limits, max_seconds=limits.max_source_seconds)
        if not chosen:
            raise ArgumentError("Tick at least one codec.")
        drawn = next_seed(seed, locked)
        folder = visitor.folder()
        shown: list[Card] = []
        columns: list[tuple[str, list[tuple[str, str]]]] = []
        yield {seed_number: drawn, cards: "", numbers: ""}
        for name in (each for each in names if each in chosen):
            report(f"playing through {name}", len(shown), len(chosen))
            try:
                played = play_through(
                    shared.codecs.open(name, report),
                    aimed,
                    material,
                    grain_ms=grain_ms,
                    temperature=temperature,
                    continuity=continuity,
                    seed=drawn,
                    progress=lambda what, done, of: visitor.check(),
                )
            except LgrError as error:  # one codec that cannot be had must not hide the others
                shown.append(Card(title=TITLES.get(name, name), note=f"Not available: {error}"))
            else:
                found = facts(played, measure(played))
                columns.append((name, found))
                shown.append(card(name, played, found, folder))
            yield {cards: cards_html(shown), numbers: table(columns)}
        yield {status: f"{len(columns)} of {len(chosen)} codecs with seed {drawn}. {SPECTROGRAMS}"}

    start: dict[str, Any] = {
        "fn": told(run),
        "inputs": [target, source, chosen, grain_ms, temperature, continuity, seed_number, locked],
        "outputs": [status, cards, numbers, seed_number],
        "show_progress_on": [status],
        **shared.heavy,
    }
    go.click(**start, api_name="compare")
    for button, example in zip(examples, EXAMPLES, strict=True):
        values = [str(example.target_path), str(example.source_paths[0])]
        filled = button.click(lambda values=values: values, outputs=[target, source], api_visibility="private")
        filled.then(**start, api_visibility="private")
