"""How the bundled codec is trained: one recipe, whose rate follows the share of the steps done."""

from dataclasses import dataclass

from lgr.errors import ArgumentError

# Settings that a resumed run may change: how long, and how often to look. (The rate falls over the last share of the
# steps: to prolong a run, do it before that share begins.)
FREE_ON_RESUME = ("steps", "checkpoint_seconds", "validate_every")


@dataclass(frozen=True, kw_only=True)
class CodecTrainConfig:
    """The recipe. The rate is held after a warm-up and falls to nothing over the last ``decay`` share of the steps."""

    steps: int = 12000
    batch_size: int = 8
    crop_frames: int = 50
    learning_rate: float = 8e-4
    warmup_steps: int = 200
    decay: float = 0.25
    weight_decay: float = 0.01
    ema: float = 0.999
    log_mel_weight: float = 5.0
    waveform_weight: float = 2.0
    envelope_noise: float = 0.01  # decades
    detail_noise: float = 0.03  # companded units
    splice_share: float = 0.25  # of a batch
    seed: int = 0
    checkpoint_seconds: float = 120.0
    validate_every: int = 1000

    def __post_init__(self) -> None:
        if self.crop_frames < 8:
            raise ArgumentError(f"crop_frames must be >= 8, got {self.crop_frames}")
        if not 0 <= self.splice_share < 1:
            raise ArgumentError(f"splice_share must be at least 0 and below 1, got {self.splice_share}")
        if not 0 < self.decay <= 1:
            raise ArgumentError(f"decay must be above 0 and at most 1, got {self.decay}")

    def rate(self, step: int) -> float:
        """Learning rate at ``step``: a function of the step alone, so resuming changes nothing."""
        warm = min(1.0, (step + 1) / self.warmup_steps)
        left = (self.steps - step) / (self.decay * self.steps)
        return self.learning_rate * warm * min(1.0, max(0.0, left))
