"""A map of grains: every grain of some recordings as a point on a plane, near to those that sound alike.

What is laid out is what matching reads (``GrainCodebook.vectors_``), so near on the map is near to the matcher, as far
as two dimensions can show it. A target's grains are placed by the same fitted projection.

The cost of PCA grows with the cube of a grain's size. So of a grain with more than ``MOST_NUMBERS`` numbers,
neighbouring frames are averaged until no more are left; what plays when within such a grain counts less then.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lgr.codebook import CodebookConfig, GrainCodebook
from lgr.codecs.base import Codec
from lgr.errors import ArgumentError, CodebookError, check_shape
from lgr.latents.grains import grain_starts
from lgr.latents.projection import Projection, fit_projection
from lgr.progress import Progress, silent
from lgr.sounds import Sound, encode_levelled, feature_source, hear, lane_features, read, with_length
from lgr.sources import build_codebook

UMAP_GRAINS = 5000  # UMAP lays out so many; the others go to the mean of their nearest neighbours among these
MOST_NUMBERS = 1280  # of a grain that are laid out
BLOCK = 1024  # grains that are measured or placed at once
SILENT_DB = -120.0  # what is below is silence: it has this level, and a centroid of 0 Hz


@dataclass(frozen=True, kw_only=True, eq=False)
class GrainMap:
    """Grains on a plane, and what each is like. Tensors have one entry a grain of ``codebook``, in its order."""

    codebook: GrainCodebook
    projection: Projection
    points: Tensor  # (n_grains, 2), float32
    seconds: Tensor  # (n_grains,), float32, where each grain starts in its recording
    level_db: Tensor  # (n_grains,), float32, RMS under full scale, at least SILENT_DB
    centroid_hz: Tensor  # (n_grains,), float32, spectral centroid

    def __len__(self) -> int:
        return len(self.points)

    def place(self, target: Sound, codec: Codec) -> Tensor:
        """The path of a target over the map: (n, 2), one point for each of its grains, laid end to end.

        Raises
        ------
        AudioFileError, ArgumentError : the target cannot be read or is digital silence
        """
        recording, audio = hear(target, codec, name="target")
        if not bool(audio.abs().max() > 0):
            raise ArgumentError("target must hold some sound, got digital silence")
        features = lane_features(encode_levelled(audio, recording, codec), feature_source(codec, self.codebook.config))
        length = self.codebook.config.grain_frames
        starts = grain_starts(features.shape[1], length, length, "pad")
        return self.projection.transform(_shorter(self.codebook.transform(features, starts), length))


def map_grains(
    sounds: Sequence[Sound],
    codec: Codec,
    config: CodebookConfig | None = None,
    *,
    method: str = "pca",
    seed: int = 0,
    progress: Progress | None = None,
) -> GrainMap:
    """Cut recordings into grains and lay them out.

    Parameters
    ----------
    sounds : files, or (audio, sample_rate) pairs; at least one
    method : "pca" (at once) or "umap" (neighbourhoods kept better; half a minute, more the first time)
    seed : of UMAP's layout, and of which ``UMAP_GRAINS`` it is fitted to
    progress : called with (what, done, of)

    Raises
    ------
    AudioFileError, ArgumentError, CodebookError : a sound cannot be read, all are silent, or one is shorter than a
        grain; fewer than three grains
    MissingPackageError : UMAP without umap-learn

    Examples
    --------
    >>> from lgr import CodebookConfig
    >>> from lgr.codecs import ToyCodec
    >>> from lgr.files import assets_dir
    >>> from lgr.grain_map.layout import map_grains
    >>> clips, codec = assets_dir() / "audio", ToyCodec(64)
    >>> grain_map = map_grains([clips / "glass.flac"], codec, CodebookConfig(grain_frames=4, stride=4))
    >>> grain_map.points.shape, bool((grain_map.level_db <= 0).all())
    (torch.Size([125, 2]), True)
    >>> grain_map.place(clips / "bells.flac", codec).shape[1]
    2
    """
    report = progress if progress is not None else silent
    codebook = build_codebook(sounds, codec, config, progress=progress)
    if len(codebook) < 3:
        raise CodebookError(f"a map needs at least 3 grains, got {len(codebook)}: use longer sounds or shorter grains")
    # Before the layout, the long part: a sound that cannot be read twice should be known by then.
    facts = []
    for i, sound in enumerate(sounds):
        report("measuring grains", i, len(sounds))
        audio = read(sound, codec).mean(0)
        facts.append(_grain_facts(audio, codebook.source_frame_[codebook.recording_ == i], codebook))
    projection, points = lay_out(codebook, method=method, seed=seed, progress=report)
    codebook.forget_vectors()
    return GrainMap(
        codebook=codebook,
        projection=projection,
        points=points,
        seconds=(codebook.source_frame_.double() / codec.info.frame_rate).float(),
        level_db=torch.cat([level for level, _ in facts]),
        centroid_hz=torch.cat([centroid for _, centroid in facts]),
    )


def lay_out(
    codebook: GrainCodebook, *, method: str = "pca", seed: int = 0, progress: Progress = silent
) -> tuple[Projection, Tensor]:
    """How a codebook's grains go to a plane, and their points (n_grains, 2); as ``map_grains`` says.

    Examples
    --------
    >>> import lgr
    >>> from lgr.files import assets_dir
    >>> from lgr.grain_map.layout import lay_out
    >>> codebook = lgr.build_codebook([assets_dir() / "audio" / "glass.flac"], lgr.load_codec("toy"))
    >>> lay_out(codebook)[1].shape
    torch.Size([494, 2])
    """
    if len(codebook) < 3:
        raise CodebookError(f"a map needs at least 3 grains, got {len(codebook)}: use longer sounds or shorter grains")
    vectors = _shorter(codebook.vectors_, codebook.config.grain_frames)
    info = codebook.codec_
    if method == "umap":
        progress("laying out the map (the first UMAP takes up to a minute)", 0, 1)
        projection = fit_projection(vectors, method=method, codec=info, max_points=UMAP_GRAINS, seed=seed)
        blocks = []
        for done, block in enumerate(torch.split(vectors, BLOCK)):
            progress("placing grains", done * BLOCK, len(vectors))
            blocks.append(projection.transform(block))
        points = torch.cat(blocks)
    else:
        progress("laying out the map", 0, 1)
        projection = fit_projection(vectors, method=method, codec=info, max_points=3, seed=seed)
        points = projection.transform(vectors)
    progress("laying out the map", 1, 1)
    return projection, points


def place_grains(codebook: GrainCodebook, projection: Projection) -> Tensor:
    """Where a projection that was fitted before puts a codebook's grains: (n_grains, 2)."""
    return projection.transform(_shorter(codebook.vectors_, codebook.config.grain_frames))


