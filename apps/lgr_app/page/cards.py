"""Sounds side by side as HTML: a row of cards, each a player with a picture and a few numbers, and a switch between
sounds that keeps the moment in time.

Players are the browser's own, so keyboards and screen readers know them. Nothing here is one visitor's: the strings are
values of ``gr.HTML``, made anew for each.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import gradio as gr


@dataclass(frozen=True, kw_only=True)
class Card:
    """One sound: its title, files that Gradio may serve, and what is said of it."""

    title: str
    audio: Path | None = None
    picture: Path | None = None
    picture_says: str = ""  # what there is to see, for those who do not see it
    facts: Sequence[tuple[str, str]] = ()  # (name, value)
    note: str = ""  # for a card without a sound: why
    downloads: Sequence[tuple[str, Path]] = ()  # (label, file)


def file_url(path: Path) -> str:
    """Where Gradio serves a file of its temporary folder, relative to the page."""
    return f"gradio_api/file={quote(str(path))}"


def cards_html(cards: Sequence[Card]) -> str:
    """A list of cards that wraps to the page's width."""
    return f'<ul class="lgr-cards">{"".join(_card(card) for card in cards)}</ul>'


def _card(card: Card) -> str:
    parts = [f"<h3>{escape(card.title)}</h3>"]
    if card.picture is not None:
        parts.append(f'<img src="{escape(file_url(card.picture))}" alt="{escape(card.picture_says)}">')
    if card.audio is not None:
        url, title = escape(file_url(card.audio)), escape(card.title)
        parts.append(f'<audio controls preload="metadata" src="{url}" aria-label="{title}"></audio>')
    if card.note:
        parts.append(f'<p class="lgr-why">{escape(card.note)}</p>')
    if card.facts:
        facts = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in card.facts)
        parts.append(f"<dl>{facts}</dl>")
    if card.downloads:
        links = (
            f'<a href="{escape(file_url(path))}" download="{escape(path.name)}">{escape(label)}</a>'
            for label, path in card.downloads
        )
        parts.append(f"<p>{' '.join(links)}</p>")
    return f"<li>{''.join(parts)}</li>"


def figure_html(picture: Path, says: str, caption: str) -> str:
    """A picture, what there is to see in it for those who do not see it, and its caption; a click shows it large."""
    url = escape(file_url(picture))
    return (
        f'<figure class="lgr-figure"><a href="{url}" target="_blank"><img src="{url}" alt="{escape(says)}"></a>'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def switch_html(sounds: Sequence[tuple[str, Path]]) -> str:
    """Buttons that change between sounds at the same moment, over one visible player."""
    buttons, players = [], []
    for i, (label, path) in enumerate(sounds):
        pressed = "true" if i == 0 else "false"
        buttons.append(f'<button type="button" aria-pressed="{pressed}">{escape(label)}</button>')
        hidden = "" if i == 0 else " hidden"
        url = escape(file_url(path))
        players.append(f'<audio controls preload="auto" src="{url}" aria-label="{escape(label)}"{hidden}></audio>')
    return (
        f'<div class="lgr-switch"><div role="group" aria-label="Listen to">{"".join(buttons)}</div>'
        f"{''.join(players)}</div>"
    )


def switch(**more: Any) -> gr.HTML:
    """The component for ``switch_html``."""
    return gr.HTML(js_on_load=SWITCH_JS, **more)


SWITCH_JS = """
element.addEventListener("click", (event) => {
  const button = event.target.closest(".lgr-switch button");
  if (!button) return;
  const buttons = [...element.querySelectorAll(".lgr-switch button")];
  const players = [...element.querySelectorAll(".lgr-switch audio")];
  const from = players.find((each) => !each.hidden);
  const to = players[buttons.indexOf(button)];
  if (from !== to) {
    const playing = !from.paused;
    to.currentTime = Math.min(from.currentTime, to.duration || 0);
    from.pause();
    from.hidden = true;
    to.hidden = false;
    if (playing) to.play();
    for (const each of buttons) each.setAttribute("aria-pressed", String(each === button));
  } else if (to.paused) to.play();
  else to.pause();
});
"""
