"""A voice: the sounds that a track plays, and the rows of numbers that a model makes them from.

A row is one sound, and its last numbers are label weights. There are two kinds: a **one-shot** is a point of the
temporal embedding (``lgr.one_shots``), ``[e | label weights]``; a **grain path** is a straight line between two grains,
``[z at its beginning | z at its end | label weights]``, which paper 004's drum machine draws on "sample_path". A voice
has one row, or several that its hits take in turn. Rows of a kind can be mixed, so every voice can be morphed.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from lgr.codecs.trained import TrainedCodec
from lgr.errors import ArgumentError, check_shape
from lgr.latents.path import morph, stretch
from lgr.one_shots import draw_one_shots, one_shot_latents, temporal_of

PEAK = 0.5  # of every sound: models draw some hits at 2 and some at .1; six decibels are left for hits that meet
MOST_BOOST_DB = 24.0  # beyond, near silence would become noise
MOST_SOUNDS = 64  # of a voice: a hit a step
LONGEST_SECONDS = 30.0  # of a sound


@dataclass(frozen=True, eq=False)
class Voice:
    """What a track plays.

    Parameters
    ----------
    label : the class it is called by, or None
    kind : "one-shot" or "grain-path": what its rows say
    rows : Tensor, (n, width), what its sounds are made from
    frames : length of its sounds in latent frames
    sounds : Tensor, (n, samples), float32, peak 0.5; hits play them in turn
    """

    label: str | None
    kind: str
    rows: Tensor
    frames: int
    sounds: Tensor


def grain_path_latents(codec: TrainedCodec, rows: Tensor, frames: int) -> Tensor:
    """Latents ``(n, latent_dim, frames)`` of rows ``[z at the beginning | z at the end | label weights]``."""
    size = codec.config.latent_dim
    ends = rows[:, : 2 * size].reshape(-1, 2, size)  # (n, which end, latent_dim)
    lines = torch.stack([stretch(pair.T, frames) for pair in ends])
    return torch.cat([lines, rows[:, 2 * size :, None].expand(-1, -1, frames)], 1)


#: How each kind's rows become latents.
KINDS: dict[str, Callable[[TrainedCodec, Tensor, int], Tensor]] = {
    "one-shot": one_shot_latents,
    "grain-path": grain_path_latents,
}


def make_voice(
    codec: TrainedCodec, label: str | None, rows: Tensor, *, kind: str = "one-shot", frames: int | None = None
) -> Voice:
    """The voice that a model makes of rows: every other way to a voice ends here.

    A sound does not depend on the rows beside its own. It is brought to a peak of 0.5, but raised by at most 24 dB.

    Parameters
    ----------
    codec : a trained model with a temporal embedding
    label : what the voice is called; the rows' own label weights say how it sounds
    rows : Tensor, (n, width), n from 1 to 64
    frames : length in latent frames, 1 or more, 30 s at most; by default that of the series the embedding learned

    Raises
    ------
    ArgumentError : no temporal embedding, a kind there is not, rows that are not this model's, or frames outside these
    """
    trained = temporal_of(codec).config.frames
    frames = trained if frames is None else frames
    if kind not in KINDS:
        raise ArgumentError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    most = int(LONGEST_SECONDS * codec.info.frame_rate)
    if isinstance(frames, bool) or not isinstance(frames, int) or not 1 <= frames <= most:
        raise ArgumentError(f"frames must be 1 to {most} ({LONGEST_SECONDS:g} s), got {frames!r}")
    numbers = temporal_of(codec).config.embedding_dim if kind == "one-shot" else 2 * codec.config.latent_dim
    width = numbers + len(codec.labels)
    ok = rows.ndim == 2 and 1 <= len(rows) <= MOST_SOUNDS and rows.shape[1] == width
    check_shape("rows", rows.shape, f"(n, {width}) with n from 1 to {MOST_SOUNDS}", ok)
    if not bool(torch.isfinite(rows).all()):
        raise ArgumentError("rows must be finite, got NaN or infinity")
    # One at a time: batched products differ in their last bits.
    sounds = [codec.decode(KINDS[kind](codec, row[None], frames))[0, 0] for row in rows]
    return Voice(label, kind, rows, frames, torch.stack([_levelled(sound) for sound in sounds]))


def draw_voice(codec: TrainedCodec, label: str | None, seed: int, *, nth: int = 0, frames: int | None = None) -> Voice:
    """A one-shot of a class: the ``nth`` (from 0) that ``lgr sample`` draws with this seed, at a kit's level.

    Examples
    --------
    >>> from lgr import load_codec
    >>> from lgr.drums import draw_voice
    >>> draw_voice(load_codec("drums-spectral"), "kick", seed=3).sounds.shape
    torch.Size([1, 30720])
    """
    found = None if label is None else codec.find_label(label)
    return make_voice(codec, found, draw_one_shots(codec, found, nth + 1, seed)[nth:], frames=frames)


def sample_path(codec: TrainedCodec, label: str | None, seed: int, *, frames: int | None = None) -> Voice:
    """A sound that no drum made: a straight line between two random grains of a class, as long as a one-shot.

    Paper 004's "sample_path" ("draws a randomized linear path in the grain space"). Grains drawn from a Gaussian decode
    to near silence in the bundled models, where most of what was heard in training is decay; so the ends are frames of
    two one-shots that are drawn, the first from the first quarter of its series, the second from anywhere.
    """
    found = None if label is None else codec.find_label(label)
    trained = temporal_of(codec).config.frames
    series = one_shot_latents(codec, draw_one_shots(codec, found, 2, seed))[:, : codec.config.latent_dim]
    generator = torch.Generator().manual_seed(seed)
    at = [int(torch.randint(n, (), generator=generator)) for n in (max(1, trained // 4), trained)]
    weights = codec.label_weights(found)
    row = torch.cat([series[0, :, at[0]], series[1, :, at[1]], weights])
    return make_voice(codec, found, row[None], kind="grain-path", frames=frames)


def morph_voices(codec: TrainedCodec, a: Voice, b: Voice, amount: float) -> Voice:
    """The voice that is ``amount`` of the way from ``a`` to ``b``: 0 is ``a`` and 1 sounds as ``b``, bit for bit.

    It keeps the name and length of ``a``.

    Raises
    ------
    ArgumentError : an amount outside [0, 1], voices of two kinds, lengths or numbers of sounds
    """
    if not 0 <= amount <= 1:
        raise ArgumentError(f"amount must be 0 to 1, got {amount}")
    _check_alike(a, b)
    rows = morph(a.rows.T, b.rows.T, torch.full((len(a.rows),), float(amount), dtype=torch.float64)).T
    return make_voice(codec, a.label, rows.contiguous(), kind=a.kind, frames=a.frames)


def voice_series(codec: TrainedCodec, a: Voice, b: Voice, n: int) -> Voice:
    """A voice of ``n`` sounds, evenly from that of ``a`` to that of ``b``, both included, which its hits play in turn.

    Raises
    ------
    ArgumentError : n outside 2 to 64, voices of two kinds or lengths, or of several sounds already
    """
    if not 2 <= n <= MOST_SOUNDS:
        raise ArgumentError(f"n must be 2 to {MOST_SOUNDS} sounds, got {n}")
    _check_alike(a, b)
    if len(a.rows) != 1:
        raise ArgumentError(f"a series goes between voices of one sound each, got one of {len(a.rows)}")
    rows = stretch(torch.cat([a.rows, b.rows]).T, n).T
    return make_voice(codec, a.label, rows.contiguous(), kind=a.kind, frames=a.frames)


def _check_alike(a: Voice, b: Voice) -> None:
    for name, one, other in (
        ("kind", a.kind, b.kind),
        ("number of sounds", len(a.rows), len(b.rows)),
        ("length in frames", a.frames, b.frames),
    ):
        if one != other:
            raise ArgumentError(f"two voices must be of one {name} to be mixed, got {one} and {other}")


def _levelled(sound: Tensor) -> Tensor:
    """``sound`` (samples,) at the peak ``PEAK``, raised by no more than ``MOST_BOOST_DB``; on the CPU in float32."""
    sound = sound.detach().to("cpu", torch.float32)
    peak = float(sound.abs().max())
    return sound * (min(PEAK / peak, 10 ** (MOST_BOOST_DB / 20)) if peak > 0 else 1.0)
