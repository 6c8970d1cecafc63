"""What requests are done with: the session that all share, the two workers, where answers go."""

from collections.abc import Callable, Mapping
from typing import Any

from lgr.errors import ArgumentError
from lgr.osc.arguments import Command
from lgr.osc.session import Session
from lgr.osc.worker import Client, Request, Worker

MOST_CLIENTS = 256  # whose reply ports are remembered


class Desk:
    """``run(request, values)`` does a request and answers it; ``port`` is the server's own."""

    def __init__(
        self,
        session: Session,
        table: Mapping[str, Command],
        run: Callable[[Request, list[Any]], None],
        *,
        port: int,
    ) -> None:
        self.session, self.table, self._port = session, table, port
        self._reply_ports: dict[Client, int] = {}
        self.long = Worker(run, "lgr-osc-long")
        self.soon = Worker(run, "lgr-osc-soon")

    def place_of(self, client: Client) -> Client:
        """Where a client wants its answers."""
        return client[0], self._reply_ports.get(client, client[1])

    def reply_to(self, client: Client, port: int) -> None:
        """Answer a client at another port of its machine; 0: no longer."""
        if port and port == self._port:
            raise ArgumentError(f"port must be one of the asker's, got this server's own {port}")
        self._reply_ports.pop(client, None)
        if port:
            self._reply_ports[client] = port
            if len(self._reply_ports) > MOST_CLIENTS:
                del self._reply_ports[next(iter(self._reply_ports))]

    def cancel(self, unwanted: Callable[[Request], bool]) -> int:
        """Stop such requests; how many there were."""
        return self.long.cancel(unwanted) + self.soon.cancel(unwanted)

    def close(self) -> None:
        """Stop what waits and what is at work."""
        self.long.close()
        self.soon.close()
