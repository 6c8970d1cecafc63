"""Run the loop between a source and a sink, until the source ends or somebody stops it."""

import gc
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from lgr.live.config import LiveConfig
from lgr.live.loop import LiveLoop, LoopState, Told
from lgr.live.material import Material
from lgr.live.ports import Sink, Source
from lgr.live.setup import with_take

TAKE_SECONDS = 10.0  # that are remembered, so that they may become a source
CATCH = 5  # steps in a row that may fail before what is wrong is said again


@dataclass(frozen=True)
class Seen:
    """How a running loop is."""

    seconds: float = 0.0  # played
    told: Told | None = None  # the last choice
    level_db: float = -120.0  # of what went out
    share: float = 0.0  # of the budget that steps took of late
    late: int = 0  # steps that took longer than their budget
    faults: int = 0  # steps that failed, in whose place silence was played
    fault: str = ""  # the last of them


class Player:
    """A loop with its dials. ``config`` and ``material`` may be set from any thread while ``run`` is at work.

    A step that fails is said, silence is played in its place, and the loop goes on from the last good state.
    """

    def __init__(
        self,
        loop: LiveLoop,
        material: Material,
        config: LiveConfig | None = None,
        *,
        said: Callable[[str], None] = print,
    ) -> None:
        self.loop, self.said = loop, said
        self._material, self.config = material, LiveConfig() if config is None else config
        self.stopped = threading.Event()
        self.seen = Seen()
        info = loop.codec.info
        self._heard: deque[torch.Tensor] = deque(maxlen=int(TAKE_SECONDS * info.frame_rate / loop.hop_frames))
        self._takes = 0

    @property
    def material(self) -> Material:
        return self._material

    @material.setter
    def material(self, material: Material) -> None:
        self.loop.check(material)
        self._material = material

    def take(self, seconds: float = TAKE_SECONDS) -> str:
        """What was heard just now, at most ``TAKE_SECONDS`` of it, becomes a source; its name.

        For any thread but that of ``run``, which plays on with what it has until the source is there: some tenths of a
        second, whatever is played with (``benchmarks/live_takes.py``).

        Raises
        ------
        ArgumentError, CodebookError : it was silence, or too short
        """
        heard = list(self._heard)
        samples = int(seconds * self.loop.codec.info.sample_rate)
        audio = torch.cat(heard)[-samples:] if heard else torch.zeros(0)
        self._takes += 1
        name = f"take {self._takes}"
        self.material = with_take(self._material, self.loop.codec, audio, name=name)
        return name

    def stop(self) -> None:
        self.stopped.set()

    def run(
        self, source: Source, sink: Sink, *, steady: bool = False, watch: Callable[[Seen], None] | None = None
    ) -> None:
        """Play until the source ends or ``stop``.

        Parameters
        ----------
        steady : give as much as is taken at every step, as devices want: silence first, of the loop's delay. Otherwise
            what comes out begins with the source's first sample, and is as long as it.
        watch : called after every step
        """
        gc.freeze()  # what is there by now stays: looking through it for garbage takes longer than a step may
        info = self.loop.codec.info
        size = self.loop.hop_frames * info.hop_length
        budget = size / info.sample_rate
        state: LoopState | None = None
        ready = torch.zeros(self.loop.channels, 0)
        while not self.stopped.is_set():
            chunk = source.read(size)
            if chunk is None:
                break
            self._heard.append(chunk)
            begun = time.perf_counter()
            state, out, told, fault = self._step(state, chunk)
            share = (time.perf_counter() - begun) / budget
            if steady:
                ready = torch.cat([ready, out], 1)
                missing = max(0, len(chunk) - ready.shape[1])
                out = torch.cat([torch.zeros(self.loop.channels, missing), ready], 1)[:, : len(chunk)]
                ready = ready[:, len(chunk) - missing :]
            sink.write(out)
            self._saw(out, len(chunk) / info.sample_rate, told, share, fault)
            if watch is not None:
                watch(self.seen)
        if not steady and state is not None:
            _, out, _ = self.loop.step(state, torch.zeros(0), self._material, self.config, flush=True)
            sink.write(out)

    def _step(
        self, state: LoopState | None, chunk: torch.Tensor
    ) -> tuple[LoopState | None, torch.Tensor, tuple[Told, ...], str]:
        try:
            return *self.loop.step(state, chunk, self._material, self.config), ""
        except Exception as error:  # whatever it is, music must not stop for it
            if self.seen.faults % CATCH == 0:
                self.said(f"a step failed and is silent: {error}")
            return state, torch.zeros(self.loop.channels, len(chunk)), (), str(error) or type(error).__name__

    def _saw(self, out: torch.Tensor, seconds: float, told: tuple[Told, ...], share: float, fault: str) -> None:
        power = float(out.square().mean()) if out.numel() else 0.0
        self.seen = replace(
            self.seen,
            seconds=self.seen.seconds + seconds,
            told=told[-1] if told else self.seen.told,
            level_db=10 * torch.log10(torch.tensor(power + 1e-12)).item(),
            share=0.9 * self.seen.share + 0.1 * share if self.seen.seconds else share,
            late=self.seen.late + (share > 1),
            faults=self.seen.faults + bool(fault),
            fault=fault or self.seen.fault,
        )
