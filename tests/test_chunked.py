"""A network in any chunks is the network on the whole, and an output comes as soon as all that it reads has come.

On narrow networks, and once more, slowly, on those of the real width: kernels, strides and paddings are the same.
"""

import copy
import math
from collections.abc import Callable
from contextlib import nullcontext
from functools import cache, partial
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from narrow_codecs import narrow_networks
from torch import Tensor, nn

from lgr.codecs import dac, encodec
from lgr.codecs.base import CodecInfo, StreamingCodec
from lgr.codecs.checkpoints import load_plain
from lgr.codecs.chunked import Pipeline, WholeFrames, lookahead, stream_of
from lgr.codecs.dac import DacCodec
from lgr.codecs.encodec import Encodec24Codec, Encodec48Codec
from lgr.codecs.pretrained import PretrainedCodec
from lgr.errors import ArgumentError, ShapeError

MADE = {"encodec-24khz": Encodec24Codec, "encodec-48khz": Encodec48Codec, "dac-16khz": partial(DacCodec, "16khz")}
NAMES = list(MADE)


Made = Callable[..., PretrainedCodec]


@cache
def made_of(width: str, name: str, dtype: torch.dtype = torch.float32, **options: object) -> PretrainedCodec:
    state = weights(width, name)
    with narrow_networks() if width == "narrow" else nullcontext():
        return MADE[name](state=state, dtype=dtype, **options)


@cache
def weights(width: str, name: str) -> dict[str, Tensor]:
    kind, variant = name.split("-")
    with narrow_networks() if width == "narrow" else nullcontext():
        return (encodec if kind == "encodec" else dac).random_weights(variant, seed=3)


@pytest.fixture(params=["narrow", pytest.param("real", marks=pytest.mark.slow)])
def codec(request: pytest.FixtureRequest) -> Made:
    """Makes a codec of a name, a type and options with seeded random weights; the same one each time."""
    return partial(made_of, request.param)


def noise(name: str, samples: int, dtype: torch.dtype = torch.float32) -> Tensor:
    generator = torch.Generator().manual_seed(samples)
    channels = (encodec.CARDS | dac.CARDS)[name].channels
    swell = torch.linspace(0.02, 0.5, samples, dtype=dtype)  # loudness that differs from segment to segment
    return torch.randn(1, channels, samples, generator=generator, dtype=dtype) * swell


def relative(got: Tensor, wanted: Tensor) -> float:
    """The largest difference in units of the wanted signal's RMS."""
    assert got.shape == wanted.shape
    return float((got - wanted).abs().max() / wanted.square().mean().sqrt())


@cache
def networks(width: str, name: str) -> tuple[nn.Module, nn.Module]:
    """The encoder and the decoder as transformers run them, in float64."""
    module = encodec if name.startswith("encodec") else dac
    with narrow_networks() if width == "narrow" else nullcontext():
        model: Any = module._build(name.split("-")[1], "transformers")
    load_plain(model, weights(width, name), module.transformers_name)
    model.eval().requires_grad_(False).double()
    return model.encoder, model.decoder


def split(whole: Tensor, sizes: list[int]) -> list[Tensor]:
    """Chunks of ``sizes``, over and over, until all of ``whole`` is in them."""
    sizes = sizes if any(sizes) else [1]
    chunks, at = [], 0
    while at < whole.shape[-1]:
        chunks.append(whole[..., at : at + sizes[len(chunks) % len(sizes)]])
        at += chunks[-1].shape[-1]
    return chunks


def streamed(step: Callable[..., tuple[Any, Tensor]], chunks: list[Tensor], empty_end: bool) -> Tensor:
    """What the steps give, the last chunk or an empty one after it being the end; chunks are overwritten after use."""
    chunks = [*chunks, chunks[-1][..., :0]] if empty_end else chunks
    state, outs = None, []
    for index, chunk in enumerate(chunks):
        given_away = chunk.clone()
        state, out = step(state, given_away, flush=index == len(chunks) - 1)
        outs.append(out.clone())
        given_away.fill_(math.nan)
    return torch.cat(outs, -1)


SIZES = st.lists(st.one_of(st.integers(0, 3), st.integers(0, 700), st.integers(0, 9000)), min_size=1, max_size=6)


