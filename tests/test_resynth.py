"""The whole job: identity, lengths, seeds, wet, stereo and loudness; mostly on the exact toy codec."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lgr.codecs import Codec, ToyCodec, load_codec
from lgr.files import assets_dir
from lgr.resynth import Resynthesis, resynthesise
from lgr.resynth_config import ResynthConfig
from lgr.sound.audio import load_audio
from lgr.sound.level import within_full_scale
from lgr.sound.loudness import integrated_loudness
from lgr.sounds import encode_lanes
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


def level_db(audio: Tensor) -> Tensor:
    return 10 * torch.log10(audio.square().mean(-1) + 1e-20)


# ---- identity ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", ["cosine", "centred", "whitened"])
@pytest.mark.parametrize("hop_frames", [4, 2, 1])
def test_a_target_inside_the_sources_finds_its_own_grains(metric: str, hop_frames: int) -> None:
    source = noise(frames=50)
    target = source[0][:, 7 * HOP : 27 * HOP], RATE
    result = play(
        target,
        [noise(frames=30, seed=1), source],
        codec=EXACT,
        temperature=0,
        metric=metric,
        hop_frames=hop_frames,
        match_loudness=False,
    )
    score = result.score
    assert score.recording.tolist() == [1] * len(score)
    assert score.source_frame.tolist() == [7 + t for t in score.target_frame.tolist()]
    np.testing.assert_allclose(score.similarity, 1, atol=1e-4)
    torch.testing.assert_close(result.audio, EXACT.decode(EXACT.encode(target[0][None]))[0], rtol=0, atol=1e-5)
    torch.testing.assert_close(result.audio, target[0], rtol=0, atol=1e-5)


def test_the_bundled_codec_finds_its_own_grains() -> None:
    codec = load_codec("bundled")
    audio, rate = load_audio(assets_dir() / "audio" / "drum_loop.flac")
    hop = codec.info.hop_length
    target = audio[:, : 80 * hop], rate  # 81 frames: the look-ahead's comes on top
    result = play(target, [(audio, rate)], codec=codec, temperature=0, match_loudness=False)
    inside = result.score.target_frame < 76  # the last frames' windows reach into the silence after the target
    assert result.score.source_frame[inside].tolist() == result.score.target_frame[inside].tolist()
    gain = 10 ** (result.score.recordings[0].level_gain_db / 20)
    round_trip = codec.decode(codec.encode(gain * audio[None]))[0] / gain
    torch.testing.assert_close(result.audio[:, : 75 * hop], round_trip[:, : 75 * hop], rtol=0, atol=1e-4)


# ---- length, tail, stride ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [8000, 11025, 44100, 192000])
def test_the_result_is_as_long_as_the_target(rate: int) -> None:
    sources = build_codebook([noise()], TOY)
    for samples in (*range(5000, 5012), 79, 10001):
        target = 0.1 * torch.randn(1, samples, generator=torch.Generator().manual_seed(samples)), rate
        result = play(target, sources)
        assert result.sample_rate == rate
        assert result.audio.shape == (1, samples), samples
    assert bool(result.audio.isfinite().all())


def test_below_the_codecs_rate_the_result_has_the_codecs() -> None:
    result = play(noise(frames=10.3, rate=4000), [noise()])
    assert result.sample_rate == RATE
    assert result.audio.shape[1] == 2 * round(10.3 * HOP)


def test_the_last_grains_are_heard() -> None:
    for frames in (17, 18, 19, 20, 18.4):
        for hop_frames in (4, 3):
            audio = play(noise(frames=frames), [noise(seed=1)], hop_frames=hop_frames, match_loudness=False).audio
            by_hop = level_db(audio[:, : int(frames) * HOP].view(-1, HOP))
            assert float(by_hop.min()) > -40, (frames, hop_frames)


def test_the_sources_stride_is_kept() -> None:
    result = play(noise(frames=200), [noise(frames=60)], stride=7, temperature=1.0)
    assert set(result.score.source_frame.tolist()) == {*range(0, 57, 7), 56}  # and all of them are used


# ---- seeds ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{"temperature": 0.5}, {"temperature": 0.5, "continuity": 0.5}])
def test_a_seed_gives_the_same_bits_and_another_gives_others(options: dict[str, Any]) -> None:
    before = torch.random.get_rng_state()
    one, same, other = (play(noise(), [noise(seed=1)], seed=seed, **options) for seed in (4, 4, 5))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert one.score == same.score
    assert torch.equal(one.audio, same.audio)
    assert one.score.source_frame.tolist() != other.score.source_frame.tolist()
    assert not torch.equal(one.audio, other.audio)
    assert (one.seed, other.score.seed) == (4, 5)


# ---- wet -----------------------------------------------------------------------------------------------------------


def test_wet_goes_from_the_targets_round_trip_to_the_grains() -> None:
    target, sources = noise(frames=40), [noise(seed=1)]
    played = play(target, sources, match_loudness=False).audio
    round_trip = TOY.decode(TOY.encode(target[0][None]))[0]
    torch.testing.assert_close(play(target, sources, match_loudness=False, wet=0).audio, round_trip, rtol=0, atol=1e-6)
    half = play(target, sources, match_loudness=False, wet=0.5).audio
    torch.testing.assert_close(half, (played + round_trip) / 2, rtol=0, atol=1e-3)  # decibels are not linear
    curve = play(target, sources, match_loudness=False, wet="0:0,0.4:1").audio
    frame = torch.arange(40).repeat_interleave(HOP)
    wet = (frame * HOP / RATE / 0.4).clamp(max=1)
    torch.testing.assert_close(curve, wet * played + (1 - wet) * round_trip, rtol=0, atol=1e-3)


# ---- stereo --------------------------------------------------------------------------------------------------------


def test_equal_channels_stay_equal_at_any_temperature() -> None:
    target, source = noise(), noise(seed=1)
    twice = play((target[0].repeat(2, 1), RATE), [(source[0].repeat(2, 1), RATE)], temperature=3.0)
    once = play(target, [source], temperature=3.0)
    assert torch.equal(twice.audio[0], twice.audio[1])  # one score, not two draws
    assert twice.score.source_frame.tolist() == once.score.source_frame.tolist()
    torch.testing.assert_close(twice.audio[:1], once.audio, rtol=0, atol=1e-6)


def test_a_stereo_source_keeps_its_channels() -> None:
    source = noise(2, seed=1)
    result = play(noise(), [source], match_loudness=False)
    for channel in range(2):
        alone = play(noise(), [(source[0][channel : channel + 1], RATE)], match_loudness=False, temperature=0)
        latents = encode_lanes(source[0][channel : channel + 1], TOY)
        at = torch.from_numpy(result.score.source_frame)[:, None] + torch.arange(4)
        expected = TOY.decode(latents[:, :, at.flatten()[:60]])[0]
        torch.testing.assert_close(result.audio[channel : channel + 1], expected, rtol=0, atol=1e-6)
        assert alone.audio.shape == (1, 60 * HOP)


@pytest.mark.parametrize("loudness", [True, False])
def test_a_hard_panned_source_stays_panned(loudness: bool) -> None:
    source = noise(2, seed=1)[0] * torch.tensor([[1.0], [0.0]])
    audio = play(noise(), [(source, RATE)], match_loudness=loudness).audio
    assert float(level_db(audio[0])) > -30
    assert bool((audio[1] == 0).all())


def test_loudness_keeps_the_targets_left_and_right() -> None:
    target = noise(2)[0] * torch.tensor([[1.0], [0.1]])
    for sources in ([noise(seed=1)], [noise(2, seed=1)]):
        audio = play((target, RATE), sources).audio
        left, right = level_db(audio)
        assert float(left - right) == pytest.approx(20, abs=0.5)
        assert integrated_loudness(audio, RATE) == pytest.approx(integrated_loudness(target, RATE), abs=0.1)
    # a mono target leads a stereo source by its level, and leaves the source's image
    image = noise(2, seed=1)[0] * torch.tensor([[1.0], [0.25]])
    audio = play(noise(), [(image, RATE)]).audio
    assert float(level_db(audio[0]) - level_db(audio[1])) == pytest.approx(20 * math.log10(4), abs=0.7)


# ---- loudness ------------------------------------------------------------------------------------------------------


def envelope_db(audio: Tensor, rate: int) -> np.ndarray[Any, Any]:
    """Level of every 10 ms over all channels."""
    n = rate // 100
    blocks = audio[:, : audio.shape[1] // n * n].reshape(audio.shape[0], -1, n)
    return (10 * torch.log10(blocks.square().mean((0, 2)) + 1e-10)).numpy()


def test_loudness_follows_a_drum_loop_played_with_glass() -> None:
    codec = load_codec("bundled")
    folder = assets_dir() / "audio"
    target, _ = load_audio(folder / "drum_loop.flac", sample_rate=24000)
    wanted = envelope_db(target, 24000)
    correlation = {}
    for loudness in (False, True):
        result = play(
            folder / "drum_loop.flac", [folder / "glass.flac"], codec=codec, temperature=0, match_loudness=loudness
        )
        assert result.sample_rate == 24000
        correlation[loudness] = float(np.corrcoef(envelope_db(result.audio, 24000), wanted)[0, 1])
    assert correlation[True] > 0.93
    assert correlation[True] > correlation[False] + 0.3


def test_nothing_clips_and_nothing_pumps(monkeypatch: pytest.MonkeyPatch) -> None:
    square = torch.sign(torch.sin(torch.arange(60 * HOP) / 20))[None]
    every: list[dict[str, Any]] = [{}, {"match_loudness": False}]
    for options in every:
        target, sources = (square, RATE), [(noise(seed=1)[0] * 12, RATE)]
        kept = play(target, sources, **options).audio
        assert float(kept.abs().max()) == pytest.approx(0.999, abs=1e-4)
        with monkeypatch.context() as patch:
            patch.setattr("lgr.rendering.within_full_scale", lambda audio, sample_rate: audio)
            unlimited = play(target, sources, **options).audio
        assert float(unlimited.abs().max()) > 1.2
        assert torch.equal(kept, within_full_scale(unlimited, RATE))  # a limiter, which test_level.py holds to its word


def test_quiet_results_are_not_raised() -> None:
    target = noise()[0] * 0.01
    audio = play((target, RATE), [noise(seed=1)]).audio
    assert integrated_loudness(audio, RATE) == pytest.approx(integrated_loudness(target, RATE), abs=0.1)
