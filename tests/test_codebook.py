"""The codebook: grains against slicing by hand, metrics against their definitions, extending against fitting all."""

import dataclasses

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import CODEC, assert_same, made, recording
from torch.testing import assert_close

from lgr.codebook import CodebookConfig, GrainCodebook
from lgr.errors import ArgumentError, CodebookError, ShapeError
from lgr.latents.vectors import SHRINKAGE

# Grains


@given(st.lists(st.integers(4, 20), min_size=1, max_size=4), st.integers(1, 4), st.integers(1, 6))
@settings(deadline=None)
def test_grains_are_where_they_were(frames, grain_frames, stride):
    lanes = [1 + i % 2 for i in range(len(frames))]
    book, latents, _ = made(frames, lanes, grain_frames=grain_frames, stride=stride)
    for j, (r, start) in enumerate(zip(book.recording_.tolist(), book.source_frame_.tolist(), strict=True)):
        own = latents[r][:, :, start : start + grain_frames]  # one lane is repeated over two
        first = int(book.starts_[j])
        assert torch.equal(book.latents_[:, :, first : first + grain_frames], own.expand(max(lanes), -1, -1))
    for r, n in enumerate(frames):  # the last frame of every recording is in a grain
        assert int(book.source_frame_[book.recording_ == r].max()) + grain_frames == n


@given(st.lists(st.integers(4, 20), min_size=1, max_size=4), st.integers(1, 3), st.integers(1, 30))
@settings(deadline=None)
def test_next_grain_is_the_same_recording_later(frames, stride, hop):
    book, _, _ = made(frames, [1] * len(frames), stride=stride)
    where = list(zip(book.recording_.tolist(), book.source_frame_.tolist(), strict=True))
    index = {at: j for j, at in enumerate(where)}
    assert book.next_grain(hop).tolist() == [index.get((r, start + hop), -1) for r, start in where]


def test_features_are_the_mean_of_lanes_unless_given():
    latents = [torch.randn(2, 5, 9), torch.randn(1, 5, 6)]
    book = GrainCodebook().fit(latents, [recording(0), recording(1)], codec=CODEC)
    assert torch.equal(book.features_, torch.cat([latents[0].mean(0), latents[1][0]], dim=1))


def test_a_silence_gate_leaves_out_grains_with_no_loud_frame():
    levels = torch.tensor([-90.0, -90, -90, -20, -90, -90, -90, -90])
    config = CodebookConfig(grain_frames=2, silence_db=-60)
    book = GrainCodebook(config).fit([torch.randn(1, 5, 8)], [recording(0)], levels_db=[levels], codec=CODEC)
    assert book.starts_.tolist() == [2, 3]
    with pytest.raises(CodebookError, match=r"silence_db=0.* leaves no grain"):
        GrainCodebook(CodebookConfig(silence_db=0)).fit(
            [torch.randn(1, 5, 8)], [recording(0)], levels_db=[levels], codec=CODEC
        )
    with pytest.raises(ArgumentError, match="levels_db must be given"):
        GrainCodebook(config).fit([torch.randn(1, 5, 8)], [recording(0)], codec=CODEC)


def test_log_weights_are_the_recordings_and_zero_is_never():
    latents = [torch.randn(1, 5, 4), torch.randn(1, 5, 5)]
    book = GrainCodebook().fit(latents, [recording(0, weight=0.0), recording(1, weight=2.5)], codec=CODEC)
    assert_close(book.log_weights(), torch.tensor([-torch.inf, 0.9162907, 0.9162907]))
    book.recordings_ = (recording(0, weight=0.0), recording(1, weight=0.0))
    with pytest.raises(ArgumentError, match=r"weight must be > 0 for a recording that has grains.*'r0', 'r1'"):
        book.log_weights()


# Metrics


