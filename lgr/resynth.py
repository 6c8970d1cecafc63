"""The main job: play a target with the grains of sources.

    result = resynthesise("beat.wav", ["glass.wav"], seed=3)
    result.save("out.wav")

Both files are encoded, the target's grains choose among the sources' (``lgr.match``), the choices are written down as a
``Score``, and the score is played (``lgr.rendering``).
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import torch
from torch import Tensor

from lgr.bridge.files import lasting_reference, load_bridge
from lgr.codebook import CodebookConfig, GrainCodebook
from lgr.codecs.base import Codec, CodecInfo, check_same_codec
from lgr.codecs.registry import load_codec
from lgr.errors import ArgumentError
from lgr.latents.grains import grain_levels_db, grain_starts
from lgr.matching import match
from lgr.matching.audible import audible_log_weights
from lgr.progress import Progress, silent
from lgr.rendering import extra_samples, output_rate, render_latents
from lgr.resynth_config import ResynthConfig
from lgr.score import Score
from lgr.sound.audio import save_audio
from lgr.sound.recording import Recording
from lgr.sounds import (
    Sound,
    check_heard,
    encode_levelled,
    feature_source,
    frame_levels_db,
    hear,
    lane_features,
    pitch_descriptor,
)
from lgr.sources import build_codebook, with_pitch


@dataclass(frozen=True, kw_only=True)
class Resynthesis:
    """A result: ``audio`` (channels, samples) in [-1, 1], as long as the target, and the score it was played from.

    Examples
    --------
    >>> import lgr
    >>> from lgr.files import assets_dir
    >>> clips = assets_dir() / "audio"
    >>> result = lgr.resynthesise(clips / "drum_loop.flac", [clips / "rain.flac"], codec="toy")
    >>> result.save("drums_of_rain.wav").name
    'drums_of_rain.wav'
    >>> result.score.recordings[0].name, result.seed
    ('rain', 0)
    """

    audio: Tensor
    sample_rate: int
    score: Score
    config: ResynthConfig
    seed: int

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the audio; the format follows the suffix (wav, flac, ogg, mp3)."""
        return save_audio(path, self.audio, self.sample_rate, force=force)


