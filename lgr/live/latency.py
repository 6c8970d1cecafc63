"""How late and how dear a running loop is: its delay by construction, measured; its time a step against the budget."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from lgr.live.config import LiveConfig
from lgr.live.loop import LiveLoop
from lgr.live.material import Material
from lgr.progress import Progress, silent

PROBE_SECONDS = 0.5  # enough for the delay to show


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Times in milliseconds. A step takes ``hop_frames`` frames of input, whose length is its budget."""

    codec: str
    grains: int
    delay_ms: float  # from a sound that comes in until it may come out, at least
    hop_ms: float  # of which: until a hop is whole
    look_ahead_ms: float  # of which: until the codec has seen what it looks ahead for
    budget_ms: float
    median_ms: float
    p99_ms: float
    worst_ms: float
    late: int  # steps that took longer than their budget
    steps: int
    real_time: float  # time taken over time played
    memory_mib: float  # of the process, at the end
    growth_mib: float  # by how much it grew since the first second


def delay_samples(loop: LiveLoop, material: Material) -> int:
    """How many samples must have come in, from a sample on, before it comes out, at worst; in whole blocks.

    Found by asking: noise goes in, a block at a time.
    """
    rate = loop.codec.info.sample_rate
    audio = 0.1 * torch.randn(int(PROBE_SECONDS * rate), generator=torch.Generator().manual_seed(0))
    state, sent, got, worst = None, 0, 0, 0
    for block in torch.split(audio, loop.block):
        state, out, _ = loop.step(state, block, material, LiveConfig())
        sent += len(block)
        worst = max(worst, sent - got)
        got += out.shape[1]
    return worst


def measure(
    loop: LiveLoop,
    material: Material,
    audio: Tensor,
    config: LiveConfig | None = None,
    *,
    seconds: float = 60.0,
    progress: Progress = silent,
    clock: Callable[[], float] = time.perf_counter,
) -> Latency:
    """Play ``audio`` (samples,), over and over, for so many seconds of it, as fast as it goes.

    The first second, in which everything is used for the first time, is not counted.
    """
    info, config = loop.codec.info, LiveConfig() if config is None else config
    size = loop.hop_frames * info.hop_length
    budget = size / info.sample_rate
    delay = delay_samples(loop, material)
    times: list[float] = []
    state, at, first = None, 0, 0.0
    warm, total = max(1, round(1 / budget)), max(2, round(seconds / budget))
    for step in range(warm + total):
        if at + size > len(audio):
            at = 0
        chunk = audio[at : at + size]
        begun = clock()
        state, _, _ = loop.step(state, chunk, material, config)
        taken = clock() - begun
        at += size
        if step == warm:
            first = memory_mib()
        if step >= warm:
            times.append(taken)
        if step % warm == 0:
            progress("playing", step // warm, (warm + total) // warm)
    ordered = sorted(times)
    return Latency(
        codec=info.name,
        grains=len(material.codebook),
        delay_ms=1000 * delay / info.sample_rate,
        hop_ms=1000 * budget,
        look_ahead_ms=1000 * loop.look_ahead / info.sample_rate,
        budget_ms=1000 * budget,
        median_ms=1000 * ordered[len(ordered) // 2],
        p99_ms=1000 * ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))],
        worst_ms=1000 * ordered[-1],
        late=sum(t > budget for t in times),
        steps=len(times),
        real_time=sum(times) / (len(times) * budget),
        memory_mib=memory_mib(),
        growth_mib=memory_mib() - first,
    )


def memory_mib() -> float:
    """Memory that the process holds now; NaN where the system does not say."""
    pages = Path("/proc/self/statm")
    if not pages.is_file():
        return float("nan")
    return int(pages.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
