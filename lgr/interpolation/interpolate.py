"""From sounds to a sound between them: encode, take an atom of each, go along a path, decode.

The result is the path alone, or with ``context_seconds`` the first sound up to where the path leaves it, the path, and
the last sound from where the path reaches it: paper 003's figure 1. The sounds themselves are heard as recorded, the
path as decoded; the decoder is given the latents of the sounds around it too, so that it does not start from nothing.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor

from lgr.codecs.base import Codec, CodecInfo
from lgr.errors import ArgumentError
from lgr.latents.path import PathConfig, path
from lgr.models.labels import find_label, label_weights
from lgr.progress import Progress
from lgr.sound.level import within_full_scale
from lgr.sounds import Sound, decode_lanes, encode_lanes, read, with_length

ENDPOINTS = ("edge", "mean")
LEAD_SECONDS = 0.5  # of the sounds' latents around a path, for decoders with a memory
MEAN_SECONDS = 1.0  # that a mean atom is the mean of, where no context says otherwise


@dataclass(frozen=True, kw_only=True)
class InterpolationConfig:
    """How to get from one sound to the next.

    ``endpoints``: ``edge`` leaves from the last atom of the first sound and arrives at the first of the last one;
    ``mean`` goes between the means of the atoms of their contexts. Sounds on the way give their middle atom, or mean.
    ``fade_seconds`` of each sound's context, next to the path, pass from the recording to the decoded sound and back,
    so that the waveforms meet; the path itself is not touched.

    Examples
    --------
    >>> from lgr.interpolation.interpolate import InterpolationConfig
    >>> from lgr.latents.path import PathConfig
    >>> InterpolationConfig(path=PathConfig(kind="slerp", pace="ease"), seconds=2.0).to_json()["endpoints"]
    'edge'
    """

    path: PathConfig = field(default_factory=PathConfig)
    seconds: float = 1.0
    context_seconds: float = 0.0
    endpoints: str = "edge"
    fade_seconds: float = 0.01

    def __post_init__(self) -> None:
        if self.endpoints not in ENDPOINTS:
            raise ArgumentError(f"endpoints must be one of {', '.join(ENDPOINTS)}, got {self.endpoints!r}")
        if not 0 < self.seconds < math.inf:
            raise ArgumentError(f"seconds must be > 0, got {self.seconds}")
        for name in ("context_seconds", "fade_seconds"):
            value = getattr(self, name)
            if not 0 <= value < math.inf:
                raise ArgumentError(f"{name} must be >= 0, got {value}")
        if self.context_seconds > 0 and self.path.returns:
            raise ArgumentError(
                f"a {self.path.kind} of {self.path.turns:g} loops ends where it began, and context_seconds puts the "
                f"last sound after it: give it {self.path.turns + 0.5:g} loops, or no context"
            )

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Interpolation:
    """A sound between sounds. ``seams`` are the samples at which the path begins and ends in ``audio``."""

    audio: Tensor  # (channels, samples)
    seams: tuple[int, int]
    latents: Tensor  # (lanes, latent_dim, frames) of the path
    codec: CodecInfo
    config: InterpolationConfig

    @property
    def sample_rate(self) -> int:
        return self.codec.sample_rate


def interpolate(
    sounds: Sequence[Sound],
    codec: Codec,
    config: InterpolationConfig | None = None,
    *,
    seed: int = 0,
    from_seconds: float | None = None,
    to_seconds: float | None = None,
    labels: Sequence[str | None] = (),
    progress: Progress | None = None,
) -> Interpolation:
    """Go from the first sound to the last.

    Parameters
    ----------
    sounds : two files or (audio, sample_rate) pairs; more with the kind ``spline``
    seed : of a path that wanders, and of a ``random`` pace
    from_seconds, to_seconds : where the first sound is left (its end by default) and the last is reached (its start)
    labels : one for each sound, of a codec with labels (its ``labels``); None keeps what ``encode`` gave. None between
        two labels is on the straight line from the one to the other
    progress : called before each sound is encoded

    Raises
    ------
    ArgumentError, ShapeError, AudioFileError : a sound, time or label that is not there, a path that cannot be

    Examples
    --------
    >>> from lgr import load_codec
    >>> from lgr.files import assets_dir
    >>> from lgr.interpolation.interpolate import InterpolationConfig, interpolate
    >>> clips = assets_dir() / "audio"
    >>> config = InterpolationConfig(seconds=2.0, context_seconds=0.5)
    >>> between = interpolate([clips / "violin.flac", clips / "flute.flac"], load_codec("toy"), config)
    >>> between.audio.shape, between.seams
    (torch.Size([1, 72320]), (12160, 60160))
    """
    config = config or InterpolationConfig()
    if len(sounds) < 2:
        raise ArgumentError(f"sounds must be at least two, got {len(sounds)}")
    info, known = codec.info, codec_labels(codec)
    weights = weights_of_sounds(labels, known, len(sounds), info.name) if any(labels) else [None] * len(sounds)
    audio, latents = [], []
    for i, (sound, weight) in enumerate(zip(sounds, weights, strict=True)):
        if progress is not None:
            progress("encoding", i, len(sounds))
        audio.append(read(sound, codec))
        encoded = encode_lanes(audio[-1], codec)
        if weight is not None:
            encoded = encoded.clone()
            encoded[:, -len(known) :] = weight.to(encoded)[:, None]
        latents.append(encoded)
    lanes = max(x.shape[0] for x in latents)  # a mono sound is alike on both sides of a stereo one
    leave, arrive = _cuts(audio[0], audio[-1], info, from_seconds, to_seconds)
    before, after = latents[0][:, :, :leave].expand(lanes, -1, -1), latents[-1][:, :, arrive:].expand(lanes, -1, -1)
    between = [x.expand(lanes, -1, -1) for x in latents[1:-1]]

    context = round(config.context_seconds * info.frame_rate)
    # The sounds around the path hold its ends already: there they are not played twice.
    twice = context > 0 and config.endpoints == "edge"
    n = max(1 if twice else 2, round(config.seconds * info.frame_rate))
    points = _points(before, between, after, config, context or round(MEAN_SECONDS * info.frame_rate))
    way = []
    for lane in range(lanes):
        generator = torch.Generator().manual_seed(seed)  # the same draws for both sides of a stereo sound
        ends = [p[lane] for p in points]
        line = path(ends, n + 2 * twice, config.path, n_labels=len(known), generator=generator)
        way.append(line[:, 1:-1] if twice else line)

    if progress is not None:
        progress("decoding", 0, 1)
    along = torch.stack(way)  # (lanes, latent_dim, n)
    lead = max(context, round(LEAD_SECONDS * info.frame_rate))
    ahead, behind = before[:, :, -lead:], after[:, :, :lead]
    if config.path.returns:  # after a closed path its own end sounds on
        behind = along[:, :, -1:].expand_as(behind)
    decoded = decode_lanes(torch.cat([ahead, along, behind], dim=2), codec)
    start, end = (frames * info.hop_length for frames in (ahead.shape[2], ahead.shape[2] + n))
    first = last = decoded[:, :0]
    if context:
        kept, fade = context * info.hop_length, round(config.fade_seconds * info.sample_rate)
        heard = with_length(audio[0], leave * info.hop_length)[:, -kept:].expand(len(decoded), -1)
        first = _fade_into(heard, decoded[:, :start], fade)
        heard = audio[-1][:, arrive * info.hop_length :][:, :kept].expand(len(decoded), -1)
        last = _fade_into(heard.flip(1), decoded[:, end:].flip(1), fade).flip(1)
    return Interpolation(
        audio=within_full_scale(torch.cat([first, decoded[:, start:end], last], dim=1), info.sample_rate),
        seams=(first.shape[1], first.shape[1] + end - start),
        latents=along,
        codec=info,
        config=config,
    )


def codec_labels(codec: Codec) -> tuple[str, ...]:
    """Names of the label weights that are the last dimensions of a conditional codec's latents; () for any other."""
    return tuple(getattr(codec, "labels", ()))


