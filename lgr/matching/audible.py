"""Which grains are loud enough: a grain that would have to be raised by far is no candidate where others are.

The level of a result follows the target's, but no further than ``lgr.sound.level`` raises a sound; and what is raised
by much brings its noise along. Grains are sorted into classes of level, and a class is barred, as by a weight of 0,
at each target grain that is more than ``MOST_BOOST_DB`` louder. So every sampler stays exact.
"""

import torch
from torch import Tensor

MOST_BOOST_DB = 24.0
CLASS_DB, CLASSES = 3.0, 32  # classes below the loudest grain; the last holds all that is quieter


def level_classes(levels_db: Tensor) -> Tensor:
    """The class of each grain, ``(m,)`` int64 in [0, CLASSES), counted down from the loudest."""
    below = (levels_db.max() - levels_db) / CLASS_DB
    return below.floor().clamp(0, CLASSES - 1).long()


def audible_log_weights(
    target_db: Tensor, levels_db: Tensor, group: Tensor, group_log_weights: Tensor
) -> tuple[Tensor, Tensor]:
    """Weights by group and level: ``recording`` and ``recording_log_weights`` of ``lgr.match``.

    Parameters
    ----------
    target_db : (n,), level of each target grain
    levels_db : (m,), of each codebook grain, on the same scale
    group : (m,), int64 in [0, groups), such as a grain's source
    group_log_weights : (n, groups), -inf where a group is never chosen

    Returns
    -------
    (m,) int64 in [0, groups * CLASSES), and (n, groups * CLASSES). Where all that may be chosen is too quiet, the
    loudest class of it is left.

    Examples
    --------
    >>> import torch
    >>> from lgr.matching.audible import audible_log_weights
    >>> levels, nobody = torch.tensor([-20.0, -60.0]), torch.zeros(2, dtype=torch.long)
    >>> index, weights = audible_log_weights(torch.tensor([-10.0, -50.0]), levels, nobody, torch.zeros(2, 1))
    >>> weights[:, index]  # the second grain is too quiet for the first target grain alone
    tensor([[0., -inf],
            [0., 0.]])
    """
    classes, groups = level_classes(levels_db), group_log_weights.shape[1]
    index = group * CLASSES + classes
    held = torch.bincount(index, minlength=groups * CLASSES).view(groups, CLASSES) > 0
    top_db = levels_db.max() - CLASS_DB * torch.arange(CLASSES)  # no grain of the class is louder
    some = (group_log_weights > -torch.inf).float() @ held.float() > 0  # (n, classes): something to choose
    loudest = some.float().argmax(1)
    loud_enough = top_db >= (target_db[:, None] - MOST_BOOST_DB)
    loud_enough |= torch.arange(CLASSES) <= loudest[:, None]
    by_class = torch.where(loud_enough, 0.0, -torch.inf)
    return index, (group_log_weights[:, :, None] + by_class[:, None]).flatten(1)
