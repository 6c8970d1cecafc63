"""Tab 3, Temperature sweep: one seed at several temperatures, to hear and see what temperature does (paper 000)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from lgr.codecs.base import Codec
from lgr.errors import ArgumentError
from lgr.evaluation import Evaluation
from lgr.resynth import ResynthConfig
from lgr.sound.envelope import Envelope
from lgr.sounds import build_codebook
from lgr_app.cards import Card, cards_html, figure_html
from lgr_app.guard import told
from lgr_app.inputs import example_buttons, sound_input, sounds_input
from lgr_app.measures import said
from lgr_app.opened import codec_choices
from lgr_app.pictures import save_picture
from lgr_app.results import Played, Progress, draw_spectrogram, measure, play, write
from lgr_app.seeds import next_seed, seed_controls
from lgr_app.shared import Shared
from lgr_app.sounds import EXAMPLES, read_sources, read_upload
from lgr_app.temporary import reporter

LOWEST, HIGHEST, MOST = 0.01, 10.0, 9
INTRODUCTION = (
    "Low temperatures play the most similar grains, high ones almost any. The same seed is used at every temperature."
)
CAPTION = (
    "Upper row, a point a temperature (written beside it): what the result took on from the sources against what it "
    "kept of the target. Lower row: how undecided each choice is, and how many different grains are played."
)
PICTURE = "Curves: adoption and distance to the sources against retention; entropy and distinct grains over temperature"
SPECTROGRAMS = "Spectrograms: level in dB under each sound's loudest point, over time in seconds and frequency in Hz."


@dataclass(frozen=True, kw_only=True)
class Step:
    """The result at one temperature, with its numbers."""

    temperature: float
    played: Played
    numbers: Evaluation


def temperatures(count: float, lowest: float, highest: float) -> list[float]:
    """``count`` temperatures from lowest to highest in equal ratios, rounded to two digits.

    ``ArgumentError`` unless 2 <= count <= ``MOST`` and ``LOWEST`` <= lowest < highest <= ``HIGHEST``.
    """
    if not 2 <= count <= MOST:
        raise ArgumentError(f"The number of temperatures must be 2 to {MOST}, got {count:g}")
    if not LOWEST <= lowest < highest <= HIGHEST:
        raise ArgumentError(
            f"Temperatures must go up from at least {LOWEST:g} to at most {HIGHEST:g}, got {lowest:g} to {highest:g}"
        )
    return [float(f"{value:.2g}") for value in np.geomspace(lowest, highest, int(count))]


def sweep(
    target: Path,
    sources: Sequence[Path],
    values: Sequence[float],
    *,
    codec: Codec,
    continuity: float = 0.0,
    grain_frames: int = 4,
    seed: int,
    progress: Progress,
) -> Iterator[Step]:
    """A step for each temperature, as soon as it is made; the sources are encoded once."""
    config = ResynthConfig(grain_frames=grain_frames, continuity=Envelope.of(continuity))
    book = build_codebook(sources, codec, config.codebook_config(), progress=progress)
    for i, value in enumerate(values):
        progress(f"temperature {value:g}", i, len(values))
        at = ResynthConfig(
            grain_frames=grain_frames, continuity=Envelope.of(continuity), temperature=Envelope.of(value)
        )
        played = play(target, sources, codec=codec, config=at, seed=seed, codebook=book)
        yield Step(temperature=value, played=played, numbers=measure(played))


def kept(steps: Sequence[Step]) -> tuple[str, list[float]]:
    """The retention that a sweep is drawn against: onsets, or the level where the target has no onset."""
    onsets = [step.numbers.numbers["onset_f"] for step in steps]
    if None not in onsets:
        return "onsets kept (F-measure)", _column(steps, "onset_f")
    return "loudness kept (correlation)", _column(steps, "envelope_correlation")


def draw_tradeoff(steps: Sequence[Step], path: Path) -> Path:
    """Adoption and source distance against retention; entropy and distinct grains over temperature."""
    from lgr.plots import plot_tradeoff

    figure = plot_tradeoff(
        [step.temperature for step in steps],
        kept(steps),
        {
            "adoption (0 target, 1 sources)": _column(steps, "adoption"),
            "distance to the sources": _column(steps, "source_distance"),
        },
        {"entropy (nats)": _column(steps, "entropy"), "distinct grains": _column(steps, "distinct_grains")},
    )
    return save_picture(figure, path)


def card(step: Step, folder: Path) -> Card:
    """What is shown of one temperature; its files are written into ``folder``."""
    name = f"temperature_{step.temperature:g}"
    files = write(step.played, folder, name=name)
    numbers = step.numbers.numbers
    return Card(
        title=f"τ = {step.temperature:g}",
        audio=files.audio,
        picture=draw_spectrogram(step.played, folder / f"{name}.png"),
        picture_says=f"Spectrogram of the result at temperature {step.temperature:g}",
        facts=[
            ("Adoption", said(numbers["adoption"])),
            ("Distance to the sources", said(numbers["source_distance"])),
            ("Onsets kept", said(numbers["onset_f"])),
            ("Entropy (nats)", said(numbers["entropy"])),
            ("Different grains", f"{step.played.result.score.distinct} of {len(step.played.result.score)}"),
        ],
        downloads=[("Sound", files.audio), ("Score", files.score)],
    )


def _column(steps: Sequence[Step], name: str) -> list[float]:
    values = [step.numbers.numbers[name] for step in steps]
    return [float("nan") if value is None else value for value in values]


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
                continuity = gr.Slider(
                    0, 0.99, 0, step=0.01, label="Continuity", info="0, as in the paper: each grain is drawn alone."
                )
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
        aimed = read_upload(target, "target", limits)
        material = read_sources(sources, limits)
        values = temperatures(count, lowest or 0, highest or 0)
        drawn = next_seed(seed, locked)
        opened = shared.codecs.open(codec, report)
        folder = visitor.folder()
        steps: list[Step] = []
        shown: list[Card] = []
        yield {seed_number: drawn, cards: "", picture: ""}
        for step in sweep(
            aimed,
            material,
            values,
            codec=opened,
            continuity=continuity,
            grain_frames=int(grain_frames),
            seed=drawn,
            progress=report,
        ):
            steps.append(step)
            shown.append(card(step, folder))
            yield {cards: cards_html(shown)}
        report("drawing", len(values), len(values))
        drawing = draw_tradeoff(steps, folder / "tradeoff.png")
        yield {
            picture: figure_html(drawing, PICTURE, f"{CAPTION} {SPECTROGRAMS}"),
            status: f"{len(steps)} temperatures with seed {drawn}.",
        }

    start: dict[str, Any] = {
        "fn": told(run),
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
        filled = button.click(lambda values=values: values, outputs=[target, sources], api_visibility="private")
        filled.then(**start, api_visibility="private")
