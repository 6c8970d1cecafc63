"""Steering a resynthesis: envelopes, weights, gates, codebooks, files; and every setting and sound that is refused."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lgr.codebook import CodebookConfig, GrainCodebook
from lgr.codecs import Codec, ToyCodec, load_codec
from lgr.errors import ArgumentError, AudioFileError, CodebookError
from lgr.files import assets_dir
from lgr.resynth import Resynthesis, resynthesise
from lgr.resynth_config import ResynthConfig
from lgr.sound.audio import load_audio, save_audio
from lgr.sound.envelope import Envelope
from lgr.sounds import read
from lgr.sources import build_codebook

RATE = 8000
HOP = 80
TOY = ToyCodec(latent_dim=40, sample_rate=RATE, hop_length=HOP)
EXACT = ToyCodec(sample_rate=RATE, hop_length=HOP)
Pair = tuple[Tensor, int]


def config(**options: Any) -> ResynthConfig:
    """A configuration from plain numbers and texts, as a person writes them."""
    return ResynthConfig(**options)


def noise(channels: int = 1, frames: float = 60, seed: int = 0, rate: int = RATE) -> Pair:
    generator = torch.Generator().manual_seed(seed)
    return 0.1 * torch.randn(channels, round(frames * HOP), generator=generator), rate


def play(target: Pair | Path, sources: Any, *, codec: Codec = TOY, seed: int = 0, **options: Any) -> Resynthesis:
    return resynthesise(target, sources, codec=codec, config=config(**options), seed=seed)


# ---- envelopes and weights -----------------------------------------------------------------------------------------


def test_temperature_changes_over_time() -> None:
    score = play(noise(frames=200), [noise(seed=1)], temperature="0:0,1:0,1:50").score
    early = score.target_seconds < 1
    np.testing.assert_array_equal(score.entropy[early], 0)
    np.testing.assert_array_equal(score.probability[early], 1)
    assert float(score.entropy[~early].min()) > math.log(57) - 0.01  # of 57 grains, nearly alike


def test_continuity_changes_over_time() -> None:
    score = play(noise(frames=1200), [noise(frames=300, seed=1)], temperature=2.0, continuity="0:0,6:0,6:0.97").score
    later = score.target_seconds[1:] > 6
    assert score.plays_on[later].mean() > 0.8
    assert score.plays_on[~later].mean() < 0.1


def test_weights_leave_sources_out_and_switch_between_them() -> None:
    target, sources = noise(frames=200), [noise(seed=1), noise(seed=2)]
    assert set(play(target, sources, temperature=1.0).score.recording) == {0, 1}
    assert set(play(target, sources, temperature=1.0, source_weights=(0, 1)).score.recording) == {1}
    assert set(play(target, sources, temperature=0, source_weights=(1, 0)).score.recording) == {0}
    score = play(target, sources, temperature=1.0, source_weights=("0:1,1:1,1:0", "0:0,1:0,1:1")).score
    np.testing.assert_array_equal(score.recording, (score.target_seconds >= 1).astype(int))
    drawn = play(noise(frames=2000), sources, temperature=50, continuity=0, source_weights=(1, 9)).score
    tenth = drawn.recording.mean()
    assert tenth == pytest.approx(0.9, abs=0.05)


def test_augmented_copies_follow_their_originals_weight() -> None:
    target, sources = noise(frames=200), [noise(seed=1), noise(seed=2)]
    options: dict[str, Any] = {"augmentations": ("gain=-6", "speed=1.1"), "temperature": 50}
    score = play(target, sources, source_weights=(0, 1), **options).score
    assert {score.recordings[i].name for i in set(score.recording.tolist())} == {
        "source 2",
        "source 2 (gain=-6)",
        "source 2 (speed=1.1)",
    }
    only_fast = play(target, sources, source_weights=(0, 0, 0, 0, 1, 0), **options).score
    assert set(only_fast.recording) == {4}
    with pytest.raises(ArgumentError, match="source_weights must be one for each of 2 sources, got 3"):
        play(target, sources, source_weights=(1, 1, 1), **options)
    with pytest.raises(ArgumentError, match="weight"):
        play(target, sources, source_weights=(0, 0), **options)


@pytest.mark.parametrize(("weights", "played"), [((1, 0), {0, 2}), ((0, 1), {1, 3})])
def test_a_file_given_twice_is_two_sources(tmp_path: Path, weights: tuple[int, int], played: set[int]) -> None:
    file = save_audio(tmp_path / "a.wav", *noise(seed=1))
    options: dict[str, Any] = {"augmentations": ("gain=-6",), "temperature": 50, "source_weights": weights}
    assert set(play(noise(frames=200), [file, file], **options).score.recording) == played


def test_weights_find_the_copies_of_a_merged_codebook(tmp_path: Path) -> None:
    files = [save_audio(tmp_path / f"{name}.wav", *noise(seed=i)) for i, name in enumerate("ab")]
    first, second = (build_codebook([file], TOY, augmentations=["gain=-6"]) for file in files)
    latents = torch.split(second.latents_, list(second.frames_), -1)
    merged = first.extend(latents, second.recordings_)
    assert [r.name for r in merged.recordings_] == ["a", "a (gain=-6)", "b", "b (gain=-6)"]
    score = play(noise(frames=200), merged, temperature=50, source_weights=(0, 1)).score
    assert set(score.recording) == {2, 3}


def test_the_silence_gate_keeps_silence_out_of_the_score() -> None:
    source = torch.cat([noise(seed=1)[0], torch.zeros(1, 60 * HOP)], 1), RATE
    book = build_codebook([source], TOY, CodebookConfig(silence_db=-60))
    assert int(book.source_frame_.max()) == 59  # the last grain with a frame that sounds
    for sources in (book, [source]):  # and none that falls silent is played where the target does not
        assert play(noise(frames=400), sources, temperature=50).score.source_frame.max() == 56


def test_grains_that_would_need_too_much_boost_are_played_only_where_the_target_is_quiet() -> None:
    source, target = noise(frames=60, seed=1)[0], noise(frames=80)[0]
    sources = [(torch.cat([source, 10 ** (-30 / 20) * source], 1), RATE)]
    loud_then_quiet = torch.cat([target, 10 ** (-12 / 20) * target], 1), RATE
    for metric in ("cosine", "centred", "whitened"):
        score = play(loud_then_quiet, sources, temperature=50, continuity=0, metric=metric).score
        loud, quiet = score.source_frame[:20], score.source_frame[20:]
        assert loud.max() < 60 <= quiet.max(), metric
    assert len(play(noise(), [(1e-3 * source, RATE)], temperature=50).score)  # a source's own gain bars nothing
    only = play(noise(), [sources[0]], temperature=50, source_weights=(1,)).score
    assert only.source_frame.max() < 60


def test_a_gain_of_target_or_source_changes_no_choice() -> None:
    codec = load_codec("bundled")
    clips = assets_dir() / "audio"
    (target, rate), (source, source_rate) = (load_audio(clips / f"{name}.flac") for name in ("drum_loop", "glass"))
    plain = resynthesise((target, rate), [(source, source_rate)], codec=codec, config=config(temperature=0))
    for gain, other in ((0.1, 1.0), (0.01, 1.0), (1.0, 0.03), (3.0, 0.5)):
        sounds = (gain * target, rate), [(other * source, source_rate)]
        score = resynthesise(*sounds, codec=codec, config=config(temperature=0)).score
        assert (score.source_frame == plain.score.source_frame).mean() > 0.99, (gain, other)  # all of them, measured
    quiet = resynthesise((0.1 * target, rate), [(source, source_rate)], codec=codec, config=config(temperature=0))
    torch.testing.assert_close(10 * quiet.audio, plain.audio, rtol=0, atol=0.05)  # and the level is the target's


def test_levels_stay_with_a_saved_codebook_and_may_be_unknown(tmp_path: Path) -> None:
    book = build_codebook([noise(frames=60)], TOY)
    again = GrainCodebook.load(book.save(tmp_path / "book"))
    assert again.levels_db is not None
    assert torch.equal(again.levels_db, book.levels_db)
    latents = list(book.recording_latents())
    unknown = GrainCodebook().fit(latents, book.recordings_, codec=TOY.info)
    assert unknown.levels_db is None
    assert len(play(noise(), unknown, pitch=0.0).score)  # an older lgr's: nothing is barred


# ---- codebooks, progress, saving -----------------------------------------------------------------------------------


def test_a_codebooks_own_settings_hold() -> None:
    codebook = build_codebook([noise(seed=1)], TOY, CodebookConfig(grain_frames=6, stride=3, metric="cosine"))
    result = play(noise(), codebook)
    assert (result.config.grain_frames, result.config.stride, result.config.metric) == (6, 3, "cosine")
    assert (result.score.grain_frames, result.score.hop_frames) == (6, 6)
    with pytest.raises(ArgumentError, match=r"hop_frames must be in \[1, grain_frames=6\] of the codebook, got 7"):
        play(noise(), codebook, grain_frames=8, hop_frames=7)
    with pytest.raises(CodebookError, match=r"the codebook was made with codec 'toy' .*, not 'bundled'"):
        resynthesise(noise(), codebook, codec="bundled")
    with pytest.raises(CodebookError, match="the codebook was made with codec"):
        play(noise(), codebook, codec=EXACT)


def test_config_round_trips_through_the_score() -> None:
    options = config(
        temperature="0:0.1,1:0.5", wet=0.5, source_weights=("1", "0:1,2:0.5"), augmentations=("gain=1",), hop_frames=2
    )
    assert ResynthConfig(**options.to_json()) == options
    score = resynthesise(noise(), [noise(seed=1)] * 2, codec=TOY, config=options).score
    assert ResynthConfig(**score.made_by["resynth"]) == options


def test_progress_and_saving(tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    result = resynthesise(noise(), [noise(seed=1)], codec=TOY, progress=lambda *step: seen.append(step))
    whats = list(dict.fromkeys(what for what, _, _ in seen))
    assert whats == ["encoding sources", "encoding target", "matching", "decoding"]
    assert all(0 <= done <= of for _, done, of in seen)
    assert seen[-1] == ("decoding", 1, 1)
    path = result.save(tmp_path / "out.wav")
    assert torch.equal(load_audio(path)[0], result.audio)
    with pytest.raises(AudioFileError, match="exists and is kept"):
        result.save(path)


# ---- errors --------------------------------------------------------------------------------------------------------


def test_sounds_that_cannot_be_used(tmp_path: Path) -> None:
    silence = torch.zeros(1, 4000), RATE
    with pytest.raises(ArgumentError, match="target must hold some sound, got digital silence in 'target'"):
        play(silence, [noise()])
    with pytest.raises(ArgumentError, match="sources must hold some sound, got digital silence in every recording"):
        play(noise(), [silence])
    broken = noise()[0].clone()
    broken[0, 100] = torch.nan
    with pytest.raises(ArgumentError, match="target must be finite"):
        play((broken, RATE), [noise()])
    with pytest.raises(ArgumentError, match="source 2 must be finite"):
        play(noise(), [noise(), (broken, RATE)])
    with pytest.raises(
        CodebookError, match="'source 1' is shorter than one grain: it has 3 frames and grain_frames is 4"
    ):
        play(noise(), [noise(frames=3)])
    with pytest.raises(AudioFileError, match=r"nothing.wav does not exist"):
        play(tmp_path / "nothing.wav", [noise()])
    with pytest.raises(ArgumentError, match="sources must be a list of sounds"):
        play(noise(), str(save_audio(tmp_path / "one.wav", *noise())))
    with pytest.raises(ArgumentError, match="codec must be a folder or one of"):
        resynthesise(noise(), [noise()], codec="nonesuch")


def test_ten_samples_are_a_target() -> None:
    assert play((noise()[0][:, :10], RATE), [noise()]).audio.shape == (1, 10)
    assert play((noise()[0][:, :10], 44100), [noise()]).audio.shape == (1, 10)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": -0.1}, "temperature must be >= 0, got -0.1"),
        ({"temperature": math.nan}, "finite"),
        ({"continuity": 1.0}, "continuity must be at least 0 and below 1, got 1"),
        ({"continuity": 0.5, "sampler": "independent"}, 'continuity must be 0 with sampler "independent", got 0.5'),
        ({"wet": 1.5}, "wet must stay within 0 and 1, got 1.5"),
        ({"stride": 0}, "stride must be >= 1, got 0"),
        ({"grain_frames": 0}, "grain_frames"),
        ({"hop_frames": 5}, r"hop_frames must be in \[1, grain_frames=4\], got 5"),
        ({"metric": "euclid"}, "metric must be one of"),
        ({"sampler": "random"}, "sampler must be one of auto"),
        ({"source_weights": (-1,)}, "source_weights must be >= 0, got -1"),
        ({"repetition_penalty": 1.0, "sampler": "chain"}, "repetition_penalty must be 0 with sampler 'chain'"),
        ({"repetition_penalty": 1.0}, "repetition_frames must be >= 1 with repetition_penalty=1.0, got 0"),
        ({"continuity": 0.5, "stride": 3}, "hop_frames must be a multiple of stride=3 with continuity above 0, got 4"),
        ({"continuity": "0:0,1:0.5", "stride": 4, "hop_frames": 2}, "multiple of stride=4 .* got 2"),
    ],
)
def test_settings_out_of_range(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        config(**options)


def test_continuity_needs_grains_that_can_play_on() -> None:
    sources = [noise(frames=300, seed=1)]
    score = play(noise(frames=400), sources, temperature=2.0, continuity=0.9, stride=2, hop_frames=4).score
    assert score.plays_on.mean() > 0.7
    codebook = build_codebook(sources, TOY, CodebookConfig(stride=3))
    with pytest.raises(ArgumentError, match="hop_frames must be a multiple of stride=3"):
        play(noise(), codebook, continuity=0.9)
    assert len(play(noise(), codebook, continuity=0.9, hop_frames=3).score.recording) == 20


def test_the_sampler_follows_from_what_is_asked() -> None:
    assert config(continuity=0).match_config().sampler == "independent"
    assert config(sampler="independent").continuity == Envelope.of(0)  # nobody asked for more than can be had
    assert config(stride=3).continuity == Envelope.of(0)
    assert config().match_config().sampler == "chain"
    assert config(continuity="0:0,1:0.5").match_config().sampler == "chain"
    assert config(repetition_penalty=0.1, repetition_frames=8).match_config().sampler == "online"
    assert config(sampler="viterbi", continuity=0.5).match_config().sampler == "viterbi"


def test_read_is_what_the_score_counts(tmp_path: Path) -> None:
    path = save_audio(tmp_path / "target.wav", *noise(frames=33.3))
    result = play(path, [noise(seed=1)])
    assert result.score.target.samples == round(33.3 * HOP)
    assert read(path, TOY).shape[1] == result.score.target.samples
    assert result.score.target_frame.tolist() == list(range(0, 34, 4))
