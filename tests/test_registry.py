"""Codecs by name, by folder, by entry point; and what a listing says of them without loading them."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from lgr.codecs import Codec, DiscreteCodec, ToyCodec, codec_card, codec_names, load_codec
from lgr.codecs.encodec import random_weights
from lgr.codecs.registry import BUILT_IN, DOWNLOADED, shipped_models
from lgr.errors import ArgumentError, MissingPackageError, WeightsError


def third_party(**options: Any) -> Codec:
    """A codec of another package."""
    assert set(options) == {"weights", "device", "dtype", "loader", "space", "n_levels"}
    return ToyCodec(latent_dim=16)


def carded(**options: Any) -> Codec:
    raise AssertionError("a card must be read without building the codec")


carded.card = replace(ToyCodec(latent_dim=8).info, name="carded")  # type: ignore[attr-defined]


def not_a_codec(**options: Any) -> object:
    return object()


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Register this module's factories (or any ``module:name``) as if a package had."""

    def fill(**values: str) -> None:
        points = [EntryPoint(name, value, "lgr.codecs") for name, value in values.items()]
        monkeypatch.setattr("lgr.codecs.registry.entry_points", lambda group: points)

    return fill


def test_names_are_built_in_ones_then_entry_points(register: Callable[..., None]) -> None:
    assert codec_names() == [*BUILT_IN, *shipped_models()]
    register(zeta=f"{__name__}:third_party", alpha=f"{__name__}:carded", toy=f"{__name__}:third_party")
    assert codec_names() == [*BUILT_IN, *shipped_models(), "alpha", "zeta"]
    assert load_codec("toy").info.latent_dim == 320  # a package cannot take a built-in name


def test_an_entry_point_is_loaded_and_described(register: Callable[..., None]) -> None:
    register(other=f"{__name__}:third_party", carded=f"{__name__}:carded")
    assert load_codec("other", n_levels=3).info.latent_dim == 16
    assert codec_card("other").latent_dim == 16
    assert codec_card("carded").latent_dim == 8
    assert codec_card("carded").present


def test_a_broken_entry_point_is_named(register: Callable[..., None]) -> None:
    register(broken="no_such_module_anywhere:codec", wrong=f"{__name__}:not_a_codec")
    with pytest.raises(MissingPackageError, match="codec broken"):
        load_codec("broken")
    with pytest.raises(ArgumentError, match="returned object"):
        load_codec("wrong")


def test_an_unknown_name_lists_the_names_and_the_nearest() -> None:
    with pytest.raises(ArgumentError, match=r"toy, bundled, .*got 'encodec-24kz'; did you mean encodec-24khz\?"):
        load_codec("encodec-24kz")
    with pytest.raises(ArgumentError, match=r"got 'xyz'$"):
        codec_card("xyz")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("toy", {"space": "quantized"}, "toy has no option space, got space='quantized'"),
        ("toy", {"loader": "reference"}, "toy has no option loader"),
        ("toy", {"n_levels": 2}, "toy has no option n_levels"),
        ("toy", {"weights": "somewhere"}, "toy has no option weights, got weights='somewhere'"),
        ("bundled", {"space": "quantized"}, "bundled has no option space"),
        ("bundled", {"loader": "reference"}, "bundled has no option loader"),
        ("soundstream", {"loader": "reference"}, "soundstream has no option loader"),
        ("toy", {"device": "abacus"}, "device must be one that PyTorch has here, got 'abacus'"),
        ("toy", {"device": "cuda:99"}, "device must be one that PyTorch has here, got 'cuda:99'"),
        ("dac-44khz", {"loader": "jax"}, "loader must be one of transformers, reference, got 'jax'"),
        ("dac-44khz", {"space": "codes"}, "space must be one of latent, quantized, got 'codes'"),
    ],
)
def test_options_a_codec_has_not_are_refused(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        load_codec(name, **options)


def test_a_folder_must_hold_a_codec(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"must hold config\.json"):
        load_codec(tmp_path)
    config = tmp_path / "config.json"
    config.write_text("{")
    with pytest.raises(WeightsError, match="must be JSON"):
        load_codec(tmp_path)
    config.write_text(json.dumps({"model": "unheard of"}))
    with pytest.raises(WeightsError, match=r"\"model\" must be one of bundled, .*, got 'unheard of'"):
        load_codec(str(tmp_path))
    config.write_text(json.dumps({"model": "bundled"}))
    with pytest.raises(WeightsError, match=r"must hold model\.safetensors"):
        load_codec(tmp_path)
    with pytest.raises(WeightsError, match=r"must hold model\.safetensors"):
        load_codec("bundled", weights=tmp_path)


def test_where_the_assets_are_not_the_way_to_them_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LGR_ASSETS", str(tmp_path))
    with pytest.raises(WeightsError, match=r"bundled has none; set LGR_ASSETS"):
        load_codec("bundled")


def test_a_folder_is_described_from_its_config(tmp_path: Path) -> None:
    info = {"name": "mine", "sample_rate": 24000, "hop_length": 320, "channels": 1, "latent_dim": 40}
    (tmp_path / "config.json").write_text(json.dumps({"model": "bundled", "info": info}))
    card = codec_card(tmp_path)
    assert (card.name, card.frame_rate, card.latent_dim, card.present) == ("mine", 75.0, 40, False)


@pytest.mark.parametrize("name", DOWNLOADED)
def test_a_card_needs_no_weights(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("LGR_WEIGHTS", raising=False)
    monkeypatch.setenv("LGR_CACHE", str(tmp_path))
    card = codec_card(name)
    assert card.name == name
    assert card.licence
    assert card.needs_weights
    assert not card.present
    assert card.source.startswith("https://")


def test_a_downloaded_codec_is_loaded_from_its_folder_with_its_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "encodec-24khz"
    folder.mkdir()
    save_file(random_weights("24khz"), folder / "model.safetensors")
    monkeypatch.setenv("LGR_WEIGHTS", str(tmp_path))
    assert codec_card("encodec-24khz").weights == folder
    audio = 0.1 * torch.randn(1, 1, 640, generator=torch.Generator().manual_seed(0))
    quantized = load_codec("encodec-24khz", space="quantized", n_levels=2)
    assert isinstance(quantized, DiscreteCodec)
    latents = quantized.encode(audio)
    assert quantized.quantize(latents).shape == (1, 2, 2)
    same = load_codec("encodec-24khz", weights=tmp_path)  # a folder of folders, as LGR_WEIGHTS
    torch.testing.assert_close(quantized.dequantize(quantized.quantize(same.encode(audio))), latents)


def test_listing_imports_nothing_heavy() -> None:
    """In a fresh interpreter: cards of every downloaded codec, and none of the packages that these run on."""
    code = (
        "import sys\n"
        "from lgr.codecs.registry import DOWNLOADED, codec_card\n"
        "[codec_card(name) for name in (*DOWNLOADED, 'toy')]\n"
        "heavy = {'transformers', 'ai_edge_litert', 'librosa', 'scipy.signal', 'encodec', 'dac'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
