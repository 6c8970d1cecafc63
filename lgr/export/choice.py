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
        weight = grains.log_weights.double()
        boost = (level_db - grains.levels_db).amax(1)
        least = float(torch.where(weight > -math.inf, boost, math.inf).min())
        weight = torch.where(boost <= max(self.most_boost, least), weight, -math.inf)
        bonus = torch.zeros_like(weight)
        if following >= 0 and continuity > 0:
            bonus[following] = math.log1p(continuity / (1 - continuity) * weight.numel())
        if temperature < self.cold:
            score = torch.where(weight > -math.inf, similarity.double() + self.settled * bonus, -math.inf)
            return int((score == score.max()).nonzero()[0])
        log_p = torch.log_softmax(similarity.double() / temperature + weight + bonus, 0)
        at, _ = inverse_cdf(log_p.exp()[None], uniform_draw(key))
        return int(at[0])
