"""Requests, each answered once, and the threads in which the longer ones are done."""

import threading
import time
from collections import deque
from collections.abc import Callable

from lgr.errors import LgrError
from lgr.osc.packet import Value

Client = tuple[str, int]  # host and port that a message came from
Send = Callable[[Client, str, tuple[Value, ...]], None]
MOST_WAITING = 32  # of a kind
PROGRESS_SECONDS = 0.2  # between two messages of progress
CLOSING_SECONDS = 10.0  # that a job is given to end when the server does


class Cancelled(LgrError):
    """Somebody does not want the result any more."""


class Request:
    """A message that is to be answered: by ``done`` or ``failed``, of which only the first counts."""

    def __init__(self, client: Client, address: str, send: Send) -> None:
        self.client, self.address, self._send = client, address, send
        self._answered, self._cancelled = threading.Lock(), threading.Event()
        self._told = 0.0

    def done(self, *values: Value) -> None:
        if self._answered.acquire(blocking=False):
            self._send(self.client, "/lgr/done", (self.address, *values))

    def failed(self, text: str) -> None:
        if self._answered.acquire(blocking=False):
            self._send(self.client, "/lgr/error", (self.address, text))

    def said(self, text: str) -> None:
        """Tell the asker what nobody asked for."""
        self._send(self.client, "/lgr/said", (text,))

    @property
    def answered(self) -> bool:
        return self._answered.locked()

    def cancel(self) -> None:
        self._cancelled.set()

    def check(self) -> None:
        """Raise ``Cancelled`` where it is: before a result is put in its place."""
        if self._cancelled.is_set():
            raise Cancelled("cancelled")

    def progress(self, what: str, done: int, of: int) -> None:
        """Of a job, as ``lgr.progress.Progress``; a few a second are sent."""
        self.check()
        now = time.monotonic()
        if now - self._told >= PROGRESS_SECONDS:
            self._told = now
            self._send(self.client, "/lgr/progress", (self.address, what, done, of))


class Worker:
    """A thread that does one request after the other. ``run(request, values)`` answers it and never raises."""

    def __init__(self, run: Callable[[Request, list[Value]], None], name: str) -> None:
        self._run = run
        self._waiting: deque[tuple[Request, list[Value]]] = deque()
        self._at: Request | None = None
        self._changed = threading.Condition()
        self._over = False
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def put(self, request: Request, values: list[Value]) -> None:
        """Have it done in its turn; ``LgrError`` where too much waits already."""
        with self._changed:
            if len(self._waiting) >= MOST_WAITING:
                raise LgrError(f"{MOST_WAITING} requests are waiting already: ask again later, or /lgr/cancel")
            self._waiting.append((request, values))
            self._changed.notify()

    def cancel(self, unwanted: Callable[[Request], bool]) -> int:
        """Stop such requests, those that wait at once, that at work where it next tells its progress; how many."""
        with self._changed:
            stopped = [each for each, _ in self._waiting if unwanted(each)]
            self._waiting = deque(each for each in self._waiting if not unwanted(each[0]))
            if self._at is not None and unwanted(self._at):
                self._at.cancel()
                stopped.append(self._at)
            at = self._at
        for each in stopped:
            if each is not at:
                each.failed("cancelled")
        return len(stopped)

    @property
    def at_work(self) -> str:
        """The address of what is done now, or ""."""
        at = self._at
        return "" if at is None or at.answered else at.address

    def __len__(self) -> int:
        """Requests that are not answered yet."""
        return len(self._waiting) + bool(self.at_work)

    def close(self) -> None:
        self.cancel(lambda _: True)
        with self._changed:
            self._over = True
            self._changed.notify()
        self._thread.join(CLOSING_SECONDS)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._over)
                if self._over:
                    return
                self._at, values = self._waiting.popleft()
            try:
                self._run(self._at, values)
            finally:
                self._at = None
