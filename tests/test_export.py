"""Export to nn~: a file that a host without lgr plays as the live loop does, whatever its buffers and its rate."""

import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soxr
import torch
from command_line import done, refused
from nn_tilde_host import Host, RefusedError
from torch import Tensor

import lgr
from lgr.codecs import ToyCodec, load_codec
from lgr.codecs.base import Codec, StreamingCodec
from lgr.codecs.trained import TrainedCodec
from lgr.errors import ArgumentError
from lgr.export import export_nn_tilde
from lgr.export.grains import Grains, grains_of
from lgr.export.nn_tilde import ATTRIBUTES, NNTilde
from lgr.export.resampler import Resampler
from lgr.export.streams import stream_of
from lgr.export.write import nn_tilde
from lgr.files import assets_dir
from lgr.live import LiveConfig, LiveLoop, Material, Told, live_loop
from lgr.models.kinds import build_model, model_config
from lgr.models.seeded_noise import uniform_draw

CLIPS = assets_dir() / "audio"
RAIN, GLASS = CLIPS / "rain.flac", CLIPS / "glass.flac"
BUFFERS = [2**n for n in range(6, 15)]
OF_LOOP = 1e-4  # at most as far from the loop


SHAKEN: dict[str, tuple[str, dict[str, object]]] = {
    "ddsp-noise": ("ddsp-noise", {"width": 32}),
    # other sizes than those of models that ship, classes, and a hop that nn~ takes: latents are [... | two labels]
    "spectral-256": (
        "spectral",
        {"hop_length": 256, "latent_dim": 24, "width": 32, "encoder_blocks": 1, "decoder_blocks": 2, "band_width": 16}
        | {"labels": ("kick", "snare")},
    ),
}


def coded(name: str) -> Codec:
    """A codec that ships, or an untrained model whose weights were shaken, so that every one of them is heard."""
    if name not in SHAKEN:
        return load_codec(name)
    kind, sizes = SHAKEN[name]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = build_model(kind, model_config(kind, sizes))
        with torch.no_grad():
            for weight in model.parameters():
                weight += 0.05 * torch.randn_like(weight)
    return TrainedCodec(model, name=name)


def clip(name: str, rate: int, seconds: float) -> Tensor:
    """``(1, samples)``."""
    return lgr.load_audio(CLIPS / f"{name}.flac", sample_rate=rate, channels=1)[0][:, : int(seconds * rate)]


def played(codec: Codec, audio: Tensor, config: LiveConfig, seed: int = 0) -> tuple[Tensor, tuple[Told, ...]]:
    loop, material = live_loop([RAIN, GLASS], codec, seed=seed)
    _, out, told = loop.step(None, audio[0], material, config, flush=True)
    return out[0], told


def assert_played(out: Tensor, wanted: Tensor, latency: int, within: float = OF_LOOP) -> None:
    """``out`` (1, samples) is ``wanted`` (samples,), ``latency`` later, and silent before."""
    count = min(out.shape[1] - latency, len(wanted))
    assert count > 1000
    assert float(wanted[:count].abs().max()) > 0.05
    assert float(out[0, :latency].abs().max()) == 0
    torch.testing.assert_close(out[0, latency : latency + count], wanted[:count], rtol=0, atol=within)


def turn(host: Host, config: LiveConfig) -> None:
    for name in ("temperature", "continuity", "pitch", "wet", "gain_db"):
        host.set(name, str(getattr(config, name)))
    host.set("freeze", str(config.freeze))


@pytest.fixture(scope="module")
def toy_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "toy.ts"
    export_nn_tilde(load_codec("toy"), path, [RAIN, GLASS], sample_rate=24000)
    return path


@pytest.fixture(scope="module")
def toy_host(toy_file: Path) -> Host:
    return Host(toy_file)


@pytest.mark.parametrize("buffer", BUFFERS)
def test_every_buffer_size_plays_what_the_loop_plays(toy_host: Host, buffer: int) -> None:
    codec, config = load_codec("toy"), LiveConfig(temperature=0.2, wet=0.8)
    audio = clip("drum_loop", 24000, 2.0)
    toy_host.again(buffer, 24000)
    turn(toy_host, config)
    assert_played(toy_host.play(audio), played(codec, audio, config)[0], int(toy_host.get("latency")))


