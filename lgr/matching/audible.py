"""Which grains are loud enough: a grain that would have to be raised by far is no candidate where others are.

The level of a result follows the target's, but no further than ``lgr.sound.level`` raises a sound; and what is raised
by much brings its noise along. A grain is too quiet if it is so on the whole, or in its quietest frame: a click with
silence after it cannot play a tone. Grains are sorted into classes of level, and a class is barred, as by a weight of
0, at each target grain that is more than ``MOST_BOOST_DB`` louder. So every sampler stays exact.
"""

import torch
from torch import Tensor

MOST_BOOST_DB = 24.0
CLASS_DB, CLASSES = 3.0, 28  # classes below the loudest grain; the last holds all that is quieter


def audible_log_weights(
    target_db: Tensor, levels_db: Tensor, group: Tensor, group_log_weights: Tensor
) -> tuple[Tensor, Tensor]:
    """Weights by group and level: ``recording`` and ``recording_log_weights`` of ``lgr.match``.

    Parameters
    ----------
    target_db : (n, 2), level of each target grain on the whole, and of its quietest frame
    levels_db : (m, 2), of each codebook grain, on the same scale
    group : (m,), int64 in [0, groups), such as a grain's source
    group_log_weights : (n, groups), -inf where a group is never chosen

    Returns
    -------
    (m,) int64 in [0, classes), and (n, classes), classes of one group and level. Where all that may be chosen is too
    quiet, what needs the least boost is left.

    Examples
    --------
    >>> import torch
    >>> from lgr.matching.audible import audible_log_weights
    >>> levels, nobody = torch.tensor([[-20.0, -21.0], [-60.0, -61.0]]), torch.zeros(2, dtype=torch.long)
    >>> target = torch.tensor([[-10.0, -15.0], [-50.0, -50.0]])
    >>> index, weights = audible_log_weights(target, levels, nobody, torch.zeros(2, 1))
    >>> weights[:, index]  # the second grain is too quiet for the first target grain alone
    tensor([[0., -inf],
            [0., 0.]])
    """
    tops = levels_db.amax(0)
    below = ((tops - levels_db) / CLASS_DB).floor().clamp(0, CLASSES - 1).long()
    classes, index = torch.unique((group * CLASSES + below[:, 0]) * CLASSES + below[:, 1], return_inverse=True)
    steps = torch.stack([classes // CLASSES % CLASSES, classes % CLASSES], 1)
    loudest = tops - CLASS_DB * steps  # (classes, 2): no grain of the class is louder
    boost = (target_db[:, None] - loudest).amax(2)  # (n, classes), the least that any of its grains needs
    weights = group_log_weights[:, classes // CLASSES**2]
    least = torch.where(weights > -torch.inf, boost, torch.inf).amin(1, keepdim=True)
    return index, torch.where(boost <= least.clamp(min=MOST_BOOST_DB), weights, -torch.inf)
