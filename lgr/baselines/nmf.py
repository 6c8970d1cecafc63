"""NMF mosaicing: the target's spectrogram as sums of the source's spectra.

J. Driedger, T. Prätzlich, M. Müller: "Let it Bee - Towards NMF-inspired Audio Mosaicing", ISMIR 2015. Numbers in
brackets are the paper's equations.

Conventions: target ``V (bins, M)`` and templates ``W (bins, K)`` are magnitude spectra, a column a frame; activations
``H (K, M) >= 0`` with ``V ≈ W H``. The templates stay; of H only what the source can play is kept. In each iteration l
activations that repeat soon (3), that are too many at once (5) or that stand alone (6) fade by ``1 - (l + 1) / L``, and
one step of KL-NMF follows (7). What is heard is the source's complex spectrogram times H.
"""

import torch
from torch import Tensor

from lgr.baselines.base import Task
from lgr.errors import ArgumentError
from lgr.progress import Progress

MAX_ACTIVATIONS = 2**26  # K M: 256 MiB a matrix, of which an iteration holds about five
TINY = 1e-12  # keeps a quotient of magnitudes finite; far under a spectrum's rounding error


def nmf(
    task: Task,
    *,
    iterations: int = 20,
    repetition: int = 3,
    polyphony: int = 10,
    continuity: int = 3,
    window: int = 2048,
) -> tuple[Tensor, None]:
    """Mosaic by NMF with the paper's settings; the seed draws the first activations.

    Parameters
    ----------
    iterations : int >= 1, the paper's L
    repetition : int >= 0, the paper's r: a template rests that many frames before and after it sounds
    polyphony : int >= 1, the paper's p: templates that sound at once
    continuity : int >= 0, the paper's c: templates that play on that many frames before and after are preferred
    window : int, even, samples of a frame at the codec's rate (the paper's 2048 last 93 ms at 22.05 kHz, 85 ms at
        24 kHz); frames lie half a window apart

    Raises
    ------
    ArgumentError : an option is out of its range, or target and sources are too long together to be held in memory
    """
    if window < 2 or window % 2:
        raise ArgumentError(f"window must be an even number of samples >= 2, got {window}")
    target = _spectrogram(task.target_mono[None], window)[0].abs()
    frames = [1 + audio.shape[1] // (window // 2) for audio in task.source_audio]
    _check_size(sum(frames), target.shape[1], window / 2 / task.sample_rate)
    templates = torch.cat([_spectrogram(mono[None], window)[0].abs() for mono in task.source_mono], 1)
    activations = activate(
        target,
        templates,
        frames,
        iterations=iterations,
        repetition=repetition,
        polyphony=polyphony,
        continuity=continuity,
        generator=task.generator(),
        progress=task.report,
    )
    mixed = torch.zeros(task.channels, *target.shape, dtype=torch.complex64)
    for audio, rows in zip(task.source_audio, torch.split(activations, frames), strict=True):
        spectra = _spectrogram(audio, window)
        mixed += torch.complex(spectra.real @ rows, spectra.imag @ rows)
    audio = torch.istft(mixed, window, window // 2, window=torch.hann_window(window), length=task.target_audio.shape[1])
    return task.finish(audio), None


def activate(
    target: Tensor,
    templates: Tensor,
    frames: list[int],
    *,
    iterations: int,
    repetition: int,
    polyphony: int,
    continuity: int,
    generator: torch.Generator,
    progress: Progress | None = None,
) -> Tensor:
    """Activations ``(K, M)`` of ``templates (bins, K)`` for ``target (bins, M)``.

    Parameters
    ----------
    frames : templates of each recording, in order; they sum to K. Nothing plays on from one recording into the next
    iterations, repetition, polyphony, continuity : see ``nmf``; 0, K and 0 for the last three are plain KL-NMF
    """
    lowest = {"iterations": 1, "repetition": 0, "polyphony": 1, "continuity": 0}
    given = {"iterations": iterations, "repetition": repetition, "polyphony": polyphony, "continuity": continuity}
    for name, value in given.items():
        if value < lowest[name]:
            raise ArgumentError(f"{name} must be >= {lowest[name]}, got {value}")
    activations = 1 - torch.rand(templates.shape[1], target.shape[1], generator=generator)  # in (0, 1]
    for iteration in range(iterations):
        if progress is not None:
            progress("factorising", iteration, iterations)
        keep = 1 - (iteration + 1) / iterations
        activations = fade_repetitions(activations, repetition, keep)
        activations = fade_polyphony(activations, polyphony, keep)
        activations = torch.cat([play_on(rows, continuity) for rows in torch.split(activations, frames)])
        activations = kl_step(target, templates, activations)
    return activations


def fade_repetitions(activations: Tensor, repetition: int, keep: float) -> Tensor:
    """Scale by ``keep`` what is not the largest of its row within ``repetition`` frames on both sides (3), (4)."""
    largest = torch.nn.functional.max_pool1d(activations[None], 2 * repetition + 1, 1, repetition)[0]
    return torch.where(activations == largest, activations, activations * keep)


def fade_polyphony(activations: Tensor, polyphony: int, keep: float) -> Tensor:
    """Scale by ``keep`` all but the ``polyphony`` largest of each column (5)."""
    if polyphony >= activations.shape[0]:
        return activations
    largest, rows = activations.topk(polyphony, 0)
    return (activations * keep).scatter_(0, rows, largest)


def play_on(activations: Tensor, continuity: int) -> Tensor:
    """Add up each diagonal over ``continuity`` frames on both sides (6): the next template at the next frame."""
    summed = activations.clone()
    for i in range(1, min(continuity, *(n - 1 for n in activations.shape)) + 1):
        summed[i:, i:] += activations[:-i, :-i]
        summed[:-i, :-i] += activations[i:, i:]
    return summed


def kl_step(target: Tensor, templates: Tensor, activations: Tensor) -> Tensor:
    """One multiplicative update (7), which never raises the Kullback-Leibler divergence (Lee and Seung 2001)."""
    ratio = target / (templates @ activations).clamp_(min=TINY)
    total = templates.sum(0)[:, None].clamp(min=TINY)  # a silent template's activation falls to 0
    return (templates.T @ ratio).div_(total).mul_(activations)


def _spectrogram(audio: Tensor, window: int) -> Tensor:
    """Complex ``(channels, bins, frames)`` of ``(channels, samples)``, frames centred half a window apart."""
    return torch.stft(
        audio, window, window // 2, window=torch.hann_window(window), pad_mode="constant", return_complex=True
    )


def _check_size(templates: int, frames: int, hop_seconds: float) -> None:
    if templates * frames <= MAX_ACTIVATIONS:
        return
    most = MAX_ACTIVATIONS // frames * hop_seconds
    raise ArgumentError(
        f"sources must be at most {most:.0f} s long together for NMF with a target of {frames * hop_seconds:.0f} s, "
        f"got {templates * hop_seconds:.0f} s: memory grows with their product; leave some out, or cut the target"
    )
