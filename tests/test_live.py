"""The loop: chunks do not matter, silence is silent, levels follow, dials do not click, faults do not end it."""

import math
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from narrow_codecs import narrow_networks
from torch import Tensor

import lgr
from lgr.codecs import load_codec
from lgr.codecs.base import Codec
from lgr.codecs.dac import DacCodec
from lgr.codecs.encodec import Encodec24Codec
from lgr.errors import ArgumentError, CodebookError
from lgr.files import assets_dir
from lgr.latents.grains import grain_level_db, grain_levels_db
from lgr.latents.vectors import Metric
from lgr.live import LiveConfig, LiveLoop, Material, Told
from lgr.live.following import CEILING, OutputLevel, bent, followed
from lgr.live.latency import delay_samples
from lgr.live.level import InputLevel, block_length, levelled
from lgr.matching.audible import MOST_BOOST_DB
from lgr.sound.level import COMMON_DB
from lgr.sound.loudness import integrated_loudness
from lgr.sound.pitch import BINS, pitch_frames

CLIPS = assets_dir() / "audio"
CODECS = [
    "toy",
    "bundled",
    "spectral",
    "textures-noiseband",
    "encodec-24khz",
    "dac-24khz",
    pytest.param("soundstream", marks=pytest.mark.weights),
]


@pytest.fixture(scope="module", params=CODECS)
def codec(request: pytest.FixtureRequest) -> Codec:
    """EnCodec and DAC with narrow networks and random weights: layers, strides and delays are the real ones."""
    name: str = request.param
    if name == "soundstream":
        return load_codec(name, weights=request.getfixturevalue("soundstream_folder"))
    if name not in ("encodec-24khz", "dac-24khz"):
        return load_codec(name)
    with narrow_networks():
        return Encodec24Codec.random() if name == "encodec-24khz" else DacCodec.random("24khz")


def sizes(codec: Codec) -> tuple[float, int, tuple[int, ...]]:
    """Seconds, frames a grain and frames a hop that a test has time for: DAC has 1024 numbers a frame."""
    if codec.info.name == "dac-24khz":
        return 0.5, 1, (1,)
    return 0.5 if codec.info.name == "encodec-24khz" else 1.0, 4, (1, 3)


def clip(name: str, codec: Codec, seconds: float = 1.0) -> Tensor:
    rate = codec.info.sample_rate
    return lgr.load_audio(CLIPS / f"{name}.flac", sample_rate=rate, channels=1)[0][0, : int(seconds * rate)]


def material(codec: Codec, *names: str, grain_frames: int = 4, pitch: bool = True) -> Material:
    config = lgr.CodebookConfig(grain_frames=grain_frames)
    sounds = [(clip(name, codec, 2.0)[None], codec.info.sample_rate) for name in names or ("rain", "glass")]
    return Material.of(lgr.build_codebook(sounds, codec, config, pitch=pitch), codec)


def streamed(
    loop: LiveLoop, audio: Tensor, book: Material, config: LiveConfig, seed: int, most: int
) -> tuple[Tensor, tuple[Told, ...]]:
    draw = torch.Generator().manual_seed(seed)
    state, at = None, 0
    outs: list[Tensor] = []
    told: tuple[Told, ...] = ()
    while at < len(audio):
        n = int(torch.randint(0, most, (), generator=draw))
        state, out, more = loop.step(state, audio[at : at + n], book, config)
        outs, told, at = [*outs, out], told + more, at + n
    _, out, more = loop.step(state, audio[:0], book, config, flush=True)
    return torch.cat([*outs, out], 1), told + more


