"""Labels and their weights: what a conditional model is told of a sound, one number a label in [0, 1].

One-hot says a label, zeros say "unknown", and anything between is on the way from one label to another.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from lgr.errors import ArgumentError


def find_label(label: str, labels: Sequence[str], codec: str) -> str:
    """A label as the model spells it, whatever its case; ``ArgumentError``, in which the codec is named, lists them."""
    if not labels:
        raise ArgumentError(f"codec {codec} has no labels, got label {label!r}")
    found = next((known for known in labels if known.casefold() == label.casefold()), None)
    if found is None:
        raise ArgumentError(f"label must be one that {codec} was trained on ({', '.join(labels)}), got {label!r}")
    return found


def label_weights(names: Sequence[str | None], labels: Sequence[str]) -> Tensor:
    """Label weights ``(len(names), len(labels))``: one-hot, or zeros for a name that is no label, such as None."""
    weights = torch.tensor([[float(name == label) for label in labels] for name in names])
    return weights.reshape(len(names), len(labels))
