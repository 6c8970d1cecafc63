"""Where a training run stands: everything that a checkpoint holds, written whole or not at all."""

import copy
import io
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lgr.errors import WeightsError
from lgr.files import atomic_path
from lgr.train.vae.adversary import Adversary
from lgr.train.vae.config import VaeTrainConfig
from lgr.train.vae.steps import Parts


@dataclass
class TrainingState:
    """Weights, their average, the optimiser, and the counters.

    Steps and seconds are counted over the whole run and again within the stage; ``best`` are the averaged weights that
    did best on held-out sound in this stage, ``since_best`` the validations since.
    """

    parts: Parts
    average: Parts
    optimiser: torch.optim.Optimizer
    adversary: Adversary | None = None
    stage: int = 0
    step: int = 0
    stage_step: int = 0
    seconds: float = 0.0
    stage_seconds: float = 0.0
    best: dict[str, Tensor] | None = None
    best_loss: float = math.inf
    since_best: int = 0
    reasons: list[str] = field(default_factory=list)  # why each stage that is over ended

    COUNTERS = ("stage", "step", "stage_step", "seconds", "stage_seconds", "best", "best_loss", "since_best", "reasons")

    @classmethod
    def start(cls, parts: Parts, config: VaeTrainConfig, adversary: Adversary | None = None) -> "TrainingState":
        matrices = [p for p in parts.parameters() if p.ndim >= 2]
        plain = [p for p in parts.parameters() if p.ndim < 2]
        groups: list[dict[str, Any]] = [{"params": matrices}, {"params": plain, "weight_decay": 0.0}]
        optimiser = torch.optim.AdamW(
            [group for group in groups if group["params"]],
            lr=config.learning_rate,
            betas=(0.9, 0.98),
            weight_decay=config.weight_decay,
        )
        return cls(parts, frozen_copy(parts), optimiser, adversary)

    @torch.no_grad()
    def follow(self, momentum: float) -> None:
        """Move the averaged weights towards the present ones."""
        momentum = min(momentum, (1 + self.stage_step) / (10 + self.stage_step))
        now = self.parts.state_dict()
        for name, value in self.average.state_dict().items():
            if torch.is_floating_point(value):
                value.lerp_(now[name], 1 - momentum)
            else:
                value.copy_(now[name])

    def judge(self, loss: float) -> bool:
        """Take note of a held-out loss; whether it is the best of the stage."""
        if not loss < self.best_loss:
            self.since_best += 1
            return False
        self.best_loss, self.since_best = loss, 0
        self.best = {name: value.detach().clone() for name, value in self.average.state_dict().items()}
        return True

    def result(self) -> dict[str, Tensor]:
        """The weights that the run would give if it ended now: the best, else the present averages."""
        return self.best if self.best is not None else self.average.state_dict()

    def next_stage(self) -> None:
        """Go on from this stage's result, with everything that counts within a stage forgotten."""
        result = {name: value.clone() for name, value in self.result().items()}
        self.parts.load_state_dict(result)
        self.average.load_state_dict(result)
        self.stage, self.stage_step, self.stage_seconds = self.stage + 1, 0, 0.0
        self.best, self.best_loss, self.since_best = None, math.inf, 0

    def save(self, path: Path, described: dict[str, Any]) -> None:
        """Write a checkpoint; on a full disk the one before it stays as it was, and ``LgrError`` says so."""
        state = {
            **described,
            "parts": self.parts.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "adversary": None if self.adversary is None else self.adversary.state_dict(),
            **{name: getattr(self, name) for name in self.COUNTERS},
        }
        whole = io.BytesIO()
        torch.save(state, whole)  # into memory first: PyTorch does not say that a disk is full
        with atomic_path(path, force=True) as temporary:
            temporary.write_bytes(whole.getbuffer())

    def restore(self, saved: dict[str, Any]) -> None:
        """Take up a checkpoint of a run with the same parts."""
        self.parts.load_state_dict(saved["parts"])
        self.average.load_state_dict(saved["average"])
        self.optimiser.load_state_dict(saved["optimiser"])
        if self.adversary is not None and saved["adversary"] is not None:
            self.adversary.load_state_dict(saved["adversary"])
        for name in self.COUNTERS:
            setattr(self, name, saved[name])


def frozen_copy(parts: Parts) -> Parts:
    """The same weights, in evaluation mode and without gradients."""
    return copy.deepcopy(parts).eval().requires_grad_(False)


def read_checkpoint(path: Path, device: str) -> dict[str, Any]:
    """A checkpoint's content; ``WeightsError`` where it cannot be read."""
    try:
        saved: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError) as error:
        first = str(error).partition("\n")[0]
        raise WeightsError(f"{path} is damaged and cannot be resumed from: {first}") from error
    return saved
