"""Training a learned matcher: an embedding of any codec's latents, from recordings without labels."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lgr.codecs.base import Codec
from lgr.codecs.registry import load_codec
from lgr.errors import ArgumentError
from lgr.latents.embedding import LearnedEmbedding, open_embedding
from lgr.models.timbre_embedding import TimbreEmbeddingConfig
from lgr.progress import Progress, silent
from lgr.train.data import read_manifest
from lgr.train.embedding.config import EmbeddingTrainConfig
from lgr.train.embedding.data import Grains, GrainsConfig, grains_of
from lgr.train.embedding.export import EmbeddingReport, write_embedding, write_report
from lgr.train.embedding.steps import fit, measure
from lgr.train.material import Material, gather


def train_embedding(
    data: str | Path,
    out: str | Path,
    *,
    codec: str | Path | Codec = "bundled",
    config: EmbeddingTrainConfig | None = None,
    model: dict[str, Any] | None = None,
    redistributable_only: bool = True,
    always_held_out: frozenset[str] = frozenset(),
    licence: str = "",
    command: Sequence[str] = (),
    force: bool = False,
    report: Callable[[str], None] | None = None,
    progress: Progress | None = None,
) -> LearnedEmbedding:
    """Train an embedding of ``codec``'s latents on recordings, and write it into the folder ``out``.

    Parameters
    ----------
    data : a folder of recordings or a manifest.csv; an eighth or so of the sources is held out to test on
    out : gets ``config.json``, ``model.safetensors``, ``README.md``, ``metrics.json``, ``training_data.csv`` and
        ``cache/`` with the encoded grains, which may be deleted
    model : settings of ``TimbreEmbeddingConfig`` other than ``latent_dim``
    always_held_out : source groups that never train
    force : replace a model that ``out`` already holds
    report : called with sentences about the data and the result
    progress : called with (what, done, of)

    Raises
    ------
    ArgumentError, AudioFileError, WeightsError : data that cannot be used, a setting out of range, a codec not there
    """
    config = EmbeddingTrainConfig() if config is None else config
    data, out = Path(data), Path(out)
    if not force and (out / "model.safetensors").exists():
        raise ArgumentError(
            f"out already holds a trained model, and it is kept: choose another folder than {out}, or replace it with "
            "--force (force=True)"
        )
    codec = load_codec(codec) if isinstance(codec, str | Path) else codec
    network = TimbreEmbeddingConfig(**(model or {}), latent_dim=codec.info.latent_dim)
    show = progress if progress is not None else silent
    started = time.perf_counter()
    material = gather(
        read_manifest(data, redistributable_only=redistributable_only),
        sample_rate=codec.info.sample_rate,
        cache=out / "cache",
        shortest=config.grain_frames * codec.info.hop_length,
        always_held_out=always_held_out,
        report=report,
    )
    if len(material.training) < 2:
        raise ArgumentError("data must hold at least two recordings to tell apart in training, got one: add some")
    training, held_out = _grains(material, codec, config, network, out / "cache", show)
    net, losses = fit(training, network, config, progress=show)
    figures = measure(net, held_out, config)
    write_embedding(out, net, codec.info, licence=licence)
    told = EmbeddingReport(
        codec=codec.info,
        material=material,
        recipe=asdict(config),
        losses=losses,
        figures=figures,
        seconds=time.perf_counter() - started,
        command=command or ("lgr", "train", "embedding", "--codec", codec.info.name, "--data", data.name),
        licence=licence,
    )
    write_report(out, told, net)
    if report is not None:
        report(f"held out: {', '.join(f'{name} {value:.3f}' for name, value in figures.items())}")
    return open_embedding(out)


def _grains(
    material: Material,
    codec: Codec,
    config: EmbeddingTrainConfig,
    network: TimbreEmbeddingConfig,
    cache: Path,
    progress: Progress,
) -> tuple[Grains, Grains]:
    """The grains of the training and of the held-out recordings."""
    kept = GrainsConfig(
        copies=config.copies,
        grains=config.grains,
        grain_frames=config.grain_frames,
        context_frames=network.context_frames,
        cepstra=network.cepstra,
        pitch_invariant=config.pitch_invariant,
        seed=config.seed,
    )
    training, held_out = (
        grains_of(material.cache, clips, codec, kept, cache, progress)
        for clips in (material.training, material.held_out)
    )
    return training, held_out
