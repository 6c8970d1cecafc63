"""Evaluate a result: how much of the source's timbre it took on, and how much of the target's time it kept.

    yardstick = Yardstick("beat.wav", ["glass.wav"])
    found = yardstick.measure(result.audio, result.sample_rate, result.score)
    found.numbers["adoption"], found.numbers["onset_f"]

Sounds are mixed to one channel and compared at ``RATE``, whatever the codec's own. The measures themselves, with their
definitions and sources, are in ``lgr.measures``.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from lgr.codecs.base import Codec
from lgr.evaluation.evaluation import NOT_ASKED, Evaluation, Found, evaluation_of, number
from lgr.evaluation.judged import judged, shared_out
from lgr.judges import judge_card
from lgr.measures import reconstruction
from lgr.measures.adoption import centred_directions, measure_adoption
from lgr.measures.artefacts import ARTEFACTS
from lgr.measures.frechet import Embedding, frechet_distance
from lgr.measures.retention import RETENTION, Timeline
from lgr.measures.seams import seam_ratio, seam_samples
from lgr.measures.timbre import COEFFICIENTS, GATE_DB, envelope_rows, mfcc_rows
from lgr.measures.use import use_numbers
from lgr.score import Score
from lgr.sound.audio import load_audio, resample
from lgr.sounds import (
    Sound,
    check_sources,
    describe,
    encode_lanes,
    frame_levels_db,
    lane_features,
    unchanged,
    with_length,
)

RATE = 24000  # Hz, at which all sounds are compared


def evaluate(
    target: Sound,
    sources: Sequence[Sound],
    audio: Tensor,
    sample_rate: int,
    *,
    score: Score | None = None,
    codec: Codec | None = None,
    pitch: bool = False,
    judges: Sequence[str] = (),
) -> Evaluation:
    """Measure one result: a ``Yardstick`` used once; arguments and errors are its own and those of its ``measure``.

    Examples
    --------
    >>> import lgr
    >>> from lgr.evaluation import evaluate
    >>> from lgr.files import assets_dir
    >>> bells, fire = (assets_dir() / "audio" / name for name in ("bells.flac", "fire.flac"))
    >>> untouched, rate = lgr.load_audio(bells)
    >>> numbers = evaluate(bells, [fire], untouched, rate).numbers
    >>> round(numbers["adoption"], 3), round(numbers["envelope_correlation"], 3)
    (0.0, 1.0)
    """
    return Yardstick(target, sources, codec=codec, pitch=pitch, judges=judges).measure(audio, sample_rate, score)


class Yardstick:
    """A target and its sources, read and analysed once, for any number of results to be measured against.

    Parameters
    ----------
    target : the sound that was played, a file or (audio (channels, samples), sample rate)
    sources : the sounds whose grains were played; at least one
    codec : ``adoption_codec`` is measured on its features; it says most where another codec made the result
    pitch : measure ``pitch_agreement`` too, which takes longer than all the rest (0.1 s a second of target)
    judges : names of ``lgr.judges.JUDGES``, whose numbers are a family of their own; seconds each

    Raises
    ------
    ArgumentError, ShapeError, AudioFileError : a sound cannot be read or is not audio, or there is no such judge

    Examples
    --------
    >>> import lgr
    >>> from lgr.evaluation import Yardstick
    >>> from lgr.files import assets_dir
    >>> bells, fire = (assets_dir() / "audio" / name for name in ("bells.flac", "fire.flac"))
    >>> yardstick = Yardstick(bells, [fire])
    >>> result = lgr.resynthesise(bells, [fire], codec="toy")
    >>> found = yardstick.measure(result.audio, result.sample_rate, result.score)
    >>> found.numbers["adoption"] > 0
    True
    >>> found.reasons["pitch_agreement"]
    'not asked for'
    """

    def __init__(
        self,
        target: Sound,
        sources: Sequence[Sound],
        *,
        codec: Codec | None = None,
        pitch: bool = False,
        judges: Sequence[str] = (),
    ) -> None:
        check_sources(sources)
        self._codec, self._pitch = codec, pitch
        self._judges = [judge_card(name) for name in judges]
        self._target = _mono(target, "target")
        self._targets: dict[int, Tensor] = {}
        self._wanted = self._target_at(RATE)
        self._material = [resample(*_mono(each, f"source {i + 1}"), RATE)[0] for i, each in enumerate(sources)]
        self._timeline = Timeline(self._wanted, RATE)
        self._rows = {name: self._rows_of(view) for name, view in VIEWS.items()}

    def measure(self, audio: Tensor, sample_rate: int, score: Score | None = None) -> Evaluation:
        """The numbers of a result.

        Parameters
        ----------
        audio : (channels, samples) or (samples,), the result, beginning where the target does
        sample_rate : of ``audio``, Hz
        score : of the result, for ``seams`` and ``use``; without it those are None
        """
        given = _mono((audio[None] if audio.ndim == 1 else audio, sample_rate), "audio")
        # where it ends early is silence
        heard = with_length(resample(*given, RATE), self._wanted.shape[0])[0]
        timbre, distribution = self._timbre(heard)
        result = Timeline(heard, RATE)
        found = {
            "adoption": {**timbre, "adoption_codec": self._codec_adoption(heard)},
            "distribution": distribution,
            "retention": self._retention(result),
            "artefacts": self._artefacts(result, score),
            "seams": self._seams(given, score),
            "use": _use(score),
            "reconstruction": _reconstruction(heard, self._wanted),
        }
        if self._judges:
            found["judges"] = judged(self._judges, given, {"target": self._target, "source": self._judged_source})
        return evaluation_of(found)

    @cached_property
    def _judged_source(self) -> tuple[Tensor, int]:
        return shared_out(self._material, RATE), RATE

    def _target_at(self, rate: int) -> Tensor:
        """The target ``(samples,)`` at ``rate``."""
        if rate not in self._targets:
            self._targets[rate] = resample(*self._target, rate)[0]
        return self._targets[rate]

    def _rows_of(self, view: Callable[[Tensor, int], Tensor]) -> tuple[Tensor, Tensor]:
        """Rows of the target and of all sources."""
        return view(self._wanted, RATE), torch.cat([view(each, RATE) for each in self._material])

    @cached_property
    def _target_to_source_distance(self) -> float:
        target, source = self._rows["adoption"]
        return measure_adoption(target, source, target).source_distance

    @cached_property
    def _codec_rows(self) -> tuple[Tensor, Tensor]:
        assert self._codec is not None
        return self._rows_of(codec_embedding(self._codec))

    def _timbre(self, heard: Tensor) -> tuple[Found, Found]:
        adoption: dict[str, float | None] = {}
        for name, view in VIEWS.items():
            result, (target, source) = view(heard, RATE), self._rows[name]
            if 0 in (len(result), len(target), len(source)):
                names = (*VIEWS, "source_distance", "target_distance", "target_to_source_distance")
                return dict.fromkeys(names, "silence"), dict.fromkeys(FRECHET, "silence")
            measured = measure_adoption(result, source, target)
            adoption[name] = measured.adoption
            if view is mfcc_rows:
                distances: Found = {
                    "source_distance": measured.source_distance,
                    "target_distance": measured.target_distance,
                    "target_to_source_distance": self._target_to_source_distance,
                }
                distribution = {
                    name: number(lambda a=result, b=rows: _frechet(a, b), "too short")  # type: ignore[misc]
                    for name, rows in zip(FRECHET, (source, target), strict=True)
                }
        shares = {name: "no moment differs" if share is None else share for name, share in adoption.items()}
        return {**shares, **distances}, distribution

    def _codec_adoption(self, heard: Tensor) -> float | str:
        if self._codec is None:
            return NOT_ASKED[0]
        result, (target, source) = codec_embedding(self._codec)(heard, RATE), self._codec_rows
        if 0 in (len(result), len(target), len(source)):
            return "silence"
        unit = [centred_directions(rows, source.mean(0)) for rows in (result, source, target)]
        return number(lambda: measure_adoption(*unit).adoption, "no moment differs")

    def _retention(self, result: Timeline) -> Found:
        return {
            name: NOT_ASKED[2]
            if row.slow and not self._pitch
            else number(lambda m=row.measure: m(self._timeline, result), row.otherwise)  # type: ignore[misc]
            for name, row in RETENTION.items()
        }

    def _artefacts(self, result: Timeline, score: Score | None) -> Found:
        grain_hz = None if score is None else 1 / (score.hop_frames * score.frame_seconds)
        return {
            name: number(lambda m=row.measure: m(self._timeline, result, grain_hz), row.otherwise)  # type: ignore[misc]
            for name, row in ARTEFACTS.items()
        }

    def _seams(self, given: tuple[Tensor, int], score: Score | None) -> Found:
        names = ("seam_ratio", "seam_ratio_of_target")
        if score is None:
            return dict.fromkeys(names, NOT_ASKED[1])
        seams, rate = seam_samples(score), score.sample_rate  # at which grains begin on whole samples
        sounds = (resample(*given, rate)[0], self._target_at(rate))
        return {
            name: number(
                lambda x=sound: seam_ratio(x, seams, rate, score.hop_length),  # type: ignore[misc]
                "nothing lies between joins" if len(seams) else "no grain jumps",
            )
            for name, sound in zip(names, sounds, strict=True)
        }


def sounds_of(score: Score) -> tuple[Path, list[Path]]:
    """The files of a score's target and of its recordings, each once; augmented copies count as their original.

    ``CodebookError`` where one was never in a file, is gone, or is not what it was when the score was made.
    """
    for recording in (score.target, *score.recordings):
        unchanged(recording)
    return Path(score.target.path), list(dict.fromkeys(Path(r.path) for r in score.recordings))


def codec_embedding(codec: Codec) -> Embedding:
    """A codec's encoder as an embedding: its features of each frame within ``GATE_DB`` of the sound's loudest."""

    def embed(audio: Tensor, sample_rate: int) -> Tensor:
        at_rate = resample(audio[None], sample_rate, codec.info.sample_rate)
        features = lane_features(encode_lanes(at_rate.repeat(codec.info.channels, 1), codec), codec)
        level = frame_levels_db(at_rate, codec, features.shape[1])
        return features[:, level > max(float(level.max()) - GATE_DB, -130.0)].T

    return embed


VIEWS = {"adoption": mfcc_rows, "adoption_envelope": envelope_rows}
FRECHET = ("frechet_mfcc_source", "frechet_mfcc_target")


def _frechet(a: Tensor, b: Tensor) -> float | None:
    return frechet_distance(a, b) if min(len(a), len(b)) > 2 * COEFFICIENTS else None


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


def _mono(sound: Sound, name: str) -> tuple[Tensor, int]:
    """One channel ``(1, samples)``, and its sample rate."""
    if isinstance(sound, tuple):
        describe(sound, name=name)  # refuses what is no audio
        return sound[0].detach().float().mean(0, keepdim=True), sound[1]
    return load_audio(sound, channels=1)
