"""Grains that are played transposed: copies as a sampler makes them, scores that carry them, one note for a melody."""

from pathlib import Path
from typing import Any

import pytest
import torch
from command_line import done, refused_resynth
from test_matching_pitch import SCALE, hz
from test_pitch import RATE, note

from lgr.codebook import CodebookConfig
from lgr.codecs import load_codec
from lgr.codecs.toy import ToyCodec
from lgr.errors import ArgumentError, CodebookError
from lgr.measures.retention import retention
from lgr.rendering import render
from lgr.resynth import resynthesise
from lgr.resynth_config import ResynthConfig
from lgr.score import Score
from lgr.score.reaper import reaper_session
from lgr.sound.audio import load_audio, resample, save_audio
from lgr.sounds import encode_lanes, read
from lgr.sources import build_codebook, check_transpose, transpositions

TOY = ToyCodec()


def melody() -> tuple[torch.Tensor, int]:
    return torch.cat([note(hz(midi), 0.5, 0.8) for midi in (64, 60, 67, 65, 69, 62)])[None], RATE


@pytest.fixture
def one_note(tmp_path: Path) -> Path:
    return save_audio(tmp_path / "note.wav", note(hz(60), 2.0, 1.2)[None], RATE)


def test_a_copy_is_the_recording_played_faster(one_note: Path) -> None:
    book = build_codebook([one_note], TOY, transpose=(-2, 12))
    by_name = {r.augmentation: i for i, r in enumerate(book.recordings_)}
    assert list(by_name) == ["", *transpositions(-2, 12)]
    assert len(by_name) == 15
    up, down = book.recordings_[by_name["transpose=12"]], book.recordings_[by_name["transpose=-2"]]
    assert (up.speed, up.transposed_semitones, up.original) == (2.0, 12.0, 0)
    assert down.speed == pytest.approx(2 ** (-2 / 12))
    audio = load_audio(one_note)[0]
    gain = 10 ** (book.recordings_[0].level_gain_db / 20)
    faster = encode_lanes(gain * resample(audio, 2 * RATE, RATE), TOY)
    torch.testing.assert_close(book.recording_latents()[by_name["transpose=12"]], faster, rtol=0, atol=1e-4)


@pytest.mark.parametrize("codec", ["toy", "bundled"])
def test_one_note_plays_the_melody(codec: str, one_note: Path) -> None:
    opened = load_codec(codec)
    kept = {}
    for transpose in ((0, 0), (-12, 12)):
        config = ResynthConfig(transpose=transpose)
        result = resynthesise(melody(), [one_note], codec=opened, config=config)
        kept[transpose] = retention("pitch_agreement", melody()[0][0], result.audio[0], RATE)
    assert kept[-12, 12] > 0.8  # measured .81 with either codec; what is missing is around the attacks
    assert kept[0, 0] < 0.3


def test_a_score_carries_it_and_everything_plays_it(one_note: Path, tmp_path: Path) -> None:
    target = save_audio(tmp_path / "melody.wav", *melody())
    config = ResynthConfig(transpose=(-12, 12), match_loudness=False)
    result = resynthesise(target, [one_note], codec=TOY, config=config, seed=2)
    score = Score.load(result.score.save(tmp_path / "melody.json"))
    assert torch.equal(render(score, codec=TOY)[0], result.audio)
    assert ResynthConfig(**score.made_by["resynth"]) == result.config
    played = {score.recordings[i].transposed_semitones for i in set(score.recording.tolist())}
    assert {midi - 60.0 for midi in SCALE} <= played
    session = reaper_session(score, tmp_path / "melody.rpp").read_text()
    assert f"PLAYRATE {2 ** (7 / 12):.12f}".rstrip("0") in session
    assert "note (transpose=7)" in session
    one_note.unlink()
    with pytest.raises(CodebookError, match=r"note\.wav is gone or cannot be read"):
        render(score, codec=TOY)


def test_copies_that_leave_no_grain_are_left_out() -> None:
    short = (note(440.0, 1.0, 0.06)[None], RATE)  # five frames: an octave up they are three
    book = build_codebook([short], TOY, CodebookConfig(grain_frames=4), transpose=(-12, 12))
    speeds = [r.speed for r in book.recordings_]
    assert max(speeds) < 1.5
    assert min(speeds) == 0.5
    with pytest.raises(CodebookError, match="shorter than one grain"):
        build_codebook([(note(440.0, 1.0, 0.03)[None], RATE)], TOY, transpose=(-12, 12))


