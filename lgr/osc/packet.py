"""From a datagram to the messages in it, and from an answer to a datagram.

python-osc reads and writes them. It trusts what it reads, so this looks first: a size below 0 in a bundle would keep it
busy for ever, bundles in bundles would go as deep as the stack, an argument that is cut off would count as 0, and a
type that it does not know would be left out. What lgr has no use for (blobs, arrays, colours) is refused here, too.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from lgr.errors import ArgumentError, MissingPackageError

PYTHON_OSC = "OSC needs python-osc: pip install 'lgr[live]'"
MOST_BYTES = 8192  # of a datagram
MOST_TEXT = 4096  # characters of a text
DEEPEST = 8  # bundles in bundles
MOST_MESSAGES = 64  # in a bundle, and in those in it
TAGS = frozenset("ifhdsTF")  # whole and other numbers of 4 and 8 bytes, text, true, false
BUNDLE_HEAD = 16  # bytes: its name and its time tag
MOST_SAID = 1000  # characters of a text in an answer: no client has to take more

Value = int | float | str


class Message(NamedTuple):
    """A request: true and false are 1 and 0."""

    address: str
    values: tuple[Value, ...]


def messages(datagram: bytes) -> list[Message]:
    """The messages of a datagram in their order, those in bundles too, whatever their time tags.

    Raises
    ------
    ArgumentError : it is too large, or not OSC; then none of its messages counts
    """
    if len(datagram) > MOST_BYTES:
        raise ArgumentError(f"a datagram must have at most {MOST_BYTES} bytes, got {len(datagram)}")
    pythonosc, found = osc(), list[Message]()
    for part in _parts(pythonosc, datagram, 0):
        if len(found) == MOST_MESSAGES:
            raise ArgumentError(f"a bundle must have at most {MOST_MESSAGES} messages, got more")
        found.append(_message(pythonosc, part))
    return found


def encoded(address: str, values: tuple[Value, ...]) -> bytes:
    """The datagram of an answer."""
    builder = osc().osc_message_builder.OscMessageBuilder(address)
    for value in values:
        # names of files may hold bytes that are no text
        builder.add_arg(
            value[:MOST_SAID].encode("utf-8", "replace").decode().replace("\0", "?")
            if isinstance(value, str)
            else value
        )
    datagram: bytes = builder.build().dgram
    return datagram


def osc() -> Any:
    """The package python-osc, its modules as attributes; ``MissingPackageError`` where it is not installed."""
    try:
        import pythonosc
        from pythonosc import osc_bundle, osc_message, osc_message_builder  # noqa: F401 (attributes of pythonosc)
        from pythonosc.parsing import osc_types  # noqa: F401
    except ImportError as error:
        raise MissingPackageError(PYTHON_OSC) from error
    return pythonosc


def _parts(pythonosc: Any, datagram: bytes, depth: int) -> Iterator[bytes]:
    """The messages, as bytes, of a message or a bundle."""
    if not pythonosc.osc_bundle.OscBundle.dgram_is_bundle(datagram):
        yield datagram
        return
    if depth == DEEPEST:
        raise ArgumentError(f"bundles must lie at most {DEEPEST} deep in each other, got more")
    if len(datagram) < BUNDLE_HEAD:
        raise ArgumentError(f"a bundle must begin with {BUNDLE_HEAD} bytes of name and time, got {len(datagram)}")
    at = BUNDLE_HEAD
    while at < len(datagram):
        size = int.from_bytes(datagram[at : at + 4], "big", signed=True)
        at += 4
        if not 0 < size <= len(datagram) - at:
            raise ArgumentError(f"a part of a bundle must have 1 to {max(0, len(datagram) - at)} bytes, got {size}")
        yield from _parts(pythonosc, datagram[at : at + size], depth + 1)
        at += size


def _message(pythonosc: Any, part: bytes) -> Message:
    types, message = pythonosc.parsing.osc_types, pythonosc.osc_message
    try:
        address, at = types.get_string(part, 0)
        tags = types.get_string(part, at)[0] if at < len(part) else ","
        if not address.startswith("/") or not tags.startswith(","):
            raise ArgumentError("a message must have an address such as /lgr/state, then the types of its arguments")
        if unknown := sorted(set(tags[1:]) - TAGS):
            raise ArgumentError(
                f"arguments must be numbers or text (types {''.join(sorted(TAGS))}), got {unknown[0]!r}"
            )
        values = message.OscMessage(part).params
    except (types.ParseError, message.ParseError, UnicodeDecodeError) as error:
        raise ArgumentError(
            "a datagram must be an OSC message or bundle, got one that is damaged or cut off"
        ) from error
    if _length(types, [address, tags] if at < len(part) else [address], tags, values) != len(part):
        raise ArgumentError("a message must be as long as its types say, got one that is cut off or goes on")
    longest = max(len(each) for each in (address, *values) if isinstance(each, str))
    if longest > MOST_TEXT:
        raise ArgumentError(f"a text must have at most {MOST_TEXT} characters, got {longest}")
    return Message(address, tuple(map(_plain, tags[1:], values)))


def _length(types: Any, head: list[str], tags: str, values: list[Any]) -> int:
    """Bytes of a message with these texts at its head, and these values."""
    sizes = {"i": 4, "f": 4, "h": 8, "d": 8}
    texts = [*head, *(each for each in values if isinstance(each, str))]
    return sum(sizes.get(tag, 0) for tag in tags) + sum(len(types.write_string(text)) for text in texts)


def _plain(tag: str, value: Any) -> Value:
    """0.05 as 32 bits is 0.0500000007: what was meant has seven digits."""
    if tag == "f":
        return float(f"{value:.7g}")
    plain: Value = int(value) if tag in "TF" else value
    return plain
