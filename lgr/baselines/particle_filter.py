"""A particle filter that plays a target with sums of corpus windows, as it comes in (The Concatenator, ISMIR 2024).

``lgr.baselines.particles`` says which windows sound at each hop, and where that is from; here they are added up as
samples, under a Hann window, in a stream or for a whole target.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from lgr.baselines.base import Task
from lgr.baselines.corpus_windows import CorpusWindows, hann, magnitudes
from lgr.baselines.particles import ParticleConfig, Particles, filter_hop
from lgr.errors import check_shape

DEFAULT = ParticleConfig()


@dataclass(frozen=True, kw_only=True, eq=False)
class StreamState:
    """A stream between two chunks: the filter, the target's last samples, and what still sounds of the last window."""

    particles: Particles
    audio: Tensor  # (samples,) of the target, less than a window
    tail: Tensor  # (channels, hop), or no samples before the first window


def start(corpus: CorpusWindows, config: ParticleConfig, generator: torch.Generator) -> StreamState:
    """A stream before its first sample."""
    channels = corpus.audio.shape[0]
    return StreamState(
        particles=Particles.scatter(corpus, config, generator),
        audio=corpus.audio.new_zeros(corpus.hop),  # the first window begins a hop before the target does
        tail=corpus.audio.new_zeros(channels, 0),
    )


def step(
    state: StreamState, chunk: Tensor, corpus: CorpusWindows, config: ParticleConfig, generator: torch.Generator
) -> tuple[StreamState, Tensor]:
    """Take the target's next samples and give what is finished of the mosaic.

    Parameters
    ----------
    state : of ``start`` or the step before; never changed
    chunk : Tensor (samples,), any number of them
    generator : the one ``start`` had

    Returns
    -------
    (StreamState, audio (channels, samples)) : whole hops, in time with the target, at most two hops (46 ms) late; two
        hops of silence flush the rest. How the target is cut into chunks changes nothing.
    """
    hop = corpus.hop
    particles, tail = state.particles, state.tail
    audio = torch.cat([state.audio, chunk])
    done = [tail[:, :0]]
    while audio.shape[0] >= 2 * hop:
        spectrum = magnitudes(audio[: 2 * hop], corpus.sample_rate, config.max_hz)
        particles, (windows, activations) = filter_hop(particles, spectrum, corpus, config, generator)
        mixed = corpus.mix(windows, activations)
        mixed = mixed * hann(mixed)
        if tail.shape[1]:  # the first window's first half lies before the target
            done.append(tail + mixed[:, :hop])
        tail, audio = mixed[:, hop:], audio[hop:]
    return StreamState(particles=particles, audio=audio, tail=tail), torch.cat(done, 1)


def filtered(
    target: Tensor, corpus: CorpusWindows, config: ParticleConfig, generator: torch.Generator
) -> Iterator[Tensor]:
    """The mosaic of a whole target ``(samples,)``, hop by hop ``(channels, hop)``, a little longer than the target."""
    check_shape("target", target.shape, "(samples,), at least 1", target.ndim == 1 and target.numel() > 0)
    state = start(corpus, config, generator)
    for chunk in torch.split(torch.nn.functional.pad(target, (0, 2 * corpus.hop)), corpus.hop):
        state, audio = step(state, chunk, corpus, config, generator)
        yield audio


def particle_filter(
    task: Task,
    *,
    particles: int = DEFAULT.particles,
    activations: int = DEFAULT.activations,
    advance: float = DEFAULT.advance,
    inverse_temperature: float = DEFAULT.inverse_temperature,
    iterations: int = DEFAULT.iterations,
    repeat_hops: int = DEFAULT.repeat_hops,
) -> tuple[Tensor, None]:
    """The baseline: ``(audio (channels, samples), no score)``, for many windows sound at once.

    Its windows are the paper's, whatever ``grain_frames`` is. Options as in ``ParticleConfig``.
    """
    config = ParticleConfig(
        particles=particles,
        activations=activations,
        advance=advance,
        inverse_temperature=inverse_temperature,
        iterations=iterations,
        repeat_hops=repeat_hops,
    )
    corpus = CorpusWindows.cut(task.source_audio, task.sample_rate, max_hz=config.max_hz)
    hops = []
    total = -(-task.target_audio.shape[1] // corpus.hop) + 2
    for i, audio in enumerate(filtered(task.target_mono, corpus, config, task.generator())):
        hops.append(audio)
        task.report("filtering", i + 1, total)
    audio = torch.cat(hops, 1).expand(task.channels, -1)
    return task.finish(audio), None
