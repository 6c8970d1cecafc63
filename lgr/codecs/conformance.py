"""What every codec promises, as functions that other packages' tests can call; nothing here needs pytest.

A package that registers a codec holds it to the protocol in its own tests::

    import pytest
    from lgr.codecs import load_codec
    from lgr.codecs.conformance import CHECKS

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_my_codec_is_a_codec(check):
        check(load_codec("my-codec"))

or, in one go, ``check_codec(load_codec("my-codec"))``. Each check returns nothing, or raises ``AssertionError`` with a
sentence. Sounds are seeded noise of a few hops, so that random weights and slow codecs do (longer where the declared
look-ahead is).
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from lgr.codecs.base import Codec, DiscreteCodec, StreamingCodec
from lgr.errors import ArgumentError, ShapeError

TOLERANCE = 1e-5  # of the largest value, for what is computed twice along other ways
PRECISION = {torch.float64: 1e-4, torch.float16: 0.02}  # the same, for inputs of another type
LONG_LOOKAHEAD_HOPS = 8  # from here on a stream must be long before anything comes out: one of them is enough


def check_codec(codec: Codec) -> None:
    """Every one of ``CHECKS``.

    Raises
    ------
    AssertionError : the codec breaks a promise; the sentence says which
    """
    for check in CHECKS:
        check(codec)


def check_lengths(codec: Codec) -> None:
    """Frames and samples as many as ``info`` says, of the declared sizes; float32 for float32."""
    info = codec.info
    hop = info.hop_length
    for samples in (1, 2, hop - 1, hop, hop + 1, 3 * hop + 1):
        frames = -(-samples // hop)
        latents = codec.encode(noise(codec, samples))
        _equal("the type of latents", latents.dtype, torch.float32)
        _equal(f"the shape of {samples} samples' latents", tuple(latents.shape), (1, info.latent_dim, frames))
        decoded = codec.decode(latents)
        _equal(f"the shape of {frames} frames' audio", tuple(decoded.shape), (1, info.channels, frames * hop))
        features = codec.features(latents)
        _equal(f"batch and frames of {frames} frames' features", features.shape[::2], (1, frames))
        _hold(features.shape[1] >= 1, "features must have at least one dimension")


def check_bad_audio_is_refused(codec: Codec) -> None:
    """``ShapeError`` for other shapes and for nothing at all, ``ArgumentError`` for integers."""
    channels = codec.info.channels
    for shape in ((1, channels, 0), (0, channels, 100), (1, channels + 1, 100), (channels, 100), (1, 1, channels, 100)):
        _refused(ShapeError, "audio must", codec.encode, torch.zeros(shape))
    _refused(
        ArgumentError, "audio must be floating point", codec.encode, torch.zeros(1, channels, 1000, dtype=torch.int16)
    )


def check_bad_latents_are_refused(codec: Codec) -> None:
    """``decode`` and ``features`` refuse the same of latents."""
    size = codec.info.latent_dim
    for call in (codec.decode, codec.features):
        for shape in ((1, size, 0), (0, size, 5), (1, size + 1, 5), (size, 5)):
            _refused(ShapeError, "latents must", call, torch.zeros(shape))
        _refused(ArgumentError, "latents must be floating point", call, torch.zeros(1, size, 5, dtype=torch.int64))


def check_determinism(codec: Codec) -> None:
    """The same twice, another input between: nothing is remembered from call to call, and inputs are left alone."""
    audio = noise(codec, 2 * codec.info.hop_length + 5)
    kept = audio.clone()
    latents = codec.encode(audio)
    kept_latents = latents.clone()
    decoded = codec.decode(latents)
    other = codec.encode(noise(codec, codec.info.hop_length, seed=1))
    codec.decode(other)
    _hold(torch.equal(codec.encode(audio), latents), "the same audio must be encoded to the same latents again")
    _hold(torch.equal(codec.decode(latents), decoded), "the same latents must be decoded to the same audio again")
    _hold(torch.equal(audio, kept), "encode must leave its input as it is")
    _hold(torch.equal(latents, kept_latents), "decode must leave its input as it is")


def check_no_gradients(codec: Codec) -> None:
    """``encode`` and ``decode`` build no autograd graph."""
    latents = codec.encode(noise(codec, 2 * codec.info.hop_length).requires_grad_())
    _hold(not latents.requires_grad, "encode must build no autograd graph")
    _hold(not codec.decode(latents.requires_grad_()).requires_grad, "decode must build no autograd graph")


def check_silence(codec: Codec) -> None:
    """Digital silence has finite latents, features and audio."""
    latents = codec.encode(torch.zeros(1, codec.info.channels, 3 * codec.info.hop_length))
    for what, tensor in (("latents", latents), ("audio", codec.decode(latents)), ("features", codec.features(latents))):
        _hold(bool(tensor.isfinite().all()), f"the {what} of silence must be finite")


def check_types_follow_the_input(codec: Codec, device: str | torch.device = "cpu") -> None:
    """Outputs have the input's device and dtype, and the numbers of float32 within rounding."""
    for dtype, tolerance in PRECISION.items():
        audio = noise(codec, 2 * codec.info.hop_length).to(device, dtype)
        latents = codec.encode(audio)
        decoded = codec.decode(latents)
        for tensor in (latents, decoded, codec.features(latents)):
            _equal("the type of what comes back", tensor.dtype, dtype)
            _equal("the device of what comes back", tensor.device.type, torch.device(device).type)
        # against float32 results of the same, already rounded numbers: a decoder may be steep
        _close(f"latents of {dtype}", latents.cpu().float(), codec.encode(audio.cpu().float()), tolerance)
        _close(f"audio of {dtype}", decoded.cpu().float(), codec.decode(latents.cpu().float()), tolerance)


