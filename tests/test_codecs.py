"""The conformance suite on every codec, and on codecs with a fault; what is particular to the toy codec.

Downloaded codecs run here on their real architectures with seeded random weights, most of them with narrow networks
(the real widths are slow); SoundStream on its real ones where this machine has them.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from narrow_codecs import narrow_networks
from torch import Tensor

from lgr.codecs import Codec, CodecInfo, ToyCodec, load_codec
from lgr.codecs.conformance import CHECKS, check_codec, check_types_follow_the_input, noise
from lgr.codecs.registry import DOWNLOADED, shipped_models
from lgr.errors import ArgumentError
from lgr.files import assets_dir

RANDOM = [name for name, row in DOWNLOADED.items() if hasattr(row.open_factory(), "random")]
BUNDLED = ["bundled"] if (assets_dir() / "models" / "bundled" / "model.safetensors").is_file() else []
NAMES = [
    "toy",
    "toy-small",
    "toy-stereo",
    *BUNDLED,
    *shipped_models(),
    *(pytest.param(name, marks=pytest.mark.weights) for name in DOWNLOADED if name not in RANDOM),
    *(f"{name}-narrow" for name in RANDOM),
    *(name if name == "encodec-24khz" else pytest.param(name, marks=pytest.mark.slow) for name in RANDOM),
]


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
    if name.endswith("-narrow"):
        with narrow_networks():
            return random_codec(name.removesuffix("-narrow"))
    return load_codec(name)


def types_follow_the_input_on_a_gpu(codec: Codec) -> None:
    check_types_follow_the_input(codec, "cuda")


HERE = [*CHECKS, *([types_follow_the_input_on_a_gpu] if torch.cuda.is_available() else [])]


@pytest.mark.parametrize("check", HERE, ids=lambda check: check.__name__)
def test_conformance(codec: Codec, check: Callable[[Codec], None]) -> None:
    check(codec)


class Faulty(ToyCodec):
    """The toy codec with one fault, named when it is made; each is one that a check must find."""

    def __init__(self, fault: str) -> None:
        super().__init__(latent_dim=24)
        self.fault, self.calls = fault, 0

    @property
    def info(self) -> CodecInfo:
        return replace(super().info, lookahead=0)

    def encode(self, audio: Tensor) -> Tensor:
        self.calls += 1
        if self.fault == "no frames for a part of a hop":
            audio = audio[..., : max(1, audio.shape[2] // 320) * 320]
        if self.fault == "takes any number of channels" and audio.ndim == 3 and audio.shape[1] != 1:
            return torch.zeros(1, 24, 1)
        latents = super().encode(audio)
        if self.fault == "remembers its calls":
            return latents + self.calls
        if self.fault == "float32 only":
            return latents.float()
        if self.fault == "hears what is yet to come":
            return latents + latents.roll(-1, 2)
        if self.fault == "hears the others of its batch":
            return latents + latents.mean(0, keepdim=True)
        if self.fault == "writes into its input":
            audio *= 0.5
        return latents

    def decode(self, latents: Tensor) -> Tensor:
        if self.fault == "takes integers" and not latents.is_floating_point():
            return torch.zeros(1, 1, 320)
        decoded = super().decode(latents)
        return decoded / decoded.abs().max() if self.fault == "nothing over nothing" else decoded

    def encode_step(self, state: Any, audio: Tensor, *, flush: bool = False) -> tuple[Any, Tensor]:
        if self.fault == "drops what is left over" and state is not None:
            state = replace(state, pending=state.pending[..., :0])
        return super().encode_step(state, audio, flush=flush)

    def decode_step(self, state: Any, latents: Tensor, *, flush: bool = False) -> tuple[Any, Tensor]:
        if self.fault != "writes into its states":
            return super().decode_step(state, latents, flush=flush)
        state = [0.0] if state is None else state
        state[0] += 1.0
        return state, super().decode_step(None, latents)[1] * (state[0] if flush else 1.0)


@pytest.mark.parametrize(
    ("fault", "check", "sentence"),
    [
        ("no frames for a part of a hop", "check_lengths", r"the shape of 321 samples' latents must be \(1, 24, 2\)"),
        (
            "takes any number of channels",
            "check_bad_audio_is_refused",
            r"encode of \(1, 2, 100\) .* ShapeError, and was not",
        ),
        ("takes integers", "check_bad_latents_are_refused", "decode of .*int64 must be refused with ArgumentError"),
        ("remembers its calls", "check_determinism", "the same audio must be encoded to the same latents again"),
        ("writes into its input", "check_determinism", "the same audio must be|encode must leave its input as it is"),
        ("nothing over nothing", "check_silence", "the audio of silence must be finite"),
        ("float32 only", "check_types_follow_the_input", "the type of what comes back must be torch.float64"),
        ("hears what is yet to come", "check_causality", "latents before the declared look-ahead must be the same"),
        ("hears the others of its batch", "check_batch", "latents of item 0 of a batch must be the same"),
        ("drops what is left over", "check_streaming", "latents of a stream must be"),
        ("writes into its states", "check_states_are_values", "a state must not change when it is stepped"),
    ],
)
def test_a_fault_is_found_and_said(fault: str, check: str, sentence: str) -> None:
    checks = {each.__name__: each for each in CHECKS}
    with pytest.raises(AssertionError, match=sentence):
        checks[check](Faulty(fault))
    checks[check](Faulty("none"))


def test_a_whole_codec_is_checked_in_one_go() -> None:
    check_codec(ToyCodec(latent_dim=24))
    with pytest.raises(AssertionError):
        check_codec(Faulty("hears the others of its batch"))


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
