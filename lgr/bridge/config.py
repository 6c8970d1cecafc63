"""What a bridge is made of."""

from dataclasses import asdict, dataclass
from typing import Any, Self

from lgr.errors import ArgumentError


@dataclass(frozen=True, kw_only=True)
class BridgeConfig:
    """Sizes of a bridge. The paper's has 12 layers and is for speech in abundance; these train on a CPU.

    ``given`` is how many of the codec's levels are taken as known where nothing else is said: 1 in the paper, of 10
    bits; a codec whose levels have 4 bits needs more of them to say as much. Training draws any number up to
    ``most_given``.
    """

    latent_dim: int
    levels: int  # of the codec's quantizer
    entries: int  # of each level
    given: int = 1
    most_given: int = 4
    a_pass: int = 1  # levels that coarse-to-fine predicts in one pass
    width: int = 168
    layers: int = 6
    heads: int = 6
    expansion: int = 3  # of the layers between
    reach: int = 32  # frames to either side that a layer attends to
    noise: float = (
        0.5  # standard deviation of the Schrödinger bridge's path, if nothing held its ends; see schrodinger.py
    )

    def __post_init__(self) -> None:
        for name in ("latent_dim", "levels", "entries", "a_pass", "width", "layers", "heads", "expansion", "reach"):
            if getattr(self, name) < 1:
                raise ArgumentError(f"{name} must be >= 1, got {getattr(self, name)}")
        if not 1 <= self.given <= self.most_given <= self.levels:
            raise ArgumentError(
                f"given and most_given must be in order in [1, levels={self.levels}], got {self.given} and "
                f"{self.most_given}"
            )
        if self.width % (2 * self.heads):
            raise ArgumentError(f"width must be a multiple of 2 * heads={2 * self.heads}, got {self.width}")
        if not self.noise > 0:
            raise ArgumentError(f"noise must be > 0, got {self.noise}")

    @property
    def context(self) -> int:
        """Frames to either side on which a frame's result depends."""
        return self.layers * self.reach

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """``TypeError`` or ``ArgumentError`` for what ``to_json`` did not write."""
        return cls(**data)