def _shorter(vectors: Tensor, grain_frames: int) -> Tensor:
    """``vectors`` (n, grain_frames * feature_dim), stretches of frames averaged where these are too many numbers."""
    frames = vectors.view(len(vectors), grain_frames, -1)
    stretches = max(1, MOST_NUMBERS // frames.shape[2])
    if stretches >= grain_frames:
        return vectors
    return torch.cat([each.mean(1) for each in torch.tensor_split(frames, stretches, dim=1)], 1)


def _grain_facts(audio: Tensor, frames: Tensor, codebook: GrainCodebook) -> tuple[Tensor, Tensor]:
    """Levels in dB and spectral centroids in Hz of the grains at ``frames`` of mono ``audio`` (samples,)."""
    hop, rate = codebook.codec_.hop_length, codebook.codec_.sample_rate
    length = codebook.config.grain_frames * hop
    check_shape("audio", audio.shape, "(samples,)", audio.ndim == 1)
    padded = with_length(audio[None], max(audio.numel(), int(frames.max()) * hop + length))[0] if len(frames) else audio
    window = torch.hann_window(length)
    hz = torch.fft.rfftfreq(length, 1 / rate)
    levels, centroids = [audio.new_zeros(0)], [audio.new_zeros(0)]
    for block in torch.split(frames, BLOCK):
        grains = padded[block[:, None] * hop + torch.arange(length)]  # (grains, length)
        level = 10 * torch.log10(grains.square().mean(1) + 10 ** (SILENT_DB / 10))
        magnitude = torch.fft.rfft(grains * window).abs()
        centroid = (magnitude @ hz) / magnitude.sum(1).clamp(min=1e-12)
        levels.append(level)
        centroids.append(torch.where(level > SILENT_DB + 3, centroid, 0.0))
    return torch.cat(levels), torch.cat(centroids)
