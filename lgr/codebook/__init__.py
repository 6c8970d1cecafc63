"""What can be chosen: the grains of recordings, cut, compared and kept."""

from lgr.codebook.codebook import CodebookConfig, GrainCodebook

__all__ = ["CodebookConfig", "GrainCodebook"]
