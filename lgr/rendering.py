"""Audio from a score: gather the chosen latents, join them, blend with the target, decode, follow the target's level.

Every result is made here, from the score alone, so playing a saved score again gives the same audio bit for bit.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from lgr.bridge.files import load_bridge
from lgr.bridge.polish import polished
from lgr.codecs.base import Codec, CodecInfo
from lgr.codecs.registry import load_codec
from lgr.errors import CodebookError
from lgr.latents.grains import join
from lgr.progress import Progress
from lgr.score import Score
from lgr.sound.audio import resample
from lgr.sound.level import gained, levelling_gain_db, within_full_scale
from lgr.sound.loudness import as_loud_as
from lgr.sound.recording import Recording
from lgr.sounds import decode_lanes, encode_levelled, read, unchanged, with_length


def output_rate(target: Recording, info: CodecInfo) -> int:
    """The result's sample rate: the target's, so that lengths agree to the sample, or the codec's if that is higher.

    Examples
    --------
    >>> from lgr import Recording
    >>> from lgr.codecs import codec_card
    >>> from lgr.rendering import output_rate
    >>> output_rate(Recording("drums", "", 44100, 88200), codec_card("bundled").info)
    44100
    """
    return max(target.sample_rate, info.sample_rate)


def samples_at(recording: Recording, sample_rate: int) -> int:
    """Length of a recording resampled to ``sample_rate``, as ``lgr.sound.audio.resample`` makes it."""
    return max(1, round(recording.samples * sample_rate / recording.sample_rate))


def result_lanes(score: Score, info: CodecInfo) -> int:
    """Lanes of a result: two where the target or a recording is stereo and the codec is mono, else one.

    All of the score's recordings count, whether it plays them or not: they, too, are in the codebook that chose.
    """
    stereo = any(recording.channels == 2 for recording in (score.target, *score.recordings))
    return 2 if stereo and info.channels == 1 else 1


def extra_samples(info: CodecInfo) -> int:
    """Silence to put after a target so that a causal codec with look-ahead finishes the last hop."""
    return info.lookahead if info.causal else 0


def target_frames(target: Recording, info: CodecInfo) -> int:
    """Latent frames of a target."""
    return info.frames(samples_at(target, info.sample_rate) + extra_samples(info))


def render_latents(
    score: Score,
    codec: Codec,
    latents: Sequence[Tensor | None],
    target_audio: Tensor | None,
    target_latents: Tensor | None,
) -> Tensor:
    """The audio of a score whose material is at hand: ``(channels, samples)`` at ``output_rate``.

    Parameters
    ----------
    latents : of each of the score's recordings, (lanes, latent_dim, frames), encoded at its ``level_gain_db``; None
        only where the score plays none of it
    target_audio : (channels, samples) at the codec's rate and its own level; needed for ``match_loudness``
    target_latents : (lanes, latent_dim, target_frames), at its ``level_gain_db``; needed where ``wet`` is below 1
    """
    info, config = codec.info, score.render
    frames = target_frames(score.target, info)
    lanes = result_lanes(score, info)
    like = next(x for x in latents if x is not None)
    grains = like.new_empty(lanes, len(score), info.latent_dim, score.grain_frames)
    within = torch.arange(score.grain_frames)
    owner, source_frame = torch.from_numpy(score.recording), torch.from_numpy(score.source_frame)
    for i, x in enumerate(latents):
        mine = torch.nonzero(owner == i)[:, 0]
        if mine.numel() == 0:
            continue
        assert x is not None
        at = source_frame[mine][:, None] + within  # (grains of this recording, grain_frames)
        if int(at.min()) < 0 or int(at.max()) >= x.shape[2]:
            raise CodebookError(
                f"score: recording {score.recordings[i].name!r} has {x.shape[2]} frames, "
                f"and a grain of {score.grain_frames} frames at frame {int(source_frame[mine].max())} does not fit"
            )
        grains[:, mine] = x[:, :, at].movedim(1, 2).expand(lanes, -1, -1, -1)
    played = join(grains, torch.from_numpy(score.target_frame), frames)  # (lanes, latent_dim, frames)
    if config.wet.minimum < 1:
        assert target_latents is not None
        wet = config.wet.at(_frame_seconds(frames, info)).to(played)
        # Two products, not a lerp: at wet 0 and 1 the result is exactly the one or the other.
        played = wet * played + (1 - wet) * target_latents.expand(lanes, -1, -1)
    if config.bridge:
        played = polished(
            played,
            codec,
            load_bridge(config.bridge, codec),
            levels=config.bridge_levels,
            steps=config.bridge_steps,
            seed=score.seed,
        )
    audio = decode_lanes(played, codec)
    if config.match_loudness:
        assert target_audio is not None
        return finish(audio, score.target, info, target_audio)
    return finish(audio * _own_levels(score, info, frames, audio.shape[1]), score.target, info, None)


def _own_levels(score: Score, info: CodecInfo, frames: int, samples: int) -> Tensor:
    """Gains ``(samples,)`` that give back to each grain, and to the target, the level of its recording."""
    undone = -torch.tensor([r.level_gain_db for r in score.recordings])[torch.from_numpy(score.recording)]
    grains = undone.view(1, -1, 1, 1).expand(1, -1, 1, score.grain_frames)
    gain_db = join(grains, torch.from_numpy(score.target_frame), frames)[0, 0]
    if score.render.wet.minimum < 1:
        wet = score.render.wet.at(_frame_seconds(frames, info)).to(gain_db)
        gain_db = wet * gain_db - (1 - wet) * score.target.level_gain_db
    if bool((gain_db == gain_db[0]).all()):
        return (10 ** (gain_db[:1] / 20)).expand(samples)
    moved = torch.nn.functional.interpolate(gain_db[None, None], size=frames * info.hop_length, mode="linear")[0, 0]
    missing = max(0, samples - moved.shape[0])
    return 10 ** (torch.cat([moved, moved[-1:].expand(missing)])[:samples] / 20)


def _frame_seconds(frames: int, info: CodecInfo) -> Tensor:
    return torch.arange(frames, dtype=torch.float64) * info.hop_length / info.sample_rate


def finish(audio: Tensor, target: Recording, info: CodecInfo, reference: Tensor | None) -> Tensor:
    """The last steps of every result: ``(channels, any length)`` at the codec's rate to ``(channels, samples)``.

    It gets the target's length, the level of ``reference`` (channels, samples; the target at the codec's rate) where
    there is one, the sample rate of ``output_rate``, and stays within full scale. Levels are followed where both sounds
    are as loud as recordings are encoded, so what is too quiet to be lifted does not depend on the target's gain.
    """
    audio = with_length(audio, samples_at(target, info.sample_rate))
    if reference is not None:
        if reference.shape[0] not in (1, audio.shape[0]):
            reference = reference.mean(0, keepdim=True)
        audio = gained(audio, levelling_gain_db(audio, info.sample_rate))
        followed = as_loud_as(audio, gained(reference, target.level_gain_db), info.sample_rate)
        audio = gained(followed, -target.level_gain_db)
    rate = output_rate(target, info)
    if rate != info.sample_rate:
        audio = resample(audio, info.sample_rate, rate)
    # There and back again a length may be rounded twice: 5001 samples at 44.1 kHz come back as 5000.
    return within_full_scale(with_length(audio, samples_at(target, rate)), rate)


def open_codec(score: Score) -> Codec:
    """The codec a score was made with, with the options it had."""
    return load_codec(score.codec, **score.codec_options)


def render(score: Score, *, codec: Codec | None = None, progress: Progress | None = None) -> tuple[Tensor, int]:
    """Play a score: ``(channels, samples)`` and the sample rate.

    The recordings it plays, and the target if it is needed, are read from the files that the score names.

    Parameters
    ----------
    score : what is played; its recordings and its target are found by their paths
    codec : that the score was made with; None loads it by its name
    progress : called with (what, done, of)

    Returns
    -------
    audio : Tensor, (channels, samples) in [-1, 1], as long as the target
    sample_rate : int, Hz, of ``output_rate``

    Raises
    ------
    CodebookError : a file is gone or has changed, or the score does not fit the codec

    Examples
    --------
    >>> import lgr
    >>> from lgr.files import assets_dir
    >>> clips = assets_dir() / "audio"
    >>> score = lgr.resynthesise(clips / "drum_loop.flac", [clips / "glass.flac"], codec="toy", seed=1).score
    >>> audio, sample_rate = lgr.render(score)
    >>> again, _ = lgr.render(score)
    >>> bool((audio == again).all()), sample_rate
    (True, 24000)
    """
    codec = open_codec(score) if codec is None else codec
    info = codec.info
    config = score.render
    same = (info.sample_rate, info.hop_length, info.version) == (
        score.sample_rate,
        score.hop_length,
        config.codec_version or info.version,
    )
    if not same or (info.name != score.codec and not config.codec_version):

        def said(name: str, rate: int, hop: int, version: str) -> str:
            return f"{name} ({rate} Hz, hop {hop}{f', version {version}' if version else ''})"

        made = said(score.codec, score.sample_rate, score.hop_length, config.codec_version)
        given = said(info.name, info.sample_rate, info.hop_length, info.version)
        raise CodebookError(f"score: made with {made}, and the codec is {given}")
    used = set(score.recording.tolist())
    latents: list[Tensor | None] = []
    for i, recording in enumerate(score.recordings):
        if progress is not None:
            progress("encoding sources", i, len(score.recordings))
        audio = read(unchanged(recording, "recording"), codec, recording) if i in used else None
        latents.append(None if audio is None else encode_levelled(audio, recording, codec))
    target_audio = target_latents = None
    if config.match_loudness or config.wet.minimum < 1:
        target_audio = read(unchanged(score.target, "target"), codec)
        if config.wet.minimum < 1:
            target_latents = encode_levelled(target_audio, score.target, codec, extra=extra_samples(info))
    if progress is not None:
        progress("decoding", 0, 1)
    result = render_latents(score, codec, latents, target_audio, target_latents)
    return result, output_rate(score.target, info)
