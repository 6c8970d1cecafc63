"""The sounds of the experiments: the bundled clips, in pairs of a target and a source, and the codecs that are here."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from torch import Tensor

from lgr.codecs.base import Codec
from lgr.codecs.registry import codec_card, codec_names, load_codec
from lgr.errors import LgrError
from lgr.files import assets_dir
from lgr.latents.embedding import load_embedding
from lgr.latents.vectors import METRICS, Metric
from lgr.sound.audio import load_audio
from lgr.sounds import Sound

RATE = 24_000  # Hz, at which clips are read and results compared
SEEDS = 3
TARGET_SECONDS = 3.0  # of a pair's target: what the shortest clips have
GRAIN_SECONDS = 0.0533  # 4 frames of the bundled codec
NOT_CODECS = ("toy",)  # an exact transform for tests: nothing to measure


@dataclass(frozen=True)
class Pair:
    """The names of a target and a source among the bundled clips."""

    target_name: str
    source_name: str

    def __str__(self) -> str:
        return f"{self.target_name} ← {self.source_name}"

    @property
    def target(self) -> Tensor:
        """(1, samples) at ``RATE``: the first ``TARGET_SECONDS``, so that no pair weighs more than another."""
        return clip(self.target_name)[:, : round(TARGET_SECONDS * RATE)]

    @property
    def source(self) -> Tensor:
        """(1, samples) at ``RATE``."""
        return clip(self.source_name)

    @property
    def target_sound(self) -> Sound:
        return self.target, RATE

    @property
    def source_sounds(self) -> list[Sound]:
        return [(self.source, RATE)]


PAIRS = (
    Pair("drum_loop", "glass"),  # drums, foley
    Pair("percussion", "foley"),  # drums, foley
    Pair("speech_reader", "rain"),  # speech, texture
    Pair("steel_pan", "piano"),  # notes, instrument
    Pair("choir", "birds"),  # voice, animals
    Pair("flute", "bells"),  # instrument, notes
    Pair("sea", "speech_storyteller"),  # texture, speech
    Pair("thunder", "drum_loop"),  # texture, drums
)

MELODIES = (  # tunes, and single notes or phrases of other instruments to play them with
    Pair("violin", "notes_piano"),
    Pair("flute", "notes_sax"),
    Pair("violin", "notes_guitar"),
    Pair("choir", "notes_sax"),
    Pair("sax", "notes_guitar"),
)

PERCUSSION = tuple(Pair(target, source) for target in ("drum_loop", "percussion") for source in ("glass", "foley"))


def told_pairs(pairs: Sequence[Pair], seeds: int = 0) -> str:
    """The beginning of the sentence that says what an experiment was made with."""
    told = (
        f"bundled clips, {len(pairs)} pairs, at most {TARGET_SECONDS:g} s of each target ({'; '.join(map(str, pairs))})"
    )
    return f"{told}; {seeds} seeds where a draw decides" if seeds else told


def clip_names() -> list[str]:
    """Every bundled clip."""
    return sorted(path.stem for path in (assets_dir() / "audio").glob("*.flac"))


@lru_cache(maxsize=64)
def clip(name: str) -> Tensor:
    """A bundled clip, ``(1, samples)`` at ``RATE``."""
    return load_audio(assets_dir() / "audio" / f"{name}.flac", sample_rate=RATE, channels=1)[0]


def open_codecs(names: Sequence[str] | None = None) -> tuple[dict[str, Codec], list[str]]:
    """The codecs that can be opened here without a download, by name, and of the others a sentence each why not."""
    opened, missing = {}, []
    for name in codec_names() if names is None else names:
        if name in NOT_CODECS:
            continue
        try:
            if codec_card(name).present:
                opened[name] = load_codec(name)
            else:
                missing.append(f"{name} (no weights on this machine)")
        except LgrError as error:  # the sentence may hold paths of this machine, its kind does not
            missing.append(f"{name} ({type(error).__name__} when opened)")
    return opened, missing


def metrics_for(codec: Codec) -> tuple[list[Metric], list[str]]:
    """The metrics that grains of a codec can be compared by here; a sentence where there is no embedding for it."""
    try:
        load_embedding(codec.info)
    except LgrError as error:
        why = f'metric "learned" of {codec.info.name} ({type(error).__name__} when its embedding was opened)'
        return [metric for metric in METRICS if metric != "learned"], [why]
    return list(METRICS), []


def told_codec(codec: Codec) -> str:
    """A codec's name and version, and which embedding it is compared by where there is one."""
    told = f"{codec.info.name} {codec.info.version}".rstrip()
    try:
        return f"{told} (embedding {load_embedding(codec.info).fingerprint})"
    except LgrError:
        return told


def grain_frames_of(codec: Codec) -> int:
    """Frames of a grain of about ``GRAIN_SECONDS``."""
    return max(1, round(GRAIN_SECONDS * codec.info.frame_rate))
