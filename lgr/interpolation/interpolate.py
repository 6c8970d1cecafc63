"""From sounds to a sound between them: encode, go along a path between an end in each, decode.

The result is the path alone, or with ``context_seconds`` the first sound up to where the path leaves it, the path, and
the last sound from where the path reaches it: paper 003's figure 1. The sounds themselves are heard as recorded, the
path as decoded; the decoder is given the latents of the sounds around it too, so that it does not start from nothing.

The ends are held or move (``ENDS``). Held is the paper's: between two atoms. A decoder that copies waveforms then says
the same few milliseconds over and over, a hum at its frame rate; one that makes new sound for every frame passes
through the sounds between, but the one moment that it left stays: a drop of rain becomes a stripe. So the ends move:
each sound goes on playing around its place (``lgr.interpolation.walk``), and the path is at every step between the two
moments that are being played.

The two are mixed as latents and not as audio, since that is where a codec may know what is between. Midway through the
bundled codec the spectrum is 3.6 dB from the mean of the two log spectra from violin to flute, 2.4 from sax to piano,
1.3 from rain to sea; cross-faded, the same playing is 5.0, 6.2 and 4.3 dB from it, and otherwise alike: hum, flux and
modulation. Cross-fading is nearer where one sound is full of gaps (fire to drums, 2.0 and 4.9 dB); a codec whose
latents are a wave's own samples (``toy``) cross-fades either way. Drawing every grain from the one end or the other
was tried too: it sounds both in turn and nothing between. Figures: ``benchmarks/interpolation.py``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from lgr.codecs.base import Codec, CodecInfo, generates
from lgr.errors import ArgumentError
from lgr.interpolation.config import InterpolationConfig
from lgr.interpolation.ends import codec_labels, cuts, end_levels_db, read_sounds, weights_of_sounds
from lgr.interpolation.level import on_the_line
from lgr.interpolation.route import Route, Sounds, held_route, moving_route
from lgr.interpolation.walk import LEAST_FRAMES
from lgr.latents.controls import LEVEL, check_controls, level_gain, steer, without_level
from lgr.progress import Progress
from lgr.sound.level import within_full_scale
from lgr.sounds import Sound, decode_lanes, encode_lanes, with_length

__all__ = ["Interpolation", "InterpolationConfig", "interpolate"]

LEAD_SECONDS = 0.5  # of the sounds' latents around a path, for decoders with a memory


@dataclass(frozen=True, kw_only=True)
class Interpolation:
    """A sound between sounds. ``seams`` are the samples at which the path begins and ends in ``audio``.

    ``ends`` says what was done, "held" or "moving". ``walks`` are the frames of its own that each sound played in the
    meantime, ``(frames of the path,)`` each; () where the ends are held.
    """

    audio: Tensor  # (channels, samples)
    seams: tuple[int, int]
    latents: Tensor  # (lanes, latent_dim, frames) of the path, its controls moved but for the level
    codec: CodecInfo
    config: InterpolationConfig
    ends: str
    walks: tuple[Tensor, ...] = ()

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

    Circles, spirals, splines and paths that wander are kept in the region that the sounds' own latents live in
    (``lgr.latents.region``), and nothing passes full scale.

    Parameters
    ----------
    sounds : two files or (audio, sample_rate) pairs; more with the kind ``spline``
    seed : of the walks of moving ends, of a path that wanders, and of a ``random`` pace
    from_seconds, to_seconds : where the first sound is left (its end by default) and the last is reached (its start)
    labels : one for each sound, of a codec with labels (its ``labels``); None keeps what ``encode`` gave. None between
        two labels is on the straight line from the one to the other
    progress : called before each sound is encoded

    Raises
    ------
    ArgumentError, ShapeError, AudioFileError : a sound, time or label that is not there, a path that cannot be, a sound
        too short to go on playing where the ends move, a control that the codec does not have

    Examples
    --------
    >>> from lgr import load_codec
    >>> from lgr.files import assets_dir
    >>> from lgr.interpolation.interpolate import InterpolationConfig, interpolate
    >>> clips = assets_dir() / "audio"
    >>> config = InterpolationConfig(seconds=2.0, context_seconds=0.5)
    >>> between = interpolate([clips / "violin.flac", clips / "flute.flac"], load_codec("toy"), config)
    >>> between.audio.shape, between.seams, between.ends
    (torch.Size([1, 72320]), (12160, 60160), 'moving')
    """
    config = config or InterpolationConfig()
    if len(sounds) < 2:
        raise ArgumentError(f"sounds must be at least two, got {len(sounds)}")
    check_controls(codec, config.controls)
    info = codec.info
    heard = _hear(sounds, codec, labels, from_seconds, to_seconds, progress)
    too_short = min(x.shape[2] for x in heard.latents) < LEAST_FRAMES
    moving = config.ends != "held" and not (config.ends is None and too_short and generates(codec))
    context = round(config.context_seconds * info.frame_rate)
    # The sounds around the path hold its ends already: there they are not played twice.
    twice = context > 0 and config.endpoints == "edge"
    n = max(1 if twice else 2, round(config.seconds * info.frame_rate)) + 2 * twice
    route = (moving_route if moving else held_route)(heard, codec, config, n, seed)
    route = route.without_ends() if twice else route
    # After the region and without the sounds around: a path may be brighter than all that it leads through.
    route = replace(route, latents=steer(codec, route.latents, without_level(config.controls)))

    if progress is not None:
        progress("decoding", 0, 1)
    lead = max(context, round(LEAD_SECONDS * info.frame_rate))
    first, inside, last = _play(heard, route, codec, config, lead)
    if context:
        kept, fade = context * info.hop_length, round(config.fade_seconds * info.sample_rate)
        recorded = with_length(heard.audio[0], heard.leave * info.hop_length)[:, -kept:].expand(len(inside), -1)
        first = _fade_into(recorded, first, fade)
        recorded = heard.audio[-1][:, heard.arrive * info.hop_length :][:, :kept].expand(len(inside), -1)
        last = _fade_into(recorded.flip(1), last.flip(1), fade).flip(1)
    else:
        first = last = inside[:, :0]
    return Interpolation(
        audio=within_full_scale(torch.cat([first, inside, last], dim=1), info.sample_rate),
        seams=(first.shape[1], first.shape[1] + inside.shape[1]),
        latents=route.latents,
        codec=info,
        config=config,
        ends="moving" if moving else "held",
        walks=route.walks,
    )


