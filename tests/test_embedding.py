"""Learned embeddings: causal features of latents, found by codec, refused for another."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lgr.codecs.base import CodecInfo
from lgr.errors import ArgumentError, CodebookError, ShapeError, WeightsError
from lgr.latents.embedding import LearnedEmbedding, load_embedding, open_embedding, split_reference
from lgr.models.timbre_embedding import TimbreEmbedding, TimbreEmbeddingConfig
from lgr.train.embedding.export import write_embedding

CODEC = CodecInfo(name="made-up", sample_rate=8000, hop_length=80, channels=1, latent_dim=5)
SIZES = {"latent_dim": 5, "hidden": 8, "cepstra": 4, "contrast": 3}


def network(seed: int = 0, **sizes: int) -> TimbreEmbedding:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = TimbreEmbedding(TimbreEmbeddingConfig(**(SIZES | sizes)))
    net.mean.copy_(torch.linspace(-1, 1, 5))
    net.scale.copy_(torch.linspace(0.5, 2, 5))
    net.balance.copy_(torch.linspace(0.1, 1, net.config.feature_dim))
    return net


def latents(frames: int, batch: int = 1, seed: int = 0) -> torch.Tensor:
    return torch.randn(batch, 5, frames, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_embedding(tmp_path, network(), CODEC, licence="MIT")
    return tmp_path


def test_features_are_a_linear_map_and_an_mlp_of_the_present_and_past_latents() -> None:
    net = network()
    x = latents(6)
    features = LearnedEmbedding(net, CODEC).features(x)
    assert features.shape == (1, 7, 6)
    padded = torch.cat([x[..., :1]] * 3 + [x], 2)[0]  # the first latent stands for what was before
    for t in range(6):
        seen = (padded[:, t : t + 4] - net.mean[:, None]) / net.scale[:, None]
        hidden = torch.nn.functional.gelu(net.first.weight.flatten(1) @ seen.flatten() + net.first.bias)
        layer = net.others[0]
        hidden = hidden + torch.nn.functional.gelu(layer.weight[..., 0] @ hidden + layer.bias)
        cepstra = net.linear.weight.flatten(1) @ seen.flatten() + net.linear.bias
        wanted = torch.cat([cepstra, net.last.weight[..., 0] @ hidden + net.last.bias]) * net.balance
        torch.testing.assert_close(features[0, :, t], wanted)


@given(st.lists(st.integers(1, 7), min_size=1, max_size=6))
@settings(deadline=None, max_examples=25)
def test_any_chunking_gives_the_same_features(sizes: list[int]) -> None:
    embedding = LearnedEmbedding(network(), CODEC)
    x = latents(sum(sizes), batch=2)
    state, pieces = None, []
    for piece in x.split(sizes, 2):
        state, out = embedding.features_step(state, piece)
        pieces.append(out)
    torch.testing.assert_close(torch.cat(pieces, 2), embedding.features(x))


def test_the_future_changes_nothing() -> None:
    embedding = LearnedEmbedding(network(), CODEC)
    x = latents(9)
    later = torch.cat([x[..., :5], latents(4, seed=1)], 2)
    torch.testing.assert_close(embedding.features(x)[..., :5], embedding.features(later)[..., :5])
    assert not torch.allclose(embedding.features(x)[..., 5:], embedding.features(later)[..., 5:])


def test_features_follow_the_latents_type_and_refuse_other_sizes() -> None:
    embedding = LearnedEmbedding(network(), CODEC)
    assert embedding.features(latents(3).double()).dtype == torch.float64
    with pytest.raises(ShapeError, match=r"latents must be \(batch, 5, frames\) for made-up, got \(1, 4, 3\)"):
        embedding.features(torch.zeros(1, 4, 3))


def test_a_saved_embedding_is_the_same_but_for_float16(folder: Path) -> None:
    saved = load_embedding(CODEC, folder)
    assert (saved.name, saved.codec) == (str(folder), CODEC)
    torch.testing.assert_close(
        saved.features(latents(8)), LearnedEmbedding(network(), CODEC).features(latents(8)), atol=5e-3, rtol=0
    )


def test_a_reference_leads_back_and_refuses_other_weights(folder: Path) -> None:
    first = load_embedding(CODEC, folder)
    assert first.reference == f"{folder}@{first.fingerprint}"
    assert load_embedding(CODEC, first.reference).fingerprint == first.fingerprint
    write_embedding(folder, network(seed=1), CODEC, licence="MIT")
    with pytest.raises(CodebookError, match=rf"has other weights \([0-9a-f]{{12}}\) than .* \({first.fingerprint}\)"):
        load_embedding(CODEC, first.reference)


def test_references_are_split_at_their_fingerprint_alone() -> None:
    assert split_reference("") == ("", "")
    assert split_reference("a@b/runs") == ("a@b/runs", "")
    assert split_reference("a@b@0123456789ab") == ("a@b", "0123456789ab")


@pytest.mark.parametrize("change", [{"name": "other"}, {"latent_dim": 6}, {"version": "quantized/4"}])
def test_another_codec_is_refused(folder: Path, change: dict[str, object]) -> None:
    with pytest.raises(CodebookError, match="was made with codec 'made-up'"):
        load_embedding(replace(CODEC, **change), folder)


def test_the_same_weights_under_another_name_are_no_other_codec(tmp_path: Path) -> None:
    write_embedding(tmp_path, network(), replace(CODEC, version="abc"), licence="")
    load_embedding(replace(CODEC, version="abc", name="elsewhere"), tmp_path)


def test_a_codec_without_an_embedding_is_told_how_to_train_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LGR_ASSETS", str(tmp_path))
    with pytest.raises(WeightsError, match="lgr train embedding --codec made-up --data RECORDINGS --out FOLDER"):
        load_embedding(CODEC)
    # a trained codec goes by its folder, which is not to be taken for an embedding
    own = tmp_path / "codec"
    own.mkdir()
    (own / "config.json").write_text("{}")
    with pytest.raises(WeightsError, match="lgr train embedding --codec"):
        load_embedding(replace(CODEC, name=str(own)))


def test_the_shipped_one_is_found_by_the_codecs_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = tmp_path / "models" / "embeddings" / "made-up"
    shipped.mkdir(parents=True)
    write_embedding(shipped, network(), CODEC, licence="MIT")
    monkeypatch.setenv("LGR_ASSETS", str(tmp_path))
    found = load_embedding(CODEC)
    assert found.reference == f"made-up@{found.fingerprint}"
    assert load_embedding(CODEC, found.reference).reference == found.reference


def test_what_is_no_embedding_is_refused(folder: Path) -> None:
    with pytest.raises(WeightsError, match="embedding must be a folder that `lgr train embedding` wrote, got nowhere"):
        load_embedding(CODEC, "nowhere")
    config = json.loads((folder / "config.json").read_text())
    for changed, says in (
        ({**config, "model": "bundled"}, "must describe a timbre-embedding of format 1"),
        ({**config, "config": {**config["config"], "hidden": 9}}, "damaged or do not fit"),
        ({**config, "config": {**config["config"], "hidden": 0}}, "hidden must be an integer >= 1, got 0"),
        ({"model": "timbre-embedding", "format": 1}, "damaged or do not fit: 'codec'"),
        ([], "damaged or do not fit"),
    ):
        (folder / "config.json").write_text(json.dumps(changed))
        with pytest.raises(WeightsError, match=says):
            open_embedding(folder)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "model.safetensors").write_bytes(b"half")
    with pytest.raises(WeightsError, match=r"must hold config\.json and model\.safetensors of an embedding"):
        open_embedding(folder)


@pytest.mark.parametrize("bad", [{"context_frames": 0}, {"hidden": 1.5}, {"contrast": -1}, {"layers": True}])
def test_sizes_out_of_range_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ArgumentError, match=f"{next(iter(bad))} must be an integer >= "):
        TimbreEmbeddingConfig(latent_dim=5, **bad)
