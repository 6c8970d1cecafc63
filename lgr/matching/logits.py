"""Log-emissions ``s/τ + log w`` of blocks of the target-by-codebook matrix, which is never held whole."""

import torch
from torch import Tensor

from lgr.errors import ArgumentError
from lgr.matching.problem import Problem

LOGIT_FLOOR = -1e30
"""Stands for log 0. Finite, so that ``0 * LOGIT_FLOOR`` is 0 and ``LOGIT_FLOOR - LOGIT_FLOOR`` is no NaN."""


class Logits:
    """Blocks of ``s(t, j)/τ_t + log w_j`` (``cold=False``), or of the bare ``s(t, j)`` (``cold=True``).

    The constant ``-1/τ`` of ``-d/τ`` is left out, for it cancels in every softmax. Weights do not change which grain is
    nearest, so a cold block only bars (``LOGIT_FLOOR``) the grains of weight 0.
    """

    def __init__(self, problem: Problem, rows: Tensor | None = None, *, cold: bool = False) -> None:
        """Take the target grains ``rows`` ((n,) int64, all by default), which then count from 0."""
        rows = torch.arange(len(problem.target)) if rows is None else rows
        self.codebook = problem.codebook
        self.recording = problem.recording
        self.target = problem.target[rows.to(problem.target.device)]  # (n, D)
        # the rate of a cold row is never used; 0 keeps it finite until its emission is replaced
        tau, is_cold = problem.temperature[rows], problem.cold[rows]
        rate = torch.where(is_cold, 0.0, 1 / tau.clamp(min=1e-30))
        self.rate = rate.to(self.target.device)
        # folding 1/τ into the target saves one pass over every block
        self.scaled = self.target if cold else self.target * self.rate[:, None]
        self.weights = _terms(problem.log_weights, cold)
        changing = problem.recording_log_weights
        self.changing = _terms(None if changing is None else changing[rows.to(changing.device)], cold)

    def __len__(self) -> int:
        return len(self.target)

    def fill(self, rows: slice | Tensor, start: int, stop: int, out: Tensor) -> None:
        """Write the logits of target ``rows`` and codebook grains ``start:stop`` to ``out`` (rows, stop - start)."""
        torch.mm(self.scaled[rows], self.codebook[start:stop].T, out=out)
        if self.weights is not None:
            out.add_(self.weights[start:stop])
        if self.changing is not None and self.recording is not None:
            out.add_(self.changing[rows].index_select(1, self.recording[start:stop]))

    def similarity(self, index: Tensor) -> Tensor:
        """(n,) cosine of each target grain and its choice ``index`` (n,)."""
        return (self.target * self.codebook[index]).sum(dim=1)

    def chosen(self, index: Tensor) -> Tensor:
        """(n,) float64 logits of the choices."""
        logit = self.similarity(index).double() * self.rate
        if self.weights is not None:
            logit += self.weights[index]
        if self.changing is not None and self.recording is not None:
            logit += self.changing.gather(1, self.recording[index][:, None])[:, 0]
        return logit


def check_peaks(peak: Tensor) -> None:
    """Raise ``ArgumentError`` if the largest logits show that the codebook holds NaN or infinite values."""
    if not bool(torch.isfinite(peak).all()):
        raise ArgumentError("codebook must be finite, got NaN or infinite values")


def _terms(log_weights: Tensor | None, cold: bool) -> Tensor | None:
    """What a weight adds to a logit: finite, and for cold rows only whether it is 0."""
    if log_weights is None:
        return None
    if not cold:
        return log_weights.clamp(min=LOGIT_FLOOR)
    barred = log_weights == -torch.inf
    return torch.where(barred, LOGIT_FLOOR, 0.0) if bool(barred.any()) else None
