"""One conformance suite for every codec: what ``Codec`` promises, checked on each of them.

Downloaded codecs run here on their real architectures with seeded random weights; SoundStream on its
real ones where this machine has them.
"""

import pytest
import torch
from torch import Tensor

from lgr.codecs import Codec, DiscreteCodec, StreamingCodec, ToyCodec, load_codec
from lgr.codecs.registry import DOWNLOADED, shipped_models
from lgr.errors import ArgumentError, ShapeError
from lgr.files import assets_dir

RANDOM = ("encodec-24khz", "encodec-48khz", "dac-16khz", "dac-24khz", "dac-44khz")
BUNDLED = ["bundled"] if (assets_dir() / "models" / "bundled" / "model.safetensors").is_file() else []
NAMES = [
    "toy",
    "toy-small",
    "toy-stereo",
    *BUNDLED,
    *shipped_models(),
    pytest.param("soundstream", marks=pytest.mark.weights),
    *RANDOM,
]
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


def random_codec(name: str) -> Codec:
    """A downloaded codec's real architecture with seeded random weights."""
    row = DOWNLOADED[name]
    codec: Codec = row.open_factory().random(**row.fixed)
    return codec


@pytest.fixture(scope="module", params=NAMES)
def codec(request: pytest.FixtureRequest) -> Codec:
    name: str = request.param
    if name == "toy-small":
        return ToyCodec(latent_dim=24)
    if name == "toy-stereo":
        return ToyCodec(latent_dim=48, channels=2)
    if name == "soundstream":
        return load_codec(name, weights=request.getfixturevalue("soundstream_folder"))
    if name in RANDOM:
        return random_codec(name)
    return load_codec(name)


def noise(codec: Codec, samples: int, *, batch: int = 1, seed: int = 0) -> Tensor:
    """Seeded noise that swells and fades, (batch, channels, samples), peaks near 0.5."""
    generator = torch.Generator().manual_seed(seed)
    audio = torch.randn(batch, codec.info.channels, samples, generator=generator)
    return 0.15 * audio * (0.6 + 0.4 * torch.sin(torch.arange(samples) / 900))


def assert_close(actual: Tensor, expected: Tensor, tolerance: float = 1e-5) -> None:
    """Equal within ``tolerance`` of the expected tensor's largest value."""
    torch.testing.assert_close(actual, expected, rtol=0, atol=tolerance * max(float(expected.abs().max()), 1e-3))


