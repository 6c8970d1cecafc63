"""How target grains choose: the sampler and its constants. What varies over time is passed to ``match``."""

import math
from dataclasses import dataclass
from typing import Literal, get_args

from lgr.errors import ArgumentError

Sampler = Literal["independent", "chain", "viterbi", "online"]


@dataclass(frozen=True, kw_only=True)
class MatchConfig:
    """Constants of the matcher.

    Attributes
    ----------
    sampler : "independent" draws each grain from its own softmax (the paper); "chain" draws the whole of a Markov chain
        that plays on with probability ``continuity``; "viterbi" is the most probable one; "online" draws each grain
        given the previous one, never looking ahead.
    repetition_penalty : float >= 0, in units of distance: added to a grain's distance once for every time it is among
        the last ``repetition_frames`` choices. Exact, and only in the "online" sampler; the others refuse it (with
        ``continuity`` 0 "online" is the independent sampler with a penalty).
    repetition_frames : int >= 0, how many choices the penalty looks back; at least 1 where there is a penalty.
    block_grains : int >= 1, codebook grains that one matrix product takes at a time, rounded up to whole cells of
        1024. Memory and speed depend on it; the choices do not, up to the rounding of the product.

    Examples
    --------
    >>> from lgr import MatchConfig
    >>> MatchConfig(sampler="online", repetition_penalty=0.2, repetition_frames=8).sampler
    'online'
    >>> MatchConfig(repetition_penalty=0.2)
    Traceback (most recent call last):
        ...
    lgr.errors.ArgumentError: repetition_penalty must be 0 with sampler 'independent', got 0.2: ...
    """

    sampler: Sampler = "independent"
    repetition_penalty: float = 0.0
    repetition_frames: int = 0
    block_grains: int = 4096

    def __post_init__(self) -> None:
        if self.sampler not in get_args(Sampler):
            raise ArgumentError(f"sampler must be one of {', '.join(get_args(Sampler))}, got {self.sampler!r}")
        if not (self.repetition_penalty >= 0 and math.isfinite(self.repetition_penalty)):
            raise ArgumentError(f"repetition_penalty must be finite and >= 0, got {self.repetition_penalty}")
        if self.repetition_frames < 0:
            raise ArgumentError(f"repetition_frames must be >= 0, got {self.repetition_frames}")
        if self.block_grains < 1:
            raise ArgumentError(f"block_grains must be >= 1, got {self.block_grains}")
        if self.repetition_penalty > 0 and self.sampler != "online":
            raise ArgumentError(
                f"repetition_penalty must be 0 with sampler {self.sampler!r}, got {self.repetition_penalty}: "
                'only sampler "online" knows its past when it chooses'
            )
        if self.repetition_penalty > 0 and self.repetition_frames == 0:
            raise ArgumentError(
                f"repetition_frames must be >= 1 with repetition_penalty={self.repetition_penalty}, got 0: "
                "the penalty would look at no choice"
            )
