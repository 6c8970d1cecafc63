"""Projections: PCA is the best plane and inverts on it; UMAP's places are kept and used both ways; files are whole."""

import json
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from lgr.codecs.base import CodecInfo
from lgr.errors import ArgumentError, CodebookError, LgrError, MissingPackageError, ShapeError, WeightsError
from lgr.latents.projection import fit_projection, latent_rows, load_projection

INFO = CodecInfo(name="made-up", sample_rate=8000, hop_length=80, channels=1, latent_dim=7, version="1")


def corpus(n: int = 400, size: int = 7, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    mix = torch.randn(size, size, generator=generator) * torch.linspace(3, 0.1, size)[:, None]
    return torch.randn(n, size, generator=generator) @ mix + 2


@pytest.fixture
def umap(monkeypatch: pytest.MonkeyPatch) -> list[dict]:
    """A made-up umap-learn, which takes half a minute to import: the first two dimensions, tripled."""
    made = []

    class UMAP:
        def __init__(self, **options) -> None:
            made.append(options)

        def fit_transform(self, x):
            assert x.dtype == np.float32
            return 3 * x[:, :2]

    monkeypatch.setitem(sys.modules, "umap", SimpleNamespace(UMAP=UMAP))
    return made


def test_pca_is_the_singular_value_decomposition() -> None:
    z = corpus()
    pca = fit_projection(z)
    _, s, v = torch.linalg.svd(z - z.mean(0), full_matrices=False)
    assert_close((pca.components @ v[:2].T).abs(), torch.eye(2), atol=1e-4, rtol=0)
    assert_close(pca.explained, (s**2 / (s**2).sum())[:2], atol=1e-4, rtol=0)
    assert not pca.approximate


def test_the_inverse_is_the_projection_onto_the_plane() -> None:
    z = corpus()
    pca = fit_projection(z)
    points = pca.transform(z)
    assert points.shape == (400, 2)
    back = pca.inverse(points)
    assert_close(pca.transform(back), points, atol=1e-4, rtol=0)
    assert_close((z - back) @ pca.components.T, torch.zeros(400, 2), atol=1e-4, rtol=0)
    picked = torch.tensor([[1.5, -2.0]])
    assert_close(pca.transform(pca.inverse(picked)), picked)
    assert_close(pca.points, points, atol=1e-4, rtol=0)


def test_latents_on_a_plane_come_back_whole() -> None:
    flat = corpus(50, 2) @ torch.randn(2, 7, generator=torch.Generator().manual_seed(5)) + 1
    pca = fit_projection(flat)
    assert_close(pca.inverse(pca.transform(flat)), flat, atol=1e-3, rtol=0)
    assert_close(pca.explained.sum(), torch.tensor(1.0))


def test_a_refit_is_never_mirrored() -> None:
    z = corpus()
    order = torch.randperm(len(z), generator=torch.Generator().manual_seed(1))
    assert_close(fit_projection(z).components, fit_projection(z[order]).components, atol=1e-4, rtol=0)
    assert bool((fit_projection(z).components.amax(1) > -fit_projection(z).components.amin(1)).all())


def test_a_large_corpus_keeps_a_draw_to_be_looked_at() -> None:
    z = corpus()
    pca = fit_projection(z, max_points=50, seed=1)
    assert pca.points.shape == (50, 2)
    assert_close(pca.points, pca.transform(z[pca.rows]))
    assert bool((pca.rows.diff() > 0).all())
    assert torch.equal(pca.components, fit_projection(z).components)


def test_umap_keeps_its_places_and_averages_between_them(umap) -> None:
    z = corpus()
    projection = fit_projection(z, method="umap", max_points=100, seed=4, neighbours=7)
    assert projection.approximate
    assert umap[0]["n_neighbors"] == 7
    assert umap[0]["random_state"] == 4
    known = z[projection.rows]
    assert torch.equal(projection.points, 3 * known[:, :2])
    assert torch.equal(projection.transform(known), projection.points)
    assert torch.equal(projection.inverse(projection.points), known)
    # Brute force: five nearest, inverse distance.
    query = corpus(1, seed=9)
    distance = (known - query).norm(dim=1)
    near = distance.argsort()[:5]
    weight = (1 / distance[near]) / (1 / distance[near]).sum()
    assert_close(projection.transform(query)[0], weight @ projection.points[near])


def test_umap_of_a_handful_of_latents(umap) -> None:
    z = corpus(3)
    projection = fit_projection(z, method="umap")
    assert umap[0]["n_neighbors"] == 2
    assert torch.equal(projection.inverse(projection.points), z)


@pytest.mark.parametrize("method", ["pca", "umap"])
def test_labels_are_not_looked_at(method: str, umap) -> None:
    z = corpus()
    weights = torch.nn.functional.one_hot(torch.arange(400) % 3, 3).float() * 100
    labelled = torch.cat([z, weights], dim=1)
    projection = fit_projection(labelled, method=method, n_labels=3)
    assert projection.latent_dim == 10
    assert torch.equal(projection.points, fit_projection(z, method=method).points)
    back = projection.inverse(projection.points[:4])
    assert back.shape == (4, 10)
    assert torch.equal(back[:, 7:], torch.zeros(4, 3))
    snare = torch.tensor([0.0, 1.0, 0.0])
    assert torch.equal(projection.inverse(projection.points[:4], snare)[:, 7:], snare.expand(4, 3))
    with pytest.raises(ShapeError, match=r"labels must be \(3,\) or \(4, 3\), got \(2,\)"):
        projection.inverse(projection.points[:4], snare[:2])


@pytest.mark.parametrize("method", ["pca", "umap"])
def test_a_saved_projection_is_the_same(method: str, umap, tmp_path) -> None:
    z = corpus()
    made = fit_projection(z, method=method, codec=INFO, n_labels=1, max_points=60)
    made.save(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["projection.json", "projection.safetensors"]
    loaded = load_projection(tmp_path, INFO)
    assert type(loaded) is type(made)
    assert (loaded.codec, loaded.n_labels) == (INFO, 1)
    assert torch.equal(loaded.rows, made.rows)
    assert torch.equal(loaded.transform(z), made.transform(z))
    assert torch.equal(loaded.inverse(made.points), made.inverse(made.points))
    assert json.loads((tmp_path / "projection.json").read_text())["approximate"] == (method == "umap")


def test_an_existing_projection_is_kept_unless_forced(tmp_path) -> None:
    fit_projection(corpus()).save(tmp_path)
    before = (tmp_path / "projection.safetensors").read_bytes()
    with pytest.raises(LgrError, match="exists and is kept"):
        fit_projection(corpus(seed=1)).save(tmp_path)
    assert (tmp_path / "projection.safetensors").read_bytes() == before
    fit_projection(corpus(seed=1)).save(tmp_path, force=True)
    assert (tmp_path / "projection.safetensors").read_bytes() != before
    assert len(list(tmp_path.iterdir())) == 2


def test_files_that_do_not_belong_together_or_are_damaged_are_refused(tmp_path) -> None:
    with pytest.raises(WeightsError, match="holds no whole projection"):
        load_projection(tmp_path)
    one, two = tmp_path / "one", tmp_path / "two"
    for seed, folder in enumerate((one, two)):
        folder.mkdir()
        fit_projection(corpus(seed=seed)).save(folder)
    (one / "projection.safetensors").write_bytes((two / "projection.safetensors").read_bytes())
    with pytest.raises(WeightsError, match=r"is not the one that projection\.json was written with"):
        load_projection(one)
    facts = json.loads((two / "projection.json").read_text())
    for changed, says in (({"method": "tsne"}, "KeyError"), ({"version": 2}, "must be lgr-projection version 1")):
        (two / "projection.json").write_text(json.dumps(facts | changed))
        with pytest.raises(WeightsError, match=says):
            load_projection(two)
    (two / "projection.json").write_text("{")
    with pytest.raises(WeightsError, match="JSONDecodeError"):
        load_projection(two)


def test_a_projection_of_another_codec_is_refused(tmp_path) -> None:
    fit_projection(corpus(), codec=INFO).save(tmp_path)
    with pytest.raises(CodebookError, match="the projection was made with codec 'made-up'"):
        load_projection(tmp_path, replace(INFO, version="2"))


def test_rows_are_frames_in_order() -> None:
    latents = torch.arange(24.0).reshape(2, 3, 4)
    assert torch.equal(latent_rows(latents)[5], latents[1, :, 1])


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: fit_projection(corpus(), method="tsne"), ArgumentError, "method must be one of pca, umap, got 'tsne'"),
        (lambda: fit_projection(corpus(2)), ShapeError, r"latents must be \(3 or more.*got \(2, 7\)"),
        (lambda: fit_projection(corpus(), n_labels=6), ShapeError, "2 or more and 6 labels"),
        (lambda: fit_projection(corpus() / 0), ArgumentError, "latents must be finite"),
        (lambda: fit_projection(corpus(), max_points=2), ArgumentError, "max_points must be >= 3, got 2"),
        (
            lambda: fit_projection(corpus()).transform(corpus(3, 5)),
            ShapeError,
            r"latents must be \(n, 7\), got \(3, 5\)",
        ),
        (lambda: fit_projection(corpus()).inverse(torch.zeros(3)), ShapeError, r"points must be \(n, 2\), got \(3,\)"),
        (lambda: latent_rows(torch.zeros(3, 4)), ShapeError, "latents must be"),
    ],
)
def test_what_cannot_be_projected_is_refused(make, error, says) -> None:
    with pytest.raises(error, match=says):
        make()


def test_umap_without_its_package_says_how_to_get_it(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(MissingPackageError, match="pip install 'lgr"):
        fit_projection(corpus(), method="umap")


def test_umap_settings_out_of_range_are_refused(umap) -> None:
    with pytest.raises(ArgumentError, match=r"neighbours must be >= 2 .* got 1 and 0\.1"):
        fit_projection(corpus(), method="umap", neighbours=1)
