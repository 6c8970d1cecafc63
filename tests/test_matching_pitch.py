"""Matching that weighs pitch: rows against plain sums, codebooks that know it, melodies that stay."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from test_pitch import RATE, note
from torch import Tensor

from lgr.codebook import CodebookConfig, GrainCodebook
from lgr.codecs import load_codec
from lgr.codecs.toy import ToyCodec
from lgr.errors import ArgumentError, CodebookError, ShapeError
from lgr.latents.joint import pitch_rows, source_rows, target_rows
from lgr.measures.retention import retention
from lgr.rendering import render
from lgr.resynth import resynthesise
from lgr.resynth_config import ResynthConfig
from lgr.score import Score
from lgr.sound.audio import save_audio
from lgr.sound.pitch import BINS, pitchedness
from lgr.sources import build_codebook, with_pitch

TOY = ToyCodec()
SCALE = (60, 62, 64, 65, 67, 69)


def hz(midi: int) -> float:
    return 440 * 2 ** ((midi - 69) / 12)


def rows(n: int, size: int, seed: int) -> Tensor:
    x = torch.randn(n, size, generator=torch.Generator().manual_seed(seed))
    return x / x.norm(dim=1, keepdim=True)


def frames(n: int, seed: int) -> Tensor:
    return torch.rand(n, BINS, generator=torch.Generator().manual_seed(seed)) ** 6 * 3


def test_products_are_weighted_sums_of_similarities() -> None:
    timbre, pitch, wanted, sung = rows(7, 5, 0), rows(7, BINS, 1), rows(3, 5, 2), rows(3, BINS, 3)
    weight = torch.tensor([0.0, 0.4, 1.0])
    got = target_rows(wanted, sung, weight) @ source_rows(timbre, pitch).T
    for i, w in enumerate(weight.tolist()):
        for j in range(7):
            expected = (1 - w) * float(wanted[i] @ timbre[j]) + w * float(sung[i] @ pitch[j])
            assert float(got[i, j]) == pytest.approx(expected, abs=1e-6)
    torch.testing.assert_close(source_rows(timbre, pitch).norm(dim=1), torch.ones(7))


def test_a_grains_pitch_is_the_mean_of_its_frames() -> None:
    x, starts = frames(20, 0), torch.tensor([0, 3, 16])
    found, pitched = pitch_rows(x, starts, 4)
    for i, start in enumerate(starts.tolist()):
        mean = x[start : start + 4].mean(0)
        torch.testing.assert_close(found[i], mean / mean.norm())
        assert float(pitched[i]) == pytest.approx(float(pitchedness(mean[None])))
    silent, none = pitch_rows(torch.zeros(5, BINS), torch.tensor([0]), 4)
    assert not bool(silent.any())
    assert float(none) == 0


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Single notes of a scale, in files: all dark but the lowest, which is the one that sounds like the melody."""
    folder = tmp_path_factory.mktemp("notes")
    slopes = {midi: 0.5 if midi == SCALE[0] else 2.0 for midi in SCALE}
    return [save_audio(folder / f"{midi}.wav", note(hz(midi), slopes[midi])[None], RATE) for midi in SCALE]


def melody() -> tuple[Tensor, int]:
    """Bright notes of the scale."""
    return torch.cat([note(hz(midi), 0.5, 0.8) for midi in (64, 60, 67, 65, 69, 62)])[None], RATE


def test_a_melody_stays_where_pitch_counts(notes: list[Path]) -> None:
    codec, kept = load_codec("bundled"), {}
    for weight in (0.0, 0.6):
        config = ResynthConfig(temperature=0.0, pitch=weight)
        result = resynthesise(melody(), notes, codec=codec, config=config)
        kept[weight] = retention("pitch_agreement", melody()[0][0], result.audio[0], RATE)
    assert kept[0.6] is not None
    assert kept[0.6] > 0.8
    assert kept[0.0] is not None
    assert kept[0.0] < kept[0.6] - 0.3


def test_a_target_without_pitch_is_matched_as_before(notes: list[Path]) -> None:
    hiss = 0.1 * torch.randn(1, RATE, generator=torch.Generator().manual_seed(0)), RATE
    scores = [
        resynthesise(hiss, notes, codec=TOY, config=ResynthConfig(temperature=0.0, pitch=w)).score for w in (0, 1)
    ]
    same = (scores[0].recording == scores[1].recording) & (scores[0].source_frame == scores[1].source_frame)
    assert same.mean() > 0.9