def test_lengths(codec: Codec) -> None:
    info = codec.info
    hop = info.hop_length
    for samples in (1, 2, hop - 1, hop, hop + 1, 3 * hop + 1):
        latents = codec.encode(noise(codec, samples))
        assert latents.dtype == torch.float32
        frames = -(-samples // hop)
        assert latents.shape == (1, info.latent_dim, frames), samples
        assert codec.decode(latents).shape == (1, info.channels, frames * hop), samples
        features = codec.features(latents)
        assert (features.shape[0], features.shape[2]) == (1, frames)
        assert features.shape[1] >= 1


def test_bad_audio_is_refused(codec: Codec) -> None:
    channels = codec.info.channels
    for shape in ((1, channels, 0), (0, channels, 100), (1, channels + 1, 100), (channels, 100), (1, 1, channels, 100)):
        with pytest.raises(ShapeError, match="audio must"):
            codec.encode(torch.zeros(shape))
    with pytest.raises(ArgumentError, match="audio must be floating point"):
        codec.encode(torch.zeros(1, channels, 1000, dtype=torch.int16))


def test_bad_latents_are_refused(codec: Codec) -> None:
    size = codec.info.latent_dim
    for call in (codec.decode, codec.features):
        for shape in ((1, size, 0), (0, size, 5), (1, size + 1, 5), (size, 5)):
            with pytest.raises(ShapeError, match="latents must"):
                call(torch.zeros(shape))
        with pytest.raises(ArgumentError, match="latents must be floating point"):
            call(torch.zeros(1, size, 5, dtype=torch.int64))


def test_the_same_input_gives_the_same_output(codec: Codec) -> None:
    """Twice over, with another input between: nothing is remembered from call to call, and the input is left alone."""
    audio = noise(codec, 2 * codec.info.hop_length + 5)
    kept = audio.clone()
    latents = codec.encode(audio)
    kept_latents = latents.clone()
    decoded = codec.decode(latents)
    other = codec.encode(noise(codec, codec.info.hop_length, seed=1))
    codec.decode(other)
    assert torch.equal(codec.encode(audio), latents)
    assert torch.equal(codec.decode(latents), decoded)
    assert torch.equal(audio, kept)
    assert torch.equal(latents, kept_latents)


def test_no_output_carries_a_gradient(codec: Codec) -> None:
    latents = codec.encode(noise(codec, 2 * codec.info.hop_length).requires_grad_())
    assert not latents.requires_grad
    latents.requires_grad_()
    assert not codec.decode(latents).requires_grad


def test_silence_is_finite(codec: Codec) -> None:
    latents = codec.encode(torch.zeros(1, codec.info.channels, 3 * codec.info.hop_length))
    assert latents.isfinite().all()
    assert codec.decode(latents).isfinite().all()
    assert codec.features(latents).isfinite().all()


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-4), (torch.float16, 0.02)])
def test_device_and_dtype_follow_the_input(codec: Codec, device: str, dtype: torch.dtype, tolerance: float) -> None:
    audio = noise(codec, 2 * codec.info.hop_length).to(device, dtype)
    latents = codec.encode(audio)
    decoded = codec.decode(latents)
    for tensor in (latents, decoded, codec.features(latents)):
        assert tensor.dtype == dtype
        assert tensor.device.type == device
    # against float32 results of the same, already rounded numbers: a decoder may be steep, its input is not the matter
    assert_close(latents.cpu().float(), codec.encode(audio.cpu().float()), tolerance)
    assert_close(decoded.cpu().float(), codec.decode(latents.cpu().float()), tolerance)


