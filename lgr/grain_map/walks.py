"""Walks over a map of grains: a line or a choice of points, as a score, and as sound.

A walk has no target: its score is of a made-up one, "walk", as long as the grains played. Like every score it can be
saved, replayed (``lgr.rendering``) and taken elsewhere; what is heard is rendered from it.
"""

import torch
from torch import Tensor

from lgr.codebook import GrainCodebook
from lgr.codecs.base import Codec, check_same_codec
from lgr.errors import ArgumentError, check_shape
from lgr.rendering import extra_samples, render_latents
from lgr.score import Score
from lgr.score.render_config import RenderConfig
from lgr.sound.level import gained, within_full_scale
from lgr.sound.recording import Recording
from lgr.sounds import decode_lanes, encode_lanes

LEAD_FRAMES = 4  # silence before a grain that is heard alone, so that its onset is not cut


def evenly(line: Tensor, n: int) -> Tensor:
    """``n`` points at equal distances along a line through ``line`` (k, 2), its ends included: (n, 2).

    Examples
    --------
    >>> import torch
    >>> from lgr.grain_map.walks import evenly
    >>> evenly(torch.tensor([[0.0, 0.0], [1.0, 0.0], [4.0, 0.0]]), 5)[:, 0]
    tensor([0., 1., 2., 3., 4.])
    """
    check_shape("line", line.shape, "(k, 2) with k at least 1", line.ndim == 2 and line.shape[1] == 2 and len(line) > 0)
    if n < 1:
        raise ArgumentError(f"n must be >= 1, got {n}")
    if not bool(torch.isfinite(line).all()):
        raise ArgumentError("line must be finite, got NaN or infinity")
    line = line.double()
    steps = (line[1:] - line[:-1]).norm(dim=1)
    moved = torch.cat([torch.tensor([True]), steps > 0])  # a pen that rests adds nothing
    line, along = line[moved], torch.cat([torch.zeros(1, dtype=torch.float64), steps.cumsum(0)])[moved]
    if len(line) == 1:
        return line.expand(n, 2).float()
    at = torch.linspace(0, 1, n, dtype=torch.float64) * along[-1]
    right = torch.searchsorted(along, at).clamp(1, len(line) - 1)
    share = (at - along[right - 1]) / (along[right] - along[right - 1])
    return torch.lerp(line[right - 1], line[right], share[:, None]).float()


def near_line(points: Tensor, line: Tensor, n: int, *, neighbours: int = 1, generator: torch.Generator) -> Tensor:
    """The grains that a drawn line passes: at ``n`` even places along it, one of the ``neighbours`` nearest points.

    Parameters
    ----------
    points : (n_grains, 2)
    line : (k, 2), in the coordinates of ``points``
    neighbours : > 0; each of them is equally likely, and 1 is the nearest one for certain
    generator : advanced by ``n`` draws whatever ``neighbours`` is

    Returns
    -------
    Tensor, (n,), int64

    Examples
    --------
    >>> import torch
    >>> from lgr.grain_map.walks import near_line
    >>> points = torch.tensor([[0.0, 0.0], [1.0, 0.1], [2.0, -0.1], [5.0, 5.0]])
    >>> near_line(points, torch.tensor([[0.0, 0.0], [2.0, 0.0]]), 3, generator=torch.Generator().manual_seed(0))
    tensor([0, 1, 2])
    """
    check_shape("points", points.shape, "(n_grains, 2)", points.ndim == 2 and points.shape[1] == 2 and len(points) > 0)
    if neighbours < 1:
        raise ArgumentError(f"neighbours must be >= 1, got {neighbours}")
    among = min(neighbours, len(points))
    places = evenly(line, n)
    draws = torch.rand(n, generator=generator, dtype=torch.float64)
    chosen = []
    for place, draw in zip(torch.split(places, 64), torch.split(draws, 64), strict=True):
        near = torch.cdist(place, points.float()).topk(among, largest=False, sorted=True).indices
        chosen.append(near.gather(1, (draw * among).long()[:, None])[:, 0])
    return torch.cat(chosen)


def as_recorded(codebook: GrainCodebook, index: Tensor, hop_frames: int) -> Tensor:
    """Of grains in the order of the codebook, those that play each bit of sound once at its own speed.

    Where grains of one recording start closer together than ``hop_frames``, all but the first are left out.
    """
    starts, owner = codebook.starts_[index].tolist(), codebook.recording_[index].tolist()
    kept: list[int] = []
    for i in range(len(starts)):
        if not kept or owner[i] != owner[kept[-1]] or starts[i] - starts[kept[-1]] >= hop_frames:
            kept.append(i)
    return index[kept]


def at_most(index: Tensor, n: int) -> Tensor:
    """``index`` (k,), or ``n`` of it evenly spaced, the first and the last included, where it is longer."""
    if n < 1:
        raise ArgumentError(f"n must be >= 1, got {n}")
    return index if len(index) <= n else index[torch.linspace(0, len(index) - 1, n).round().long()]


