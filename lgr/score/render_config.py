"""What becomes of the chosen grains when a score is played; kept in the score, as its ``render``."""

from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from lgr.errors import ArgumentError, CodebookError
from lgr.sound.envelope import Envelope

ALL_GRAINS = Envelope.of(1.0)


@dataclass(frozen=True, kw_only=True)
class RenderConfig:
    """How a score is played.

    Examples
    --------
    >>> from lgr.score.render_config import RenderConfig
    >>> RenderConfig(wet="0:0,2:1").to_json()
    {'wet': [[0.0, 0.0], [2.0, 1.0]], 'match_loudness': True, 'codec_version': ''}
    """

    wet: Envelope = ALL_GRAINS  # 0: the target through the codec; 1: the chosen grains
    match_loudness: bool = True
    codec_version: str = ""  # CodecInfo.version: other weights or another space would play the score otherwise
    bridge: str = ""  # "": none; else what brings the chosen latents back from their coarse codes (lgr.bridge.polish)
    bridge_levels: int | None = None  # of the codes that are kept
    bridge_steps: int | None = None  # evaluations of the network

    def __post_init__(self) -> None:
        object.__setattr__(self, "wet", Envelope.of(self.wet))
        if not (self.wet.minimum >= 0 and self.wet.maximum <= 1):
            raise ArgumentError(f"wet must stay within 0 and 1, got {self.wet}")
        if not isinstance(self.bridge, str):
            raise ArgumentError(f"bridge must be a kind or a folder, got {self.bridge!r}")
        for name in ("bridge_levels", "bridge_steps"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
                raise ArgumentError(f"{name} must be a whole number >= 1, got {value!r}")
            if value is not None and not self.bridge:
                raise ArgumentError(f"{name} is of a bridge, and there is none, got {value}")

    def to_json(self) -> dict[str, Any]:
        data = {**asdict(self), "wet": self.wet.to_json()}
        if not self.bridge:  # as scores were before there were bridges
            data = {name: value for name, value in data.items() if not name.startswith("bridge")}
        return data

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """The inverse of ``to_json``; ``CodebookError`` or ``ArgumentError`` for anything else."""
        known = {f.name for f in fields(cls)}
        if not isinstance(data, dict) or not set(data) <= known:
            raise CodebookError(f"score: config.render must have the keys {sorted(known)}, got {data!r}")
        if not isinstance(data.get("codec_version", ""), str) or not isinstance(data.get("match_loudness", True), bool):
            raise CodebookError(f"score: config.render must hold codec_version and match_loudness, got {data!r}")
        return cls(**data)
