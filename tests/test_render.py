"""A score played again: bit for bit the same, through files and saved codebooks; and scores that cannot be played."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from lgr.codebook import GrainCodebook
from lgr.codecs import ToyCodec, load_codec
from lgr.errors import ArgumentError, CodebookError
from lgr.rendering import render, render_latents
from lgr.resynth import Resynthesis, resynthesise
from lgr.resynth_config import ResynthConfig
from lgr.score import Score
from lgr.score.render_config import RenderConfig
from lgr.sound.audio import save_audio
from lgr.sound.envelope import Envelope
from lgr.sounds import encode_lanes, encode_levelled, read
from lgr.sources import build_codebook

RATE = 24000
TOY = ToyCodec()


def noise(channels: int, samples: int, seed: int = 0) -> Tensor:
    swell = 0.6 + 0.4 * torch.sin(torch.arange(samples) / 1700)
    return 0.1 * torch.randn(channels, samples, generator=torch.Generator().manual_seed(seed)) * swell


def sounds(folder: Path, *, target_channels: int = 1, source_channels: tuple[int, ...] = (1, 1)) -> list[Path]:
    """Files on disk, the target first."""
    every = [
        ("target", target_channels, 44100, 30001),
        *((f"s{i}", c, RATE, 20003) for i, c in enumerate(source_channels)),
    ]
    return [
        save_audio(folder / f"{name}.wav", noise(channels, samples, seed), rate)
        for seed, (name, channels, rate, samples) in enumerate(every)
    ]


def assert_plays_alike(result: Resynthesis, **options: Any) -> None:
    audio, rate = render(result.score, **options)
    assert rate == result.sample_rate
    assert torch.equal(audio, result.audio)


@pytest.mark.parametrize("suffix", [".json", ".csv"])
@pytest.mark.parametrize(
    "config",
    [
        ResynthConfig(temperature=Envelope.of(0.3)),
        ResynthConfig(hop_frames=1, match_loudness=False, temperature=Envelope.of(0.3)),
        ResynthConfig(
            wet=Envelope.of("0:0,0.5:1"), augmentations=("gain=-6", "speed=1.5"), temperature=Envelope.of(1.0)
        ),
        ResynthConfig(continuity=Envelope.of(0.9), temperature=Envelope.of(0.3), stride=2),
    ],
    ids=["plain", "overlapping", "wet", "path"],
)
def test_a_score_plays_bit_for_bit(tmp_path: Path, suffix: str, config: ResynthConfig) -> None:
    target, *sources = sounds(tmp_path)
    result = resynthesise(target, sources, codec="toy", config=config, seed=3)
    assert_plays_alike(result)  # opens the codec that the score names
    loaded = Score.load(result.score.save(tmp_path / f"score{suffix}"))
    assert loaded == result.score
    assert_plays_alike(replace(result, score=loaded), codec=TOY)


@pytest.mark.parametrize(
    ("target_channels", "source_channels"), [(2, (1, 1)), (1, (2, 1)), (1, (1, 2)), (2, (2, 1)), (6, (1, 6))]
)
@pytest.mark.parametrize("loudness", [True, False])
def test_stereo_scores_play_bit_for_bit(
    tmp_path: Path, target_channels: int, source_channels: tuple[int, ...], loudness: bool
) -> None:
    target, *sources = sounds(tmp_path, target_channels=target_channels, source_channels=source_channels)
    # the second source is never played, and is heard all the same: it makes the result stereo where it is
    config = ResynthConfig(match_loudness=loudness, source_weights=(Envelope.of(1.0), Envelope.of(0.0)))
    result = resynthesise(target, sources, codec=TOY, config=config)
    assert len(result.audio) == (2 if 2 in (target_channels, *source_channels) else 1)
    assert_plays_alike(result, codec=TOY)


def test_a_saved_codebook_plays_bit_for_bit(tmp_path: Path) -> None:
    target, *sources = sounds(tmp_path, source_channels=(1, 2))
    config = ResynthConfig(temperature=Envelope.of(0.3))
    direct = resynthesise(target, sources, codec=TOY, config=config)
    built = build_codebook(sources, TOY, config.codebook_config())
    loaded = GrainCodebook.load(built.save(tmp_path / "book"), TOY.info)
    for codebook in (built, loaded):
        result = resynthesise(target, codebook, codec=TOY, config=config)
        assert result.score == direct.score
        assert torch.equal(result.audio, direct.audio)
    assert_plays_alike(result, codec=TOY)


def test_the_bundled_codec_plays_bit_for_bit(tmp_path: Path) -> None:
    target, *sources = sounds(tmp_path, target_channels=2)
    config = ResynthConfig(wet=Envelope.of("0:0.5,0.5:1"))
    assert_plays_alike(resynthesise(target, sources, config=config))


def test_an_edited_score_plays_the_edit(tmp_path: Path) -> None:
    _, *sources = sounds(tmp_path)
    config = ResynthConfig(match_loudness=False)
    score = resynthesise((noise(1, 20 * 320), RATE), sources, codec=TOY, config=config).score
    audio, _ = render(score.replace(2, recording=1, source_frame=17), codec=TOY)
    expected = encode_lanes(read(sources[1], TOY), TOY)[..., 17:21]
    # the third grain, end to end; where recordings meet, their levels do, over a frame
    found = encode_lanes(audio, TOY)[..., 8:12]
    torch.testing.assert_close(found[..., 1:3], expected[..., 1:3], rtol=0, atol=1e-5)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-3)


# ---- what cannot be played -----------------------------------------------------------------------------------------


def test_files_that_moved_or_changed(tmp_path: Path) -> None:
    target, *sources = sounds(tmp_path)
    result = resynthesise(target, sources[:1], codec=TOY)
    moved = sources[0].rename(tmp_path / "elsewhere.wav")
    with pytest.raises(CodebookError, match=r"score: recording .*s0.wav is gone or cannot be read; put it back"):
        render(result.score, codec=TOY)
    at_its_place = replace(result.score.recordings[0], path=str(moved))
    assert_plays_alike(replace(result, score=replace(result.score, recordings=(at_its_place,))), codec=TOY)
    save_audio(sources[0], noise(1, 20003, seed=99), RATE)
    with pytest.raises(CodebookError, match=r"score: recording .*s0.wav has changed since the score was made"):
        render(result.score, codec=TOY)
    moved.rename(sources[0])
    assert_plays_alike(result, codec=TOY)
    target.unlink()
    with pytest.raises(CodebookError, match=r"score: target .*target.wav is gone"):
        render(result.score, codec=TOY)


def test_the_target_is_read_only_where_it_is_needed(tmp_path: Path) -> None:
    target, *sources = sounds(tmp_path)
    result = resynthesise(target, sources, codec=TOY, config=ResynthConfig(match_loudness=False))
    target.unlink()
    assert_plays_alike(result, codec=TOY)


def test_sounds_that_were_in_no_file(tmp_path: Path) -> None:
    target, *_ = sounds(tmp_path)
    pair = (noise(1, 20000), RATE)
    with pytest.raises(CodebookError, match="recording 'source 1' was never in a file"):
        render(resynthesise(target, [pair], codec=TOY).score, codec=TOY)
    with pytest.raises(CodebookError, match="target 'target' was never in a file"):
        render(resynthesise(pair, [target], codec=TOY).score, codec=TOY)


def test_another_codec_and_frames_that_are_not_there(tmp_path: Path) -> None:
    target, *sources = sounds(tmp_path)
    score = resynthesise(target, sources, codec=TOY).score
    with pytest.raises(
        CodebookError, match=r"made with toy \(24000 Hz, hop 320\), and the codec is toy \(24000 Hz, hop 160\)"
    ):
        render(score, codec=ToyCodec(hop_length=160))
    with pytest.raises(CodebookError, match=r"made with toy .* and the codec is bundled"):
        render(score, codec=load_codec("bundled"))
    with pytest.raises(
        CodebookError, match="recording 's0' has 63 frames, and a grain of 4 frames at frame 60 does not"
    ):
        render(score.replace(0, recording=0, source_frame=60), codec=TOY)
    with pytest.raises(ArgumentError, match="codec must be a folder or one of"):
        render(replace(score, codec="nonesuch"))


def test_render_config_round_trip_and_refusals() -> None:
    config = RenderConfig(wet=Envelope.of("0:0.2,1:1"), match_loudness=False, codec_version="quantized/4")
    assert RenderConfig.from_json(config.to_json()) == config
    assert RenderConfig.from_json({}) == RenderConfig()
    for wet in ("1.5", "0:0,1:-0.1"):
        with pytest.raises(ArgumentError, match="wet must stay within 0 and 1"):
            RenderConfig(wet=Envelope.of(wet))
    wrong: list[Any] = [[], {"volume": 1}, {"codec_version": 3}, {"match_loudness": "no"}]
    for data in wrong:
        with pytest.raises(CodebookError, match=r"score: config.render must"):
            RenderConfig.from_json(data)


def test_wet_one_never_reads_the_targets_latents(tmp_path: Path) -> None:
    target, *sources = sounds(tmp_path)
    result = resynthesise(target, sources, codec=TOY)
    heard = zip(sources, result.score.recordings, strict=True)
    latents = [encode_levelled(read(path, TOY), recording, TOY) for path, recording in heard]
    audio = read(target, TOY)
    poison = torch.full_like(encode_lanes(audio, TOY), torch.nan)
    assert torch.equal(render_latents(result.score, TOY, latents, audio, poison), result.audio)
