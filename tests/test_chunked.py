"""Long inputs in chunks equal the whole, and the receptive fields that this rests on are the networks' own.

On narrow networks, and once more, slowly, on those of the real width: kernels, strides and paddings are the same.
"""

import copy
import math
from collections.abc import Callable
from contextlib import nullcontext
from functools import cache, partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from narrow_codecs import narrow_networks
from torch import Tensor, nn

from lgr.codecs import dac, encodec
from lgr.codecs.base import CodecInfo, StreamingCodec
from lgr.codecs.chunked import Conv, ConvStage, Pipeline, convolutions, lookahead, reach
from lgr.codecs.dac import DacCodec
from lgr.codecs.encodec import Encodec24Codec, Encodec48Codec
from lgr.codecs.pretrained import PretrainedCodec
from lgr.codecs.segments import Segments
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


@pytest.mark.parametrize(
    ("name", "samples", "frames", "dtype", "tolerance"),
    [
        ("encodec-24khz", 1, 1, torch.float32, 1e-4),
        ("encodec-24khz", 319, 1, torch.float32, 1e-4),
        ("encodec-24khz", 320 * 2 + 1, 1, torch.float32, 1e-4),
        ("encodec-24khz", 320 * 26 + 100, 1, torch.float64, 1e-11),
        ("encodec-24khz", 320 * 26 + 100, 3, torch.float64, 1e-11),
        ("encodec-24khz", 320 * 26 + 100, 7, torch.float32, 1e-4),
        ("encodec-24khz", 320 * 150, 40, torch.float32, 1e-4),
        ("dac-16khz", 1, 1, torch.float32, 1e-4),
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


@pytest.mark.parametrize("name", ["encodec-24khz", "dac-16khz"])
def test_streaming_equals_offline_for_ragged_and_empty_chunks(codec: Made, name: str) -> None:
    made = codec(name)
    assert isinstance(made, StreamingCodec)
    audio = noise(name, 320 * 24 + 50)
    latents = made.encode(audio)
    state, outs = None, []
    for chunk in audio.split([0, 1, 3199, 0, 3200, 7, 1323], -1):
        state, out = made.encode_step(state, chunk)
        outs.append(out)
    outs.append(made.encode_step(state, audio[..., :0], flush=True)[1])
    assert relative(torch.cat(outs, -1), latents) < 1e-4
    state, outs = None, []
    for chunk in latents.split([1, 0, 13, 11], -1):
        state, out = made.decode_step(state, chunk)
        outs.append(out)
    outs.append(made.decode_step(state, latents[..., :0], flush=True)[1])
    assert relative(torch.cat(outs, -1), made.decode(latents)) < 1e-4


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


def measured_reach(
    network: Callable[[Tensor], Tensor], signal: Tensor, outs: list[tuple[int, int]]
) -> list[tuple[int, int]]:
    """For each range of outputs the first and last input that has an influence, by the network's own gradient."""
    signal.requires_grad_()
    result = network(signal)
    found = []
    for first, last in outs:
        (gradient,) = torch.autograd.grad(result[..., first : last + 1].sum(), signal, retain_graph=True)
        felt = gradient.abs().sum((0, 1)).nonzero()
        found.append((int(felt.min()), int(felt.max())))
    return found


@pytest.mark.parametrize("name", ["encodec-24khz", "dac-16khz"])
def test_reach_is_what_the_gradient_shows(codec: Made, name: str) -> None:
    made = codec(name)
    frames = 20
    for pipeline, rows in ((made._encoder, made.info.channels), (made._decoder, made.info.latent_dim)):
        for stage in pipeline.stages:
            if not isinstance(stage, ConvStage):
                continue
            outs = [(frame * stage.out_hop, (frame + 1) * stage.out_hop - 1) for frame in (0, 10, 18)]
            positions = frames * stage.in_hop
            signal = torch.randn(1, rows, positions, generator=torch.Generator().manual_seed(0))
            wanted = [reach(stage.convs, first, last, positions) for first, last in outs]
            assert measured_reach(stage.function, signal, outs) == wanted
            rows = stage.out_channels


@pytest.mark.parametrize("causal", [True, False])
def test_reach_of_reflected_padding_at_both_edges(causal: bool) -> None:
    """A small stack of transformers' own EnCodec layers, for every output position and several lengths."""
    from transformers import EncodecConfig
    from transformers.models.encodec.modeling_encodec import EncodecConv1d

    config = EncodecConfig(use_causal_conv=causal)
    stack = nn.Sequential(EncodecConv1d(config, 1, 2, 7), EncodecConv1d(config, 2, 1, 6, stride=3)).double()
    convs = convolutions(stack)
    for length in (24, 25, 26):
        for out in range(8):
            signal = torch.randn(1, 1, length, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
            assert measured_reach(stack, signal, [(out, out)]) == [reach(convs, out, out, length)]


@pytest.mark.parametrize("name", ["encodec-24khz", "dac-16khz", "dac-24khz", "dac-44khz"])
def test_the_card_has_the_lookahead_of_the_layers(name: str) -> None:
    kind, variant = name.split("-")
    model = (encodec if kind == "encodec" else dac)._build(variant, "transformers")
    card = (encodec.CARDS | dac.CARDS)[name]
    assert lookahead(convolutions(model.encoder), convolutions(model.decoder), card.hop_length) == card.lookahead


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
    """The helper knows nothing of codecs: any odd stack of PyTorch's own layers will do."""
    generator = torch.Generator().manual_seed(5)
    stack = nn.Sequential(
        nn.Conv1d(1, 3, 5, padding=4, dilation=2),
        nn.Conv1d(3, 2, 4, stride=2, padding=1),
        nn.Conv1d(2, 2, 3, padding=1),
    ).double()
    with torch.no_grad():
        for value in stack.parameters():
            value.copy_(torch.randn(value.shape, generator=generator))
        signal = torch.randn(2, 1, 46, generator=generator, dtype=torch.float64)
        pipeline = Pipeline((ConvStage(stack, tuple(convolutions(stack)), 2, 1, 2),))
        assert relative(pipeline.whole(signal, 1), stack(signal)) < 1e-13


def test_conv_reads_by_hand() -> None:
    plain = Conv(kernel=4, stride=2, left=1, total=2, transposed=False, reflect=False)
    assert plain.output_length(10) == 5
    assert plain.reads(0, 0, 10) == (0, 2)
    assert plain.reads(2, 4, 10) == (3, 9)
    mirrored = Conv(kernel=4, stride=1, left=3, total=3, transposed=False, reflect=True)
    assert mirrored.reads(0, 0, None) == (0, 3)
    up = Conv(kernel=4, stride=2, left=1, total=2, transposed=True, reflect=False)
    assert up.output_length(5) == 10
    assert up.reads(4, 4, 5) == (1, 2)


@pytest.mark.parametrize("frames", [1, 149, 150, 151, 200, 298, 299, 300, 1000])
@pytest.mark.parametrize("per_frame", [1, 3])
def test_segment_weights_sum_to_one(frames: int, per_frame: int) -> None:
    segments = Segments(frames, 150, 148)
    total = torch.zeros(frames * per_frame)
    for index, start in enumerate(segments.starts):
        weight = segments.weight(index, per_frame)
        assert len(weight) == min(150, frames) * per_frame
        assert weight.min() >= 0
        total[start * per_frame : start * per_frame + len(weight)] += weight
    torch.testing.assert_close(total, torch.ones(frames * per_frame), rtol=0, atol=1e-6)


@given(frames=st.integers(1, 400), length=st.integers(2, 40), data=st.data())
@settings(max_examples=40, deadline=None)
def test_segments_of_any_length_cover_a_file_once(frames: int, length: int, data: st.DataObject) -> None:
    stride = length - data.draw(st.integers(1, length // 2))
    segments = Segments(frames, length, stride)
    total = torch.zeros(frames * 2)
    for index, start in enumerate(segments.starts):
        weight = segments.weight(index, 2)
        total[start * 2 : start * 2 + len(weight)] += weight
    torch.testing.assert_close(total, torch.ones(frames * 2), rtol=0, atol=1e-6)
    assert segments.starts[-1] + length == max(frames, length)  # the last one is as long as the others


def test_a_segment_fades_in_along_a_line() -> None:
    segments = Segments(35, 20, 15)
    assert segments.starts == [0, 15]
    rise = (torch.arange(400) + 0.5) / 400
    torch.testing.assert_close(segments.weight(1, 80), torch.cat([rise, torch.ones(1200)]), rtol=0, atol=1e-6)
    torch.testing.assert_close(segments.weight(0, 80), torch.cat([torch.ones(1200), 1 - rise]), rtol=0, atol=1e-6)


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
    with pytest.raises(ShapeError, match=r"codes must be \(batch, 32, frames\) for encodec-24khz, got \(1, 4, 9\)"):
        made.dequantize(torch.zeros(1, 4, 9, dtype=torch.int64))
    with pytest.raises(ArgumentError, match=r"codes must be int64 from 0 to 1023, got torch.int64 from 0 to 1024"):
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
