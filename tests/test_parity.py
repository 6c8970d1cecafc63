"""Both loaders, every form of checkpoint: the numbers of the codecs' original packages, bit for bit where stated.

Needs the packages encodec and descript-audio-codec (their model classes only; see ``lgr.codecs.reference``). EnCodec
and DAC at 16 kHz are compared at their real widths; for names, forms and strides narrow networks do as well.
"""

import sys
from collections.abc import Iterator
from contextlib import nullcontext
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from narrow_codecs import narrow_networks
from safetensors.torch import save_file
from torch import Tensor, nn

from lgr.codecs import dac, encodec
from lgr.codecs.checkpoints import plain_weights, read_checkpoint
from lgr.codecs.dac import DacCodec
from lgr.codecs.encodec import Encodec24Codec, Encodec48Codec
from lgr.codecs.pretrained import PretrainedCodec
from lgr.errors import MissingPackageError, WeightsError

WIDTHS = ["narrow", pytest.param("real", marks=pytest.mark.slow)]


@pytest.fixture
def width(request: pytest.FixtureRequest) -> Iterator[str]:
    """What is built while the test lasts has networks of this width, "narrow" or "real"."""
    wanted: str = request.param
    with narrow_networks() if wanted == "narrow" else nullcontext():
        yield wanted


@cache
def weights(name: str, width: str) -> dict[str, Tensor]:
    """Of the width that is built at the moment; ``width`` only keeps the two apart."""
    kind, variant = name.split("-")
    return (encodec if kind == "encodec" else dac).random_weights(variant, seed=11)


def build(name: str, **options: Any) -> PretrainedCodec:
    encodecs = {"encodec-24khz": Encodec24Codec, "encodec-48khz": Encodec48Codec}
    return encodecs[name](**options) if name in encodecs else DacCodec(name.split("-")[1], **options)


def noise(codec: PretrainedCodec, frames: int) -> Tensor:
    shape = (1, codec.info.channels, frames * codec.info.hop_length)
    return 0.3 * torch.randn(shape, generator=torch.Generator().manual_seed(2))


@cache
def original(name: str, width: str) -> nn.Module:
    """The original package's model with seeded random weights in its own form: gains and directions apart."""
    kind, variant = name.split("-")
    module: Any = encodec if kind == "encodec" else dac
    model = module._build(variant, "reference")
    if any(value.is_meta for value in model.state_dict().values()):
        model = model.to_empty(device="cpu")
    generator = torch.Generator().manual_seed(4)
    state = {}
    for key, value in model.state_dict().items():
        drawn = torch.randn(value.shape, generator=generator)
        if key.endswith(("weight_g", "alpha", "norm.weight")):
            drawn = 0.7 + 0.1 * drawn
        elif key.endswith(("bias", "inited")):
            drawn = torch.ones(value.shape) if key.endswith("inited") else 0.02 * drawn
        elif "lstm" in key or (key.endswith("weight") and value.ndim == 3):
            drawn = drawn * (0.7 / value[0].numel()) ** 0.5
        state[key] = drawn
    model.load_state_dict(state)
    return model.eval().requires_grad_(False)


@pytest.fixture
def dac_folder(width: str, tmp_path: Path) -> Path:
    """A folder of folders with a checkpoint as the authors of DAC write them."""
    (tmp_path / "dac-16khz").mkdir()
    metadata = {"kwargs": {"encoder_rates": [2, 4, 5, 8], "sample_rate": 16_000}}
    state = original("dac-16khz", width).state_dict()
    torch.save({"state_dict": state, "metadata": metadata}, tmp_path / "dac-16khz" / "weights_16khz.pth")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "width"),
    [
        ("encodec-24khz", "real"),
        ("encodec-48khz", "real"),
        ("dac-16khz", "real"),
        *((name, "narrow") for name in ("dac-24khz", "dac-44khz")),
        *(pytest.param(name, "real", marks=pytest.mark.slow) for name in ("dac-24khz", "dac-44khz")),
    ],
    indirect=["width"],
)
def test_both_loaders_are_equal(name: str, width: str) -> None:
    ours, theirs = (build(name, state=weights(name, width), loader=loader) for loader in ("transformers", "reference"))
    audio = noise(ours, 12 if name == "dac-16khz" else 3)
    latents = ours.encode(audio)
    assert torch.equal(latents, theirs.encode(audio))
    assert latents.std(-1).mean() > 1e-3  # weights that lose the signal would make everything equal
    codes = ours.quantize(latents)
    assert torch.equal(codes, theirs.quantize(latents))
    assert torch.equal(ours.dequantize(codes), theirs.dequantize(codes))
    assert torch.equal(ours.decode(latents), theirs.decode(latents))


