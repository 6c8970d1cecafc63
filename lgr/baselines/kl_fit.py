"""How loud to play each of a few spectra so that their sum comes near a target: KL divergence, multiplicative updates.

    D(v || λ) = Σ_m v_m log(v_m / λ_m) - v_m + λ_m      λ = Σ_k h_k w_k      h_k <- h_k Σ_m w_km v_m / λ_m / Σ_m w_km

Lee and Seung's rule for fixed templates, which never raises D (Tralie and Cantil 2024, equations 2 and 7, after
Driedger et al. 2015). Many small problems are solved at once: each row of ``templates`` is one.
"""

import torch
from torch import Tensor

TINY = 1e-9  # far below any magnitude that can be heard; keeps 0 / 0 and log 0 away


def kl_divergence(target: Tensor, model: Tensor) -> Tensor:
    """Generalised Kullback-Leibler divergence over the last axis: >= 0, and 0 where both are equal (up to rounding).

    Parameters
    ----------
    target, model : Tensor (..., bins), magnitudes >= 0; they broadcast
    """
    # xlogy(0, x) is 0: silence in the target costs what the model puts there, and no more
    ratio = (target + TINY) / (model + TINY)
    return (torch.xlogy(target, ratio) - target + model).sum(-1)


def kl_fit(
    target: Tensor, templates: Tensor, *, iterations: int, penalty: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Activations of each set of templates that bring their sum near the target.

    Parameters
    ----------
    target : Tensor (bins,), magnitudes >= 0
    templates : Tensor (sets, size, bins), magnitudes >= 0
    iterations : int >= 0, from activations of 1
    penalty : Tensor (sets, size) >= 0, optional
        Weight α of an added α h² / 2, which keeps templates near silence from being turned up without end (Tralie and
        Cantil, eq. 9 and 10). With it D itself may rise.

    Returns
    -------
    activations : Tensor (sets, size), >= 0 and finite
    divergence : Tensor (sets,), D of the fit, without the penalty
    """
    sets, size, _ = templates.shape
    by_bin = templates.transpose(1, 2)
    total = templates.sum(2).unsqueeze(1)  # (sets, 1, size)
    h = templates.new_ones(sets, 1, size)
    for _ in range(iterations):
        ratio = target / torch.bmm(h, templates).add_(TINY)  # (sets, 1, bins)
        down = total if penalty is None else total + penalty.unsqueeze(1) * h
        h = h * torch.bmm(ratio, by_bin) / down.clamp(min=TINY)
    return h.squeeze(1), kl_divergence(target, torch.bmm(h, templates).squeeze(1))
