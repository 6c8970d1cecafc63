"""Evaluation as a whole: its ends, its promises to those who read it, its refusals, and a golden of made-up sounds.

``PYTHONPATH=. python tests/test_evaluation.py`` writes the golden anew.
"""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from made_up_sounds import RATE, clicks, noise, sine, voice

from lgr.codecs.toy import ToyCodec
from lgr.errors import ArgumentError, AudioFileError, CodebookError
from lgr.evaluation import NOT_ASKED, Evaluation, codec_embedding, evaluate, evaluate_interpolation, sounds_of
from lgr.measures.frechet import frechet_distance
from lgr.measures.transition import measure_transition
from lgr.resynth import resynthesise
from lgr.resynth_config import ResynthConfig
from lgr.score import Score
from lgr.sound.audio import resample, save_audio
from lgr.sound.recording import Recording
from lgr.sounds import describe

GOLDEN = Path(__file__).parent / "goldens" / "evaluation.json"
TOY = ToyCodec(sample_rate=RATE, hop_length=320)
PROMISED = {
    "adoption",
    "adoption_envelope",
    "source_distance",
    "target_distance",
    "onset_f",
    "envelope_correlation",
    "flux_correlation",
    "pitch_agreement",
    "tempo_agreement",
    "seam_ratio",
    "distinct_grains",
    "mean_run_length",
    "reuse_max",
    "entropy",
    "mstft",
    "lsd",
    "mel",
    "si_sdr",
}
TARGET = clicks(3.5, np.arange(0.05, 3.4, 0.5).tolist()) + 0.3 * voice(220, 3.5)
SOURCE = noise(4, 1, top_hz=6000)


def score(grains: int = 65, seed: int = 0) -> Score:
    """Grains of four frames, most of which jump."""
    draw = np.random.default_rng(seed)
    return Score(
        codec="made-up",
        sample_rate=RATE,
        hop_length=320,
        grain_frames=4,
        hop_frames=4,
        seed=0,
        target=Recording("target", "", RATE, len(TARGET)),
        recordings=(Recording("source", "", RATE, len(SOURCE)),),
        target_frame=np.arange(grains) * 4,
        recording=np.zeros(grains, dtype=int),
        source_frame=draw.integers(0, 40, grains),
        probability=np.ones(grains),
        similarity=np.ones(grains),
        entropy=draw.random(grains),
    )


def pair(audio: torch.Tensor) -> tuple[torch.Tensor, int]:
    return audio[None], RATE


def golden_evaluation() -> Evaluation:
    """The source with the target's rhythm, and a little of the target."""
    swell = torch.nn.functional.avg_pool1d(TARGET.abs()[None, None], 481, 1, 240)[0, 0]
    heard = 5 * swell * SOURCE[: len(TARGET)] + 0.05 * TARGET
    return evaluate(pair(TARGET), [pair(SOURCE)], heard, RATE, score=score(), codec=TOY)


def test_the_golden_numbers() -> None:
    """To a thousandth: FFTs and matrix products round differently from machine to machine."""
    pytest.importorskip("mir_eval")
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    found = golden_evaluation().to_json()
    assert list(found) == list(golden)
    assert found.pop("reasons") == golden.pop("reasons")
    for family, numbers in golden.items():
        assert list(found[family]) == list(numbers)
        for name, value in numbers.items():
            assert found[family][name] == (value and pytest.approx(value, rel=1e-3, abs=1e-4)), name


def test_every_promised_number_is_there() -> None:
    pytest.importorskip("mir_eval")
    found = golden_evaluation()
    assert set(found.numbers) >= PROMISED
    assert {name for name, value in found.numbers.items() if value is None} == set(found.reasons)
    assert found.reasons == {"pitch_agreement": NOT_ASKED[2]}
    assert json.loads(json.dumps(found.to_json(), allow_nan=False)) == found.to_json()
    assert [(family, name) for family, name, _ in found.rows()] == [
        (family, name) for family, names in found.families.items() for name in names
    ]


