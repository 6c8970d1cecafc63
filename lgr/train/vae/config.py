"""How grain models are trained: one recipe a kind, in stages, whose schedules follow the share of the budget spent."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from lgr.errors import ArgumentError
from lgr.losses import GRAIN_WINDOWS, MEL_BANDS, POWER_FLOOR, TERMS

OWN_TERMS = ("surprise", "linear", "mel", "bands", "loudness")  # of models with an objective of their own
MINUTES = 10.0  # where neither steps nor minutes are given
# Settings that a resumed run may change: how long, how often to look, and the way out of a loss that became NaN.
FREE_ON_RESUME = ("steps", "minutes", "checkpoint_seconds", "validate_every", "patience", "learning_rate", "log_every")


@dataclass(frozen=True, kw_only=True)
class VaeTrainConfig:
    """The recipe. The budget is ``steps`` or ``minutes`` of training, or whichever of the two ends first.

    Schedules are functions of the share of a stage's budget that is spent: with steps alone a function of the step, so
    that a resumed run is bit for bit the unbroken one; with minutes also of the seconds that the checkpoint holds.
    """

    steps: int | None = None
    minutes: float | None = None  # neither: 10 minutes
    batch_size: int = 16
    crop_seconds: float = 1.0
    learning_rate: float = 1e-3
    warmup_steps: int = 50  # at the start of every stage
    decay: float = 0.4  # share of a stage over which the rate falls to nothing
    weight_decay: float = 1e-4
    clip_norm: float = 1.0
    ema: float = 0.998
    beta: float = 1e-3  # of the KL term, in nats a latent vector
    beta_silent: float = 0.1  # share of the budget with beta 0
    beta_ramp: float = 0.2  # share over which it then rises
    windows: tuple[int, ...] = GRAIN_WINDOWS
    alternate_windows: bool = True  # every other one in turn: half the cost
    log_power_weight: float = 0.0  # paper 001
    log_power_floor: float = POWER_FLOOR  # its eps, of a power
    magnitude_weight: float = 1.0  # paper 003
    log_magnitude_weight: float = 0.3  # paper 003
    waveform_weight: float = 0.0
    surprise_weight: float = 0.0  # of the spectral model alone, as are the next four (lgr.models.spectral.objective)
    linear_weight: float = 0.0
    mel_weight: float = 0.0
    bands_weight: float = 0.0
    loudness_weight: float = 0.0
    augment: bool = False  # resampled, mixed and synthetic clips beside the corpus (lgr.train.vae.augment)
    label_dropout: float = 0.2  # share of clips whose label is hidden
    temporal: bool = False  # three stages: grains, series of frozen grains, end to end (paper 001, 3.4)
    stage_shares: tuple[float, float, float] = (0.6, 0.2, 0.2)
    series_beta: float = 1e-4  # of the temporal embedding's KL, in nats a series
    adversarial: bool = False  # encodec-vae only
    adversarial_from: float = 0.5  # share of the budget
    bfloat16: bool = False
    seed: int = 0
    patience: int = 40  # validations without improvement that end a stage
    validate_every: int = 200  # steps
    log_every: int = 20  # steps
    checkpoint_seconds: float = 120.0

    def __post_init__(self) -> None:
        for name in ("windows", "stage_shares"):
            object.__setattr__(self, name, tuple(getattr(self, name)))  # JSON has lists only
        if self.steps is None and self.minutes is None:
            object.__setattr__(self, "minutes", MINUTES)
        for name in ("steps", "batch_size", "patience", "validate_every", "log_every"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or value < 1):
                raise ArgumentError(f"{name} must be a whole number >= 1, got {value!r}")
        if self.minutes is not None and not 0 < self.minutes < float("inf"):
            raise ArgumentError(f"minutes must be above 0, got {self.minutes}")
        for name in ("crop_seconds", "learning_rate", "clip_norm", "log_power_floor"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ArgumentError(f"{name} must be above 0, got {getattr(self, name)}")
        for name in ("beta", "series_beta", *(f"{term}_weight" for term in (*TERMS, *OWN_TERMS))):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ArgumentError(f"{name} must be 0 or more, got {getattr(self, name)}")
        for name in ("ema", "label_dropout", "beta_silent", "beta_ramp", "adversarial_from"):
            if not 0 <= getattr(self, name) <= 1:
                raise ArgumentError(f"{name} must be from 0 to 1, got {getattr(self, name)}")
        if not 0 < self.decay <= 1:
            raise ArgumentError(f"decay must be above 0 and at most 1, got {self.decay}")
        if not any(self.weights().values()):
            raise ArgumentError("one of the reconstruction weights must be above 0, got none")
        if not self.windows or not set(self.windows) <= set(MEL_BANDS):
            raise ArgumentError(f"windows must be some of {tuple(MEL_BANDS)}, got {self.windows}")
        if len(self.stage_shares) != 3 or min(self.stage_shares) <= 0 or abs(sum(self.stage_shares) - 1) > 1e-6:
            raise ArgumentError(f"stage_shares must be three shares above 0 that sum to 1, got {self.stage_shares}")

    def weights(self) -> dict[str, float]:
        """Weights of the reconstruction terms that are above 0."""
        named = {term: getattr(self, f"{term}_weight") for term in (*TERMS, *OWN_TERMS)}
        return {term: weight for term, weight in named.items() if weight > 0}

    @property
    def stages(self) -> tuple[str, ...]:
        return ("grains", "series", "together") if self.temporal else ("grains",)

    def share(self, stage: int) -> float:
        """The share of the whole budget that a stage has."""
        return self.stage_shares[stage] if self.temporal else 1.0

    def progress(self, stage: int, steps: int, seconds: float) -> float:
        """The share of a stage's budget that ``steps`` and ``seconds`` in it have spent; the stage ends at 1."""
        share = self.share(stage)
        spent = 0.0
        if self.steps is not None:
            spent = steps / max(1, round(share * self.steps))
        if self.minutes is not None:
            spent = max(spent, seconds / (60 * share * self.minutes))
        return min(1.0, spent)

    def rate(self, stage_step: int, progress: float) -> float:
        """Learning rate: a warm-up, a plateau, and a fall to nothing over the last ``decay`` share of the stage."""
        warm = min(1.0, (stage_step + 1) / max(1, self.warmup_steps))
        return self.learning_rate * warm * min(1.0, max(0.0, (1 - progress) / self.decay))