def test_causality_claim(codec: Codec) -> None:
    """Other input from sample ``start`` on changes no output that the claim puts before it, and changes the rest."""
    info = codec.info
    hop = info.hop_length
    start = -(-info.lookahead // hop) * hop + 3 * hop
    audio = noise(codec, start + 2 * hop)
    changed = torch.cat([audio[:, :, :start], noise(codec, 2 * hop, seed=1)], dim=2)
    # output n may depend on input before (n // hop + 1) * hop + lookahead; so these frames may not change
    frames = (start - info.lookahead) // hop
    assert frames >= 3
    before, after = codec.encode(audio), codec.encode(changed)
    assert_close(after[:, :, :frames], before[:, :, :frames], 1e-6)
    assert not torch.allclose(after[:, :, start // hop :], before[:, :, start // hop :])
    before, after = codec.decode(before), codec.decode(after)
    assert_close(after[:, :, : frames * hop], before[:, :, : frames * hop], 1e-6)
    assert not torch.allclose(after[:, :, start:], before[:, :, start:])


def test_a_batch_is_its_items(codec: Codec) -> None:
    audio = noise(codec, 2 * codec.info.hop_length + 7, batch=2)
    latents = codec.encode(audio)
    decoded = codec.decode(latents)
    features = codec.features(latents)
    for item in range(2):
        one = slice(item, item + 1)
        assert_close(codec.encode(audio[one]), latents[one])
        assert_close(codec.decode(latents[one]), decoded[one])
        assert_close(codec.features(latents[one]), features[one])


def test_codes(codec: Codec) -> None:
    if not isinstance(codec, DiscreteCodec):
        assert not hasattr(codec, "quantize")
        return
    latents = codec.encode(noise(codec, 2 * codec.info.hop_length, batch=2))
    codes = codec.quantize(latents)
    assert codes.dtype == torch.int64
    assert (codes.shape[0], codes.shape[2]) == (2, 2)
    assert codes.min() >= 0
    restored = codec.dequantize(codes)
    assert restored.shape == latents.shape
    assert restored.isfinite().all()
    assert codec.decode(restored[:1]).shape == (1, codec.info.channels, 2 * codec.info.hop_length)
    assert_close(codec.dequantize(codec.quantize(latents[:1])), restored[:1])


def cut(total: int, largest: int, generator: torch.Generator) -> list[int]:
    """Random chunk lengths from 0 to ``largest`` that sum to ``total``."""
    sizes: list[int] = []
    while sum(sizes) < total:
        size = int(torch.randint(0, largest + 1, (), generator=generator))
        sizes.append(min(size, total - sum(sizes)))
    return sizes


def test_streaming_equals_offline(codec: Codec) -> None:
    if not isinstance(codec, StreamingCodec):
        assert not hasattr(codec, "encode_step")
        return
    slow = codec.info.name.startswith("dac")  # every chunk costs its context of about ten frames again
    for seed in range(1 if slow else 3):
        generator = torch.Generator().manual_seed(seed)
        audio = noise(codec, 12 * codec.info.hop_length + 33, batch=1 if slow else 2, seed=seed)
        latents = codec.encode(audio)
        largest = 7 if slow else 2  # hops a chunk
        parts, state = [], None
        for chunk in audio.split(cut(audio.shape[2], largest * codec.info.hop_length, generator), dim=2):
            state, out = codec.encode_step(state, chunk)
            parts.append(out)
        parts.append(codec.encode_step(state, audio[:, :, :0], flush=True)[1])
        assert_close(torch.cat(parts, dim=2), latents)
        parts, state = [], None
        for chunk in latents.split(cut(latents.shape[2], largest, generator), dim=2):
            state, out = codec.decode_step(state, chunk)
            parts.append(out)
        parts.append(codec.decode_step(state, latents[:, :, :0], flush=True)[1])
        assert_close(torch.cat(parts, dim=2), codec.decode(latents))


def test_a_state_is_a_value(codec: Codec) -> None:
    """Stepping a state twice gives the same twice, whatever was stepped from it in between."""
    if not isinstance(codec, StreamingCodec):
        return
    audio = noise(codec, 5 * codec.info.hop_length)
    latents = codec.encode(audio)
    for step, whole, unit in ((codec.encode_step, audio, codec.info.hop_length), (codec.decode_step, latents, 1)):
        state, _ = step(None, whole[:, :, : 3 * unit])
        first = step(state, whole[:, :, 3 * unit :], flush=True)[1]
        step(state, -whole[:, :, :unit])
        assert torch.equal(step(state, whole[:, :, 3 * unit :], flush=True)[1], first)


@pytest.mark.parametrize("options", [{}, {"channels": 2}, {"hop_length": 64, "latent_dim": 64}])
def test_toy_is_exactly_invertible(options: dict[str, int]) -> None:
    toy = ToyCodec(**options)
    audio = noise(toy, 5 * toy.info.hop_length)
    decoded = toy.decode(toy.encode(audio))
    torch.testing.assert_close(decoded, audio, rtol=0, atol=1e-6)
    exact = toy.decode(toy.encode(audio.double()))
    torch.testing.assert_close(exact, audio.double(), rtol=0, atol=1e-14)
    assert float(toy.encode(audio).norm() / audio.norm()) == pytest.approx(1, abs=1e-6)  # orthonormal: energy is kept


def test_toy_keeps_the_low_frequencies_and_its_dimensions_can_be_read() -> None:
    toy = ToyCodec(latent_dim=20)  # up to 750 Hz
    time = torch.arange(3200) / 24_000
    low, high = torch.sin(2 * torch.pi * 150 * time), torch.sin(2 * torch.pi * 4000 * time)
    kept = toy.decode(toy.encode(low.view(1, 1, -1)))
    assert float((kept[0, 0] - low).norm() / low.norm()) < 0.1
    assert float(toy.decode(toy.encode(high.view(1, 1, -1))).norm() / high.norm()) < 0.1
    constant = toy.encode(torch.ones(1, 1, 320))
    assert constant[0, 0, 0] == pytest.approx(320**0.5)
    assert constant[0, 1:].abs().max() < 1e-5


@pytest.mark.parametrize("options", [{"latent_dim": 0}, {"latent_dim": 321}, {"latent_dim": 3, "channels": 2}])
def test_toy_refuses_sizes_it_has_not(options: dict[str, int]) -> None:
    with pytest.raises(ArgumentError, match="latent_dim must be a multiple"):
        ToyCodec(**options)
