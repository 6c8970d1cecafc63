"""Sizes of the spectral model."""

from dataclasses import dataclass

from lgr.errors import ArgumentError
from lgr.models.grain_model import GrainModelConfig

FRAMES = 2  # spectra a latent vector


@dataclass(frozen=True, kw_only=True)
class SpectralConfig(GrainModelConfig):
    """Lengths in samples. A latent stands for two spectra, ``hop_length / 2`` samples apart.

    ``latent_dim`` counts the level, the two controls and the four of the envelope (``lgr.models.spectral.model``).
    ``kernel_size`` is in latent frames: encoder and decoder see ``(kernel_size - 1)`` past frames a block.
    """

    hop_length: int = 320
    latent_dim: int = 132
    window_length: int = 1024
    width: int = 384
    encoder_blocks: int = 2
    decoder_blocks: int = 4
    kernel_size: int = 3
    expansion: int = 2
    n_bands: int = 80  # mel bands of what matching reads
    band_width: int = 256  # of the perceptron that gives them

    def __post_init__(self) -> None:
        super().__post_init__()
        sizes = ("window_length", "width", "encoder_blocks", "decoder_blocks", "kernel_size", "expansion")
        for name in (*sizes, "n_bands", "band_width"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ArgumentError(f"{name} must be a whole number >= 1, got {value!r}")
        if self.hop_length % (2 * FRAMES):
            raise ArgumentError(f"hop_length must be a multiple of {2 * FRAMES}, got {self.hop_length}")
        if self.window_length % 4 or self.window_length < 4 * self.spacing:
            raise ArgumentError(
                f"window_length must be a multiple of 4 and at least {4 * self.spacing}, twice hop_length, "
                f"got {self.window_length}"
            )
        if self.latent_dim < 8:
            raise ArgumentError(
                f"latent_dim must be >= 8 (level, two controls, four of an envelope, the rest), got {self.latent_dim}"
            )

    @property
    def spacing(self) -> int:
        """Samples between spectra."""
        return self.hop_length // FRAMES

    @property
    def bins(self) -> int:
        return self.window_length // 2 + 1
