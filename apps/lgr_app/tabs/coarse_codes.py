"""The second part of Compare codecs, From coarse codes back to sound: one sound, every way back side by side."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from lgr.errors import LgrError
from lgr_app.jobs.coarse_codes import (
    WAYS,
    BroughtBack,
    bring_back,
    checked_ways,
    heard,
    missing_card,
    original_card,
    way_card,
    ways_of,
    ways_table,
)
from lgr_app.page.bridges import bridged_codec_choices, levels_of
from lgr_app.page.cards import Card, cards_html
from lgr_app.page.inputs import sound_input
from lgr_app.page.seeds import next_seed, seed_controls
from lgr_app.page.shared import Shared
from lgr_app.page.sounds import clip, read_upload
from lgr_app.page.visitors import reporter

FIRST = "speech_reader"
INTRODUCTION = (
    "## From coarse codes back to sound\n"
    "A codec with codes says each moment of a sound by a few whole numbers, the coarsest first. Here all but the first "
    "are thrown away, and a bridge makes up what they said. *Regression* says the mean of all sounds that have these "
    "codes, in one pass; a *Schrödinger bridge* draws one of them, step by step from the seed."
)
DISTANCE = (
    "Distance of spectra: mean log-spectral distance from the sound itself, in dB. It punishes what is made up, so a "
    "dull mean may lie nearer than a lively draw: listen. Real-time factor: seconds of work, encoding and decoding as "
    "well, for a second of sound."
)


def build_part(shared: Shared) -> None:
    """Lay the part out; nothing where no codec of the app has a bridge."""
    choices = bridged_codec_choices()
    if not choices:
        return
    limits = shared.limits
    first = choices[0][1]
    given, most = levels_of(first)
    gr.Markdown(INTRODUCTION, elem_classes="lgr-caption")
    with gr.Row():
        with gr.Column(min_width=300):
            sound = sound_input(clip(FIRST), "Sound: what is brought back")
        with gr.Column(min_width=300):
            codec = gr.Dropdown(
                choices, value=first, label="Codec with bridges", info="Whose codes are kept.", visible=len(choices) > 1
            )
            levels = gr.Slider(
                1, most, given, step=1, label="Levels of codes", info="How many are kept. More say more of the sound."
            )
            chosen = gr.CheckboxGroup(
                _way_choices(first), value=ways_of(first), label="Ways back", info="Each gets a card with its sound."
            )
            seed_number, locked = seed_controls()
            # no "lgr-go", which a phone keeps at the bottom of the screen: that is the button of the first part
            go = gr.Button("Bring it back every ticked way", variant="primary", size="lg")
    status = gr.Markdown("The sounds appear here, one after another.", min_height=44, elem_classes="lgr-status")
    cards = gr.HTML()
    numbers = gr.HTML(elem_classes=["lgr-numbers", "lgr-wide"])

    def run(
        sound: str | None,
        codec: str,
        levels: float,
        chosen: list[str],
        seed: float | None,
        locked: bool,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),
    ) -> Iterator[dict[Any, Any]]:
        visitor = shared.visitors.of(request)
        report = reporter(visitor, progress)
        path = read_upload(sound, "sound", limits)
        ways = checked_ways(codec, chosen)
        run_seed = next_seed(seed, locked)
        space = shared.codecs.open(codec, report)
        folder = visitor.folder()
        original = heard(path, space)
        stem = path.stem[:60]
        deck: list[Card] = [original_card(original, space.info.sample_rate, stem, folder)]
        rows: list[tuple[str, BroughtBack]] = []
        yield {seed_number: run_seed, cards: cards_html(deck), numbers: ""}
        for i, name in enumerate(ways):
            report(f"bringing back: {WAYS[name].title}", i, len(ways))
            try:
                made = bring_back(original, WAYS[name], codec=space, levels=int(levels), seed=run_seed)
            except LgrError as error:  # one way that fails must not hide the others
                deck.append(missing_card(name, error))
            else:
                rows.append((name, made))
                deck.append(way_card(name, made, stem, folder))
            yield {cards: cards_html(deck), numbers: ways_table(rows)}
        kept = f"{int(levels)} level{'s' if levels > 1 else ''}"
        yield {status: f"{len(rows)} of {len(ways)} ways from {kept} with seed {run_seed}. {DISTANCE}"}

    go.click(
        shared.callback(run),
        [sound, codec, levels, chosen, seed_number, locked],
        [status, cards, numbers, seed_number],
        show_progress_on=[status],
        api_name="bring_back",
        **shared.heavy,
    )
    codec.change(_of_codec, codec, [levels, chosen], show_progress="hidden", api_visibility="private")


def _way_choices(codec: str) -> list[tuple[str, str]]:
    return [(WAYS[name].title, name) for name in ways_of(codec)]


def _of_codec(codec: str) -> list[Any]:
    """Levels and ways of another codec."""
    given, most = levels_of(codec)
    return [gr.Slider(value=given, maximum=most), gr.CheckboxGroup(_way_choices(codec), value=ways_of(codec))]
