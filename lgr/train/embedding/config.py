"""How an embedding is trained: its recipe."""

from dataclasses import dataclass

from lgr.errors import ArgumentError


@dataclass(frozen=True, kw_only=True)
class EmbeddingTrainConfig:
    """The recipe. Minutes on one core of a CPU, encoding included."""

    steps: int = 2000
    batch_size: int = 160  # recordings in a step, two grains of each; fewer where there are fewer
    learning_rate: float = 2e-3  # the highest: up over 50 steps, then down as a cosine
    weight_decay: float = 0.05
    dropout: float = 0.1  # of latents
    noise: float = 0.1  # on latents, in standard deviations
    temperature: float = 0.1  # of the contrast
    contrast_share: float = 0.5  # of the variance of what is compared; the rest is the cepstra's
    copies: int = 3  # of every recording: see GrainsConfig
    grains: int = 12
    grain_frames: int = 4
    pitch_invariant: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "copies", "grains", "grain_frames"):
            if getattr(self, name) < 1:
                raise ArgumentError(f"{name} must be >= 1, got {getattr(self, name)}")
        if self.batch_size < 2:
            raise ArgumentError(f"batch_size must be >= 2, got {self.batch_size}")
        if self.pitch_invariant and self.copies < 3:
            raise ArgumentError(f"copies must be >= 3 to be invariant to pitch, got {self.copies}")
        for name in ("learning_rate", "temperature"):
            if not getattr(self, name) > 0:
                raise ArgumentError(f"{name} must be > 0, got {getattr(self, name)}")
        for name in ("dropout", "contrast_share"):
            if not 0 <= getattr(self, name) < 1:
                raise ArgumentError(f"{name} must be at least 0 and below 1, got {getattr(self, name)}")
