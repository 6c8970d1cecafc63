"""How a codebook is made."""

import math
from dataclasses import dataclass

from lgr.errors import ArgumentError
from lgr.latents.vectors import METRICS, Metric


@dataclass(frozen=True, kw_only=True)
class CodebookConfig:
    """How recordings are cut into grains and how grains are compared.

    Examples
    --------
    >>> from lgr import CodebookConfig
    >>> CodebookConfig(grain_frames=2, metric="whitened")
    CodebookConfig(grain_frames=2, stride=1, metric='whitened', silence_db=None, embedding='')
    >>> CodebookConfig(metric="manhattan")
    Traceback (most recent call last):
        ...
    lgr.errors.ArgumentError: metric must be one of cosine, centred, whitened, learned, got 'manhattan'
    """

    grain_frames: int = 4  # length of a grain
    stride: int = 1  # frames from one grain to the next; 1: a grain at every frame
    metric: Metric = "centred"  # see lgr/latents/vectors.py
    silence_db: float | None = None  # grains whose loudest frame is below this level are left out; None keeps all
    embedding: str = (
        ""  # of metric "learned" (see lgr/latents/embedding.py): a folder; "": the one that ships for the codec
    )

    def __post_init__(self) -> None:
        for name in ("grain_frames", "stride"):
            if getattr(self, name) < 1:
                raise ArgumentError(f"{name} must be >= 1, got {getattr(self, name)}")
        if self.metric not in METRICS:
            raise ArgumentError(f"metric must be one of {', '.join(METRICS)}, got {self.metric!r}")
        if self.embedding and self.metric != "learned":
            raise ArgumentError(f'embedding goes with metric "learned", got {self.embedding!r} with {self.metric!r}')
        if self.silence_db is not None and math.isnan(self.silence_db):
            raise ArgumentError("silence_db must be a level in dB or None, got NaN")
