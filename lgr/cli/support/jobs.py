"""What ``lgr resynth`` and ``lgr sweep`` share: from arguments to a target, sources, a codec and a configuration."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lgr.cli.support.sources import Sources, check_free, codec_for, find_sources, source_weights
from lgr.progress import Progress

if TYPE_CHECKING:
    from lgr.codebook import GrainCodebook
    from lgr.codecs.base import Codec
    from lgr.resynth import Resynthesis
    from lgr.resynth_config import ResynthConfig
    from lgr.sound.audio import AudioInfo


@dataclass(frozen=True)
class Job:
    """A resynthesis whose arguments were found to be sound."""

    target: "AudioInfo"
    sources: Sources
    config: "ResynthConfig"

    @property
    def material(self) -> "list[Path] | GrainCodebook":
        """What ``resynthesise`` takes as its sources."""
        return list(self.sources.files) if self.sources.codebook is None else self.sources.codebook

    @property
    def inputs(self) -> list[Path]:
        """Files that are read, which no result may replace."""
        book = self.sources.codebook
        kept = [Path(r.path) for r in book.recordings_ if r.path] if book is not None else []
        return [self.target.path, *self.sources.files, *kept]

    def open_codec(self, name: str | None, space: str | None = None, levels: int | None = None) -> "Codec":
        return codec_for(self.sources, name, space, levels)

    def check_format(self, path: Path, codec: "Codec") -> None:
        """Try the format of an output on a sample of silence: mp3, for one, does not have every rate."""
        import torch

        from lgr.sound.audio import save_audio

        save_audio(path, torch.zeros(2, 1), max(self.target.sample_rate, codec.info.sample_rate), force=True)

    def at_temperatures(
        self, temperatures: Sequence[float], codec: "Codec", seed: int, progress: "Progress"
    ) -> "Iterator[Resynthesis]":
        """A result for each temperature, one at a time; the sources are encoded once."""
        from lgr.resynth import resynthesise
        from lgr.sound.envelope import Envelope
        from lgr.sources import build_codebook

        config = self.config
        book = self.sources.codebook or build_codebook(
            self.sources.files,
            codec,
            config.codebook_config(),
            augmentations=config.augmentations,
            transpose=config.transpose,
            progress=progress,
        )
        for i, value in enumerate(temperatures):
            progress("temperatures", i, len(temperatures))
            at = replace(config, temperature=Envelope.of(value))
            yield resynthesise(self.target.path, book, codec=codec, config=at, seed=seed)


def job(
    arguments: Sequence[str] | None,
    target: Path,
    codebook: Path | None,
    options: dict[str, Any],
    weights: Sequence[str] | None,
) -> Job:
    """Check everything that can be checked without reading audio or loading a codec.

    ``options`` are those of ``ResynthConfig`` that were given.
    """
    from lgr.resynth_config import ResynthConfig
    from lgr.sound.audio import audio_info

    sources = find_sources(arguments, codebook)
    check_free(sources, options)
    if sources.codebook is not None:
        options = {**options, "grain_frames": sources.codebook.config.grain_frames}
    config = ResynthConfig(**options, source_weights=source_weights(sources, weights))
    return Job(audio_info(target), sources, config)
