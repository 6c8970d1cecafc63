"""What the notebooks share and ``lgr`` is not for: short players, pictures with captions, a map to click on.

Players hold two seconds at most, 16 bits, at the level they have: a notebook keeps every sample that it plays.
"""

import base64
import html
import io
from collections.abc import Mapping, Sequence
from typing import Any

import PIL.Image
import soundfile
import torch
from IPython.display import HTML, Image, Markdown, display
from torch import Tensor

SECONDS = 2.0
DOTS_PER_INCH = 90
COLOURS = 256  # of a picture
WIDTH, HEIGHT, MARGIN = 640, 420, 12  # of a map, in its own pixels


def flac_bytes(audio: Tensor, sample_rate: int, start_seconds: float = 0.0) -> bytes:
    """``audio`` (channels, samples) or (samples,) in [-1, 1] as a 16-bit FLAC file of at most two seconds, at its own
    level. (Every browser plays FLAC, and it is half the size of WAV.)
    """
    first = round(start_seconds * sample_rate)
    part = torch.atleast_2d(audio)[:, first : first + round(SECONDS * sample_rate)]
    pcm = (part.clamp(-1, 1) * 32767).round().to(torch.int16)
    file = io.BytesIO()
    soundfile.write(file, pcm.T.numpy(), sample_rate, format="FLAC", subtype="PCM_16")
    return file.getvalue()


def play(sounds: Mapping[str, tuple[Tensor, int]], start_seconds: float = 0.0) -> None:
    """A row of players, each under its name: ``{"target": (audio, sample_rate), ...}``."""
    figures = []
    for name, (audio, rate) in sounds.items():
        source = base64.b64encode(flac_bytes(audio, rate, start_seconds)).decode()
        figures.append(
            '<figure style="display: inline-block; margin: 0 1em 0.7em 0">'
            f"<figcaption>{html.escape(name)}</figcaption>"
            f'<audio controls preload="none" src="data:audio/flac;base64,{source}" '
            f'aria-label="{html.escape(name)}" style="width: 250px"></audio></figure>'
        )
    display(HTML("".join(figures)))


def play_at_once(audio: Tensor, sample_rate: int) -> None:
    """A player that starts by itself, for what a hand has just asked for."""
    source = base64.b64encode(flac_bytes(audio, sample_rate)).decode()
    display(HTML(f'<audio controls autoplay src="data:audio/flac;base64,{source}"></audio>'))


def picture(figure: Any, caption: str) -> None:
    """A matplotlib figure and the sentence under it."""
    drawn, small = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=DOTS_PER_INCH, facecolor="white")
    # A palette is enough for what is drawn here, and a third of the size.
    PIL.Image.open(drawn).convert("RGB").quantize(COLOURS, PIL.Image.Quantize.MAXCOVERAGE).save(
        small, format="png", optimize=True
    )
    display(Image(data=small.getvalue(), format="png", alt=caption))
    display(Markdown(f"*{caption}*"))


def table(rows: Mapping[str, Mapping[str, float | str | None]], heading: str = "") -> None:
    """Numbers side by side, ``{row: {column: value}}``; "-" where there is none."""
    columns = list(dict.fromkeys(name for row in rows.values() for name in row))
    lines = [f"| {heading} | " + " | ".join(columns) + " |", "|---|" + "---:|" * len(columns)]
    lines += [
        f"| {name} | " + " | ".join(_cell(row.get(column)) for column in columns) + " |" for name, row in rows.items()
    ]
    display(Markdown("\n".join(lines)))


def _cell(value: float | str | None) -> str:
    return value if isinstance(value, str) else "-" if value is None else f"{value:.3g}"


def clickable_map(points: Tensor, names: Sequence[str], colours: Sequence[str], picks: str) -> str:
    """A picture of ``points`` (n, 2) as SVG; a click on one puts its number into the widget of the class ``picks``.

    ``names`` and ``colours`` are one a point; a name is shown where the pointer rests.
    """
    low, high = points.amin(0), points.amax(0)
    place = (points - low) / (high - low).clamp(min=1e-9) * torch.tensor([WIDTH - 2 * MARGIN, HEIGHT - 2 * MARGIN])
    dots = "".join(
        f'<circle cx="{x + MARGIN:.1f}" cy="{HEIGHT - MARGIN - y:.1f}" r="4.5" fill="{colour}" fill-opacity="0.75" '
        f'data-grain="{i}"><title>{html.escape(name)}</title></circle>'
        for i, ((x, y), name, colour) in enumerate(zip(place.tolist(), names, colours, strict=True))
    )
    # The widget listens to its own input field, so a click types the number there.
    click = (
        "const grain = event.target.dataset.grain; if (grain === undefined) return; "
        f"const field = document.querySelector('.{picks} input'); field.value = grain; "
        "field.dispatchEvent(new Event('input', {bubbles: true})); "
        "field.dispatchEvent(new Event('change', {bubbles: true}));"
    )
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" style="width: 100%; max-width: {WIDTH}px; cursor: pointer; '
        f'background: white; border: 1px solid #bbb" onclick="{html.escape(click)}" role="img" '
        f'aria-label="map of grains">{dots}</svg>'
    )
