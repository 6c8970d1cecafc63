"""How a bridge is trained: its recipe."""

from dataclasses import dataclass

from lgr.errors import ArgumentError

FREE_ON_RESUME = ("steps", "checkpoint_seconds", "validate_every")  # what a run that goes on may change


@dataclass(frozen=True, kw_only=True)
class BridgeTrainConfig:
    """The recipe, the same for every kind. The rate rises, stays, and falls to nothing over a last share, ``decay``."""

    steps: int = 2400
    batch_size: int = 16
    crop_frames: int = 128
    learning_rate: float = 1e-3
    warmup_steps: int = 100
    decay: float = 0.4
    weight_decay: float = 0.01
    ema: float = 0.998
    more_given: float = 0.25  # share of a batch that is given more levels than the fewest
    copies: int = 2  # of every recording, at other levels and places of the frames
    data_share: float = 1.0  # of the recordings that may train: how much a method needs
    bfloat16: bool = False
    seed: int = 0
    checkpoint_seconds: float = 120.0
    validate_every: int = 500

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "crop_frames", "copies", "validate_every"):
            if getattr(self, name) < 1:
                raise ArgumentError(f"{name} must be >= 1, got {getattr(self, name)}")
        if not self.learning_rate > 0:
            raise ArgumentError(f"learning_rate must be > 0, got {self.learning_rate}")
        for name in ("decay", "data_share"):
            if not 0 < getattr(self, name) <= 1:
                raise ArgumentError(f"{name} must be above 0 and at most 1, got {getattr(self, name)}")
        if not 0 <= self.more_given < 1:
            raise ArgumentError(f"more_given must be at least 0 and below 1, got {self.more_given}")

    def rate(self, step: int) -> float:
        """Learning rate at ``step``: a function of the step alone, so resuming changes nothing."""
        warm = min(1.0, (step + 1) / self.warmup_steps)
        left = (self.steps - step) / (self.decay * self.steps)
        return self.learning_rate * warm * min(1.0, max(0.0, left))
