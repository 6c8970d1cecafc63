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
    file = material.file
    place, similarity, _ = found = file.nearest(query, material.cells)
    at_following = -1
    if following >= 0:
        own = int(file.place[following])
        at_following = found.at(following, own)
        if at_following < 0:
            place = torch.cat([place, place.new_tensor([own])])
            similarity = torch.cat([similarity, (file.rows[own] @ query)[None]])
            at_following = len(place) - 1
    cold = config.temperature < COLD
    score = similarity.clone() if cold else similarity / config.temperature
    if material.weighted:
        weight = material.log_weights[place]
        score = torch.where(weight > -torch.inf, score, -torch.inf) if cold else score + weight
    if material.levels_db is not None:
        least_db = level_db - MOST_BOOST_DB  # of a grain that is loud enough
        if bool((material.quietest_db < least_db).any()):
            levels = torch.index_select(material.levels_db, 1, place)
            barred = (levels[0] < least_db[0]) | (levels[1] < least_db[1])
            if bool((barred | (score == -torch.inf)).all()):  # then what needs the least boost
                boost = torch.where(score > -torch.inf, (level_db[:, None] - levels).amax(0), torch.inf)
                barred = boost > boost.min()
            score.masked_fill_(barred, -torch.inf)
    if at_following >= 0 and continuity > 0:
        # over all grains, of which the others are too far away to be drawn
        odds = math.log1p(continuity / (1 - continuity) * len(material.codebook))
        score[at_following] += SETTLED * odds if cold else odds
    if cold:
        best = (score == score.max()).nonzero()[:, 0]
        at = best[file.index[place[best]].argmin()]
    else:
        at, _ = inverse_cdf(torch.exp(score - score.max())[None].double(), uniform_draw(key))
    return int(file.index[place[at]]), float(similarity[at])
