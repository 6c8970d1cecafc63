"""Docstrings and the comments of fields, as Markdown for the API pages: an extension of griffe, which reads the source.

Our docstrings have NumPy's sections, but say shape, unit and range in words behind the colon, where griffe's own parser
expects a type. The types are in the signature above; so a section becomes a list of what is written, as it is written.
The fields of a class become one list, from the comments beside them.
"""

import re
import tokenize
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import griffe

UNDERLINE = re.compile(r"-{3,}\s*")
NAMES = re.compile(r"[\w.*]+(, [\w.*]+)*")
WRAPPED = 95  # a line this long, the next word included, ended because it was full
IN_WORDS = {"Notes", "References", "Examples"}


class Docstrings(griffe.Extension):
    """Rewrites every docstring of a package once it has been read."""

    def on_package(self, *, pkg: griffe.Module, **kwargs: Any) -> None:
        _rewrite(pkg)


def _rewrite(thing: griffe.Object) -> None:
    if thing.docstring is not None:
        thing.docstring.value = markdown(thing.docstring.value)
    for name, member in list(thing.members.items()):
        if member.is_alias:
            continue
        if isinstance(member, griffe.Attribute) and member.docstring is None and "property" not in member.labels:
            said = _comment(member)
            if isinstance(thing, griffe.Class):
                _add_field(thing, name, said)
            elif said:
                member.docstring = griffe.Docstring(said, parent=member)
        elif isinstance(member, griffe.Object):
            _rewrite(member)


def _add_field(owner: griffe.Class, name: str, said: str) -> None:
    """A line for a field in its class's docstring, in place of an entry; where it has no comment it is only gone."""
    del owner.members[name]
    if not said or name.startswith("_"):
        return
    if owner.docstring is None:
        owner.docstring = griffe.Docstring("", parent=owner)
    title = "\n\n**Fields**\n"
    if title not in owner.docstring.value:
        owner.docstring.value += title
    owner.docstring.value += f"\n- `{name}`: {said}"


def _comment(attribute: griffe.Attribute) -> str:
    """The comment that ends a statement's last line, or the one with ``#:`` above it; or nothing."""
    if not isinstance(attribute.filepath, Path):
        return ""
    comments = _comments(attribute.filepath)
    above = comments.get((attribute.lineno or 0) - 1, "")
    beside = comments.get(attribute.endlineno or 0, "")
    return beside.lstrip("# ") or (above.removeprefix("#:").strip() if above.startswith("#:") else "")


@cache
def _comments(path: Path) -> dict[int, str]:
    """The comments of a file by their line."""
    with path.open("rb") as file:
        tokens = [token for token in tokenize.tokenize(file.readline) if token.type == tokenize.COMMENT]
    return {token.start[0]: token.string for token in tokens if "noqa" not in token.string}


def markdown(docstring: str) -> str:
    """A docstring with NumPy's sections as Markdown."""
    lines = docstring.splitlines()
    starts = [i for i in range(len(lines) - 1) if lines[i].strip() and UNDERLINE.fullmatch(lines[i + 1])]
    parts = ["\n".join(lines[: starts[0] if starts else None])]
    for start, end in pairwise([*starts, len(lines)]):
        title, inside = lines[start].strip(), lines[start + 2 : end]
        parts += [f"**{title}**", "\n".join(inside if title in IN_WORDS else _items(inside))]
    return _fence_examples("\n\n".join(part.strip("\n") for part in parts))


def _items(lines: list[str]) -> list[str]:
    """``name : what it is``, with indented lines that go on, as a list; a paragraph after an empty line stays one."""
    listed: list[str] = []
    in_words = False
    for before, line in pairwise(["", *lines]):
        if not line.strip():
            listed.append("")
        elif line.startswith(" ") and listed and listed[-1]:
            listed[-1] += f"{_joint(listed[-1], before, line.strip())} {line.strip()}"
        else:
            name, colon, said = line.strip().partition(" : ")
            first = not any(listed)
            in_words = not (colon or first) if not before.strip() else in_words
            listed.append(line.strip() if in_words else f"- {_name(name)}" + (f": {said}" if colon else ""))
    return listed


def _joint(item: str, before: str, line: str) -> str:
    """What stands between an item and its next line: that may go on with its sentence, or begin one."""
    if re.fullmatch(r"- `[^`]+`", item):  # a name of which nothing is said yet
        return ":"
    was_wrapped = len(before) + len(line.split()[0]) > WRAPPED
    begins = line[0].isupper() or line[0].isdigit()
    return "." if begins and not was_wrapped and item[-1] not in ".,;:" else ""


def _name(text: str) -> str:
    return f"`{text}`" if NAMES.fullmatch(text) else text


def _fence_examples(text: str) -> str:
    """Paragraphs that begin with ``>>>`` as code."""
    paragraphs = re.split(r"\n{2,}", text)
    return "\n\n".join(f"```pycon\n{each}\n```" if each.startswith(">>> ") else each for each in paragraphs)
