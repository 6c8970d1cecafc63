"""The bundled codec and the mathematics under it: MDCT, mel filters, noise, folding, streaming, levels."""

import copy
import json
import math
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor

from lgr.codecs.bundled import BundledCodec
from lgr.errors import ArgumentError, ShapeError, WeightsError
from lgr.models.bundled.envelope_net import CEILING, EnvelopeNet, EnvelopeNetConfig, soft_ceiling
from lgr.models.bundled.layers import CausalStack
from lgr.models.mdct import mdct_basis, overlap_blocks
from lgr.models.seeded_noise import frame_noise
from lgr.models.timbre import FLOOR_DECADES, LEVEL_SHARE, SHIFT, raise_floor, timbre_map
from lgr.sound.mel import bands_to_bins, mel_edges_hz, mel_filters, rising_window

SMALL = EnvelopeNetConfig(
    sample_rate=8000,
    hop_length=64,
    window_length=256,
    n_bands=12,
    n_detail=20,
    encoder_width=16,
    encoder_blocks=2,
    decoder_width=16,
    decoder_blocks=2,
)


def stirred(config: EnvelopeNetConfig = SMALL, seed: int = 0) -> EnvelopeNet:
    """A network whose every weight takes part (a new one corrects nothing: its last layers are zero)."""
    net = EnvelopeNet(config)
    generator = torch.Generator().manual_seed(seed)
    for parameter in net.parameters():
        parameter.data = parameter.data + 0.05 * torch.randn(parameter.shape, generator=generator)
    return net


@pytest.fixture(scope="module")
def small() -> BundledCodec:
    return BundledCodec(stirred(), torch.eye(SMALL.n_bands))


@pytest.fixture(scope="module")
def bundled() -> BundledCodec:
    from lgr.codecs.registry import load_codec

    codec = load_codec("bundled")
    assert isinstance(codec, BundledCodec)
    return codec


def noise(*shape: int, seed: int = 0) -> Tensor:
    return 0.2 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# ---- the mathematics -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hop", [8, 64, 320])
def test_mdct_is_orthonormal_and_reconstructs(hop: int) -> None:
    basis = mdct_basis(hop)
    torch.testing.assert_close(basis.T @ basis, torch.eye(hop), rtol=0, atol=1e-5)
    audio = noise(2, 10 * hop)
    padded = torch.nn.functional.pad(audio, (hop, hop))
    coefs = padded.unfold(1, 2 * hop, hop) @ basis
    assert coefs.shape == (2, 11, hop)  # as many numbers as samples, but for the one block that ends it
    blocks, rest = overlap_blocks(coefs @ basis.T)
    torch.testing.assert_close(blocks[:, 1:].flatten(1), audio, rtol=0, atol=1e-5)
    assert rest.shape == (2, hop)
    # Parseval: what is in the coefficients is what is in the sound
    torch.testing.assert_close(coefs.square().sum(), audio.square().sum(), rtol=1e-4, atol=0)


