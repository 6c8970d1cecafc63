"""How a target is played with the grains of sources: everything but the sounds, the codec and the seed."""

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from lgr.codebook import CodebookConfig
from lgr.errors import ArgumentError
from lgr.latents.vectors import Metric
from lgr.matching import MatchConfig, Sampler
from lgr.score.render_config import ALL_GRAINS, RenderConfig
from lgr.sound.envelope import Envelope
from lgr.sources import check_transpose

SamplerChoice = Literal["auto"] | Sampler

ENVELOPES = ("temperature", "continuity", "pitch", "wet")
# The best of a search: benchmarks/experiments/defaults.py
NEARLY_NEAREST, MOSTLY, MELODIES = Envelope.of(0.05), Envelope.of(0.9), Envelope.of(0.7)
NEVER = Envelope.of(0.0)


@dataclass(frozen=True, kw_only=True)
class ResynthConfig:
    """Everything but the sounds, the codec and the seed. Numbers that may change over time also take envelopes
    (``"0:0.1,5:1.0"``: seconds of the target, value).

    Examples
    --------
    >>> import lgr
    >>> config = lgr.ResynthConfig(grain_frames=2, temperature="0:0.0,4:0.3", continuity=0.9)
    >>> config.hop, str(config.temperature)
    (2, '0:0,4:0.3')
    >>> lgr.ResynthConfig(wet=2)
    Traceback (most recent call last):
        ...
    lgr.errors.ArgumentError: wet must stay within 0 and 1, got 2
    """

    grain_frames: int = 4  # length of a grain, in latent frames (13.3 ms each with the bundled codec)
    hop_frames: int | None = None  # from one target grain to the next; None: grains end to end
    stride: int = 1  # from one source grain to the next
    metric: Metric = "centred"  # how grains are compared
    embedding: str = ""  # of metric "learned": a folder; "": the one that ships for the codec
    sampler: SamplerChoice = "auto"  # "auto": "chain" where continuity is above 0, else "independent"
    temperature: Envelope = NEARLY_NEAREST  # distance units; 0: nothing is left to chance (see lgr/matching/viterbi.py)
    continuity: Envelope = MOSTLY  # probability in [0, 1) of playing on; 0 where nothing can play on
    pitch: Envelope = MELODIES  # how much pitch counts against timbre, 0 to 1, where the target has one
    wet: Envelope = ALL_GRAINS  # 1: all grains, 0: all target
    match_loudness: bool = True  # follow the target's level (cosine ignores it)
    bridge: str = ""  # polish what was chosen: a kind that lgr ships for the codec, or a folder; "": leave it
    bridge_levels: int | None = None  # of the codec's codes that are kept then; None: as the bridge was made for
    bridge_steps: int | None = None  # evaluations of the network; None: the kind's own
    silence_db: float | None = None  # leave out source grains below this level
    repetition_penalty: float = 0.0  # added distance of recently played grains; sampler "online" only
    repetition_frames: int = 0  # how many grains back the penalty looks
    source_weights: tuple[Envelope, ...] = ()  # one a source (augmented copies follow their original); () all alike
    augmentations: tuple[str, ...] = ()  # copies of every source, such as "speed=1.12" or "gain=-6"
    transpose: tuple[int, int] = (0, 0)  # lowest and highest semitones by which grains may be transposed

    def __post_init__(self) -> None:
        for name in ENVELOPES:
            object.__setattr__(self, name, Envelope.of(getattr(self, name)))
        object.__setattr__(self, "source_weights", tuple(Envelope.of(w) for w in self.source_weights))
        object.__setattr__(self, "augmentations", tuple(self.augmentations))
        object.__setattr__(self, "transpose", check_transpose(self.transpose))
        if self.continuity is MOSTLY and (self.sampler == "independent" or self.hop % max(1, self.stride)):
            object.__setattr__(self, "continuity", NEVER)  # nobody asked for it, and nothing could play on
        if self.temperature.minimum < 0:
            raise ArgumentError(f"temperature must be >= 0, got {self.temperature}")
        if not (self.continuity.minimum >= 0 and self.continuity.maximum < 1):
            raise ArgumentError(f"continuity must be at least 0 and below 1, got {self.continuity}")
        if not (self.pitch.minimum >= 0 and self.pitch.maximum <= 1):
            raise ArgumentError(f"pitch must stay within 0 and 1, got {self.pitch}")
        if self.sampler == "independent" and self.continuity.maximum > 0:
            raise ArgumentError(
                f'continuity must be 0 with sampler "independent", got {self.continuity}: use "chain" or "auto"'
            )
        if any(w.minimum < 0 for w in self.source_weights):
            raise ArgumentError(f"source_weights must be >= 0, got {', '.join(map(str, self.source_weights))}")
        if self.sampler not in ("auto", *get_args(Sampler)):
            raise ArgumentError(f"sampler must be one of auto, {', '.join(get_args(Sampler))}, got {self.sampler!r}")
        self.codebook_config(), self.match_config(), self.render_config()  # each refuses what it cannot do
        if not 1 <= self.hop <= self.grain_frames:
            raise ArgumentError(f"hop_frames must be in [1, grain_frames={self.grain_frames}], got {self.hop}")
        if self.continuity.maximum > 0 and self.hop % self.stride:
            # no source grain starts where another one plays on, so continuity would silently do nothing
            raise ArgumentError(
                f"hop_frames must be a multiple of stride={self.stride} with continuity above 0, got {self.hop}: "
                "use stride 1 or another hop_frames"
            )

    @property
    def hop(self) -> int:
        """Frames from one target grain to the next."""
        return self.grain_frames if self.hop_frames is None else self.hop_frames

    def codebook_config(self) -> CodebookConfig:
        return CodebookConfig(
            grain_frames=self.grain_frames,
            stride=self.stride,
            metric=self.metric,
            silence_db=self.silence_db,
            embedding=self.embedding,
        )

    def match_config(self) -> MatchConfig:
        if self.sampler == "auto":
            follows: Sampler = "chain" if self.continuity.maximum else "independent"
            chosen: Sampler = "online" if self.repetition_penalty else follows
        else:
            chosen = self.sampler
        return MatchConfig(
            sampler=chosen, repetition_penalty=self.repetition_penalty, repetition_frames=self.repetition_frames
        )

    def render_config(self) -> RenderConfig:
        return RenderConfig(
            wet=self.wet,
            match_loudness=self.match_loudness,
            bridge=self.bridge,
            bridge_levels=self.bridge_levels,
            bridge_steps=self.bridge_steps,
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; ``ResynthConfig(**data)`` is the way back."""
        data = asdict(self)
        for name in ENVELOPES:
            data[name] = getattr(self, name).to_json()
        data["source_weights"] = [w.to_json() for w in self.source_weights]
        return data