# What differs from one kind to the next. The papers' own betas (003: 0.3 and 30) belong to sums that they do not print.
RECIPES: dict[str, dict[str, Any]] = {
    # A floor of 5e-5 instead of paper 001's 5e-3: a decay counts too, and the log-spectral distance falls.
    "granular": {"log_power_weight": 1.0, "log_power_floor": 5e-5, "log_magnitude_weight": 0.0, "beta": 1e-4},
    "ddsp-noise": {},
    "noiseband": {},
    # The KL term in nats a latent beside the likelihood in nats a bin, of which a latent has 1026: an ELBO has 1e-3.
    "spectral": {
        "magnitude_weight": 0.0,
        "log_magnitude_weight": 0.0,
        "surprise_weight": 1.0,
        "linear_weight": 1.0,
        "mel_weight": 2.0,
        "bands_weight": 0.5,
        "loudness_weight": 2.0,
        "beta": 5e-4,
        "beta_silent": 0.02,
        "beta_ramp": 0.1,
        "learning_rate": 5e-4,
        "decay": 0.9,
        "crop_seconds": 0.5,
        "validate_every": 500,
        "augment": True,
    },
    "encodec-vae": {"learning_rate": 3e-4, "waveform_weight": 0.5, "log_magnitude_weight": 0.4, "beta": 1e-4},
}


def recipe(kind: str, **changes: Any) -> VaeTrainConfig:
    """The recipe of a kind with some settings changed; ``ArgumentError`` for a kind that has none."""
    if kind not in RECIPES:
        raise ArgumentError(f"kind must be one of {', '.join(RECIPES)}, got {kind!r}")
    config = VaeTrainConfig(**{**RECIPES[kind], **changes})
    for option, kinds in (("temporal", ("granular", "spectral")), ("adversarial", ("encodec-vae",))):
        if getattr(config, option) and kind not in kinds:
            raise ArgumentError(f"{option} must be off for {kind}: it is an option of {' and '.join(kinds)}")
    return config


def config_values(config: VaeTrainConfig) -> dict[str, Any]:
    """The recipe as plain values, as a checkpoint and a card keep it."""
    return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(config).items()}


def with_budget(config: VaeTrainConfig, minutes: float | None) -> VaeTrainConfig:
    """``config`` with another budget in minutes; as it is for None."""
    return config if minutes is None else replace(config, minutes=minutes)
