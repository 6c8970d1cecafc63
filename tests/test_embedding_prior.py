"""The fitted prior of the temporal embedding: N(0, I) before, the training embeddings' Gaussians after."""

import math

import pytest
import torch

from lgr.errors import ArgumentError, ShapeError
from lgr.models.granular.prior import EmbeddingPrior
from lgr.models.granular.temporal import TemporalConfig, TemporalVAE


def two_classes(n: int = 400, size: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    """Embeddings around 3 (first label, spread along one direction) and around -1 (second, along two)."""
    draw = torch.randn(n, size, generator=torch.Generator().manual_seed(0))
    labels = torch.eye(2).repeat_interleave(n // 2, 0)
    keep = torch.zeros(n, size)
    keep[: n // 2, 0] = 2.0
    keep[n // 2 :, 1:3] = 0.5
    return labels @ torch.tensor([[3.0], [-1.0]]) + draw * keep, labels


def test_before_it_is_fitted_draws_are_the_normal_numbers_themselves() -> None:
    prior = EmbeddingPrior(2, 6, 3)
    normal = torch.randn(5, 6, generator=torch.Generator().manual_seed(1))
    assert torch.equal(prior.place(normal, torch.zeros(5, 2)), normal)


def test_draws_have_each_labels_mean_and_covariance() -> None:
    embeddings, labels = two_classes()
    prior = EmbeddingPrior(2, 6, 3)
    prior.fit(embeddings, labels)
    normal = torch.randn(20000, 6, generator=torch.Generator().manual_seed(2))
    for label in range(2):
        chosen = embeddings[labels[:, label] > 0]
        drawn = prior.place(normal, torch.eye(2)[label].expand(20000, 2))
        torch.testing.assert_close(drawn.mean(0), chosen.mean(0), atol=0.05, rtol=0)
        torch.testing.assert_close(torch.cov(drawn.T), torch.cov(chosen.T), atol=0.1, rtol=0.05)


def test_no_label_is_the_gaussian_of_all_and_half_weights_lie_between() -> None:
    embeddings, labels = two_classes()
    prior = EmbeddingPrior(2, 6, 3)
    prior.fit(embeddings, labels)
    still = torch.zeros(1, 6)
    torch.testing.assert_close(prior.place(still, torch.zeros(1, 2))[0], embeddings.mean(0))
    ends = [prior.place(still, torch.eye(2)[i][None]) for i in range(2)]
    torch.testing.assert_close(prior.place(still, torch.tensor([[0.5, 0.5]])), (ends[0] + ends[1]) / 2)


def test_rare_labels() -> None:
    """One embedding of a label: its mean, no spread. None: the Gaussian of all."""
    embeddings = torch.randn(5, 4, generator=torch.Generator().manual_seed(3))
    labels = torch.tensor([[1.0, 0.0]] + [[0.0, 0.0]] * 4)
    prior = EmbeddingPrior(2, 4, 2)
    prior.fit(embeddings, labels)
    normal = torch.randn(3, 4, generator=torch.Generator().manual_seed(4))
    once = prior.place(normal, torch.tensor([[1.0, 0.0]]).expand(3, 2))
    torch.testing.assert_close(once, embeddings[:1].expand(3, 4))
    assert torch.equal(
        prior.place(normal, torch.tensor([[0.0, 1.0]]).expand(3, 2)), prior.place(normal, torch.zeros(3, 2))
    )


def test_what_cannot_be_fitted_is_refused() -> None:
    prior = EmbeddingPrior(1, 4, 2)
    with pytest.raises(ShapeError, match="embeddings must be"):
        prior.fit(torch.zeros(1, 4), torch.zeros(1, 1))
    with pytest.raises(ShapeError, match="labels must be"):
        prior.fit(torch.zeros(3, 4), torch.zeros(3, 2))
    with pytest.raises(ArgumentError, match="finite"):
        prior.fit(torch.full((3, 4), math.nan), torch.zeros(3, 1))


def test_a_temporal_model_draws_from_its_fitted_prior_and_saves_it() -> None:
    config = TemporalConfig(latent_dim=3, frames=4, embedding_dim=6, encoder_width=8, decoder_width=8, prior_rank=2)
    model = TemporalVAE(config)
    nothing = torch.zeros(2, 0)
    before = model.sample(2, nothing, 4, torch.Generator().manual_seed(0))
    model.prior.fit(torch.full((3, 6), 2.0), torch.zeros(3, 0))
    after = model.sample(2, nothing, 4, torch.Generator().manual_seed(0))
    assert not torch.equal(before, after)
    torch.testing.assert_close(after[0], after[1])  # embeddings without any spread: one sound
    again = TemporalVAE(config)
    again.load_state_dict(model.state_dict())
    assert torch.equal(again.sample(2, nothing, 4, torch.Generator().manual_seed(0)), after)