def test_pitch_may_change_over_time(notes: list[Path]) -> None:
    codec = load_codec("bundled")
    plain, sung, both = (
        resynthesise(melody(), notes, codec=codec, config=ResynthConfig(temperature=0.0, pitch=pitch)).score  # type: ignore[arg-type]
        for pitch in (0.0, 1.0, "0:0,2.39:0,2.4:1")
    )
    early, late = both.target_seconds < 2.39, both.target_seconds >= 2.4
    assert (both.recording[early] == plain.recording[early]).all()
    assert (both.recording[late] == sung.recording[late]).all()
    assert (plain.recording[early] != sung.recording[early]).any()


def test_a_codebook_keeps_pitch_when_it_grows_and_is_saved(notes: list[Path], tmp_path: Path) -> None:
    whole = build_codebook(notes, TOY)
    joined = build_codebook(notes[:2], TOY).merge(build_codebook(notes[2:], TOY))
    loaded = GrainCodebook.load(whole.save(tmp_path / "notes.codebook"))
    for book in (joined, loaded):
        torch.testing.assert_close(book.joint_vectors_, whole.joint_vectors_)
    whole.forget_vectors()
    torch.testing.assert_close(whole.joint_vectors_, loaded.joint_vectors_)


def old(book: GrainCodebook) -> GrainCodebook:
    """The codebook as one was before pitch was known."""
    parts = book._current_parts()._replace(pitch=None)
    return GrainCodebook(book.config)._take(book._fitted()._replace(parts=parts))


def test_an_old_codebook_hears_its_recordings_again_or_says_why_not(notes: list[Path], tmp_path: Path) -> None:
    copies = [save_audio(tmp_path / path.name, note(hz(60), 2.0)[None], RATE) for path in notes[:1]]
    new = build_codebook([*copies, *notes[1:]], TOY)
    book = GrainCodebook.load(old(new).save(tmp_path / "old.codebook"))
    assert not book.has_pitch
    torch.testing.assert_close(with_pitch(book, TOY).joint_vectors_, new.joint_vectors_)
    again = resynthesise(melody(), book, codec=TOY, config=ResynthConfig(pitch=0.6))
    assert len(again.score)
    copies[0].unlink()
    with pytest.raises(
        CodebookError, match=r"built before pitch was known.*is gone.*build it again, or set pitch to 0"
    ):
        resynthesise(melody(), book, codec=TOY, config=ResynthConfig(pitch=0.6))
    without = resynthesise(melody(), book, codec=TOY, config=ResynthConfig(pitch=0))
    assert len(without.score)  # nothing is missing
    with pytest.raises(CodebookError, match="does not know the pitch of its grains"):
        _ = book.joint_vectors_


def test_the_score_remembers_and_replays(notes: list[Path], tmp_path: Path) -> None:
    target = save_audio(tmp_path / "melody.wav", *melody())
    result = resynthesise(target, notes, codec=TOY, config=ResynthConfig(pitch="0:0.2,1:0.6"), seed=4)
    score = Score.load(result.score.save(tmp_path / "melody.json"))
    assert score.made_by["resynth"]["pitch"] == [[0.0, 0.2], [1.0, 0.6]]
    assert torch.equal(render(score, codec=TOY)[0], result.audio)
    assert ResynthConfig(**score.made_by["resynth"]) == result.config


@pytest.mark.parametrize("pitch", [-0.1, 1.5, "0:0,1:2"])
def test_a_weight_outside_its_range_is_refused(pitch: float | str) -> None:
    with pytest.raises(ArgumentError, match="pitch must stay within 0 and 1"):
        ResynthConfig(pitch=pitch)  # type: ignore[arg-type]


def test_descriptors_that_do_not_fit_are_refused(notes: list[Path]) -> None:
    book = build_codebook(notes[:1], TOY)
    latents = [x for x in book.recording_latents()]
    with pytest.raises(ShapeError, match=r"pitch of recording .* must be \(72, "):
        GrainCodebook(CodebookConfig()).fit(latents, book.recordings_, pitch=[torch.zeros(3, 4)], codec=TOY.info)
    with pytest.raises(ArgumentError, match="pitch must be one Tensor for each of 1 recordings, got 0"):
        GrainCodebook(CodebookConfig()).fit(latents, book.recordings_, pitch=[], codec=TOY.info)


def test_a_silent_source_has_no_pitch_and_breaks_nothing(notes: list[Path]) -> None:
    sources = [(torch.zeros(1, RATE), RATE), (torch.full((1, RATE), 0.2), RATE), *notes[:2]]
    result = resynthesise(melody(), sources, codec=TOY, config=replace(ResynthConfig(), pitch=0.6))  # type: ignore[arg-type]
    assert bool(result.audio.isfinite().all())