def test_any_chunks_are_the_whole(codec: Codec) -> None:
    seconds, frames, hops = sizes(codec)
    book, audio = material(codec, grain_frames=frames), clip("drum_loop", codec, seconds)[:-7]
    for hop, config in zip(hops, (LiveConfig(), LiveConfig(wet=0.4, temperature=0.3)), strict=False):
        loop = LiveLoop(codec, book, hop_frames=hop)
        _, whole, told = loop.step(None, audio, book, config, flush=True)
        assert whole.shape == (1, len(audio))
        assert float(whole.abs().max()) > 0.05
        for seed, most in ((0, 50), (1, 3000)) if hop == 1 else ((2, 700),):
            out, heard = streamed(loop, audio, book, config, seed, most)
            torch.testing.assert_close(out, whole, rtol=0, atol=1e-5)
            assert [t.grain for t in heard] == [t.grain for t in told]


def test_a_sample_at_a_time_and_ten_seconds_at_once() -> None:
    codec = load_codec("toy")
    book, audio = material(codec), torch.cat([clip("drum_loop", codec, 5.0)] * 2)
    loop = LiveLoop(codec, book)
    _, whole, told = loop.step(None, audio, book, LiveConfig(), flush=True)
    assert len(told) == len(audio) // 640 + bool(len(audio) % 640)
    short = audio[:1500]
    state, outs = None, []
    for sample in short.split(1):
        state, out, _ = loop.step(state, sample, book, LiveConfig())
        outs.append(out)
    _, out, _ = loop.step(state, short[:0], book, LiveConfig(), flush=True)
    torch.testing.assert_close(torch.cat([*outs, out], 1)[:, :640], whole[:, :640], rtol=0, atol=1e-5)
    torch.testing.assert_close(
        torch.cat([*outs, out], 1), loop.step(None, short, book, LiveConfig(), flush=True)[1], rtol=0, atol=1e-5
    )


def test_the_learned_metric_streams_too() -> None:
    codec = load_codec("bundled")
    config = lgr.CodebookConfig(metric="learned")
    book = Material.of(lgr.build_codebook([CLIPS / "glass.flac"], codec, config), codec)
    loop, audio = LiveLoop(codec, book), clip("drum_loop", codec, 0.5)
    _, whole, _ = loop.step(None, audio, book, LiveConfig(), flush=True)
    torch.testing.assert_close(streamed(loop, audio, book, LiveConfig(), 0, 500)[0], whole, rtol=0, atol=1e-5)


