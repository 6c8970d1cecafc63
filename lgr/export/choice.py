"""One choice, scriptable: ``lgr.live.choice.choose`` among all grains, which a test holds it equal to."""

import math

import torch
from torch import Tensor, nn

from lgr.export.grains import Grains
from lgr.matching.audible import MOST_BOOST_DB
from lgr.matching.cells import inverse_cdf
from lgr.matching.problem import COLD, SETTLED
from lgr.models.seeded_noise import uniform_draw


class Choice(nn.Module):
    """The online sampler."""

    def __init__(self) -> None:
        super().__init__()
        self.cold, self.settled, self.most_boost = COLD, SETTLED, MOST_BOOST_DB

    def forward(
        self,
        grains: Grains,
        similarity: Tensor,
        level_db: Tensor,
        following: int,
        temperature: float,
        continuity: float,
        key: int,
    ) -> int:
        """A grain.

        Parameters
        ----------
        similarity : (M,), of every grain to what came in
        level_db : (2,), of what came in
        following : the grain that plays on, or -1
        continuity : chance to play on at this choice
        key : of the draw
        """
        cold = temperature < self.cold
        score = similarity.clone() if cold else similarity / temperature
        if grains.weighted:
            score = (
                torch.where(grains.log_weights > -math.inf, score, -math.inf) if cold else score + grains.log_weights
            )
        least_db = level_db - self.most_boost  # of a grain that is loud enough
        barred = (grains.levels_db < least_db).any(1)
        if bool((barred | (score == -math.inf)).all()):  # then what needs the least boost
            boost = torch.where(score > -math.inf, (level_db - grains.levels_db).amax(1), math.inf)
            barred = boost > boost.min()
        score = torch.where(barred, -math.inf, score)
        if following >= 0 and continuity > 0:
            odds = math.log1p(continuity / (1 - continuity) * score.numel())
            score[following] += self.settled * odds if cold else odds
        if cold:
            return int((score == score.max()).nonzero()[0])
        at, _ = inverse_cdf(torch.exp(score - score.max())[None].double(), uniform_draw(key))
        return int(at[0])