def weights_of_sounds(labels: Sequence[str | None], known: Sequence[str], n: int, codec: str) -> list[Tensor | None]:
    """Label weights ``(len(known),)`` of ``n`` sounds: one-hot, linear between two labels, None before and after them.

    Labels are told apart by their letters, not their case. ``ArgumentError`` names one that is not known.
    """
    if len(labels) != n:
        raise ArgumentError(f"labels must be one for each of {n} sounds, got {len(labels)}")
    names = {i: find_label(label, known, codec) for i, label in enumerate(labels) if label}
    given = {i: label_weights([name], known)[0] for i, name in names.items()}
    weights: list[Tensor | None] = []
    for i in range(n):
        left = max((k for k in given if k <= i), default=None)
        right = min((k for k in given if k >= i), default=None)
        if left is None or right is None:
            weights.append(None)
        else:
            weights.append(torch.lerp(given[left], given[right], (i - left) / max(1, right - left)))
    return weights


def _points(
    before: Tensor, between: Sequence[Tensor], after: Tensor, config: InterpolationConfig, mean_frames: int
) -> list[Tensor]:
    """The point ``(lanes, latent_dim)`` of each sound that the path goes through."""
    if config.endpoints == "mean":
        return [x.mean(2) for x in (before[:, :, -mean_frames:], *between, after[:, :, :mean_frames])]
    return [before[:, :, -1], *(x[:, :, x.shape[2] // 2] for x in between), after[:, :, 0]]


def _cuts(
    first: Tensor, last: Tensor, info: CodecInfo, from_seconds: float | None, to_seconds: float | None
) -> tuple[int, int]:
    """The frame before which the first sound is left, at least 1, and the frame at which the last is reached."""
    rate, hop = info.sample_rate, info.hop_length
    lasts = [x.shape[1] / rate for x in (first, last)]
    if from_seconds is not None and not 0 < from_seconds <= lasts[0]:
        raise ArgumentError(
            f"from_seconds must be > 0 and at most the first sound's {lasts[0]:.6g}, got {from_seconds}"
        )
    if to_seconds is not None and not 0 <= to_seconds < lasts[1]:
        raise ArgumentError(
            f"to_seconds must be >= 0 and before the last sound's end, {lasts[1]:.6g}, got {to_seconds}"
        )
    samples = first.shape[1] if from_seconds is None else round(from_seconds * rate)
    # A frame that the sound does not fill has silence in it: the last whole one is the sound's last atom.
    leave = max(1, samples // hop)
    arrive = 0 if to_seconds is None else min(round(to_seconds * rate) // hop, info.frames(last.shape[1]) - 1)
    return leave, arrive


def _fade_into(recorded: Tensor, decoded: Tensor, fade: int) -> Tensor:
    """``recorded`` whose last ``fade`` samples pass over to the end of ``decoded``, in weights that sum to one."""
    fade = min(fade, recorded.shape[1], decoded.shape[1])
    if fade == 0:
        return recorded
    weight = ((torch.arange(fade, device=recorded.device) + 0.5) / fade).to(recorded)
    mixed = torch.lerp(recorded[:, -fade:], decoded[:, -fade:], weight)
    return torch.cat([recorded[:, :-fade], mixed], dim=1)
