"""The UDP side of it: a socket, and datagrams in and out.

python-osc's own server leaves what it cannot read without an answer, so this is the standard library's.
"""

import socketserver
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lgr.errors import LgrError
from lgr.osc.folder import Folder
from lgr.osc.packet import osc
from lgr.osc.service import Service
from lgr.osc.worker import Client

HOST, PORT = "127.0.0.1", 9123


class Server(socketserver.UDPServer):
    """``serve_forever`` until ``shutdown`` from another thread; ``close`` at the end."""

    max_packet_size = 65536  # all of a datagram, so that one that is too large is known as such

    def __init__(self, folder: str | Path, *, host: str = HOST, port: int = PORT) -> None:
        osc()  # its absence is said before anything is opened
        served = Folder(folder)
        try:
            super().__init__((host, port), socketserver.BaseRequestHandler)
        except OSError as error:
            reason = error.strerror or str(error)
            raise LgrError(
                f"cannot listen at port {port} of {host}: {reason}; choose another --port or --host"
            ) from error
        self.service = Service(served, self._answer, port=self.port)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Take a datagram."""
        self.service.take(request[0], (str(client_address[0]), int(client_address[1])))

    def _answer(self, datagram: bytes, client: Client) -> None:
        self.socket.sendto(datagram, client)

    def close(self) -> None:
        """End what is at work, then the socket: what ends is still told."""
        self.service.close()
        self.server_close()


def serve(folder: str | Path, *, host: str = HOST, port: int = PORT, ready: Callable[[Server], None]) -> None:
    """Serve until Ctrl-C; ``ready`` is called once the socket is open."""
    server = Server(folder, host=host, port=port)
    try:
        ready(server)
        server.serve_forever(poll_interval=0.2)
    except KeyboardInterrupt:
        pass
    finally:
        server.close()
