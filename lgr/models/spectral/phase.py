"""Phases for magnitudes: real-time phase gradient heap integration, without its heap and without its Gaussian.

The derivatives of an STFT's phase can be read from its log magnitudes, and a phase is their integral. Průša and
Holighaus 2017 ("Real-time phase gradient heap integration") integrate a frame from the one before along the loudest
way, in time or over frequency, with a heap. The ways do not depend on phases, so here they are found for all bins of
all frames at once: bin ``m`` is reached from the frame before, from its left or from its right, whichever way's
*quietest* bin is loudest (which is the order in which a heap gives bins out), and that bottleneck is a scan over bins
of ``min(cur, max(prev, .))``, an associative operation.

The papers take the window for a Gaussian; ``detune`` and ``delay`` are exact for one tone and for one click under a
Hann window. Phases are those about the middle of the window. One frame of look-ahead: ``delay`` reads the frame after.

TorchScript runs all of it (``lgr.export``). It sees no globals, so ``tiny`` is an argument.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

TINY = 1e-9  # a magnitude for nothing; a frame after silence is reached through its loudest bin at ten times that


class PhaseState(NamedTuple):
    before: Tensor | None  # (batch, 1, bins): log magnitudes of the last frame with phases
    waiting: Tensor | None  # (batch, 1, bins): those of the frame after, whose phases wait for the next
    phase: Tensor | None  # (batch, bins), in double precision: of the last frame with phases


def phase_step(
    state: PhaseState | None,
    magnitudes: Tensor,
    hop: int,
    window_length: int,
    flush: bool = False,
    tiny: float = TINY,
) -> tuple[PhaseState, Tensor]:
    """Phases of the frames that are now complete: all but the last until ``flush``.

    Parameters
    ----------
    state : None begins a stream, which silence precedes
    magnitudes : (batch, frames >= 0, bins) >= 0, of transforms of ``window_length`` samples under a Hann window
    hop : samples between frames

    Returns
    -------
    state, phases : (batch, frames that are complete, bins) in radians, in ``magnitudes``' type
    """
    if state is None:
        state = PhaseState(None, None, None)
    last, kept, phase = state  # names of their own, whose None TorchScript can follow
    log = torch.log(magnitudes.clamp(min=tiny))
    if kept is not None:
        log = torch.cat([kept, log], 1)
    batch, held, bins = log.shape
    ready = held if flush else max(0, held - 1)
    if ready == 0:
        return PhaseState(last, log if held > 0 else None, phase), log.new_zeros((batch, 0, bins))
    first = torch.full_like(log[:, :1], math.log(tiny)) if last is None else last
    before = torch.cat([first, log[:, : ready - 1]], 1)
    now = log[:, :ready]
    after = log[:, 1 : ready + 1] if held > ready else torch.cat([log[:, 1:], log[:, -1:]], 1)
    exact = torch.float32 if log.device.type == "mps" else torch.float64  # an MPS device has no doubles
    begun = torch.zeros((batch, bins), dtype=exact, device=log.device) if phase is None else phase
    phases = integrate(begun, before, now, after, hop=hop, window_length=window_length)
    waiting = log[:, ready:] if held > ready else None
    return PhaseState(now[:, -1:], waiting, phases[:, -1]), phases.to(magnitudes)


def integrate(phase: Tensor, before: Tensor, now: Tensor, after: Tensor, *, hop: int, window_length: int) -> Tensor:
    """Phases ``(batch, frames, bins)``, in ``phase``'s type, of frames with log magnitudes ``now``.

    ``before`` and ``after`` are the log magnitudes a frame earlier and later, ``phase`` ``(batch, bins)`` the phases of
    the frame before the first.
    """
    bins = now.shape[2]
    per_bin = 2 * math.pi * hop / window_length
    forward = per_bin * (torch.arange(bins, device=now.device) + 0.5 * (detune(before) + detune(now)))
    over_bins = -2 * math.pi / window_length * delay(before, now, after, hop=hop, window_length=window_length)
    steps = 0.5 * (over_bins[..., 1:] + over_bins[..., :-1])
    across = torch.nn.functional.pad(steps.to(phase).cumsum(-1), (1, 0))
    origin = origins(before.exp(), now.exp())
    moved = torch.gather(forward.to(phase) - across, 2, origin) + across
    phases: list[Tensor] = []
    for n in range(now.shape[1]):
        phase = torch.remainder(torch.gather(phase, 1, origin[:, n]) + moved[:, n], 2 * math.pi)
        phases.append(phase)
    return torch.stack(phases, 1)


def delay(before: Tensor, now: Tensor, after: Tensor, hop: int, window_length: int, tiny: float = TINY) -> Tensor:
    """How far after the middle of a frame the event lies whose log magnitudes these are, in samples, any shape.

    A click at ``d`` has the magnitude of the Hann window there, ``cos(pi d / L)^2``, so two frames in a row say where
    it is, exactly. The mean of what the frames before and after say; next to silence, only the other one.
    """
    step = math.pi * hop / window_length
    rise, fall = 0.5 * (now - before), 0.5 * (after - now)
    late = torch.atan((math.cos(step) - torch.exp(-rise)) / math.sin(step))
    early = torch.atan((torch.exp(fall) - math.cos(step)) / math.sin(step))
    silent = math.log(tiny) + 1.0
    heard_before, heard_after = before > silent, after > silent
    angle = torch.where(heard_before, torch.where(heard_after, 0.5 * (late + early), late), early)
    return torch.where(heard_before | heard_after, angle, torch.zeros_like(angle)) * (window_length / math.pi)


def detune(log: Tensor) -> Tensor:
    """How far above each bin the tone lies whose log magnitudes ``(..., bins)`` these are, in bins.

    A tone at ``d`` has magnitudes ``1 / (d (1 - d^2))`` around it under a Hann window, so two bins in a row say where
    it is, exactly (Grandke 1983). The mean of what the bins on both sides say; it stays within a bin and a half.
    """
    rise = torch.exp(log[..., 1:] - log[..., :-1])
    above, below = (2 * rise - 1) / (1 + rise), (1 - 2 / rise) / (1 + 1 / rise)
    return 0.5 * torch.cat([above[..., :1] * 2, above[..., 1:] + below[..., :-1], below[..., -1:] * 2], -1)


def origins(previous: Tensor, current: Tensor, tiny: float = TINY) -> Tensor:
    """The bin of the frame before from which every bin is reached: int64 ``(..., bins)``.

    Parameters
    ----------
    previous, current : (..., bins), magnitudes of two frames in a row
    """
    loudest = torch.nn.functional.one_hot(current.argmax(-1), current.shape[-1]).to(current)
    previous = torch.maximum(previous, 10 * tiny * loudest)
    current = torch.maximum(current, torch.full_like(current, 10 * tiny))
    nothing = torch.zeros_like(current[..., :1])
    left = torch.cat([nothing, _widest(previous, current)[..., :-1]], -1)
    right = torch.cat([nothing, _widest(previous.flip(-1), current.flip(-1))[..., :-1]], -1).flip(-1)
    from_before = previous >= torch.maximum(left, right)
    place = torch.arange(current.shape[-1], device=current.device).expand(current.shape)
    below = torch.where(from_before, place, -1).cummax(-1).values
    last = current.shape[-1] - 1
    above = last - torch.where(from_before, last - place, -1).flip(-1).cummax(-1).values.flip(-1)
    return torch.where(from_before, place, torch.where(left >= right, below, above)).clamp(0, last)


def _widest(previous: Tensor, current: Tensor) -> Tensor:
    """The bottleneck of the best way to each bin from before or from the left: ``x[m] = min(cur, max(prev, x[m-1]))``.

    A scan by doubling; ``(low, high)`` stand for the function ``min(high, max(low, .))``.
    """
    low, high = torch.minimum(previous, current), current
    step = 1
    while step < current.shape[-1]:
        before_low = torch.nn.functional.pad(low[..., :-step], (step, 0))
        before_high = torch.nn.functional.pad(high[..., :-step], (step, 0), value=math.inf)
        low, high = (
            torch.minimum(high, torch.maximum(low, before_low)),
            torch.minimum(high, torch.maximum(low, before_high)),
        )
        step *= 2
    return low
