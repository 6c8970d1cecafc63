"""What becomes of a datagram: its messages are looked up, checked and done, and each is answered, whatever it is."""

import logging
from collections.abc import Callable
from typing import Any

from lgr.errors import ArgumentError, LgrError
from lgr.osc.addresses import ADDRESSES
from lgr.osc.arguments import Command
from lgr.osc.desk import Desk
from lgr.osc.folder import Folder
from lgr.osc.packet import Message, Value, encoded, messages
from lgr.osc.session import Session
from lgr.osc.worker import Client, Request

logger = logging.getLogger(__name__)

ANSWERS = ("/lgr/done", "/lgr/error", "/lgr/progress", "/lgr/said")


class Service:
    """A desk and its clients; ``send(datagram, client)`` is what answers go out by, ``port`` where it listens.

    Addresses are looked up as they stand: OSC's patterns are refused, since python-osc makes regular expressions of
    them, and a client could choose one that takes for ever.
    """

    def __init__(self, folder: Folder, send: Callable[[bytes, Client], None], *, port: int = 0) -> None:
        self._send_datagram = send
        self.session = Session(folder)
        self.desk = Desk(self.session, ADDRESSES, self._do, port=port)

    def take(self, datagram: bytes, client: Client) -> None:
        """Do what a datagram asks for, or have it done, and answer it; never raises."""
        try:
            found = messages(datagram)
        except Exception as error:  # whatever is sent, the next one must be heard
            self._request(client, "-").failed(self._told(error))
            return
        for message in found:
            if message.address not in ANSWERS:  # two servers must not answer each other for ever
                self._begin(self._request(client, message.address[:100]), message)

    def _begin(self, request: Request, message: Message) -> None:
        try:
            command = _command(message.address)
            values = command.checked(message.values)
            if command.lane == "now":
                self._do(request, values)
            else:
                (self.desk.long if command.lane == "long" else self.desk.soon).put(request, values)
        except Exception as error:
            request.failed(self._told(error))

    def _do(self, request: Request, values: list[Any]) -> None:
        """Do a request and answer it."""
        try:
            request.check()
            request.done(*ADDRESSES[request.address].does(self.desk, request, *values))
        except Exception as error:
            request.failed(self._told(error))

    def _told(self, error: Exception) -> str:
        """What a client is told of an error: no path, no traceback."""
        if isinstance(error, LgrError):
            return self.session.folder.hidden(str(error), ADDRESSES)
        logger.error("unexpected", exc_info=error)
        return self.session.folder.hidden(f"unexpected {type(error).__name__}: {error} (please report it)", ADDRESSES)

    def _request(self, client: Client, address: str) -> Request:
        return Request(client, address, self._send)

    def _send(self, client: Client, address: str, values: tuple[Value, ...]) -> None:
        try:
            self._send_datagram(encoded(address, values), self.desk.place_of(client))
        except Exception as error:  # nobody there, or an answer too long to be sent
            logger.info("no answer to %s: %s", client, error)

    def close(self) -> None:
        """Stop the loop, whose file is then whole, and what is at work."""
        try:
            self.session.live.stop()
        except LgrError as error:
            logger.warning("%s", error)
        self.desk.close()


def _command(address: str) -> Command:
    if address in ADDRESSES:
        return ADDRESSES[address]
    if set(address) & set("*?[]{}"):
        raise ArgumentError("an address must be written out: patterns are not taken")
    raise ArgumentError("no such address: /lgr/help lists them")