def test_the_target_itself_and_the_source_itself() -> None:
    pytest.importorskip("mir_eval")
    ends = [evaluate(pair(TARGET), [pair(SOURCE)], x, RATE, codec=TOY).numbers for x in (TARGET, SOURCE[: len(TARGET)])]
    for name in ("adoption", "adoption_envelope", "adoption_codec"):
        assert ends[0][name] == pytest.approx(0, abs=1e-3)
        assert ends[1][name] == pytest.approx(1, abs=1e-2)
    for name in ("onset_f", "envelope_correlation", "flux_correlation", "tempo_agreement"):
        assert ends[0][name] == pytest.approx(1, abs=1e-6)
    assert ends[0]["source_distance"] == ends[0]["target_to_source_distance"] == ends[1]["target_to_source_distance"]
    assert ends[0]["mstft"] == ends[0]["lsd"] == ends[0]["frechet_mfcc_target"] == pytest.approx(0, abs=1e-6)
    assert ends[1]["source_distance"] == pytest.approx(0, abs=1e-3)


def test_level_rate_and_channels_change_little() -> None:
    """Timbre and time are the same at half the level, in stereo, and through 44.1 kHz."""
    pytest.importorskip("mir_eval")
    heard = SOURCE[: len(TARGET)] * (0.2 + TARGET.abs())
    names = ("adoption", "adoption_envelope", "onset_f", "flux_correlation", "tempo_agreement")
    plain = evaluate(pair(TARGET), [pair(SOURCE)], heard, RATE).numbers
    for audio, rate in (
        (0.5 * heard, RATE),
        (torch.stack([heard, heard]), RATE),
        (resample(heard[None], RATE, 44100), 44100),
    ):
        found = evaluate(pair(TARGET), [pair(SOURCE)], audio, rate).numbers
        assert [found[n] for n in names] == pytest.approx([plain[n] for n in names], abs=0.02)


def test_pitch_is_compared_where_it_is_asked_for() -> None:
    pytest.importorskip("mir_eval")
    pytest.importorskip("librosa")
    found = evaluate(pair(voice(220, 1)), [pair(SOURCE)], voice(222, 1), RATE, pitch=True)
    assert found.numbers["pitch_agreement"] > 0.9
    found = evaluate(pair(noise(1)), [pair(SOURCE)], voice(222, 1), RATE, pitch=True)
    assert found.reasons["pitch_agreement"] == "the target has no pitch"


def test_silence_has_reasons_rather_than_numbers() -> None:
    found = evaluate(pair(TARGET), [pair(SOURCE)], torch.zeros(len(TARGET)), RATE, score=score(), codec=TOY)
    assert found.reasons["adoption"] == found.reasons["adoption_codec"] == found.reasons["mstft"] == "silence"
    assert found.reasons["envelope_correlation"] == "constant level"
    assert found.numbers["onset_f"] in (0, None)
    assert found.numbers["distinct_grains"] is not None
    json.dumps(found.to_json(), allow_nan=False)
    silent = evaluate(pair(torch.zeros(RATE)), [pair(torch.zeros(RATE))], noise(1), RATE)
    assert {"adoption", "flux_correlation", "mstft", "tempo_agreement"} <= set(silent.reasons)


def test_a_result_without_a_score_has_no_seams_and_no_use() -> None:
    found = evaluate(pair(TARGET), [pair(SOURCE)], SOURCE, RATE)
    assert {name for name, reason in found.reasons.items() if reason == NOT_ASKED[1]} == {
        "seam_ratio",
        "seam_ratio_of_target",
        "buzz_db",
        *found.families["use"],
    }


def test_missing_packages_are_a_reason(monkeypatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "mir_eval.onset", None)
    found = evaluate(pair(TARGET), [pair(SOURCE)], SOURCE, RATE)
    assert "pip install 'lgr[measures]'" in found.reasons["onset_f"]
    assert found.numbers["flux_correlation"] is not None