def test_a_note_that_is_there_is_played_as_it_is(tmp_path: Path) -> None:
    notes = [save_audio(tmp_path / f"{midi}.wav", note(hz(midi), 2.0, 1.2)[None], RATE) for midi in SCALE]
    score = resynthesise(melody(), notes, codec=TOY, config=ResynthConfig(transpose=(-12, 12))).score
    semitones = [score.recordings[i].transposed_semitones for i in score.recording.tolist()]
    assert sum(each == 0 for each in semitones) > 0.8 * len(semitones)


def test_weights_are_the_originals(one_note: Path, tmp_path: Path) -> None:
    other = save_audio(tmp_path / "other.wav", note(hz(64), 1.0, 1.2)[None], RATE)
    config = ResynthConfig(transpose=(-12, 12), source_weights=(0, 1))  # type: ignore[arg-type]
    score = resynthesise(melody(), [one_note, other], codec=TOY, config=config).score
    assert {score.recordings[i].path for i in set(score.recording.tolist())} == {str(other.resolve())}


@pytest.mark.parametrize("wrong", [(1, 0), (0,), (-37, 0), (0, 37), (0.5, 1), (0, 1, 2), "ab", 3, True, None])
def test_what_is_no_transposition_is_refused(wrong: Any) -> None:
    with pytest.raises(ArgumentError, match="transpose must be the lowest and the highest semitones"):
        check_transpose(wrong)
    with pytest.raises(ArgumentError, match="transpose must be"):
        ResynthConfig(transpose=wrong)


def test_too_many_hours_of_copies_are_refused_before_they_are_made(tmp_path: Path) -> None:
    hour = save_audio(tmp_path / "long.wav", torch.full((1, 8 * 60 * 1000), 0.1), 8000)  # a minute
    files = [hour] * 20
    with pytest.raises(ArgumentError, match=r"4 hours of transposed copies, got \d+\.\d \(-12 to 12 semitones\)"):
        build_codebook(files, TOY, transpose=(-12, 12))


def test_a_recording_at_a_low_rate_is_transposed_as_well() -> None:
    low = (note(200.0, 1.0, 0.5, rate=2000)[None], 2000)
    book = build_codebook([low], TOY, transpose=(-36, 36))
    assert all(bool(latents.isfinite().all()) for latents in book.recording_latents())
    assert read(low, TOY, book.recordings_[1]).shape[1] == pytest.approx(0.5 * 8 * RATE, rel=0.01)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--transpose", "12"], "--transpose must be LOW:HIGH in whole semitones, such as -12:12, got '12'"),
        (["--transpose", "-50:12"], "--transpose must be the lowest and the highest semitones"),
        (["--pitch", "1.5"], "pitch must stay within 0 and 1, got 1.5"),
        (["--pitch", "high"], "--pitch"),
    ],
)
def test_the_command_says_what_it_cannot_do(options: list[str], said: str, one_note: Path, tmp_path: Path) -> None:
    refused_resynth(tmp_path, one_note, one_note, "--codec", "toy", *options, says=said)


def test_the_command_plays_a_melody_with_a_note(one_note: Path, tmp_path: Path) -> None:
    target, out = save_audio(tmp_path / "melody.wav", *melody()), tmp_path / "out.wav"
    book = tmp_path / "note.codebook"
    options = ("--codec", "toy", "--transpose", "-12:12")
    done("codebook", "build", one_note, "-o", book, *options)
    for sources in ([one_note, *options], [book]):
        done("resynth", *sources, "-t", target, "-o", out, "--force")
        assert retention("pitch_agreement", melody()[0][0], load_audio(out)[0][0], RATE) > 0.8
    out.unlink()
    settled = "--transpose was settled when the codebook was built"
    refused_resynth(tmp_path, book, target, "--transpose", "-12:12", says=settled)


@pytest.mark.parametrize("sound", [torch.zeros(1, RATE), torch.full((1, RATE), 0.5)])
def test_silent_and_constant_sources_beside_a_note_do_no_harm(sound: torch.Tensor, one_note: Path) -> None:
    result = resynthesise(melody(), [(sound, RATE), one_note], codec=TOY, config=ResynthConfig(transpose=(-2, 2)))
    assert bool(result.audio.isfinite().all())
    loud = result.score.recording != 0
    assert loud.all()