@pytest.mark.parametrize("metric", ["cosine", "centred", "whitened"])
def test_vectors_are_what_the_metric_says(metric):
    book, _, features = made(metric=metric, grain_frames=2)
    grains = torch.stack([f[:, s : s + 2] for f in features for s in range(f.shape[1] - 1)]).double()
    if metric != "cosine":
        grains = grains - grains.mean(0)
    if metric == "whitened":
        frames = torch.cat([f[:, s + k, None] for f in features for s in range(f.shape[1] - 1) for k in (0, 1)], dim=1)
        covariance = torch.cov(frames.double(), correction=0)
        shrunk = (1 - SHRINKAGE) * covariance + SHRINKAGE * covariance.trace() / 3 * torch.eye(3)
        grains = torch.linalg.inv(torch.linalg.cholesky(shrunk)) @ grains  # another square root: a rotation apart
    rows = torch.nn.functional.normalize(grains.flatten(1), dim=1)
    vectors = book.vectors_.double()
    assert_close(vectors @ vectors.T, rows @ rows.T, rtol=0, atol=2e-6)


@pytest.mark.parametrize("metric", ["cosine", "centred", "whitened"])
def test_rows_do_not_depend_on_the_block_they_are_made_in(metric, monkeypatch):
    whole = made(metric=metric)[0]
    vectors = whole.vectors_
    monkeypatch.setattr("lgr.latents.vectors._BLOCK", 5)
    small = made(metric=metric)[0]
    assert_close(small.vectors_, vectors, rtol=0, atol=1e-6)
    assert_close(small.whitener_, whole.whitener_, rtol=0, atol=1e-6)


def test_whitened_frames_have_nearly_unit_covariance():
    generator = torch.Generator().manual_seed(0)
    mixed = torch.tensor([[3.0, 1, 0], [0, 1, 1], [0.0, 0, 1.5]]) @ torch.randn(3, 4000, generator=generator) + 7
    config = CodebookConfig(grain_frames=1, metric="whitened")
    book = GrainCodebook(config).fit([torch.randn(1, 5, 4000)], [recording(0)], features=[mixed], codec=CODEC)
    covariance = torch.cov(book.whitener_ @ mixed)
    assert_close(covariance, torch.eye(3), rtol=0, atol=0.15)


@pytest.mark.parametrize("metric", ["cosine", "centred", "whitened"])
def test_a_target_is_mapped_as_the_codebook_is(metric):
    book, _, features = made(frames=(12,), lanes=(1,), metric=metric)
    assert_close(book.transform(features[0], book.starts_), book.vectors_, rtol=0, atol=1e-6)
    padded = torch.cat([features[0], features[0][:, -1:].expand(-1, 2)], dim=1)
    starts = torch.tensor([10])
    assert_close(book.transform(features[0], starts), book.transform(padded, starts), rtol=0, atol=0)


@pytest.mark.parametrize("metric", ["cosine", "centred", "whitened"])
@pytest.mark.parametrize("value", [0.0, -4.6])
def test_a_codebook_of_one_and_the_same_frame_is_finite(metric, value):
    config = CodebookConfig(metric=metric)
    still = torch.full((3, 50), value)
    book = GrainCodebook(config).fit([torch.zeros(1, 5, 50)], [recording(0)], features=[still], codec=CODEC)
    norms = book.vectors_.norm(dim=1)
    expected = 1.0 if metric == "cosine" and value else 0.0
    assert_close(norms, torch.full_like(norms, expected))
    loud = book.transform(torch.randn(3, 8, generator=torch.Generator().manual_seed(3)), torch.tensor([0, 4]))
    assert_close(loud.norm(dim=1), torch.ones(2))


@pytest.mark.parametrize("metric", ["cosine", "centred", "whitened"])
def test_silence_among_sound_is_near_nothing(metric):
    features = torch.randn(3, 40, generator=torch.Generator().manual_seed(0))
    features[:, 10:20] = 0
    config = CodebookConfig(metric=metric)
    book = GrainCodebook(config).fit([torch.randn(1, 5, 40)], [recording(0)], features=[features], codec=CODEC)
    assert book.vectors_.isfinite().all()
    if metric == "cosine":
        assert (book.vectors_[12] == 0).all()


# Extending