def test_a_short_result_is_completed_with_silence_and_a_short_sound_is_no_accident() -> None:
    found = evaluate(pair(TARGET), [pair(SOURCE)], TARGET[:RATE], RATE)
    assert found.numbers["adoption"] == pytest.approx(0, abs=0.02)
    assert found.numbers["envelope_correlation"] < 0.9
    tiny = evaluate(pair(TARGET[:7]), [pair(SOURCE[:3])], TARGET[:5], RATE)
    assert tiny.reasons["frechet_mfcc_source"] == "too short"
    json.dumps(tiny.to_json(), allow_nan=False)


def test_what_is_no_sound_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="at least one recording, got none"):
        evaluate(pair(TARGET), [], TARGET, RATE)
    with pytest.raises(ArgumentError, match=r"must be a list of sounds, got one: \['glass.wav'\]"):
        evaluate(pair(TARGET), "glass.wav", TARGET, RATE)
    with pytest.raises(ArgumentError, match="audio must be finite, got NaN"):
        evaluate(pair(TARGET), [pair(SOURCE)], TARGET * math.nan, RATE)
    with pytest.raises(AudioFileError, match="does not exist"):
        evaluate(tmp_path / "target.wav", [pair(SOURCE)], TARGET, RATE)


def test_adoption_across_codecs_is_measured_on_features() -> None:
    rows = codec_embedding(TOY)(torch.cat([SOURCE, torch.zeros(RATE)]), RATE)
    assert rows.shape == (len(SOURCE) // 320, TOY.info.latent_dim)  # silence has no rows
    assert frechet_distance(rows, rows) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(rows, codec_embedding(TOY)(noise(4, 9), RATE)) > 0


def test_files_and_a_real_score(tmp_path: Path) -> None:
    """Through the files of a resynthesis: what is played is nearer to the source than the target was."""
    target, source = tmp_path / "target.wav", tmp_path / "source.wav"
    save_audio(target, TARGET[None], RATE)
    save_audio(source, SOURCE[None], RATE)
    result = resynthesise(target, [source], codec=TOY, config=ResynthConfig(temperature=0.0))
    assert sounds_of(result.score) == (target, [source])
    found = evaluate(*sounds_of(result.score), result.audio, result.sample_rate, score=result.score)
    assert found.numbers["source_distance"] < found.numbers["target_to_source_distance"]
    assert found.numbers["distinct_grains"] == result.score.distinct
    assert found.numbers["seam_ratio"] == pytest.approx(1, abs=0.3)


def test_a_score_whose_sounds_are_gone_or_changed(tmp_path: Path) -> None:
    target, source = tmp_path / "target.wav", tmp_path / "source.wav"
    save_audio(target, TARGET[None], RATE)
    save_audio(source, SOURCE[None], RATE)
    made = resynthesise(target, [source, source], codec=TOY, config=ResynthConfig(augmentations=("speed=1.1",))).score
    assert sounds_of(made) == (target, [source])  # copies and augmentations count once
    save_audio(source, 0.5 * SOURCE[None], RATE, force=True)
    with pytest.raises(CodebookError, match=r"source.wav has changed since the score was made"):
        sounds_of(made)
    source.unlink()
    with pytest.raises(CodebookError, match="is gone or cannot be read"):
        sounds_of(made)
    with pytest.raises(CodebookError, match="'target' was never in a file"):
        sounds_of(score())
    assert describe(target).sha256 == made.target.sha256


def test_a_path_has_the_numbers_of_its_transition() -> None:
    sound = torch.cat([sine(500, 1), sine(3000, 1), sine(1000, 1)])
    found, numbers = evaluate_interpolation(sound, RATE, (1.0, 2.0)), measure_transition(sound, RATE, (1.0, 2.0))
    assert found.numbers["trend"] == numbers.trend
    assert (found.numbers["jump_hz_first"], found.numbers["jump_hz_second"]) == numbers.jump_hz
    silent = evaluate_interpolation(torch.zeros(3 * RATE), RATE, (1.0, 2.0))
    assert silent.numbers["trend"] is None
    assert silent.reasons["trend"] == "silence"
    with pytest.raises(ArgumentError, match="must leave"):
        evaluate_interpolation(sound, RATE, (0.1, 2.0))


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(golden_evaluation().to_json(), indent=1) + "\n", encoding="utf-8")