@pytest.mark.parametrize("config", [LiveConfig(temperature=0.0), LiveConfig(gain_db=-6.0, continuity=0.5, pitch=0.2)])
@pytest.mark.parametrize("seed", [0, 3])
def test_every_dial_turns_what_it_turns_in_the_loop(toy_host: Host, config: LiveConfig, seed: int) -> None:
    audio = clip("drum_loop", 24000, 1.0)
    toy_host.again(1024, 24000)
    turn(toy_host, config)
    toy_host.set("seed", str(seed))
    assert_played(toy_host.play(audio), played(load_codec("toy"), audio, config, seed)[0], 639)
    toy_host.set("seed", "0")


@pytest.mark.parametrize("name", ["bundled", "textures-noiseband", "ddsp-noise", "drums-spectral", "spectral-256"])
def test_real_networks_play_what_the_loop_plays(tmp_path: Path, name: str) -> None:
    codec = coded(name)
    export_nn_tilde(codec, tmp_path / "x.ts", [RAIN, GLASS], sample_rate=24000)
    host, audio = Host(tmp_path / "x.ts"), clip("drum_loop", 24000, 1.2)
    for buffer, config in ((256, LiveConfig()), (4096, LiveConfig(wet=0.5, temperature=0.3))):
        host.again(buffer, 24000)
        turn(host, config)
        assert_played(host.play(audio), played(codec, audio, config)[0], int(host.get("latency")))


def test_phases_run_on_from_buffer_to_buffer(tmp_path: Path) -> None:
    codec, config = load_codec("spectral"), LiveConfig(wet=0.6, temperature=0.2)
    export_nn_tilde(codec, tmp_path / "x.ts", [RAIN, GLASS], sample_rate=24000)
    host, audio = Host(tmp_path / "x.ts"), clip("drum_loop", 24000, 1.0)
    wanted, _ = played(codec, audio, config)
    for buffer in BUFFERS:
        host.again(buffer, 24000)
        turn(host, config)
        assert_played(host.play(audio), wanted, int(host.get("latency")), within=1e-5)


@pytest.mark.parametrize(("metric", "grain_frames", "hop_frames"), [("whitened", 5, 3), ("cosine", 1, 1)])
def test_other_grains_and_metrics_play_what_the_loop_plays(metric: str, grain_frames: int, hop_frames: int) -> None:
    # cold: where grains are all much alike, a draw may fall on either side of the last bit
    codec, audio, config = ToyCodec(24, hop_length=160), clip("drum_loop", 24000, 1.0), LiveConfig(temperature=0.0)
    settings = lgr.CodebookConfig(grain_frames=grain_frames, metric=metric)  # type: ignore[arg-type]
    book = lgr.build_codebook([RAIN, GLASS], codec, settings)
    loop = LiveLoop(codec, Material.of(book, codec), hop_frames=hop_frames)
    _, wanted, _ = loop.step(None, audio[0], Material.of(book, codec), config, flush=True)
    model = nn_tilde(codec, book, hop_frames=hop_frames, sample_rate=24000, config=config)
    assert model.player.latency == (hop_frames * 160) - 1
    with torch.inference_mode():
        out = torch.cat([model(part[None]) for part in torch.split(audio, 777, 1)], 2)[0]
    assert_played(out, wanted[0], model.player.latency)


def test_freezing_holds_what_the_loop_holds() -> None:
    codec, audio = load_codec("toy"), clip("drum_loop", 24000, 1.0)
    loop, material = live_loop([RAIN], codec)
    model = nn_tilde(codec, [RAIN], sample_rate=24000)
    state, wanted, out = None, [], []
    with torch.inference_mode():
        for i, part in enumerate(torch.split(audio, 3200, 1)):
            frozen = 2 <= i < 5
            state, more, _ = loop.step(state, part[0], material, LiveConfig(freeze=frozen))
            model.set_freeze(frozen)
            wanted.append(more[0])
            out.append(model(part[None])[0])
    assert_played(torch.cat(out, 1), torch.cat(wanted), model.player.latency)


