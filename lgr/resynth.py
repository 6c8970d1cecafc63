"""The main job: play a target with the grains of sources.

    result = resynthesise("beat.wav", ["glass.wav"], seed=3)
    result.save("out.wav")

Both files are encoded, the target's grains choose among the sources' (``lgr.match``), the choices are written down as a
``Score``, and the score is played (``lgr.rendering``).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from lgr.codebook import CodebookConfig, GrainCodebook
from lgr.codecs.base import Codec, CodecInfo, check_same_codec
from lgr.codecs.registry import load_codec
from lgr.errors import ArgumentError
from lgr.latents.grains import grain_starts
from lgr.latents.vectors import Metric
from lgr.matching import MatchConfig, Sampler, match
from lgr.progress import Progress, silent
from lgr.rendering import extra_samples, output_rate, render_latents
from lgr.score import Score
from lgr.score.render_config import ALL_GRAINS, RenderConfig
from lgr.sound.audio import save_audio
from lgr.sound.envelope import Envelope
from lgr.sound.recording import Recording
from lgr.sounds import (
    Sound,
    build_codebook,
    check_heard,
    encode_lanes,
    feature_source,
    hear,
    lane_features,
    pitch_descriptor,
    with_pitch,
)

SamplerChoice = Literal["auto"] | Sampler

ENVELOPES = ("temperature", "continuity", "pitch", "wet")
NEARLY_NEAREST, NEVER = Envelope.of(0.02), Envelope.of(0.0)


@dataclass(frozen=True, kw_only=True)
class ResynthConfig:
    """Everything but the sounds, the codec and the seed. Numbers that may change over time also take envelopes
    (``"0:0.1,5:1.0"``: seconds of the target, value).

    Examples
    --------
    >>> import lgr
    >>> config = lgr.ResynthConfig(grain_frames=2, temperature="0:0.0,4:0.3", continuity=0.9)
    >>> config.hop, str(config.temperature)
    (2, '0:0,4:0.3')
    >>> lgr.ResynthConfig(wet=2)
    Traceback (most recent call last):
        ...
    lgr.errors.ArgumentError: wet must stay within 0 and 1, got 2
    """

    grain_frames: int = 4  # length of a grain, in latent frames (13.3 ms each with the bundled codec)
    hop_frames: int | None = None  # from one target grain to the next; None: grains end to end
    stride: int = 1  # from one source grain to the next
    metric: Metric = "centred"  # how grains are compared
    embedding: str = ""  # of metric "learned": a folder; "": the one that ships for the codec
    sampler: SamplerChoice = "auto"  # "auto": "chain" where continuity is above 0, else "independent"
    temperature: Envelope = NEARLY_NEAREST  # distance units; 0: always the nearest grain
    continuity: Envelope = NEVER  # probability in [0, 1) of playing on in the same recording
    pitch: Envelope = NEVER  # how much pitch counts against timbre, 0 to 1, where the target has one
    wet: Envelope = ALL_GRAINS  # 1: all grains, 0: all target
    match_loudness: bool = True  # follow the target's level (cosine ignores it)
    silence_db: float | None = None  # leave out source grains below this level
    repetition_penalty: float = 0.0  # added distance of recently played grains; sampler "online" only
    repetition_frames: int = 0  # how many grains back the penalty looks
    source_weights: tuple[Envelope, ...] = ()  # one a source (augmented copies follow their original); () all alike
    augmentations: tuple[str, ...] = ()  # copies of every source, such as "speed=1.12" or "gain=-6"

    def __post_init__(self) -> None:
        for name in ENVELOPES:
            object.__setattr__(self, name, Envelope.of(getattr(self, name)))
        object.__setattr__(self, "source_weights", tuple(Envelope.of(w) for w in self.source_weights))
        object.__setattr__(self, "augmentations", tuple(self.augmentations))
        if self.temperature.minimum < 0:
            raise ArgumentError(f"temperature must be >= 0, got {self.temperature}")
        if not (self.continuity.minimum >= 0 and self.continuity.maximum < 1):
            raise ArgumentError(f"continuity must be at least 0 and below 1, got {self.continuity}")
        if not (self.pitch.minimum >= 0 and self.pitch.maximum <= 1):
            raise ArgumentError(f"pitch must stay within 0 and 1, got {self.pitch}")
        if self.sampler == "independent" and self.continuity.maximum > 0:
            raise ArgumentError(
                f'continuity must be 0 with sampler "independent", got {self.continuity}: use "chain" or "auto"'
            )
        if any(w.minimum < 0 for w in self.source_weights):
            raise ArgumentError(f"source_weights must be >= 0, got {', '.join(map(str, self.source_weights))}")
        if self.sampler not in ("auto", *get_args(Sampler)):
            raise ArgumentError(f"sampler must be one of auto, {', '.join(get_args(Sampler))}, got {self.sampler!r}")
        self.codebook_config(), self.match_config(), self.render_config()  # each refuses what it cannot do
        if not 1 <= self.hop <= self.grain_frames:
            raise ArgumentError(f"hop_frames must be in [1, grain_frames={self.grain_frames}], got {self.hop}")
        if self.continuity.maximum > 0 and self.hop % self.stride:
            # no source grain starts where another one plays on, so continuity would silently do nothing
            raise ArgumentError(
                f"hop_frames must be a multiple of stride={self.stride} with continuity above 0, got {self.hop}: "
                "use stride 1 or another hop_frames"
            )

    @property
    def hop(self) -> int:
        """Frames from one target grain to the next."""
        return self.grain_frames if self.hop_frames is None else self.hop_frames

    def codebook_config(self) -> CodebookConfig:
        return CodebookConfig(
            grain_frames=self.grain_frames,
            stride=self.stride,
            metric=self.metric,
            silence_db=self.silence_db,
            embedding=self.embedding,
        )

    def match_config(self) -> MatchConfig:
        if self.sampler == "auto":
            follows: Sampler = "chain" if self.continuity.maximum else "independent"
            chosen: Sampler = "online" if self.repetition_penalty else follows
        else:
            chosen = self.sampler
        return MatchConfig(
            sampler=chosen, repetition_penalty=self.repetition_penalty, repetition_frames=self.repetition_frames
        )

    def render_config(self) -> RenderConfig:
        return RenderConfig(wet=self.wet, match_loudness=self.match_loudness)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; ``ResynthConfig(**data)`` is the way back."""
        data = asdict(self)
        for name in ENVELOPES:
            data[name] = getattr(self, name).to_json()
        data["source_weights"] = [w.to_json() for w in self.source_weights]
        return data


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
            pitch=config.pitch.maximum > 0,
            progress=progress,
        )
    features = feature_source(codec, codebook.config)
    config = replace(config, embedding=codebook.config.embedding)  # with the fingerprint that was found
    report("encoding target", 0, 1)
    target_latents = encode_lanes(target_audio, codec, extra=extra_samples(codec.info))
    wanted = lane_features(target_latents, features)
    pitch = None
    if config.pitch.maximum > 0:
        codebook = with_pitch(codebook, codec, report)
        pitch = pitch_descriptor(target_audio, codec, wanted.shape[1])
    score = _choose(target_recording, wanted, pitch, codebook, codec.info, config, seed, report)
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
    codebook: GrainCodebook,
    info: CodecInfo,
    config: ResynthConfig,
    seed: int,
    report: Progress,
) -> Score:
    """Match the target's grains, by their features (feature_dim, frames) and pitch (bins, frames), into a score."""
    starts = grain_starts(target_features.shape[1], config.grain_frames, config.hop, "pad")
    seconds = starts.double() * info.hop_length / info.sample_rate
    weights: dict[str, Any] = {"log_weights": codebook.log_weights()}
    if config.source_weights:
        weights |= {
            "recording": codebook.recording_,
            "recording_log_weights": _source_log_weights(codebook, config, seconds),
        }
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


def _source_log_weights(codebook: GrainCodebook, config: ResynthConfig, seconds: Tensor) -> Tensor:
    """Log-weights ``(n_grains, n_recordings)`` over the target's time; augmented copies follow their original."""
    recordings = codebook.recordings_
    originals = [i for i, r in enumerate(recordings) if r.original is None]
    given = len(config.source_weights)
    if given not in (len(originals), len(recordings)):
        raise ArgumentError(f"source_weights must be one for each of {len(originals)} sources, got {given}")
    weights = torch.stack([w.at(seconds) for w in config.source_weights], 1)  # (n_grains, given)
    if bool((weights == 0).all(1).any()):
        first = float(seconds[(weights == 0).all(1)][0])
        raise ArgumentError(f"source_weights must be above 0 for a source at all times, got 0 for all at {first:.6g} s")
    if given < len(recordings):
        source = {i: place for place, i in enumerate(originals)}
        weights = weights[:, [source[i if r.original is None else r.original] for i, r in enumerate(recordings)]]
    return weights.log()


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
