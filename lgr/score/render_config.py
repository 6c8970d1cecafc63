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

    def __post_init__(self) -> None:
        object.__setattr__(self, "wet", Envelope.of(self.wet))
        if not (self.wet.minimum >= 0 and self.wet.maximum <= 1):
            raise ArgumentError(f"wet must stay within 0 and 1, got {self.wet}")

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "wet": self.wet.to_json()}

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """The inverse of ``to_json``; ``CodebookError`` or ``ArgumentError`` for anything else."""
        known = {f.name for f in fields(cls)}
        if not isinstance(data, dict) or not set(data) <= known:
            raise CodebookError(f"score: config.render must have the keys {sorted(known)}, got {data!r}")
        if not isinstance(data.get("codec_version", ""), str) or not isinstance(data.get("match_loudness", True), bool):
            raise CodebookError(f"score: config.render must hold codec_version and match_loudness, got {data!r}")
        return cls(**data)
