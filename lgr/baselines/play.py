"""The baselines by name, behind one call."""

import inspect
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from lgr.baselines.base import Baseline, Mosaic, open_task
from lgr.codecs.base import Codec
from lgr.codecs.registry import load_codec
from lgr.errors import ArgumentError
from lgr.progress import Progress
from lgr.rendering import output_rate
from lgr.sounds import Sound

#: Name: (module, function, what it is in a line). A module is imported when its baseline is first played.
BASELINES: dict[str, tuple[str, str, str]] = {
    "random": ("random_grains", "random_grains", "grains drawn blindly: the floor of retention"),
    "unchanged": ("unchanged", "unchanged", "the target through the codec: the ceiling of retention"),
    "source": ("unchanged", "source", "the sources played on, looped: the ceiling of adoption"),
    "mosaic": ("mosaic", "mosaic", "nearest MFCC among grains of the waveform: classic concatenative synthesis"),
    "nmf": ("nmf", "nmf", "sums of the source's spectra by KL-NMF, after Driedger et al. 2015"),
    "particle": ("particle_filter", "particle_filter", "a particle filter after The Concatenator, 2024"),
}

#: Those whose ``Mosaic`` has a score; the others add up many sounds at once, or play one on.
CHOOSES_GRAINS = ("random", "mosaic")


def baseline_names() -> tuple[str, ...]:
    """The names ``play_baseline`` takes.

    Examples
    --------
    >>> from lgr.baselines import baseline_names
    >>> baseline_names()
    ('random', 'unchanged', 'source', 'mosaic', 'nmf', 'particle')
    """
    return tuple(BASELINES)


def play_baseline(
    name: str,
    target: Sound,
    sources: Sequence[Sound],
    *,
    seed: int = 0,
    codec: str | Path | Codec = "bundled",
    grain_frames: int = 4,
    match_loudness: bool = True,
    progress: Progress | None = None,
    **options: Any,
) -> Mosaic:
    """Play ``target`` with the sounds of ``sources`` by another way than ``lgr.resynth``.

    Parameters
    ----------
    name : one of ``baseline_names()``
    target : an audio file, or ``(audio (channels, samples), sample_rate)``
    sources : files or such pairs, at least one
    seed : int >= 0, of the random draws; the same seed gives the same result on one machine
    codec : its rate is worked at, and its frames are the clock; only "random" and "unchanged" decode with it
    grain_frames : int >= 1, length of a grain in the codec's frames, where the baseline has grains
    match_loudness : follow the target's level, as ``resynthesise`` does
    progress : called with (what, done, of)
    options : the baseline's own, see its function

    Returns
    -------
    Mosaic : exactly as long as the target, at its sample rate (the codec's, if that is higher)

    Raises
    ------
    ArgumentError, AudioFileError, CodebookError, WeightsError : each says what was expected and what came

    Examples
    --------
    >>> from lgr.baselines import play_baseline
    >>> from lgr.files import assets_dir
    >>> clips = assets_dir() / "audio"
    >>> blind = play_baseline("random", clips / "drum_loop.flac", [clips / "glass.flac"], codec="toy", seed=3)
    >>> blind.name, blind.audio.shape[0], len(blind.score)
    ('random', 1, 122)
    >>> blind.save("random.wav").name
    'random.wav'
    """
    function = _function(name)
    every = _with_defaults(name, function, options)
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ArgumentError(f"seed must be a whole number >= 0, got {seed!r}")
    codec = load_codec(codec) if isinstance(codec, str | Path) else codec
    started = time.perf_counter()
    task = open_task(
        target,
        sources,
        seed=seed,
        codec=codec,
        grain_frames=grain_frames,
        match_loudness=match_loudness,
        progress=progress,
    )
    audio, score = function(task, **every)
    return Mosaic(
        name=name,
        audio=audio,
        sample_rate=output_rate(task.target, codec.info),
        score=score,
        seed=seed,
        options=every,
        seconds=time.perf_counter() - started,
    )


def _function(name: str) -> Baseline:
    if name not in BASELINES:
        raise ArgumentError(f"name must be one of {', '.join(BASELINES)}, got {name!r}")
    module, function, _ = BASELINES[name]
    found: Baseline = getattr(import_module(f"lgr.baselines.{module}"), function)
    return found


def _with_defaults(name: str, function: Baseline, options: dict[str, Any]) -> dict[str, Any]:
    """A baseline's own options, those that were not given at their defaults."""
    own = {p.name: p.default for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY}
    unknown = sorted(set(options) - set(own))
    if unknown:
        known = ", ".join(own) if own else "none"
        raise ArgumentError(f"options of baseline {name!r} must be among its own ({known}), got {', '.join(unknown)}")
    return own | options
