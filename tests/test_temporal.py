"""The temporal embedding: series of grain latents to one vector and back."""

import dataclasses
import json

import pytest
import torch
from torch.testing import assert_close

from lgr.errors import ArgumentError, ShapeError
from lgr.models.granular.temporal import TemporalConfig, TemporalVAE, clocks

CONFIG = TemporalConfig(
    latent_dim=5, frames=12, embedding_dim=7, encoder_width=11, decoder_width=9, labels=("kick", "snare")
)


def made(config: TemporalConfig = CONFIG) -> TemporalVAE:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return TemporalVAE(config)


def series(batch: int = 3, frames: int = 12) -> torch.Tensor:
    generator = torch.Generator().manual_seed(batch)
    return torch.randn(batch, frames, 5, generator=generator)


@pytest.mark.parametrize("frames", [1, 2, 12, 40])
def test_shapes(frames: int) -> None:
    vae, labels = made(), torch.eye(2)[[0, 1, 0]]
    q = vae.posterior(series(frames=frames), labels)
    assert q.mean.shape == q.log_variance.shape == (3, 7)
    assert vae.render(q.mean, labels, frames).shape == (3, frames, 5)


def test_without_labels() -> None:
    vae = made(dataclasses.replace(CONFIG, labels=()))
    q = vae.posterior(series(), torch.zeros(3, 0))
    assert vae.render(q.mean, torch.zeros(3, 0), 4).shape == (3, 4, 5)


def test_an_item_does_not_depend_on_its_batch() -> None:
    vae, labels = made(), torch.eye(2)[[0, 1, 0]]
    q = vae.posterior(series(), labels)
    alone = vae.posterior(series()[1:2], labels[1:2])
    assert_close(alone.mean[0], q.mean[1])
    assert_close(vae.render(alone.mean, labels[1:2], 12)[0], vae.render(q.mean, labels, 12)[1])


def test_a_series_begins_alike_whatever_its_length() -> None:
    vae, e, labels = made(), torch.randn(2, 7, generator=torch.Generator().manual_seed(0)), torch.eye(2)
    assert_close(vae.render(e, labels, 30)[:, :11], vae.render(e, labels, 11))


def test_samples_are_the_seeds_and_the_labels() -> None:
    vae, labels = made(), torch.eye(2)[[0, 0, 0, 0]]

    def draw(seed: int, n: int = 4) -> torch.Tensor:
        return vae.sample(n, labels[:n], 12, torch.Generator().manual_seed(seed))

    assert torch.equal(draw(1), draw(1))
    assert_close(draw(1, n=2), draw(1)[:2])
    assert (draw(1) - draw(2)).abs().amax((1, 2)).min() > 1e-3
    assert (draw(1)[0] - draw(1)[1]).abs().max() > 1e-3
    other = vae.sample(4, torch.eye(2)[[1, 1, 1, 1]], 12, torch.Generator().manual_seed(1))
    assert (other - draw(1)).abs().amax((1, 2)).min() > 1e-3


def test_latents_are_normalised_inside() -> None:
    vae, labels = made(), torch.eye(2)[[0, 1, 0]]
    x, scale, shift = series(), torch.tensor([0.1, 1.0, 3.0, 50.0, 2.0]), torch.arange(5.0)
    plain = vae.posterior(x, labels).mean
    rendered = vae.render(plain, labels, 12)
    vae.set_statistics(shift, scale)
    assert_close(vae.denormalise(vae.normalise(x)), x)
    # The same series in other units has the same embedding, which plays it in those units.
    assert_close(vae.posterior(x * scale + shift, labels).mean, plain, rtol=1e-4, atol=1e-5)
    assert_close(vae.render(plain, labels, 12), rendered * scale + shift)


def test_statistics_travel_with_the_weights() -> None:
    vae = made()
    vae.set_statistics(torch.arange(5.0), torch.tensor([0.0, 1.0, 2.0, 3.0, 4.0]))
    other = TemporalVAE(CONFIG)
    other.load_state_dict(vae.state_dict())
    assert torch.equal(other.mean, torch.arange(5.0))
    assert other.std[0] > 0  # a dimension that never varies is not divided by zero
    assert torch.isfinite(other.normalise(series())).all()


def test_config_survives_json() -> None:
    assert TemporalConfig(**json.loads(json.dumps(dataclasses.asdict(CONFIG)))) == CONFIG


def test_clocks_tell_the_first_frames_apart() -> None:
    times = clocks(64)
    assert times.shape[0] == 64
    assert torch.cdist(times, times).add(torch.eye(64) * 9).min() > 0.1
    assert times.abs().max() <= 1.0


def test_gradients_reach_every_parameter() -> None:
    vae, labels = made(), torch.eye(2)[[0, 1, 0]]
    q = vae.posterior(series(), labels)
    e = q.sample(torch.Generator().manual_seed(0))
    vae.render(e, labels, 12).square().mean().backward()
    for name, parameter in vae.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_it_learns_a_series_by_heart() -> None:
    vae, labels, x = made(), torch.eye(2), series(2, 6)
    optimiser = torch.optim.Adam(vae.parameters(), lr=2e-2)

    def error() -> torch.Tensor:
        return (vae.render(vae.posterior(x, labels).mean, labels, 6) - x).square().mean()

    before = float(error().detach())
    for _ in range(150):
        optimiser.zero_grad()
        loss = error()
        loss.backward()
        optimiser.step()
    assert float(error().detach()) < 0.05 * before


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda v: v.posterior(torch.zeros(1, 3, 4), torch.zeros(1, 2)), ShapeError, "series must be .* got .1, 3, 4."),
        (lambda v: v.posterior(torch.zeros(1, 0, 5), torch.zeros(1, 2)), ShapeError, "frames >= 1"),
        (lambda v: v.posterior(torch.zeros(2, 3, 5), torch.zeros(1, 2)), ShapeError, "labels must be"),
        (lambda v: v.render(torch.zeros(1, 6), torch.zeros(1, 2), 3), ShapeError, "embedding must be"),
        (lambda v: v.render(torch.zeros(1, 7), torch.zeros(1, 3), 3), ShapeError, "labels must be"),
        (lambda v: v.render(torch.zeros(1, 7), torch.zeros(1, 2), 0), ArgumentError, "frames must be >= 1, got 0"),
        (lambda v: v.sample(0, torch.zeros(0, 2), 3, torch.Generator()), ArgumentError, "n must be >= 1, got 0"),
        (lambda v: v.set_statistics(torch.zeros(4), torch.ones(5)), ShapeError, "mean must be"),
        (lambda v: v.set_statistics(torch.zeros(5), -torch.ones(5)), ArgumentError, "finite"),
    ],
)
def test_bad_arguments_are_named(call, kind, message) -> None:
    with pytest.raises(kind, match=message):
        call(made())


@pytest.mark.parametrize(
    ("change", "message"),
    [({"frames": 0}, "frames must be"), ({"labels": ("a", "a")}, "labels must be different")],
)
def test_bad_config(change: dict[str, object], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        TemporalConfig(**change)
