"""Interpolation as it is by default: ends that go on playing, a level on the line, a region that is not left."""

import pytest
import torch
from torch.testing import assert_close

from lgr.codecs import Codec, load_codec
from lgr.codecs.base import generates
from lgr.codecs.toy import ToyCodec
from lgr.errors import ArgumentError
from lgr.files import assets_dir
from lgr.interpolation.ends import FADED_DB
from lgr.interpolation.interpolate import Interpolation, InterpolationConfig, interpolate
from lgr.latents.path import KINDS, PathConfig
from lgr.latents.region import region_of
from lgr.measures.life import comb_share, held_correlation, level_off_line_db, modulation_distance_db
from lgr.measures.transition import measure_transition

CLIPS = assets_dir() / "audio"
CODECS = ("toy", "bundled", "notes-spectral", "textures-encodec16", "textures-noiseband")
PAIRS = (("violin", "flute"), ("rain", "sea"), ("piano", "drum_loop"))
KIND_CONFIGS = {
    name: PathConfig(kind=name, loops=1.5 if kind.there_and_back else None)
    for name, kind in KINDS.items()
    if not kind.many_points
}


@pytest.fixture(scope="module")
def codecs() -> dict[str, Codec]:
    return {name: load_codec(name) for name in CODECS}


def between(codec: Codec, a: str, b: str, *, seed: int = 0, kind: str = "linear", **options) -> Interpolation:
    config = InterpolationConfig(**{"path": KIND_CONFIGS[kind], "seconds": 2.0, "context_seconds": 1.0} | options)
    sounds = [CLIPS / f"{a}.flac", CLIPS / f"{b}.flac"]
    return interpolate(sounds, codec, config, seed=seed, from_seconds=1.6, to_seconds=1.0)


def off_line(made: Interpolation) -> float:
    seams = [seam / made.sample_rate for seam in made.seams]
    return float(level_off_line_db(made.audio, made.sample_rate, seams).abs().max())


def test_ends_move_unless_told_or_too_short_where_the_codec_can_hold(codecs: dict[str, Codec]) -> None:
    assert [name for name, codec in codecs.items() if generates(codec)] == ["notes-spectral", "textures-noiseband"]
    assert between(codecs["toy"], "rain", "sea").ends == "moving"
    assert between(codecs["textures-noiseband"], "rain", "sea").ends == "moving"
    short = (torch.full((1, 10), 0.1), 24000)
    assert interpolate([short, short], codecs["textures-noiseband"]).ends == "held"
    with pytest.raises(ArgumentError, match="sound 1 must last at least"):
        interpolate([short, short], codecs["toy"])
    assert between(codecs["toy"], "rain", "sea", ends="held").ends == "held"
    assert between(codecs["toy"], "rain", "sea", ends="held").walks == ()


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_the_level_is_on_the_line_at_every_step(codecs: dict[str, Codec], name: str, a: str, b: str) -> None:
    assert off_line(between(codecs[name], a, b)) < 1.5
    if name == "bundled":
        assert off_line(between(codecs[name], a, b, level_line=False)) > 3  # it was not there by itself


@pytest.mark.parametrize("name", ["toy", "bundled"])
def test_no_hum_no_seam_and_as_much_life_as_the_sounds_have(codecs: dict[str, Codec], name: str) -> None:
    for a, b in PAIRS:
        moving, held = (between(codecs[name], a, b, ends=ends) for ends in ("moving", "held"))
        rate, (first, last) = moving.sample_rate, moving.seams
        real = [moving.audio[:, :first], moving.audio[:, last:]]
        inside, hum = moving.audio[:, first:last], held.audio[:, first:last]
        frames = codecs[name].info.frame_rate
        assert comb_share(inside, rate, frames) <= max(comb_share(x, rate, frames) for x in real) + 0.05
        assert comb_share(hum, rate, frames) > 0.8
        assert held_correlation(inside, rate, codecs[name].info.hop_length) < 0.3
        assert modulation_distance_db(inside, real, rate) < 0.6 * modulation_distance_db(hum, real, rate)
        numbers = measure_transition(moving.audio, rate, (first / rate, last / rate))
        assert 0.7 < numbers.inside_flux_db / numbers.real_flux_db < 1.2
        assert max(numbers.relative_flux) < 1.6  # most are below 1.3; held ones are at 2 to 50


