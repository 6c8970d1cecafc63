"""What the grain map shows and plays: plain values in and out, nothing of Gradio."""

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
from lgr_app.results import shareable
from lgr_app.scatter import Colours, by_kind, by_number, cloud

COLOURS = ("File", "Time", "Loudness", "Brightness")
LASSO_SECONDS = 20.0  # a lasso around everything plays no longer than this


@dataclass(frozen=True, eq=False)
class Drawn:
    """What is on this visitor's map."""

    corpus: GrainMap
    codec: str
    target: Tensor | None  # (n, 2), its path


@dataclass(frozen=True, eq=False)
class Heard:
    """What a click, a lasso or a path plays, and one sentence on it."""

    audio: Tensor  # (channels, samples)
    sample_rate: int
    score: Score
    said: str


def draw(
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
) -> Drawn:
    """Lay out the grains of checked sources, and the path of a target if there is one."""
    config = CodebookConfig(grain_frames=int(grain_frames), stride=int(stride), metric=metric)  # type: ignore[arg-type]
    corpus = map_grains(sources, codec, config, method=method, seed=seed, progress=progress)
    if target is not None and progress is not None:
        progress("placing the target", 0, 1)
    return Drawn(corpus, codec.info.name, None if target is None else corpus.place(target, codec))


def view(drawn: Drawn, colour: str) -> dict[str, Any]:
    """The value of the ``scatter`` that shows a map in one of ``COLOURS``."""
    corpus = drawn.corpus
    names = [recording.name for recording in corpus.codebook.recordings_]
    owner = corpus.codebook.recording_.numpy()
    return cloud(
        corpus.points.numpy(),
        _colours(corpus, names, colour),
        names,
        name_of=owner,
        seconds=corpus.seconds.numpy(),
        path=None if drawn.target is None else drawn.target.numpy(),
        things="grains",
    )


def _colours(corpus: GrainMap, names: Sequence[str], colour: str) -> Colours:
    if colour == "File":
        return by_kind(corpus.codebook.recording_.numpy(), names)
    if colour == "Time":
        return by_number(corpus.seconds.numpy(), "Time in its file", "s", digits=1)
    if colour == "Loudness":
        return by_number(corpus.level_db.numpy(), "Loudness", "dB")
    if colour == "Brightness":
        return by_number(corpus.centroid_hz.numpy(), "Spectral centroid", "Hz")
    raise ArgumentError(f"colour must be one of {', '.join(COLOURS)}, got {colour!r}")


def caption(drawn: Drawn) -> str:
    """What the picture shows."""
    corpus = drawn.corpus
    info, config = corpus.codebook.codec_, corpus.codebook.config
    dots = f"Each of {len(corpus):,} dots is a grain of {1000 * config.grain_frames / info.frame_rate:.3g} ms"
    if isinstance(corpus.projection, PcaProjection):
        first, second = (100 * share for share in corpus.projection.explained.tolist())
        axes = f"The axes have no unit: across, {first:.0f} % of all differences; upwards, {second:.0f} %."
    else:
        axes = "UMAP keeps neighbours together; how far apart groups lie says little, and the axes have no unit."
    line = "" if drawn.target is None else " The thin line is the target's way, from its dot."
    return f"{dots}; near means alike. {axes}{line}"


def hear_grain(drawn: Drawn, index: int, codec: Codec, *, context_seconds: float = 0.0) -> Heard:
    """One grain alone, with as much of its recording around it as is asked for."""
    codebook, info = drawn.corpus.codebook, codec.info
    index = int(index)
    audio = play_grain(codebook, index, codec, context_frames=round(context_seconds * info.frame_rate))
    score = walk_score(codebook, torch.tensor([index]), hop_frames=codebook.config.grain_frames)
    name = codebook.recordings_[int(codebook.recording_[index])].name
    at, level = float(drawn.corpus.seconds[index]), float(drawn.corpus.level_db[index])
    said = f"One grain of {name}, at {at:.2f} s: {level:.0f} dB, centroid {drawn.corpus.centroid_hz[index]:,.0f} Hz."
    return Heard(audio, info.sample_rate, score, said)


def hear_lasso(drawn: Drawn, indices: Sequence[int], codec: Codec, *, marked: bool = False) -> Heard:
    """Grains of a lasso in the order of their recordings, or marked ones in the order of the marks, as one sound.

    In a lasso each bit of a recording is played once, so that neighbours sound as they were recorded; of more than last
    ``LASSO_SECONDS``, some are taken evenly.
    """
    codebook = drawn.corpus.codebook
    if not indices:
        raise ArgumentError("The lasso holds no grain; draw it around some dots")
    hop, index = _hop(drawn), torch.tensor([int(i) for i in indices])
    if not 0 <= int(index.min()) <= int(index.max()) < len(codebook):
        raise ArgumentError("These dots are of an older map; draw the lasso again")
    once = index if marked else as_recorded(codebook, index, hop)
    played = at_most(once, grains_in(LASSO_SECONDS, codebook, hop))
    score = walk_score(codebook, played, hop_frames=hop)
    less = f", {len(played):,} of them taken evenly" if len(played) < len(once) else ""
    what = "marked grains" if marked else "grains in the lasso"
    return _heard(drawn, score, codec, f"{len(index):,} {what}{less}")


def hear_path(
    drawn: Drawn,
    path: Sequence[Sequence[float]],
    codec: Codec,
    *,
    seconds: float = 4.0,
    neighbours: float = 4,
    seed: int = 0,
) -> Heard:
    """The grains along a drawn line, at a steady pace, as one sound of about ``seconds``."""
    corpus, hop = drawn.corpus, _hop(drawn)
    line = torch.tensor([[float(x), float(y)] for x, y in path]).reshape(-1, 2)
    n = grains_in(seconds, corpus.codebook, hop)
    generator = torch.Generator().manual_seed(seed)
    index = near_line(corpus.points, line, n, neighbours=int(neighbours), generator=generator)
    among = min(int(neighbours), len(corpus))
    score = walk_score(corpus.codebook, index, hop_frames=hop, seed=seed, among=among)
    return _heard(drawn, score, codec, f"{n:,} grains along the path, {score.distinct:,} different ones")


def _hop(drawn: Drawn) -> int:
    """Half a grain: each is cross-faded into the next."""
    return max(1, drawn.corpus.codebook.config.grain_frames // 2)


def _heard(drawn: Drawn, score: Score, codec: Codec, said: str) -> Heard:
    audio = play_walk(score, drawn.corpus.codebook, codec)
    return Heard(audio, codec.info.sample_rate, score, f"{said}: {audio.shape[1] / codec.info.sample_rate:.1f} s.")


def write(heard: Heard, folder: Path, name: str) -> tuple[Path, Path]:
    """Write the sound and the score into ``folder``, for download."""
    audio = save_audio(folder / f"{name}.flac", heard.audio, heard.sample_rate)
    return audio, shareable(heard.score).save(folder / f"{name}.json")