@pytest.mark.parametrize(("n_fft", "bands", "rate"), [(2048, 40, 24000), (256, 12, 8000), (64, 10, 24000)])
def test_mel_filters_are_means_over_bins(n_fft: int, bands: int, rate: int) -> None:
    filters = mel_filters(n_fft, bands, rate)
    assert filters.shape == (bands, n_fft // 2 + 1)
    assert float(filters.min()) >= 0
    torch.testing.assert_close(filters.sum(1), torch.ones(bands))
    hz = torch.linspace(0, rate / 2, n_fft // 2 + 1)
    peaks = hz[filters.argmax(1)]
    assert bool((peaks.diff() >= 0).all())
    centres = mel_edges_hz(bands, rate)[1:-1].float()
    assert bool(((peaks - centres).abs() <= rate / n_fft).all())


def test_mel_edges_are_even_on_the_mel_scale() -> None:
    edges = mel_edges_hz(40, 24000)
    assert float(edges[0]) == 0
    assert float(edges[-1]) == pytest.approx(12000)
    steps = (2595 * torch.log10(1 + edges / 700)).diff()
    torch.testing.assert_close(steps, steps[:1].expand_as(steps))


def test_bands_to_bins_interpolates_and_holds() -> None:
    matrix = bands_to_bins(12, 64, 8000)
    torch.testing.assert_close(matrix.sum(1), torch.ones(64))
    centres = mel_edges_hz(12, 8000)[1:-1].float()
    bins = (torch.arange(64) + 0.5) * 4000 / 64
    expected = bins.clamp(float(centres[0]), float(centres[-1]))  # a line stays a line, held beyond the last centres
    torch.testing.assert_close(matrix @ centres, expected, rtol=1e-4, atol=0)


def test_rising_window_peaks_at_one_before_its_short_fall() -> None:
    window = rising_window(1280, 320)
    assert window.shape == (1280,)
    assert float(window.max()) == pytest.approx(1, abs=1e-4)
    assert 955 <= int(window.argmax()) <= 964
    assert bool((window[:960].diff() > 0).all())
    assert bool((window[960:].diff() < 0).all())


@given(first=st.integers(0, 10**6), sizes=st.lists(st.integers(1, 9), min_size=1, max_size=6), seed=st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_noise_does_not_depend_on_chunks(first: int, sizes: list[int], seed: int) -> None:
    pieces, at = [], first
    for size in sizes:
        pieces.append(frame_noise(at, size, 7, seed))
        at += size
    assert torch.equal(torch.cat(pieces), frame_noise(first, sum(sizes), 7, seed))


def test_noise_is_white_of_unit_variance_and_depends_on_its_seed() -> None:
    noise = frame_noise(0, 2000, 320, 0)
    flat = noise.double().flatten()
    assert float(flat.mean()) == pytest.approx(0, abs=0.005)
    assert float(flat.var()) == pytest.approx(1, abs=0.005)
    assert float(flat.abs().max()) <= math.sqrt(3) + 1e-6
    for lag in (1, 2, 63, 320, 640, 3200):  # 640,000 numbers: a correlation of .006 would be five standard errors
        assert abs(float((flat[lag:] * flat[:-lag]).mean())) < 0.006
    power = torch.fft.rfft(flat).abs().square() / len(flat)
    bands = power[1:320001].view(64, -1).mean(1)
    assert float((bands - 1).abs().max()) < 0.07
    for other in (1, 2, 12345):
        different = frame_noise(0, 2000, 320, other).double().flatten()
        assert abs(float((flat * different).mean())) < 0.006


def test_folding_back_returns_the_number_whose_turn_it_is() -> None:
    net = EnvelopeNet(SMALL)
    companded = noise(1, 3, SMALL.hop_length)
    levels = noise(1, 3, SMALL.hop_length, seed=1) * 20  # far apart: one of each fold's numbers is by far the strongest
    gates = net.gates(levels).detach()
    assert gates.shape == (1, 3, net.n_folds, SMALL.n_detail)
    torch.testing.assert_close(gates.sum(-2), torch.ones(1, 3, SMALL.n_detail))
    flat = gates.flatten(-2)
    assert float(flat[..., SMALL.hop_length :].abs().max()) == 0  # bins that do not exist never have their turn
    back = net.unfold(net.fold(companded, gates), gates)
    assert back.shape == companded.shape
    mine = flat[..., : SMALL.hop_length] > 0.999
    assert int(mine.sum()) > SMALL.n_detail
    torch.testing.assert_close(back[mine], companded[mine], rtol=0.01, atol=0.005)


def test_soft_ceiling_is_the_identity_below_its_knee_and_never_passes_full_scale() -> None:
    x = torch.linspace(-5, 5, 10001)
    y = soft_ceiling(x)
    inside = x.abs() <= 0.9
    assert torch.equal(y[inside], x[inside])
    assert float(y.abs().max()) <= CEILING
    assert bool((y.diff() >= 0).all())
    torch.testing.assert_close(y, -soft_ceiling(-x))


def test_blocks_never_look_ahead() -> None:
    stack = CausalStack(5, 4, width=8, n_blocks=2, kernel_size=3, expansion=2)
    torch.nn.init.normal_(stack.outlet.weight)
    x = noise(1, 20, 5)
    changed = x.clone()
    changed[:, 12:] += 1
    with torch.no_grad():
        before, after = stack(None, x)[1], stack(None, changed)[1]
    assert torch.equal(before[:, :12], after[:, :12])
    assert bool((before[:, 12] != after[:, 12]).any())


def test_a_new_network_is_nearly_transparent_where_nothing_is_folded() -> None:
    full = EnvelopeNetConfig(
        **{**SMALL.__dict__, "n_detail": SMALL.hop_length}
    )  # a number a bin: only the noise is between input and output
    net = EnvelopeNet(full)
    torch.nn.init.constant_(net.noise_bias, -100.0)
    audio = noise(1, 64 * 40)
    with torch.no_grad():
        out = net(net.encode(None, audio)[1])
    torch.testing.assert_close(out[:, 256:-64], audio[:, 256:-64], rtol=0, atol=2e-3)


# ---- the codec -----------------------------------------------------------------------------------------------------


@given(data=st.data(), samples=st.integers(1, 2000))
@settings(max_examples=15, deadline=None)
def test_streaming_is_offline_for_any_chunks(small: BundledCodec, data: st.DataObject, samples: int) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, samples), max_size=5)))
    audio = noise(2, 1, samples, seed=samples)
    latents = small.encode(audio)
    state, pieces = None, []
    bounds = [0, *cuts, samples]
    for i, (low, high) in enumerate(pairwise(bounds)):
        state, piece = small.encode_step(state, audio[..., low:high], flush=i == len(bounds) - 2)
        pieces.append(piece)
    torch.testing.assert_close(torch.cat(pieces, 2), latents, rtol=0, atol=2e-5)
    frames = latents.shape[2]
    cuts = sorted(data.draw(st.lists(st.integers(0, frames), max_size=5)))
    out_state, out = None, []
    for low, high in zip([0, *cuts], [*cuts, frames], strict=True):
        out_state, piece = small.decode_step(out_state, latents[..., low:high])
        out.append(piece)
    out.append(small.decode_step(out_state, latents[..., :0], flush=True)[1])
    torch.testing.assert_close(torch.cat(out, 2), small.decode(latents), rtol=0, atol=2e-5)


