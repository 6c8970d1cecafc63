"""Datagrams and arguments of OSC: what is read is what was written, and what is neither is refused."""

import struct
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("pythonosc", reason="python-osc is not installed: pip install 'lgr[live]'")

from made_up_osc import bundle

from lgr.errors import ArgumentError
from lgr.osc import packet
from lgr.osc.addresses import ADDRESSES
from lgr.osc.arguments import Argument, Command
from lgr.osc.packet import DEEPEST, MOST_BYTES, MOST_MESSAGES, MOST_TEXT, Message, encoded, messages

VALUES = st.one_of(
    st.integers(-(2**62), 2**62),
    st.integers(-999_999, 999_999).map(lambda n: n / 1000),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=50),
)


@given(st.lists(VALUES, max_size=8))
def test_what_is_written_is_read(values: list[Any]) -> None:
    assert messages(encoded("/lgr/state", tuple(values))) == [Message("/lgr/state", tuple(values))]


@given(st.lists(VALUES, max_size=4), st.integers(1, 40))
def test_a_message_that_is_cut_off_is_never_another_message(values: list[Any], cut: int) -> None:
    whole = encoded("/lgr/set", (*values, "end"))
    part = whole[: max(0, len(whole) - cut)]
    with suppress(ArgumentError):
        assert messages(part) == [Message("/lgr/set", ())]  # where nothing but the address is left


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(datagram: bytes) -> None:
    for start in (b"", b"/a\0\0,", b"#bundle\0" + b"\0" * 8):
        with suppress(ArgumentError):
            messages(start + datagram)


def test_short_numbers_are_what_was_meant_and_flags_are_numbers() -> None:
    assert messages(b"/a\0\0,fTF\0\0\0\0" + struct.pack(">f", 0.05)) == [Message("/a", (0.05, 1, 0))]
    assert messages(b"/a\0\0") == [Message("/a", ())]  # without types, as old programs send it


def test_bundles_are_flat_and_in_order() -> None:
    one, two = encoded("/1", ()), encoded("/2", (2,))
    late = bundle(two, time_tag=b"\xff" * 8)
    assert [each.address for each in messages(bundle(late, one, bundle(one, two)))] == ["/2", "/1", "/1", "/2"]
    assert messages(bundle()) == []


def nested(depth: int) -> bytes:
    datagram = encoded("/a", ())
    for _ in range(depth):
        datagram = bundle(datagram)
    return datagram


@pytest.mark.parametrize(
    ("datagram", "says"),
    [
        (b"/" * (MOST_BYTES + 1), f"at most {MOST_BYTES} bytes"),
        (b"", "damaged"),
        (b"hello\0\0\0", "must have an address"),
        (b"/a\0\0hello\0\0\0", "then the types"),
        (b"/a\0\0,b\0\0\0\0\0\1a\0\0\0", "numbers or text"),
        (b"/a\0\0,[i]\0\0\0\0\0\0\0\1", "numbers or text"),
        (b"/a\0\0,x\0\0", "numbers or text"),
        (b"/a\0\0,f\0\0", "as long as its types say"),
        (b"/a\0\0,i\0\0\0\0\0\1\0\0\0\0", "as long as its types say"),
        (b"/\xff\0\0,\0\0\0", "damaged"),
        (encoded("/a", ("x" * 900,)).replace(b"x" * 900, b"x" * (MOST_TEXT + 4)), f"at most {MOST_TEXT} characters"),
        (bundle(encoded("/a", ()))[:-1], "a part of a bundle"),
        (b"#bundle\0" + b"\0" * 8 + struct.pack(">i", -4), "a part of a bundle"),
        (b"#bundle\0" + b"\0" * 8 + struct.pack(">i", 0), "a part of a bundle"),
        (b"#bundle\0\0", "a bundle must begin"),
        (bundle(encoded("/a", ()), b"junk"), "damaged"),
        (bundle(*[encoded("/a", ())] * (MOST_MESSAGES + 1)), f"at most {MOST_MESSAGES} messages"),
        (nested(DEEPEST + 1), f"at most {DEEPEST} deep"),
        (nested(300), f"at most {DEEPEST} deep"),
    ],
)
def test_what_is_not_osc_is_refused(datagram: bytes, says: str) -> None:
    with pytest.raises(ArgumentError, match=says):
        messages(datagram)


def test_limits_are_inclusive() -> None:
    assert len(messages(nested(DEEPEST))) == 1
    assert len(messages(bundle(*[encoded("/a", ())] * MOST_MESSAGES))) == MOST_MESSAGES


def test_answers_can_always_be_sent() -> None:
    (answer,) = messages(encoded("/lgr/error", ("/a", "x" * 100_000 + "\0", "\udcff")))
    assert len(str(answer.values[1])) == packet.MOST_SAID
    assert answer.values[2] == "?"


def test_arguments_are_checked_in_one_place() -> None:
    takes = (Argument("x", "f", 0, 1), Argument("n", "i", 0), Argument("name", "s", needed=False))
    command = Command(takes, "", lambda: [], "")
    assert command.signature == "x:f n:i [name:s]"
    assert command.checked([1, 3.0, "a"]) == [1, 3, "a"]
    assert isinstance(command.checked([0.5, 3.0])[1], int)
    for wrong, says in (
        ([1], "as many as it takes"),
        ([1, 1, "a", "b"], "as many as it takes"),
        (["a", 1], "x must be a number, got 'a'"),
        ([2, 1], "x must be from 0 to 1, got 2"),
        ([float("nan"), 1], "x must be finite"),
        ([0, float("inf")], "n must be a whole number"),
        ([0, 1.5], "n must be a whole number, got 1.5"),
        ([0, -1], "n must be 0 or more, got -1"),
        ([0, 1, 2], "name must be a text, got 2"),
    ):
        with pytest.raises(ArgumentError, match=says):
            command.checked(wrong)
    many = Command((Argument("name", "s", many=True),), "", lambda: [], "")
    assert many.signature == "name:s..."
    assert many.checked(["a", "b", "c"]) == ["a", "b", "c"]
    with pytest.raises(ArgumentError, match="as many as it takes"):
        many.checked([])


def test_the_table_is_whole() -> None:
    for address, command in ADDRESSES.items():
        assert address.startswith("/lgr/")
        assert command.help.endswith(".")
        optional = [not argument.needed for argument in command.takes]
        assert optional == sorted(optional)
