"""``export_nn_tilde``: one file that Max and Pd load."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import torch

from lgr.codebook import CodebookConfig, GrainCodebook
from lgr.codecs.base import Codec, check_same_codec
from lgr.errors import ArgumentError
from lgr.export.grains import grains_of
from lgr.export.loop import Loop
from lgr.export.nn_tilde import HIGHEST_RATE, LOWEST_RATE, NNTilde, NNTildeCodec
from lgr.export.player import Player
from lgr.export.streams import stream_of
from lgr.files import atomic_path
from lgr.live.config import LiveConfig
from lgr.live.loop import HOP_FRAMES
from lgr.progress import Progress, silent
from lgr.sounds import Sound, read
from lgr.sources import build_codebook, with_pitch

HOST_RATE = 44_100  # Hz, until the host says its own


def export_nn_tilde(
    codec: Codec,
    path: str | Path,
    sources: Sequence[Sound] | GrainCodebook = (),
    *,
    grain_frames: int | None = None,
    hop_frames: int | None = None,
    sample_rate: int = HOST_RATE,
    seed: int = 0,
    config: LiveConfig | None = None,
    force: bool = False,
    progress: Progress = silent,
) -> NNTilde:
    """Write the codec, what it plays with and the live loop to a TorchScript file for nn~ (``[nn~ x.ts forward]``).

    Parameters
    ----------
    codec : one that can be scripted: see ``lgr.export.streams``
    path : of the file, ``.ts``
    sources : files or ``(audio, sample_rate)``, mixed to mono, or a mono codebook, whose own grain size then holds;
        none: the model is silent until it is given a ``buffer~``
    grain_frames : 4 by default
    hop_frames : frames from one choice to the next; None: 2, or 1 where grains are one frame
    sample_rate : of the host, until it says its own, 8,000 to 384,000 Hz
    seed : of the draws
    config : the dials as they are at first
    force : replace a file that is there

    Returns
    -------
    NNTilde : the model as it was written

    Raises
    ------
    ArgumentError : the codec or the codebook cannot be exported
    LgrError : the file cannot be written

    Examples
    --------
    >>> import lgr, torch
    >>> from lgr.export import export_nn_tilde
    >>> from lgr.files import assets_dir
    >>> model = export_nn_tilde(lgr.load_codec("toy"), "toy.ts", [assets_dir() / "audio" / "rain.flac"])
    >>> loaded = torch.jit.load("toy.ts")
    >>> loaded.get_methods(), loaded.forward_params.tolist(), loaded.get_latency()
    (['forward'], [1, 1, 1, 1], [1291])
    >>> loaded(torch.zeros(1, 1, 512)).shape
    torch.Size([1, 1, 512])
    """
    model = nn_tilde(
        codec,
        sources,
        grain_frames=grain_frames,
        hop_frames=hop_frames,
        sample_rate=sample_rate,
        seed=seed,
        config=config,
        progress=progress,
    )
    with atomic_path(path, force=force) as part:
        progress("writing", 0, 1)
        with warnings.catch_warnings():  # TorchScript is no longer developed; nn~ knows nothing else
            warnings.simplefilter("ignore", DeprecationWarning)
            # The player alone first, so that both of its names in the model stay one thing.
            player = cast(Player, torch.jit.script(model.player))
            scripted = torch.jit.script(type(model)(player).eval())
            scripted.save(str(part))  # type: ignore[no-untyped-call]
        progress("writing", 1, 1)
    return model


def nn_tilde(
    codec: Codec,
    sources: Sequence[Sound] | GrainCodebook = (),
    *,
    grain_frames: int | None = None,
    hop_frames: int | None = None,
    sample_rate: int = HOST_RATE,
    seed: int = 0,
    config: LiveConfig | None = None,
    progress: Progress = silent,
) -> NNTilde:
    """The model that ``export_nn_tilde`` writes."""
    stream = stream_of(codec)
    if not LOWEST_RATE <= sample_rate <= HIGHEST_RATE:
        raise ArgumentError(f"sample_rate must be from {LOWEST_RATE} to {HIGHEST_RATE}, got {sample_rate}")
    book: GrainCodebook | None = None
    if isinstance(sources, GrainCodebook):
        own = sources.config.grain_frames
        if grain_frames not in (None, own):
            raise ArgumentError(f"grain_frames must be {own} as in the codebook, got {grain_frames}")
        check_same_codec("the codebook", sources.codec_, codec.info)
        book = with_pitch(sources, codec, progress)
    settings = CodebookConfig() if grain_frames is None else CodebookConfig(grain_frames=grain_frames)
    if not isinstance(sources, GrainCodebook) and sources:
        mono = [(read(sound, codec).mean(0, keepdim=True), codec.info.sample_rate) for sound in sources]
        book = build_codebook(mono, codec, settings, progress=progress)
    size = settings.grain_frames if book is None else book.config.grain_frames
    hop_frames = min(HOP_FRAMES, size) if hop_frames is None else hop_frames
    if not 1 <= hop_frames <= size:
        raise ArgumentError(f"hop_frames must be in [1, grain_frames={size}], got {hop_frames}")
    loop = Loop(
        stream,
        None if book is None else grains_of(book, hop_frames),
        grain_frames=size,
        hop_frames=hop_frames,
        ahead=codec.info.lookahead,
        config=config or LiveConfig(),
    )
    hop = codec.info.hop_length
    loop.seed = seed
    kind = NNTildeCodec if hop & (hop - 1) == 0 else NNTilde
    return kind(Player(loop, sample_rate)).eval()