def test_the_delay_is_what_is_declared(codec: Codec) -> None:
    """A hop and the look-ahead; EnCodec, whose padding looks ahead where a stream begins only, waits for a hop."""
    _, frames, hops = sizes(codec)
    book = material(codec, "rain", grain_frames=frames)
    for hop in hops:
        loop = LiveLoop(codec, book, hop_frames=hop)
        ahead = -(-loop.look_ahead // loop.block) * loop.block
        assert delay_samples(loop, book) == hop * codec.info.hop_length + ahead
        assert loop.look_ahead == (0 if codec.info.name == "encodec-24khz" else codec.info.lookahead)


@pytest.mark.parametrize("codec", ["toy", "encodec-24khz", "dac-24khz"], indirect=True)
def test_dry_is_the_codec_at_its_place(codec: Codec) -> None:
    """Sample by sample, what comes out is what the codec makes of what came in, at the level of what came in."""
    book, audio, hop = material(codec, "rain", grain_frames=1), clip("drum_loop", codec, 0.5), codec.info.hop_length
    loop, rate = LiveLoop(codec, book), codec.info.sample_rate
    audio = audio[: len(audio) // hop * hop]
    _, loud = levelled(InputLevel(), audio.view(-1, loop.block), rate)
    before = 0 if loop.begun[0] is None else codec.info.lookahead + hop  # the silence that an EnCodec stream follows
    made = codec.decode(codec.encode(torch.nn.functional.pad(loud.flatten(), (before, 0))[None, None]))[0, :, before:]
    came = torch.nn.functional.pad(audio, (0, loop.ahead * loop.block)).view(-1, loop.block)
    made = made.view(1, -1, loop.block)
    _, wanted = followed(OutputLevel(), made, came, rate, volume=1.0, hop_blocks=hop // loop.block)
    out, _ = streamed(loop, audio, book, LiveConfig(wet=0.0), 0, 900)
    torch.testing.assert_close(out, wanted.flatten(1), rtol=0, atol=1e-5)


def test_silence_is_silent_and_a_tone_is_as_loud_as_it_came() -> None:
    codec = load_codec("toy")
    book = material(codec)
    loop = LiveLoop(codec, book)
    _, out, _ = loop.step(None, torch.zeros(12000), book, LiveConfig(), flush=True)
    assert float(out.abs().max()) == 0
    audio = 0.1 * torch.randn(24000, generator=torch.Generator().manual_seed(0))
    for gain_db in (0.0, -12.0):
        _, out, _ = loop.step(None, audio, book, LiveConfig(gain_db=gain_db), flush=True)
        louder = integrated_loudness(out[:, 6000:], 24000) - integrated_loudness(audio[None, 6000:], 24000)
        assert louder == pytest.approx(gain_db, abs=1.0)


def test_the_same_seed_replays_and_another_does_not() -> None:
    codec = load_codec("toy")
    book, audio = material(codec), clip("drum_loop", codec)
    hot = LiveConfig(temperature=0.3)
    outs = [LiveLoop(codec, book, seed=seed).step(None, audio, book, hot, flush=True)[1] for seed in (1, 1, 2)]
    assert torch.equal(outs[0], outs[1])
    assert not torch.equal(outs[0], outs[2])


def test_wet_zero_is_the_codec_at_the_level_of_the_input() -> None:
    codec = load_codec("toy")
    book, audio = material(codec), clip("drum_loop", codec)
    _, out, _ = LiveLoop(codec, book).step(None, audio, book, LiveConfig(wet=0.0), flush=True)
    error = (out[0] - audio)[4000:].square().mean() / audio[4000:].square().mean()
    assert 10 * math.log10(float(error)) < -25  # levels alone are left; the codec is exact


@pytest.mark.parametrize("metric", ["cosine", "centred", "whitened"])
@pytest.mark.parametrize("pitch", [True, False])
def test_a_row_is_that_of_the_codebook(metric: Metric, pitch: bool) -> None:
    codec = load_codec("toy")
    config = lgr.CodebookConfig(metric=metric)
    book = Material.of(lgr.build_codebook([CLIPS / "piano.flac"], codec, config, pitch=pitch), codec)
    audio = clip("flute", codec)
    features, pitches = codec.features(codec.encode(audio[None, None]))[0], pitch_frames(audio, 24000, 320)
    levels = torch.randn(features.shape[1], generator=torch.Generator().manual_seed(0)) - 20
    starts = torch.tensor([0, 20, 40])
    rows = book.codebook.transform(features, starts)
    if pitch:
        rows = book.codebook.transform_jointly(features, pitches, starts, torch.full((3,), 0.7))
    for i, start in enumerate(starts.tolist()):
        grain = slice(start, start + 4)
        row = book.row(features[:, grain], pitches[:, grain], 0.7)
        torch.testing.assert_close(row, rows[i], atol=1e-5, rtol=0)
        both = grain_level_db(levels[grain]), grain_levels_db(levels, starts, 4)[i]
        torch.testing.assert_close(*both, atol=1e-4, rtol=0)
    nothing = book.row(torch.zeros(features.shape[0], 4), torch.zeros_like(pitches[:, :4]), 0.7)
    assert bool(nothing.isfinite().all())


def test_temperature_zero_is_the_online_sampler_of_match() -> None:
    codec = load_codec("toy")
    book = material(codec, pitch=False)
    audio = clip("drum_loop", codec)
    config = LiveConfig(temperature=0.0, continuity=0.0)
    loop = LiveLoop(codec, book, hop_frames=1)
    _, _, told = loop.step(None, audio, book, config, flush=True)
    # the oracle: the same rows, whole, against every grain that is loud enough
    _, loud = levelled(InputLevel(), audio[: len(audio) // 320 * 320].view(-1, loop.block), 24000)
    features = codec.features(codec.encode(loud.flatten()[None, None]))[0]
    starts = torch.arange(0, features.shape[1] - 3)
    rows = book.codebook.transform(features, starts) @ book.codebook.vectors_.T
    powers = loud.flatten().view(-1, 320).square().mean(1)
    levels = grain_levels_db(10 * torch.log10(powers + 1e-20), starts, 4)
    assert book.codebook.levels_db is not None
    for start, grain in ((t.frame - 3, t.grain) for t in told if 0 <= t.frame - 3 < len(starts)):
        boost = (levels[start] - book.codebook.levels_db).amax(1)
        allowed = boost <= max(MOST_BOOST_DB, float(boost.min()))
        assert allowed[grain]
        assert float(rows[start, grain]) == pytest.approx(float(rows[start][allowed].max()), abs=1e-4)


def test_grains_play_on_and_freeze_stays() -> None:
    codec = load_codec("toy")
    book, audio = material(codec), clip("sea", codec)
    loop = LiveLoop(codec, book)
    _, _, told = loop.step(None, audio, book, LiveConfig(continuity=0.99), flush=True)
    on = [b.grain == a.grain + 2 for a, b in pairwise(told)]
    assert sum(on) > 0.7 * len(on)
    state, _, _ = loop.step(None, audio[:12000], book, LiveConfig())
    cold = LiveConfig(temperature=0.0, continuity=0.0)
    state, _, _ = loop.step(state, audio[12000:12640], book, cold)
    frozen = replace(cold, freeze=True)
    state, out, told = loop.step(state, torch.zeros(12000), book, frozen)
    assert len({t.grain for t in told}) == 1  # the same moment, asked again and again
    assert float(out[0, -4000:].square().mean()) > 0  # and it sounds on, though nothing comes in


def test_sources_are_swapped_and_grow_while_it_runs() -> None:
    codec = load_codec("toy")
    rain, glass = material(codec, "rain"), material(codec, "glass")
    audio = clip("drum_loop", codec)
    loop = LiveLoop(codec, rain)
    state, _, _ = loop.step(None, audio[:8000], rain, LiveConfig())
    state, _, _ = loop.step(state, audio[8000:16000], glass, LiveConfig())
    whole = clip("sea", codec)
    recordings = lgr.build_codebook([(whole[None], 24000)], codec, rain.codebook.config, pitch=True)
    grown = rain.grown(rain.codebook.merge(recordings))
    assert grown.origin is rain.origin
    assert len(grown.codebook) == len(rain.codebook) + len(recordings)
    # what is new and what was there are measured alike: a grain is most like itself
    features = codec.features(codec.encode(whole[None, None]))[0]
    for number in (5, len(rain.codebook) + 5):
        sound = features if number > len(rain.codebook) else rain.codebook.features_
        query = grown.row(sound[:, 5:9], torch.zeros(BINS, 4), 0.0)
        assert float(grown.file.rows[grown.file.place[number]] @ query) == pytest.approx(1, abs=1e-4)
    state, out, last = loop.step(state, audio[16000:], grown, LiveConfig(temperature=1.0, continuity=0.0), flush=True)
    new = [t.grain >= len(rain.codebook) for t in last]
    assert 0 < sum(new) < len(new)
    assert bool(out.isfinite().all())
    with pytest.raises(ArgumentError, match="codebook must be this material's with further recordings"):
        glass.grown(rain.codebook)


def clicks(audio: Tensor) -> float:
    """The largest step between two samples."""
    return float(audio.diff().abs().max())


def test_dials_do_not_click() -> None:
    codec = load_codec("bundled")
    time = torch.arange(24000) / 24000
    tone = 0.3 * torch.sin(2 * math.pi * 220 * time)
    book = Material.of(
        lgr.build_codebook([(tone[None], 24000)], codec, lgr.CodebookConfig(grain_frames=2), pitch=True), codec
    )
    loop = LiveLoop(codec, book)
    steady = loop.step(None, tone, book, LiveConfig(), flush=True)[1][0]
    state, first, _ = loop.step(None, tone[:12000], book, LiveConfig())
    _, rest, _ = loop.step(state, tone[12000:], book, LiveConfig(gain_db=-40.0), flush=True)
    assert clicks(torch.cat([first, rest], 1)[0, 4000:]) <= 1.1 * clicks(steady[4000:])


def test_what_is_no_number_is_silence_and_the_loop_goes_on() -> None:
    codec = load_codec("bundled")
    book, audio = material(codec), clip("drum_loop", codec)
    bad = audio.clone()
    bad[5000:5400], bad[9000], bad[9001] = math.nan, math.inf, 1e30
    loop = LiveLoop(codec, book)
    _, out, _ = loop.step(None, bad, book, LiveConfig(), flush=True)
    assert bool(out.isfinite().all())
    assert float(out.abs().max()) <= 1
    assert float(out[0, 16000:].square().mean()) > 0.1 * float(audio[16000:].square().mean())


def test_input_is_brought_to_the_level_of_recordings() -> None:
    noise = torch.randn(48000, generator=torch.Generator().manual_seed(0))
    for scale in (0.003, 0.3):
        _, loud = levelled(InputLevel(), (scale * noise).view(-1, 40), 24000)
        late = 10 * math.log10(float(loud[600:].square().mean()))
        assert late == pytest.approx(COMMON_DB, abs=2.5)
    _, silent = levelled(InputLevel(), torch.zeros(10, 40), 24000)
    assert float(silent.abs().max()) == 0


def test_an_attack_is_followed_within_a_block_or_two() -> None:
    noise = torch.randn(2, 200, 40, generator=torch.Generator().manual_seed(0))
    target = 0.3 * noise[0].clone()
    target[:100] *= 1e-3
    _, out = followed(OutputLevel(), 0.1 * noise[1:], target, 24000, volume=1.0)
    powers = 10 * torch.log10(out[0].square().mean(1) / target.square().mean(1))
    assert float(powers[:100][50:].abs().mean()) < 1.5
    assert float(powers[100:].mean().abs()) < 1
    assert float(powers[101:106].mean()) == pytest.approx(0, abs=3)


@pytest.mark.parametrize("ahead", [0, 8])
def test_what_dies_away_is_followed_down(ahead: int) -> None:
    """Steady noise in the place of hits that die away by 300 dB a second: as much energy, hit by hit."""
    noise = torch.randn(2, 960, 40, generator=torch.Generator().manual_seed(0))
    fall = 10 ** (-0.5 * (torch.arange(960 * 40) % 9600) / 24000 * 30)
    target = noise[0] * (0.3 * fall).view(960, 40)
    further = torch.nn.functional.pad(target, (0, 0, 0, ahead))
    _, out = followed(OutputLevel(), 0.1 * noise[1:], further, 24000, volume=1.0, hop_blocks=8)
    hits = [x.reshape(4, -1).square().sum(1) for x in (out[0], target)]
    assert float((10 * torch.log10(hits[0] / hits[1])).abs().max()) < (1.0 if ahead else 1.5)


def test_rumble_that_no_one_hears_does_not_count() -> None:
    """A source with a strong tone of 12 Hz comes out as loud to the ear as the same source without it."""
    noise = torch.randn(2, 1200, 40, generator=torch.Generator().manual_seed(0))
    rumble = 0.3 * torch.sin(2 * math.pi * 12 * torch.arange(1200 * 40) / 24000).view(1200, 40)
    target = 0.03 * noise[0]
    for made in (0.03 * noise[1:], 0.03 * noise[1:] + rumble):
        _, out = followed(OutputLevel(), made, target, 24000, volume=1.0, hop_blocks=8)
        louder = integrated_loudness(out.flatten(1), 24000) - integrated_loudness(target.view(1, -1), 24000)
        assert abs(louder) < 0.5


def test_a_click_stays_a_click() -> None:
    target = torch.zeros(200, 40)
    target[100] = 0.3 * torch.randn(40, generator=torch.Generator().manual_seed(0))
    made = 0.1 * torch.randn(1, 192, 40, generator=torch.Generator().manual_seed(1))
    _, out = followed(OutputLevel(), made, target, 24000, volume=1.0, hop_blocks=8)
    energy = out[0].square().sum(1)
    assert float(energy[:99].sum()) < 1e-3 * float(energy.sum())  # nothing before it
    assert float(energy[103:].sum()) < 0.05 * float(energy.sum())
    assert 10 * math.log10(float(energy.sum() / target.square().sum())) == pytest.approx(0, abs=2)


def test_second_by_second_it_is_as_loud_as_what_came_in() -> None:
    codec = load_codec("bundled")
    for source, target in (("glass", "drum_loop"), ("sea", "speech_reader")):
        book, audio = material(codec, source), clip(target, codec)
        _, out, _ = LiveLoop(codec, book).step(None, audio, book, LiveConfig(), flush=True)
        for second in range(len(audio) // 24000):
            part = slice(24000 * second, 24000 * (second + 1))
            both = [integrated_loudness(x[None, part], 24000) for x in (out[0], audio)]
            assert abs(both[0] - both[1]) < 2.5  # LU; 6 where levels were taken from the past alone


def test_nothing_passes_full_scale() -> None:
    x = torch.linspace(-5, 5, 1001)
    y = bent(x)
    assert float(y.abs().max()) <= CEILING + 1e-6
    assert bool((y.diff() >= 0).all())
    torch.testing.assert_close(y[(x.abs() < 0.79)], x[(x.abs() < 0.79)])
    assert [block_length(hop, rate) for hop, rate in ((320, 24000), (512, 44100), (7, 24000), (101, 8000))] == [
        40, 64, 7, 1,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"temperature": -1.0}, "temperature must be 0 or more, got -1.0"),
        ({"temperature": math.nan}, "temperature must be 0 or more, got nan"),
        ({"continuity": 1.0}, "continuity must be below 1, got 1"),
        ({"wet": 2}, "wet must be from 0 to 1, got 2"),
        ({"gain_db": 99.0}, "gain_db must be from -120 to 24, got 99.0"),
        ({"pitch": "much"}, "pitch must be from 0 to 1, got 'much'"),
        ({"freeze": 3}, "freeze must be True or False, got 3"),
    ],
)
def test_dials_that_cannot_be(given: dict[str, object], says: str) -> None:
    with pytest.raises(ArgumentError, match=says):
        LiveConfig(**given)  # type: ignore[arg-type]


def test_loops_that_cannot_be() -> None:
    toy = load_codec("toy")
    book = material(toy, "rain")
    with pytest.raises(ArgumentError, match=r"hop_frames must be in \[1, grain_frames=4\], got 5"):
        LiveLoop(toy, book, hop_frames=5)
    with pytest.raises(ArgumentError, match="channels must be 1 or 2, got 3"):
        LiveLoop(toy, book, channels=3)
    with pytest.raises(CodebookError, match="made with codec 'toy'"):
        Material.of(book.codebook, load_codec("bundled"))
    other = material(toy, "rain", grain_frames=2)
    with pytest.raises(ArgumentError, match="material must be of"):
        LiveLoop(toy, book).step(None, torch.zeros(100), other, LiveConfig())
    stride = lgr.build_codebook([CLIPS / "rain.flac"], toy, lgr.CodebookConfig(stride=2))
    with pytest.raises(ArgumentError, match=r"material must have grains at every frame \(stride 1\), got 2"):
        Material.of(stride, toy)
    noise = torch.randn(2, 24000, generator=torch.Generator().manual_seed(0))
    stereo = Material.of(lgr.build_codebook([(0.1 * noise, 24000)], toy), toy)
    with pytest.raises(ArgumentError, match="material is stereo, and the loop has 1 channel"):
        LiveLoop(toy, stereo)
    _, out, _ = LiveLoop(toy, stereo, channels=2).step(None, 0.1 * noise[0], stereo, LiveConfig(), flush=True)
    assert out.shape == (2, 24000)
    assert not torch.equal(out[0], out[1])
