"""The ends of a path between sounds: where they are in the sounds, what they are labelled, how loud it is there."""

from collections.abc import Sequence

import torch
from torch import Tensor

from lgr.codecs.base import Codec, CodecInfo
from lgr.errors import ArgumentError, check_shape
from lgr.models.labels import find_label, label_weights
from lgr.sound.level_line import END_SECONDS, LOWEST_DB
from lgr.sounds import Sound, read

SILENT_DB = -80.0  # under full scale: below, a sound has no level that a path could go to
FADED_DB = -60.0  # where it goes instead, so that half-way it is not silent yet


def read_sounds(sounds: Sequence[Sound], codec: Codec) -> list[Tensor]:
    """Audio ``(channels, samples)`` of every sound at the codec's rate.

    ``ArgumentError`` or ``ShapeError`` names the sound that is empty, holds NaN, or is no audio; ``AudioFileError`` the
    file that cannot be read.
    """
    heard = []
    for i, sound in enumerate(sounds):
        if isinstance(sound, tuple):
            shape = sound[0].shape
            check_shape(
                f"sound {i + 1}", shape, "(channels, samples), both at least 1", len(shape) == 2 and 0 not in shape
            )
        audio = read(sound, codec)
        if not bool(torch.isfinite(audio).all()):
            raise ArgumentError(f"sound {i + 1} must be finite, got NaN or infinite samples")
        heard.append(audio)
    return heard


def cuts(
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


def end_levels_db(audio: Sequence[Tensor], leave: int, arrive: int, info: CodecInfo) -> Tensor:
    """How loud each sound is where the path meets it, dB under full scale: ``(sounds,)`` float64.

    The first just before it is left, the last just after it is reached, others around their middle; what is
    silent there counts as ``FADED_DB``, so that a path into silence fades rather than stops.
    """
    reach = max(1, round(END_SECONDS * info.sample_rate))
    left, reached = leave * info.hop_length, arrive * info.hop_length
    parts = [audio[0][:, max(0, left - reach) : left]]
    for each in audio[1:-1]:
        middle = each.shape[1] // 2
        parts.append(each[:, max(0, middle - reach // 2) : middle + reach // 2 + 1])
    parts.append(audio[-1][:, reached : reached + reach])
    powers = torch.stack([part.double().square().mean().cpu() for part in parts])
    levels = 10 * torch.log10(powers.clamp(min=10 ** (LOWEST_DB / 10)))
    return torch.where(levels < SILENT_DB, FADED_DB, levels)


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
