"""From sounds to a loop that is ready to run, and more sounds while it runs."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from lgr.codebook import CodebookConfig, GrainCodebook
from lgr.codecs.base import Codec
from lgr.errors import ArgumentError
from lgr.live.loop import LiveLoop
from lgr.live.material import Material
from lgr.progress import Progress, silent
from lgr.sounds import Sound
from lgr.sources import build_codebook, with_pitch


def live_loop(
    sources: Sequence[Sound] | GrainCodebook,
    codec: Codec,
    *,
    grain_frames: int | None = None,
    hop_frames: int | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> tuple[LiveLoop, Material]:
    """A loop and what it plays with.

    Parameters
    ----------
    sources : files or ``(audio, sample_rate)``, or a codebook, whose own grain size then holds
    grain_frames : 4 by default
    hop_frames, seed : of ``LiveLoop``

    Examples
    --------
    >>> import lgr
    >>> from lgr.files import assets_dir
    >>> from lgr.live import live_loop
    >>> loop, material = live_loop([assets_dir() / "audio" / "glass.flac"], lgr.load_codec("toy"))
    >>> loop.channels, material.codebook.recordings_[0].name
    (1, 'glass')
    """
    if isinstance(sources, GrainCodebook):
        own = sources.config.grain_frames
        if grain_frames not in (None, own):
            raise ArgumentError(f"grain_frames must be {own} as in the codebook, got {grain_frames}")
        book = with_pitch(sources, codec, progress)
    else:
        config = CodebookConfig() if grain_frames is None else CodebookConfig(grain_frames=grain_frames)
        book = build_codebook(sources, codec, config, pitch=True, progress=progress)
    progress("sorting grains", 0, 1)
    book.latents_.sum()  # a saved codebook is read from the disk as it is used: all of it now, not while it plays
    material = Material.of(book, codec)
    progress("sorting grains", 1, 1)
    return LiveLoop(codec, material, hop_frames=hop_frames, channels=min(2, material.lanes), seed=seed), material


def with_take(material: Material, codec: Codec, audio: Tensor, *, name: str) -> Material:
    """The material with one more recording, such as what was just played: ``audio`` (samples,) at the codec's rate.

    Raises
    ------
    ArgumentError : it is silence
    CodebookError : it is shorter than a grain
    """
    if not float(audio.abs().max() if audio.numel() else torch.zeros(())) > 0:
        raise ArgumentError(f"{name} must have sound in it, got silence")
    sounds = [(audio[None], codec.info.sample_rate)]
    book = build_codebook(sounds, codec, material.codebook.config, pitch=material.codebook.has_pitch)
    book.recordings_ = (replace(book.recordings_[0], name=name),)
    return material.grown(material.codebook.merge(book))
