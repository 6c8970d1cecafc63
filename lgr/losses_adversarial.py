"""Losses of adversarial training on the outputs of several discriminators (paper 003, eq. 3; EnCodec, section 3.4).

Each of ``K`` discriminators gives logits, a tensor of any shape with one number a place in time and frequency, and the
features of its inner layers. All are averaged over places, then over layers, then over discriminators, so that none
weighs more for being larger.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from lgr.errors import ArgumentError, check_shape


def discriminator_hinge(real: Sequence[Tensor], fake: Sequence[Tensor]) -> Tensor:
    """``1/K sum_k max(0, 1 - D_k(x)) + max(0, 1 + D_k(x'))``: 0 once real is above 1 and fake below -1."""
    _check_as_many("fake", fake, real)
    return _mean([torch.relu(1 - r).mean() + torch.relu(1 + f).mean() for r, f in zip(real, fake, strict=True)])


def generator_hinge(fake: Sequence[Tensor]) -> Tensor:
    """``1/K sum_k max(0, 1 - D_k(x'))`` (003, eq. 3): 0 once every fake is taken for real."""
    return _mean([torch.relu(1 - f).mean() for f in fake])


def feature_matching(real: Sequence[Sequence[Tensor]], fake: Sequence[Sequence[Tensor]]) -> Tensor:
    """``1/(KL) sum_kl |D_kl(x) - D_kl(x')|_1 / mean |D_kl(x)|_1`` (EnCodec, eq. 5), relative to each layer's own size.

    Parameters
    ----------
    real, fake : for each discriminator the features of its layers; ``real`` is taken as given (no gradient)
    """
    _check_as_many("fake", fake, real)
    terms = []
    for r_layers, f_layers in zip(real, fake, strict=True):
        _check_as_many("fake", f_layers, r_layers)
        for r, f in zip(r_layers, f_layers, strict=True):
            check_shape("fake", f.shape, f"{tuple(r.shape)}", f.shape == r.shape)
            r = r.detach()
            terms.append((r - f).abs().mean() / (r.abs().mean() + 1e-8))
    return _mean(terms)


def _mean(terms: Sequence[Tensor]) -> Tensor:
    if not terms:
        raise ArgumentError("there must be at least one discriminator, got none")
    return torch.stack(list(terms)).mean()


def _check_as_many(name: str, given: Sequence[object], expected: Sequence[object]) -> None:
    if len(given) != len(expected):
        raise ArgumentError(f"{name} must have {len(expected)} entries, as real has, got {len(given)}")
