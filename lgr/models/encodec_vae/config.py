"""Sizes of the EnCodec VAEs (paper 003, 4.4): ``linear_path`` says which of the two a config is of."""

import math
from dataclasses import dataclass

from lgr.errors import ArgumentError
from lgr.models.grain_model import GrainModelConfig


@dataclass(frozen=True, kw_only=True)
class EncodecVAEConfig(GrainModelConfig):
    """Sizes. The paper's: ``n_filters=32``, ``linear_path=False`` (``SEANetVAE``), ``latent_dim`` 16 or 128. Ours, for
    small machines: ``linear_path=True`` (``LinearPathVAE``).

    With 12 filters and 16 latents the weights are two million numbers. ``strides`` are the encoder's, first layer
    first; their product is ``hop_length``.
    """

    hop_length: int = 320
    latent_dim: int = 16
    n_filters: int = 12
    strides: tuple[int, ...] = (2, 4, 5, 8)
    lstm_layers: int = 2  # 0 leaves the LSTM out
    linear_path: bool = True
    noise_levels: int = 2  # of the latents; 0 leaves the noise out, as a model without a linear path always does

    def __post_init__(self) -> None:
        object.__setattr__(self, "strides", tuple(self.strides))  # JSON has lists only
        super().__post_init__()
        if not isinstance(self.n_filters, int) or self.n_filters < 1:
            raise ArgumentError(f"n_filters must be a whole number >= 1, got {self.n_filters!r}")
        if not isinstance(self.lstm_layers, int) or self.lstm_layers < 0:
            raise ArgumentError(f"lstm_layers must be a whole number >= 0, got {self.lstm_layers!r}")
        whole = all(isinstance(stride, int) and stride >= 1 for stride in self.strides)
        if not whole or math.prod(self.strides) != self.hop_length:
            raise ArgumentError(
                f"strides must be whole numbers whose product is hop_length {self.hop_length}, got {self.strides}"
            )
        if self.linear_path and self.latent_dim > self.hop_length:
            raise ArgumentError(
                f"latent_dim must be at most hop_length {self.hop_length} with linear_path, got {self.latent_dim}"
            )
        most = min(self.latent_dim - 1, self.hop_length // 8)
        if not isinstance(self.noise_levels, int) or self.noise_levels < 0:
            raise ArgumentError(f"noise_levels must be a whole number >= 0, got {self.noise_levels!r}")
        if self.linear_path and self.noise_levels > most:
            raise ArgumentError(
                f"noise_levels must be below latent_dim {self.latent_dim} and at most hop_length / 8, "
                f"got {self.noise_levels}"
            )

    @property
    def n_kept(self) -> int:
        """How many of the latents are coefficients of the waveform: the first ones."""
        return self.latent_dim - self.noise_levels if self.linear_path else 0
