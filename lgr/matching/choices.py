"""What a matcher returns."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class Choices:
    """One codebook grain for each of N target grains.

    Attributes
    ----------
    index : (N,) int64, the row of the codebook.
    similarity : (N,) float32, cosine between the target grain and its choice.
    probability : (N,) float32 in [0, 1]. Samplers "independent", "chain", "viterbi": of the choice under the softmax of
        its own target grain, ``w_j exp(-d/τ)`` normalised, whatever its neighbours are. Sampler "online": of the choice
        in the distribution it was drawn from, so given the previous choice and after the repetition penalty.
    entropy : (N,) float32 in nats, of the distribution that ``probability`` refers to. Where τ is 0 the choice is
        certain (probability 1, entropy 0); "chain" and "viterbi" count equally near grains there as equally probable,
        unless continuity has weighed them.

    Examples
    --------
    >>> import torch, lgr
    >>> rows = torch.eye(3)
    >>> nearest = lgr.match(rows, rows, temperature=0, generator=torch.Generator())
    >>> nearest.similarity, nearest.entropy
    (tensor([1., 1., 1.]), tensor([0., 0., 0.]))
    """

    index: Tensor
    similarity: Tensor
    probability: Tensor
    entropy: Tensor

    def __len__(self) -> int:
        return self.index.shape[0]


def sure(choices: Choices) -> Choices:
    """The same choices where nothing was drawn."""
    one = torch.ones_like(choices.probability)
    return replace(choices, probability=one, entropy=torch.zeros_like(choices.entropy))
