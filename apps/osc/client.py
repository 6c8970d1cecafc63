"""A client of `lgr osc` in Python: a small session, whose answers it prints.

    lgr osc --folder sounds/                      # in one terminal, with glass.flac, rain.flac, drum_loop.flac in it
    python apps/osc/client.py                     # in another

``Client.ask`` is what to copy: it sends a message and waits for its one answer.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from typing import Any

from pythonosc.osc_message import OscMessage
from pythonosc.udp_client import SimpleUDPClient

Value = int | float | str


class Refused(Exception):
    """What the server said instead of doing it."""


class Client:
    """Sends from one socket and hears answers at it, which is where the server sends them."""

    def __init__(self, host: str = "127.0.0.1", port: int = 9123) -> None:
        self.udp = SimpleUDPClient(host, port)

    def ask(self, address: str, *values: Value, seconds: float = 120.0) -> list[Any]:
        """What ``/lgr/done`` answers; ``Refused`` where it is ``/lgr/error``, ``TimeoutError`` where it is nothing."""
        self.udp.send_message(address, list(values))
        for heard in self._heard(seconds):
            if heard.address in ("/lgr/done", "/lgr/error") and heard.params[0] == address:
                if heard.address == "/lgr/error":
                    raise Refused(heard.params[1])
                return list(heard.params[1:])
            print("   ", heard.address, *heard.params)
        raise TimeoutError(f"no answer to {address} in {seconds:g} s: is lgr osc running?")

    def _heard(self, seconds: float) -> Iterator[OscMessage]:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            datagram = self.udp.receive(left)
            if datagram:
                yield OscMessage(datagram)

    def close(self) -> None:
        self.udp.close()


def session(client: Client, *, codec: str, sources: list[str], target: str, live_seconds: float) -> None:
    """Load, resynthesise, place points, draw, play live; every step is printed with its answer."""

    def step(address: str, *values: Value) -> list[Any]:
        print(">", address, *values)
        answer = client.ask(address, *values)
        print("   ", *answer)
        return answer

    step("/lgr/help")
    step("/lgr/codec", codec)
    step("/lgr/sources", *sources)
    step("/lgr/set", "temperature", 0.1)
    step("/lgr/set", "wet", "0:0,1:1")
    step("/lgr/resynth", target, "out/resynth.wav")
    for x in (0.2, 0.5, 0.8):
        step("/lgr/point", x, 0.5, f"out/point-{x:.0%}.wav".replace("%", ""))
    step("/lgr/model")
    step("/lgr/sample", "snare", 3, "out/snare.wav")
    step("/lgr/sample_path", "snare", 3, "out/path.wav")
    step("/lgr/live/start", target, "out/live.wav", 1)
    time.sleep(live_seconds / 3)
    step("/lgr/live/set", "temperature", 0.5)
    step("/lgr/point", 0.3, 0.6)
    step("/lgr/play", "out/snare.wav")
    step("/lgr/live/take", 2.0)
    time.sleep(live_seconds / 3)
    step("/lgr/live/freeze", 1)
    time.sleep(live_seconds / 3)
    step("/lgr/live/state")
    step("/lgr/live/stop")
    try:
        step("/lgr/resynth", "../outside.wav", "out/no.wav")
    except Refused as refused:
        print("    refused, as it should be:", refused)
    step("/lgr/state")


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9123)
    parser.add_argument("--codec", default="bundled")
    parser.add_argument("--sources", nargs="+", default=["glass.flac", "rain.flac"])
    parser.add_argument("--target", default="drum_loop.flac")
    parser.add_argument("--live-seconds", type=float, default=6.0)
    chosen = parser.parse_args()
    client = Client(chosen.host, chosen.port)
    try:
        session(
            client,
            codec=chosen.codec,
            sources=chosen.sources,
            target=chosen.target,
            live_seconds=chosen.live_seconds,
        )
    except (Refused, TimeoutError) as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        client.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
