"""One choice of a running loop: the online sampler (lgr.matching.online) among the grains that the file finds."""

import math

import torch
from torch import Tensor

from lgr.live.config import LiveConfig
from lgr.live.material import Material
from lgr.matching.audible import MOST_BOOST_DB
from lgr.matching.cells import inverse_cdf
from lgr.matching.problem import COLD, SETTLED
from lgr.models.seeded_noise import uniform_draw


def choose(
    material: Material, query: Tensor, level_db: Tensor, following: int, config: LiveConfig, continuity: float, key: int
) -> tuple[int, float]:
    """A grain, and its similarity.

    Parameters
    ----------
    query : (D,), the input's row
    level_db : (2,), of the input's grain on the whole and of its quietest frame
    following : the grain that plays on, or -1
    continuity : chance to play on at this choice
    key : of the draw
    """
    index, similarity = material.file.nearest(query, material.cells)
    if following >= 0 and not bool((index == following).any()):
        place = int(torch.searchsorted(index, following))
        own = material.similarity_of(following, query)
        index = torch.cat([index[:place], index.new_tensor([following]), index[place:]])
        similarity = torch.cat([similarity[:place], own[None], similarity[place:]])
    weight = material.log_weights[index].double()
    if material.levels_db is not None:
        boost = (level_db - material.levels_db[index]).amax(1)
        least = float(torch.where(weight > -torch.inf, boost, torch.inf).min())
        weight = torch.where(boost <= max(MOST_BOOST_DB, least), weight, -torch.inf)
    bonus = torch.zeros_like(weight)
    if following >= 0 and continuity > 0:
        # over all grains, of which the others are too far away to be drawn
        odds = math.log1p(continuity / (1 - continuity) * len(material.codebook))
        bonus[index == following] = odds
    if config.temperature < COLD:
        score = torch.where(weight > -torch.inf, similarity.double() + SETTLED * bonus, -torch.inf)
        best = score == score.max()
        at = best.nonzero()[0]
    else:
        log_p = torch.log_softmax(similarity.double() / config.temperature + weight + bonus, 0)
        at, _ = inverse_cdf(log_p.exp()[None], uniform_draw(key))
    return int(index[at]), float(similarity[at])
