"""What is particular to SoundStream, on Lyra's real weights: alignment, states, quantizer levels."""

import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from lgr.codecs.soundstream import DECODER, ENCODER, MEMORY, N_LEVELS, SoundStreamCodec, SoundStreamState
from lgr.errors import ArgumentError, MissingPackageError, ShapeError, WeightsError

pytestmark = pytest.mark.weights
HOP = 320


@pytest.fixture(scope="module")
def codec(soundstream_folder: Path) -> SoundStreamCodec:
    return SoundStreamCodec(weights=soundstream_folder)


def voice(frames: int = 40, batch: int = 1, seed: int = 0) -> Tensor:
    """Something like a vowel: a gliding pulse train through two resonances, (batch, 1, frames * 320)."""
    generator = torch.Generator().manual_seed(seed)
    time = torch.arange(frames * HOP) / 16_000
    pitch = 110 + 40 * torch.rand(batch, 1, 1, generator=generator) + 30 * torch.sin(6 * time)
    phase = 2 * torch.pi * torch.cumsum(pitch / 16_000, dim=-1)
    harmonics = torch.arange(1, 20).view(-1, 1)
    levels = 1 / (1 + ((harmonics * 130 - 600) / 300) ** 2) + 0.3 / (1 + ((harmonics * 130 - 1700) / 300) ** 2)
    return 0.1 * (levels * torch.sin(harmonics * phase)).sum(dim=-2, keepdim=True)


def test_the_decoded_voice_is_aligned_with_its_source(codec: SoundStreamCodec) -> None:
    source = voice(100)
    decoded = codec.decode(codec.encode(source))
    size = 2 * source.shape[-1]
    spectrum = torch.fft.rfft(decoded[0, 0], size) * torch.fft.rfft(source[0, 0], size).conj()
    correlation = torch.fft.irfft(spectrum, size)
    assert correlation.argmax() == 0
    assert correlation[0] / (source.norm() * decoded.norm()) > 0.9


def test_silence_has_latents_far_from_zero_and_decodes_to_near_silence(codec: SoundStreamCodec) -> None:
    latents = codec.encode(torch.zeros(1, 1, 30 * HOP))
    assert 35 < latents[0, :, -1].norm() < 55
    assert codec.decode(latents).abs().max() < 2e-3


def test_an_old_state_can_be_stepped_again(codec: SoundStreamCodec) -> None:
    audio = voice(60, batch=2)
    whole = codec.encode(audio)
    state, _ = codec.encode_step(None, audio[:, :, : 40 * HOP + 7])
    first = codec.encode_step(state, audio[:, :, 40 * HOP + 7 :], flush=True)[1]
    codec.encode_step(state, -audio[:, :, : 3 * HOP])
    again = codec.encode_step(state, audio[:, :, 40 * HOP + 7 :], flush=True)[1]
    torch.testing.assert_close(first, whole[:, :, 40:], rtol=0, atol=0)
    torch.testing.assert_close(again, first, rtol=0, atol=0)
    decoded = codec.decode(whole)
    position, _ = codec.decode_step(None, whole[:, :, :35])
    for _ in range(2):
        rest = codec.decode_step(position, whole[:, :, 35:])[1]
        torch.testing.assert_close(rest, decoded[:, :, 35 * HOP :], rtol=0, atol=0)


def test_the_history_is_the_whole_memory(codec: SoundStreamCodec) -> None:
    """What lies further back than MEMORY frames changes nothing; a few frames less would be heard."""
    audio, other = voice(60, seed=1), voice(60, seed=2)
    for model, size in MEMORY.items():
        run = codec.encode if model == ENCODER else codec.decode
        step = HOP if model == ENCODER else 1
        left, right = (audio, other) if model == ENCODER else (codec.encode(audio), codec.encode(other))
        for kept, equal in ((size, True), (12, False)):
            mixed = torch.cat([right[:, :, : (50 - kept) * step], left[:, :, (50 - kept) * step :]], dim=2)
            a, b = run(left), run(mixed)
            out = 50 if model == ENCODER else 50 * HOP
            assert torch.equal(a[:, :, out:], b[:, :, out:]) is equal, (model, kept)


def test_a_states_size_does_not_grow(codec: SoundStreamCodec) -> None:
    state: SoundStreamState | None = None
    for _ in range(4):
        state, latents = codec.encode_step(state, voice(20))
    assert state is not None
    assert state.history.shape == (1, MEMORY[ENCODER], HOP)
    position, _ = codec.decode_step(None, latents.repeat(1, 1, 3))
    assert position.history.shape == (1, MEMORY[DECODER], 64)
    with pytest.raises(ShapeError, match="the batch must stay 1 items"):
        codec.encode_step(state, voice(1, batch=2))


def test_more_levels_keep_more(codec: SoundStreamCodec, soundstream_folder: Path) -> None:
    latents = codec.encode(voice(20, batch=2))
    errors = []
    for levels in (1, 8, N_LEVELS):
        coarse = SoundStreamCodec(weights=soundstream_folder, n_levels=levels, space="quantized")
        codes = coarse.quantize(latents)
        assert codes.shape == (2, levels, 20)
        errors.append(float((coarse.dequantize(codes) - latents).norm() / latents.norm()))
        torch.testing.assert_close(coarse.encode(voice(20, batch=2)), coarse.dequantize(codes))
        assert torch.equal(codes, codec.quantize(latents)[:, :levels])
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.3


def test_quantized_streaming_equals_offline(soundstream_folder: Path) -> None:
    codec = SoundStreamCodec(weights=soundstream_folder, n_levels=4, space="quantized")
    audio = voice(5)
    state, first = codec.encode_step(None, audio[:, :, :100])
    state, second = codec.encode_step(state, audio[:, :, 100:1000])
    _, third = codec.encode_step(state, audio[:, :, 1000:], flush=True)
    assert first.shape == (1, 64, 0)
    torch.testing.assert_close(torch.cat([first, second, third], dim=2), codec.encode(audio), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        (torch.zeros(1, 47, 3, dtype=torch.int64), "1 to 46"),
        (torch.zeros(3, 46, dtype=torch.int64), "codes must be"),
        (torch.full((1, 2, 3), 16), "0 to 15"),
        (torch.full((1, 2, 3), -1), "0 to 15"),
        (torch.zeros(1, 2, 3), "must be int64"),
    ],
)
def test_bad_codes_are_refused(codec: SoundStreamCodec, codes: Tensor, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        codec.dequantize(codes)


def test_bad_options_are_refused(soundstream_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="n_levels must be 1 to 46"):
        SoundStreamCodec(weights=soundstream_folder, n_levels=47)
    with pytest.raises(ArgumentError, match="space must be"):
        SoundStreamCodec(weights=soundstream_folder, space="codes")
    with pytest.raises(WeightsError, match=r"must hold soundstream_encoder\.tflite"):
        SoundStreamCodec(weights=tmp_path)


def test_a_missing_package_is_named(soundstream_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(MissingPackageError, match="pip install"):
        SoundStreamCodec(weights=soundstream_folder)
