"""What a running loop plays with: a codebook and the file in which its grains are found."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lgr.codebook import GrainCodebook
from lgr.codecs.base import Codec, check_same_codec
from lgr.errors import ArgumentError
from lgr.latents.vectors import METRICS, NOTHING
from lgr.matching.inverted_file import InvertedFile
from lgr.sound.pitch import pitchedness

EXACT = 8192  # grains up to which every one is looked at
CELLS = 24  # cells a choice looks through, of half the square root of the number of grains


@dataclass(frozen=True)
class Material:
    """Grains ready to be found within a frame's time. A value: the loop takes another one at any step.

    Examples
    --------
    >>> import lgr
    >>> from lgr.files import assets_dir
    >>> from lgr.live import Material
    >>> codec = lgr.load_codec("toy")
    >>> material = Material.of(lgr.build_codebook([assets_dir() / "audio" / "rain.flac"], codec), codec)
    >>> len(material.codebook) == len(material.file.index)
    True
    """

    codebook: GrainCodebook
    fitted: GrainCodebook  # whose mean the metric takes away: what comes later does not move it
    file: InvertedFile
    levels_db: Tensor | None  # (2, M), in the file's order
    quietest_db: Tensor  # (2,), of these
    log_weights: Tensor  # (M,), in the file's order
    weighted: bool  # whether any of these is not 0
    mean: Tensor  # that the metric takes away, as it does
    smallest: float  # norm of a row that has anything to compare
    cells: int  # looked through at each choice
    origin: object  # the same for a material and what it has grown to: their first grains are the same

    @classmethod
    def of(cls, codebook: GrainCodebook, codec: Codec, *, cells: int | None = None) -> "Material":
        """Sort a codebook's grains so that they are found quickly.

        Raises
        ------
        CodebookError : the codebook was made with another codec
        ArgumentError : it takes grains at every ``stride`` frames other than 1, so that nothing could play on
        """
        check_same_codec("material: the codebook", codebook.codec_, codec.info)
        if codebook.config.stride != 1:
            raise ArgumentError(f"material must have grains at every frame (stride 1), got {codebook.config.stride}")
        file = InvertedFile.of(codebook.rows_as(codebook))
        every = len(file.centroids)
        looked = (every if len(codebook) <= EXACT else CELLS) if cells is None else min(cells, every)
        return cls._with(codebook, codebook, file, looked, object())

    @classmethod
    def _with(
        cls, codebook: GrainCodebook, fitted: GrainCodebook, file: InvertedFile, cells: int, origin: Any
    ) -> "Material":
        levels, weights = codebook.levels_db, codebook.log_weights()[file.index]
        levels = None if levels is None else levels[file.index].T.contiguous()
        quietest = torch.full((2,), torch.inf) if levels is None else levels.amin(1)
        mean = fitted.mean_
        if METRICS[codebook.config.metric].whitened:
            mean = (mean.view(codebook.config.grain_frames, -1) @ fitted.whitener_).flatten()
        smallest = max(NOTHING * float(mean.norm()), torch.finfo(mean.dtype).tiny)
        weighted = bool((weights != 0).any())
        return cls(codebook, fitted, file, levels, quietest, weights, weighted, mean, smallest, cells, origin)

    def grown(self, codebook: GrainCodebook) -> "Material":
        """This material with the recordings that ``codebook`` has beyond its own (``GrainCodebook.extend``)."""
        old = len(self.codebook)
        if codebook.recordings_[: len(self.codebook.recordings_)] != self.codebook.recordings_ or len(codebook) < old:
            raise ArgumentError("codebook must be this material's with further recordings, got another")
        file = self.file.grown(codebook.rows_as(self.fitted, old))
        return self._with(codebook, self.fitted, file, self.cells, self.origin)

    @property
    def lanes(self) -> int:
        return self.codebook.lanes

    def row(self, features: Tensor, pitches: Tensor, pitch: float) -> Tensor:
        """The query (D,) of one grain: ``GrainCodebook.transform_jointly``, for one and without its checks.

        Parameters
        ----------
        features, pitches : (feature_dim, grain_frames), (BINS, grain_frames)
        pitch : in [0, 1], how much pitch counts where the grain has one
        """
        timbre = features.T.flatten()
        taken, treatment = self.mean, METRICS[self.codebook.config.metric]
        if treatment.whitened:
            timbre = (features.T @ self.fitted.whitener_).flatten()
        if treatment.centred:
            timbre = timbre - taken
        norm = float(timbre.norm())
        timbre = timbre * (1 / norm if norm > self.smallest else 0.0)
        if not self.codebook.has_pitch:
            return timbre
        heard = pitches.mean(1)
        norm = float(heard.norm())
        weight = pitch * float(pitchedness(heard[None]))
        heard = heard * (math.sqrt(2) * weight / norm if norm > 1e-6 else 0.0)
        return torch.cat([timbre * (math.sqrt(2) * (1 - weight)), heard])

    def plays_on(self, grain: int, hop: int) -> int:
        """The grain ``hop`` frames on in the same recording, -1 where there is none; constant time."""
        starts, recording = self.codebook.starts_, self.codebook.recording_
        later = grain + hop  # stride 1: grains of a recording are numbered frame by frame
        if later >= len(starts) or recording[later] != recording[grain] or starts[later] != starts[grain] + hop:
            return -1
        return later
