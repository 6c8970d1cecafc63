"""Resynthesise: what the tab's controls say, and what its result is compared with."""

from collections.abc import Sequence
from pathlib import Path

from lgr.resynth_config import ResynthConfig
from lgr_app.page.codecs import frame_rate
from lgr_app.page.sounds import MAX_SOURCES


def settings(
    grain_frames: float,
    hop_frames: float,
    stride: float,
    temperature: float,
    continuity: float,
    pitch: float,
    transpose: float,
    wet: float,
    metric: str,
    match_loudness: bool,
    bridge: str = "",
    *,
    weights: Sequence[float] = (),
) -> ResynthConfig:
    """What the controls say; ``ArgumentError`` where they do not go together.

    A hop beyond the grain's length is that length: grains end to end.
    """
    alike = len(set(weights)) <= 1 and not any(weight == 0 for weight in weights)
    return ResynthConfig(
        grain_frames=int(grain_frames),
        hop_frames=min(int(hop_frames), int(grain_frames)),
        stride=int(stride),
        temperature=temperature,  # type: ignore[arg-type]  # ResynthConfig takes numbers for envelopes
        continuity=continuity,  # type: ignore[arg-type]
        pitch=pitch,  # type: ignore[arg-type]
        transpose=(-int(transpose), int(transpose)),
        wet=wet,  # type: ignore[arg-type]
        metric=metric,  # type: ignore[arg-type]  # checked there
        match_loudness=match_loudness,
        bridge=bridge,
        source_weights=() if alike else tuple(weights),  # type: ignore[arg-type]
    )


def grain_length_text(codec: str, grain_frames: float) -> str:
    """How long a grain of so many frames is with a codec."""
    milliseconds = 1000 * grain_frames / frame_rate(codec)
    return f"In frames of the codec: {milliseconds:.3g} ms. Longer grains keep more of the source."


def source_names(paths: Sequence[str | Path] | None) -> list[str]:
    """What to call the sources beside their weights, at most ``MAX_SOURCES``."""
    return [Path(path).stem for path in paths or ()][:MAX_SOURCES]


def sounds_to_compare(
    newest: Path, before: str | None, target: Path, sources: Sequence[Path]
) -> list[tuple[str, Path]]:
    """What the switch changes between: the newest result, the one before it, the target, the sources."""
    older = [("B: the one before", Path(before))] if before and Path(before).is_file() else []
    return [("A: this result", newest), *older, ("Target", target), *((f"Source: {s.stem}", s) for s in sources)]