@pytest.mark.parametrize("loader", ["transformers", "reference"])
@pytest.mark.parametrize("name", ["encodec-24khz", "encodec-48khz"])
def test_an_original_encodec_checkpoint_gives_the_original_numbers(name: str, loader: str, tmp_path: Path) -> None:
    model: Any = original(name, "real")
    torch.save(model.state_dict(), tmp_path / "mine.th")
    codec = build(name, weights=tmp_path / "mine.th", loader=loader)
    audio = noise(codec, 9)[..., :-100]  # a last frame that is partly there
    model.bandwidth = 24.0  # every level
    with torch.no_grad():
        [(codes, scale)] = model.encode(audio)
        scaled = audio if scale is None else audio / scale[..., None]
        latents = model.encoder(scaled)
        decoded = model.decode([(codes, scale)])
    got = codec.encode(audio)
    torch.testing.assert_close(got[:, :128], latents, rtol=0, atol=0)
    own_codes = codec.quantize(got)
    assert torch.equal(own_codes[:, : codes.shape[1]], codes)
    dequantized = codec.dequantize(own_codes)
    if scale is not None:
        dequantized[:, 128] = scale.log()  # exactly, where the codes have it in steps of 1/8 dB
    torch.testing.assert_close(codec.decode(dequantized), decoded, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("width", WIDTHS, indirect=True)
@pytest.mark.parametrize("loader", ["transformers", "reference"])
def test_an_original_dac_checkpoint_gives_the_original_numbers(loader: str, width: str, dac_folder: Path) -> None:
    model: Any = original("dac-16khz", width)
    codec = build("dac-16khz", weights=dac_folder, loader=loader)
    audio = noise(codec, 6)[..., :-100]
    with torch.no_grad():
        padded = model.preprocess(audio, 16_000)
        quantized, codes = model.encode(padded)[:2]
        decoded = model.decode(quantized)
        latents = model.encoder(padded)
    got = codec.encode(audio)
    assert torch.equal(got, latents)
    assert torch.equal(codec.quantize(got), codes)
    assert decoded.shape[-1] == 6 * 320 - 8
    ours = codec.decode(codec.dequantize(codes))
    torch.testing.assert_close(ours[..., :-8], decoded, rtol=0, atol=1e-5)
    assert not ours[..., -8:].any()


@pytest.mark.parametrize("width", WIDTHS, indirect=True)
@pytest.mark.parametrize("name", ["encodec-24khz", "dac-16khz"])
def test_quantized_space_is_what_fewer_levels_leave(name: str, width: str) -> None:
    plain = build(name, state=weights(name, width), n_levels=2)
    coarse = build(name, state=weights(name, width), n_levels=2, space="quantized")
    audio = noise(plain, 4)
    latents = plain.encode(audio)
    codes = plain.quantize(latents)
    assert codes.shape[1] == 2
    assert torch.equal(coarse.encode(audio), plain.dequantize(codes))
    assert torch.equal(build(name, state=weights(name, width)).quantize(latents)[:, :2], codes)


@pytest.mark.parametrize("width", WIDTHS, indirect=True)
def test_safetensors_in_either_form_of_weight_norm(width: str, tmp_path: Path) -> None:
    from transformers import EncodecConfig, EncodecModel

    model = EncodecModel(EncodecConfig())
    model.load_state_dict(model.state_dict() | {"quantizer.layers.0.codebook.embed": torch.ones(1024, 128)})
    newer = dict(model.state_dict())
    endings = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}
    older = {}
    for name, value in newer.items():
        ending = next((new for new in endings if name.endswith(new)), None)
        older[name if ending is None else name.replace(ending, endings[ending])] = value.clone()
    assert older.keys() != newer.keys()
    save_file(older, tmp_path / "model.safetensors")
    codec = build("encodec-24khz", weights=tmp_path)
    audio = noise(codec, 5)
    with torch.no_grad():
        wanted = model.eval().encoder(audio)
    assert torch.equal(codec.encode(audio), wanted)
    again = plain_weights(newer)
    assert all(torch.equal(again[name], value) for name, value in plain_weights(older).items())