def resynthesise(
    target: Sound,
    sources: Sequence[Sound] | GrainCodebook,
    *,
    codec: str | Path | Codec = "bundled",
    config: ResynthConfig | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Resynthesis:
    """Play ``target`` with the grains of ``sources``.

    Parameters
    ----------
    target : an audio file, or ``(audio (channels, samples), sample_rate)``
    sources : files or such pairs, or a fitted codebook (whose own grain size, stride, metric and gate then hold)
    codec : a name or a folder for ``load_codec``, or a codec
    config : ``ResynthConfig()`` by default
    seed : of the draws; the same seed gives the same result on one machine
    progress : called with (what, done, of)

    Returns
    -------
    Resynthesis : at the target's sample rate (the codec's, if that is higher) and exactly as long as the target. Stereo
        where the target or a source is: both channels play one score.

    Raises
    ------
    ArgumentError, AudioFileError, CodebookError, WeightsError : each says what was expected and what came

    Examples
    --------
    >>> import lgr
    >>> from lgr.files import assets_dir
    >>> clips = assets_dir() / "audio"
    >>> config = lgr.ResynthConfig(temperature=0.05, continuity=0.9)
    >>> result = lgr.resynthesise(
    ...     clips / "drum_loop.flac", [clips / "glass.flac", clips / "foley.flac"], codec="toy", config=config, seed=1
    ... )
    >>> result.audio.shape == lgr.load_audio(clips / "drum_loop.flac")[0].shape
    True
    >>> result.save("drums_of_glass.wav").name
    'drums_of_glass.wav'
    """
    config = ResynthConfig() if config is None else config
    codec = load_codec(codec) if isinstance(codec, str | Path) else codec
    report = progress if progress is not None else silent
    if config.bridge:  # before any work: is it there, and for this codec?
        found = load_bridge(config.bridge, codec)
        config = replace(config, bridge=lasting_reference(config.bridge, found))
        found.check_settings(config.bridge_levels, config.bridge_steps)
    target_recording, target_audio = hear(target, codec, name="target")
    check_heard(target_audio, target_recording)
    if isinstance(sources, GrainCodebook):
        codebook, config = sources, _following(config, sources, codec)
    else:
        codebook = build_codebook(
            sources,
            codec,
            config.codebook_config(),
            augmentations=config.augmentations,
            transpose=config.transpose,
            pitch=config.pitch.maximum > 0,
            progress=progress,
        )
    features = feature_source(codec, codebook.config)
    config = replace(config, embedding=codebook.config.embedding)  # with the fingerprint that was found
    report("encoding target", 0, 1)
    target_latents = encode_levelled(target_audio, target_recording, codec, extra=extra_samples(codec.info))
    wanted = lane_features(target_latents, features)
    levels_db = frame_levels_db(target_audio, codec, wanted.shape[1]) + target_recording.level_gain_db
    pitch = None
    if config.pitch.maximum > 0:
        codebook = with_pitch(codebook, codec, report)
        pitch = pitch_descriptor(target_audio, target_recording, codec, wanted.shape[1])
    score = _choose(target_recording, wanted, pitch, levels_db, codebook, codec.info, config, seed, report)
    report("decoding", 0, 1)
    audio = render_latents(score, codec, codebook.recording_latents(), target_audio, target_latents)
    report("decoding", 1, 1)
    return Resynthesis(
        audio=audio,
        sample_rate=output_rate(target_recording, codec.info),
        score=score,
        config=config,
        seed=seed,
    )


def _choose(
    target: Recording,
    target_features: Tensor,
    pitch: Tensor | None,
    target_db: Tensor,
    codebook: GrainCodebook,
    info: CodecInfo,
    config: ResynthConfig,
    seed: int,
    report: Progress,
) -> Score:
    """Match the target's grains, by their features (feature_dim, frames), pitch (bins, frames) and level (frames,)."""
    starts = grain_starts(target_features.shape[1], config.grain_frames, config.hop, "pad")
    seconds = starts.double() * info.hop_length / info.sample_rate
    weights = _weights(codebook, config, starts, seconds, target_db)
    if pitch is None:
        rows = codebook.transform(target_features, starts), codebook.vectors_
    else:
        weight = config.pitch.at(seconds)
        rows = codebook.transform_jointly(target_features, pitch, starts, weight), codebook.joint_vectors_
    choices = match(
        *rows,
        temperature=config.temperature.at(seconds),
        continuity=config.continuity.at(seconds),
        config=config.match_config(),
        next_grain=codebook.next_grain(config.hop),
        generator=torch.Generator().manual_seed(seed),
        progress=lambda done, of: report("matching", done, of),
        **weights,
    )
    return Score(
        codec=info.name,
        sample_rate=info.sample_rate,
        hop_length=info.hop_length,
        grain_frames=config.grain_frames,
        hop_frames=config.hop,
        seed=seed,
        target=target,
        recordings=codebook.recordings_,
        made_by={"resynth": config.to_json()},
        render=replace(config.render_config(), codec_version=info.version),
        target_frame=starts.numpy(),
        recording=codebook.recording_[choices.index].numpy(),
        source_frame=codebook.source_frame_[choices.index].numpy(),
        probability=choices.probability.numpy(),
        similarity=choices.similarity.numpy(),
        entropy=choices.entropy.numpy(),
    )


def _weights(
    codebook: GrainCodebook, config: ResynthConfig, starts: Tensor, seconds: Tensor, target_db: Tensor
) -> dict[str, Tensor]:
    """What ``match`` takes for weights: the recordings', over time the sources', and that grains be loud enough."""
    log_weights, levels = codebook.log_weights(), codebook.levels_db
    group, over_time = torch.zeros_like(codebook.recording_), torch.zeros(len(seconds), 1)
    if config.source_weights:
        group, over_time = _source_log_weights(codebook, config, seconds)
    if levels is not None:
        # what is never chosen is no way out
        levels = torch.where(log_weights[:, None] > -torch.inf, levels, levels.amin(0))
        wanted = grain_levels_db(target_db, starts, config.grain_frames)
        group, over_time = audible_log_weights(wanted, levels, group, over_time)
    if not bool(over_time.any()):
        return {"log_weights": log_weights}
    return {"log_weights": log_weights, "recording": group, "recording_log_weights": over_time}


def _source_log_weights(codebook: GrainCodebook, config: ResynthConfig, seconds: Tensor) -> tuple[Tensor, Tensor]:
    """The source of each grain, and log-weights ``(n_grains, sources)``; augmented copies follow their original."""
    recordings = codebook.recordings_
    originals = [i for i, r in enumerate(recordings) if r.original is None]
    given = len(config.source_weights)
    if given not in (len(originals), len(recordings)):
        raise ArgumentError(f"source_weights must be one for each of {len(originals)} sources, got {given}")
    weights = torch.stack([w.at(seconds) for w in config.source_weights], 1)  # (n_grains, given)
    if bool((weights == 0).all(1).any()):
        first = float(seconds[(weights == 0).all(1)][0])
        raise ArgumentError(f"source_weights must be above 0 for a source at all times, got 0 for all at {first:.6g} s")
    source = list(range(given))
    if given < len(recordings):
        place = {i: k for k, i in enumerate(originals)}
        source = [place[i if r.original is None else r.original] for i, r in enumerate(recordings)]
    return torch.tensor(source)[codebook.recording_], weights.log().float()


def _following(config: ResynthConfig, codebook: GrainCodebook, codec: Codec) -> ResynthConfig:
    """``config`` with the codebook's own grain size, stride, metric and gate."""
    made = codebook.codec_
    check_same_codec("sources: the codebook", made, codec.info)
    own = {f.name: getattr(codebook.config, f.name) for f in fields(CodebookConfig)}
    if config.hop_frames is not None and config.hop_frames > own["grain_frames"]:
        raise ArgumentError(
            f"hop_frames must be in [1, grain_frames={own['grain_frames']}] of the codebook, got {config.hop_frames}"
        )
    return replace(config, **own)
