"""Addresses that ask and arrange: answered at once, whatever is at work."""

from lgr.errors import ArgumentError
from lgr.osc.desk import Desk
from lgr.osc.packet import Value
from lgr.osc.worker import Request


def help_(desk: Desk, request: Request, address: str | None = None) -> list[Value]:
    if address is None:
        return list(desk.table)
    if address not in desk.table:
        raise ArgumentError(f"no such address, got {address[:100]!r}: /lgr/help lists them")
    command = desk.table[address]
    return [address, command.signature, command.help]


def state(desk: Desk, request: Request) -> list[Value]:
    session = desk.session
    book = session.codebook
    return [
        *("codec", session.codec_name),
        *("grains", 0 if book is None else len(book)),
        *("recordings", 0 if book is None else len(book.recordings_)),
        *("model", session.model_name),
        *("live", int(session.live.running)),
        *("at_work", desk.long.at_work or desk.soon.at_work or "none"),
        *("waiting", len(desk.long) + len(desk.soon)),
    ]


def set_(desk: Desk, request: Request, name: str, *values: Value) -> list[Value]:
    settings = desk.session.settings
    settings.set(name, values)
    return [name, settings.shown(name)]


def settings(desk: Desk, request: Request) -> list[Value]:
    return desk.session.settings.pairs()


def reply(desk: Desk, request: Request, port: int) -> list[Value]:
    desk.reply_to(request.client, port)
    return [port]


def cancel(desk: Desk, request: Request, whose: str = "mine") -> list[Value]:
    if whose not in ("mine", "all"):
        raise ArgumentError(f"whose must be mine or all, got {whose[:100]!r}")
    return [desk.cancel(lambda each: whose == "all" or each.client == request.client)]