def _hear(
    sounds: Sequence[Sound],
    codec: Codec,
    labels: Sequence[str | None],
    from_seconds: float | None,
    to_seconds: float | None,
    progress: Progress | None,
) -> Sounds:
    """The sounds read, encoded, labelled, and cut where the path meets them."""
    known = codec_labels(codec)
    weights = weights_of_sounds(labels, known, len(sounds), codec.info.name) if any(labels) else [None] * len(sounds)
    audio, latents = read_sounds(sounds, codec), []
    leave, arrive = cuts(audio[0], audio[-1], codec.info, from_seconds, to_seconds)
    for i, (samples, weight) in enumerate(zip(audio, weights, strict=True)):
        if progress is not None:
            progress("encoding", i, len(sounds))
        encoded = encode_lanes(samples, codec)
        if weight is not None:
            encoded = encoded.clone()
            encoded[:, -len(known) :] = weight.to(encoded)[:, None]
        latents.append(encoded)
    lanes = max(x.shape[0] for x in latents)  # a mono sound is alike on both sides of a stereo one
    return Sounds(audio=audio, latents=[x.expand(lanes, -1, -1) for x in latents], leave=leave, arrive=arrive)


def _play(
    heard: Sounds, route: Route, codec: Codec, config: InterpolationConfig, lead: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Decoded: ``lead`` frames of the first sound (or all it has), the path on its level, as much of the last."""
    info = codec.info
    ahead, behind = heard.before[:, :, -lead:], heard.after[:, :, :lead]
    if config.path.returns:  # after a closed path its own end sounds on
        behind = route.latents[:, :, -1:].expand_as(behind)
    decoded = decode_lanes(torch.cat([ahead, route.latents, behind], dim=2), codec)
    start, end = (frames * info.hop_length for frames in (ahead.shape[2], ahead.shape[2] + route.latents.shape[2]))
    # What recordings fade into at the seams has the path's gain as well.
    fade = round(config.fade_seconds * info.sample_rate) if config.context_seconds > 0 else 0
    margin = min(fade, start, decoded.shape[1] - end)
    inside = decoded[:, start - margin : end + margin]
    if config.level_line:
        inside = on_the_line(
            inside,
            route.shares,
            end_levels_db(heard.audio, heard.leave, heard.arrive, info),
            info.hop_length,
            info.sample_rate,
            margin=margin,
            playing_db=route.playing_db,
        )
    if LEVEL in config.controls:  # a gain on what has come out: of latents, the line would take it back
        samples = torch.arange(-margin, end - start + margin, dtype=torch.float64).clamp(0, end - start)
        inside = inside * level_gain(config.controls, samples / info.sample_rate).to(inside)
    decoded = torch.cat([decoded[:, : start - margin], inside, decoded[:, end + margin :]], 1)
    return decoded[:, :start], decoded[:, start:end], decoded[:, end:]


def _fade_into(recorded: Tensor, decoded: Tensor, fade: int) -> Tensor:
    """``recorded`` whose last ``fade`` samples pass over to the end of ``decoded``, in weights that sum to one."""
    fade = min(fade, recorded.shape[1], decoded.shape[1])
    if fade == 0:
        return recorded
    weight = ((torch.arange(fade, device=recorded.device) + 0.5) / fade).to(recorded)
    mixed = torch.lerp(recorded[:, -fade:], decoded[:, -fade:], weight)
    return torch.cat([recorded[:, :-fade], mixed], dim=1)
