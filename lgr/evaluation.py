"""Evaluate a result: how much of the source's timbre it took on, and how much of the target's time it kept.

    found = evaluate("beat.wav", ["glass.wav"], result.audio, result.sample_rate, score=result.score)
    found.numbers["adoption"], found.numbers["onset_f"]

Sounds are mixed to one channel and compared at ``RATE``, whatever the codec's own. The measures themselves, with their
definitions and sources, are in ``lgr.measures``.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from lgr.codecs.base import Codec
from lgr.errors import ArgumentError, CodebookError, LgrError, MissingPackageError
from lgr.files import sha256
from lgr.measures import reconstruction, retention
from lgr.measures.adoption import centred_directions, measure_adoption
from lgr.measures.distribution import Embedding
from lgr.measures.frechet import frechet_distance
from lgr.measures.seams import seam_ratio, seam_samples
from lgr.measures.timbre import COEFFICIENTS, GATE_DB, envelope_rows, mfcc_rows
from lgr.measures.transition import measure_transition
from lgr.measures.use import use_numbers
from lgr.score import Score
from lgr.sound.audio import load_audio, resample
from lgr.sounds import Sound, describe, encode_lanes, frame_levels_db, lane_features, with_length

RATE = 24000  # Hz, at which all sounds are compared

NOT_ASKED = ("no codec given", "no score", "not asked for")  # reasons that say nothing of the sounds
Found = dict[str, float | str]  # a number, or why there is none


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """The numbers of one result.

    Attributes
    ----------
    families : ``{family: {name: number}}``, None where a number cannot be had
    reasons : for each name that is None, why, in a few words
    """

    families: dict[str, dict[str, float | None]]
    reasons: dict[str, str] = field(default_factory=dict)

    @property
    def numbers(self) -> dict[str, float | None]:
        """All numbers by name."""
        return {name: value for family in self.families.values() for name, value in family.items()}

    def to_json(self) -> dict[str, dict[str, float | None] | dict[str, str]]:
        """The families, and ``"reasons"``: a JSON object without NaN."""
        return {**{family: dict(names) for family, names in self.families.items()}, "reasons": dict(self.reasons)}

    def rows(self) -> list[tuple[str, str, str]]:
        """(family, name, number as text), for printing; "-" where there is no number."""
        return [
            (family, name, "-" if value is None else f"{value:.4g}")
            for family, names in self.families.items()
            for name, value in names.items()
        ]


def evaluate(
    target: Sound,
    sources: Sequence[Sound],
    audio: Tensor,
    sample_rate: int,
    *,
    score: Score | None = None,
    codec: Codec | None = None,
    pitch: bool = False,
) -> Evaluation:
    """Measure a result against its target and its sources.

    Parameters
    ----------
    target : the sound that was played, a file or (audio (channels, samples), sample rate)
    sources : the sounds whose grains were played; at least one
    audio : (channels, samples) or (samples,), the result, beginning where the target does
    sample_rate : of ``audio``, Hz
    score : of the result, for ``seams`` and ``use``; without it those are None
    codec : ``adoption_codec`` is measured on its features; it says most where another codec made the result
    pitch : measure ``pitch_agreement`` too, which takes longer than all the rest (0.1 s a second of target)

    Raises
    ------
    ArgumentError, ShapeError, AudioFileError : a sound cannot be read or is not audio
    """
    if isinstance(sources, str | Path):
        raise ArgumentError(f"sources must be a list of sounds, got one: [{str(sources)!r}] is a list of it")
    if not sources:
        raise ArgumentError("sources must name at least one recording, got none")
    given = (audio[None] if audio.ndim == 1 else audio, sample_rate)
    wanted = _mono(target, RATE, "target")
    heard = with_length(_mono(given, RATE, "audio")[None], wanted.shape[0])[0]  # where it ends early is silence
    material = [_mono(each, RATE, f"source {i + 1}") for i, each in enumerate(sources)]
    timbre, distribution = _timbre(heard, wanted, material)
    return _evaluation(
        {
            "adoption": {**timbre, "adoption_codec": _codec_adoption(heard, wanted, material, codec)},
            "distribution": distribution,
            "retention": _retention(heard, wanted, pitch),
            "seams": _seams(given, target, score),
            "use": _use(score),
            "reconstruction": _reconstruction(heard, wanted),
        }
    )


def evaluate_path(audio: Tensor, sample_rate: int, seams_seconds: tuple[float, float]) -> Evaluation:
    """Measure a path between two sounds with the real sounds around it: the numbers of ``lgr.measures.transition``.

    ``ArgumentError`` unless there are 0.3 s before, between and after ``seams_seconds``.
    """
    found: Found = {}
    for name, value in measure_transition(audio, sample_rate, seams_seconds).to_json().items():
        pair = dict(zip(("first", "second"), value, strict=True)) if isinstance(value, list) else {"": value}
        for which, number in pair.items():
            found[f"{name}_{which}".rstrip("_")] = "silence" if number is None else float(number)
    return _evaluation({"interpolation": found})


def sounds_of(score: Score) -> tuple[Path, list[Path]]:
    """The files of a score's target and of its recordings, each once; augmented copies count as their original.

    ``CodebookError`` where one was never in a file, is gone, or is not what it was when the score was made.
    """
    for recording in (score.target, *score.recordings):
        if not recording.path:
            raise CodebookError(f"score: {recording.name!r} was never in a file, so nothing can be compared with it")
        try:
            same = sha256(recording.path) == recording.sha256
        except LgrError as error:
            raise CodebookError(f"score: {recording.path} is gone or cannot be read; put it back") from error
        if not same:
            raise CodebookError(f"score: {recording.path} has changed since the score was made; restore that file")
    return Path(score.target.path), list(dict.fromkeys(Path(r.path) for r in score.recordings))


def codec_embedding(codec: Codec) -> Embedding:
    """A codec's encoder as an embedding: its features of each frame within ``GATE_DB`` of the sound's loudest."""

    def embed(audio: Tensor, sample_rate: int) -> Tensor:
        at_rate = resample(audio[None], sample_rate, codec.info.sample_rate)
        features = lane_features(encode_lanes(at_rate.repeat(codec.info.channels, 1), codec), codec)
        level = frame_levels_db(at_rate, codec, features.shape[1])
        return features[:, level > max(float(level.max()) - GATE_DB, -130.0)].T

    return embed


def _evaluation(found: dict[str, Found]) -> Evaluation:
    return Evaluation(
        families={
            family: {name: None if isinstance(value, str) else value for name, value in names.items()}
            for family, names in found.items()
        },
        reasons={name: value for names in found.values() for name, value in names.items() if isinstance(value, str)},
    )


def _number(measure: Callable[[], float | None], otherwise: str) -> float | str:
    try:
        value = measure()
    except MissingPackageError as error:
        return str(error)
    return value if value is not None and math.isfinite(value) else otherwise


def _timbre(heard: Tensor, wanted: Tensor, material: list[Tensor]) -> tuple[Found, Found]:
    adoption: dict[str, float | None] = {}
    views = {"adoption": mfcc_rows, "adoption_envelope": envelope_rows}
    for name, view in views.items():
        result, target = view(heard, RATE), view(wanted, RATE)
        source = torch.cat([view(each, RATE) for each in material])
        if 0 in (len(result), len(target), len(source)):
            names = (*views, "source_distance", "target_distance", "target_to_source_distance")
            return dict.fromkeys(names, "silence"), dict.fromkeys(FRECHET, "silence")
        measured = measure_adoption(result, source, target)
        adoption[name] = measured.adoption
        if view is mfcc_rows:
            distances: Found = {
                "source_distance": measured.source_distance,
                "target_distance": measured.target_distance,
                "target_to_source_distance": measure_adoption(target, source, target).source_distance,
            }
            distribution = {
                name: _number(lambda a=result, b=rows: _frechet(a, b), "too short")  # type: ignore[misc]
                for name, rows in zip(FRECHET, (source, target), strict=True)
            }
    shares = {name: "no moment differs" if share is None else share for name, share in adoption.items()}
    return {**shares, **distances}, distribution


FRECHET = ("frechet_mfcc_source", "frechet_mfcc_target")


def _frechet(a: Tensor, b: Tensor) -> float | None:
    return frechet_distance(a, b) if min(len(a), len(b)) > 2 * COEFFICIENTS else None


def _codec_adoption(heard: Tensor, wanted: Tensor, material: list[Tensor], codec: Codec | None) -> float | str:
    if codec is None:
        return NOT_ASKED[0]
    embed = codec_embedding(codec)
    result, target = embed(heard, RATE), embed(wanted, RATE)
    source = torch.cat([embed(each, RATE) for each in material])
    if 0 in (len(result), len(target), len(source)):
        return "silence"
    unit = [centred_directions(rows, source.mean(0)) for rows in (result, source, target)]
    return _number(lambda: measure_adoption(*unit).adoption, "no moment differs")


def _retention(heard: Tensor, wanted: Tensor, pitch: bool) -> Found:
    both = (wanted, heard, RATE)
    return {
        "onset_f": _number(lambda: retention.onset_f_measure(*both), "the target has no onset"),
        "envelope_correlation": _number(lambda: retention.envelope_correlation(*both), "constant level"),
        "flux_correlation": _number(lambda: retention.flux_correlation(*both), "silence"),
        "tempo_agreement": _number(lambda: retention.tempo_agreement(*both), "the target has no beat"),
        "pitch_agreement": _number(lambda: retention.pitch_agreement(*both), "the target has no pitch")
        if pitch
        else NOT_ASKED[2],
    }


def _seams(given: tuple[Tensor, int], target: Sound, score: Score | None) -> Found:
    names = {"seam_ratio": given, "seam_ratio_of_target": target}
    if score is None:
        return dict.fromkeys(names, NOT_ASKED[1])
    seams = seam_samples(score)
    # At the score's own rate, where grains begin on whole samples.
    return {
        name: _number(
            lambda x=sound: seam_ratio(  # type: ignore[misc]
                _mono(x, score.sample_rate, "audio"), seams, score.sample_rate, score.hop_length
            ),
            "nothing lies between joins" if len(seams) else "no grain jumps",
        )
        for name, sound in names.items()
    }


def _use(score: Score | None) -> Found:
    names = use_numbers(score) if score is not None else dict.fromkeys(USE)
    why = NOT_ASKED[1] if score is None else "no grain was drawn"
    return {name: why if value is None else value for name, value in names.items()}


USE = ("distinct_grains", "reuse_max", "reuse_mean", "mean_run_length", "entropy", "recordings_used")


def _reconstruction(heard: Tensor, wanted: Tensor) -> Found:
    a, b, _ = reconstruction.align(wanted, heard)
    measures: dict[str, Callable[[], float]] = {
        "mstft": lambda: reconstruction.mstft(a, b),
        "mstft_mel": lambda: reconstruction.mel_mstft(a, b, RATE),
        "lsd": lambda: reconstruction.lsd(a, b),
        "mel": lambda: reconstruction.mel_distance(a, b, RATE),
        "rmse": lambda: reconstruction.rmse(a, b),
        "si_sdr": lambda: reconstruction.si_sdr(a, b),
    }
    if not bool(a.any() and b.any()):
        return dict.fromkeys(measures, "silence")
    return {name: measure() for name, measure in measures.items()}


def _mono(sound: Sound, rate: int, name: str) -> Tensor:
    """One channel ``(samples,)`` at ``rate``."""
    if isinstance(sound, tuple):
        describe(sound, name=name)  # refuses what is no audio
        return resample(sound[0].detach().float().mean(0, keepdim=True), sound[1], rate)[0]
    return load_audio(sound, sample_rate=rate, channels=1)[0][0]
