"""The grain map: what is on it, and what a click, a lasso and a line on it play."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lgr.codebook import CodebookConfig
from lgr.codecs.base import Codec
from lgr.errors import ArgumentError
from lgr.grain_map.layout import GrainMap, map_grains
from lgr.grain_map.walks import as_recorded, at_most, grains_in, near_line, play_grain, play_walk, walk_score
from lgr.latents.projection import PcaProjection
from lgr.progress import Progress
from lgr.score import Score
from lgr.sound.audio import save_audio
from lgr_app.jobs.results import shareable
from lgr_app.page.scatter import Colours, by_kind, by_number, cloud

COLOURS = ("File", "Time", "Loudness", "Brightness")
LASSO_SECONDS = 20.0  # a lasso around everything plays no longer than this


@dataclass(frozen=True, eq=False)
class MapState:
    """What is on one visitor's map."""

    grains: GrainMap
    codec: str
    target_line: Tensor | None  # (n, 2), the target's way over the map


@dataclass(frozen=True, eq=False)
class Walk:
    """What a click, a lasso or a line plays, and one sentence on it."""

    audio: Tensor  # (channels, samples)
    sample_rate: int
    score: Score
    sentence: str


def map_sounds(
    sources: Sequence[Path],
    codec: Codec,
    *,
    target: Path | None = None,
    method: str = "pca",
    grain_frames: float = 8,
    stride: float = 2,
    metric: str = "centred",
    seed: int = 0,
    progress: Progress | None = None,
) -> MapState:
    """Lay out the grains of checked sources, and the way of a target over them if there is one."""
    config = CodebookConfig(grain_frames=int(grain_frames), stride=int(stride), metric=metric)  # type: ignore[arg-type]
    grains = map_grains(sources, codec, config, method=method, seed=seed, progress=progress)
    if target is not None and progress is not None:
        progress("placing the target", 0, 1)
    return MapState(grains, codec.info.name, None if target is None else grains.place(target, codec))


def view(state: MapState, colour: str) -> dict[str, Any]:
    """The value of the ``scatter`` that shows a map in one of ``COLOURS``."""
    grains = state.grains
    names = [recording.name for recording in grains.codebook.recordings_]
    owner = grains.codebook.recording_.numpy()
    return cloud(
        grains.points.numpy(),
        _colours(grains, names, colour),
        names,
        name_of=owner,
        seconds=grains.seconds.numpy(),
        line=None if state.target_line is None else state.target_line.numpy(),
        things="grains",
    )


def _colours(grains: GrainMap, names: Sequence[str], colour: str) -> Colours:
    if colour == "File":
        return by_kind(grains.codebook.recording_.numpy(), names)
    if colour == "Time":
        return by_number(grains.seconds.numpy(), "Time in its file", "s", digits=1)
    if colour == "Loudness":
        return by_number(grains.level_db.numpy(), "Loudness", "dB")
    if colour == "Brightness":
        return by_number(grains.centroid_hz.numpy(), "Spectral centroid", "Hz")
    raise ArgumentError(f"colour must be one of {', '.join(COLOURS)}, got {colour!r}")


def caption(state: MapState) -> str:
    """What the picture shows."""
    grains = state.grains
    info, config = grains.codebook.codec_, grains.codebook.config
    dots = f"Each of {len(grains):,} dots is a grain of {1000 * config.grain_frames / info.frame_rate:.3g} ms"
    if isinstance(grains.projection, PcaProjection):
        first, second = (100 * share for share in grains.projection.explained.tolist())
        axes = f"The axes have no unit: across, {first:.0f} % of all differences; upwards, {second:.0f} %."
    else:
        axes = "UMAP keeps neighbours together; how far apart groups lie says little, and the axes have no unit."
    line = "" if state.target_line is None else " The thin line is the target's way, from its dot."
    return f"{dots}; near means alike. {axes}{line}"


def walk_point(state: MapState, index: int, codec: Codec, *, context_seconds: float = 0.0) -> Walk:
    """One grain alone, with as much of its recording around it as is asked for."""
    codebook, info = state.grains.codebook, codec.info
    index = int(index)
    audio = play_grain(codebook, index, codec, context_frames=round(context_seconds * info.frame_rate))
    score = walk_score(codebook, torch.tensor([index]), hop_frames=codebook.config.grain_frames)
    name = codebook.recordings_[int(codebook.recording_[index])].name
    at, level = float(state.grains.seconds[index]), float(state.grains.level_db[index])
    sentence = (
        f"One grain of {name}, at {at:.2f} s: {level:.0f} dB, centroid {state.grains.centroid_hz[index]:,.0f} Hz."
    )
    return Walk(audio, info.sample_rate, score, sentence)


def walk_lasso(state: MapState, indices: Sequence[int], codec: Codec, *, marked: bool = False) -> Walk:
    """Grains of a lasso in the order of their recordings, or marked ones in the order of the marks, as one sound.

    In a lasso each bit of a recording is played once, so that neighbours sound as they were recorded; of more than last
    ``LASSO_SECONDS``, some are taken evenly.
    """
    codebook = state.grains.codebook
    if not indices:
        raise ArgumentError("The lasso holds no grain; draw it around some dots")
    hop, index = _hop(state), torch.tensor([int(i) for i in indices])
    if not 0 <= int(index.min()) <= int(index.max()) < len(codebook):
        raise ArgumentError("These dots are of an older map; draw the lasso again")
    once = index if marked else as_recorded(codebook, index, hop)
    played = at_most(once, grains_in(LASSO_SECONDS, codebook, hop))
    score = walk_score(codebook, played, hop_frames=hop)
    less = f", {len(played):,} of them taken evenly" if len(played) < len(once) else ""
    what = "marked grains" if marked else "grains in the lasso"
    return _walk(state, score, codec, f"{len(index):,} {what}{less}")


def walk_line(
    state: MapState,
    points: Sequence[Sequence[float]],
    codec: Codec,
    *,
    seconds: float = 4.0,
    neighbours: float = 4,
    seed: int = 0,
) -> Walk:
    """The grains along a drawn line, at a steady pace, as one sound of about ``seconds``."""
    grains, hop = state.grains, _hop(state)
    line = torch.tensor([[float(x), float(y)] for x, y in points]).reshape(-1, 2)
    n = grains_in(seconds, grains.codebook, hop)
    generator = torch.Generator().manual_seed(seed)
    index = near_line(grains.points, line, n, neighbours=int(neighbours), generator=generator)
    among = min(int(neighbours), len(grains))
    score = walk_score(grains.codebook, index, hop_frames=hop, seed=seed, among=among)
    return _walk(state, score, codec, f"{n:,} grains along the line, {score.distinct:,} different ones")


def _hop(state: MapState) -> int:
    """Half a grain: each is cross-faded into the next."""
    return max(1, state.grains.codebook.config.grain_frames // 2)


def _walk(state: MapState, score: Score, codec: Codec, sentence: str) -> Walk:
    audio = play_walk(score, state.grains.codebook, codec)
    return Walk(audio, codec.info.sample_rate, score, f"{sentence}: {audio.shape[1] / codec.info.sample_rate:.1f} s.")


def write_walk(walk: Walk, folder: Path, name: str) -> tuple[Path, Path]:
    """Write the sound and the score into ``folder``, for download."""
    audio = save_audio(folder / f"{name}.flac", walk.audio, walk.sample_rate)
    return audio, shareable(walk.score).save(folder / f"{name}.json")