@pytest.mark.parametrize("metric", ["cosine", "centred", "whitened"])
@pytest.mark.parametrize("lanes", [(1, 1, 1), (1, 2, 1), (2, 1, 2)])
def test_extending_equals_fitting_on_everything(metric, lanes):
    _, latents, features = made(lanes=lanes)
    recordings = [recording(i) for i in range(3)]
    levels = [torch.linspace(-80, 0, x.shape[2]) for x in latents]
    for given_features in (features, None):
        every = GrainCodebook(CodebookConfig(metric=metric, silence_db=-40)).fit(
            latents, recordings, features=given_features, levels_db=levels, codec=CODEC
        )
        part = GrainCodebook(every.config).fit(
            latents[:1],
            recordings[:1],
            features=given_features and given_features[:1],
            levels_db=levels[:1],
            codec=CODEC,
        )
        before = part.vectors_.clone()
        rest = given_features and given_features[1:]
        assert_same(part.extend(latents[1:], recordings[1:], features=rest, levels_db=levels[1:]), every)
        assert torch.equal(part.vectors_, before)


def test_extending_by_silence_adds_no_grain():
    config = CodebookConfig(silence_db=-60)
    loud, quiet = torch.zeros(6), torch.full((6,), -90.0)
    book = GrainCodebook(config).fit([torch.randn(1, 5, 6)], [recording(0)], levels_db=[loud], codec=CODEC)
    extended = book.extend([torch.randn(1, 5, 6)], [recording(1)], levels_db=[quiet])
    assert torch.equal(extended.starts_, book.starts_)
    assert len(extended.recordings_) == 2


def test_an_augmented_copy_keeps_its_original_when_codebooks_are_joined():
    def own(name: str, seed: int) -> GrainCodebook:
        first = dataclasses.replace(recording(seed), name=name)
        copy = dataclasses.replace(first, name=f"{name} (gain=-6)", augmentation="gain=-6", original=0)
        latents = torch.randn(1, 5, 6, generator=torch.Generator().manual_seed(seed))
        return GrainCodebook().fit([latents, latents], [first, copy], codec=CODEC)

    both = own("a", 1).merge(own("b", 2))
    assert [r.original for r in both.recordings_] == [None, 0, None, 2]
    assert [r.original for r in both.merge(own("c", 3)).recordings_] == [None, 0, None, 2, None, 4]


def test_vectors_are_made_again_after_they_were_forgotten():
    book = made()[0]
    before = book.vectors_
    assert book.vectors_ is before
    book.forget_vectors()
    assert book.vectors_ is not before
    assert torch.equal(book.vectors_, before)
    assert len(book.fit([torch.randn(1, 5, 8)], [recording(0)], codec=CODEC).vectors_) == len(book)


# Refusals


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            {"latents": [torch.randn(1, 5, 3)]},
            CodebookError,
            "'r0' is shorter than one grain: it has 3 frames and .* 4",
        ),
        ({"latents": [torch.randn(1, 6, 9)]}, ShapeError, r"latents of recording 'r0' must be .*, got \(1, 6, 9\)"),
        ({"latents": [torch.randn(5, 9)]}, ShapeError, "latents of recording 'r0' must be"),
        ({"latents": []}, ArgumentError, "latents must be one Tensor for each of 1 recordings, got 0"),
        ({"latents": [torch.full((1, 5, 9), torch.nan)]}, ArgumentError, "latents of recording 'r0' must be finite"),
        ({"features": [torch.randn(3, 8)]}, ShapeError, r"features of recording 'r0' must be \(3, 9\), got \(3, 8\)"),
        ({"levels_db": [torch.randn(8)]}, ShapeError, r"levels_db of recording 'r0' must be \(9,\), got \(8,\)"),
        ({"latents": [], "recordings": []}, ArgumentError, "recordings must hold at least one"),
    ],
)
def test_what_does_not_fit_is_named(arguments, error, message):
    arguments = {"latents": [torch.randn(1, 5, 9)], "recordings": [recording(0)], "codec": CODEC, **arguments}
    with pytest.raises(error, match=message):
        GrainCodebook().fit(**arguments)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"grain_frames": 0}, "grain_frames must be >= 1, got 0"),
        ({"stride": 0}, "stride must be >= 1, got 0"),
        ({"metric": "euclid"}, "metric must be one of cosine, centred, whitened, learned, got 'euclid'"),
        ({"silence_db": float("nan")}, "silence_db must be a level"),
    ],
)
def test_wrong_config_is_named(config, message):
    with pytest.raises(ArgumentError, match=message):
        CodebookConfig(**config)
