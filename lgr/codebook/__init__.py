"""What can be chosen: the grains of recordings, cut, compared and kept."""

from lgr.codebook.codebook import GrainCodebook
from lgr.codebook.config import CodebookConfig

__all__ = ["CodebookConfig", "GrainCodebook"]
