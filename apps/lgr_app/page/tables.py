"""Numbers as text, and tables of them."""

from collections.abc import Sequence
from html import escape


def number_text(value: float | None) -> str:
    """A number as people read it; a dash where there is none."""
    if value is None:
        return "–"
    return f"{value:.0f}" if float(value).is_integer() and abs(value) >= 2 else f"{value:.2f}"


def html_table(body: Sequence[Sequence[str]], heads: Sequence[str] = ()) -> str:
    """A table for ``gr.HTML``; the first cell of a row names it."""
    top = "".join(f'<th scope="col">{escape(head)}</th>' for head in heads)
    lines = (
        f'<tr><th scope="row">{escape(first)}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in rest)}</tr>'
        for first, *rest in body
    )
    return f"<table>{f'<thead><tr>{top}</tr></thead>' if heads else ''}<tbody>{''.join(lines)}</tbody></table>"