@pytest.mark.parametrize("name", ["encodec-24khz", "dac-16khz"])
@given(samples=st.one_of(st.integers(1, 20), st.integers(1, 9000)), sizes=SIZES, empty_end=st.booleans())
@settings(max_examples=15, deadline=None)
def test_any_chunks_are_what_the_network_makes_of_the_whole(
    name: str, samples: int, sizes: list[int], empty_end: bool
) -> None:
    if samples > 300 and max(sizes) < 10:
        sizes = [*sizes, 500]  # samples one by one are tried below
    made, (encoder, decoder) = made_of("narrow", name, torch.float64), networks("narrow", name)
    assert isinstance(made, StreamingCodec)
    audio = noise(name, samples, torch.float64)
    latents = encoder(audio if name.startswith("encodec") else F.pad(audio, (0, -samples % 320)))
    assert relative(streamed(made.encode_step, split(audio, sizes), empty_end), latents) < 1e-10
    whole = decoder(latents)
    whole = F.pad(whole, (0, latents.shape[-1] * 320 - whole.shape[-1]))  # DAC's 8 samples that are not there
    frames = [size // 300 for size in sizes]
    assert relative(streamed(made.decode_step, split(latents, frames), empty_end), whole) < 1e-10


@pytest.mark.parametrize(("name", "seconds"), [("encodec-24khz", 10), ("dac-16khz", 1)])
def test_one_by_one_and_all_at_once(name: str, seconds: int) -> None:
    made = made_of("narrow", name)
    assert isinstance(made, StreamingCodec)
    audio = noise(name, seconds * made.info.sample_rate)
    latents = made.encode(audio)
    assert relative(streamed(made.encode_step, [audio], True), latents) < 1e-4
    chunks = [*audio[..., :900].split(1, -1), audio[..., 900:]]
    assert relative(streamed(made.encode_step, chunks, False), latents) < 1e-4
    chunks = [*latents[..., :30].split(1, -1), latents[..., 30:]]
    assert relative(streamed(made.decode_step, chunks, False), made.decode(latents)) < 1e-4


@pytest.mark.parametrize(
    ("name", "samples", "frames", "dtype", "tolerance"),
    [
        ("encodec-24khz", 320 * 26 + 100, 1, torch.float64, 1e-11),
        ("encodec-24khz", 320 * 150, 40, torch.float32, 1e-4),
        ("dac-16khz", 320 * 2 + 1, 1, torch.float32, 1e-4),
        ("dac-16khz", 320 * 24 + 100, 9, torch.float32, 1e-4),
    ],
)
def test_any_chunk_length_gives_the_whole(
    codec: Made, name: str, samples: int, frames: int, dtype: torch.dtype, tolerance: float
) -> None:
    whole = codec(name, dtype)
    chunked = copy.copy(whole)
    chunked._chunk_frames = frames
    audio = noise(name, samples, dtype)
    latents = whole.encode(audio)
    assert latents.shape == (1, whole.info.latent_dim, whole.info.frames(samples))
    assert relative(chunked.encode(audio), latents) < tolerance
    assert relative(chunked.decode(latents), whole.decode(latents)) < tolerance


def test_segments_at_48khz_do_not_depend_on_the_chunk_length(codec: Made) -> None:
    whole = codec("encodec-48khz")  # 10 s of segments at once
    chunked = codec("encodec-48khz", chunk_seconds=0.1)  # one at a time
    audio = noise("encodec-48khz", 320 * 310 + 77)
    latents = whole.encode(audio)
    assert relative(chunked.encode(audio), latents) < 1e-4
    assert relative(chunked.decode(latents), whole.decode(latents)) < 1e-4


def test_a_streams_state_is_a_value(codec: Made) -> None:
    made = codec("encodec-24khz")
    assert isinstance(made, StreamingCodec)
    first, second = noise("encodec-24khz", 6400).split(3200, -1)
    state, _ = made.encode_step(None, first)
    once = made.encode_step(state, second, flush=True)[1]
    again = made.encode_step(state, second, flush=True)[1]
    assert torch.equal(once, again)


def test_a_stream_that_ends_before_it_began_gives_nothing(codec: Made) -> None:
    made = codec("dac-16khz")
    assert isinstance(made, StreamingCodec)
    _, latents = made.encode_step(None, torch.zeros(1, 1, 0), flush=True)
    assert latents.shape == (1, 1024, 0)


def test_only_what_can_stream_says_so(codec: Made) -> None:
    assert not isinstance(codec("encodec-48khz"), StreamingCodec)


def last_read(network: Callable[[Tensor], Tensor], signal: Tensor, outputs: int) -> int:
    """The last input that has an influence on the first ``outputs`` outputs, by the network's own gradient."""
    signal.requires_grad_()
    (gradient,) = torch.autograd.grad(network(signal)[..., :outputs].sum(), signal)
    return int(gradient.abs().sum((0, 1)).nonzero().max())


@pytest.mark.parametrize("name", ["encodec-24khz", "dac-16khz"])
@pytest.mark.parametrize("width", ["narrow", pytest.param("real", marks=pytest.mark.slow)])
def test_what_an_output_needs_is_what_the_gradient_shows(width: str, name: str) -> None:
    for network, rows, hops in zip(
        networks(width, name), (1, {"encodec": 128}.get(name[:7], 1024)), (320, 1), strict=True
    ):
        stream = stream_of(network)
        signal = torch.randn(1, rows, 24 * hops, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        for frame in (1, 2, 9):
            outputs = frame * 320 // hops
            assert stream.needs(outputs) == last_read(network, signal, outputs) + 1


@pytest.mark.parametrize("name", ["encodec-24khz", "dac-16khz"])
def test_an_output_comes_as_soon_as_it_may(name: str) -> None:
    """Not a sample later, and with what is declared."""
    made = made_of("narrow", name)
    hop, latent = made.info.hop_length, torch.zeros(1, made.info.latent_dim, 1)
    for frame in (1, 2, 12):
        needed = made._encoder.needs(frame)
        state, early = made.encode_step(None, noise(name, needed - 1))
        _, then = made.encode_step(state, noise(name, 1))
        assert early.shape[2] < frame <= early.shape[2] + then.shape[2]
        latents = made._decoder.needs(frame * hop)
        state, early = made.decode_step(None, latent.expand(-1, -1, latents - 1))
        _, then = made.decode_step(state, latent)
        assert early.shape[2] < frame * hop <= early.shape[2] + then.shape[2]
        assert made._encoder.needs(latents) <= frame * hop + made.info.lookahead
    steady = made._encoder.needs(made._decoder.needs(1000 * hop)) - 1000 * hop
    assert steady == (0 if name == "encodec-24khz" else made.info.lookahead)


@pytest.mark.parametrize("length", range(30))
def test_reflection_at_both_ends_of_streams_however_short(length: int) -> None:
    """A small stack of transformers' own EnCodec layers; shorter than its padding, too."""
    from transformers import EncodecConfig
    from transformers.models.encodec.modeling_encodec import EncodecConv1d, EncodecConvTranspose1d

    config = EncodecConfig()
    generator = torch.Generator().manual_seed(length)
    torch.manual_seed(0)
    stack = nn.Sequential(
        EncodecConv1d(config, 1, 2, 7),
        EncodecConv1d(config, 2, 3, 10, stride=5),
        EncodecConvTranspose1d(config, 3, 2, 6, stride=3),
        EncodecConv1d(config, 2, 1, 3, dilation=2),
    ).double()
    with torch.no_grad():
        stream = stream_of(stack)
        signal = torch.randn(2, 1, length, generator=generator, dtype=torch.float64)
        if length == 0:
            assert stream.step(None, signal, flush=True)[1].shape == (2, 1, 0)
            return
        whole = stack(signal)
        for sizes in ([1], [2, 0, 3], [7, 1], [length]):
            for empty_end in (False, True):
                torch.testing.assert_close(streamed(stream.step, split(signal, sizes), empty_end), whole)


@pytest.mark.parametrize("name", ["encodec-24khz", "dac-16khz", "dac-24khz", "dac-44khz"])
def test_the_card_has_the_lookahead_of_the_layers(name: str) -> None:
    kind, variant = name.split("-")
    model = (encodec if kind == "encodec" else dac)._build(variant, "transformers")
    card = (encodec.CARDS | dac.CARDS)[name]
    decoder = Pipeline((stream_of(model.decoder), WholeFrames(card.hop_length, held=True)))
    assert lookahead(stream_of(model.encoder), decoder, card.hop_length) == card.lookahead


@pytest.mark.parametrize("name", NAMES)
def test_lookahead_holds(codec: Made, name: str) -> None:
    """Audio changed from some sample on leaves alone what came more than the look-ahead, and a hop, before it."""
    made = codec(name)
    info = made.info
    frames = {"encodec-24khz": 16, "encodec-48khz": 450, "dac-16khz": 33}[name]
    audio = noise(name, frames * info.hop_length)
    # at 24 kHz the look-ahead is at the start only; at 48 kHz it is longest from where a segment fades in
    frame = {"encodec-24khz": 0, "encodec-48khz": 148, "dac-16khz": 12}[name]
    edge = (frame + 1) * info.hop_length + info.lookahead
    before = made.decode(made.encode(audio))
    # the furthest influence is faint: that the reach is not too long either, the gradient shows above
    for start, same in ((edge, True), (edge - min(4 * info.hop_length, info.lookahead), False)):
        changed = audio.clone()
        changed[..., start:] += 0.5
        after = made.decode(made.encode(changed))
        end = (frame + 1) * info.hop_length
        assert torch.equal(after[..., :end], before[..., :end]) == same


def test_a_plain_padded_stack_in_chunks_of_one() -> None:
    """The layers know nothing of codecs: any odd stack of PyTorch's own will do."""
    generator = torch.Generator().manual_seed(5)
    stack = nn.Sequential(
        nn.Conv1d(1, 3, 5, padding=4, dilation=2),
        nn.Conv1d(3, 2, 4, stride=2, padding=1),
        nn.Tanh(),
        nn.ConvTranspose1d(2, 2, 5, stride=2, padding=1, bias=False),
        nn.Conv1d(2, 2, 3, padding=1),
    ).double()
    with torch.no_grad():
        for value in stack.parameters():
            value.copy_(torch.randn(value.shape, generator=generator))
        signal = torch.randn(2, 1, 46, generator=generator, dtype=torch.float64)
        assert relative(stream_of(stack).whole(signal, 1), stack(signal)) < 1e-13


def test_needs_by_hand() -> None:
    plain = stream_of(nn.Sequential(nn.Conv1d(1, 1, 4, stride=2, padding=1)))
    assert [plain.needs(n) for n in (1, 3)] == [3, 7]
    up = stream_of(nn.Sequential(nn.ConvTranspose1d(1, 1, 4, stride=2, padding=1)))
    assert [up.needs(n) for n in (1, 2, 4)] == [1, 2, 3]  # of n inputs 2 n - 1 outputs are done
    frames = WholeFrames(5, held=True)
    assert [frames.needs(n) for n in (1, 5, 6)] == [5, 5, 10]


def test_48khz_carries_loudness(codec: Made) -> None:
    made = codec("encodec-48khz", torch.float64)
    audio = noise("encodec-48khz", 320 * 40, torch.float64)
    loud, quiet = made.encode(audio), made.encode(audio / 10)
    assert made.features(loud).shape == (1, 128, 40)
    torch.testing.assert_close(made.features(loud), made.features(quiet))
    step = torch.full((1, 40), math.log(10), dtype=torch.float64)
    torch.testing.assert_close(loud[:, 128] - quiet[:, 128], step, rtol=0, atol=1e-6)
    assert relative(made.decode(loud), 10 * made.decode(quiet)) < 1e-5
    codes = made.quantize(loud)
    assert codes.shape == (1, 17, 40)
    level_error_db = (made.dequantize(codes)[:, 128] - loud[:, 128]).abs().max() * 8.686
    assert level_error_db <= 1 / 16 + 1e-4


def test_arguments_and_chunks_are_checked(codec: Made) -> None:
    with pytest.raises(ArgumentError, match="variant must be one of 24khz, 48khz, got '32khz'"):
        encodec.random_weights("32khz")
    with pytest.raises(ArgumentError, match="variant must be one of 16khz, 24khz, 44khz, got '32khz'"):
        DacCodec("32khz")
    with pytest.raises(ArgumentError, match="n_levels must be 1 to 32 for encodec-24khz, got 33"):
        codec("encodec-24khz", n_levels=33)
    with pytest.raises(ArgumentError, match="chunk_seconds must be above 0, got nan"):
        codec("encodec-24khz", chunk_seconds=float("nan"))
    with pytest.raises(ArgumentError, match="space must be one of latent, quantized, got 'codes'"):
        codec("dac-16khz", space="codes")
    with pytest.raises(ArgumentError, match=r"dtype must be one of .*, got torch.int8"):
        codec("dac-16khz", torch.int8)
    made = codec("encodec-24khz")
    assert isinstance(made, StreamingCodec)
    with pytest.raises(ShapeError, match=r"audio must be a floating \(batch, 1, length >= 0\)"):
        made.encode_step(None, torch.zeros(1, 2, 10))
    with pytest.raises(ShapeError, match=r"codes must be \(batch, 1 to 32 levels, frames\) for encodec-24khz, got"):
        made.dequantize(torch.zeros(1, 33, 9, dtype=torch.int64))
    with pytest.raises(
        ArgumentError, match=r"codes must be int64 from 0 to 1023 for encodec-24khz, got torch.int64 from 0 to"
    ):
        made.dequantize(torch.arange(1025).expand(1, 32, -1))


def test_a_copy_is_of_the_same_variant(codec: Made) -> None:
    assert copy.copy(codec("encodec-48khz")).info.name == "encodec-48khz"


@pytest.mark.parametrize("name", NAMES)
def test_a_codec_says_which_latents_it_gives(codec: Made, name: str) -> None:
    plain = codec(name, n_levels=3).info
    assert (plain.version, plain.options) == ("", {})
    coarse = codec(name, n_levels=3, space="quantized").info
    assert (coarse.version, coarse.options) == ("quantized/3", {"space": "quantized", "n_levels": 3})
    assert CodecInfo.from_json(coarse.to_json()) == coarse
    assert "space" not in coarse.to_json()  # a file says it by its version, as ever