def check_causality(codec: Codec) -> None:
    """Other input from some sample on changes no output that the look-ahead puts before it, and changes the rest."""
    info = codec.info
    hop = info.hop_length
    start = -(-info.lookahead // hop) * hop + 3 * hop
    audio = noise(codec, start + 2 * hop)
    changed = torch.cat([audio[:, :, :start], noise(codec, 2 * hop, seed=1)], dim=2)
    # output n may depend on input before (n // hop + 1) * hop + lookahead; so these frames may not change
    frames = (start - info.lookahead) // hop
    for what, run, unit in (("latents", codec.encode, 1), ("audio", codec.decode, hop)):
        audio, changed = run(audio), run(changed)
        _close(
            f"{what} before the declared look-ahead", changed[..., : frames * unit], audio[..., : frames * unit], 1e-6
        )
        later = start // hop * unit
        same = torch.allclose(changed[..., later:], audio[..., later:])
        _hold(not same, f"{what} must depend on the input of their own time")


def check_batch(codec: Codec) -> None:
    """A batch is its items, each alone."""
    audio = noise(codec, 2 * codec.info.hop_length + 7, batch=2)
    latents = codec.encode(audio)
    decoded = codec.decode(latents)
    features = codec.features(latents)
    for item in range(2):
        one = slice(item, item + 1)
        _close(f"latents of item {item} of a batch", codec.encode(audio[one]), latents[one])
        _close(f"audio of item {item} of a batch", codec.decode(latents[one]), decoded[one])
        _close(f"features of item {item} of a batch", codec.features(latents[one]), features[one])


def check_codes(codec: Codec) -> None:
    """A ``DiscreteCodec``'s codes are int64 from 0, and give latents that ``decode`` accepts; others have no codes."""
    if not isinstance(codec, DiscreteCodec):
        _hold(not hasattr(codec, "quantize"), "a codec with quantize must have dequantize, too")
        return
    latents = codec.encode(noise(codec, 2 * codec.info.hop_length, batch=2))
    codes = codec.quantize(latents)
    _equal("the type of codes", codes.dtype, torch.int64)
    _equal("the shape of codes", codes.shape, (2, codec.n_codebooks, 2))
    _hold(0 <= int(codes.min()) <= int(codes.max()) < codec.code_entries, "codes must be from 0 to code_entries - 1")
    restored = codec.dequantize(codes)
    _equal("the shape of dequantized latents", restored.shape, latents.shape)
    _hold(bool(restored.isfinite().all()), "dequantized latents must be finite")
    _equal(
        "the shape of their audio",
        tuple(codec.decode(restored[:1]).shape),
        (1, codec.info.channels, 2 * codec.info.hop_length),
    )
    _close("codes of one item of a batch", codec.dequantize(codec.quantize(latents[:1])), restored[:1])


def check_streaming(codec: Codec) -> None:
    """A ``StreamingCodec``'s steps over random chunks, plus the flush, are the offline result; others have no steps."""
    if not isinstance(codec, StreamingCodec):
        _hold(not hasattr(codec, "encode_step"), "a codec with encode_step must have decode_step, too")
        return
    info = codec.info
    long = info.lookahead > LONG_LOOKAHEAD_HOPS * info.hop_length
    for seed in range(1 if long else 3):
        generator = torch.Generator().manual_seed(seed)
        audio = noise(codec, 12 * info.hop_length + info.lookahead + 33, batch=1 if long else 2, seed=seed)
        latents = codec.encode(audio)
        _close("latents of a stream", _streamed(codec.encode_step, audio, 2 * info.hop_length, generator), latents)
        _close("audio of a stream", _streamed(codec.decode_step, latents, 2, generator), codec.decode(latents))


def check_states_are_values(codec: Codec) -> None:
    """Stepping a state twice gives the same twice, whatever was stepped from it in between."""
    if not isinstance(codec, StreamingCodec):
        return
    audio = noise(codec, 5 * codec.info.hop_length)
    latents = codec.encode(audio)
    for step, whole, unit in ((codec.encode_step, audio, codec.info.hop_length), (codec.decode_step, latents, 1)):
        state, _ = step(None, whole[:, :, : 3 * unit])
        first = step(state, whole[:, :, 3 * unit :], flush=True)[1]
        step(state, -whole[:, :, :unit])
        again = step(state, whole[:, :, 3 * unit :], flush=True)[1]
        _hold(torch.equal(again, first), "a state must not change when it is stepped")


CHECKS: tuple[Callable[[Codec], None], ...] = (
    check_lengths,
    check_bad_audio_is_refused,
    check_bad_latents_are_refused,
    check_determinism,
    check_no_gradients,
    check_silence,
    check_types_follow_the_input,
    check_causality,
    check_batch,
    check_codes,
    check_streaming,
    check_states_are_values,
)


def noise(codec: Codec, samples: int, *, batch: int = 1, seed: int = 0) -> Tensor:
    """Seeded noise that swells and fades, (batch, channels, samples), peaks near 0.5."""
    generator = torch.Generator().manual_seed(seed)
    audio = torch.randn(batch, codec.info.channels, samples, generator=generator)
    return 0.15 * audio * (0.6 + 0.4 * torch.sin(torch.arange(samples) / 900))


def _streamed(
    step: Callable[..., tuple[Any, Tensor]], whole: Tensor, largest: int, generator: torch.Generator
) -> Tensor:
    """The outputs of steps over chunks of random lengths from 0 to ``largest``, and of an empty flush."""
    sizes: list[int] = []
    while sum(sizes) < whole.shape[2]:
        size = int(torch.randint(0, largest + 1, (), generator=generator))
        sizes.append(min(size, whole.shape[2] - sum(sizes)))
    state, outs = None, []
    for chunk in torch.split(whole, sizes, dim=2):
        state, out = step(state, chunk)
        outs.append(out)
    outs.append(step(state, whole[:, :, :0], flush=True)[1])
    return torch.cat(outs, dim=2)


def _hold(holds: bool, sentence: str) -> None:
    # not an assert statement, which Python leaves out when asked to optimise
    if not holds:
        raise AssertionError(sentence)


def _equal(what: str, got: object, expected: object) -> None:
    _hold(got == expected, f"{what} must be {expected}, got {got}")


def _close(what: str, got: Tensor, expected: Tensor, tolerance: float = TOLERANCE) -> None:
    """Equal within ``tolerance`` of the expected tensor's largest value."""
    _equal(f"the shape of {what}", got.shape, expected.shape)
    within = tolerance * max(float(expected.abs().max()), 1e-3)
    apart = float((got - expected).abs().max())
    _hold(apart <= within, f"{what} must be the same within {within:.3g}, and differ by {apart:.3g}")


def _refused(error: type[Exception], says: str, call: Callable[[Tensor], Any], given: Tensor) -> None:
    what = f"{getattr(call, '__name__', call)} of {tuple(given.shape)} {given.dtype}"
    try:
        call(given)
    except error as refusal:
        _hold(says in str(refusal), f"{what} must be refused with {says!r}, got {str(refusal)!r}")
    else:
        raise AssertionError(f"{what} must be refused with {error.__name__}, and was not")