@pytest.mark.parametrize("cut", [1, 97, 4410])
@pytest.mark.parametrize(
    ("rate", "to"), [(44100, 24000), (24000, 44100), (48000, 24000), (24000, 96000), (22050, 24000)]
)
def test_the_resampler_is_the_same_however_it_is_cut_and_as_good_as_soxr(rate: int, to: int, cut: int) -> None:
    top = 0.8 * min(rate, to) / 2
    time = torch.arange(rate // 5, dtype=torch.float64) / rate
    audio = torch.stack([torch.sin(2 * math.pi * top * k / 7 * time + k) for k in range(1, 8)]).mean(0)
    resampler = Resampler()
    resampler.tune(rate, to)
    whole = resampler.step(audio.float())
    resampler.tune(rate, to)
    parts = torch.cat([resampler.step(part) for part in audio.float().split(cut if cut > 1 else 50)])
    torch.testing.assert_close(parts, whole, rtol=0, atol=1e-6)
    wanted = torch.from_numpy(np.asarray(soxr.resample(audio.numpy(), rate, to, quality="VHQ")))
    inside = slice(to // 50, len(whole) - to // 50)
    error = (whole.double() - wanted[: len(whole)])[inside].square().mean() / wanted[inside].square().mean()
    assert 10 * math.log10(float(error)) < -70


@pytest.mark.parametrize("rate", [44100, 48000, 16000])
def test_at_other_rates_it_is_what_offline_resampling_gives_and_as_late_as_it_says(toy_host: Host, rate: int) -> None:
    config = LiveConfig(wet=0.0)
    audio = clip("drum_loop", rate, 1.5)
    toy_host.again(512, rate)
    turn(toy_host, config)
    out, latency = toy_host.play(audio)[0], int(toy_host.get("latency"))
    down = torch.from_numpy(np.asarray(soxr.resample(audio[0].numpy(), rate, 24000)))
    inner, _ = played(load_codec("toy"), down[None], config)
    wanted = torch.from_numpy(np.asarray(soxr.resample(inner.numpy(), 24000, rate)))
    count = min(len(out) - latency, len(wanted))
    # below the filters' corner; what is above differs by design
    low = torch.fft.rfftfreq(count, 1 / rate) < 0.35 * min(rate, 24000)
    found, there = torch.fft.rfft(out[latency:][:count])[low], torch.fft.rfft(wanted[:count])[low]
    error = 10 * torch.log10((found - there).abs().square().sum() / there.abs().square().sum())
    assert float(error) < -40
    # late as declared: where it is most like the input
    spectrum = torch.fft.rfft(out, 2 * len(out)) * torch.fft.rfft(audio[0, : len(out)], 2 * len(out)).conj()
    assert int(torch.fft.irfft(spectrum).argmax()) == latency
    assert latency < 0.04 * rate


@pytest.mark.parametrize("rate", [8000, 24000, 44100, 44101, 48000, 192000, 384000])
def test_no_buffer_is_ever_left_waiting(rate: int) -> None:
    model = nn_tilde(load_codec("toy"), sample_rate=rate)
    draw = torch.Generator().manual_seed(rate)
    with torch.inference_mode():
        for size in [1] * 50 + [64] * 300 + torch.randint(1, 3000, (30,), generator=draw).tolist():
            assert model(torch.zeros(1, 1, size)).shape == (1, 1, size)
            held = model.player.ready.numel() / rate + model.player.waiting.numel() / 24000
            assert held < 0.1  # and nothing piles up


@pytest.mark.parametrize("name", ["toy", "bundled", "textures-noiseband", "spectral", *SHAKEN])
@pytest.mark.parametrize("hops", [1, 3])
def test_a_scripted_stream_is_the_codec(name: str, hops: int) -> None:
    codec = coded(name)
    stream = torch.jit.script(stream_of(codec).eval())
    audio = clip("glass", 24000, 1.0)
    audio = audio[:, : audio.shape[1] // stream.hop * stream.hop]
    assert isinstance(codec, StreamingCodec)
    before: list[Tensor] = []
    after: list[Tensor] = []
    encoder, decoder, heard, skipped = None, None, 0, stream.late_samples
    with torch.inference_mode():
        for part in torch.split(audio, hops * stream.hop, 1):
            before, found = stream.encode(before, part)
            encoder, latents = codec.encode_step(encoder, part[None])
            torch.testing.assert_close(found, latents, rtol=0, atol=1e-5)
            if found.shape[2]:
                torch.testing.assert_close(stream.features(latents), codec.features(latents), rtol=0, atol=1e-5)
                if name.startswith("spectral"):  # its controls, and labels
                    latents = latents.clone()
                    latents[:, 1:3] = torch.tensor([0.5, -0.3])[None, :, None] * (heard > 3000)
                    latents[:, codec.config.latent_dim :] = 0.5  # type: ignore[attr-defined]
                after, out = stream.decode(after, latents)
                assert out.shape[1] == latents.shape[2] * stream.hop
                decoder, sound = codec.decode_step(decoder, latents)
                gone = min(skipped, out.shape[1])
                torch.testing.assert_close(out[:, gone:], sound[:, 0], rtol=0, atol=1e-5)
                heard, skipped = heard + sound.shape[2], skipped - gone
    assert heard > 0.9 * audio.shape[1]


def assert_same_grains(found: Grains, wanted: Grains) -> None:
    for name, one, other in zip(Grains._fields, found, wanted, strict=True):
        if isinstance(one, Tensor) and isinstance(other, Tensor):
            atol = 0.05 if name == "levels_db" else 1e-4  # levels are kept in half precision
            torch.testing.assert_close(one, other, rtol=0, atol=atol, msg=name)


@pytest.mark.parametrize("name", ["toy", "bundled", "textures-noiseband", "spectral", "ddsp-noise"])
def test_a_buffer_becomes_the_grains_that_a_codebook_has(name: str) -> None:
    codec, sound = coded(name), clip("glass", 24000, 1.01)
    book = lgr.build_codebook([(sound, 24000)], codec)
    model = nn_tilde(codec, sample_rate=24000)
    assert model.get_corpus() == ["0.0 s, 0 grains"]
    assert model.set_buffer_attribute("corpus#0", sound, 24000) == 0
    assert_same_grains(model.player.loop.corpus.now, grains_of(book, 2))
    assert model.get_corpus() == [f"1.0 s, {len(book)} grains"]


def test_a_buffer_takes_the_place_of_what_was_there_while_it_plays(toy_file: Path) -> None:
    host, audio = Host(toy_file, buffer=512, rate=24000), clip("drum_loop", 24000, 4.0)
    before = host.play(audio[:, :24064])
    stereo = torch.cat([clip("glass", 44100, 2.0), clip("glass", 44100, 2.0)])
    host.set("corpus", "sounds", sounds=[(stereo, 44100)])
    assert host.get("corpus").startswith("reading")
    outs = [before]
    pieces = torch.split(audio[:, 24064:], 512, 1)
    reading = 0
    for piece in pieces[:-1]:
        outs.append(host.perform(piece))
        reading += host.get("corpus").startswith("reading")
    assert 10 < reading < 40  # four times as fast as it sounds: half a second, in buffers of 21 ms
    assert host.get("corpus").startswith("2.0 s")
    out = torch.cat(outs, 1)
    blocks = out[0, : out.shape[1] // 512 * 512].view(-1, 512).square().mean(1)
    assert bool((blocks[1:] > 0).all())  # nothing stopped for it
    # from then on it is what a file with that sound plays
    wanted = grains_of(lgr.build_codebook([(stereo[:1], 44100)], load_codec("toy")), 1)
    found = Grains(*host.model.player.loop.corpus.now)
    assert found.rows.shape == wanted.rows.shape
    assert float((found.rows * wanted.rows).sum(1).median()) > 0.99  # two resamplers
    host.model.clear_buffer_attribute("corpus#0")
    assert host.get("corpus") == "11.6 s, 866 grains"


def test_what_cannot_be_a_corpus_is_refused_and_changes_nothing(toy_file: Path) -> None:
    host = Host(toy_file, rate=24000)
    noise = 0.1 * torch.randn(1, 24000, generator=torch.Generator().manual_seed(0))
    broken = noise.clone()
    broken[0, 5] = torch.nan
    long = torch.zeros(1, 8000 * 601)
    long[0, 0] = 1.0
    for sound, rate in ((noise[:, :900], 24000), (0 * noise, 24000), (broken, 24000), (noise, 0), (long, 8000)):
        assert host.model.set_buffer_attribute("corpus#0", sound, rate) != 0
        with pytest.raises(RefusedError):
            host.set("corpus", "sounds", sounds=[(sound, rate)])
        assert host.get("corpus") == "11.6 s, 866 grains"
    assert host.model.set_buffer_attribute("another#0", noise, 24000) != 0
    assert not host.model.is_buffer_empty("corpus#0")


def test_without_a_corpus_it_is_silent_until_there_is_one(tmp_path: Path) -> None:
    export_nn_tilde(load_codec("toy"), tmp_path / "x.ts", sample_rate=24000)
    host, audio = Host(tmp_path / "x.ts", buffer=1024), clip("drum_loop", 24000, 2.0)
    assert host.model.is_buffer_empty("corpus#0")
    assert float(host.play(audio).abs().max()) == 0
    host.set("corpus", "sounds", sounds=[(clip("rain", 24000, 1.0), 24000)])
    out = host.play(torch.cat([audio, audio], 1))[0]
    assert float(out[-24000:].abs().max()) > 0.05


def test_the_attributes_are_typed_and_refuse_what_is_out_of_range(toy_file: Path) -> None:
    host = Host(toy_file)
    assert host.attributes == list(ATTRIBUTES)
    assert {name: host.types[name] for name in ("freeze", "seed", "wet", "corpus")} == {
        "freeze": [0],
        "seed": [1],
        "wet": [2],
        "corpus": [5],
    }
    assert host.buffers == ["corpus#0"]
    assert host.labels() == (["(signal) what is played"], ["(signal) played with the corpus"])
    for name, good, bad in (
        ("temperature", "0.25", ["-0.1", "nan"]),
        ("continuity", "0.5", ["1", "1.5", "-1"]),
        ("pitch", "0.5", ["2"]),
        ("wet", "0.25", ["-0.5", "inf"]),
        ("gain_db", "-6.0", ["25", "nan"]),
        ("seed", "7", ["-1"]),
        ("sample_rate", "48000", ["7999", "1000000"]),
    ):
        host.set(name, good)
        assert float(host.get(name)) == float(good)
        for word in bad:
            with pytest.raises(RefusedError):
                host.set(name, word)
            assert float(host.get(name)) == float(good)
    host.set("freeze", "true")
    assert host.get("freeze") == "True"
    with pytest.raises(RefusedError):
        host.set("latency", "0")


def test_what_is_no_number_is_silence_and_never_comes_out(toy_host: Host) -> None:
    toy_host.again(512, 24000)
    turn(toy_host, LiveConfig())
    audio = clip("drum_loop", 24000, 1.0)
    audio[0, 5000:5200], audio[0, 9000], audio[0, 9001] = torch.nan, torch.inf, -torch.inf
    out = toy_host.play(audio)
    assert bool(torch.isfinite(out).all())
    assert float(out.abs().max()) <= 1
    clean = torch.nan_to_num(audio, nan=0.0, posinf=0.0, neginf=0.0)
    toy_host.again(512, 24000)
    assert torch.equal(toy_host.play(clean), out)


def test_a_latent_that_is_broken_does_not_end_the_sound() -> None:
    model = nn_tilde(load_codec("toy"), [RAIN], sample_rate=24000)
    corpus, audio = model.player.loop.corpus, clip("drum_loop", 24000, 2.0)[None]
    good = corpus.now
    with torch.inference_mode():
        model(audio[..., :12000])
        corpus.now = good._replace(latents=good.latents * torch.nan)
        assert float(model(audio[..., 12000:24000])[..., -6000:].abs().max()) == 0
        corpus.now = good
        out = model(audio[..., 24000:36000])
    assert bool(torch.isfinite(out).all())
    assert float(out[..., -6000:].abs().max()) > 0.01


def test_of_a_batch_the_first_sounds(toy_host: Host) -> None:
    toy_host.again(8192, 24000)
    turn(toy_host, LiveConfig())
    out = toy_host.model(clip("drum_loop", 24000, 1.0)[None].expand(3, -1, -1))
    assert out.shape == (3, 1, 24000)
    assert float(out[0].abs().max()) > 0.05
    assert float(out[1:].abs().max()) == 0


def test_a_hop_that_is_a_power_of_two_brings_the_codec_itself(tmp_path: Path, toy_host: Host) -> None:
    assert toy_host.methods == ["forward"]
    codec = ToyCodec(32, hop_length=256)
    export_nn_tilde(codec, tmp_path / "x.ts", sample_rate=24000)
    audio = clip("glass", 24000, 1.0)[:, : 8 * 2048]
    coder, decoder = (Host(tmp_path / "x.ts", method, 2048) for method in ("encode", "decode"))
    assert coder.params == {"forward": [1, 1, 1, 1], "encode": [1, 1, 32, 256], "decode": [32, 256, 1, 1]}
    assert len(decoder.labels()[0]) == 32
    held = coder.play(audio)  # a latent, held for a hop
    wanted = codec.encode(audio[None])
    torch.testing.assert_close(held[:, ::256], wanted[0], rtol=0, atol=1e-5)
    torch.testing.assert_close(decoder.play(held), codec.decode(wanted)[0], rtol=0, atol=1e-5)


def test_a_process_without_lgr_plays_the_file(toy_file: Path) -> None:
    script = (
        "import sys, torch\n"
        f"model = torch.jit.load({str(toy_file)!r})\n"
        "with torch.inference_mode():\n"
        "    out = torch.cat([model(0.1 * torch.randn(1, 1, 512)) for _ in range(20)], 2)\n"
        "print('lgr' in sys.modules, bool(out.isfinite().all()), float(out.abs().max()) > 0)"
    )
    run = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, timeout=120, check=True)
    assert run.stdout.split() == ["False", "True", "True"]


def test_what_cannot_be_exported_is_said() -> None:
    for codec in (load_codec("textures-encodec16"), ToyCodec(channels=2)):
        with pytest.raises(ArgumentError, match="cannot be exported"):
            nn_tilde(codec)
    codec = load_codec("toy")
    stereo = lgr.build_codebook([(0.1 * torch.randn(2, 9600), 24000)], codec)
    with pytest.raises(ArgumentError, match="mono"):
        nn_tilde(codec, stereo)
    sparse = lgr.build_codebook([RAIN], codec, lgr.CodebookConfig(stride=2))
    with pytest.raises(ArgumentError, match="stride"):
        nn_tilde(codec, sparse)
    with pytest.raises(ArgumentError, match="hop_frames"):
        nn_tilde(codec, hop_frames=5)
    with pytest.raises(ArgumentError, match="sample_rate"):
        nn_tilde(codec, sample_rate=7000)


def test_the_command_writes_the_file_whole_or_not_at_all(tmp_path: Path) -> None:
    out = tmp_path / "x.ts"
    said = done("export", "nn~", "toy", RAIN, "-o", out, "--grain-frames", 3, "--sample-rate", 48000)
    assert "forward" in said
    assert "latency" in said
    host = Host(out)
    assert (host.get("sample_rate"), host.methods) == ("48000", ["forward"])
    refused(tmp_path, "export", "nn", "toy", "-o", out, says="--force")
    done("export", "nn", "toy", "-o", out, "--force")
    assert Host(out).get("corpus") == "0.0 s, 0 grains"
    done("codebook", "build", RAIN, "-o", tmp_path / "rain.codebook", "--codec", "toy", "--grain-frames", 2)
    assert "374 grains" in done("export", "nn~", "toy", "--codebook", tmp_path / "rain.codebook", "-o", out, "--force")
    refused(tmp_path, "export", "nn~", "toy", "-o", tmp_path / "x.wav", says=".ts")
    refused(tmp_path, "export", "nn~", "dac-44khz", "-o", tmp_path / "y.ts", says="cannot be exported")
    refused(tmp_path, "export", "nn~", "toy", tmp_path / "none.wav", "-o", tmp_path / "y.ts", says="none.wav")


def test_a_draw_is_uniform_and_the_same_when_scripted() -> None:
    draws = torch.cat([uniform_draw(key) for key in range(20000)])
    assert float(draws.min()) >= 0
    assert float(draws.max()) < 1
    counts = torch.histc(draws.float(), 20, 0, 1)
    assert float((counts - 1000).square().sum() / 1000) < 45  # chi squared of 19
    pairs = torch.corrcoef(torch.stack([draws[:-1], draws[1:]]))[0, 1]
    assert abs(float(pairs)) < 0.03
    scripted = torch.jit.script(uniform_draw)
    assert all(torch.equal(scripted(key), uniform_draw(key)) for key in (0, 1, 1_000_003, 3 * 1_000_003 + 77, 2**40))


def test_dials_of_the_file_are_those_it_was_written_with(tmp_path: Path) -> None:
    config = replace(LiveConfig(), wet=0.3, temperature=0.7)
    model = export_nn_tilde(load_codec("toy"), tmp_path / "x.ts", config=config, seed=5)
    assert isinstance(model, NNTilde)
    host = Host(tmp_path / "x.ts")
    assert [float(host.get(name)) for name in ("wet", "temperature", "seed")] == [0.3, 0.7, 5.0]