@pytest.mark.parametrize("kind", KIND_CONFIGS)
@pytest.mark.parametrize("ends", ["moving", "held"])
def test_every_kind_keeps_its_level_and_full_scale(codecs: dict[str, Codec], kind: str, ends: str) -> None:
    for a, b in (("rain", "sea"), ("violin", "flute")):
        made = between(codecs["bundled"], a, b, kind=kind, ends=ends)
        assert float(made.audio.abs().max()) < 1
        first, last = made.seams
        half = made.sample_rate // 2
        edges = (made.audio[:, first - half : first], made.audio[:, last : last + half])
        ends_db = [10 * float(x.square().mean().log10()) for x in edges]
        levels = made.audio[0, first:last].unfold(0, half, half // 4).square().mean(1).log10() * 10
        assert min(ends_db) - 3 < float(levels.min()) <= float(levels.max()) < max(ends_db) + 3


@pytest.mark.parametrize("ends", ["moving", "held"])
def test_the_latents_stay_in_the_region_of_the_sounds(ends: str) -> None:
    toy = ToyCodec(sample_rate=8000, hop_length=160)
    generator = torch.Generator().manual_seed(0)
    sounds = [(0.1 * torch.randn(1, 24000, generator=generator), 8000) for _ in range(2)]
    region = region_of(torch.cat([toy.encode(x[None])[0] for x, _ in sounds], 1))
    for kind in ("circle", "spiral", "wander"):
        config = InterpolationConfig(path=PathConfig(kind=kind), seconds=1.0, ends=ends)
        made = interpolate(sounds, toy, config)
        straight = interpolate(sounds, toy, InterpolationConfig(seconds=1.0, ends=ends))
        most = float(region.coordinates(straight.latents[0]).norm(dim=0).max())
        assert float(region.coordinates(made.latents[0]).norm(dim=0).max()) <= max(region.radius, most) + 1e-3


def test_the_ends_are_exact_and_the_sounds_around_are_as_recorded(codecs: dict[str, Codec]) -> None:
    toy = codecs["toy"]
    alone = between(toy, "rain", "sea", context_seconds=0.0)
    latents = [toy.encode(load[None])[0] for load in (read("rain"), read("sea"))]
    hop = toy.info.hop_length
    leave, arrive = round(1.6 * 24000) // hop, 24000 // hop
    assert torch.equal(alone.latents[0, :, 0], latents[0][:, leave - 1])
    assert torch.equal(alone.latents[0, :, -1], latents[1][:, arrive])
    around = between(toy, "rain", "sea", fade_seconds=0.0)
    assert_close(around.audio[:, : around.seams[0]], read("rain")[:, leave * hop - around.seams[0] : leave * hop])
    after = around.audio[:, around.seams[1] :]
    assert_close(after, read("sea")[:, arrive * hop : arrive * hop + after.shape[1]])


def read(name: str) -> torch.Tensor:
    from lgr.sound.audio import load_audio

    return load_audio(CLIPS / f"{name}.flac")[0]


def test_a_walk_never_plays_a_frame_twice_in_a_row_and_a_seed_replays_it(codecs: dict[str, Codec]) -> None:
    one, again, other = (between(codecs["bundled"], "violin", "choir", seed=seed, seconds=4.0) for seed in (3, 3, 4))
    assert len(one.walks) == 2
    for walk in one.walks:
        assert walk.shape == (one.latents.shape[2],)
        assert bool((walk.diff() != 0).all())
    assert torch.equal(one.audio, again.audio)
    assert not torch.equal(one.walks[0], other.walks[0])
    assert not torch.equal(one.audio, other.audio)


def test_a_spline_of_moving_sounds_and_a_stereo_one(codecs: dict[str, Codec]) -> None:
    rain = read("rain")
    wide = torch.cat([rain, 0.5 * rain])
    config = InterpolationConfig(path=PathConfig(kind="spline"), seconds=1.0)
    sounds = [(wide, 24000), CLIPS / "fire.flac", CLIPS / "sea.flac"]
    made = interpolate(sounds, codecs["toy"], config)
    assert made.audio.shape[0] == made.latents.shape[0] == 2
    assert len(made.walks) == 3
    assert_close(made.latents[1, :, 0], 0.5 * made.latents[0, :, 0])  # both sides play the same frames
    assert_close(made.latents[0, :, -1], made.latents[1, :, -1])


@pytest.mark.parametrize("ends", ["moving", "held"])
@pytest.mark.parametrize("turned", [False, True])
def test_silence_fades_in_and_out_without_a_hole(codecs: dict[str, Codec], ends: str, turned: bool) -> None:
    sounds = [(torch.zeros(1, 48000), 24000), (read("sea")[:, 48000:96000], 24000)]
    config = InterpolationConfig(seconds=2.0, ends=ends)
    made = interpolate(sounds[::-1] if turned else sounds, codecs["bundled"], config)
    assert bool(torch.isfinite(made.audio).all())
    level = made.audio[0].unfold(0, 6000, 6000).square().mean(1).log10() * 10  # quarters of a second
    level = level.flip(0) if turned else level
    met = sounds[1][0][:, -12000:] if turned else sounds[1][0][:, :12000]
    loud = 10 * float(met.square().mean().log10())
    assert bool((level[3:].diff() > 0).all())  # it rises
    assert float(level[4]) == pytest.approx((loud + FADED_DB) / 2, abs=5)  # half-way in time and in decibels
    assert float(level.max()) < loud + 3