def test_a_stream_is_one_hop_behind_and_its_state_a_value(small: BundledCodec) -> None:
    latents = small.encode(noise(1, 1, 640))
    state, first = small.decode_step(None, latents[..., :4])
    assert first.shape[2] == 3 * SMALL.hop_length
    once = small.decode_step(state, latents[..., 4:], flush=True)[1]
    again = small.decode_step(state, latents[..., 4:], flush=True)[1]
    assert torch.equal(once, again)
    start, _ = small.encode_step(None, noise(1, 1, 100))
    assert torch.equal(
        small.encode_step(start, noise(1, 1, 100, seed=1))[1], small.encode_step(start, noise(1, 1, 100, seed=1))[1]
    )


def test_slices_of_long_files_leave_no_trace(small: BundledCodec) -> None:
    audio = noise(1, 1, 64 * 50 + 7)
    latents, out = small.encode(audio), small.decode(small.encode(audio))
    sliced = copy.copy(small)
    sliced._slice_frames = 7
    torch.testing.assert_close(sliced.encode(audio), latents, rtol=0, atol=2e-5)
    torch.testing.assert_close(sliced.decode(latents), out, rtol=0, atol=2e-5)


def test_silence_is_the_zero_envelope_and_decodes_to_silence(bundled: BundledCodec) -> None:
    latents = bundled.encode(torch.zeros(1, 1, 24000))
    assert float(latents[:, : bundled.config.n_bands].abs().max()) < 1e-4
    audio = bundled.decode(latents)
    level_db = 10 * math.log10(float(audio.square().mean()) + 1e-30)
    assert level_db < -80
    assert float(audio.abs().max()) < 1e-4


@pytest.mark.parametrize("kind", ["sine", "square", "noise", "impulses"])
def test_full_scale_input_does_not_overshoot(bundled: BundledCodec, kind: str) -> None:
    n = torch.arange(24000)
    sine = torch.sin(2 * math.pi * 220 / 24000 * n)
    audio = {
        "sine": sine,
        "square": sine.sign(),
        "noise": torch.rand(24000, generator=torch.Generator().manual_seed(0)) * 2 - 1,
        "impulses": (n % 1000 == 500).float(),
    }[kind]
    peak = float(bundled.decode(bundled.encode(audio[None, None])).abs().max())
    assert 20 * math.log10(peak) < 0.5
    assert peak > (0.05 if kind == "impulses" else 0.5)  # and it is there (a single sample is smeared)