def grains_in(seconds: float, codebook: GrainCodebook, hop_frames: int) -> int:
    """How many grains, ``hop_frames`` apart, last about ``seconds``; at least one."""
    frames = seconds * codebook.codec_.frame_rate - codebook.config.grain_frames
    return max(1, 1 + round(frames / hop_frames))


def walk_score(codebook: GrainCodebook, index: Tensor, *, hop_frames: int, seed: int = 0, among: int = 1) -> Score:
    """The score that plays grains one after the other.

    Parameters
    ----------
    index : (n,), int64, into the codebook; n at least 1
    hop_frames : from one grain to the next, in [1, grain_frames]; where grains overlap they are cross-faded
    seed, among : of how many equally likely grains each was drawn, and with what seed; for the record

    Examples
    --------
    >>> import torch
    >>> from lgr import build_codebook, load_codec
    >>> from lgr.files import assets_dir
    >>> from lgr.grain_map.walks import play_walk, walk_score
    >>> codec = load_codec("toy")
    >>> codebook = build_codebook([assets_dir() / "audio" / "glass.flac"], codec)
    >>> score = walk_score(codebook, torch.tensor([40, 7, 7, 100]), hop_frames=4)
    >>> len(score), play_walk(score, codebook, codec).shape
    (4, torch.Size([1, 5120]))
    """
    length, info = codebook.config.grain_frames, codebook.codec_
    check_shape("index", index.shape, "(n,) with n at least 1", index.ndim == 1 and len(index) > 0)
    if int(index.min()) < 0 or int(index.max()) >= len(codebook):
        raise ArgumentError(f"index must be in [0, {len(codebook)}), got {int(index.min())} to {int(index.max())}")
    if not 1 <= hop_frames <= length:
        raise ArgumentError(f"hop_frames must be in [1, grain_frames={length}], got {hop_frames}")
    frames = (len(index) - 1) * hop_frames + length
    samples = max(1, frames * info.hop_length - extra_samples(info))
    unknown = torch.full((len(index),), torch.nan)
    return Score(
        codec=info.name,
        sample_rate=info.sample_rate,
        hop_length=info.hop_length,
        grain_frames=length,
        hop_frames=hop_frames,
        seed=seed,
        target=Recording("walk", "", info.sample_rate, samples),
        recordings=codebook.recordings_,
        render=RenderConfig(match_loudness=False, codec_version=info.version),
        target_frame=(torch.arange(len(index)) * hop_frames).numpy(),
        recording=codebook.recording_[index].numpy(),
        source_frame=codebook.source_frame_[index].numpy(),
        probability=torch.full((len(index),), 1 / among).numpy(),
        similarity=unknown.numpy(),
        entropy=torch.full((len(index),), float(among)).log().numpy(),
    )


def play_walk(score: Score, codebook: GrainCodebook, codec: Codec) -> Tensor:
    """What ``render`` makes of a score of this codebook's grains: (channels, samples) at ``output_rate``."""
    check_same_codec("the codebook", codebook.codec_, codec.info)
    return render_latents(score, codec, codebook.recording_latents(), None, None)


def play_grain(
    codebook: GrainCodebook, index: int, codec: Codec, *, seconds: float = 0.4, context_frames: int = 0
) -> Tensor:
    """One grain with the codec's own silence around it: (channels, samples) at the codec's rate.

    Parameters
    ----------
    seconds : what it lasts together, about; longer where the grain and its context are
    context_frames : frames of its recording that are heard before and after it

    Examples
    --------
    >>> from lgr import build_codebook, load_codec
    >>> from lgr.files import assets_dir
    >>> from lgr.grain_map.walks import play_grain
    >>> codec = load_codec("toy")
    >>> codebook = build_codebook([assets_dir() / "audio" / "glass.flac"], codec)
    >>> play_grain(codebook, 40, codec, seconds=0.4).shape
    torch.Size([1, 9600])
    """
    check_same_codec("the codebook", codebook.codec_, codec.info)
    if not 0 <= index < len(codebook):
        raise ArgumentError(f"index must be in [0, {len(codebook)}), got {index}")
    if context_frames < 0:
        raise ArgumentError(f"context_frames must be >= 0, got {context_frames}")
    info, own = codec.info, int(codebook.recording_[index])
    recording = codebook.recording_latents()[own]
    start = int(codebook.source_frame_[index])
    heard = recording[..., max(0, start - context_frames) : start + codebook.config.grain_frames + context_frames]
    after = max(LEAD_FRAMES, round(seconds * info.frame_rate) - LEAD_FRAMES - heard.shape[2])
    silence = encode_lanes(torch.zeros(info.channels, (LEAD_FRAMES + after) * info.hop_length), codec).to(heard)
    silence = silence[:1].expand(len(heard), -1, -1)
    around = torch.cat([silence[..., :LEAD_FRAMES], heard, silence[..., LEAD_FRAMES:]], -1)
    own_level = gained(decode_lanes(around, codec), -codebook.recordings_[own].level_gain_db)
    return within_full_scale(own_level, info.sample_rate)
