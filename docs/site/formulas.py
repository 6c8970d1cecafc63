"""Formulas as MathML, which browsers draw themselves: no script has to be fetched for them."""

import html
import re

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)


def on_page_content(content: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Replace what pymdownx.arithmatex found between dollars."""
    return FORMULA.sub(_mathml, content)


def _mathml(match: re.Match[str]) -> str:
    shown = "inline" if match[1] == "span" else "block"
    return convert(html.unescape(match[2]), display=shown)