class Trap:
    """Unpickled by an ordinary load, this creates a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


def test_damaged_and_foreign_checkpoints_are_refused(tmp_path: Path) -> None:
    trap = tmp_path / "trap.pth"
    torch.save({"state_dict": Trap(tmp_path / "sprung")}, trap)
    with pytest.raises(WeightsError, match="holds more than plain tensors"):
        read_checkpoint(trap, dac.transformers_name)
    assert not (tmp_path / "sprung").exists()

    named = tmp_path / "encodec_24khz-d7cc33bc.th"
    torch.save({}, named)
    with pytest.raises(WeightsError, match="its name says d7cc33bc"):
        build("encodec-24khz", weights=tmp_path)

    half = tmp_path / "model.safetensors"
    half.write_bytes(b"\x40\0\0\0\0\0\0\0{")
    with pytest.raises(WeightsError, match="not a readable safetensors file"):
        build("encodec-24khz", weights=half)

    cut = tmp_path / "cut.pth"
    cut.write_bytes(trap.read_bytes()[:100])
    with pytest.raises(WeightsError, match="is damaged"):
        read_checkpoint(cut, dac.transformers_name)

    torch.save([1, 2], cut)
    with pytest.raises(WeightsError, match="must hold a dictionary of tensors, got list"):
        read_checkpoint(cut, dac.transformers_name)


@pytest.mark.parametrize("width", WIDTHS, indirect=True)
def test_a_checkpoint_of_another_model_is_refused(width: str) -> None:
    with pytest.raises(WeightsError, match="of another model: 100 tensors missing"):
        build("dac-24khz", state=weights("dac-16khz", width))
    state = dict(weights("encodec-24khz", width))
    state["encoder.layers.0.conv.weight"] = torch.zeros(32, 2, 7)
    with pytest.raises(WeightsError, match="size mismatch for encoder"):
        build("encodec-24khz", state=state)


@pytest.mark.parametrize(
    ("name", "loader", "module", "message"),
    [
        ("encodec-24khz", "transformers", "transformers", r"pip install 'lgr\[codecs\]'"),
        ("dac-16khz", "transformers", "transformers", r"pip install 'lgr\[codecs\]'"),
        ("encodec-24khz", "reference", "encodec.model", "pip install --no-deps encodec==0.1.1"),
        ("dac-16khz", "reference", "dac.model.dac", "pip install --no-deps descript-audio-codec==1.0.0"),
    ],
)
def test_a_missing_package_is_named(
    name: str, loader: str, module: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingPackageError, match=message):
        build(name, state={}, loader=loader)


@pytest.mark.parametrize("width", WIDTHS, indirect=True)
def test_stand_ins_do_not_stay(width: str) -> None:
    build("dac-16khz", state=weights("dac-16khz", width), loader="reference")
    for name in ("torchaudio", "audiotools", "audiotools.ml"):
        module = sys.modules.get(name)
        assert module is None or getattr(module, "__file__", None) is not None