def test_features_are_the_envelope_and_count_level_for_less(bundled: BundledCodec) -> None:
    audio = noise(1, 1, 12000)
    latents = bundled.encode(audio)
    features = bundled.features(latents)
    assert features.shape == (1, bundled.config.n_bands, latents.shape[2])
    envelope = raise_floor(latents[:, : bundled.config.n_bands], FLOOR_DECADES)
    apart = envelope - envelope.mean(1, keepdim=True) * (1 - LEVEL_SHARE)  # the map, up to its bias
    torch.testing.assert_close(features - features[..., :1], apart - apart[..., :1], rtol=0, atol=5e-3)
    louder = bundled.features(bundled.encode(audio * 10))
    difference = (louder - features)[..., 5:-1]
    torch.testing.assert_close(difference, torch.full_like(difference, LEVEL_SHARE), rtol=0, atol=0.01)
    half = BundledCodec(stirred(), 0.5 * torch.eye(SMALL.n_bands)[:3])
    x = noise(1, SMALL.latent_dim, 4)
    torch.testing.assert_close(half.features(x), 0.5 * x[:, :3])
    other = BundledCodec(stirred(), 0.5 * torch.eye(SMALL.n_bands)[:3], torch.tensor([1.0, 2.0, 3.0]))
    torch.testing.assert_close(other.features(x), 0.5 * x[:, :3] + torch.tensor([1.0, 2.0, 3.0])[:, None])
    raised = BundledCodec(stirred(), torch.eye(SMALL.n_bands), floor=1.0)
    expected = torch.log10(10 ** x[:, : SMALL.n_bands].double() + 10)
    torch.testing.assert_close(raised.features(x).double(), expected, rtol=0, atol=1e-5)


def test_what_is_below_the_floor_is_the_same_silence(bundled: BundledCodec) -> None:
    latents = torch.zeros(2, bundled.info.latent_dim, 3)
    latents[1, : bundled.config.n_bands] = -4.0  # from -120 to -200 dBFS: neither is heard
    features = bundled.features(latents)
    assert float((features[0] - features[1]).abs().max()) < 0.05
    latents[1, : bundled.config.n_bands] = 4.0  # -40 dBFS
    features = bundled.features(latents)
    assert float((features[0] - features[1]).abs().min()) > 1.0


def test_the_timbre_map_is_its_formula() -> None:
    mean, envelope = torch.rand(5) * 4, torch.rand(5) * 4
    matrix, bias = timbre_map(mean)
    rest = envelope - mean - SHIFT
    torch.testing.assert_close(matrix @ envelope + bias, rest - (1 - LEVEL_SHARE) * rest.mean())


# ---- errors --------------------------------------------------------------------------------------------------------


def test_steps_refuse_wrong_shapes(small: BundledCodec) -> None:
    with pytest.raises(ShapeError, match=r"audio must be \(batch, 1, samples\), got \(1, 2, 100\)"):
        small.encode_step(None, torch.zeros(1, 2, 100))
    with pytest.raises(ShapeError, match=r"latents must be \(batch, 32, frames\), got \(1, 31, 4\)"):
        small.decode_step(None, torch.zeros(1, 31, 4))


def write(folder: Path, config: object, weights: dict[str, Tensor]) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    save_file(weights, folder / "model.safetensors")
    return folder


def test_a_folder_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    weights = {k: v.clone() for k, v in EnvelopeNet(SMALL).state_dict().items()}
    config = dict(SMALL.__dict__)
    good = write(tmp_path / "mine", {"model": "bundled", "format": 1, **config}, weights)
    info = BundledCodec.from_folder(good).info
    assert info.name == str(good)  # load_codec finds it again by this name
    assert len(info.version) == 12
    assert BundledCodec.from_folder(good, name="mine").info.name == "mine"
    with pytest.raises(ArgumentError, match=r"dtype of a trained codec must be torch.float32 or torch.float64"):
        BundledCodec.from_folder(good, dtype=torch.float16)
    with pytest.raises(WeightsError, match=r"must hold config.json and model.safetensors"):
        BundledCodec.from_folder(tmp_path / "nowhere")
    with pytest.raises(WeightsError, match=r"the weights do not fit config.json"):
        BundledCodec.from_folder(write(tmp_path / "other", {**config, "n_bands": 13}, weights))
    with pytest.raises(WeightsError, match="must describe a bundled codec of format 1"):
        BundledCodec.from_folder(write(tmp_path / "list", [1, 2], weights))
    with pytest.raises(WeightsError, match="must describe a bundled codec of format 1"):
        BundledCodec.from_folder(write(tmp_path / "new", {**config, "format": 2}, weights))
    with pytest.raises(WeightsError, match=r"features must be \(n, 12\), got \(12, 3\)"):
        BundledCodec.from_folder(write(tmp_path / "features", config, {**weights, "features": torch.zeros(12, 3)}))
    (good / "model.safetensors").write_bytes(b"not weights at all")
    with pytest.raises(WeightsError, match=r"must hold config.json and model.safetensors"):
        BundledCodec.from_folder(good)
