"""A first look in bfloat16 at which cells can hold the nearest grain, where the CPU multiplies it in hardware.

bfloat16 products take about half the time of float32's and are wrong by up to 0.012 in a cosine, so they decide
nothing: a cell is given up only where the error bound below proves that its best grain is not the nearest. What is left
is looked at in float32, as without this module, so the nearest grain found is the same.

**The bound.** Rounding to bfloat16 (8 significant bits) changes a number by at most u = 2^-8 of it. For a target row t
and a codebook row c, rounded to t' and c', with |c| <= 1 + 1e-6 (unit rows) and |t' - t| measured:

    |t'·c' - t·c| <= |t' - t| |c| + |t'| |c' - c| <= (|t' - t| + u |t'|) |c|        (Cauchy-Schwarz)

The product adds D numbers in float32, in whatever order: at most D 2^-23 of Σ |t'_k c'_k| <= |t'| |c'|, counted twice
over because hardware may round towards zero. Numbers below 2^-126 may count as 0, which is far below that. The result x
is rounded to the p that is returned: |x - p| <= u |x| <= |p| u / (1 - u). Rounding keeps the order of numbers, so the
largest p of a cell is the rounded largest x, and the sum of the three bounds holds for a cell's peak as for a grain.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from lgr.matching.cells import CELL, cell_count
from lgr.matching.logits import LOGIT_FLOOR, Logits

ROUNDING = 2.0**-8  # u: bfloat16 keeps 8 significant bits
NORM = 1 + 1e-6  # what float32 lets the norm of a unit row be
MOST_LEFT = 0.5
"""Share of (target grain, cell) pairs beyond which looking again costs more than the coarse look saves. (Measured with
grains of real recordings: 9 % left saves 40 % of the time, 70 % left saves nothing.)"""
PILOT_CELLS = 32  # after so many cells too large a share shows, and the rest is not looked at in vain
FEWEST_CELLS, FEWEST_ROWS = 16, 64  # below either, the whole product costs less than deciding what to leave out
BLOCK_CELLS = 2  # a block of products stays in cache, where its peaks are taken


def worth_it(logits: Logits) -> bool:
    """Whether the coarse look is the faster way: bfloat16 in hardware (AVX-512 BF16, or AMX) and enough work."""
    enough = len(logits) >= FEWEST_ROWS and cell_count(len(logits.codebook)) >= FEWEST_CELLS
    return enough and logits.codebook.device.type == "cpu" and _in_hardware()


def candidate_peaks(
    logits: Logits, slack: float, block_grains: int, progress: Callable[[int], None], most_left: float
) -> Tensor | None:
    """The largest float32 similarity of every cell that can hold the nearest grain, -inf for the others.

    Parameters
    ----------
    logits : made with ``cold=True``, of unit rows
    slack : cells that fall short of the best by no more than this are kept, too
    block_grains : as of ``nearest``; the blocks here are no larger than two cells
    most_left : in [0, 1]

    Returns
    -------
    (n, cells) float32; None where more than ``most_left`` of all pairs are left (near-duplicates, silence): then the
    bound cannot tell them apart, and nothing is gained
    """
    peak = logits.target.new_empty(cell_count(len(logits.codebook)), len(logits), dtype=torch.bfloat16)
    target = logits.target.bfloat16()
    error = error_bound(logits.target, target)
    block = min(cell_count(block_grains), BLOCK_CELLS) * CELL
    x = peak.new_empty(min(block, len(peak) * CELL), len(logits))
    tried = False
    for start in range(0, len(logits.codebook), block):
        stop = min(start + block, len(logits.codebook))
        cells, first = cell_count(stop - start), start // CELL
        _fill(logits, target, start, stop, x[: stop - start])
        x[stop - start : cells * CELL] = LOGIT_FLOOR
        torch.amax(x[: cells * CELL].view(cells, CELL, -1), dim=1, out=peak[first : first + cells])
        if not tried and first + cells >= PILOT_CELLS:
            tried = True
            lower = (peak[: first + cells].float() - _spread(peak[: first + cells], error)).amax(dim=0)
            if _share(_candidates(peak[: first + cells], error, lower)) > most_left:
                return None
        progress(stop)
    return _sharpen(logits, peak, error, slack, most_left)


def error_bound(target: Tensor, rounded: Tensor) -> Tensor:
    """(n,) how far the float32 sums for ``rounded`` (n, D) bfloat16 may be from the cosines of ``target`` (n, D).

    What rounding the sum to bfloat16 adds is not in it, see ``_spread``.
    """
    moved = (rounded.float() - target).norm(dim=1)
    size = rounded.float().norm(dim=1)
    summing = target.shape[1] * 2.0**-22 * (1 + ROUNDING)
    # one part in a thousand more: the norms themselves are rounded
    bound: Tensor = 1.001 * NORM * (moved + size * (ROUNDING + summing)) + 1e-30
    return bound


def _in_hardware() -> bool:
    # CPUs with AMX have AVX-512 BF16 too; torch asks the CPU, and has no public name for the question before 2.10
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    with_onednn = bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]
    return with_onednn and supported is not None and bool(supported())


def _fill(logits: Logits, target: Tensor, start: int, stop: int, out: Tensor) -> None:
    """What ``Logits.fill`` does, transposed and in bfloat16: the codebook is converted a block at a time."""
    torch.mm(logits.codebook[start:stop].bfloat16(), target.T, out=out)
    if logits.weights is not None:
        out.add_(logits.weights[start:stop, None])
    if logits.changing is not None and logits.recording is not None:
        out.add_(logits.changing.index_select(1, logits.recording[start:stop]).T)


def _spread(peak: Tensor, error: Tensor) -> Tensor:
    """How far the true peaks may be from ``peak`` (cells, n) bfloat16, either way: (cells, n) float32."""
    return peak.float().abs().mul_(1.001 * ROUNDING / (1 - ROUNDING)).add_(error)


def _candidates(peak: Tensor, error: Tensor, lower: Tensor) -> Tensor:
    """(cells, n) bool: cells whose true peak may reach ``lower`` (n,). NaN is kept, for the caller to find."""
    return ~(peak.float() + _spread(peak, error) < lower)


def _share(candidates: Tensor) -> float:
    return float(candidates.count_nonzero()) / candidates.numel()


def _sharpen(logits: Logits, peak: Tensor, error: Tensor, slack: float, most_left: float) -> Tensor | None:
    """Look again in float32: first at each target grain's most promising cell, then at those that may still beat it."""
    sharp = logits.target.new_full((len(peak), len(logits)), -torch.inf)
    top = torch.zeros_like(peak, dtype=torch.bool).scatter_(0, peak.argmax(dim=0, keepdim=True), True)
    _look(logits, top, sharp)
    left = _candidates(peak, error, sharp.amax(dim=0) - slack).logical_and_(~top)
    if _share(left) > most_left:
        return None
    _look(logits, left, sharp)
    return sharp.T


def _look(logits: Logits, which: Tensor, sharp: Tensor) -> None:
    """Write the float32 peaks of the pairs ``which`` (cells, n) bool to ``sharp`` (cells, n)."""
    for cell in which.any(dim=1).nonzero()[:, 0].tolist():
        rows = which[cell].nonzero()[:, 0]
        start, stop = cell * CELL, min((cell + 1) * CELL, len(logits.codebook))
        similarity = sharp.new_empty(len(rows), stop - start)
        logits.fill(rows, start, stop, similarity)
        sharp[cell, rows] = similarity.amax(dim=1)
