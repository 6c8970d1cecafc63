"""The validated question every sampler answers: target rows, codebook rows, and what varies over the target's time."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from lgr.errors import ArgumentError, check_shape

COLD = 1e-8
"""Temperatures below this are 0: float32 cosines cannot tell distances apart that finely."""
SETTLED = 0.05
"""Where the temperature is 0 throughout, continuity weighs against distance as at this one, with nothing drawn."""


@dataclass(frozen=True)
class Problem:
    """Everything about a match that is not the sampler; ``build`` validates. N target grains, M codebook grains."""

    target: Tensor  # (N, D) float32, unit rows
    codebook: Tensor  # (M, D) float32, unit rows
    temperature: Tensor  # (N,) float32 >= 0, inf allowed
    continuity: Tensor  # (N,) float64 in [0, 1): of the step into each grain; that of the first is not used
    next_grain: Tensor  # (M,) int64, -1 where the recording ends
    log_weights: Tensor | None  # (M,) float32
    recording: Tensor | None  # (M,) int64 in [0, R)
    recording_log_weights: Tensor | None  # (N, R) float32

    @property
    def cold(self) -> Tensor:
        """(N,) bool: where the choice is the nearest grain."""
        return self.temperature < COLD

    @property
    def settled(self) -> bool:
        """Whether nothing is drawn, and yet grains may play on."""
        return bool(self.cold.all()) and bool((self.continuity > 0).any())

    def at_settled(self) -> "Problem":
        """The same at ``SETTLED``; as at 0, weights only bar the grains of weight 0."""
        return replace(
            self,
            temperature=torch.full_like(self.temperature, SETTLED),
            log_weights=_only_barred(self.log_weights),
            recording_log_weights=_only_barred(self.recording_log_weights),
        )

    @staticmethod
    def build(
        target: Tensor,
        codebook: Tensor,
        *,
        temperature: Tensor | float,
        continuity: Tensor | float = 0.0,
        log_weights: Tensor | None = None,
        recording: Tensor | None = None,
        recording_log_weights: Tensor | None = None,
        next_grain: Tensor | None = None,
    ) -> "Problem":
        """Check every argument of ``match`` (see there) and broadcast numbers to one a target grain.

        Raises
        ------
        ShapeError
            A tensor has the wrong shape, or the codebook or the target is empty.
        ArgumentError
            A value is outside its range, or the weights leave some target grain nothing to choose.
        """
        check_shape(
            "codebook", codebook.shape, "(M, D) with at least one grain", codebook.ndim == 2 and len(codebook) > 0
        )
        dim = codebook.shape[1]
        fits = target.ndim == 2 and len(target) > 0 and target.shape[1] == dim
        check_shape("target", target.shape, f"(N, {dim}) with at least one grain", fits)
        for name, rows in (("target", target), ("codebook", codebook)):
            if rows.dtype != torch.float32:
                raise ArgumentError(f"{name} must be float32, got {rows.dtype}")
        if not bool(torch.isfinite(target).all()):
            raise ArgumentError("target must be finite, got NaN or infinite values")
        n, m = len(target), len(codebook)
        tau = _per_grain("temperature", temperature, n, torch.float32)
        if not bool((tau >= 0).all()):  # refuses NaN too
            raise ArgumentError(f"temperature must be >= 0, got {float(tau[~(tau >= 0)][0])}")
        c = _per_grain("continuity", continuity, n, torch.float64)
        inside = (c >= 0) & (c < 1)
        if not bool(inside.all()):
            raise ArgumentError(f"continuity must be in [0, 1), got {float(c[~inside][0])}")
        if next_grain is None:
            if bool((c > 0).any()):
                raise ArgumentError(
                    f"next_grain must be given when continuity is above 0, got None and {float(c.max())}"
                )
            next_grain = torch.full((m,), -1)
        _check_next(next_grain, m)
        device = codebook.device
        problem = Problem(
            target=target.detach().to(device),
            codebook=codebook.detach(),
            temperature=tau,
            continuity=c,
            next_grain=next_grain.cpu(),
            log_weights=_weights("log_weights", log_weights, (m,), device),
            recording=None if recording is None else recording.to(device),
            recording_log_weights=_recording_weights(recording, recording_log_weights, n, m, device),
        )
        problem._check_something_is_left()
        return problem

    def _check_something_is_left(self) -> None:
        alive = torch.ones(len(self.codebook), dtype=torch.bool, device=self.codebook.device)
        if self.log_weights is not None:
            alive = self.log_weights > -torch.inf
        left = alive.any().expand(len(self.target))
        if self.recording is not None and self.recording_log_weights is not None:
            counts = torch.zeros(self.recording_log_weights.shape[1], device=alive.device)
            counts.index_add_(0, self.recording, alive.to(counts.dtype))
            left = ((self.recording_log_weights > -torch.inf) & (counts > 0)).any(dim=1)
        if not bool(left.all()):
            first = int((~left).nonzero()[0])
            raise ArgumentError(
                f"log_weights must leave a grain to choose, got weight 0 for all at target grain {first}"
            )


def _only_barred(log_weights: Tensor | None) -> Tensor | None:
    return None if log_weights is None else torch.where(log_weights == -torch.inf, log_weights, 0.0)


def _per_grain(name: str, value: Tensor | float, n: int, dtype: torch.dtype) -> Tensor:
    """A number, or one a target grain, as an ``(n,)`` CPU tensor."""
    values = torch.as_tensor(value, dtype=dtype).detach().cpu()
    check_shape(name, values.shape, f"a number or ({n},)", values.ndim == 0 or values.shape == (n,))
    return values.expand(n).contiguous()


def _weights(name: str, value: Tensor | None, shape: tuple[int, ...], device: torch.device) -> Tensor | None:
    if value is None:
        return None
    check_shape(name, value.shape, str(shape), tuple(value.shape) == shape)
    if not bool((value < torch.inf).all()):  # refuses NaN too; -inf is weight 0
        raise ArgumentError(f"{name} must be below infinity, got NaN or inf")
    return value.detach().to(device=device, dtype=torch.float32)


def _recording_weights(
    recording: Tensor | None, value: Tensor | None, n: int, m: int, device: torch.device
) -> Tensor | None:
    if value is None:
        return None
    if recording is None:
        raise ArgumentError("recording must be given with recording_log_weights, got None")
    check_shape("recording", recording.shape, f"({m},)", tuple(recording.shape) == (m,))
    check_shape("recording_log_weights", value.shape, f"({n}, R)", value.ndim == 2 and value.shape[0] == n)
    low, high, count = int(recording.min()), int(recording.max()), value.shape[1]
    if recording.dtype != torch.int64 or low < 0 or high >= count:
        raise ArgumentError(f"recording must be int64 in [0, {count}), got {recording.dtype} in [{low}, {high}]")
    return _weights("recording_log_weights", value, (n, count), device)


def _check_next(next_grain: Tensor, m: int) -> None:
    check_shape("next_grain", next_grain.shape, f"({m},)", tuple(next_grain.shape) == (m,))
    low, high = int(next_grain.min()), int(next_grain.max())
    if next_grain.dtype != torch.int64 or low < -1 or high >= m:
        raise ArgumentError(f"next_grain must be int64 in [-1, {m}), got {next_grain.dtype} in [{low}, {high}]")
    following = torch.bincount(next_grain[next_grain >= 0])
    if bool((following > 1).any()):
        raise ArgumentError("next_grain must follow each grain at most once, got a grain that is next to two others")
